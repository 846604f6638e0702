"""A scene as data, from a seed: each part draws from its own random stream, so that none disturbs another."""
from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.random import RandomState

from ganwidgets.core.concepts import Concept
from ganwidgets.core.errors import ArgumentError, ConceptError, SeedError, one_of

from . import landscape
from .buildings import building
from .parts import Number, Scene

PLACES = ("house", "church", "farm", "forest", "lake", "mountains")
HOURS = {"day": .46, "dawn": .12, "sunset": .2, "night": .22}
SEASONS = {"spring": .22, "summer": .27, "autumn": .23, "winter": .28}
WEATHERS = {"clear": .36, "cloudy": .36, "overcast": .15, "mist": .13}

# A window or door pixel is not wall; all parts of a building are also the building, all of a tower (its dome, spire,
# window and door) is also tower but not wall, a trunk is also tree, snow on a roof, tree or mountain is both.
# Colours differ in lightness or along blue-yellow.
CONCEPTS: tuple[Concept, ...] = (
    Concept("sky", "object", (150, 200, 255)), Concept("cloud", "object", (255, 255, 255)),
    Concept("sun", "object", (255, 230, 60)), Concept("moon", "object", (250, 245, 200)),
    Concept("mountain", "object", (110, 110, 150)), Concept("grass", "object", (100, 160, 40)),
    Concept("snow", "object", (220, 235, 245)), Concept("field", "object", (190, 150, 60)),
    Concept("path", "object", (225, 200, 150)), Concept("water", "object", (0, 114, 178)),
    Concept("tree", "object", (0, 100, 70)), Concept("bush", "object", (150, 190, 90)),
    Concept("fence", "object", (120, 80, 50)), Concept("house", "object", (230, 159, 0)),
    Concept("church", "object", (170, 120, 220)), Concept("barn", "object", (170, 40, 40)),
    Concept("wall", "part", (245, 215, 180)), Concept("roof", "part", (213, 94, 0)),
    Concept("window", "part", (86, 180, 233)), Concept("door", "part", (90, 30, 90)),
    Concept("chimney", "part", (70, 70, 70)), Concept("tower", "part", (204, 121, 167)),
    Concept("dome", "part", (0, 158, 115)), Concept("trunk", "part", (60, 40, 20)),
)
CONCEPT_NAMES = tuple(concept.name for concept in CONCEPTS)


def scene(seed: int, *, without: Sequence[str] = (), thin: Mapping[str, Number] | None = None) -> Scene:
    """The scene of a seed (0 <= seed < 2**32).

    `without` leaves concepts out, each with its shadow, its shore and the snow on it; all else stays as it was, and
    shows where it was covered. Without snow or grass the land shows what lies below; `place` stays what it was.
    `thin` maps a concept to the probability (0..1) with which it stays, decided by the seed.
    Raises SeedError for a seed out of range, ConceptError for an unknown concept,
    and ArgumentError for a probability out of range.
    """
    seed = checked_seed(seed)
    return replace(_plan(seed), without=_left_out(seed, without, thin or {}))


def place_of(seed: int) -> str:
    """The place of a seed's scene, without making the rest of it. Raises SeedError for a seed out of range."""
    return _place(Streams(checked_seed(seed))("setting"))


def checked_seed(seed: int) -> int:
    """`seed` as an int, or a SeedError."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2 ** 32:
        raise SeedError(f"no scene has the seed {seed!r}; seeds are whole numbers from 0 to {2 ** 32 - 1}.")
    return int(seed)


def _left_out(seed: int, without: Sequence[str], thin: Mapping[str, Number]) -> frozenset[str]:
    without = (without,) if isinstance(without, str) else tuple(without)
    for name in (*without, *thin):
        if name not in CONCEPT_NAMES:
            raise ConceptError(one_of("concept", name, CONCEPT_NAMES, where="storybook"))
    for name, share in thin.items():
        if not 0 <= share <= 1:
            raise ArgumentError(f"thin keeps {name!r} with probability {share!r}; give a number from 0 to 1.")
    stream = Streams(seed)
    gone = {name for name, share in thin.items() if stream("thin " + name).rand() >= share}
    return frozenset(without) | gone


class Streams:
    """The random stream of each part of a scene. One generator is reseeded, since a new one costs 80 times as much:
    a part is finished before the next one asks."""

    def __init__(self, seed: int):
        self.seed, self.random = seed, RandomState(0)

    def __call__(self, part: str) -> RandomState:
        self.random.seed(np.array([self.seed, zlib.crc32(part.encode())], dtype=np.uint32))
        return self.random


def _plan(seed: int) -> Scene:
    """All of the scene, nothing left out."""
    stream = Streams(seed)
    random = stream("setting")
    place = _place(random)
    hour, season, weather = (_weighted(random, table) for table in (HOURS, SEASONS, WEATHERS))
    light_from = 1 if random.rand() < .5 else -1
    horizon = landscape.horizon(random, place)
    kind = {"house": "house", "church": "church", "farm": "barn"}.get(place)
    home = building(stream("building"), kind, horizon) if kind else None
    ground = landscape.ground(stream("ground"), horizon, season)
    path = landscape.path(stream("path"), place, ground, home)
    water = landscape.water(stream("water"), place, horizon, home, path)
    return Scene(
        seed, place, hour, season, weather, light_from,
        landscape.sky(stream("sky"), hour, weather, horizon),
        landscape.disc(stream("disc"), hour, weather, horizon),
        landscape.clouds(stream("clouds"), weather, horizon),
        landscape.peaks(stream("peaks"), place, horizon),
        ground, water, landscape.field(stream("field"), place, horizon, season, home), path, home,
        landscape.trees(stream("trees"), place, season, ground, home, water),
        landscape.bushes(stream("bushes"), season, ground, home, water),
        landscape.fence(stream("fence"), place, season, ground, home),
        tuple(map(tuple, stream("grain").randint(0, 256, (6, 6)).tolist())))


def _place(random: RandomState) -> str:
    """The first that is drawn of a setting."""
    return PLACES[random.randint(len(PLACES))]


def _weighted(random: RandomState, table: Mapping[str, float]) -> str:
    names = list(table)
    return names[int(np.searchsorted(np.cumsum(list(table.values()))[:-1], random.rand(), side="right"))]
