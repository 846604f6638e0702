"""Trains storybook's generator on rendered pictures alone: progressive growing, R1, minibatch deviation, averaged weights.

`ganwidgets train storybook --minutes 120 --resume` goes on where it was; the state lives under `$GANWIDGETS_STATE/storybook`.
"""

import copy
import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ganwidgets.core.errors import ArgumentError
from ganwidgets.models.progan_net import ProGANNet
from ganwidgets.models.stylegan2_net import channels_last
from ganwidgets.world.train.adversary import Adversary
from ganwidgets.world.train.augment import augmented
from ganwidgets.world.train.projected import Projected
from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.training_pictures import TRAINING_SEEDS, training_pictures

WEIGHTS = Path(__file__).parent.parent / "weights"


@dataclass(frozen=True)
class Stage:
    """One picture size: how many pictures are shown at it, how many at a time, and how hard R1 pulls."""

    size: int
    pictures: int
    batch: int
    r1: float


@dataclass(frozen=True)
class Recipe:
    """All that decides a run; it is stored in the weights' metadata and on the card."""

    channels: tuple[int, ...] = (128, 128, 128, 128, 128, 128, 64, 64, 32, 32)
    latent: int = 128
    upsample: str = "bilinear"
    replicate_from: int = 32
    adversary: dict[int, int] = field(default_factory=lambda: {32: 48, 16: 64, 8: 96, 4: 128})
    stages: tuple[Stage, ...] = (Stage(16, 64_000, 32, 0.2), Stage(32, 112_000, 16, 0.5),
                                 Stage(64, 100_000_000, 16, 1.0))
    fade: int = 12_000           # pictures over which a new size fades in
    rate: float = 4e-3           # small nets on few pictures: 1.5e-3 had reached a third as far after as long
    cool_from: int = 840_000     # pictures from which on the rate falls ...
    cool_over: float = 25_000    # ... to a half, each time so many more were shown
    momenta: tuple[float, float] = (0.0, 0.99)
    r1_every: int = 16           # steps between R1 penalties, which are scaled up by as much
    average_over: float = 10_000  # pictures after which the averaged weights have half forgotten
    seed: int = 1
    name: str = "storybook"      # of the weights' file and of the state's folder
    without: tuple[str, ...] = ()  # places of the world whose pictures are not shown
    pixel_norm: bool = True
    deviation: bool = True       # the adversary is told how alike a batch is
    augment: bool = False        # the adversary sees all pictures recoloured, shifted and in part covered
    projected: bool = False      # the adversary reads frozen features of photographs; for the recipe search alone

    @property
    def pictures(self) -> int:
        """How many pictures the whole run shows."""
        return sum(stage.pictures for stage in self.stages)


@dataclass(frozen=True)
class Kind:
    """What differs between the kinds of generators that are trained here."""

    make: Callable[[Any], nn.Module]                    # a net with the outputs of all sizes, of a recipe
    draw: Callable[..., Tensor]                         # net, z, size, fade, random -> pictures, not clamped
    grow: Callable[[Any, int], None]                    # let a new size begin as the old picture enlarged


@dataclass
class Training:
    """What a run has reached; everything but `kind` is saved and resumed."""

    kind: Kind
    recipe: Recipe
    generator: Any
    average: Any
    adversary: nn.Module
    steps_g: torch.optim.Adam
    steps_d: torch.optim.Adam
    random: torch.Generator
    shown: int = 0
    seconds: float = 0.0


def train(*, minutes: float, device: str = "auto", resume: bool = True, recipe: Recipe | None = None,
          weights: Path = WEIGHTS, alone: bool = False) -> Path:
    """Train for `minutes`, then write the averaged generator and the adversary as float16; answers the weights' path.

    `resume`: go on from the saved state, else from the shipped weights. It ends early where the recipe's
    pictures have been shown. `alone`: write the generator alone. Errors: ArgumentError where `resume` is off and an
    earlier run would be overwritten.
    """
    return train_kind(fresh, partial(export, alone=alone), recipe or Recipe(), minutes=minutes, device=device, resume=resume,
                      weights=weights)


def train_kind(fresh: Callable[..., Training], export: Callable[..., Path], recipe: Recipe, *, minutes: float, device: str,
               resume: bool, weights: Path) -> Path:
    """Train any kind of generator: `fresh(recipe, device)` begins a run, `export(run, weights)` writes what it has reached."""
    torch.set_flush_denormal(True)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    folder = state_folder(recipe.name)
    if not resume and (folder / "state.pt").exists():
        raise ArgumentError(f"{folder} holds an earlier run; go on with it (resume, --resume) or move that folder away.")
    pictures = training_pictures(max(64, recipe.stages[-1].size), without=recipe.without)  # smaller ones are averaged
    run = fresh(recipe, device)
    if resume:
        restore(run, folder, weights, device)
    run_for(run, pictures, 60 * minutes, folder, device)
    return export(run, weights)


