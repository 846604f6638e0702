"""The grading of lessons: right answers hold, wrong ones never raise, and each failed attempt is told one hint more."""

import io
import sys
import types
import uuid
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import ganwidgets as gw
from ganwidgets.checks import check
from ganwidgets.core.errors import ArgumentError
from ganwidgets.world.render import render
from ganwidgets.world.scenes import CONCEPT_NAMES

ANYTHING = st.one_of(
    st.none(), st.just(...), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=9), st.complex_numbers(),
    st.lists(st.one_of(st.integers(), st.text(), st.none()), max_size=4), st.sets(st.integers(), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=3), st.just(object()),
    st.just(int), st.just(gw.Region.box(0, 0, 1, 1)),
    arrays.arrays(st.sampled_from([np.bool_, np.int64, np.float32]), arrays.array_shapes(max_dims=3, max_side=4)),
    st.just(torch.zeros(2, 3)), st.just(torch.tensor(3)), st.just(pd.Series([1, 2])), st.just(pd.DataFrame({"a": [1]})))
CRITERIA = st.sampled_from([
    {}, {"truth": 3}, {"truth": "tree"}, {"truth": True}, {"truth": {1, 2}}, {"truth": [1, 2]}, {"truth": {"a": 1}},
    {"truth": np.eye(3, dtype=bool)}, {"truth": np.arange(3.0)}, {"truth": torch.arange(3)}, {"at_least": 2}, {"at_most": 2},
    {"at_least": 1, "at_most": 2}, {"one_of": ["tree", 3]}])


class Spiteful:
    """An answer whose every method raises."""

    def _no(self, *_):
        raise RuntimeError("no")

    __bool__ = __eq__ = __float__ = __repr__ = __len__ = __iter__ = __hash__ = _no
    shape = property(_no)


def said(*args, **options):
    """What a call says in a terminal, and whether it holds; the question is a new one unless one is given."""
    held = io.StringIO()
    with redirect_stdout(held):
        found = check(options.pop("question", uuid.uuid4().hex), *args, **options)
    assert isinstance(found, bool)
    return found, held.getvalue()


@pytest.mark.parametrize("value, at_least, holds", [
    (True, None, True), (0, None, False), (3, 2, True), (2, 2, True), (1, 2, False), (float("nan"), 0, False)])
def test_check(value, at_least, holds, capsys):
    assert check("trees grow", value, at_least=at_least, hint="paint longer") is holds
    said = capsys.readouterr().out
    assert ("✓" in said) is holds
    assert ("paint longer" in said) is not holds


@pytest.mark.parametrize("answer, truth, options", [
    (3, 3, {}), (np.int64(3), 3, {}), (torch.tensor(3), 3.0, {}), (0.52, 0.5, {"tolerance": 0.05}), (" Tree ", "tree", {}),
    (np.True_, True, {}), ([5, 2], {2, 5}, {}), (np.array([2, 5, 5]), {2, 5}, {}), (pd.Series([1, 2]), [1, 2], {}),
    (torch.tensor([1.0, 2.0]), np.array([1.0, 2.01]), {"tolerance": 0.1}), (float("inf"), float("inf"), {}),
    ({"dot": 1, "block": torch.tensor(2)}, {"dot": 1, "block": 2}, {})])
def test_right_answers(answer, truth, options):
    found, words = said(answer, truth=truth, **options)
    assert found and words.startswith("✓")


@pytest.mark.parametrize("answer, truth, words", [
    (4, 3, "4 is not it"), ("3", 3, "without quotes"), (True, 1, "one number"), (1, True, "True or False"),
    (7, "tree", "in quotes"),
    ([2], {2, 5}, "1 of 2 are there"), ([2, 5, 9], {2, 5}, "1 that do not belong"), (5, {2, 5}, "square brackets"),
    ("25", {2, 5}, "square brackets"), ([1], [1, 2], "1 answer came; 2 answers"), ([2, 1], [1, 2], "0 of 2"),
    ({"dot": 1, "block": 3}, {"dot": 1, "block": 2}, "1 of 2 are right; look again at block"),
    ({"dot": 1, "zebra": 2}, {"dot": 1}, "not asked for: zebra"), ([1, 2], {"dot": 1}, "a dict is wanted"),
    (np.nan, 3, "nan is not it"), (np.zeros((3, 3)), 3, "shape (3, 3)"), (np.array([np.nan]), np.array([1.0]), "0 of 1")])
def test_wrong_answers_are_told_what_is_wrong(answer, truth, words):
    found, line = said(answer, truth=truth, hint="look again")
    assert not found and line.startswith("✗ not yet") and words in line and "hint: look again" in line


def test_what_is_said_does_not_tell_the_truth():
    for answer, truth in ((4, 371), ("cat", "zebra"), ([1], {371, 372}), ({"a": 1}, {"a": 371}), ([1, 2], [371, 372])):
        _, line = said(answer, truth=truth)
        assert "371" not in line and "zebra" not in line


@given(ANYTHING, CRITERIA)
def test_no_answer_raises(answer, criteria):
    found, line = said(answer, **criteria)
    assert line.startswith("✓" if found else "✗ not yet:") and len(line) < 400


