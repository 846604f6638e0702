"""Trains the two segmenters of storybook on renders and collages: one for methods, and the judge, which measures."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from ganwidgets.world.train.segmenter_card import write_card
from ganwidgets.world.train.segmenter_pool import SIZE, Pool, collage_pool, render_pool
from ganwidgets.world.train.segmenter_wear import worn_batch
from ganwidgets.world.train.state import state_folder

WEIGHTS = Path(__file__).parents[1] / "weights"
SAVE_EVERY = 60.0       # seconds
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


@dataclass
class Training:
    """What changes while training, and is saved."""

    net: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    steps: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


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
    training = begin(recipe, place)
    folder = state_folder(recipe.name)
    if resume and (folder / "state.pt").exists():
        restore(training, folder / "state.pt")
    run(recipe, training, pools, minutes * 60, place, folder)
    segmenter = finish(recipe, training, place)
    write_card(segmenter)
    return segmenter


def begin(recipe: Recipe, place: torch.device) -> Training:
    """A fresh net whose weights come from the recipe's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        nets = [ARCHITECTURES[recipe.architecture](recipe.widths, len(CONCEPTS)) for _ in range(2)]
    net, average = (one.to(place).to(memory_format=torch.channels_last) for one in nets)  # type: ignore[call-overload]
    average.load_state_dict(net.state_dict())
    nn.init.constant_(net.head.bias, -2.0)      # most concepts are not at most pixels
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    return Training(net.train(), average.eval().requires_grad_(False), optimizer)


def run(recipe: Recipe, training: Training, pools: tuple[Pool, Pool], seconds: float, place: torch.device,
        folder: Path) -> None:
    """Steps until the time is up, saved once a minute."""
    weights = concept_weights(pools).to(place)
    clock = time.process_time if place.type == "cpu" else time.monotonic      # others may hold the core too
    saved, before = clock(), clock()
    while training.seconds < seconds:
        for group in training.optimizer.param_groups:
            group["lr"] = rate(recipe, training, seconds)
        pictures, masks = batch(recipe, training.steps, pools)
        training.losses.append(step(recipe, training, pictures.to(place), masks.to(place), weights))
        now = clock()
        training.seconds += now - before
        before = now
        if now - saved > SAVE_EVERY:
            saved = now
            save(training, folder / "state.pt")
            recent, minutes = float(np.mean(training.losses[-200:])), training.seconds / 60
            print(f"{recipe.name}: step {training.steps}, {minutes:.1f} minutes, loss {recent:.4f}", flush=True)
    save(training, folder / "state.pt")


def rate(recipe: Recipe, training: Training, seconds: float) -> float:
    """Up over 200 steps, then down as a cosine to the end of the time."""
    done = min(1.0, training.seconds / seconds)
    return recipe.rate * min(1, (training.steps + 1) / 200) * .5 * (1 + math.cos(math.pi * done))


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


def step(recipe: Recipe, training: Training, pictures: Tensor, masks: Tensor, weights: Tensor) -> float:
    """One step of the optimizer and of the averaged weights; answers the loss."""
    logits = training.net(pictures.contiguous(memory_format=torch.channels_last))
    loss = segmentation_loss(logits, masks, weights)
    training.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(training.net.parameters(), 5.0)
    training.optimizer.step()
    training.steps += 1
    keep = min(recipe.keep, training.steps / (training.steps + 10))
    with torch.no_grad():
        for kept, now in zip(training.average.state_dict().values(), training.net.state_dict().values(), strict=True):
            kept.lerp_(now, 1 - keep) if kept.is_floating_point() else kept.copy_(now)
    return float(loss.detach())


def segmentation_loss(logits: Tensor, masks: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy of each concept, and one minus its soft Dice over the batch (Milletari et al. 2016, 3)."""
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean((0, 2, 3))
    held = logits.sigmoid()
    common, sizes = (held * masks).sum((0, 2, 3)), (held + masks).sum((0, 2, 3))
    dice = 1 - (2 * common + 20) / (sizes + 20)
    return 10 * (entropy * weights).mean() + (dice * weights).mean()


def save(training: Training, path: Path) -> None:
    """The whole state, replaced at once so that a stop in the middle loses nothing."""
    held = {"net": training.net.state_dict(), "average": training.average.state_dict(),
            "optimizer": training.optimizer.state_dict(), "steps": training.steps, "seconds": training.seconds,
            "losses": training.losses}
    torch.save(held, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def restore(training: Training, path: Path) -> None:
    """Goes on from a saved state."""
    held = torch.load(path, weights_only=True, map_location="cpu")
    for part in ("net", "average", "optimizer"):
        getattr(training, part).load_state_dict(held[part])
    training.steps, training.seconds, training.losses = held["steps"], held["seconds"], held["losses"]


def finish(recipe: Recipe, training: Training, place: torch.device) -> StorybookSegmenter:
    """Writes the averaged weights, normalisation folded in, and answers the segmenter read back from the file."""
    net = ARCHITECTURES[recipe.architecture](recipe.widths, len(CONCEPTS), norm=False)
    net.load_state_dict(folded_state(training.average))
    about = {"seed": recipe.seed, "steps": training.steps, "batch": recipe.batch, "collages": recipe.collages,
             "minutes": round(training.seconds / 60, 1), "loss": float(np.mean(training.losses[-500:])),
             "machine": "one core of a CPU" if place.type == "cpu" else "one GPU"}
    recipe.path.parent.mkdir(exist_ok=True)
    save_segmenter_file(recipe.path, net, name=recipe.name, architecture=recipe.architecture, widths=recipe.widths,
                        concepts=CONCEPTS, size=SIZE, about=about)
    return load_segmenter_file(recipe.path, place)
