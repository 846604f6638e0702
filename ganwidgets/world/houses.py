"""Draws houses, churches and barns: walls, roofs, doors, windows, chimneys and towers, with snow and lamplight."""
from __future__ import annotations

from .canvas import Canvas, Point
from .palette import GLASS, LAMP, SHADOW, SNOW, Light, scaled
from .parts import Box, Building, Number, Scene, Tower

EAVES = .02       # how far a roof stands out
PLINTH = .022     # the dark foot of a wall


def draw_building(canvas: Canvas, it: Scene, light: Light, home: Building) -> None:
    box = home.box
    middle = box.x + box.width / 2
    canvas.tone(middle - .03 * it.light_from, home.foot, box.width * .56, .03, SHADOW, 80, home.kind)
    if home.tower and not home.tower.drum:
        _walls(canvas, it, light, home)
        _tower(canvas, it, light, home, home.tower)
    else:
        if home.tower:
            _tower(canvas, it, light, home, home.tower)
        _walls(canvas, it, light, home)
    for window in home.windows:
        _window(canvas, light, home, window)
    _door(canvas, light, home)


def _walls(canvas: Canvas, it: Scene, light: Light, home: Building) -> None:
    if home.chimney:
        _chimney(canvas, it, light, home)
    if home.style == "corner":
        (_barn_front if home.kind == "barn" else _corner)(canvas, it, light, home)
    else:
        _facade(canvas, it, light, home)


def _facade(canvas: Canvas, it: Scene, light: Light, home: Building) -> None:
    box, rise = home.box, home.roof_height
    _plain_wall(canvas, light, home, box, 1.0)
    slope = min(.09, box.width * .2)
    _roof(canvas, it, light, home, (box.x - EAVES, box.y + .02), (box.x + box.width + EAVES, box.y + .02),
          (box.x + box.width - slope, box.y - rise), (box.x + slope, box.y - rise))


def _plain_wall(canvas: Canvas, light: Light, home: Building, box: Box, shade: Number) -> None:
    """A wall with the shadow of its eaves, standing on a darker plinth."""
    canvas.rectangle(box.x, box.y, box.width, box.height, light(home.wall, 0, shade), "wall", home.kind)
    canvas.rectangle(box.x, box.y, box.width, .045, light(home.wall, 0, shade * .8), "wall", home.kind)
    _plinth(canvas, light, home, box, shade)


def _plinth(canvas: Canvas, light: Light, home: Building, box: Box, shade: Number) -> None:
    dark = light(home.wall, 0, shade * .76)
    canvas.rectangle(box.x, box.y + box.height - PLINTH, box.width, PLINTH, dark, "wall", home.kind)


def _roof(canvas: Canvas, it: Scene, light: Light, home: Building, a, b, c, d) -> None:
    """The quadrangle a b c d from the left eave clockwise below, in three rows of tiles; snow leaves the lowest."""
    def row(low: Number, high: Number) -> list[tuple[Number, Number]]:
        def along(p, q, t):
            return p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t
        return [along(a, d, low), along(b, c, low), along(b, c, high), along(a, d, high)]
    for low, high, shade in ((0, .34, .86), (.3, .68, .97), (.64, 1, 1.1)):
        canvas.polygon(row(low, high), light(home.roof, 0, shade), "roof", home.kind)
    if it.season == "winter":
        canvas.polygon(row(.3, 1), light(SNOW), "roof", "snow", home.kind)
        canvas.polygon(row(.24, .4), light((206, 218, 240)), "roof", "snow", home.kind)


def _corner(canvas: Canvas, it: Scene, light: Light, home: Building) -> None:
    """A gable that faces us and a long side in shade."""
    box, front, rise = home.box, home.front, home.roof_height
    side = Box(front.x + front.width, box.y, box.width - front.width, box.height)
    _plain_wall(canvas, light, home, side, .84)
    tip = (front.x + front.width / 2, front.y - rise)
    end = box.x + box.width
    _roof(canvas, it, light, home, (front.x + front.width - .01, box.y + .02), (end + EAVES, box.y + .02),
          (end - front.width * .25, box.y - rise), tip)
    base, right = front.y + front.height, front.x + front.width
    gable = [(front.x, base), (front.x, front.y), tip, (right, front.y), (right, base)]
    canvas.polygon(gable, light(home.wall), "wall", home.kind)
    _plinth(canvas, light, home, front, 1)
    line = [(front.x - EAVES, front.y + .03), tip, (right + EAVES, front.y + .03)]
    _gable_edge(canvas, it, light, home, line, .045, .8)


