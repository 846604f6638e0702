"""The world is the same everywhere, exact in its masks, varied in its places, and says what is wrong with a request."""

import hashlib
import time

import numpy as np
import pytest

from ganwidgets.core.errors import ArgumentError, ConceptError, RegionError, SeedError
from ganwidgets.world.captions import caption
from ganwidgets.world.collages import collage
from ganwidgets.world.render import picture, pictures, render
from ganwidgets.world.scenes import CONCEPT_NAMES, PLACES, scene

SEEDS = range(40_000, 40_300)


@pytest.fixture(scope="module")
def rendered():
    return [render(seed, 64) for seed in SEEDS]


@pytest.fixture(scope="module")
def masks(rendered):
    return np.stack([one.masks for one in rendered])


def test_pictures_are_the_same_on_every_machine():
    drawn = [render(seed, 64) for seed in (0, 1, 2, 77, 2**32 - 1)]
    content = hashlib.sha256(b"".join(one.picture.tobytes() + np.packbits(one.masks).tobytes() for one in drawn))
    assert content.hexdigest() == (
        "ea4fe697e42c3f4297d583cfa9ed176ddbfa87b263e6cafa148840f81233e97f")


def test_a_picture_is_that_of_its_render_and_of_its_scene():
    assert np.array_equal(picture(5), render(scene(5)).picture)
    assert np.array_equal(pictures([5, 6])[1], picture(6))


def test_the_same_scene_at_another_size():
    small, large = picture(9, 64).astype(float), picture(9, 128).reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(small - large).mean() < 6 < np.abs(small - picture(10, 64)).mean()


def test_every_concept_is_drawn_often_and_large_enough(masks):
    shares = masks.mean((2, 3))
    seen = (shares > 0.002).mean(0)
    rare = {name: round(float(seen[place]), 3) for place, name in enumerate(CONCEPT_NAMES) if seen[place] < 0.05}
    assert not rare
    common = {name: seen[CONCEPT_NAMES.index(name)] for name in ("tree", "cloud", "window", "wall", "roof")}
    assert min(common.values()) >= 0.25, common


def test_masks_nest_as_the_parts_do(masks):
    at = {name: masks[:, place] for place, name in enumerate(CONCEPT_NAMES)}
    building = at["house"] | at["church"] | at["barn"]
    for part in ("wall", "roof", "window", "door", "chimney", "tower", "dome"):
        assert not (at[part] & ~building).any(), part
    assert not (at["trunk"] & ~at["tree"]).any()
    assert not (at["window"] & at["wall"]).any()


def test_buildings_fit_a_small_net(masks):
    for name, least in (("house", 0.28), ("church", 0.28)):
        columns = masks[:, CONCEPT_NAMES.index(name)].any(1)
        widths = np.array([np.flatnonzero(row)[-1] - np.flatnonzero(row)[0] + 1 for row in columns if row.any()]) / 64
        assert np.median(widths) > least and widths.max() < 0.75, name


def test_no_fixed_mask_finds_the_concepts():
    """The hundredth of the cells where a concept is most often, as a mask for other pictures: its IoU stays under .04."""
    masks = np.stack([render(seed).masks for seed in range(50_000, 51_000)])
    found = {}
    for place, name in enumerate(CONCEPT_NAMES):
        often = masks[::2, place].mean(0)
        constant, others = often >= np.sort(often.ravel())[-41], masks[1::2, place]
        both = (others & constant).sum()
        found[name] = round(float(both / (others.sum() + constant.sum() * len(others) - both)), 4)
    assert sum(iou < 0.04 for iou in found.values()) >= 15, found


def test_places_come_in_equal_shares():
    places = [scene(seed).place for seed in range(3000)]
    assert all(abs(places.count(place) / 3000 - 1 / 6) < 0.03 for place in PLACES)


