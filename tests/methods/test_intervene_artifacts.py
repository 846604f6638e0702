"""A unit that spoils pictures is found by its distance, and switching it off mends them; random units do not."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganwidgets.core.errors import ArgumentError, LayerError, ShapeError, StatisticsError
from ganwidgets.core.gaussians import Gaussian, frechet_distance
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun
from ganwidgets.methods.intervene_artifacts import artifact_units, repair, rows_of

SPOILED, NET = 3, nn.Linear(1, 1)


@dataclass(frozen=True, eq=False)
class Blotched(LayeredGenerator):
    """Ten units draw soft shapes; where unit 3 goes high, in about one picture of six, white stripes lie over them."""

    name: str = "blotched"
    layers: tuple[Layer, ...] = (Layer("cells", 10, 8, 8),)
    image_size: int = 16
    latent_shape: tuple[int, ...] = (10,)
    companions: Any = field(default_factory=dict)
    net: Any = NET
    digests: Any = None
    stripes: float = 1.0

    def head(self, inputs, upto):
        self.place(upto)
        places = (torch.arange(64).reshape(8, 8) * torch.arange(1, 11)[:, None, None]).float().sin()
        return PausedRun("cells", F.relu(inputs.z.reshape(-1, 10, 1, 1) + 0.2 * places), inputs.pictures)

    def resume(self, paused, upto):
        return paused

    def tail(self, paused):
        features = paused.features
        soft = torch.stack([features[:, :3].mean(1), features[:, 4:7].mean(1), features[:, 7:].mean(1)], 1) * 0.2 - 0.5
        spoiled = F.relu(features[:, SPOILED:SPOILED + 1] - 1) * (torch.arange(8) % 2)[:, None] * self.stripes
        return F.interpolate((soft + 2 * spoiled).clamp(-1, 1), scale_factor=2, mode="nearest")


def looks(images):
    return F.adaptive_avg_pool2d(images, 4).flatten(1)


def drawn(stripes, seeds=range(500, 900)):
    g = Blotched(stripes=stripes)
    return g.images(g.sample(seeds))


def found(g=Blotched(), **changed):
    asked = {"layer": "cells", "seeds": range(300), "pictures": 40, **changed}
    return artifact_units(g, looks, drawn(0.0), **asked, progress=False)


def test_the_unit_that_spoils_pictures_is_the_worst_and_is_mended():
    worst = found()
    assert worst.ranking[0] == SPOILED and worst.table.times[0] > 5 * worst.table.times[1]
    mended = repair(Blotched(), worst, looks, drawn(0.0), range(1000, 1300), n=1, pictures=40, draws=12, progress=False)
    assert mended.units == (SPOILED,) and mended.after < 0.5 * mended.before and mended.beyond_chance
    assert len(mended.random) == 12 and np.median(mended.random) > 0.8 * mended.before


def test_where_nothing_is_spoiled_nothing_is_mended():
    g = Blotched(stripes=0.0)
    clean = found(g)
    assert clean.distances.max() < 5 * np.median(clean.distances) and found().distances[SPOILED] > 5 * clean.distances.max()
    ordinary = repair(g, clean, looks, drawn(0.0), range(1000, 1300), n=1, pictures=40, draws=4, progress=False)
    spoiled = repair(Blotched(), found(), looks, drawn(0.0), range(1000, 1300), n=1, pictures=40, draws=4, progress=False)
    assert spoiled.before - spoiled.after > 5 * (ordinary.before - ordinary.after), "what a unit chose comes back without it"
    other = repair(Blotched(), found(), looks, drawn(0.0), range(1000, 1300), units=[5], pictures=40, draws=4, progress=False)
    assert other.units == (5,) and spoiled.before - spoiled.after > 5 * (other.before - other.after)


def test_pictures_batches_rows_and_a_classifier(toy_classifier):
    pictures = drawn(0.0)
    rows = rows_of(looks, pictures)
    assert torch.equal(rows, rows_of(looks, pictures.split(7))) and torch.equal(rows, rows_of(looks, rows))
    assert rows_of(toy_classifier, pictures).shape == (400, 24)
    assert np.array_equal(found().distances, artifact_units(Blotched(), looks, rows, layer="cells", seeds=range(300), pictures=40,
                                                            progress=False).distances)


def test_bad_arguments_are_said():
    worst = found()
    for act, error, words in (
        (lambda: found(seeds=range(40)), ArgumentError, "all of them"), (lambda: found(layer="attic"), LayerError, "attic"),
        (lambda: found(pictures=0), ArgumentError, "whole number"),
        (lambda: rows_of(looks, 3), ArgumentError, "int came"), (lambda: rows_of(looks, []), ArgumentError, "no reference"),
        (lambda: rows_of(lambda x: x, drawn(0.0)), ShapeError, "rows"),
        (lambda: Gaussian.of(torch.ones(1, 4)), StatisticsError, "two rows"),
        (lambda: Gaussian.of(torch.full((3, 4), float("nan"))), StatisticsError, "not finite"),
        (lambda: Gaussian.of(torch.ones(4)), ShapeError, "table"),
        (lambda: repair(Blotched(), worst, looks, drawn(0.0), range(5), progress=False), ArgumentError, "5 seeds"),
    ):
        with pytest.raises(error, match=words):
            act()


def test_the_distance_is_that_of_the_formula():
    scipy = pytest.importorskip("scipy.linalg")
    random = np.random.RandomState(0)
    one, other = (random.normal(size=(50, 5)) @ random.normal(size=(5, 5)) + random.normal(size=5) for _ in range(2))
    a, b = Gaussian.of(one), Gaussian.of(other)
    between = np.trace(a.covariance + b.covariance - 2 * scipy.sqrtm(a.covariance @ b.covariance).real)
    assert frechet_distance(a, b) == pytest.approx(np.square(a.mean - b.mean).sum() + between)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a)) and frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    moved = Gaussian.of(one + 3)
    assert frechet_distance(a, moved) == pytest.approx(45)
    with pytest.raises(ShapeError, match="5 and 4"):
        frechet_distance(a, Gaussian.of(one[:, :4]))
