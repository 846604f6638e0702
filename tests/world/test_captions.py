"""Captions: varied, reproducible, and true of what the picture shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganwidgets.core.errors import ArgumentError, RegionError, SeedError
from ganwidgets.world.captions import STYLES, VISIBLE, caption
from ganwidgets.world.render import render
from ganwidgets.world.scenes import CONCEPT_NAMES, scene
from ganwidgets.world.words import SYNONYMS, color_name, concepts_in, listed, plural

CORNERS = st.tuples(st.floats(0, .6), st.floats(0, .6), st.floats(.2, .4), st.floats(.2, .4))


def visible(seed, crop=(0, 0, 1, 1), **scene_kw) -> set[str]:
    x0, y0, x1, y1 = (round(value * 64) for value in crop)
    masks = render(scene(seed, **scene_kw)).masks[:, y0:y1, x0:x1]
    return {name for name, mask in zip(CONCEPT_NAMES, masks, strict=True) if mask.mean() >= VISIBLE}


@settings(max_examples=70, deadline=None, derandomize=True)
@given(st.integers(0, 2 ** 32 - 1), st.integers(0, 50))
def test_a_caption_names_only_what_is_visible(seed, wording):
    assert concepts_in(caption(seed, seed=wording)) <= visible(seed)


@settings(max_examples=70, deadline=None, derandomize=True)
@given(st.integers(0, 2 ** 32 - 1), CORNERS, st.integers(0, 50))
def test_a_crop_is_captioned_by_what_it_shows(seed, corner, wording):
    x, y, width, height = corner
    crop = (x, y, x + width, y + height)
    assert concepts_in(caption(seed, crop=crop, seed=wording)) <= visible(seed, crop)


@pytest.mark.parametrize("gone", ["tree", "house", "snow", "roof", "sky"])
def test_what_was_left_out_is_never_named(gone):
    for seed in range(30):
        said = concepts_in(caption(scene(seed, without=[gone]), seed=seed))
        assert gone not in said
        assert said <= visible(seed, without=[gone])


def test_nothing_to_see_still_has_a_caption():
    bare = scene(0, without=CONCEPT_NAMES)
    assert {caption(bare, style=style) for style in STYLES if style != "list"}
    assert not concepts_in(caption(bare))


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_style_speaks(style):
    texts = [caption(seed, style=style) for seed in range(25)]
    assert all(texts)
    assert len(set(texts)) > 12
    assert texts == [caption(seed, style=style) for seed in range(25)]


def test_another_seed_words_it_otherwise():
    assert len({caption(11, seed=wording) for wording in range(30)}) > 20


def test_hours_and_seasons_are_those_of_the_scene():
    for seed in range(80):
        it, words = scene(seed), caption(seed, style="plain").replace(",", "").split()
        for season in ("spring", "summer", "autumn", "winter"):
            assert season not in words or season == it.season
        assert not {"night", "dark"} & set(words) or it.hour == "night"
        assert "sunset" not in words or it.hour == "sunset"


def test_sides_agree_with_the_masks(mask_of):
    checked = 0
    for seed in range(60):
        text = caption(seed, style="sides")
        if " to the left of " not in text and " to the right of " not in text:
            continue
        side = "left" if " to the left of " in text else "right"
        here, there = (concepts_in(part) for part in text.split(f" to the {side} of "))
        one = render(seed)
        subject = next((name for name in ("house", "church", "barn") if name in here), None)
        if subject is None or len(there) != 1:
            continue
        first, second = (np.nonzero(mask_of(one, name))[1].mean() for name in (subject, *there))
        assert (first < second) == (side == "left")
        checked += 1
    assert checked > 5


@pytest.mark.parametrize("crop", [(0, 0, 0, 1), (.5, .5, .4, .9), (-.2, 0, 1, 1), (0, 0, 1, 1.4), (.5, .5, .501, .501)])
def test_a_bad_crop_is_refused(crop):
    with pytest.raises(RegionError, match="no crop"):
        caption(0, crop=crop)


def test_a_bad_style_or_seed_is_refused():
    with pytest.raises(ArgumentError, match="no style 'sonnet'"):
        caption(0, style="sonnet")
    with pytest.raises(SeedError):
        caption(-3)


def test_no_word_belongs_to_two_concepts():
    words = [word.split()[-1] for names in SYNONYMS.values() for word in {w.split()[-1] for w in names}]
    assert len(words) == len(set(words))
    assert set(SYNONYMS) == set(CONCEPT_NAMES)


def test_words_are_found_in_any_number():
    assert concepts_in("Two white churches with steeples, near bushes.") == {"church", "tower", "bush"}
    assert concepts_in("a day without anything") == frozenset()
    assert plural("church") == "churches"
    assert listed(["a", "b", "c"]) == "a, b and c"


@pytest.mark.parametrize(("color", "name"), [
    ((250, 250, 250), "white"), ((180, 50, 45), "red"), ((60, 140, 60), "green"), ((60, 100, 170), "blue"),
    ((120, 70, 45), "brown"), ((72, 82, 96), "grey"), ((164, 74, 80), "red")])
def test_colours_have_plain_names(color, name):
    assert color_name(color) == name
