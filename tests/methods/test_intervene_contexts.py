"""The matrix of objects by contexts: an object that can only grow on one context is found out, and no cell says more than the judge
can read."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, LayerError, UnitError
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun
from ganwidgets.methods.intervene_contexts import context_matrix, fisher, holm, newcombe, wilson


@dataclass(frozen=True, eq=False)
class Facade(LayeredGenerator):
    """Red wall on one side, blue sky on the other; unit 0 draws green doors, but on the wall alone; unit 1 draws nothing."""

    name: str = "facade"
    layers: tuple[Layer, ...] = (Layer("cells", 2, 16, 16),)
    image_size: int = 16
    latent_shape: tuple[int, ...] = (1,)
    companions: Any = field(default_factory=dict)
    net: Any = field(default_factory=lambda: nn.Linear(1, 1))
    digests: Any = None

    def head(self, inputs, upto):
        self.place(upto)
        wall = (torch.arange(16) < 8)[None] == (inputs.z.reshape(-1, 1) > 0)
        return PausedRun("cells", torch.zeros(len(inputs), 2, 16, 16), inputs.pictures, (wall,))

    def resume(self, paused, upto):
        return paused

    def tail(self, paused):
        wall = paused.rest[0][:, None, :].expand(-1, 16, -1)
        door = (paused.features[:, 0] > 1) & wall
        return torch.stack([wall & ~door, door, ~wall], 1).float() * 2 - 1


class Painter(Segmenter):
    concepts = (Concept("wall"), Concept("door"), Concept("sky"))

    def segment(self, images):
        return images > 0


DOOR = UnitEdit("cells", [0], 2.0)


def matrix(**changed):
    asked = {"edits": {"door": DOOR}, "contexts": ["wall", "sky"], "seeds": range(30),
             "recall": {("door", "wall"): 0.95, ("door", "sky"): 0.9}, **changed}
    nouns = [asked.pop(name) for name in ("edits", "contexts", "seeds")]
    return context_matrix(Facade(), Painter(), *nouns, progress=False, **asked)


def test_doors_grow_on_walls_alone():
    found = matrix()
    assert found.drawn.tolist() == [[30, 0]] and found.pictures.tolist() == [[30, 30]]
    assert found.shares.tolist() == [[1, 0]] and found.findings.all()
    row = found.table.set_index(["object", "context"]).loc["door", "wall"]
    assert (row.drawn, row.share, row.high) == (30, 1, 1) and 0.7 < row.low < 0.9
    said = found.compare([(("door", "wall"), ("door", "sky"))]).iloc[0]
    assert said.difference == 1 and said.low > 0.5 and said.p < 1e-9 and said.apart and said.finding


def test_a_unit_that_draws_nothing_shows_no_difference():
    found = matrix(edits={"door": UnitEdit("cells", [1], 2.0)})
    said = found.compare([(("door", "wall"), ("door", "sky"))]).iloc[0]
    assert (said.difference, said.p, bool(said.apart)) == (0, 1, False)


@pytest.mark.parametrize("recall", [{("door", "wall"): 0.95, ("door", "sky"): 0.79}, {("door", "wall"): 0.95}, None])
def test_where_the_judge_would_miss_it_nothing_is_found(recall):
    found = matrix(recall=recall)
    assert not found.findings[0, 1]
    said = found.compare([(("door", "wall"), ("door", "sky"))]).iloc[0]
    assert said.apart and not said.finding


def test_only_so_many_pictures_and_no_object_on_itself():
    found = matrix(edits={"door": DOOR, "wall": DOOR}, pictures=4)
    assert found.pictures.tolist() == [[4, 4], [0, 4]] and np.isnan(found.shares[1, 0]) and not found.findings[1].any()
    nowhere = matrix(contexts=["door"], edits={"wall": DOOR})
    assert nowhere.pictures.tolist() == [[0]], "no picture has room on a door"
    assert np.isnan(nowhere.table.low[0])


def test_bad_arguments_are_said():
    for changed, error, words in (
        ({"edits": {"dragon": DOOR}}, ConceptError, "dragon"), ({"contexts": ["attic"]}, ConceptError, "attic"),
        ({"edits": {}}, ArgumentError, "at least one object"), ({"contexts": []}, ArgumentError, "at least one object"),
        ({"recall": {("door", "wall"): 80}}, ArgumentError, "80"), ({"pictures": 0}, ArgumentError, "whole number"),
        ({"edits": {"door": UnitEdit("cells", [2])}}, UnitError, "unit 2"),
        ({"edits": {"door": UnitEdit("attic", [0])}}, LayerError, "attic"),
    ):
        with pytest.raises(error, match=words):
            matrix(**changed)
    for pairs, error in (([], ArgumentError), ([(("door", "wall"), ("door", "attic"))], ConceptError)):
        with pytest.raises(error):
            matrix().compare(pairs)


SHARES = st.integers(1, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=25, deadline=None)
@given(SHARES, SHARES)
def test_fisher_and_the_intervals_are_those_of_the_books(one, other):
    stats = pytest.importorskip("scipy.stats")
    (a, n), (b, m) = one, other
    assert fisher(a, n, b, m) == pytest.approx(stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue, rel=1e-6)
    interval = stats.binomtest(a, n).proportion_ci(0.99, "wilson")
    assert wilson(a, n) == pytest.approx((interval.low, interval.high), abs=1e-4)
    low, high = newcombe(a, n, b, m)
    assert -1 <= low <= a / n - b / m <= high <= 1
    assert newcombe(b, m, a, n) == pytest.approx((-high, -low))


def test_holm_is_that_of_the_paper():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