@pytest.mark.parametrize("name", ["tree", "cloud", "window", "water", "fence"])
def test_leaving_a_concept_out_leaves_the_rest(name):
    place = CONCEPT_NAMES.index(name)
    checked = 0
    for seed in range(60):
        whole, less = render(seed), render(scene(seed, without=[name]))
        if not whole.masks[place].any():
            continue
        checked += 1
        assert not less.masks[place].any()
        changed = (whole.picture.astype(int) - less.picture).any(-1)
        assert changed.mean() < max(0.03, 2.5 * whole.masks[place].mean()), seed
    assert checked >= 3


def test_thinning_keeps_a_concept_by_chance_and_by_seed():
    kept = [("tree" not in scene(seed, thin={"tree": 0.3}).without) for seed in range(400)]
    assert 0.2 < np.mean(kept) < 0.4
    assert kept == [("tree" not in scene(seed, thin={"tree": 0.3}).without) for seed in range(400)]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "3", None, True])
def test_a_bad_seed_is_named(seed):
    with pytest.raises(SeedError, match="4294967295"):
        scene(seed)


@pytest.mark.parametrize(("act", "error"), [
    (lambda: scene(0, without=["castle"]), ConceptError), (lambda: scene(0, thin={"castle": 0.5}), ConceptError),
    (lambda: scene(0, thin={"tree": 2}), ArgumentError), (lambda: picture(0, 8), ArgumentError),
    (lambda: picture(0, 64.5), ArgumentError), (lambda: caption(0, crop=(0, 0, 2, 1)), RegionError),
])
def test_bad_requests_are_named(act, error):
    with pytest.raises(error):
        act()


def test_a_picture_takes_a_few_milliseconds():
    picture(0, 128)
    began = time.process_time()
    for seed in range(40):
        picture(seed, 128)
    assert (time.process_time() - began) / 40 < 0.03  # 6 ms on an idle core; tests share theirs


def test_captions_are_varied_and_repeatable():
    said = [caption(seed) for seed in range(200)]
    assert len(set(said)) > 150 and said[:5] == [caption(seed) for seed in range(5)]
    assert len({caption(3, seed=n) for n in range(20)}) > 5


@pytest.mark.parametrize(("word", "name"), [("moon", "moon"), ("fence", "fence"), ("bush", "bush")])
def test_a_caption_names_only_what_is_visible(word, name, rendered):
    place, named = CONCEPT_NAMES.index(name), 0
    for seed, one in zip(SEEDS, rendered, strict=True):
        for number in range(2):
            if word in caption(seed, seed=number).split():
                named += 1
                assert one.masks[place].mean() > 0.004, (seed, caption(seed, seed=number))
    assert named >= 1


def test_a_crop_has_a_caption_of_its_own(rendered):
    sky = 0
    for seed, one in zip(SEEDS[:60], rendered, strict=False):
        top = one.masks[:, :6]
        words = caption(seed, crop=(0, 0, 1, 6 / 64)).split()
        if "door" in words or "path" in words:
            assert top[CONCEPT_NAMES.index("door")].any() or top[CONCEPT_NAMES.index("path")].any()
        sky += "sky" in words or "cloud" in words or "clouds" in words
    assert sky > 5


def test_collages_put_objects_out_of_context_with_exact_masks():
    made = [collage(seed) for seed in range(60)]
    assert all(one.picture.shape == (64, 64, 3) and one.masks.shape == (len(CONCEPT_NAMES), 64, 64) for one in made)
    assert np.array_equal(made[7].picture, collage(7).picture)
    door = np.stack([one.masks[CONCEPT_NAMES.index("door")] for one in made]).any((1, 2)).mean()
    assert door > 0.15
    plain = np.stack([render(seed).masks[CONCEPT_NAMES.index("door")] for seed in range(200)])
    high = np.stack([one.masks[CONCEPT_NAMES.index("door"), :20] for one in made]).any()
    assert high and not plain[:, :12].any()
