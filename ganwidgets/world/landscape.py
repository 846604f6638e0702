"""Plans the land about a building: sky, hills, water, paths, trees, bushes and fences, each from a random stream."""
from __future__ import annotations

import math

from numpy.random import RandomState

from .buildings import pick, varied
from .palette import CONIFER, CROPS, FENCES, FOLIAGE, GRASS, GREY, MOON, SKY, SUN, mix, scaled
from .parts import (
    Building,
    Bush,
    Cloud,
    Curve,
    Disc,
    Fence,
    Field,
    Ground,
    Number,
    Path,
    Peak,
    Sky,
    Tree,
    Water,
)


def horizon(random: RandomState, place: str) -> float:
    low, high = {"lake": (.3, .56), "mountains": (.58, .84), "forest": (.34, .72)}.get(place, (.4, .8))
    return random.uniform(low, high)


def sky(random: RandomState, hour: str, weather: str, horizon: float) -> Sky:
    shift = random.randint(-12, 13, 3).tolist()
    colors = []
    for color in SKY[hour]:
        grey = sum(color) // 3
        pale = mix((grey, grey, grey + 8), (236, 238, 240), .12 if hour == "night" else .3)
        seen = mix(color, pale, GREY[weather])
        colors.append(tuple(max(0, min(255, c + s)) for c, s in zip(seen, shift, strict=True)))
    count = random.randint(5, 12) if hour == "night" and weather == "clear" else 0
    stars = tuple((float(random.rand()), float(random.rand() * horizon * .8)) for _ in range(count))
    return Sky(colors[0], colors[1], stars)


def disc(random: RandomState, hour: str, weather: str, horizon: float) -> Disc | None:
    x, share, radius = random.uniform(.08, .92), random.rand(), random.uniform(.068, .105)
    if weather == "overcast" or (weather == "mist" and hour != "night"):
        return None
    if hour == "night":
        return Disc("moon", x, .1 + share * (horizon * .65 - .1), radius, MOON)
    low = hour in ("sunset", "dawn")
    y = horizon * (.55 + .42 * share) if low else .1 + share * max(.06, horizon * .6 - .1)
    return Disc("sun", x, y, radius * (1.15 if low else 1), mix(SUN, (255, 150, 90), .45) if low else SUN)


def clouds(random: RandomState, weather: str, horizon: float) -> tuple[Cloud, ...]:
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


def peaks(random: RandomState, place: str, horizon: float) -> tuple[Peak, ...]:
    great = place == "mountains"
    if not great and random.rand() > (.35 if place != "lake" else .5):
        return ()
    found = []
    for depth, count in ((1., random.randint(2, 4)), (.45, random.randint(1, 4))):
        for i in range(count):
            rise = random.uniform(.32, .56) if great else random.uniform(.1, .2)
            rise = min(rise * (1 if depth == 1 else .78), horizon - .06)
            half = rise * random.uniform(.75, 1.15) if great else rise * random.uniform(1., 1.7)
            x = (i + random.uniform(.1, .9)) / count * 1.2 - .1
            found.append(Peak(x, horizon - rise, half, random.uniform(-.3, .3), depth))
    return tuple(found)


def ground(random: RandomState, horizon: float, season: str) -> Ground:
    def curve(y: float, height: float) -> Curve:
        def wave(share: Number, low: Number, high: Number) -> tuple[float, float, float]:
            return height * share, random.uniform(low, high), random.uniform(0, 6.28)
        return Curve(y, (wave(1, .4, .9), wave(.4, 1, 2)))
    color = varied(random, GRASS[season], 14)
    far = curve(horizon, random.uniform(.01, .035))
    return Ground(far, curve(horizon + random.uniform(.05, .1), random.uniform(.01, .03)), color)


def water(random: RandomState, place: str, horizon: float, home: Building | None, path: Path | None) -> Water | None:
    if place == "lake":
        ry = random.uniform(.15, .25)
        x, y = random.uniform(.15, .85), min(horizon + .1 + ry * random.uniform(1, 1.5), 1.0)
        return Water(x, y, random.uniform(.48, .85), ry)
    if random.rand() > .2:
        return None
    low = max(horizon + .14, home.foot + .05 if home else 0)
    ry = random.uniform(.05, .075)
    x = random.uniform(.02, .98)
    if path:      # on the side that the path leaves free
        way = path.x0 * .4 + path.x1 * .6
        x = way - random.uniform(.4, .6) if way > .5 else way + random.uniform(.4, .6)
    return Water(x, random.uniform(min(low, .93), .97), random.uniform(.2, .32), ry)


