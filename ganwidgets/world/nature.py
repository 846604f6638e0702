"""Draws the land: sky, mountains, ground, water, paths, trees, bushes and fences."""
from __future__ import annotations

from .canvas import Canvas
from .palette import EARTH, MOUNTAIN, PAPER, PATH, SHADOW, SNOW, TRUNK, Light, mix, scaled
from .parts import Bush, Curve, Fence, Number, Path, Peak, Scene, Tree

STEPS = 24


def draw_sky(canvas: Canvas, it: Scene, light: Light) -> None:
    canvas.rectangle(0, 0, 1, 1, PAPER)
    floor = it.ground.far.y + .06
    canvas.wash([(0, 0), (1, 0), (1, floor), (0, floor)], it.sky.top, it.sky.bottom, "sky")
    canvas.rectangle(0, floor, 1, 1 - floor + .01, it.sky.bottom, "sky")
    for x, y in it.sky.stars:
        canvas.ellipse(x, y, .008, .008, (236, 234, 214), "sky")
    if it.disc:
        for step in range(8, 0, -1):
            spread = it.disc.radius * (1 + step * .26)
            canvas.tone(it.disc.x, it.disc.y, spread, spread, it.disc.color, 12 if it.disc.kind == "sun" else 8, "sky")


def draw_disc(canvas: Canvas, it: Scene, light: Light) -> None:
    if not it.disc:
        return
    disc = it.disc
    canvas.ellipse(disc.x, disc.y, disc.radius, disc.radius, disc.color, disc.kind)
    inner = mix(disc.color, (255, 255, 255), .45) if disc.kind == "sun" else scaled(disc.color, .9)
    shift = -.18 if disc.kind == "sun" else .3
    share = .68 if disc.kind == "sun" else .4
    x, y, radius = disc.x + shift * disc.radius, disc.y + shift * disc.radius, disc.radius * share
    canvas.ellipse(x, y, radius, radius, inner, disc.kind)


def draw_clouds(canvas: Canvas, it: Scene, light: Light) -> None:
    body = {"day": (250, 251, 253), "dawn": (255, 226, 218), "sunset": (255, 196, 164), "night": (84, 92, 134)}[it.hour]
    if it.weather == "overcast":
        body = mix(body, it.sky.top, .3)
    shadow = mix(body, it.sky.top, .38)
    for cloud in it.clouds:
        for dx, dy, rx, ry in cloud.blobs:
            canvas.ellipse(cloud.x + dx, cloud.y + dy, rx, ry, shadow, "cloud")
        for dx, dy, rx, ry in cloud.blobs:
            x, y = cloud.x + dx + .008 * it.light_from, cloud.y + dy - ry * .22
            canvas.ellipse(x, y, rx * .88, ry * .78, body, "cloud")


def draw_peaks(canvas: Canvas, it: Scene, light: Light) -> None:
    for peak in it.peaks:
        _draw_peak(canvas, it, light, peak)


def _draw_peak(canvas: Canvas, it: Scene, light: Light, peak: Peak) -> None:
    depth = .35 + .65 * peak.depth
    bright, dark = light(MOUNTAIN, depth, 1.16), light(MOUNTAIN, depth, .78)
    foot = it.ground.far.y + .06
    left, right = (dark, bright) if it.light_from > 0 else (bright, dark)
    rise = foot - peak.top
    def flank(side: Number, share: Number) -> tuple[Number, Number]:
        return peak.x + side * peak.half * share, peak.top + rise * share
    def ridge(share: Number) -> tuple[Number, Number]:
        jag = .04 * peak.half if .2 < share < .6 else 0
        return peak.x + peak.ridge * peak.half * share + jag, peak.top + rise * share
    spine = [ridge(share) for share in (0, .3, .55, 1)]
    canvas.polygon([*spine, flank(-1, 1)], left, "mountain")
    canvas.polygon([*spine, flank(1, 1)], right, "mountain")
    cap = .5 if it.season == "winter" else .34 if rise > .3 else 0
    if cap:
        white, blue = light(SNOW, depth * .7), light((186, 200, 228), depth * .7)
        left, right = (blue, white) if it.light_from > 0 else (white, blue)
        middle = ridge(cap * .95)
        canvas.polygon([ridge(0), middle, flank(-.45, cap * .72), flank(-1, cap)], left, "mountain", "snow")
        canvas.polygon([ridge(0), middle, flank(.45, cap * .68), flank(1, cap)], right, "mountain", "snow")


