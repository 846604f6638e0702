"""What generators share that map z to w, a row of which modulates each layer: truncation, mixing, classes, noise."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import ArgumentError, LatentsError
from ganwidgets.core.latents import Latents, check_noise, check_seeds, normals, picture_numbers, whole_number
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun, full_float32, own_vectors
from ganwidgets.models.labels import class_shares

STORED, NONE = -1, -2       # in place of a seed of noise


class StyleBased(LayeredGenerator):
    """A style-based generator. A paused run holds beside its features w, and what else `begin` and `advance` carry along.

    Errors of `sample` and `latents`: ArgumentError, LatentsError, SeedError.
    """

    net: Any
    classes: int = 0        # how many classes it is told apart by, 0 for none

    @property
    @abc.abstractmethod
    def style_shape(self) -> tuple[int, int]:
        """How many rows w has, and how long one is."""

    @abc.abstractmethod
    def row(self, place: int) -> int:
        """The first row of w that the layer of that place reads."""

    @abc.abstractmethod
    def mean(self) -> Float[Tensor, " d"]:
        """The mean of w, to which truncation draws."""

    @abc.abstractmethod
    def mapped(self, z: Tensor, condition: Tensor | None) -> Float[Tensor, "n d"]:
        """w of z and classes."""

    @abc.abstractmethod
    def begin(self, w: Tensor, inputs: Latents) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The features of the first layer, and what is carried along, each with a row per picture."""

    @abc.abstractmethod
    def advance(self, place: int, x: Tensor, w: Tensor, carried: tuple[Tensor, ...],
                pictures: Sequence[int]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The features of a layer after the first, from those of the layer before."""

    @abc.abstractmethod
    def picture(self, x: Tensor, w: Tensor, carried: tuple[Tensor, ...]) -> Float[Tensor, "n 3 h w"]:
        """The pictures, from the features of the last layer."""

    def sample(self, seeds: Any, *, truncation: float = 1.0, labels: Any = None, prompt: Any = None) -> Latents:
        """The latents of numbered pictures; `truncation` 0..1 draws w towards its mean. Errors: SeedError, ArgumentError.

        `labels`: where it has classes, a number for all, (n,) of them, or shares (n, classes); left out, each seed draws its own.
        """
        self._refuse(truncation=1.0, prompt=prompt)
        numbers = check_seeds(seeds)
        return Latents(numbers, z=normals(numbers, self.latent_shape).to(self.device), condition=self._condition(labels, numbers),
                       truncation=checked(truncation))

    def latents(self, z: Any = None, *, w: Any = None, labels: Any = None, truncation: float = 1.0,
                truncation_cutoff: int | None = None, noise: str | int = "stored") -> Latents:
        """Your own vectors, used as given: z (n, d), or w (n, d) or (n, rows, d). Errors: LatentsError, ArgumentError.

        `truncation_cutoff`: only so many rows of w, from the first, are truncated. `noise`: "stored", "none" or a seed.
        `labels`: as in `sample`; w holds its class already.
        """
        if (z is None) == (w is None):
            raise LatentsError(f"{self.name} draws from z or from w; give one of them.")
        if w is None:
            z = own_vectors(z, self.latent_shape, name=self.name).to(self.device)
        else:
            w = self._own_w(w).to(self.device)
        numbers = picture_numbers(z, w)
        if w is not None and labels is not None:
            raise ArgumentError(f"{self.name} takes labels beside z; w holds its class already. Leave labels out.")
        return Latents(numbers, z=z, w=w, condition=self._condition(labels, numbers) if w is None else None,
                       truncation=checked(truncation), truncation_cutoff=checked_cutoff(truncation_cutoff),
                       noise=check_noise(noise))

    def styles(self, latents: Latents) -> Latents:
        """The same pictures as w (n, rows, d), truncation applied: what `mixed` and searches change row by row."""
        return dataclasses.replace(latents, z=None, w=self._w(latents), condition=None, truncation=1.0, truncation_cutoff=None)

    def mixed(self, coarse: Latents, fine: Latents, start: str | Layer) -> Latents:
        """Pictures with the w of `coarse` before a layer, and of `fine` from it on: style mixing. A row of either may serve all.

        Errors: LayerError, LatentsError.
        """
        row = self.row(self.place(start))
        one, other = self.styles(coarse), self.styles(fine)
        n = max(len(one), len(other))
        if {len(one), len(other)} - {1, n}:
            raise LatentsError(f"{len(one)} coarse and {len(other)} fine styles; give as many of each, or one for all.")
        assert one.w is not None and other.w is not None
        parts = [one.w[:, :row].expand(n, -1, -1), other.w[:, row:].expand(n, -1, -1)]
        w = torch.cat(parts, dim=1)
        return Latents(picture_numbers(w), w=w, noise=one.noise)

    def head(self, inputs: Latents, upto: str | Layer) -> PausedRun:
        """Run latents up to a layer. Errors: LayerError, LatentsError."""
        last = self.place(upto)
        added = {self.place(layer): part for layer, part in inputs.residuals}
        with full_float32():
            w = self._w(inputs)
            x, carried = self.begin(w, inputs)
            x = x + added[0].to(x) if 0 in added else x
            return self._on(PausedRun(self.layers[0].name, x, inputs.pictures, (w, *carried)), last, added)

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer. Errors: LayerError for an earlier one."""
        _, end = self.onward(paused, upto)
        with full_float32():
            return self._on(paused, end, {})

    def tail(self, paused: PausedRun) -> Float[Tensor, "n 3 h w"]:
        """Run on to the pictures, in [-1, 1]."""
        with full_float32():
            end = self._on(paused, len(self.layers) - 1, {})
            w, *carried = end.rest
            return self.picture(end.features, w, tuple(carried)).clamp(-1, 1)

    def _on(self, paused: PausedRun, end: int, added: Mapping[int, Tensor]) -> PausedRun:
        x, w, carried = paused.features, paused.rest[0], paused.rest[1:]
        for place in range(self.place(paused.layer) + 1, end + 1):
            x, carried = self.advance(place, x, w, carried, paused.pictures)
            x = x + added[place].to(x) if place in added else x
        return PausedRun(self.layers[end].name, x, paused.pictures, (w, *carried))

    def _condition(self, labels: Any, numbers: Sequence[int]) -> Tensor | None:
        if not self.classes:
            self._refuse(truncation=1.0, labels=labels)
            return None
        return class_shares(labels, numbers, self.classes, name=self.name).to(self.device)

    def _w(self, latents: Latents) -> Tensor:
        """w (n, rows, d) of a batch, truncated."""
        mean = self.mean()
        if latents.w is not None:
            w = self._own_w(latents.w).to(mean)
        else:
            assert latents.z is not None
            z = latents.z.reshape(len(latents), *self.latent_shape).to(mean)
            condition = self._condition(None, latents.pictures) if latents.condition is None else latents.condition
            with full_float32():
                w = self.mapped(z, condition if condition is None else condition.to(mean))
            w = w[:, None].expand(-1, self.style_shape[0], -1)
        if latents.truncation == 1.0:
            return w
        rows = torch.arange(w.shape[1], device=w.device)[:, None]
        cut = w.shape[1] if latents.truncation_cutoff is None else latents.truncation_cutoff
        return torch.where(rows < cut, mean + latents.truncation * (w - mean), w)

    def _own_w(self, w: Any) -> Tensor:
        rows, d = self.style_shape
        try:
            found = torch.as_tensor(w).to(torch.float32)
        except (TypeError, ValueError, RuntimeError) as error:
            raise LatentsError(f"w must be numbers: {error}.") from error
        found = found[:, None].expand(-1, rows, -1) if found.ndim == 2 else found
        if found.ndim != 3 or found.shape[1:] != (rows, d) or not len(found):
            raise LatentsError(f"w has the shape {tuple(found.shape)}; {self.name} needs (n, {d}) or (n, {rows}, {d}).")
        return found


class NoisyStyleBased(StyleBased):
    """A style-based generator whose layers are given noise; layer p reads row p of w, and what makes the rgb after it row p + 1.

    Its net has `begin`, `step`, `picture` and `stored_noise`. Carried are what the net carries, and where noise comes from.
    """

    @property
    def style_shape(self) -> tuple[int, int]:
        """How many rows w has, and how long one is."""
        return len(self.layers) + 1, len(self.mean())

    def row(self, place: int) -> int:
        """The first row of w that the layer of that place reads."""
        return place

    def begin(self, w: Tensor, inputs: Latents) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The features of the first layer, nothing yet of the picture, and -1, -2 or a seed for each picture's noise."""
        kind = {"stored": STORED, "none": NONE}.get(inputs.noise, inputs.noise)  # type: ignore[arg-type]
        source = torch.full((len(w),), int(kind), dtype=torch.long, device=w.device)
        x = self.net.begin(w, self._noise(0, source, inputs.pictures))
        return x, (w.new_zeros(len(w), 3, 0, 0), source)

    def advance(self, place: int, x: Tensor, w: Tensor, carried: tuple[Tensor, ...],
                pictures: Sequence[int]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The features of a layer after the first, from those of the layer before."""
        before, source = carried
        x, before = self.net.step(x, w, place, before, self._noise(place, source, pictures))
        return x, (before, source)

    def picture(self, x: Tensor, w: Tensor, carried: tuple[Tensor, ...]) -> Float[Tensor, "n 3 h w"]:
        """The pictures, from the features of the last layer."""
        return self.net.picture(x, w, carried[0])

    def _noise(self, place: int, source: Tensor, pictures: Sequence[int]) -> Tensor | None:
        """The noise of a layer, a map for all or one per picture; None where there is none."""
        kinds, stored = source.tolist(), self.net.stored_noise(place)
        if stored is None or all(kind == NONE for kind in kinds):
            return None
        if all(kind == STORED for kind in kinds):
            return stored
        maps = [stored[0] if kind == STORED else torch.zeros_like(stored[0]) if kind == NONE
                else noise_map(kind, picture, place, stored.shape[-1]).to(stored)
                for kind, picture in zip(kinds, pictures, strict=True)]
        return torch.stack(maps)


def noise_map(seed: int, picture: int, place: int, size: int) -> Float[Tensor, "1 size size"]:
    """A picture's own noise at a layer: from the seed, its number and the layer, never from its row."""
    number = abs(picture)
    random = np.random.RandomState([seed, number % 2**32, number >> 32, int(picture < 0), place])
    return torch.from_numpy(random.standard_normal((1, size, size)).astype(np.float32))


def checked(truncation: float) -> float:
    """The truncation itself. Errors: ArgumentError outside of 0..1."""
    if not 0 <= truncation <= 1:
        raise ArgumentError(f"truncation goes from 0 (the mean picture) to 1 (none); {truncation!r} came.")
    return truncation


def checked_cutoff(cutoff: int | None) -> int | None:
    """The cutoff itself. Errors: ArgumentError for what is no number of rows."""
    rows = whole_number(cutoff)
    if cutoff is not None and (rows is None or rows < 0):
        raise ArgumentError(f"truncation_cutoff is how many rows of w are truncated, from 0, or None for all; {cutoff!r} came.")
    return rows