def _gable_edge(canvas: Canvas, it: Scene, light: Light, home: Building, line: list[Point], thick: float,
                shade: float) -> None:
    """The end of the roof along a gable, all of it under snow in winter."""
    outline = [(x, y - thick * .6) for x, y in line] + [(x, y + thick * .4) for x, y in reversed(line)]
    if it.season == "winter" and "snow" not in canvas.hidden:
        canvas.polygon(outline, light(SNOW), "roof", "snow", home.kind)
    else:
        canvas.polygon(outline, light(home.roof, 0, shade), "roof", home.kind)


def _barn_front(canvas: Canvas, it: Scene, light: Light, home: Building) -> None:
    """A gambrel gable with a long side behind it."""
    box, front, rise = home.box, home.front, home.roof_height
    _plain_wall(canvas, light, home, Box(front.x + front.width, box.y, box.width - front.width, box.height), .78)
    right, knee = front.x + front.width, front.width * .2
    middle, end = front.x + front.width / 2, box.x + box.width
    _roof(canvas, it, light, home, (right - .02, box.y + .02), (end + EAVES, box.y + .02),
          (end - knee, box.y - rise), (middle, box.y - rise))
    line = [(front.x, front.y), (front.x + knee, front.y - rise * .66), (middle, front.y - rise),
            (right - knee, front.y - rise * .66), (right, front.y)]
    base = front.y + front.height
    canvas.polygon([(front.x, base), *line, (right, base)], light(home.wall), "wall", home.kind)
    _plinth(canvas, light, home, front, 1)
    line[0], line[-1] = (front.x - EAVES, front.y + .02), (right + EAVES, front.y + .02)
    _gable_edge(canvas, it, light, home, line, .05, .9)


def _chimney(canvas: Canvas, it: Scene, light: Light, home: Building) -> None:
    pipe = home.chimney
    if pipe is None:
        return
    brick = (156, 92, 76)
    canvas.rectangle(pipe.x, pipe.y, pipe.width, pipe.height, light(brick), "chimney", home.kind)
    canvas.rectangle(pipe.x, pipe.y, pipe.width * .4, pipe.height, light(brick, 0, .78), "chimney", home.kind)
    canvas.rectangle(pipe.x - .01, pipe.y, pipe.width + .02, .028, light(brick, 0, .66), "chimney", home.kind)
    if it.season == "winter":
        canvas.rectangle(pipe.x - .01, pipe.y - .015, pipe.width + .02, .025, light(SNOW), "chimney", "snow", home.kind)


def _tower(canvas: Canvas, it: Scene, light: Light, home: Building, tower: Tower) -> None:
    body = tower.body
    kind = ("tower", home.kind)
    canvas.rectangle(body.x, body.y, body.width, body.height, light(tower.color), *kind)
    dark = body.x if it.light_from > 0 else body.x + body.width * .72
    canvas.rectangle(dark, body.y, body.width * .28, body.height, light(tower.color, 0, .84), *kind)
    canvas.rectangle(body.x - .012, body.y - .012, body.width + .024, .034, light(tower.color, 0, .72), *kind)
    (_spire if tower.top == "spire" else _dome)(canvas, it, light, home, tower)


def _spire(canvas: Canvas, it: Scene, light: Light, home: Building, tower: Tower) -> None:
    body, middle = tower.body, tower.body.x + tower.body.width / 2
    kind = ("tower", home.kind)
    top, foot = body.y - tower.top_height, body.y
    bright, dark = light(home.roof, 0, 1.1), light(home.roof, 0, .76)
    left, right = (dark, bright) if it.light_from > 0 else (bright, dark)
    canvas.polygon([(middle, top), (body.x - .022, foot), (middle, foot)], left, "roof", *kind)
    canvas.polygon([(middle, top), (middle, foot), (body.x + body.width + .022, foot)], right, "roof", *kind)
    if it.season == "winter":
        y, half = top + tower.top_height * .62, (body.width / 2 + .022) * .62
        cap = [(middle, top), (middle - half, y), (middle, y - .025), (middle + half, y)]
        canvas.polygon(cap, light(SNOW), "roof", "snow", *kind)


