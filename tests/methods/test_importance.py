"""Importance of units on a net whose answers can be worked out by hand, and on the bundled classifier with its control."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, LayerError, ShapeError, StatisticsError, UnitError
from ganwidgets.methods.importance import answers

CLASSES = ("red", "green", "blue", "none")


@pytest.fixture(scope="module")
def planted():
    """Units 0 and 3 see red and blue, 1 and 2 both see green, 4 is always a little lit and says that there is nothing."""
    net = nn.Sequential(OrderedDict(one=nn.Conv2d(3, 6, 1), units=nn.ReLU(), mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(),
                                    read=nn.Linear(6, 4)))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        for unit, color in ((0, 0), (1, 1), (2, 1), (3, 2)):
            net.one.weight[unit, color] = 1
        net.one.bias[4] = 0.1
        for unit, place in ((0, 0), (1, 1), (2, 1), (3, 2), (4, 3)):
            net.read.weight[place, unit] = 1
    return gw.wrap_classifier(net, ["units"], image_size=4, classes=CLASSES)


@pytest.fixture(scope="module")
def data():
    """Three pictures of each class: one colour bright, or none."""
    colors = torch.tensor([[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1], [-1, -1, -1]]).repeat(3, 1)
    return colors[:, :, None, None].expand(-1, -1, 4, 4).contiguous(), torch.arange(4).repeat(3)


def test_what_is_lost_is_what_can_be_worked_out(planted, data):
    found = gw.importance(planted, data, layer="units", progress=False)
    assert found.classes == CLASSES and found.pictures == 12 and np.array_equal(found.whole, np.ones(4))
    sixth = 1 / 6           # of the other pictures a third is taken for the class now
    expected = np.zeros((6, 4))
    expected[0], expected[3] = [0.5, 0, 0, sixth], [0, 0, 0.5, sixth]
    expected[4] = [sixth, 0, 0, 0.5]            # all is 0 where nothing is: the first class is said
    assert np.allclose(found.lost, expected)
    assert found.ranking("blue")[0] == 3 and found.units_for("none", 1) == [4]
    assert found.table.iloc[0]["importance"] == 0.5 and len(found.table) == 24
    assert found.classes_of(1).tolist() == [2, 0, 0, 1, 1, 0]       # green rests on no single unit: the lowest is named


def test_some_classes_of_many_can_be_asked_about(planted, data):
    images, labels = data
    some = labels != 1
    pictures = images[some], labels[some]
    with pytest.raises(StatisticsError, match="'green'.*`classes` names those"):
        gw.importance(planted, pictures, layer="units", progress=False)
    found = gw.importance(planted, pictures, layer="units", classes=["none", 0, "blue"], progress=False)
    assert found.classes == ("red", "blue", "none") and found.lost.shape == (6, 3)
    assert found.ranking("blue")[0] == 3 and found.units_for("none", 1) == [4]
    taken = gw.removals(planted, found, pictures, counts=(1,), draws=2, progress=False)
    assert taken.classes == found.classes and taken.without[:, 0].tolist() == [0.5, 0.5, 0.5]
    whole = gw.importance(planted, data, layer="units", progress=False)
    part = gw.importance(planted, data, layer="units", classes=["blue"], progress=False)
    assert np.array_equal(part.lost[:, 0], whole.lost[:, 2])
    gone, part_gone = (gw.removals(planted, each, data, counts=(2,), draws=2, progress=False) for each in (whole, part))
    assert np.array_equal(part_gone.without[0], gone.without[2]) and np.array_equal(part_gone.overall[0], gone.overall[2])
    with pytest.raises(ArgumentError, match="empty"):
        gw.importance(planted, data, layer="units", classes=[], progress=False)
    with pytest.raises(ArgumentError, match="Did you mean 'red'"):
        gw.importance(planted, data, layer="units", classes=["rde"], progress=False)


def test_two_units_for_one_thing_show_together_only(planted, data):
    both = answers(planted, data, layer="units", removed=[[], [1], [2], [1, 2]], progress=False)
    assert both.balanced[:, 1].tolist() == [1, 1, 1, 0.5] and both.accuracy.tolist() == [1, 1, 1, 0.75]


def test_batches_and_their_order_change_nothing(planted, data):
    images, labels = data
    whole = gw.importance(planted, data, layer="units", progress=False)
    parts = [(images[start:start + 5], [CLASSES[label] for label in labels[start:start + 5]]) for start in range(0, 12, 5)]
    for other in (parts, parts[::-1]):
        assert np.array_equal(gw.importance(planted, other, layer="units", batch=2, progress=False).lost, whole.lost)


def test_removing_and_keeping(planted, data):
    found = gw.importance(planted, data, layer="units", progress=False)
    taken = gw.removals(planted, found, data, counts=(1, 2, 5, 99), draws=3, progress=False)
    assert taken.counts == (1, 2, 5) and taken.accuracy == 1 and taken.random.shape == (3, 3, 4)
    assert taken.without[0, 0] == 0.5 and taken.alone[0, 0] == 0.5      # with red alone it says red of every picture
    assert taken.overall[0, 0] == 0.75
    assert list(taken.table["units"]) == [1, 2, 5] and taken.table["without"].iloc[0] == taken.without[:, 0].mean()
    edit, rest = found.edit("red", 1), found.edit("red", 1, keep=True)
    assert edit.units == (0,) and rest.units == (1, 2, 3, 4, 5)
    assert edit.apply(planted).logits(data[0])[0].argmax() == 3
    again = gw.removals(planted, found, data, counts=(1, 2, 5), draws=3, progress=False)
    assert np.array_equal(again.random, taken.random)


def test_nothing_is_changed_in_the_classifier(planted, data):
    before = planted.logits(data[0])
    gw.importance(planted, data, layer="units", progress=False)
    assert torch.equal(planted.logits(data[0]), before)


@pytest.mark.parametrize(("changed", "error", "words"), [
    ({"data": 3}, ArgumentError, "a pair"), ({"data": iter([])}, ArgumentError, "runs out"),
    ({"data": (torch.zeros(2, 3, 4, 4), [0])}, ShapeError, "1 labels for 2"),
    ({"data": (torch.zeros(2, 4, 4), [0, 1])}, ShapeError, "height"),
    ({"data": (torch.zeros(2, 3, 4, 4), ["red", "rde"])}, ArgumentError, "Did you mean 'red'"),
    ({"data": (torch.zeros(2, 3, 4, 4), [0, 4])}, ArgumentError, "from 0 to 3"),
    ({"data": (torch.zeros(2, 3, 4, 4), [0, True])}, ArgumentError, "True"),
    ({"data": []}, ArgumentError, "empty"), ({"layer": "unit"}, LayerError, "units"),
    ({"data": (torch.zeros(2, 3, 4, 4), [0, 1])}, StatisticsError, "'blue'"),
])
def test_bad_input_is_named(planted, data, changed, error, words):
    given = {"data": data, "layer": "units", **changed}
    with pytest.raises(error, match=words):
        gw.importance(planted, given["data"], layer=given["layer"], progress=False)


def test_sets_and_importances_of_other_nets_are_refused(planted, data):
    with pytest.raises(UnitError):
        answers(planted, data, layer="units", removed=[[9]], progress=False)
    with pytest.raises(ArgumentError, match="at least one"):
        answers(planted, data, layer="units", removed=[], progress=False)
    found = gw.importance(planted, data, layer="units", progress=False)
    classifier = gw.load_classifier("storybook", device="cpu")
    with pytest.raises(LayerError):
        gw.removals(classifier, found, data, progress=False)
    with pytest.raises(UnitError, match="none is left"):
        found.edit("red", 6, keep=True)
    with pytest.raises(ArgumentError, match="below"):
        gw.removals(planted, found, data, counts=(6,), progress=False)
