"""What captions say and views show, and captions with one word put wrong: false by the scene's data, and visibly so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import RandomState

from ganwidgets.world.captions import ORDERS, STYLES, VISIBLE, caption, middles, view_of, worded
from ganwidgets.world.facts import (
    COLORED,
    COLORS,
    CONCEPT_OF,
    FIRST_COLOR,
    FIRST_SETTING,
    HUES,
    apart,
    false,
    pairs_in,
    said,
    shown,
    true_colors,
    words_of,
)
from ganwidgets.world.scenes import CONCEPT_NAMES, scene
from ganwidgets.world.swaps import KINDS, put, swaps
from ganwidgets.world.words import COUNTS

WHOLE = (0.0, 0.0, 1.0, 1.0)
CROP = (0.2, 0.2, 0.85, 0.85)
SEEDS = range(3_000_000, 3_000_160)


def view(seed, crop=WHOLE):
    return view_of(scene(seed), crop, RandomState(seed))


@pytest.fixture(scope="module")
def swapped():
    """(view, caption, kind, the caption with one word put wrong) of many scenes and crops."""
    found = []
    for seed in SEEDS:
        for crop in (WHOLE, CROP):
            here, random = view(seed, crop), RandomState(seed + 1)
            text = worded(here, (*STYLES, *ORDERS)[seed % 8])
            found += [(here, text, kind, twin) for kind, twin in swaps(text, here, random).items()]
    return found


@pytest.mark.parametrize(("text", "pairs"), [
    ("a white church with a blue cupola", {("white", "church"), ("blue", "dome")}), ("two red barns", {("red", "barn")}),
    ("brown picket fences", {("brown", "fence")}), ("on a grey winter day", set()),
    ("a grey roof on a grey day", {("grey", "roof")})])
def test_colours_are_read_with_their_things(text, pairs):
    assert pairs_in(text) == pairs


def test_what_a_text_says():
    found = said("A white chapel and two trees on a foggy autumn morning")
    assert {name for name, value in zip(CONCEPT_NAMES, found[:FIRST_COLOR], strict=True) if value == 1} == {"church", "tree"}
    assert COLORS[found[FIRST_COLOR + COLORED.index("church")]] == "white" and (found[FIRST_COLOR:FIRST_SETTING] >= 0).sum() == 1
    assert found[FIRST_SETTING:].tolist() == [2, 1, 2]
    assert (said("you can see it") == -1).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2 ** 32 - 1), st.sampled_from([WHOLE, CROP, (0.0, 0.5, 0.6, 1.0)]), st.sampled_from([*STYLES, *ORDERS]))
def test_a_caption_is_not_false_of_its_own_view(seed, crop, style):
    here = view(seed, crop)
    assert not false(said(worded(here, style))[None], shown(here)[None]).any()


def test_captions_are_mostly_false_of_other_scenes_and_never_where_all_that_they_say_is_there():
    views = [view(seed) for seed in SEEDS[:60]]
    texts = [caption(seed, style="plain") for seed in SEEDS[:60]]
    found = false(np.stack([said(text) for text in texts]), np.stack([shown(each) for each in views]))
    assert found[~np.eye(60, dtype=bool)].mean() > 0.8
    for (row, column), wrong in np.ndenumerate(found):
        if wrong and not pairs_in(texts[row]) and not (said(texts[row])[FIRST_SETTING:] >= 0).any():
            named = {CONCEPT_OF[word] for word in words_of(texts[row]) if word in CONCEPT_OF}
            assert any(not views[column].masks[name].any() for name in named)


@pytest.mark.parametrize("order", sorted(ORDERS))
def test_orders_speak_and_differ_from_styles(order):
    texts = [caption(seed, style=order) for seed in SEEDS[:30]]
    assert len(set(texts)) > 15 and texts == [caption(seed, style=order) for seed in SEEDS[:30]]
    plain = {caption(seed, style=style, seed=wording) for seed in SEEDS[:30] for style in STYLES for wording in range(4)}
    assert len(set(texts) & plain) <= 2


def test_every_kind_is_put_wrong_often(swapped):
    assert {kind for _, _, kind, _ in swapped} == set(KINDS)
    assert min(sum(kind == each for _, _, kind, _ in swapped) for each in KINDS) >= 5


def test_one_word_differs_and_articles_fit(swapped):
    for _, text, _, twin in swapped:
        pairs = list(zip(words_of(text), words_of(twin), strict=True))
        assert sum(one != other for one, other in pairs if {one, other} - {"a", "an"}) == 1, (text, twin)
        assert "a orange" not in twin and "an red" not in twin and "a autumn" not in twin


def test_what_was_put_in_is_false_and_what_it_replaced_is_visible(swapped):
    for here, text, kind, twin in swapped:
        place, = (at for at, (one, other) in enumerate(zip(words_of(text), words_of(twin), strict=True))
                  if one != other and {one, other} - {"a", "an"})
        if kind == "concept":
            old, new = (CONCEPT_OF[words_of(each)[place]] for each in (text, twin))
            assert here.shares[old] >= VISIBLE and not here.masks[new].any()
        elif kind == "color":
            (color, name), = pairs_in(twin) - pairs_in(text)
            assert here.shares[name] >= VISIBLE and color in HUES[name]
            assert all(apart(rgb, color) for rgb in true_colors(here, name))
        elif kind == "count":
            numbers = {word: number for number, word in COUNTS.items()}
            name = next(CONCEPT_OF[word] for word in words_of(twin)[place:] if word in CONCEPT_OF)
            assert here.shares[name] >= VISIBLE and numbers[words_of(twin)[place]] != len(middles(here, name))
        elif kind == "side":
            assert {words_of(text)[place], words_of(twin)[place]} == {"left", "right"}
        else:
            assert false(said(twin)[None], shown(here)[None]).all(), (kind, text, twin)


def test_a_word_is_put_in_its_place():
    assert put("Look: a red barn, a red roof.", 2, "orange") == "Look: an orange barn, a red roof."
    assert put("on an autumn night", 2, "spring") == "on a spring night"
