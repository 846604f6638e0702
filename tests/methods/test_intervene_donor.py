"""A donor patch brings what it was cut from: the planted block comes where it is put, and a patch put back changes nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, LayerError, RegionError, SeedError, UnitError
from ganwidgets.core.regions import Region
from ganwidgets.methods.intervene import insertion
from ganwidgets.methods.intervene_donor import bounding_box, donor, moved
from ganwidgets.testing import check_edit

BLOCK, PICTURE = 1, 128


def block(planted, seed):
    """The mask of the block in a picture, and the box around it."""
    g = planted.generator
    mask = planted.segmenter.segment(g.images(g.sample([seed])))[0, BLOCK]
    return mask, bounding_box(Region.from_mask(mask.float()))


def elsewhere(box):
    """A box of the same size, in the corner of the picture that is further from it; whole cells of 64."""
    x0, y0, x1, y1 = box
    left, top = (0.0 if (low + high) / 2 > 0.5 else 1 - (high - low) for low, high in ((x0, x1), (y0, y1)))
    return left, top, left + x1 - x0, top + y1 - y0


@pytest.mark.parametrize("seed", [0, 3, 8])
def test_the_planted_block_comes_where_it_is_put(planted, seed):
    g, (_, box) = planted.generator, block(planted, seed)
    onto = elsewhere(box)
    edit = donor(g, seed, Region.box(*box), Region.box(*onto), layer=planted.layer, units=[planted.units["block"]])
    check_edit(edit, g)
    seen = insertion(g, planted.segmenter, "block", edit, Region.box(*onto), [20, 21, 22], progress=False)
    assert seen.after.min() > 0.99, "all of the box is the block"
    changed = edit.change(g.head(g.sample([20]), planted.layer).features)[0, planted.units["block"]]
    there, source = (tuple(slice(round(low * 64), round(high * 64)) for low, high in ((at[1], at[3]), (at[0], at[2])))
                     for at in (onto, box))
    wanted = g.head(g.sample([seed]), planted.layer).features[0, planted.units["block"]][source]
    assert torch.allclose(changed[there], wanted, atol=1e-4) and wanted.std() > 0.3, "cell by cell, where one level would be flat"


def test_a_mask_keeps_its_shape(planted):
    g, (_, box) = planted.generator, block(planted, 0)
    x0, y0, x1, y1 = (round(edge * PICTURE) for edge in box)
    half = np.zeros((PICTURE, PICTURE), np.float32)
    half[y0:y1, x0:x1] = np.tri(y1 - y0, x1 - x0) > 0
    edit = donor(g, 0, Region.from_mask(half), Region.box(*elsewhere(box)), layer=planted.layer, units=[planted.units["block"]])
    assert edit.region.area == pytest.approx(half.mean(), rel=0.1)


def test_a_patch_put_back_changes_nothing(planted, toy):
    for g, layer, part in ((planted.generator, "layer2", Region.box(0.25, 0.25, 0.75, 0.5)),
                           (toy, "second", Region.from_mask(np.eye(16))), (toy, "first", Region.box(0.1, 0, 0.7, 0.9))):
        latents = g.sample([5])
        edit = donor(g, latents, part, part, layer=layer)
        assert torch.allclose(edit.apply(g).images(latents), g.images(latents), atol=1e-4)
        other = donor(g, 6, part, part, layer=layer)
        assert not torch.allclose(other.apply(g).images(latents), g.images(latents), atol=1e-2)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_whole_cells_move_exactly(height, width, y, x, to_y, to_x):
    maps = torch.arange(64.0).reshape(1, 8, 8)
    box, onto = ((left / 8, top / 8, (left + width) / 8, (top + height) / 8) for left, top in ((x, y), (to_x, to_y)))
    got = moved(maps, box, onto, (8, 8))[0]
    assert torch.allclose(got[to_y:to_y + height, to_x:to_x + width], maps[0, y:y + height, x:x + width], atol=1e-3)


def test_bad_arguments_are_said(planted):
    g, part = planted.generator, Region.box(0, 0, 0.5, 0.5)
    for changed, error, words in (
        ({"source": g.sample([1, 2])}, ArgumentError, "2 came"), ({"source": -1}, SeedError, "-1"),
        ({"region": Region.from_mask(np.zeros((4, 4)))}, RegionError, "empty"),
        ({"layer": "attic"}, LayerError, "attic"), ({"units": [12]}, UnitError, "unit 12"),
    ):
        asked = {"source": 1, "region": part, "layer": "layer2", **changed}
        with pytest.raises(error, match=words):
            donor(g, asked.pop("source"), asked.pop("region"), part, **asked)
    assert isinstance(donor(g, 1, part, part, layer="layer1"), UnitEdit)
