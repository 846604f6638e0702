"""Planted units get the word of what they draw from a scorer that knows, and no word from one that does not."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganwidgets.core.concepts import TextImageScorer, Words
from ganwidgets.core.errors import ArgumentError, ConceptError, LayerError
from ganwidgets.methods.dissect_words import _boxes, _cells, label_units
from ganwidgets.testing.planted import PlantedNet

SEEDS = range(60)
WORDS = ["a dot", "a block", "a field", "nothing at all"]


class Knows(TextImageScorer):
    """How much of a picture is the colour of the thing; of nothing: how dark it is at one pixel."""

    def __init__(self):
        self.read_texts = []

    def read(self, words):
        self.read_texts.append(words)
        return Words(words, torch.zeros(1))

    def score(self, images, words):
        text = words if isinstance(words, str) else words.text
        place = {"a dot": 0, "a block": 1, "a field": 2}.get(text)
        return -images[:, 0, 0, 0] if place is None else (images[:, place] > 0).float().mean((1, 2))

    def unknown(self, words):
        return tuple(word for word in words.split() if word == "zebra")


class Guesses(Knows):
    """Scores that have to do with no picture."""

    def score(self, images, words):
        random = np.random.RandomState(zlib.crc32(f"{float(images.sum()):.3f} {words.text}".encode()))
        return torch.from_numpy(random.rand(len(images)))


class Looks(Knows):
    """The same as Knows, but reads each picture once."""

    def __init__(self):
        super().__init__()
        self.looked = 0

    def look(self, images):
        self.looked += len(images)
        return images

    def compare(self, seen, words):
        return super().score(seen, words)

    def score(self, images, words):
        raise AssertionError("it should have looked")


class Sloping(PlantedNet):
    """Every unit is the higher the lower in the picture."""

    def maps(self, z):
        return torch.linspace(0, 2, 64)[None, None, :, None].expand(len(z), 12, 64, 64).contiguous()


def labelled(planted, scorer, **how):
    return label_units(planted.generator, scorer, WORDS, **{"layer": planted.layer, "seeds": SEEDS, "progress": False, **how})


@pytest.fixture(scope="module")
def found(planted):
    return labelled(planted, Knows())


def test_planted_units_get_their_words(found, planted):
    table = found.table.set_index("unit")
    for concept, unit in planted.units.items():
        row = table.loc[unit]
        assert row.word == f"a {concept}" and row.beyond and row.agreement > 1.5 * row.chance and row.agreement > .3
        assert row.agreement - abs(row.agreement_other) > .2 and row.second != row.word
        assert found.units_for(f"a {concept}", 1) == [unit]
    others = table.drop(list(planted.units.values()))
    assert others.agreement.max() < .2 and others.beyond.sum() <= 2, "one in twenty may be beyond chance"
    assert table.agreement.is_monotonic_decreasing and found.scores.shape == (12, 4) and found.pictures == len(SEEDS)


def test_a_scorer_that_knows_nothing_labels_nothing(planted):
    table = labelled(planted, Guesses()).table
    assert table.agreement.max() < .2 and table.beyond.sum() <= 3


def test_whole_pictures_cannot_tell_what_all_of_them_show(planted, found):
    """Every picture has one block of one size: only the parts that have it tell which unit draws it."""
    whole = labelled(planted, Knows(), parts=1)
    block = planted.units["block"]
    assert abs(whole.scores.loc[block, "a block"]) < .3 < found.scores.loc[block, "a block"]


def test_what_position_alone_gives_shows(planted):
    """A unit and a scorer that know only where in the picture they are: the shuffled pictures agree as well."""
    class Places(Knows):
        def score(self, images, words):
            return images[:, 2].mean((1, 2))

    g = replace(planted.generator, net=Sloping(), digests=None)
    made = label_units(g, Places(), ["low"], layer="layer2", seeds=range(12), progress=False)
    row = made.table.iloc[0]
    assert row.agreement > .7 and row.agreement_other == pytest.approx(row.agreement) and not row.beyond


def test_pictures_are_read_once_where_a_scorer_can(planted, found):
    scorer = Looks()
    made = labelled(planted, scorer)
    assert np.array_equal(made.agreement, found.agreement) and scorer.looked == 9 * len(SEEDS)
    assert scorer.read_texts == WORDS, "each text is read once"


def test_batches_do_not_matter_and_dead_units_have_no_word(copied, planted):
    one, other = (label_units(copied, Knows(), WORDS, layer="layer2", seeds=range(9), batch=size, progress=False)
                  for size in (2, 9))
    np.testing.assert_allclose(one.agreement, other.agreement, atol=1e-9)
    row = one.table.set_index("unit").loc[0]
    assert (row.word, row.second, row.beyond, row.live) == ("", "", False, False) and row.agreement == 0
    assert one.table.set_index("unit").loc[[5, 9], "agreement"].nunique() == 1, "a copy has the word of its original"


def test_a_classifier_is_shown_images(toy_classifier):
    images = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    made = label_units(toy_classifier, Knows(), WORDS, layer="seen", images=images, progress=False)
    assert made.agreement.shape == (6, 4) and made.digest == toy_classifier.digest


def test_parts_cover_the_picture_and_a_layer_of_one_cell_has_one():
    boxes = _boxes(3)
    assert len(boxes) == 9 and {(box[0], box[1]) for box in boxes} == {(a / 4, b / 4) for a in (0, 1, 2) for b in (0, 1, 2)}
    assert max(box[2] for box in boxes) == 1 and _boxes(1) == [(0, 0, 1, 1)]
    for side in (1, 2, 3, 4, 7, 64):
        maps = torch.arange(float(side * side)).reshape(1, 1, side, side)
        seen = torch.cat([_cells(maps, box).flatten() for box in boxes])
        assert set(seen.tolist()) == set(maps.flatten().tolist()), side


@pytest.mark.parametrize(("how", "error", "said"), [
    ({"words": "a tree"}, ArgumentError, "a list of texts"), ({"words": []}, ArgumentError, "at least one"),
    ({"words": ["a dot", " "]}, ArgumentError, "not empty"), ({"words": ["a zebra"]}, ArgumentError, "zebra in 'a zebra'"),
    ({"parts": 0}, ArgumentError, "parts must be"), ({"layer": "layer9"}, LayerError, "layer9"),
    ({"seeds": []}, ArgumentError, "no picture")])
def test_bad_arguments_are_said(planted, how, error, said):
    asked = {"words": WORDS, "layer": "layer2", "seeds": [1], "progress": False, **how}
    with pytest.raises(error, match=said):
        label_units(planted.generator, Knows(), asked.pop("words"), **asked)


def test_a_word_that_was_not_asked_for(found):
    with pytest.raises(ConceptError, match="a block"):
        found.units_for("a blok")