@given(CRITERIA)
def test_an_object_that_raises_at_everything_is_only_wrong(criteria):
    found, line = said(Spiteful(), **criteria)
    assert not found and "Spiteful" in line


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_numbers_hold_from_the_least_to_the_most(number, low, high):
    assert said(number, at_least=low, at_most=high)[0] is (low <= number <= high)
    assert said(number, at_least=low)[0] is (low <= number) and said(number, at_most=high)[0] is (number <= high)


@given(st.integers(0, 10_000), st.sampled_from(CONCEPT_NAMES), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_masks_are_graded_by_the_truth_of_rendered_scenes(seed, concept, tolerance, noise):
    """The truth is the renderer's own mask, the answer that mask with every tenth pixel or so turned round."""
    truth = render(seed, size=32).masks[CONCEPT_NAMES.index(concept)]
    answer = truth ^ (np.random.RandomState(noise).rand(32, 32) < 0.1)
    either = (truth | answer).sum()
    iou = (truth & answer).sum() / either if either else 1.0
    assert said(answer, truth=truth, tolerance=tolerance)[0] is bool(iou >= 1 - tolerance)
    assert said(truth, truth=truth)[0] and said(gw.Region.from_mask(truth), truth=truth)[0]
    assert said(truth.astype(np.uint8), truth=truth)[0], "yes and no may be written 1 and 0"


def test_a_mask_of_another_size_and_one_that_is_none():
    truth = np.eye(4, dtype=bool)
    assert "4 x 4 pixels" in said(np.eye(3, dtype=bool), truth=truth)[1]
    assert "threshold" in said(np.eye(4) / 2, truth=truth)[1]
    assert "4 x 4 pixels" in said(7, truth=truth)[1]


def test_planted_units_are_a_truth():
    units = gw.testing.planted_generator().units
    assert said(dict(units), truth=units)[0]
    assert not said({name: unit + 1 for name, unit in units.items()}, truth=units)[0]


@pytest.mark.parametrize("answer", [None, ..., {"dot": ..., "block": None}, [...]])
def test_an_empty_answer_is_no_attempt(answer):
    question = uuid.uuid4().hex
    for _ in range(3):
        found, line = said(answer, question=question, truth=3, hint=["first", "second"], tries=1)
        assert not found and "no answer came yet" in line and "# your turn" in line
        assert "first" in line and "second" not in line and "the answer" not in line


def test_each_failed_attempt_shows_one_hint_more_until_it_is_right():
    question, hints = uuid.uuid4().hex, ["first", "second", "third"]
    lines = [said(wrong, question=question, truth=3, hint=hints)[1] for wrong in (1, 2, 4, 5)]
    shown = [[hint for hint in hints if hint in line] for line in lines]
    assert shown == [hints[:1], hints[:2], hints, hints]
    assert "hint" not in said(3, question=question, truth=3, hint=hints)[1]
    assert "second" not in said(1, question=question, truth=3, hint=hints)[1]
    assert "second" not in said(1, truth=3, hint=hints)[1], "another question has its own attempts"


@pytest.mark.parametrize("criteria, told", [
    ({"truth": 371}, "the answer: 371"), ({"one_of": ["zebra", "horse"]}, "the answer: one of 'zebra', 'horse'")])
def test_after_so_many_tries_the_truth_is_told(criteria, told):
    question = uuid.uuid4().hex
    lines = [said(0, question=question, tries=3, **criteria)[1] for _ in range(4)]
    assert [told in line for line in lines] == [False, False, True, True]


@pytest.mark.parametrize("options", [
    {"truth": 1, "one_of": [1]}, {"truth": 1, "at_least": 0}, {"at_least": "much"}, {"at_least": float("nan")}, {"tolerance": -1},
    {"one_of": []}, {"one_of": "tree"}, {"tries": 0}, {"tries": True}])
def test_a_question_that_cannot_be_asked(options):
    with pytest.raises(ArgumentError, match="came"):
        check("a question", 1, **options)


def test_a_number_just_below_is_shown_as_such():
    assert "0.39999" in said(0.39999, at_least=0.4)[1]


def notebook(monkeypatch):
    """IPython as in a notebook; what is displayed there."""
    shown = []
    fake = types.ModuleType("IPython")
    fake.get_ipython = object
    fake.display = types.ModuleType("IPython.display")
    fake.display.display = lambda bundle, raw: shown.append(bundle)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display)
    return shown


@pytest.mark.parametrize("answer, sign", [(3, "✓"), ("<script>alert(1)</script>", "✗")])
def test_a_notebook_shows_sign_and_colour_and_escapes_everything(answer, sign, monkeypatch):
    shown = notebook(monkeypatch)
    check("<b>how many?</b>", answer, truth=3, hint="<i>count</i>")
    (bundle,) = shown
    page = bundle["text/html"]
    assert sign in bundle["text/plain"] and sign in page and "#" in page
    assert "&lt;b&gt;how many?" in page
    assert not any(mark in page for mark in ("<b>", "<i>", "<script"))
    if sign == "✗":
        assert "&lt;i&gt;count" in page and "&lt;script" in page


def test_a_terminal_without_the_signs(monkeypatch):
    held = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", held)
    assert check("trees grow", True)
    held.seek(0)
    assert held.read().startswith("OK trees grow")
