"""Latents and seeds: a batch of picture numbers with the vectors that draw them."""

import dataclasses
import hashlib
import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import LatentsError, SeedError

LAST_SEED = 2**32 - 1


def check_seeds(seeds: Any) -> tuple[int, ...]:
    """Picture numbers as a tuple of whole numbers. Errors: SeedError for negative, huge, fractional or non-numbers."""
    if isinstance(seeds, (str, bytes)) or not isinstance(seeds, Iterable):
        raise SeedError(f"seeds are a list of picture numbers, such as [0, 1, 2] or range(8); {seeds!r} is none.")
    return tuple(check_seed(seed) for seed in seeds)


def check_seed(seed: Any) -> int:
    """One picture number. Errors: SeedError unless it is a whole number from 0 to 2**32 - 1."""
    number = whole_number(seed)
    if number is None or not 0 <= number <= LAST_SEED:
        raise SeedError(f"the seed {seed!r} is not a picture number; use a whole number from 0 to {LAST_SEED}.")
    return number


def check_pictures(pictures: Any) -> tuple[int, ...]:
    """Picture numbers that may also be negative, as those of own vectors and photos are. Errors: SeedError."""
    if isinstance(pictures, (str, bytes)) or not isinstance(pictures, Iterable):
        raise SeedError(f"picture numbers are a list, such as [0, 1, 2]; {pictures!r} is none.")
    return tuple(number if (number := whole_number(picture)) is not None and number < 0 else check_seed(picture)
                 for picture in pictures)


def whole_number(value: Any) -> int | None:
    """An integer of any integer type as an int; None for everything else, True and False among it."""
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, Tensor) and value.dtype == torch.bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def normals(seeds: Sequence[int], shape: Sequence[int]) -> Float[Tensor, "n *shape"]:
    """Standard normal numbers, one RandomState a seed, so that a picture is the same in every batch and everywhere."""
    draws = [np.random.RandomState(seed).standard_normal(tuple(shape)) for seed in check_seeds(seeds)]
    return torch.from_numpy(np.stack(draws).astype(np.float32)) if draws else torch.zeros(0, *shape)


def picture_numbers(*parts: Tensor | None) -> tuple[int, ...]:
    """A negative number per row, from the digest of that row's bytes in all parts that are there."""
    rows = [part.detach().cpu().contiguous().float() for part in parts if part is not None]
    return tuple(_negative(b"".join(part[row].numpy().tobytes() for part in rows)) for row in range(len(rows[0])))


def _negative(content: bytes) -> int:
    # 48 bits, because the browser's numbers are exact only up to 53
    return -1 - int.from_bytes(hashlib.sha256(content).digest()[:6], "big")


