"""Walks: they pass their stops exactly, keep to the length that z has, and number what lies between."""

import dataclasses

import numpy as np
import pytest
import torch

from ganwidgets.core.edits import EditStack, UnitEdit
from ganwidgets.core.errors import ArgumentError, SeedError
from ganwidgets.core.latents import Latents
from ganwidgets.core.walks import great_circle, walk
from ganwidgets.testing import planted_generator

PLANTED = planted_generator()
G = PLANTED.generator


def test_it_passes_its_stops_bit_for_bit():
    way = walk(G, [3, 8, 5], steps=4)
    assert len(way) == 12 and way.latents(8).pictures == (5,)
    for place, seed in ((0, 3), (4, 8), (8, 5)):
        assert torch.equal(way[place], G.images(G.sample([seed]))[0])
    assert not torch.equal(way[1], way[0]) and len(list(way)) == 12
    with pytest.raises(IndexError):
        way[12]


def test_without_loop_it_ends_at_its_last_stop():
    way = walk(G, [3, 8], steps=4, loop=False)
    assert len(way) == 5 and way.latents(4).pictures == (8,) and way.words(4) == "picture 8"
    assert way.words(1) == "picture 3, 25% of the way to picture 8"
    assert walk(G, [3, 8], steps=4).words(6) == "picture 8, 50% of the way to picture 3"


def test_between_stops_it_keeps_to_the_circle():
    way = walk(G, [3, 8], steps=8, loop=False)
    ends = torch.stack([way.latents(0).z[0], way.latents(8).z[0]]).double()
    unit = ends / ends.norm(dim=1, keepdim=True)
    whole = torch.arccos((unit[0] * unit[1]).sum())
    for place in range(9):
        z = way.latents(place).z[0].double()
        assert float(torch.linalg.lstsq(ends.T, z[:, None]).residuals.sum()) < 1e-9, "it stays in the plane of both"
    one, other = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    for share in (0.0, 0.25, 0.5, 1.0):
        z = great_circle(one, other, share)
        assert float(z.norm()) == pytest.approx(3) and float(torch.atan2(z[0, 1], z[0, 0])) == pytest.approx(share * np.pi / 2)
    assert float(whole) > 0
    assert torch.allclose(great_circle(one, 2 * one, .5), 1.5 * one), "no angle: straight"
    assert torch.isfinite(great_circle(one, -one, .5)).all()


def test_numbers_are_those_of_own_vectors():
    way = walk(G, [3, 8], steps=4)
    between = way.latents(1)
    assert between.pictures == G.latents(z=between.z).pictures and between.pictures[0] < 0
    assert len({way.latents(place).pictures for place in range(5)}) == 5


def test_w_goes_straight_and_takes_no_z_along():
    z = G.sample([1, 2]).z
    w = torch.arange(12.0).reshape(2, 2, 3)
    way = walk(G, Latents((1, 2), z=z, w=w, condition=torch.eye(2)), steps=4)
    middle = way.latents(2)
    assert middle.z is None and torch.allclose(middle.w, w.mean(0, keepdim=True))
    assert torch.allclose(middle.condition, torch.full((1, 2), .5))
    residual = dataclasses.replace(way.stops, residuals=(("layer2", torch.ones(2, 1)),))
    assert walk(G, residual, steps=4).latents(1).residuals[0][1].tolist() == [[1.0]]


def test_edits_act_all_the_way_or_at_their_own_stops():
    off = UnitEdit("layer2", [PLANTED.units["field"]], 0.0)
    everywhere = walk(G, [3, 8], steps=3, edits=EditStack().push(off))
    assert all(bool((picture[2] < 0).all()) for picture in everywhere)
    once = walk(G, [3, 8], steps=3, edits=EditStack().push(dataclasses.replace(off, seeds=(8,))))
    assert [bool((picture[2] < 0).all()) for picture in once] == [False, False, False, True, False, False]


def test_stills_say_where_they_are():
    way = walk(G, [3, 8], steps=2)
    stills = list(way.stills)
    assert [still.text for still in stills] == [way.words(place) for place in range(4)]
    assert torch.equal(stills[1].image, way[1])
    own = walk(G, G.latents(z=torch.randn(2, 6, generator=torch.Generator().manual_seed(0))), steps=2)
    assert own.words(0) == "your picture 1"


@pytest.mark.parametrize("g, seeds, options, error", [
    (G, [3], {}, ArgumentError), (G, [3, 4], {"steps": 0}, ArgumentError), (G, [3, 4], {"steps": True}, ArgumentError),
    (G, [3, -1], {}, SeedError),
])
def test_what_is_no_walk(g, seeds, options, error):
    with pytest.raises(error):
        walk(g, seeds, **options)
