"""What the trainings with known answers share: the loop, the averaged weights, and a state that can be resumed."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

SAVE_EVERY = 60.0       # seconds


@dataclass
class Training:
    """What changes while training, and is saved."""

    net: nn.Module
    average: nn.Module
    optimizer: torch.optim.Optimizer
    steps: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)


def begin(make: Callable[[], nn.Module], *, seed: int, rate: float, decay: float, place: torch.device) -> Training:
    """A fresh net whose weights come from the seed, and its average."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        nets = [make() for _ in range(2)]
    net, average = (one.to(place).to(memory_format=torch.channels_last) for one in nets)  # type: ignore[call-overload]
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    return Training(net.train(), average.eval().requires_grad_(False), optimizer)


def run(name: str, training: Training, loss_of: Callable[[int], Tensor], *, seconds: float, rate: float, warm: int, keep: float,
        place: torch.device, state: Path) -> None:
    """Steps until the time is up, saved once a minute; `loss_of(step)` is the loss of that step's batch.

    The learning rate goes up over `warm` steps, then down as a cosine to the end of the time.
    """
    clock = time.process_time if place.type == "cpu" else time.monotonic      # others may hold the core too
    saved, before = clock(), clock()
    while training.seconds < seconds:
        done = min(1.0, training.seconds / seconds)
        for group in training.optimizer.param_groups:
            group["lr"] = rate * min(1, (training.steps + 1) / warm) * .5 * (1 + math.cos(math.pi * done))
        training.losses.append(descend(training, loss_of(training.steps), keep))
        now = clock()
        training.seconds += now - before
        before = now
        if now - saved > SAVE_EVERY:
            saved = now
            save(training, state)
            recent, minutes = float(np.mean(training.losses[-200:])), training.seconds / 60
            print(f"{name}: step {training.steps}, {minutes:.1f} minutes, loss {recent:.4f}", flush=True)
    save(training, state)


def descend(training: Training, loss: Tensor, keep: float) -> float:
    """One step of the optimizer and of the averaged weights; answers the loss."""
    training.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(training.net.parameters(), 5.0)
    training.optimizer.step()
    training.steps += 1
    keep = min(keep, training.steps / (training.steps + 10))
    with torch.no_grad():
        for kept, now in zip(training.average.state_dict().values(), training.net.state_dict().values(), strict=True):
            kept.lerp_(now, 1 - keep) if kept.is_floating_point() else kept.copy_(now)
    return float(loss.detach())


def save(training: Training, path: Path) -> None:
    """The whole state, replaced at once so that a stop in the middle loses nothing."""
    held = {"net": training.net.state_dict(), "average": training.average.state_dict(),
            "optimizer": training.optimizer.state_dict(), "steps": training.steps, "seconds": training.seconds,
            "losses": training.losses}
    torch.save(held, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def restore(training: Training, path: Path) -> None:
    """Goes on from a saved state, if there is one."""
    if not path.exists():
        return
    held = torch.load(path, weights_only=True, map_location="cpu")
    for part in ("net", "average", "optimizer"):
        getattr(training, part).load_state_dict(held[part])
    training.steps, training.seconds, training.losses = held["steps"], held["seconds"], held["losses"]


def told(training: Training, place: torch.device) -> dict[str, float | str]:
    """What a card says of it."""
    return {"steps": training.steps, "minutes": round(training.seconds / 60, 1), "loss": float(np.mean(training.losses[-500:])),
            "machine": "one core of a CPU" if place.type == "cpu" else "one GPU"}