def fresh(recipe: Recipe, device: str) -> Training:
    return begin(Kind(progan_of, lambda net, z, size, fade, random: draw(net, z, size, fade), grow), recipe, device)


def begin(kind: Kind, recipe: Recipe, device: str) -> Training:
    torch.manual_seed(recipe.seed)  # this process trains one net and nothing else
    generator, adversary = fast(kind.make(recipe), device), fast(adversary_of(recipe), device)
    average = fast(kind.make(recipe), device)
    average.load_state_dict(generator.state_dict())
    def adam(net: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(net.parameters(), lr=recipe.rate, betas=recipe.momenta)
    return Training(kind, recipe, generator, average.requires_grad_(False), adversary, adam(generator), adam(adversary),
                    torch.Generator().manual_seed(recipe.seed))


def progan_of(recipe: Recipe) -> ProGANNet:
    return ProGANNet(recipe.channels, latent=recipe.latent, outputs=tuple(s.size for s in recipe.stages),
                     upsample=recipe.upsample, replicate_from=recipe.replicate_from,  # type: ignore[arg-type]
                     pixel_norm=recipe.pixel_norm)


def adversary_of(recipe: Recipe) -> nn.Module:
    if recipe.projected:
        return Projected(min(recipe.adversary.values()))
    return Adversary(recipe.adversary, deviation=recipe.deviation)


def fast(net, device: str):
    return channels_last(net.to(device))


def resumed(folder: Path, recipe: Recipe, device: str, weights: Path = WEIGHTS) -> Training:
    """A run that goes on where an earlier one was."""
    run = fresh(recipe, device)
    restore(run, folder, weights, device)
    return run


def restore(run: Training, folder: Path, weights: Path, device: str) -> None:
    """Go on from the state of an earlier run, else from the shipped weights (their moments start anew), else from nothing."""
    shipped = weights / f"{run.recipe.name}-discriminator.safetensors"
    if (folder / "state.pt").exists():
        saved = torch.load(folder / "state.pt", map_location=device, weights_only=True)
        for name in ("generator", "average", "adversary", "steps_g", "steps_d"):
            getattr(run, name).load_state_dict(saved[name])
        run.random.set_state(saved["random"].cpu())
        run.shown, run.seconds = saved["shown"], saved["seconds"]
    elif shipped.exists():
        held = load_file(shipped)
        for prefix, nets in (("generator.", (run.generator, run.average)), ("adversary.", (run.adversary,))):
            part = {key.removeprefix(prefix): value.float() for key, value in held.items() if key.startswith(prefix)}
            for net in nets:
                net.load_state_dict(part)
        facts = metadata(shipped)
        run.shown, run.seconds = int(facts["pictures"]), float(facts["seconds"])


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def stage_of(recipe: Recipe, shown: int) -> tuple[Stage, float]:
    """The stage that picture number `shown` belongs to, and how far its size has faded in."""
    start = 0
    for number, stage in enumerate(recipe.stages):
        if shown < start + stage.pictures or number == len(recipe.stages) - 1:
            return stage, 1.0 if number == 0 else min(1.0, (shown - start) / recipe.fade)
        start += stage.pictures
    raise AssertionError("a recipe has at least one stage")


def rate_at(recipe: Recipe, shown: int) -> float:
    """The learning rate at picture number `shown`."""
    return recipe.rate * 0.5 ** (max(0, shown - recipe.cool_from) / recipe.cool_over)


def run_for(run: Training, pictures: np.ndarray, seconds: float, folder: Path, device: str) -> None:
    began, saved, step, before = time.time(), time.time(), 0, run.seconds
    while time.time() - began < seconds and run.shown < run.recipe.pictures:
        stage, fade = stage_of(run.recipe, run.shown)
        if fade * run.recipe.fade < stage.batch and stage is not run.recipe.stages[0]:
            for net in (run.generator, run.average):
                run.kind.grow(net, stage.size)
        for group in (*run.steps_g.param_groups, *run.steps_d.param_groups):
            group["lr"] = rate_at(run.recipe, run.shown)
        report = one_step(run, pictures, stage, fade, step, device)
        run.shown, step = run.shown + stage.batch, step + 1
        run.seconds = before + time.time() - began
        if step % 200 == 0:
            log(run, stage, fade, report, folder)
        if time.time() - saved > 300:
            save(run, folder)
            saved = time.time()
    save(run, folder)


def one_step(run: Training, pictures: np.ndarray, stage: Stage, fade: float, step: int, device: str) -> dict:
    """One batch for both nets: the adversary's step and the generator's share the drawn pictures."""
    real = seen(run, batch(pictures, stage, run.random, device))
    z = torch.randn(stage.batch, run.recipe.latent, generator=run.random).to(device)
    with halved(device):
        drawn = run.kind.draw(run.generator, z, stage.size, fade, run.random)
        rendered_votes = run.adversary(real, fade).float()
        drawn_votes = run.adversary(seen(run, drawn.detach()), fade).float()
    loss = F.softplus(-rendered_votes).mean() + F.softplus(drawn_votes).mean()
    run.steps_d.zero_grad(set_to_none=True)
    loss.backward()
    if stage.r1 and step % run.recipe.r1_every == 0:
        (r1(run.adversary, real, fade) * (stage.r1 * run.recipe.r1_every / 2)).backward()
    run.steps_d.step()
    run.adversary.requires_grad_(False)
    run.steps_g.zero_grad(set_to_none=True)
    with halved(device):
        votes = run.adversary(seen(run, drawn), fade).float()
    F.softplus(-votes).mean().backward()
    run.steps_g.step()
    run.adversary.requires_grad_(True)
    keep_average(run, stage.batch)
    right = ((rendered_votes > 0).float().mean() + (drawn_votes < 0).float().mean()) / 2
    return {"loss": round(loss.item(), 4), "right": round(right.item(), 3)}


def seen(run: Training, pictures: Tensor) -> Tensor:
    """Pictures as the adversary sees them."""
    return augmented(pictures, run.random) if run.recipe.augment else pictures


def halved(device: str) -> torch.autocast:
    """bfloat16 inside the nets where the machine computes it natively: 1.5 times as fast; elsewhere it is far slower."""
    native = torch.cuda.is_bf16_supported(False) if device.startswith("cuda") else torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.split(":")[0], torch.bfloat16, enabled=native)