@dataclass(frozen=True, eq=False)
class Latents:
    """A batch of inputs of a generator: each row has a picture number, and z or w (or both).

    `pictures`: a row's seed (0 <= seed < 2**32); for own vectors and photos a negative number from the row's digest.
    `truncation` 0..1; `noise` is "stored", "none" or a seed; `residuals` are (layer, what head adds there), relaxed
    inversion. `len(latents)`, `latents[rows]`, `Latents.join([...])`; `dataclasses.replace` changes a field.
    Errors: LatentsError where the parts do not have a row per picture, or are not finite.
    """
    pictures: tuple[int, ...]
    z: Tensor | None = field(default=None, repr=False)            # (n, *latent_shape)
    w: Tensor | None = field(default=None, repr=False)            # (n, layers, d)
    condition: Tensor | None = field(default=None, repr=False)
    truncation: float = 1.0
    truncation_cutoff: int | None = None
    noise: str | int = "stored"
    residuals: tuple[tuple[str, Tensor], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pictures", check_pictures(self.pictures))
        if self.z is None and self.w is None:
            raise LatentsError("latents need z or w; neither came.")
        if not math.isfinite(self.truncation):
            raise LatentsError(f"truncation is a number from 0 to 1; {self.truncation!r} came.")
        for name, part in self._parts():
            if part.ndim == 0 or len(part) != len(self.pictures):
                raise LatentsError(f"{name} has the shape {tuple(part.shape)}, for {len(self.pictures)} pictures; "
                                   "give one row per picture.")
            if not torch.isfinite(part).all():
                raise LatentsError(f"{name} holds numbers that are not finite; every number must be.")
        check_noise(self.noise)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, rows: Any) -> "Latents":
        index = row_index(rows, len(self))
        return dataclasses.replace(
            self, pictures=tuple(self.pictures[row] for row in index), z=_rows(self.z, index), w=_rows(self.w, index),
            condition=_rows(self.condition, index),
            residuals=tuple((layer, _kept(part, index)) for layer, part in self.residuals))

    def to(self, device: torch.device | str) -> "Latents":
        """The same latents on another device."""
        moved: dict[str, Any] = {name: part.to(device) for name in ("z", "w", "condition")
                                 if (part := getattr(self, name)) is not None}
        residuals = tuple((layer, part.to(device)) for layer, part in self.residuals)
        return dataclasses.replace(self, residuals=residuals, **moved)

    @staticmethod
    def join(batches: Iterable["Latents"]) -> "Latents":
        """Several batches as one. Errors: LatentsError where they were made in different ways."""
        batches = list(batches)
        if not batches:
            raise LatentsError("nothing to join; give at least one batch of latents.")
        first = batches[0]
        if any(_manner(batch) != _manner(first) for batch in batches):
            raise LatentsError("these latents differ in truncation, noise, residuals or in which of z, w and condition "
                               "they have; join only latents that were made in the same way.")
        residuals = tuple((layer, torch.cat([batch.residuals[place][1] for batch in batches]))
                          for place, (layer, _) in enumerate(first.residuals))
        parts: dict[str, Any] = {name: torch.cat([getattr(batch, name) for batch in batches])
                                 for name in ("z", "w", "condition") if getattr(first, name) is not None}
        return dataclasses.replace(first, pictures=tuple(number for batch in batches for number in batch.pictures),
                                   residuals=residuals, **parts)

    def _parts(self) -> list[tuple[str, Tensor]]:
        named = [("z", self.z), ("w", self.w), ("the condition", self.condition)]
        named += [(f"the residual at {layer}", part) for layer, part in self.residuals]
        return [(name, part) for name, part in named if part is not None]


def check_noise(noise: Any) -> str | int:
    """ "stored", "none", or a seed. Errors: LatentsError."""
    if noise in ("stored", "none"):
        return noise
    number = whole_number(noise)
    if number is None or not 0 <= number <= LAST_SEED:
        raise LatentsError(f"noise is \"stored\", \"none\" or a seed from 0 to {LAST_SEED}; {noise!r} came.")
    return number


def row_index(rows: Any, count: int) -> list[int]:
    """What stands in the brackets of `batch[rows]` as row numbers: a number, a slice, a list, a tensor, a mask."""
    if isinstance(rows, slice):
        return list(range(count))[rows]
    if isinstance(rows, (Tensor, np.ndarray)):
        rows = rows.tolist()
    listed = list(rows) if isinstance(rows, Iterable) else [rows]
    if listed and all(isinstance(row, (bool, np.bool_)) for row in listed):
        if len(listed) != count:
            raise IndexError(f"a mask of {len(listed)} for {count} rows")
        return [place for place, chosen in enumerate(listed) if chosen]
    return [range(count)[operator.index(row)] for row in listed]


def _kept(part: Tensor, index: list[int]) -> Tensor:
    return part[torch.tensor(index, dtype=torch.long, device=part.device)]


def _rows(part: Tensor | None, index: list[int]) -> Tensor | None:
    return None if part is None else _kept(part, index)


def _manner(latents: Latents) -> tuple:
    return (latents.truncation, latents.truncation_cutoff, latents.noise, tuple(name for name, _ in latents._parts()))
