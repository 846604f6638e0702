"""The meter of unusual features: unedited pictures are typical, absurd edits are not; sums merge exactly."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, LayerError
from ganwidgets.core.regions import Region
from ganwidgets.methods.intervene_typical import typicality, usual_features


@pytest.fixture(scope="module")
def usual(request):
    return usual_features(request.getfixturevalue("toy"), range(200), progress=False)


@pytest.fixture(scope="module")
def meter(usual, request):
    return typicality(request.getfixturevalue("toy"), usual, range(200, 400), progress=False)


def test_unedited_pictures_are_typical(toy, meter):
    read = meter.read(toy, toy.sample(range(400, 600)))
    assert np.mean(read.typical) > 0.96 and 0.9 < read.distances.mean() < 1.1
    assert np.quantile(read.rarity, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.12), "shares of unedited pictures"


@pytest.mark.parametrize("edit", [
    UnitEdit("first", range(6), 40.0), UnitEdit("first", [2], 100.0, region=Region.box(0, 0, 0.2, 0.2)),
    UnitEdit("first", range(6), 0.0), UnitEdit("first", range(6), -5.0, mode="scale"),
], ids=["far too high", "one cell far too high", "blank", "turned over"])
def test_absurd_edits_are_not(toy, meter, edit):
    latents = toy.sample(range(400, 420))
    for read in (meter.read(edit.apply(toy), latents), meter.read(edit.apply(toy), latents, after="first")):
        assert not any(read.typical) and read.times.min() > 2, str(read)
    assert [layer.name for layer in read.layers] == ["second"]


def test_the_stronger_an_edit_the_less_typical(toy, meter):
    latents = toy.sample(range(400, 420))
    edits = [UnitEdit("first", [1], value) for value in (1.5, 6, 24, 96)]
    means = [meter.read(edit.apply(toy), latents, after="first").times.mean() for edit in edits]
    assert means == sorted(means)
    same = meter.read(UnitEdit("first", [1], 1.0, mode="scale").apply(toy), latents)
    assert np.array_equal(same.distances, meter.read(toy, latents).distances), "an edit that changes nothing"


def test_an_edit_is_read_where_the_net_takes_it_up(planted):
    g = planted.generator
    meter = typicality(g, usual_features(g, range(60), progress=False), range(60, 160), progress=False)
    latents = g.sample(range(200, 210))
    idle = [unit for unit in range(12) if unit not in planted.units.values()][0]
    edit = UnitEdit("layer2", [idle], 50.0)
    assert not any(meter.read(edit.apply(g), latents).typical)
    after = meter.read(edit.apply(g), latents, after="layer2")
    assert np.array_equal(after.distances, meter.read(g, latents, after="layer2").distances), "nothing draws with this unit"
    drawn = UnitEdit("layer2", [planted.units["block"]], 2.0)
    assert not any(meter.read(drawn.apply(g), latents, after="layer2").typical)


@settings(max_examples=12, deadline=None)
@given(st.permutations(list(range(12))), st.integers(1, 11))
def test_parts_merge_exactly(toy, order, cut):
    # two pictures or more say what is usual
    cut = min(max(cut, 2), 10)
    whole = usual_features(toy, range(12), progress=False)
    parts = [usual_features(toy, part, progress=False) for part in (order[:cut], order[cut:])]
    both = parts[0] + parts[1]
    assert both.pictures == 12
    for mine, other in zip(both.moments, whole.moments, strict=True):
        assert mine.mean == pytest.approx(other.mean, abs=1e-6) and mine.variance == pytest.approx(other.variance, abs=1e-5)
    assert all(a == b for a, b in zip(both.moments, (parts[1] + parts[0]).moments, strict=True)), "in any order"


def test_bad_arguments_are_said(toy, planted, usual, meter):
    one = usual_features(toy, range(4), layers=["first"], progress=False)
    for act, error, words in (
        (lambda: usual_features(toy, [1], progress=False), ArgumentError, "two seeds"),
        (lambda: usual_features(toy, range(4), layers="first", progress=False), ArgumentError, "list"),
        (lambda: usual_features(toy, range(4), layers=["attic"], progress=False), LayerError, "attic"),
        (lambda: usual_features(toy, range(4), layers=[], progress=False), LayerError, "empty"),
        (lambda: typicality(toy, usual, range(99), progress=False), ArgumentError, "100 seeds"),
        (lambda: typicality(planted.generator, usual, range(100), progress=False), ArgumentError, "other weights"),
        (lambda: meter.read(planted.generator, planted.generator.sample([0])), ArgumentError, "other weights"),
        (lambda: meter.read(toy, toy.sample([0]), after="second"), LayerError, "second"),
        (lambda: usual + one, ArgumentError, "cannot be put together"),
    ):
        with pytest.raises(error, match=words):
            act()
    assert "times as far" in str(meter.read(toy, toy.sample([7]))) and torch.is_grad_enabled()
