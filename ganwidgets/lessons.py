"""The lessons: where they lie, and copies of them for students, without the solutions."""

import copy
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from ganwidgets.core.errors import ArgumentError, NameLookupError, one_of

# a wheel holds them beside this file, where setup.py has put them; a clone holds them in notebooks/
FOLDERS = (Path(__file__).parent / "notebooks", Path(__file__).parents[1] / "notebooks")
NOTE = "*(Here the teacher's copy has a solution. The next cell checks yours, and says what to try.)*"


@final
@dataclass(frozen=True)
class Lesson:
    """A lesson: its number, its file, and its notebook as JSON."""

    number: int
    path: Path
    book: dict[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """The heading of its first cell."""
        return source(self.book["cells"][0]).splitlines()[0].lstrip("# ").strip()

    @property
    def minutes(self) -> int:
        """How long it takes, as its first cell says; 0 where it does not."""
        found = re.search(r"\b(\d+) minutes\b", source(self.book["cells"][0]))
        return int(found[1]) if found else 0

    def student(self) -> dict[str, Any]:
        """The notebook without outputs, and with a note where a solution was."""
        book = copy.deepcopy(self.book)
        book["cells"] = [_note(cell) if "solution" in tags(cell) else _cleared(cell) for cell in book["cells"]]
        return book


def lessons() -> list[Lesson]:
    """All lessons, by their numbers. Errors: NameLookupError, if this installation has none."""
    for folder in FOLDERS:
        found = [Lesson(int(path.name[:2]), path, json.loads(path.read_text(encoding="utf-8")))
                 for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]
        if found:
            return found
    raise NameLookupError(f"this installation has no lessons: none lie in {FOLDERS[0]}; install ganwidgets again.")


def lesson(number: int) -> Lesson:
    """The lesson of that number. Errors: NameLookupError, listing those there are."""
    found = {each.number: each for each in lessons()}
    if number not in found:
        raise NameLookupError(one_of("lesson", number, found, where="ganwidgets"))
    return found[number]


def lesson_file(name: str) -> Path:
    """Where a file lies that a lesson needs, such as a net that was trained before. Errors: NameLookupError, listing those here."""
    found = {path.name: path for folder in reversed(FOLDERS) for path in (folder / "cache").glob("lesson-*")}
    if name not in found:
        raise NameLookupError(one_of("file", name, found, where="the lessons"))
    return found[name]


def write_lesson(number: int, folder: str | Path = ".", *, student: bool = False, force: bool = False) -> Path:
    """Write a lesson into a folder, for a student without its solutions; answers where.

    A file that is there already is somebody's work: it is overwritten only with `force`. Errors: NameLookupError,
    ArgumentError.
    """
    chosen = lesson(number)
    target = Path(folder) / chosen.path.name
    if target.exists() and not force:
        raise ArgumentError(f"{target} is there already, and was left as it is; give another folder, or --force to overwrite it.")
    book = chosen.student() if student else {**chosen.book, "cells": [_cleared(cell) for cell in chosen.book["cells"]]}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def source(cell: dict[str, Any]) -> str:
    """The text of a cell."""
    return "".join(cell["source"])


def tags(cell: dict[str, Any]) -> list[str]:
    """The tags of a cell: `turn` for what is to be filled in, `solution` for what fills it in."""
    return list(cell["metadata"].get("tags", []))


def _note(cell: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": [NOTE], "id": cell["id"]}


def _cleared(cell: dict[str, Any]) -> dict[str, Any]:
    return cell if cell["cell_type"] != "code" else {**cell, "outputs": [], "execution_count": None}
