"""Trains the two segmenters of storybook on renders and collages: one for methods, and the judge, which measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from torch import Tensor, nn

from ganwidgets.core.errors import ArgumentError, one_of
from ganwidgets.models.segmenter_nets import ARCHITECTURES, folded_state
from ganwidgets.models.segmenters import StorybookSegmenter, load_segmenter_file, save_segmenter_file
from ganwidgets.world.scenes import CONCEPTS
from ganwidgets.world.train import supervised
from ganwidgets.world.train.segmenter_card import write_card
from ganwidgets.world.train.segmenter_pool import SIZE, Pool, collage_pool, render_pool
from ganwidgets.world.train.segmenter_wear import worn_batch
from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.supervised import Training

WEIGHTS = Path(__file__).parents[1] / "weights"
WORN = (1.0, .4)        # shares of renders and collages that lose colour and sharpness; collages come with some lost


@dataclass(frozen=True)
class Recipe:
    """All that the training of one segmenter depends on."""

    name: str
    architecture: str
    widths: tuple[int, ...]
    seed: int
    batch: int = 16
    collages: int = 10      # of the batch; they are the harder half
    rate: float = 3e-3
    decay: float = 1e-2     # of the weights
    keep: float = .998      # of the averaged weights, a step

    @property
    def path(self) -> Path:
        """Where the finished weights go."""
        return WEIGHTS / f"{self.name}.safetensors"


RECIPES: Mapping[str, Recipe] = {
    "segmenter": Recipe("storybook-segmenter", "unet", (16, 32, 64, 80, 28), seed=11),
    "judge": Recipe("storybook-judge", "dilated", (32, 80, 40, 16, 28), seed=23, rate=2e-3),
}


def train_segmenter(*, minutes: float, device: str | torch.device = "auto", resume: bool = True) -> StorybookSegmenter:
    """The segmenter that methods use; see `train`."""
    return train("segmenter", minutes=minutes, device=device, resume=resume)


def train_judge(*, minutes: float, device: str | torch.device = "auto", resume: bool = True) -> StorybookSegmenter:
    """The judge; see `train`."""
    return train("judge", minutes=minutes, device=device, resume=resume)


def train(name: str, *, minutes: float, device: str | torch.device = "auto", resume: bool = True) -> StorybookSegmenter:
    """Trains "segmenter" or "judge", writes its weights, and then its card.

    `minutes` is the time of the whole training: what was done before a `resume` counts, and the learning rate falls to
    0 at its end. The pool of pictures is drawn first where it is not there yet. Errors: ArgumentError for another name.
    """
    if name not in RECIPES:
        raise ArgumentError(one_of("segmenter", name, RECIPES, where="the training script"))
    recipe = RECIPES[name]
    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    torch.set_flush_denormal(True)
    pools = render_pool(), collage_pool()
    training, state = begin(recipe, place), state_folder(recipe.name) / "state.pt"
    if resume:
        supervised.restore(training, state)
    weights = concept_weights(pools).to(place)

    def loss_of(step: int) -> Tensor:
        pictures, masks = batch(recipe, step, pools)
        logits = training.net(pictures.to(place).contiguous(memory_format=torch.channels_last))
        return segmentation_loss(logits, masks.to(place), weights)

    supervised.run(recipe.name, training, loss_of, seconds=minutes * 60, rate=recipe.rate, warm=200, keep=recipe.keep,
                   place=place, state=state)
    segmenter = finish(recipe, training, place)
    write_card(segmenter)
    return segmenter


def begin(recipe: Recipe, place: torch.device) -> Training:
    """A fresh net whose weights come from the recipe's seed."""
    training = supervised.begin(lambda: ARCHITECTURES[recipe.architecture](recipe.widths, len(CONCEPTS)), seed=recipe.seed,
                                rate=recipe.rate, decay=recipe.decay, place=place)
    nn.init.constant_(training.net.get_parameter("head.bias"), -2.0)      # most concepts are not at most pixels
    return training


def batch(recipe: Recipe, number: int, pools: tuple[Pool, Pool]) -> tuple[Tensor, Tensor]:
    """Worn renders and collages; the same for the same step, so that a resumed training goes on alike."""
    random = RandomState((recipe.seed * 1_000_003 + number) % 2 ** 32)
    parts = []
    for pool, count, share in zip(pools, (recipe.batch - recipe.collages, recipe.collages), WORN, strict=True):
        pictures, masks = pool.rows(np.sort(random.randint(0, len(pool), count)))
        images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        parts.append(worn_batch(random, images, torch.from_numpy(masks).float(), share=share))
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def concept_weights(pools: tuple[Pool, Pool], sample: int = 1000) -> Tensor:
    """More for rare concepts: one over the root of their share, mean 1, at most 3."""
    shares = np.mean([pool.rows(np.arange(min(sample, len(pool))))[1].mean((0, 2, 3)) for pool in pools], axis=0)
    weights = np.clip(1 / np.sqrt(np.maximum(shares, 1e-4)) / 8, .5, 3)
    return torch.from_numpy((weights / weights.mean()).astype(np.float32))


def segmentation_loss(logits: Tensor, masks: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy of each concept, and one minus its soft Dice over the batch (Milletari et al. 2016, 3)."""
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean((0, 2, 3))
    held = logits.sigmoid()
    common, sizes = (held * masks).sum((0, 2, 3)), (held + masks).sum((0, 2, 3))
    dice = 1 - (2 * common + 20) / (sizes + 20)
    return 10 * (entropy * weights).mean() + (dice * weights).mean()


def finish(recipe: Recipe, training: Training, place: torch.device) -> StorybookSegmenter:
    """Writes the averaged weights, normalisation folded in, and answers the segmenter read back from the file."""
    net = ARCHITECTURES[recipe.architecture](recipe.widths, len(CONCEPTS), norm=False)
    net.load_state_dict(folded_state(training.average))
    about = {"seed": recipe.seed, "batch": recipe.batch, "collages": recipe.collages, **supervised.told(training, place)}
    recipe.path.parent.mkdir(exist_ok=True)
    save_segmenter_file(recipe.path, net, name=recipe.name, architecture=recipe.architecture, widths=recipe.widths,
                        concepts=CONCEPTS, size=SIZE, about=about)
    return load_segmenter_file(recipe.path, place)
