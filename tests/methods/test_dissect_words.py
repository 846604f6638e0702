"""Planted units get the word of what they draw from a scorer that knows, and no word from one that does not."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from ganwidgets.core.concepts import TextImageScorer, Words
from ganwidgets.core.errors import ArgumentError, ConceptError, LayerError
from ganwidgets.methods.dissect_words import _boxes, _cells, _highest, _lead, _lead_other, _shuffles, _standard, label_units
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
        assert row.word == f"a {concept}" and row.beyond and row.lead > 1.2 * row.chance and row.lead > .5
        assert row.lead - abs(row.lead_other) > .4 and row.second != row.word
        assert found.units_for(f"a {concept}", 1) == [unit]
    others = table.drop(list(planted.units.values()))
    assert others.lead.max() < .75 * table.loc[list(planted.units.values()), "lead"].min()
    assert others.beyond.sum() <= 2, "one in twenty may be beyond chance"
    assert table.lead.is_monotonic_decreasing and found.scores.shape == (12, 4) and found.pictures == len(SEEDS)


def test_a_scorer_that_knows_nothing_labels_nothing(planted):
    table = labelled(planted, Guesses()).table
    assert table.lead.max() < .6 and table.beyond.sum() <= 3


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
    assert row.lead > .7 and row.lead_other == pytest.approx(row.lead) and not row.beyond


def test_pictures_are_read_once_where_a_scorer_can(planted, found):
    scorer = Looks()
    made = labelled(planted, scorer)
    assert np.array_equal(made.lead, found.lead) and scorer.looked == 16 * len(SEEDS)
    assert scorer.read_texts == WORDS, "each text is read once"


def test_batches_do_not_matter_and_dead_units_have_no_word(copied, planted):
    one, other = (label_units(copied, Knows(), WORDS, layer="layer2", seeds=range(9), batch=size, progress=False)
                  for size in (2, 9))
    np.testing.assert_allclose(one.lead, other.lead, atol=1e-9)
    row = one.table.set_index("unit").loc[0]
    assert (row.word, row.second, row.beyond, row.live) == ("", "", False, False) and row.lead == pytest.approx(0, abs=1e-9)
    assert one.table.set_index("unit").loc[[5, 9], "lead"].nunique() == 1, "a copy has the word of its original"


def test_a_classifier_is_shown_images(toy_classifier):
    images = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    made = label_units(toy_classifier, Knows(), WORDS, layer="seen", images=images, progress=False)
    assert made.lead.shape == (6, 4) and made.digest == toy_classifier.digest


def test_parts_cover_the_picture_and_a_layer_of_one_cell_has_one():
    assert _boxes(1) == [(0, 0, 1, 1)] and _boxes(2)[3] == (.5, .5, 1, 1)
    for parts in (1, 2, 3, 4, 6):
        boxes = _boxes(parts)
        assert len(boxes) == parts * parts and max(box[2] for box in boxes) == pytest.approx(1)
        for side in (1, 2, 3, 4, 7, 64):
            maps = torch.arange(float(side * side)).reshape(1, 1, side, side)
            seen = torch.cat([_cells(maps, box).flatten() for box in boxes])
            assert set(seen.tolist()) == set(maps.flatten().tolist()), (parts, side)


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


@settings(max_examples=40, deadline=None)
@given(some.integers(2, 12), some.integers(1, 4), some.integers(1, 4), some.integers(0, 999))
def test_leads_against_their_definition(pictures, parts, heights, seed):
    """The mean over the highest parts, ties in equal shares; and over all pairs of different pictures."""
    random = np.random.RandomState(seed)
    peaks = random.randint(0, heights, (pictures, parts, 2)).astype(float)
    spread = _standard(random.rand(pictures, parts, 3))
    weights = _highest(peaks)
    count = max(1, round(.05 * pictures * parts))
    assert weights.sum((0, 1)) == pytest.approx(1) and weights.max() <= 1 / count + 1e-12
    for unit in range(2):
        order = np.argsort(-peaks[:, :, unit].ravel())
        lowest = peaks[:, :, unit].ravel()[order[count - 1]]
        assert set(weights[:, :, unit][peaks[:, :, unit] < lowest]) <= {0.0}
        assert len(set(weights[:, :, unit][peaks[:, :, unit] == lowest])) == 1
    pairs = [(i, j) for i in range(pictures) for j in range(pictures) if i != j]
    wanted = sum(weights[i].T @ spread[j] for i, j in pairs) / (pictures - 1)
    assert _lead_other(weights, spread) == pytest.approx(wanted, abs=1e-9)
    assert _lead(weights, spread) == pytest.approx(sum(weights[i].T @ spread[i] for i in range(pictures)), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(some.integers(2, 40), some.integers(0, 99))
def test_shuffled_no_picture_meets_itself(pictures, seed):
    orders = _shuffles(pictures, 5, seed)
    assert len(orders) == 5
    for order in orders:
        assert sorted(order) == list(range(pictures)) and (order != np.arange(pictures)).all()


def test_one_picture_says_nothing(planted):
    made = labelled(planted, Knows(), seeds=[3])
    assert np.isinf(made.chance).all() and not made.table.beyond.any() and not made.lead_other.any()