def land(canvas: Canvas, it: Scene) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """The ground's colour and concept, whatever of snow and grass is left out."""
    if it.season == "winter" and "snow" not in canvas.hidden:
        return SNOW, ("snow",)
    return (EARTH, ()) if "grass" in canvas.hidden else (it.ground.color, ("grass",))


def draw_ground(canvas: Canvas, it: Scene, light: Light) -> None:
    color, concepts = land(canvas, it)
    far, near = it.ground.far, it.ground.near
    dim = (206, 218, 240) if color == SNOW else scaled(color, .84)
    canvas.wash(_below(far), light(mix(color, dim, .5), .55), light(color, .3), *concepts)
    canvas.wash(_below(near), light(color, .22, 1.04), light(dim, 0), *concepts)


def _below(curve: Curve) -> list[tuple[Number, Number]]:
    return [(i / STEPS, curve.at(i / STEPS)) for i in range(STEPS + 1)] + [(1, 1.02), (0, 1.02)]


def draw_field(canvas: Canvas, it: Scene, light: Light) -> None:
    if not it.field:
        return
    field = it.field
    base = light(field.color, .1)
    canvas.polygon(_strip(it, field.x0, field.x1), base, "field")
    between = light(SNOW, .1) if it.season == "winter" else light(mix(field.color, it.ground.color, .3), .1, .8)
    concepts = ("field", "snow") if it.season == "winter" else ("field",)
    step = (field.x1 - field.x0) / field.rows
    for row in range(field.rows):
        x = field.x0 + row * step
        canvas.polygon(_strip(it, x, x + step * .5), between, *concepts)


def _strip(it: Scene, x0: float, x1: float) -> list[tuple[Number, Number]]:
    """The part of the field between two rows, narrower far away."""
    field = it.field
    if field is None:
        return []
    def far(x: float) -> float:
        return x + (field.vanish - x) * .45
    return [(far(x0), field.top), (far(x1), field.top), (x1, field.bottom), (x0, field.bottom)]


def draw_water(canvas: Canvas, it: Scene, light: Light) -> None:
    """Sky colours upside down, a dark far shore and a few bright ripples."""
    if not it.water or "water" in canvas.hidden:
        return
    water = it.water
    shore = light(mix(land(canvas, it)[0], EARTH, .45), .1, .85)
    canvas.ellipse(water.x, water.y, water.rx + .015, water.ry + .014, shore, *land(canvas, it)[1])
    blue = light((70, 132, 178))
    top, bottom = mix(it.sky.bottom, blue, .45), mix(it.sky.top, blue, .5)
    if it.season == "winter":
        top, bottom = mix(top, light((206, 226, 240)), .4), mix(bottom, light((176, 204, 226)), .3)
    canvas.round_wash(water.x, water.y, water.rx, water.ry, top, bottom, "water")
    bright = mix(top, (255, 255, 255), .35 if it.hour != "night" else .15)
    for dx, dy, share in ((-.35, -.2, .3), (.25, .15, .36), (-.15, .5, .26)):
        x, y = water.x + dx * water.rx, water.y + dy * water.ry
        canvas.ellipse(x, y, water.rx * share, water.ry * .07, bright, "water")


def draw_path(canvas: Canvas, it: Scene, light: Light) -> None:
    if it.path:
        near, far = light(PATH, 0), light(PATH, .3, .92)
        if it.season == "winter":
            near, far = light(mix(PATH, SNOW, .3), 0, .92), light(mix(PATH, SNOW, .4), .3, .9)
        canvas.wash(_course(it.path), far, near, "path")


def _course(path: Path) -> list[tuple[Number, Number]]:
    left, right = [], []
    for i in range(13):
        t = i / 12
        x = path.x0 + (path.x1 - path.x0) * t * t + path.bend * 4 * t * (1 - t) * t
        half = (path.narrow + (path.wide - path.narrow) * t) / 2
        y = path.y0 + (path.y1 - path.y0) * t
        left.append((x - half, y))
        right.append((x + half, y))
    return left + right[::-1]


def draw_tree(canvas: Canvas, it: Scene, light: Light, tree: Tree) -> None:
    depth = max(0., min(1., (1 - tree.foot) / max(.1, 1 - it.ground.far.y))) * .6
    canvas.tone(tree.x - .03 * it.light_from, tree.foot, tree.width * .5, tree.height * .07, SHADOW, 70, "tree")
    trunk = tree.width * (.13 if tree.kind == "round" else .11)
    crown = tree.foot - tree.height * (.3 if tree.kind == "round" else .16)
    top, height = crown - .06, tree.foot - crown + .06
    canvas.rectangle(tree.x - trunk, top, trunk * 2, height, light(TRUNK, depth), "tree", "trunk")
    lit_side = tree.x if it.light_from > 0 else tree.x - trunk
    canvas.rectangle(lit_side, top, trunk, height, light(TRUNK, depth, 1.25), "tree", "trunk")
    (_round_crown if tree.kind == "round" else _conifer_crown)(canvas, it, light, tree, depth)


