"""Collages: reproducible, with masks that say exactly what was pasted where."""

import numpy as np
import pytest
from numpy.random import RandomState

from ganwidgets.core.errors import ArgumentError, SeedError
from ganwidgets.world.collages import CUTS, collage, cut, jpeg, paste, recolored, worn
from ganwidgets.world.render import render
from ganwidgets.world.scenes import CONCEPT_NAMES


def test_a_collage_is_made_by_its_seed():
    first, again, other = collage(3), collage(3), collage(4)
    assert (first.picture == again.picture).all()
    assert (first.masks == again.masks).all()
    assert (first.picture != other.picture).any()


@pytest.mark.parametrize("size", [32, 64, 96])
def test_shapes_are_those_of_a_render(size):
    one = collage(1, size)
    assert one.picture.shape == (size, size, 3)
    assert one.picture.dtype == np.uint8
    assert one.masks.shape == (len(CONCEPT_NAMES), size, size)
    assert one.masks.dtype == bool


def test_bad_seeds_and_sizes_are_refused():
    with pytest.raises(SeedError):
        collage(-1)
    with pytest.raises(ArgumentError):
        collage(0, 3)


def test_every_concept_can_be_cut():
    assert set(CUTS) == set(CONCEPT_NAMES)


def test_a_piece_is_connected_and_holds_its_own_concept_everywhere():
    random, found = RandomState(0), 0
    for _ in range(12):
        piece = cut(random, 64)
        if piece is None:
            continue
        found += 1
        assert piece.picture.shape[:2] == piece.holds.shape == piece.masks.shape[1:]
        assert (piece.masks.any(0) == piece.holds).all()
        assert any((mask == piece.holds).all() for mask in piece.masks)
        assert piece.holds.any(0).all() or piece.holds.any(1).all()
    assert found >= 10


def test_pasting_replaces_pixels_and_concepts_together_and_nothing_else():
    base, random = render(0), RandomState(5)
    for _ in range(8):
        piece = cut(random, 64)
        if piece is None:
            continue
        picture, masks = base.picture.copy(), np.zeros_like(base.masks)
        paste(random, piece, picture, masks)
        changed = (picture != base.picture).any(-1)
        assert not (changed & ~masks.any(0)).any()
        assert masks.any(0).sum() <= piece.holds.sum()


def test_doors_appear_out_of_context():
    """Some doors of collages belong to no building and hang in the sky: above them, only sky."""
    index = {name: i for i, name in enumerate(CONCEPT_NAMES)}
    loose = 0
    for seed in range(60):
        masks = collage(seed, 48).masks
        homes = masks[index["house"]] | masks[index["church"]] | masks[index["barn"]]
        loose += (masks[index["door"]] & ~homes).sum() > 10
    assert loose >= 3


def test_wear_keeps_shape_and_type_and_the_original():
    original = render(2).picture
    kept = original.copy()
    for seed in range(20):
        out = worn(RandomState(seed), original)
        assert out.shape == original.shape
        assert out.dtype == np.uint8
    assert (original == kept).all()
    assert np.abs(jpeg(original, 90).astype(int) - original).mean() < 6
    assert recolored(RandomState(1), original[:3, :5], 20).shape == (3, 5, 3)
