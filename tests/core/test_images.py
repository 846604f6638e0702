"""Pictures keep their pixels on every way, and what is no picture or mask is named."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganwidgets.core import images
from ganwidgets.core.concepts import Concept, KnownMasks, Segmenter
from ganwidgets.core.errors import ArgumentError, ConceptError, RegionError, ShapeError, listed, one_of

LEVELS = np.random.RandomState(0).randint(0, 256, (5, 7, 3)).astype(np.uint8)


def png(array, **how):
    held = io.BytesIO()
    Image.fromarray(array).save(held, how.pop("format", "PNG"), **how)
    return held.getvalue()


def test_bytes_come_back_through_tensors_and_png():
    picture = images.to_tensor(LEVELS)
    assert picture.shape == (3, 5, 7) and float(picture.min()) >= -1 and float(picture.max()) <= 1
    assert np.array_equal(np.asarray(images.to_pil(picture)), LEVELS)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(images.encode_png(picture[None])))), LEVELS)
    assert torch.equal(images.to_tensor(images.to_pil(picture)), picture)
    assert np.array_equal(images.to_bytes(torch.tensor([-9.0, 0.0, 9.0]).reshape(3, 1, 1)), [[[0, 128, 255]]])


def test_jpeg_is_close():
    smooth = torch.linspace(-1, 1, 64).expand(3, 64, 64)
    decoded = Image.open(io.BytesIO(images.encode_jpeg(smooth)))
    assert decoded.format == "JPEG"
    assert float((images.to_tensor(decoded) - smooth).abs().max()) < 0.1


def test_what_is_see_through_becomes_white_and_grey_becomes_three_colours():
    clear = Image.new("RGBA", (2, 2), (255, 0, 0, 0))
    assert torch.equal(images.to_tensor(clear), torch.ones(3, 2, 2))
    assert images.to_tensor(Image.new("L", (4, 2), 0)).shape == (3, 2, 4)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 4, 4), (4, 4), (4, 4, 3)])
def test_a_tensor_that_is_no_picture_is_named(shape):
    with pytest.raises(ShapeError, match="3, height, width"):
        images.to_pil(torch.zeros(shape))


def test_a_mask_comes_from_a_grey_png():
    grey = np.array([[0, 51], [102, 255]], np.uint8)
    assert np.allclose(images.decode_png_mask(png(grey)), [[0, 0.2], [0.4, 1]])


@pytest.mark.parametrize("content", [
    b"", b"\x89PNG\r\n\x1a\n", png(LEVELS, format="JPEG"), png(LEVELS)[:-30], png(np.zeros((257, 3), np.uint8)),
    png(np.zeros((3, 257), np.uint8)), b"P5 1 1 255 x"])
def test_a_mask_that_cannot_be_read_is_named(content):
    with pytest.raises(RegionError, match="mask"):
        images.decode_png_mask(content, 256)


def test_a_sheet_has_each_picture_in_its_place():
    batch = torch.stack([torch.full((3, 4, 4), level) for level in (-1.0, 0.0, 1.0)])
    page = np.asarray(images.sheet(batch, columns=2, gap=1))
    assert page.shape == (9, 9, 3)
    assert page[0, 0, 0] == 0 and page[0, 5, 0] == 128 and page[5, 0, 0] == 255 and page[0, 4, 0] == 255
    assert images.sheet([images.to_pil(batch[0])], columns=8).size == (4, 4)
    for bad, columns in (([], 2), (batch, 0)):
        with pytest.raises(ArgumentError, match="sheet"):
            images.sheet(bad, columns)
    with pytest.raises(ShapeError, match="one size"):
        images.sheet([batch[0], torch.zeros(3, 2, 2)])


@pytest.mark.parametrize("make", [lambda: Concept(""), lambda: Concept("tree", "thing"),
                                  lambda: Concept("tree", "object", (0, 0, 256))])
def test_a_concept_that_is_none_is_named(make):
    with pytest.raises(ConceptError):
        make()


def test_concepts_are_found_by_name(planted):
    segmenter = planted.segmenter
    assert segmenter.index("block") == 1 == segmenter.index(segmenter.concepts[1])
    assert segmenter.concepts[0].hex == "#ff0000"
    with pytest.raises(ConceptError, match="no concept 'blok'.*dot, block, field.*Did you mean 'block'"):
        segmenter.index("blok")


def test_probabilities_are_the_masks_where_a_segmenter_has_no_others(planted):
    pictures = planted.generator.images(planted.generator.sample([0]))
    assert isinstance(planted.segmenter, Segmenter)
    assert torch.equal(planted.segmenter.probabilities(pictures) > 0.5, planted.segmenter.segment(pictures))


def test_known_masks_need_a_mask_per_concept():
    known = KnownMasks((Concept("a"), Concept("b")), torch.zeros(5, 2, 3, 3, dtype=torch.bool))
    assert len(known) == 5 and known.rows(1, 3).shape == (2, 2, 3, 3) and known.index("b") == 1
    with pytest.raises(ShapeError, match="concepts"):
        KnownMasks((Concept("a"),), known.masks)


def test_errors_say_what_came_and_what_is_possible():
    layers = [f"layer{number}" for number in range(1, 11)]
    assert one_of("layer", "layer99", layers, where="storybook").startswith(
        "no layer 'layer99' in storybook; its layers are layer1 ... layer10.")
    assert one_of("unit", "x", []) == "no unit 'x'; there is none at all."
    assert one_of("category", "x", ["a", "b"]).endswith("possible categories are a, b.")
    assert listed(range(30), most=3) == "0 ... 29" and listed("abcd", most=2) == "a, b and 2 more"
