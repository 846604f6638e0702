"""`python -m ganwidgets.world.train.search [ARM ...]`: a recorded search for the generator's recipe, at 32 px.

Each arm differs from the variants' base in one thing and is shown as many pictures (the projected ones as many as take it
about as long). `python -m claims.search` measures them and writes the record, search.md.
"""

import sys
from dataclasses import replace

from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.storybook import Recipe, Stage
from ganwidgets.world.train.variants import BASE, chosen, trained

YOUNG, OLD = BASE.stages


def widened(recipe: Recipe, factor: float) -> Recipe:
    """All of the generator's layers so much wider, in steps of 8 units."""
    return replace(recipe, channels=tuple(8 * round(width * factor / 8) for width in recipe.channels))


def pulled(factor: float) -> Recipe:
    return replace(BASE, stages=tuple(replace(stage, r1=stage.r1 * factor) for stage in BASE.stages))


def projected(pictures: tuple[int, ...]) -> Recipe:
    """As the paper has it, without R1, which frozen features do not need; the rate falls over the same part of the run."""
    sizes, part = BASE.stages[-len(pictures):], sum(pictures) / BASE.pictures
    return replace(BASE, projected=True, cool_from=round(BASE.cool_from * part), cool_over=BASE.cool_over * part,
                   stages=tuple(replace(stage, pictures=count, r1=0.0) for stage, count in zip(sizes, pictures, strict=True)))


SEARCH = {
    "direct": ("32 px from the first picture on", replace(BASE, stages=(Stage(32, BASE.pictures, OLD.batch, OLD.r1),))),
    "uncooled": ("the rate stays", replace(BASE, cool_from=BASE.pictures)),
    "augmented": ("the adversary sees pictures recoloured, shifted and in part covered", replace(BASE, augment=True)),
    "large-adversary": ("adversary one and a half times as wide",
                        replace(BASE, adversary={size: width * 3 // 2 for size, width in BASE.adversary.items()})),
    "wide": ("generator 1.5 times as wide", widened(BASE, 1.5)),
    "narrow": ("generator 0.7 times as wide", widened(BASE, 0.7)),
    "half-rate": ("half the rate", replace(BASE, rate=BASE.rate / 2)),
    "double-rate": ("twice the rate", replace(BASE, rate=BASE.rate * 2)),
    "weak-r1": ("R1 pulls a quarter as hard", pulled(1 / 4)),
    "strong-r1": ("R1 pulls 4 times as hard", pulled(4)),
    "large-batch": ("32 pictures at a time at 32 px", replace(BASE, stages=(YOUNG, replace(OLD, batch=32)))),
    "projected": ("adversary on frozen features of photographs, 32 px from the first picture on", projected((12_800,))),
    "projected-progressive": ("the same, 16 px first, and a quarter of the rate",
                              replace(projected((3_200, 10_000)), rate=BASE.rate / 4)),
}
ARMS = {name: replace(recipe, name=f"search-{name}") for name, (_, recipe) in SEARCH.items()}


if __name__ == "__main__":
    for recipe in chosen(sys.argv[1:], ARMS):
        print(trained(recipe, state_folder(recipe.name)), flush=True)