def batch(pictures: np.ndarray, stage: Stage, random: torch.Generator, device: str) -> Tensor:
    """Rendered pictures in [-1, 1] at the stage's size, each flipped with probability one half."""
    rows = torch.randint(len(pictures), (stage.batch,), generator=random).tolist()
    flips = torch.rand(stage.batch, generator=random) < 0.5
    chosen = np.stack([pictures[row][:, ::-1] if flip else pictures[row] for row, flip in zip(rows, flips, strict=True)])
    x = torch.from_numpy(chosen).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    if stage.size < x.shape[-1]:
        x = F.avg_pool2d(x, x.shape[-1] // stage.size)
    return x.contiguous(memory_format=torch.channels_last)


def draw(net: ProGANNet, z: Tensor, size: int, fade: float) -> Tensor:
    """Pictures at `size`, blended with the next smaller size while the new one fades in; not clamped, so gradients flow."""
    last = net.last_layer(size)
    x = net.run(z.reshape(len(z), net.latent, 1, 1), 1, last - 2)
    picture = net.colors(net.run(x, last - 1, last), size)
    if fade < 1:
        small = net.colors(x, size // 2)
        picture = fade * picture + (1 - fade) * F.interpolate(small, scale_factor=2, mode="nearest")
    return picture


@torch.no_grad()
def grow(net: ProGANNet, size: int, pictures: int = 64) -> None:
    """Let a new size begin as the old picture enlarged, so that what was learned of colours is not learned again.

    Six units of its two layers carry the old output with either sign, and the new output is the least-squares fit.
    """
    old: Any = net.get_submodule(f"output_{size // 2}x{size // 2}")
    new: Any = net.get_submodule(f"output_{size}x{size}")
    first: Any = net.layer(net.last_layer(size) - 1)
    second: Any = net.layer(net.last_layer(size))
    colors = torch.cat([old.conv.weight, -old.conv.weight])[:, :, 0, 0] * old.wscale.scale
    for layer, taps in ((first, colors), (second, torch.eye(6, second.conv.weight.shape[1], device=colors.device))):
        layer.conv.weight[:6] = 0
        layer.conv.weight[:6, :, 1, 1] = taps / layer.wscale.scale
    z = torch.randn(pictures, net.latent, 1, 1, generator=torch.Generator().manual_seed(0)).to(colors.device)
    small = net.run(z, 1, net.last_layer(size) - 2)
    wanted = F.interpolate(net.colors(small, size // 2), scale_factor=2, mode="nearest").transpose(0, 1).flatten(1)
    features = net.normed(net.run(small, net.last_layer(size) - 1, net.last_layer(size))).transpose(0, 1).flatten(1)
    fit = torch.linalg.lstsq(torch.cat([features, torch.ones_like(features[:1])]).T, wanted.T).solution.T
    new.conv.weight[:, :, 0, 0], new.wscale.b[:] = fit[:, :-1] / new.wscale.scale, fit[:, -1]


def r1(adversary: nn.Module, real: Tensor, fade: float) -> Tensor:
    """Mean squared gradient of the votes at rendered pictures (Mescheder et al. 2018, equation 9)."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(adversary(real, fade).sum(), real, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


@torch.no_grad()
def keep_average(run: Training, shown: int) -> None:
    share = 1 - 0.5 ** (shown / run.recipe.average_over)
    torch._foreach_lerp_(list(run.average.parameters()), list(run.generator.parameters()), share)


def log(run: Training, stage: Stage, fade: float, report: dict, folder: Path) -> None:
    row = {"shown": run.shown, "minutes": round(run.seconds / 60, 2), "size": stage.size, "fade": round(fade, 3), **report}
    with open(folder / "log.jsonl", "a") as file:
        file.write(json.dumps(row) + "\n")
    print(row, flush=True)


def save(run: Training, folder: Path) -> None:
    """Write the state beside the old one and swap, so that a kill in between loses nothing; and a sheet to look at."""
    nets = {name: getattr(run, name).state_dict() for name in ("generator", "average", "adversary", "steps_g", "steps_d")}
    torch.save({**nets, "random": run.random.get_state(), "shown": run.shown, "seconds": run.seconds}, folder / "new.pt")
    (folder / "new.pt").replace(folder / "state.pt")
    save_sheet(run, folder / f"sheet-{run.shown:07d}.png")


@torch.no_grad()
def save_sheet(run: Training, path: Path, columns: int = 12) -> None:
    stage, fade = stage_of(run.recipe, run.shown)
    z = torch.randn(columns * 8, run.recipe.latent, generator=torch.Generator().manual_seed(0))
    x = run.kind.draw(run.average, z.to(next(run.average.parameters()).device), stage.size, fade, None).clamp(-1, 1).cpu()
    grid = x.reshape(8, columns, 3, stage.size, stage.size).permute(0, 3, 1, 4, 2).reshape(8 * stage.size, -1, 3)
    Image.fromarray(((grid + 1) * 127.5).round().byte().numpy()).save(path)


def export(run: Training, folder: Path = WEIGHTS, *, alone: bool = False) -> Path:
    """Write the averaged generator, and what is needed to train it on, as float16 safetensors with their recipe.

    The first file holds the last output alone; sizes that have not begun yet are the picture before them enlarged. The
    second, left out for a generator `alone`, holds the adversary, and the generator with the outputs of all sizes.
    """
    last, whole_picture = run.recipe.stages[-1].size, copy.deepcopy(run.average)
    for stage in run.recipe.stages:
        if stage.size > stage_of(run.recipe, run.shown)[0].size:
            grow(whole_picture, stage.size)
    other = tuple(f"output_{s.size}x{s.size}" for s in run.recipe.stages[:-1])
    weights = {key: value for key, value in whole_picture.state_dict().items() if not key.startswith(other)}
    return write(run, weights, {"model": "progan", "size": str(last), "latent": str(run.recipe.latent),
                                "upsample": run.recipe.upsample, "replicate_from": str(run.recipe.replicate_from)},
                 folder, alone=alone)


def write(run: Training, weights: Mapping[str, Tensor], facts: dict[str, str], folder: Path, *, alone: bool = False) -> Path:
    """Write a generator's weights, and unless it is to be `alone` what it is trained on with, beside what the run was."""
    facts = {**facts, "name": run.recipe.name, "pictures": str(run.shown), "seconds": f"{run.seconds:.0f}",
             "training_seeds": str(TRAINING_SEEDS), "recipe": json.dumps(dataclasses.asdict(run.recipe))}
    folder.mkdir(exist_ok=True)
    path = folder / f"{run.recipe.name}.safetensors"
    save_file(halves(weights), path, metadata=facts)
    if not alone:
        whole = {f"{part}.{key}": value for part, net in (("generator", run.average), ("adversary", run.adversary))
                 for key, value in net.state_dict().items()}
        save_file(halves(whole), folder / f"{run.recipe.name}-discriminator.safetensors",
                  metadata={**facts, "model": f"{facts['model']}-training"})
    return path


def halves(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.half().contiguous().cpu() for key, value in weights.items()}
