"""Plans houses, churches and barns: sizes, doors, windows, roofs and towers, from a random stream."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from numpy.random import RandomState

from .palette import DOMES, DOORS, ROOFS, WALLS
from .parts import Box, Building, Color, Tower

Choice = TypeVar("Choice")
OVERHANG = .02      # of a roof beyond its walls


def pick(random: RandomState, choices: Sequence[Choice]) -> Choice:
    """One of the choices, all equally likely."""
    return choices[random.randint(len(choices))]


def varied(random: RandomState, color: Color, most: int) -> Color:
    """`color` with each channel moved by at most `most`."""
    shifts = random.randint(-most, most + 1, 3).tolist()
    return tuple(max(0, min(255, c + s)) for c, s in zip(color, shifts, strict=True))


def building(random: RandomState, kind: str, horizon: float) -> Building:
    """A building of 30 to 60 % of the picture's width that stands at or below the horizon."""
    return {"house": _house, "church": _church, "barn": _barn}[kind](random, horizon)


def _house(random: RandomState, horizon: float) -> Building:
    corner = random.rand() < .45
    width = random.uniform(.42, .55) if corner else random.uniform(.29, .54)
    tall = not corner and random.rand() < .3
    height = random.uniform(.42, .46) if tall else random.uniform(.25, .31)
    box = _stand(random, horizon, width, height, height + .2)
    front = Box(box.x, box.y, random.uniform(.2, .25), height) if corner else box
    slots = _slots(front, 1 if corner else max(2, int(width / .155)))
    at = random.randint(len(slots))
    door = _door(random, box, slots[at])
    long_side = Box(front.x + front.width, box.y, width - front.width, height)
    side = _slots(long_side, max(1, int(long_side.width / .15))) if corner else []
    level = box.y + (height * .58 if tall else height * random.uniform(.2, .32))
    pane = random.uniform(.1, .118)
    windows = [_window(x, level, pane) for x in [s for i, s in enumerate(slots) if i != at] + side]
    if tall:
        windows += [_window(x, box.y + height * .12, pane) for x in slots]
    chimney_x = box.x + width * random.uniform(.6, .74)
    roof_height = random.uniform(.13, .2)
    wall, roof, paint = _colors(random, "house")
    chimney = random.rand() < .92
    pipe = Box(chimney_x, box.y - roof_height - .06, random.uniform(.085, .105), roof_height * .75 + .06)
    return Building("house", "corner" if corner else "facade", box, front, roof_height, wall, roof, paint, door,
                    tuple(windows), pipe if chimney else None)


def _colors(random: RandomState, kind: str) -> tuple[Color, Color, Color]:
    """Colours of the wall, the roof and the door."""
    return varied(random, pick(random, WALLS[kind]), 10), pick(random, ROOFS[kind]), pick(random, DOORS)


def _church(random: RandomState, horizon: float) -> Building:
    central = random.rand() < .3
    width = random.uniform(.4, .54) if central else random.uniform(.27, .34)
    height = random.uniform(.25, .31)
    tower_width = random.uniform(.17, .2)
    left = random.rand() < .5
    whole = width if central else width + tower_width
    plan = _stand(random, horizon, whole, height, .62)
    box = plan if central else Box(plan.x + (tower_width if left else 0), plan.y, width, height)
    tower = _central_dome(random, box) if central else _tower(random, plan, tower_width, left)
    slots = _slots(box, 3 if central else 2)
    stem = box.x + width / 2 if central else tower.body.x + tower_width / 2
    door = _door(random, box, stem)
    pane = random.uniform(.1, .112)
    places = (slots[0], slots[2]) if central else slots
    windows = [_window(x, box.y + height * .22, pane, 1.35) for x in places]
    if not central:
        windows.append(_window(stem, tower.body.y + .05, pane, 1.2))
    return Building("church", "facade", box, box, .09 if central else random.uniform(.12, .16), tower.color,
                    pick(random, ROOFS["church"]), pick(random, DOORS), door, tuple(windows), None, tower)


def _tower(random: RandomState, plan: Box, width: float, left: bool) -> Tower:
    top = "spire" if random.rand() < .4 else "dome"
    top_height = random.uniform(.18, .26) if top == "spire" else random.uniform(.16, .2)
    foot = plan.y + plan.height
    height = min(random.uniform(.44, .54), foot - top_height - .02)
    body = Box(plan.x if left else plan.x + plan.width - width, foot - height, width, height)
    return Tower(body, top, top_height, varied(random, pick(random, WALLS["church"]), 10), pick(random, DOMES))


def _central_dome(random: RandomState, box: Box) -> Tower:
    width = random.uniform(.24, .32)
    body = Box(box.x + box.width / 2 - width / 2, box.y - .16, width, .17)
    top_height = random.uniform(.15, .2)
    wall = varied(random, pick(random, WALLS["church"]), 10)
    return Tower(body, "dome", top_height, wall, pick(random, DOMES), drum=True)


def _barn(random: RandomState, horizon: float) -> Building:
    width, height = random.uniform(.42, .55), random.uniform(.26, .32)
    box = _stand(random, horizon, width, height, height + .22)
    front = Box(box.x, box.y, width * random.uniform(.58, .7), height)
    door_width = random.uniform(.15, .18)
    door_height = random.uniform(.2, .23)
    door = Box(front.x + front.width / 2 - door_width / 2, box.y + height - door_height, door_width, door_height)
    roof_height = random.uniform(.15, .19)
    loft = _window(front.x + front.width / 2, box.y - .075, random.uniform(.1, .115), .95)
    side = _window((front.x + front.width + box.x + width) / 2, box.y + height * .3, .1)
    wall = varied(random, pick(random, WALLS["barn"]), 10)
    return Building("barn", "corner", box, front, roof_height, wall, pick(random, ROOFS["barn"]), (236, 226, 204), door,
                    (loft, side))


def _stand(random: RandomState, horizon: float, width: float, height: float, whole: float) -> Box:
    """The walls' place: all of the building inside the picture, its foot on the land."""
    low = max(horizon + .03, whole + .02)
    foot = random.uniform(low, max(low + .01, .95))
    return Box(random.uniform(OVERHANG + .01, 1 - width - OVERHANG - .01), foot - height, width, height)


def _slots(box: Box, n: int) -> list[float]:
    return [box.x + box.width * (i + .5) / n for i in range(max(1, n))]


def _door(random: RandomState, box: Box, x: float) -> Box:
    width, height = random.uniform(.1, .122), random.uniform(.195, .225)
    return Box(x - width / 2, box.y + box.height - height, width, height)


def _window(x: float, y: float, pane: float, tall: float = 1.1) -> Box:
    return Box(x - pane / 2, y, pane, pane * tall)
