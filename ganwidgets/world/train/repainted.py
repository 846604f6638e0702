"""Scenes whose things have the colours of other things, from which a net learns that a colour is no property of a thing."""

import dataclasses

from numpy.random import RandomState

from ganwidgets.world.facts import SHADES
from ganwidgets.world.parts import Color, Scene
from ganwidgets.world.render import Rendered, render
from ganwidgets.world.scenes import scene

ALL = tuple(sorted({shade for shades in SHADES.values() for shade in shades}))


def repainted(seed: int) -> Scene:
    """The scene of a seed, its walls, roof, dome, door, fence and trees each in any shade that a thing has in the world."""
    it, random = scene(seed), RandomState(seed)

    def shade() -> Color:
        return ALL[random.randint(len(ALL))]
    home, fence, leaves = it.building, it.fence, shade()
    if home:
        tower = dataclasses.replace(home.tower, dome=shade()) if home.tower else None
        home = dataclasses.replace(home, wall=shade(), roof=shade(), door_color=shade(), tower=tower)
    if fence:
        fence = dataclasses.replace(fence, color=shade())
    trees = tuple(dataclasses.replace(tree, color=leaves) for tree in it.trees)
    return dataclasses.replace(it, building=home, fence=fence, trees=trees)


def draw_repainted(seed: int, size: int) -> Rendered:
    """The picture of a repainted scene and its masks."""
    return render(repainted(seed), size)