def _round_crown(canvas: Canvas, it: Scene, light: Light, tree: Tree, depth: float) -> None:
    center = tree.foot - tree.height * .64
    scale = tree.height * .36 / .62
    dark, middle, bright = (light(tree.color, depth, shade) for shade in (.72, .96, 1.18))
    for tone, shift, share in ((dark, 0, 1.12), (middle, .05, .92), (bright, .12, .5)):
        for dx, dy, radius in tree.blobs:
            x, y = tree.x + dx * tree.width + shift * tree.width * .6 * it.light_from, center + (dy - shift) * scale
            canvas.ellipse(x, y, radius * share * tree.width, radius * share * scale * 1.02, tone, "tree")
    if it.season == "winter":
        white = light(SNOW, depth)
        for dx, dy, radius in tree.blobs:
            x, y = tree.x + dx * tree.width, center + (dy - .16) * scale
            canvas.ellipse(x, y, radius * .78 * tree.width, radius * .6 * scale, white, "tree", "snow")


def _conifer_crown(canvas: Canvas, it: Scene, light: Light, tree: Tree, depth: float) -> None:
    bright, dark = light(tree.color, depth, 1.25), light(tree.color, depth, .82)
    left, right = (dark, bright) if it.light_from > 0 else (bright, dark)
    top, foot, half = tree.foot - tree.height, tree.foot - tree.height * .13, tree.width / 2
    for first, last, share in ((.42, 1, 1.), (.2, .7, .8), (0, .4, .56)):
        y0, y1 = top + (foot - top) * first, top + (foot - top) * last
        canvas.polygon([(tree.x, y0), (tree.x - half * share, y1), (tree.x, y1 + .012)], left, "tree")
        canvas.polygon([(tree.x, y0), (tree.x + half * share, y1), (tree.x, y1 + .012)], right, "tree")
        if it.season == "winter":
            ym = y0 + (y1 - y0) * .55
            canvas.polygon([(tree.x, y0 - .004), (tree.x - half * share * .58, ym), (tree.x, ym - (y1 - y0) * .14),
                            (tree.x + half * share * .58, ym)], light(SNOW, depth), "tree", "snow")


def draw_bush(canvas: Canvas, it: Scene, light: Light, bush: Bush) -> None:
    depth = max(0., 1 - bush.foot) * .4
    canvas.tone(bush.x - .02 * it.light_from, bush.foot, bush.width * .52, bush.height * .16, SHADOW, 70, "bush")
    dark, bright = light(bush.color, depth, .74), light(bush.color, depth, 1.08)
    blobs = ((-.28, .36, .26, .36), (.28, .36, .26, .36), (0, .54, .32, .46))
    for tone, shift, share in ((dark, 0, 1), (bright, .08, .74)):
        for dx, up, rx, ry in blobs:
            x = bush.x + (dx + shift * it.light_from * .5) * bush.width
            y = bush.foot - (up + shift) * bush.height
            canvas.ellipse(x, y, rx * share * bush.width, ry * share * bush.height, tone, "bush")
    if it.season == "winter":
        white, top = light(SNOW, depth), bush.foot - bush.height * .8
        canvas.ellipse(bush.x, top, bush.width * .3, bush.height * .22, white, "bush", "snow")


def draw_fence(canvas: Canvas, it: Scene, light: Light, fence: Fence) -> None:
    front, behind = light(fence.color), light(fence.color, 0, .82)
    for up in (.38, .78):
        canvas.rectangle(fence.x0, fence.foot - fence.height * up, fence.x1 - fence.x0, .022, behind, "fence")
    x = fence.x0 + .02
    while x < fence.x1:
        top = fence.foot - fence.height
        end = x + .04
        post = [(x, top + .012), (x + .02, top - .008), (end, top + .012), (end, fence.foot), (x, fence.foot)]
        canvas.polygon(post, front, "fence")
        x += fence.gap


def draw_mist(canvas: Canvas, it: Scene, light: Light) -> None:
    """Veils over the far land; what stands in front is only paler."""
    if it.weather == "mist":
        for up in (-.02, .02, .06, .1, .14):
            canvas.tone(.5, it.ground.far.y + up, .9, .06, it.sky.bottom, 44)
