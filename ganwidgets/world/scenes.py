"""A scene as data, from a seed: each part draws from its own random stream, so that none disturbs another."""
from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.random import RandomState

from ganwidgets.core.concepts import Concept
from ganwidgets.core.errors import ArgumentError, ConceptError, SeedError, one_of

from .buildings import building, pick, varied
from .palette import CONIFER, CROPS, FENCES, FOLIAGE, GRASS, GREY, MOON, SKY, SUN, mix, scaled
from .parts import Bush, Cloud, Curve, Disc, Fence, Field, Ground, Number, Path, Peak, Scene, Sky, Tree, Water

PLACES = ("house", "church", "farm", "forest", "lake", "mountains")
HOURS = {"day": .46, "dawn": .12, "sunset": .2, "night": .22}
SEASONS = {"spring": .22, "summer": .27, "autumn": .23, "winter": .28}
WEATHERS = {"clear": .36, "cloudy": .36, "overcast": .15, "mist": .13}

# A window or door pixel is not wall; all parts of a building are also the building, a trunk is also tree,
# snow on a roof, tree or mountain is both. Colours differ in lightness or along blue-yellow.
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

    `without` leaves concepts out, each with its shadow and the snow on it; all else stays as it was.
    `thin` maps a concept to the probability (0..1) with which it stays, decided by the seed.
    Raises SeedError for a seed out of range ConceptError for an unknown concept,
    and ArgumentError for a probability out of range.
    """
    seed = checked_seed(seed)
    return replace(_plan(seed), without=_left_out(seed, without, thin or {}))


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
    place = PLACES[random.randint(len(PLACES))]
    hour, season, weather = (_weighted(random, table) for table in (HOURS, SEASONS, WEATHERS))
    light_from = 1 if random.rand() < .5 else -1
    horizon = _horizon(random, place)
    kind = {"house": "house", "church": "church", "farm": "barn"}.get(place)
    home = building(stream("building"), kind, horizon) if kind else None
    ground = _ground(stream("ground"), horizon, season)
    path = _path(stream("path"), place, ground, home)
    water = _water(stream("water"), place, horizon, home, path)
    return Scene(
        seed, place, hour, season, weather, light_from, _sky(stream("sky"), hour, weather, horizon),
        _disc(stream("disc"), hour, weather, horizon), _clouds(stream("clouds"), weather, horizon),
        _peaks(stream("peaks"), place, horizon), ground, water, _field(stream("field"), place, horizon, season, home), path, home,
        _trees(stream("trees"), place, season, ground, home, water), _bushes(stream("bushes"), season, ground, home, water),
        _fence(stream("fence"), place, season, ground, home), tuple(map(tuple, stream("grain").randint(0, 256, (6, 6)).tolist())))


def _weighted(random: RandomState, table: Mapping[str, float]) -> str:
    names = list(table)
    return names[int(np.searchsorted(np.cumsum(list(table.values()))[:-1], random.rand(), side="right"))]


def _horizon(random: RandomState, place: str) -> float:
    low, high = {"lake": (.3, .56), "mountains": (.58, .84), "forest": (.34, .72)}.get(place, (.4, .8))
    return random.uniform(low, high)


def _sky(random: RandomState, hour: str, weather: str, horizon: float) -> Sky:
    shift = random.randint(-12, 13, 3).tolist()
    colors = []
    for color in SKY[hour]:
        grey = sum(color) // 3
        pale = mix((grey, grey, grey + 8), (236, 238, 240), .12 if hour == "night" else .3)
        colors.append(tuple(max(0, min(255, c + s)) for c, s in zip(mix(color, pale, GREY[weather]), shift)))
    count = random.randint(5, 12) if hour == "night" and weather == "clear" else 0
    stars = tuple((float(random.rand()), float(random.rand() * horizon * .8)) for _ in range(count))
    return Sky(colors[0], colors[1], stars)


def _disc(random: RandomState, hour: str, weather: str, horizon: float) -> Disc | None:
    x, share, radius = random.uniform(.08, .92), random.rand(), random.uniform(.068, .105)
    if weather == "overcast" or (weather == "mist" and hour != "night"):
        return None
    if hour == "night":
        return Disc("moon", x, .1 + share * (horizon * .65 - .1), radius, MOON)
    low = hour in ("sunset", "dawn")
    y = horizon * (.55 + .42 * share) if low else .1 + share * max(.06, horizon * .6 - .1)
    return Disc("sun", x, y, radius * (1.15 if low else 1), mix(SUN, (255, 150, 90), .45) if low else SUN)


def _clouds(random: RandomState, weather: str, horizon: float) -> tuple[Cloud, ...]:
    low, high = {"clear": (0, 2), "cloudy": (2, 4), "overcast": (3, 5), "mist": (0, 2)}[weather]
    return tuple(_cloud(random, horizon) for _ in range(random.randint(low, high + 1)))


def _cloud(random: RandomState, horizon: float) -> Cloud:
    width = random.uniform(.24, .5)
    height = width * random.uniform(.3, .42)
    count = random.randint(3, 5)
    blobs = []
    for i in range(count):
        across = (i + .5) / count - .5
        ry = height * (.34 + .22 * (1 - abs(across) * 2)) * random.uniform(.85, 1.15)
        blobs.append((across * width * .8, -ry * .45, width / count * random.uniform(.75, .95), ry))
    return Cloud(random.uniform(0, 1), random.uniform(.08, max(.14, horizon * .7)), tuple(blobs))


def _peaks(random: RandomState, place: str, horizon: float) -> tuple[Peak, ...]:
    great = place == "mountains"
    if not great and random.rand() > (.35 if place != "lake" else .5):
        return ()
    peaks = []
    for depth, count in ((1., random.randint(2, 4)), (.45, random.randint(1, 4))):
        for i in range(count):
            rise = random.uniform(.32, .56) if great else random.uniform(.1, .2)
            rise = min(rise * (1 if depth == 1 else .78), horizon - .06)
            half = rise * random.uniform(.75, 1.15) if great else rise * random.uniform(1., 1.7)
            x = (i + random.uniform(.1, .9)) / count * 1.2 - .1
            peaks.append(Peak(x, horizon - rise, half, random.uniform(-.3, .3), depth))
    return tuple(peaks)


def _ground(random: RandomState, horizon: float, season: str) -> Ground:
    def curve(y: float, height: float) -> Curve:
        return Curve(y, ((height, random.uniform(.4, .9), random.uniform(0, 6.28)), (height * .4, random.uniform(1, 2), random.uniform(0, 6.28))))
    color = varied(random, GRASS[season], 14)
    return Ground(curve(horizon, random.uniform(.01, .035)), curve(horizon + random.uniform(.05, .1), random.uniform(.01, .03)), color)


def _water(random: RandomState, place: str, horizon: float, home, path: Path | None) -> Water | None:
    if place == "lake":
        ry = random.uniform(.15, .25)
        return Water(random.uniform(.15, .85), min(horizon + .1 + ry * random.uniform(1, 1.5), 1.0), random.uniform(.48, .85), ry)
    if random.rand() > .2:
        return None
    low = max(horizon + .14, home.foot + .05 if home else 0)
    ry = random.uniform(.05, .075)
    x = random.uniform(.02, .98)
    if path:      # on the side that the path leaves free
        way = path.x0 * .4 + path.x1 * .6
        x = way - random.uniform(.4, .6) if way > .5 else way + random.uniform(.4, .6)
    return Water(x, random.uniform(min(low, .93), .97), random.uniform(.2, .32), ry)


def _field(random: RandomState, place: str, horizon: float, season: str, home) -> Field | None:
    if place != "farm":
        return None
    left = home.box.x + home.box.width / 2 > .5
    x0, x1 = (-.1, random.uniform(.5, .8)) if left else (random.uniform(.2, .5), 1.1)
    if random.rand() < .4:
        x0, x1 = -.1, 1.1
    top = min(horizon + random.uniform(.1, .16), .9)
    return Field(x0, x1, top, random.uniform(1.0, 1.14), random.uniform(.2, .8), int(random.randint(6, 10)), CROPS[season])


def _path(random: RandomState, place: str, ground: Ground, home) -> Path | None:
    chance = {"house": .8, "church": .8, "farm": .35, "lake": 0}.get(place, .45)
    if random.rand() > chance:
        return None
    bend, wide = random.uniform(-.15, .15), random.uniform(.16, .28)
    if home:
        x = home.door.x + home.door.width / 2
        return Path(x, home.foot, x + random.uniform(-.4, .4), 1.02, bend, home.door.width * .9, max(.12, wide * (1.02 - home.foot) * 2.6))
    x = random.uniform(.1, .9)
    return Path(x, ground.near.at(x) + .005, random.uniform(0, 1), 1.02, bend * 1.5, .03, wide)


def _trees(random: RandomState, place: str, season: str, ground: Ground, home, water) -> tuple[Tree, ...]:
    low, high = {"forest": (6, 9), "lake": (1, 3), "mountains": (1, 3)}.get(place, (0, 3))
    conifers = {"mountains": .75, "forest": random.choice([.1, .5, .95])}.get(place, .35)
    trees = [_tree(random, place, season, ground, home, water, conifers) for _ in range(random.randint(low, high + 1))]
    return tuple(sorted(trees, key=lambda tree: tree.foot))


def _tree(random: RandomState, place: str, season: str, ground: Ground, home, water, conifers: float) -> Tree:
    kind = "conifer" if random.rand() < conifers else "round"
    x, near = random.uniform(.02, .98), random.rand()
    rim = ground.near.at(x)
    if home:
        x = _beside(random, home)
        rim, near = max(rim, home.foot - .12), near * .8
    foot = _dry(x, rim + .01 + near * max(.02, .97 - rim), water)
    height = random.uniform(.27, .36) + .2 * near + (.08 if place == "forest" else 0)
    width = height * (random.uniform(.5, .62) if kind == "conifer" else random.uniform(.62, .8))
    color = pick(random, CONIFER if kind == "conifer" else FOLIAGE[season])
    color = varied(random, color, 10)
    blobs = tuple((float(dx), float(dy), random.uniform(.26, .33)) for dx, dy in
                  ((-.22, .12), (.22, .1), (0, -.18), (random.uniform(-.2, .2), random.uniform(-.2, .05)), (0, .12)))
    return Tree(kind, x, foot, height, width, color, blobs)


def _beside(random: RandomState, home) -> float:
    """Somewhere that leaves the door and most of the front in sight."""
    left, right = home.box.x, home.box.x + home.box.width
    if home.tower:
        left, right = min(left, home.tower.body.x), max(right, home.tower.body.x + home.tower.body.width)
    room_left, room_right = max(left, .06), max(1 - right, .06)
    if random.rand() < room_left / (room_left + room_right):
        return left + .03 - random.rand() * (room_left + .03)
    return right - .03 + random.rand() * (room_right + .03)


def _dry(x: float, foot: float, water: Water | None) -> float:
    """`foot`, or the nearest shore for what would stand in the water."""
    across = (x - water.x) / (water.rx + .02) if water else 1
    if abs(across) >= 1:
        return foot
    half = (water.ry + .025) * math.sqrt(1 - across * across)
    if abs(foot - water.y) >= half:
        return foot
    return water.y + half if foot > water.y and water.y + half < 1 else water.y - half


def _bushes(random: RandomState, season: str, ground: Ground, home, water) -> tuple[Bush, ...]:
    bushes = []
    for _ in range(random.choice([0, 0, 1, 2, 3])):
        x = random.uniform(0, 1)
        rim = ground.near.at(x)
        if home and random.rand() < .6:
            x, rim = _beside(random, home), home.foot - .03
        foot = _dry(x, rim + .05 + random.rand() ** 1.5 * max(.02, .95 - rim), water)
        width = random.uniform(.17, .26)
        color = scaled(pick(random, CONIFER if season == "winter" else FOLIAGE[season]), 1.1 if season == "winter" else .92)
        bushes.append(Bush(x, foot, width, width * random.uniform(.5, .62), color))
    return tuple(sorted(bushes, key=lambda bush: bush.foot))


def _fence(random: RandomState, place: str, season: str, ground: Ground, home) -> Fence | None:
    if random.rand() > {"house": .4, "farm": .6, "church": .3, "lake": 0}.get(place, .2):
        return None
    low = max(ground.near.y + .1, home.foot - .04 if home and random.rand() < .7 else 0)
    foot = random.uniform(min(low, .97), 1.0)
    x0, x1 = pick(random, ((-.05, 1.05), (-.05, random.uniform(.4, .7)), (random.uniform(.3, .6), 1.05)))
    return Fence(x0, x1, foot, random.uniform(.12, .16), random.uniform(.1, .13), FENCES[1] if season == "winter" else pick(random, FENCES))