def field(random: RandomState, place: str, horizon: float, season: str, home: Building | None) -> Field | None:
    if place != "farm" or home is None:
        return None
    left = home.box.x + home.box.width / 2 > .5
    x0, x1 = (-.1, random.uniform(.5, .8)) if left else (random.uniform(.2, .5), 1.1)
    if random.rand() < .4:
        x0, x1 = -.1, 1.1
    top = min(horizon + random.uniform(.1, .16), .9)
    bottom, vanish = random.uniform(1.0, 1.14), random.uniform(.2, .8)
    return Field(x0, x1, top, bottom, vanish, int(random.randint(6, 10)), CROPS[season])


def path(random: RandomState, place: str, ground: Ground, home: Building | None) -> Path | None:
    chance = {"house": .8, "church": .8, "farm": .35, "lake": 0}.get(place, .45)
    if random.rand() > chance:
        return None
    bend, wide = random.uniform(-.15, .15), random.uniform(.16, .28)
    if home:
        x = home.door.x + home.door.width / 2
        wide = max(.12, wide * (1.02 - home.foot) * 2.6)
        return Path(x, home.foot, x + random.uniform(-.4, .4), 1.02, bend, home.door.width * .9, wide)
    x = random.uniform(.1, .9)
    return Path(x, ground.near.at(x) + .005, random.uniform(0, 1), 1.02, bend * 1.5, .03, wide)


def trees(random: RandomState, place: str, season: str, ground: Ground, home: Building | None,
          water: Water | None) -> tuple[Tree, ...]:
    low, high = {"forest": (6, 9), "lake": (1, 3), "mountains": (1, 3)}.get(place, (0, 3))
    conifers = {"mountains": .75, "forest": random.choice([.1, .5, .95])}.get(place, .35)
    count = random.randint(low, high + 1)
    found = [_tree(random, place, season, ground, home, water, conifers) for _ in range(count)]
    return tuple(sorted(found, key=lambda tree: tree.foot))


def _tree(random: RandomState, place: str, season: str, ground: Ground, home: Building | None,
          water: Water | None, conifers: float) -> Tree:
    kind = "conifer" if random.rand() < conifers else "round"
    x, near = random.uniform(.02, .98), random.rand()
    rim = ground.near.at(x)
    if home:
        x = _beside(random, home)
        rim, near = max(rim, home.foot - .12), near * .8
    foot = _dry(x, rim + .01 + near * max(.02, .97 - rim), water)
    height = random.uniform(.27, .36) + .2 * near + (.08 if place == "forest" else 0)
    width = height * (random.uniform(.5, .62) if kind == "conifer" else random.uniform(.62, .8))
    color = varied(random, pick(random, CONIFER if kind == "conifer" else FOLIAGE[season]), 10)
    blobs = tuple((float(dx), float(dy), random.uniform(.26, .33)) for dx, dy in
                  ((-.22, .12), (.22, .1), (0, -.18), (random.uniform(-.2, .2), random.uniform(-.2, .05)), (0, .12)))
    return Tree(kind, x, foot, height, width, color, blobs)


def _beside(random: RandomState, home: Building) -> float:
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
    if water is None or abs(across) >= 1:
        return foot
    half = (water.ry + .025) * math.sqrt(1 - across * across)
    if abs(foot - water.y) >= half:
        return foot
    return water.y + half if foot > water.y and water.y + half < 1 else water.y - half


def bushes(random: RandomState, season: str, ground: Ground, home: Building | None,
           water: Water | None) -> tuple[Bush, ...]:
    found = []
    for _ in range(random.choice([0, 0, 1, 2, 3])):
        x = random.uniform(0, 1)
        rim = ground.near.at(x)
        if home and random.rand() < .6:
            x, rim = _beside(random, home), home.foot - .03
        foot = _dry(x, rim + .05 + random.rand() ** 1.5 * max(.02, .95 - rim), water)
        width = random.uniform(.17, .26)
        evergreen = season == "winter"
        color = scaled(pick(random, CONIFER if evergreen else FOLIAGE[season]), 1.1 if evergreen else .92)
        found.append(Bush(x, foot, width, width * random.uniform(.5, .62), color))
    return tuple(sorted(found, key=lambda bush: bush.foot))


def fence(random: RandomState, place: str, season: str, ground: Ground, home: Building | None) -> Fence | None:
    if random.rand() > {"house": .4, "farm": .6, "church": .3, "lake": 0}.get(place, .2):
        return None
    low = max(ground.near.y + .1, home.foot - .04 if home and random.rand() < .7 else 0)
    foot = random.uniform(min(low, .97), 1.0)
    x0, x1 = pick(random, ((-.05, 1.05), (-.05, random.uniform(.4, .7)), (random.uniform(.3, .6), 1.05)))
    height, gap = random.uniform(.12, .16), random.uniform(.1, .13)
    return Fence(x0, x1, foot, height, gap, FENCES[1] if season == "winter" else pick(random, FENCES))
