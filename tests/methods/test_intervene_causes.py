"""Grown sets: planted units come first, and no unit before one that adds more; what they draw is measured; errors are said."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, LayerError, SeedError
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun
from ganwidgets.methods.intervene import removal
from ganwidgets.methods.intervene_causes import causes, measure_causes


class Reader(Segmenter):
    """Reads the planted generator's colours; `ground`: where nothing is drawn."""

    concepts = (Concept("dot"), Concept("block"), Concept("field"), Concept("ground"))

    def segment(self, images):
        return self.probabilities(images) > 0.5

    def probabilities(self, images):
        ink = (images + 1) / 2
        return torch.cat([ink, 1 - ink.amax(1, keepdim=True)], 1)


CONTEXTS = {"block": "ground", "field": "ground"}


@pytest.fixture(scope="module")
def learned(planted):
    return causes(planted.generator, Reader(), layer=planted.layer, seeds=range(16), concepts=["block", "field"],
                  contexts=CONTEXTS, progress=False)


def test_a_planted_unit_comes_first(planted, learned):
    g = planted.generator
    for name in ("block", "field"):
        for mode in ("insert", "ablate"):
            assert learned.units_for(name, 1, mode) == [planted.units[name]], (name, mode)
            assert sorted(learned.rankings[mode][name]) == list(range(12))
    assert removal(g, Reader(), "block", learned.edit("block", "ablate", n=1), range(30, 36), progress=False).fraction == 1
    assert learned.origin.digest == g.digest


@dataclass(frozen=True, eq=False)
class Stripes(LayeredGenerator):
    """Units 0 and 1 both draw each fourth column of cells, unit 2 each fifth; all three are noise that seldom draws."""

    name: str = "stripes"
    layers: tuple[Layer, ...] = (Layer("cells", 3, 40, 40),)
    image_size: int = 40
    latent_shape: tuple[int, ...] = (1,)
    companions: Any = field(default_factory=dict)
    net: Any = field(default_factory=lambda: nn.Linear(1, 1))
    digests: Any = None

    def head(self, inputs, upto):
        noise = (inputs.z.reshape(-1, 1, 1, 1) * torch.arange(1, 4801).reshape(3, 40, 40)).sin().abs()
        return PausedRun("cells", noise, inputs.pictures)

    def resume(self, paused, upto):
        return paused

    def tail(self, paused):
        lit, column = paused.features > 0.995, torch.arange(40)
        ink = (lit[:, 0] | lit[:, 1]) & (column % 4 == 0) | lit[:, 2] & (column % 5 == 2)
        return ink[:, None].float().expand(-1, 3, -1, -1) * 2 - 1


def test_a_twin_of_the_first_unit_comes_after_one_that_adds_less_alone():
    found = causes(Stripes(), Reader(), layer="cells", seeds=range(12), concepts=["dot"], modes=["insert"], progress=False)
    assert found.units_for("dot", 3) == [0, 1, 2], "a tenth of three units is one: the others come by what they draw alone"
    more = causes(Stripes(), Reader(), layer="cells", seeds=range(12), concepts=["dot"], modes=["insert"], grown=2, progress=False)
    assert more.units_for("dot", 3) == [0, 2, 1], "beside the first its twin adds nothing"


def test_what_insertions_draw_is_measured_beside_chance(planted, learned):
    g = planted.generator
    seen = measure_causes(g, Reader(), learned, {"field": "ground"}, range(40, 60), units=1, pictures=6, progress=False)
    assert set(seen.drawn) == {"field"} and seen.rankings == learned.rankings
    found = seen.drawn["field"]
    assert (found.context, found.units, found.pictures, found.drawn) == ("ground", 1, 6, 6) and found.works
    assert found.chance == 0


def test_bad_arguments_are_said(planted, learned):
    g = planted.generator

    def learn(**changed):
        return causes(g, Reader(), **{"layer": planted.layer, "seeds": range(4), "concepts": ["field"], **changed},
                      progress=False)

    for changed, error, words in (
        ({"modes": ["paint"]}, EditError, "insert"), ({"concepts": ["dragon"]}, ConceptError, "dragon"),
        ({"contexts": {"field": "attic"}}, ConceptError, "attic"), ({"layer": "attic"}, LayerError, "attic"),
        ({"concepts": "field"}, ArgumentError, "concepts=\\['field'\\]"),
        ({"concepts": ["dot"], "modes": ["ablate"]}, ConceptError, "none of these 4 pictures shows dot on 2%"),
        ({"seeds": []}, ArgumentError, "no picture"), ({"seeds": [-1]}, SeedError, "-1"),
        ({"pool": 0}, ArgumentError, "pool"), ({"grown": 13}, ArgumentError, "from 1 to 12"),
        ({"contexts": {"block": "dot"}, "concepts": ["block"], "modes": ["insert"]}, ConceptError, "room on dot"),
    ):
        with pytest.raises(error, match=words):
            learn(**changed)
    with pytest.raises(ArgumentError, match="pictures"):
        measure_causes(g, Reader(), learned, CONTEXTS, range(8), units=1, pictures=0, progress=False)