def _dome(canvas: Canvas, it: Scene, light: Light, home: Building, tower: Tower) -> None:
    body, middle = tower.body, tower.body.x + tower.body.width / 2
    kind = ("tower", home.kind)
    color = tower.dome
    half, rise = body.width * (.56 if tower.drum else .62), tower.top_height * .8
    center = body.y - rise * (.1 if tower.drum else .42)
    ry = rise * (.9 if tower.drum else .56)
    shoulder = center - ry * .86
    tip = [(middle - .05, shoulder), (middle, body.y - tower.top_height - .03), (middle + .05, shoulder)]
    dark, bright, glint = (light(color, 0, shade) for shade in (.78, 1.0, 1.3))
    canvas.polygon(tip, light(color, 0, .9), "dome", *kind)
    canvas.ellipse(middle, center, half, ry, dark, "dome", *kind)
    canvas.ellipse(middle + half * .14 * it.light_from, center - ry * .04, half * .8, ry * .9, bright, "dome", *kind)
    canvas.ellipse(middle + half * .32 * it.light_from, center - ry * .2, half * .36, ry * .55, glint, "dome", *kind)
    if it.season == "winter":
        canvas.ellipse(middle, center - ry * .62, half * .62, ry * .36, light(SNOW), "dome", "snow", *kind)
    if tower.drum:
        canvas.rectangle(body.x, body.y, body.width, body.height, light(tower.color, 0, .92), *kind)
        canvas.rectangle(body.x - .012, body.y - .012, body.width + .024, .034, light(tower.color, 0, .72), *kind)


def _part(home: Building, name: str, box: Box) -> tuple[str, ...]:
    """The concepts of a door or window: one in the tower is also tower."""
    middle = box.x + box.width / 2
    body = home.tower.body if home.tower else None
    inside = body and body.x < middle < body.x + body.width and body.y < box.y < body.y + body.height
    return (name, "tower", home.kind) if home.tower and inside and not home.tower.drum else (name, home.kind)


def _window(canvas: Canvas, light: Light, home: Building, pane: Box) -> None:
    kind = _part(home, "window", pane)
    frame = light(scaled(home.wall, .58) if sum(home.wall) > 560 else (238, 232, 216))
    glass = LAMP if light.lamps else light(GLASS)
    sheen = (255, 236, 170) if light.lamps else light((156, 190, 214))
    canvas.rectangle(pane.x, pane.y, pane.width, pane.height, frame, *kind)
    if home.kind == "church":
        canvas.ellipse(pane.x + pane.width / 2, pane.y, pane.width / 2, pane.width * .42, frame, *kind)
        canvas.ellipse(pane.x + pane.width / 2, pane.y + .005, pane.width / 2 - .016, pane.width * .3, glass, *kind)
    edge = .016
    canvas.rectangle(pane.x + edge, pane.y + edge * .8, pane.width - 2 * edge, pane.height - 2 * edge, glass, *kind)
    canvas.rectangle(pane.x + edge, pane.y + edge * .8, pane.width * .3, pane.height * .36, sheen, *kind)
    if home.kind != "church":
        canvas.rectangle(pane.x + pane.width / 2 - .006, pane.y, .012, pane.height, frame, *kind)


def _door(canvas: Canvas, light: Light, home: Building) -> None:
    door, kind = home.door, _part(home, "door", home.door)
    if home.kind == "barn":
        _barn_door(canvas, light, home)
        return
    frame, leaf = light(home.door_color, 0, .74), light(home.door_color, 0, 1.15)
    canvas.rectangle(door.x, door.y, door.width, door.height, frame, *kind)
    if home.kind == "church":
        canvas.ellipse(door.x + door.width / 2, door.y, door.width / 2, door.width * .45, frame, *kind)
    canvas.rectangle(door.x + .016, door.y + .014, door.width - .032, door.height - .014, leaf, *kind)
    canvas.rectangle(door.x + door.width - .036, door.y + door.height * .5, .018, .018, light((240, 210, 120)), *kind)


def _barn_door(canvas: Canvas, light: Light, home: Building) -> None:
    """Two leaves in a pale frame, crossed by boards."""
    door, kind = home.door, ("door", home.kind)
    pale, dark = light(home.door_color), light(home.wall, 0, .6)
    canvas.rectangle(door.x, door.y, door.width, door.height, pale, *kind)
    inner = Box(door.x + .02, door.y + .02, door.width - .04, door.height - .02)
    canvas.rectangle(inner.x, inner.y, inner.width, inner.height, dark, *kind)
    for x0, x1 in ((inner.x, inner.x + inner.width), (inner.x + inner.width, inner.x)):
        foot = inner.y + inner.height
        canvas.polygon([(x0 - .008, inner.y), (x0 + .012, inner.y), (x1 + .008, foot), (x1 - .012, foot)], pale, *kind)
