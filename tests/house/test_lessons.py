"""The lessons: their form, the students' copies, and how the command writes them."""

import json
import re

import nbclient
import nbformat
import pytest
import torch
from safetensors.torch import load_file

import ganwidgets as gw
from ganwidgets import cli
from ganwidgets.core.errors import NameLookupError
from ganwidgets.lessons import lesson, lesson_file, lessons, source, tags, write_lesson

LESSONS = lessons()
each_lesson = pytest.mark.parametrize("one", LESSONS, ids=lambda one: one.path.stem)


def code_of(cells):
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_they_are_numbered_from_one():
    assert [one.number for one in LESSONS] == list(range(1, len(LESSONS) + 1)) and len(LESSONS) >= 3


@each_lesson
def test_a_lesson_says_its_minutes_and_asks_for_predictions(one):
    assert 5 <= one.minutes <= 60 and one.title
    assert any("predict" in source(cell).lower() for cell in one.book["cells"] if cell["cell_type"] == "markdown")


@each_lesson
def test_each_turn_is_followed_by_a_folded_solution_and_a_check(one):
    cells = one.book["cells"]
    turns = [place for place, cell in enumerate(cells) if "turn" in tags(cell)]
    assert len(turns) >= 2 and len([cell for cell in cells if "solution" in tags(cell)]) == len(turns)
    for place in turns:
        turn, solution, check = cells[place:place + 3]
        assert "# your turn" in source(turn)
        assert "solution" in tags(solution) and "gw.check(" in source(check) and "hint=" in source(check)
        assert solution["metadata"]["jupyter"]["source_hidden"] is True and solution["metadata"]["cellView"] == "form"


@each_lesson
def test_a_student_has_no_solution(one, tmp_path):
    path = write_lesson(one.number, tmp_path, student=True)
    book = nbformat.read(path, 4)
    nbformat.validate(book)
    text = path.read_text(encoding="utf-8")
    # a turn may name the method to use, in a comment: that is meant
    offered = "".join(source(cell) for cell in one.book["cells"] if "turn" in tags(cell))
    solutions = [source(cell) for cell in one.book["cells"] if "solution" in tags(cell)]
    lines = [line for each in solutions for line in each.splitlines() if f"# {line}" not in offered]
    assert lines and not [line for line in lines if json.dumps(line)[1:-1] in text]
    assert len(book.cells) == len(one.book["cells"]) and not any("solution" in tags(cell) for cell in book.cells)
    assert text.count("teacher's copy") == len(solutions)


@pytest.mark.slow
@each_lesson
def test_a_students_copy_runs_up_to_the_first_check_that_needs_an_answer(one, tmp_path):
    book = nbformat.read(write_lesson(one.number, tmp_path, student=True), 4)
    first = next(cell.id for place, cell in enumerate(book.cells) if "turn" in tags(book.cells[place - 2]))
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    stopped = [cell for cell in code_of(book.cells) if any(each.output_type == "error" for each in cell.outputs)]
    assert [cell.id for cell in stopped] == [first]
    (error,) = [each for each in stopped[0].outputs if each.output_type == "error"]
    assert error.ename == "AssertionError" and "ganwidgets/" not in "".join(error.traceback)
    said = "".join(each.data["text/plain"] for each in stopped[0].outputs if each.output_type == "display_data")
    assert "✗ not yet" in said and "hint: " in said


def test_an_unknown_lesson_or_file():
    with pytest.raises(NameLookupError, match="99"):
        lesson(99)
    with pytest.raises(NameLookupError, match="no file 'lesson-3-dcgn.safetensors' in the lessons; .*lesson-3-dcgan.safetensors"):
        lesson_file("lesson-3-dcgn.safetensors")


def test_the_net_that_lesson_3_keeps_is_small_and_opens_as_the_lesson_builds_it(tmp_path):
    path = lesson_file("lesson-3-dcgan.safetensors")
    assert path.stat().st_size <= 1e6 and "CC0" in path.with_suffix(".md").read_text()
    g = gw.load_checkpoint(path, "dcgan", device="cpu")
    assert [str(layer) for layer in g.layers] == ["main.2", "main.5", "main.8"] and g.image_size == 32
    source_of = {cell["id"]: source(cell) for cell in lesson(3).book["cells"]}
    held = {"torch": torch, "nn": torch.nn}
    exec(source_of["nets"], held)       # the classes that students see
    held["generator"].load_state_dict(load_file(path))
    with torch.no_grad():
        assert (held["generator"].eval()(g.sample([5]).z) - g.images(g.sample([5]))).abs().max() < 1e-4


def test_the_command_writes_lists_and_never_overwrites(tmp_path, capsys):
    assert cli.main(["lesson", "--list"]) == 0
    assert re.search(r"1\s+20 minutes\s+Paint with units", capsys.readouterr().out)
    out = ["--student", "--out", str(tmp_path / "new")]
    assert cli.main(["lesson", "1", *out]) == 0
    (path,) = (tmp_path / "new").iterdir()
    assert str(path) in capsys.readouterr().out
    path.write_text("my work")
    assert cli.main(["lesson", "1", *out]) == 2
    said = capsys.readouterr().err
    assert "is there already" in said and "--force" in said and path.read_text() == "my work"
    assert cli.main(["lesson", "1", "--force", *out]) == 0 and path.read_text() != "my work"
    assert cli.main(["lesson"]) == 2 and "--list" in capsys.readouterr().err
    assert cli.main(["lesson", "99"]) == 2 and "no lesson 99" in capsys.readouterr().err


def test_the_lab_opens_a_lesson_where_there_is_no_clone(tmp_path, monkeypatch, capsys):
    import subprocess

    seen = []
    monkeypatch.setattr(subprocess, "call", lambda command: seen.append(command) or 0)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab"]) == 0
    assert (tmp_path / cli.LESSON).is_file() and seen[0][-1] == cli.LESSON and cli.LESSON in capsys.readouterr().out
