"""Learned alpha: on storybook the strongest causes remove a concept, the weakest do not; bad arguments are said."""

import numpy as np
import pytest

from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, LayerError, SeedError, UnitError
from ganwidgets.methods.ace import ace
from ganwidgets.methods.intervene import removal


def test_bad_arguments_are_said(planted):
    g, segmenter, layer = planted.generator, planted.segmenter, planted.layer
    name = segmenter.names[0]

    def learn(**changed):
        return ace(g, segmenter, **{"concept": name, "layer": layer, "seeds": range(8), "steps": 1, **changed}, progress=False)

    for changed, error, words in (
        ({"mode": "paint"}, ArgumentError, "ablate"), ({"steps": 0}, ArgumentError, "whole number from 1"),
        ({"concept": "dragon"}, ConceptError, "dragon"), ({"layer": "attic"}, LayerError, "attic"),
        ({"seeds": [-1]}, SeedError, "-1"), ({"seeds": []}, ArgumentError, "no picture"),
        ({"mode": "insert"}, ArgumentError, "no gradient"),
    ):
        with pytest.raises(error, match=words):
            learn(**changed)


def test_on_storybook_the_strongest_causes_remove_a_concept_and_the_weakest_do_not():
    import ganwidgets as gw
    g, segmenter = gw.load("storybook", device="cpu"), gw.load_segmenter("storybook", device="cpu")
    found = ace(g, segmenter, "water", layer=g.layer_at(8), seeds=range(80), mode="ablate", steps=25, progress=False)
    few = [ace(g, segmenter, "water", layer="layer4", seeds=range(24), steps=2, progress=False).alpha for _ in range(2)]
    assert np.array_equal(*few)
    assert 0 <= found.alpha.min() <= found.alpha.max() <= 1
    assert sorted(found.ranking) == list(range(128)) and found.ranking[0] == found.alpha.argmax()
    judge = gw.load_segmenter("storybook-judge", device="cpu")
    most = removal(g, judge, "water", found.edit(13), range(20_000, 20_040), progress=False).fraction
    least = gw.UnitEdit(found.layer, tuple(found.ranking[-13:]), 0.0)
    assert most > 0.4 > removal(g, judge, "water", least, range(20_000, 20_040), progress=False).fraction
    inserted = found.edit(4, "insert", strength=0.5)
    assert inserted.value.tolist() == pytest.approx([float(found.levels[unit]) for unit in inserted.units])
    with pytest.raises(EditError, match="insert"):
        found.edit(mode="paint")
    with pytest.raises(UnitError, match="from 1 to 128"):
        found.edit(129)
