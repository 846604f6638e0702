"""Trains storybook-style, a StyleGAN2-like generator, on rendered pictures alone, with the loop that storybook's shares.

`ganwidgets train style --minutes 120 --resume` goes on where it was; the state lives under `$GANWIDGETS_STATE/storybook-style`.
"""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ganwidgets.models.stylegan2 import mean_w
from ganwidgets.models.stylegan2_net import StyleGAN2Net
from ganwidgets.world.train import storybook
from ganwidgets.world.train.storybook import WEIGHTS, Kind, Recipe, Stage, Training


@dataclass(frozen=True)
class StyleRecipe(Recipe):
    """All that decides a run; `channels` are those of each grid from 4 up."""

    channels: tuple[int, ...] = (128, 128, 128, 64, 32)
    mapping: int = 4
    mixing: float = 0.5          # the share of the pictures whose rows of w come from two z
    stages: tuple[Stage, ...] = (Stage(16, 48_000, 32, 0.2), Stage(32, 96_000, 16, 0.5), Stage(64, 100_000_000, 16, 1.0))
    adversary: dict[int, int] = field(default_factory=lambda: {32: 48, 16: 64, 8: 96, 4: 128})
    cool_from: int = 570_000     # it had cooled from 300,000 to 363,456 pictures already, and was warmed again
    cool_over: float = 25_000
    seed: int = 2
    name: str = "storybook-style"


def train(*, minutes: float, device: str = "auto", resume: bool = True, recipe: StyleRecipe | None = None,
          weights: Path = WEIGHTS) -> Path:
    """Train for `minutes`, then write the averaged generator and the adversary as float16; answers the weights' path.

    `resume`: go on from the saved state, else from the shipped weights. Errors: ArgumentError where it is off and an
    earlier run would be overwritten.
    """
    return storybook.train_kind(fresh, export, recipe or StyleRecipe(), minutes=minutes, device=device, resume=resume,
                                weights=weights)


def fresh(recipe: StyleRecipe, device: str) -> Training:
    return storybook.begin(Kind(stylegan2_of, draw, grow), recipe, device)


def stylegan2_of(recipe: StyleRecipe) -> StyleGAN2Net:
    return StyleGAN2Net(recipe.channels, latent=recipe.latent, mapping=recipe.mapping)


def draw(net: StyleGAN2Net, z: Tensor, size: int, fade: float, random: torch.Generator | None) -> Tensor:
    """Pictures at `size`, not clamped; with `random` some of mixed styles and all with fresh noise, else with the stored.

    `fade` asks nothing of it: a new size begins with no colour of its own, see `grow`.
    """
    with torch.autocast(z.device.type, enabled=False):
        w = net.style(z)[:, None].expand(-1, net.count + 1, -1)
        if random is not None:
            w = mix(w, random)
    x, rgb = None, z.new_zeros(len(z), 3, 0, 0)
    for place in range(net.count):
        side = net.grid(place)
        if side > size:
            break
        noise = net.stored_noise(place) if random is None else torch.randn(len(z), 1, side, side, generator=random).to(z.device)
        x = net.begin(w, noise) if x is None else net.advance(x, w, place, noise)
        rgb = net.rgb(x, w, place, rgb)
    return rgb


def mix(w: Tensor, random: torch.Generator, share: float = StyleRecipe.mixing) -> Tensor:
    """From a drawn row on, some pictures take the rows of their neighbour in the batch (StyleGAN, section 3.1)."""
    n, rows, _ = w.shape
    starts = torch.where(torch.rand(n, generator=random) < share, torch.randint(1, rows, (n,), generator=random), rows)
    other = torch.arange(rows)[None] >= starts[:, None]
    return torch.where(other[:, :, None].to(w.device), w.roll(1, 0), w)


@torch.no_grad()
def grow(net: StyleGAN2Net, size: int) -> None:
    """Let a new size begin as the old picture enlarged: its layers add no colour yet."""
    place = size.bit_length() - 4
    net.to_rgbs[place].conv.weight.zero_()  # type: ignore[union-attr, operator]


def export(run: Training, folder: Path = WEIGHTS) -> Path:
    """Write the averaged generator in rosinality's keys, and what is needed to train it on, as float16 safetensors."""
    started = storybook.stage_of(run.recipe, run.shown)[0].size
    net = run.average
    for stage in run.recipe.stages:
        if stage.size > started:
            grow(net, stage.size)
    with torch.no_grad():
        net.latent_avg.copy_(mean_w(net))
    return storybook.write(run, net.state_dict(), {"model": "stylegan2", "size": str(net.size)}, folder)
