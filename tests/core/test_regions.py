"""Regions reach every grid as they should, whatever came first, and what is no region is named."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ganwidgets.core.errors import EditError, RegionError
from ganwidgets.core.regions import Region, random_square
from ganwidgets.core.texts import tensor_from_text, tensor_to_text

masks = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.floats(0, 1, width=32))
sides = st.integers(1, 17)


def brute_force(mask, height, width, how):
    """Each cell by its definition, pixel by pixel."""
    rows, columns = mask.shape
    answer = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            total, most = 0.0, 0.0
            for y in range(rows):
                for x in range(columns):
                    # in units of 1 / (height * rows): whole numbers, so that touching is told from overlapping
                    down = min((i + 1) * rows, (y + 1) * height) - max(i * rows, y * height)
                    across = min((j + 1) * columns, (x + 1) * width) - max(j * columns, x * width)
                    if down > 0 and across > 0:
                        total += float(mask[y, x]) * down * across / (rows * columns)
                        most = max(most, float(mask[y, x]))
            answer[i, j] = total if how == "mean" else most
    return answer


@settings(max_examples=40, deadline=None)
@given(masks, sides, sides, st.sampled_from(["max", "mean"]))
def test_a_mask_reaches_a_grid_as_a_brute_force_count_says(mask, height, width, how):
    found = Region.from_mask(mask).on(height, width, how)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), brute_force(mask, height, width, how), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(*[st.integers(0, 24)] * 4, sides, sides, st.sampled_from(["max", "mean"]))
def test_a_box_is_the_mask_of_the_box(x0, x1, y0, y1, height, width, how):
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
    if x0 == x1 or y0 == y1:
        with pytest.raises(RegionError, match="empty"):
            Region.box(x0 / 24, y0 / 24, x1 / 24, y1 / 24)
        return
    mask = np.zeros((24, 24))
    mask[y0:y1, x0:x1] = 1
    box = Region.box(x0 / 24, y0 / 24, x1 / 24, y1 / 24)
    np.testing.assert_allclose(box.on(height, width, how), Region.from_mask(mask).on(height, width, how), atol=1e-5)
    assert box.area == pytest.approx(mask.mean(), abs=1e-6)


def test_a_dab_smaller_than_a_cell_still_counts():
    mask = np.zeros((256, 256), np.float32)
    mask[100, 200] = 0.75
    grid = Region.from_mask(mask).on(8, 8)
    assert float(grid[3, 6]) == 0.75 and float(grid.sum()) == 0.75
    assert float(Region.from_mask(mask).on(8, 8, how="mean").max()) < 0.01


@settings(max_examples=30, deadline=None)
@given(masks)
def test_a_mask_comes_back_from_its_record_bit_for_bit(mask):
    region = Region.from_mask(mask)
    again = Region.from_record(region.to_record())
    assert again == region and hash(again) == hash(region)
    assert again.mask.numpy().tobytes() == region.mask.numpy().tobytes()


def test_masks_of_bytes_are_kept_as_bytes():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    text = tensor_to_text(torch.from_numpy(levels.astype(np.float32) / np.float32(255)))
    assert text.startswith("u8:16x16:")
    assert torch.equal(tensor_from_text(text) * 255, torch.from_numpy(levels.astype(np.float32)))
    assert tensor_to_text(torch.tensor(-0.0)).startswith("f32") and tensor_from_text("f32::" + tensor_to_text(
        torch.tensor(0.3)).rpartition(":")[2]).shape == ()


def test_a_region_holds_a_copy_of_the_mask():
    mask = np.ones((2, 2), np.float32)
    region = Region.from_mask(mask)
    mask[:] = 0
    assert region.area == 1 and region != Region.from_mask(mask) and region != "region"


@pytest.mark.parametrize("corners", [
    (-0.1, 0, 1, 1), (0, 0, 1.01, 1), (0.5, 0, 0.5, 1), (0.6, 0, 0.5, 1), (0, float("nan"), 1, 1),
    (0, 0, float("inf"), 1), ("a", 0, 1, 1), (None, 0, 1, 1)])
def test_a_box_that_is_none_is_named(corners):
    with pytest.raises(RegionError, match="box"):
        Region.box(*corners)


@pytest.mark.parametrize("mask", [
    np.zeros((3, 4, 1)), np.zeros(5), np.zeros((0, 4)), np.full((2, 2), np.nan), np.full((2, 2), np.inf),
    np.full((2, 2), 255, np.uint8), np.full((2, 2), -0.01), [[1], [0, 1]], "mask", None, [["a"]]])
def test_a_mask_that_is_none_is_named(mask):
    with pytest.raises(RegionError, match="mask"):
        Region.from_mask(mask)


@pytest.mark.parametrize("grid", [(0, 4), (4, -1)])
def test_a_grid_without_cells_is_refused(grid):
    with pytest.raises(RegionError, match="cell"):
        Region.box(0, 0, 1, 1).on(*grid)


@pytest.mark.parametrize("record", [
    {}, {"kind": "hole"}, {"kind": "box"}, {"kind": "box", "corners": [0, 0, 1]},
    {"kind": "mask", "mask": "u8:2x2:abc"}, {"kind": "mask", "mask": 3},
    {"kind": "mask", "mask": tensor_to_text(torch.full((2, 2), 2.0))}])
def test_a_record_that_is_none_is_refused(record):
    with pytest.raises(RegionError):
        Region.from_record(record)


@pytest.mark.parametrize("text", [
    "", "u8:2x2", "u9:1:abc", "u8:-1x2:abc", "u8:2x2:" + tensor_to_text(torch.zeros(1, 1)).rpartition(":")[2],
    "u8:99999999x99999999:" + tensor_to_text(torch.zeros(1, 1)).rpartition(":")[2], "f32:1:\x00", None, 3,
    tensor_to_text(torch.rand(20, 20))[:-30]])
def test_packed_numbers_that_are_none_are_refused(text):
    with pytest.raises(EditError, match="packed numbers"):
        tensor_from_text(text)


@given(st.floats(0.001, 1), st.integers(0, 50))
def test_a_random_square_has_its_share_and_stays_inside(share, seed):
    region = random_square(np.random.RandomState(seed), share)
    assert region.area == pytest.approx(share, rel=1e-4)
    assert random_square(np.random.RandomState(seed), share).corners == region.corners
