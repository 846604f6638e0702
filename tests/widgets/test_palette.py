"""The palette: units that cause a concept paint it, and what they were seen to draw is offered first."""

from dataclasses import replace

import pytest

from ganwidgets.core.causes import Causes, Drawn
from ganwidgets.core.edits import Origin
from ganwidgets.core.errors import ArgumentError, LayerError
from ganwidgets.widgets.paintbox import PaintBox

from .conftest import disc


@pytest.fixture
def causes(planted):
    """Rankings that begin with other units than the dissection's, and what two of the concepts were seen to draw."""
    g, order = planted.generator, tuple(reversed(range(12)))
    ranked = dict.fromkeys(planted.units, order)
    drawn = {"dot": Drawn("field", 4, 100, 61, 3), "field": Drawn("block", 4, 100, 90, 3), "block": Drawn("field", 4, 100, 59, 3)}
    return Causes("layer2", (1.0,) * 12, {"insert": ranked, "ablate": {"dot": order}}, Origin.of(g), drawn)


def test_units_that_cause_a_concept_paint_it_and_what_they_draw_comes_first(paintbox, planted, causes):
    lab = paintbox(causes=causes)
    assert [(chip["name"], chip["measured"]) for chip in lab.concepts] == [("field", True), ("dot", True), ("block", False)]
    assert lab.concepts[0]["note"] == "4 units drew it in 90 of 100 boxes on block; random ones in 3"
    lab.paint(disc(), "block")
    assert lab.edits[0].units == (11, 10, 9, 8, 7, 6) and lab.units("block") == lab.edits[0].units
    lab.paint(disc(), "block", erase=True)
    assert lab.edits[1].units[0] == planted.units["block"]     # no ranking says how to remove it: by IoU
    assert paintbox(causes=causes, palette=["block"]).concepts[0]["name"] == "block"


def test_a_model_brings_its_own_causes(planted, dissection, causes):
    g = replace(planted.generator, companions={"causes": lambda: causes})
    other = replace(causes, origin=Origin("planted", "0" * 64))
    for model, said, first_unit in ((g, {}, 11), (g, {"causes": False}, planted.units["field"]),
                                     (replace(g, companions={"causes": lambda: other}), {}, planted.units["field"])):
        lab = PaintBox(model, dissection, driver="inline", **said)
        assert lab.units("field")[0] == first_unit
        lab.close()


def test_causes_of_something_else_are_refused(paintbox, causes):
    for wrong, error, words in ((replace(causes, layer="layer3", levels=(1.0,) * 3), LayerError, "are of layer3"),
                                (replace(causes, origin=Origin("planted", "0" * 64)), ArgumentError, "learn them"),
                                (replace(causes, levels=(1.0,) * 5), ArgumentError, "5 units")):
        with pytest.raises(error, match=words):
            paintbox(causes=wrong)
