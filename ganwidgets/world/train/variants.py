"""`python -m ganwidgets.world.train.variants`: small nets for a study of what each part of the recipe does, three seeds each.

One recipe at 32 px and three that differ from it in one thing, all shown equally many pictures on one thread, so that what
a dissection finds can be laid at that one thing. A stopped run goes on; a finished net is not trained again.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from ganwidgets.core.errors import ArgumentError, one_of
from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.storybook import Recipe, Stage, metadata, train

CACHE = Path(__file__).parents[3] / "notebooks" / "cache"
SEEDS = (1, 2, 3)
# small batches at a high rate: after as many minutes larger ones had made too few steps to draw anything
BASE = Recipe(channels=(80, 80, 80, 80, 48, 48, 32, 32), latent=64, replicate_from=1 << 30, adversary={16: 48, 8: 80, 4: 80},
              stages=(Stage(16, 8_000, 8, 0.2), Stage(32, 28_000, 8, 0.5)), fade=3_000, rate=8e-3, average_over=3_000,
              cool_from=27_000, cool_over=3_000)
VARIANTS = {
    "base": BASE,
    "no-deviation": replace(BASE, deviation=False),
    "no-pixel-norm": replace(BASE, pixel_norm=False),
    "no-churches": replace(BASE, without=("church",)),
}
STUDY = {f"variant-{name}-{seed}": replace(recipe, name=f"variant-{name}-{seed}", seed=seed)
         for seed in SEEDS for name, recipe in VARIANTS.items()}


def trained(recipe: Recipe, weights: Path) -> Path:
    """The generator of a recipe, trained to its end and written into that folder; beside the state, its CPU minutes."""
    path, folder = weights / f"{recipe.name}.safetensors", state_folder(recipe.name)
    if path.exists() and int(metadata(path)["pictures"]) >= recipe.pictures:
        return path
    torch.set_num_threads(1)
    spent = folder / "minutes.json"
    began, before = time.process_time(), json.loads(spent.read_text()) if spent.exists() else 0.0
    train(minutes=float("inf"), device="cpu", recipe=recipe, weights=weights, alone=True)
    spent.write_text(json.dumps(round(before + (time.process_time() - began) / 60, 2)))
    return path


def chosen(names: list[str], known: dict[str, Recipe]) -> list[Recipe]:
    """The recipes of these names; all where none came. Errors: ArgumentError."""
    for name in names:
        if name not in known:
            raise ArgumentError(one_of("net", name, tuple(known)))
    return [known[name] for name in names or known]


if __name__ == "__main__":
    for recipe in chosen(sys.argv[1:], STUDY):
        print(trained(recipe, CACHE), flush=True)
