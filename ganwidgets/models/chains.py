"""Generators whose layers are the steps of a chain, and those among them that also read a class: what their adapters share."""

import abc
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import LatentsError
from ganwidgets.core.latents import Latents, check_noise, check_seeds, normals, picture_numbers
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun, full_float32, own_vectors
from ganwidgets.models.labels import class_shares


class ChainGenerator(LayeredGenerator):
    """A generator whose net has `step(place, x, *rest)`, a layer each, and `picture(x, *rest)` after the last.

    What the steps read beside x is the rest of a paused run. It stays the same during a run, unless `advance` says otherwise.
    """

    net: Any

    @abc.abstractmethod
    def begin(self, inputs: Latents) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the first step reads, and the rest. Errors: LatentsError."""

    def head(self, inputs: Latents, upto: str | Layer) -> PausedRun:
        """Run latents up to a layer. Errors: LayerError, LatentsError."""
        last = self.place(upto)
        added = {self.place(layer): part for layer, part in inputs.residuals}
        with full_float32():
            x, rest = self._run(*self.begin(inputs), 0, last, added)
            return PausedRun(self.layers[last].name, x, inputs.pictures, rest)

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer. Errors: LayerError for an earlier one."""
        here, end = self.onward(paused, upto)
        with full_float32():
            features, rest = self._run(paused.features, paused.rest, here + 1, end, {})
        return PausedRun(self.layers[end].name, features, paused.pictures, rest)

    def tail(self, paused: PausedRun) -> Float[Tensor, "n 3 h w"]:
        """Run on to the pictures, in [-1, 1]."""
        end = self.resume(paused, self.layers[-1])
        with full_float32():
            return self.net.picture(end.features, *end.rest)

    def advance(self, place: int, x: Tensor, rest: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The features of a layer from those of the layer before, and the rest after it."""
        return self.net.step(place, x, *rest), rest

    def _run(self, x: Tensor, rest: tuple[Tensor, ...], first: int, last: int,
             added: Mapping[int, Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        for place in range(first, last + 1):
            x, rest = self.advance(place, x, rest)
            x = x + added[place].to(x) if place in added else x
        return x, rest

    def own_z(self, inputs: Latents) -> Float[Tensor, "n d"]:
        """The z of a batch as rows, on the net's device. Errors: LatentsError."""
        if inputs.z is None:
            raise LatentsError(f"{self.name} draws from z, and these latents hold only w.")
        return inputs.z.reshape(len(inputs), math.prod(self.latent_shape)).to(self.device, torch.float32)


class ClassGenerator(ChainGenerator):
    """A chain whose net reads a class too: `net.classes` says how many there are, 0 for none."""

    def sample(self, seeds: Any, *, truncation: float = 1.0, labels: Any = None, prompt: Any = None) -> Latents:
        """The latents of numbered pictures. `labels`: a class number, (n,) of them, or shares (n, classes); left out, each
        picture's seed draws its class. Errors: SeedError, ArgumentError.
        """
        self._refuse(truncation=1.0, prompt=prompt)
        numbers = check_seeds(seeds)
        return Latents(numbers, z=self.drawn(numbers).to(self.device), condition=self._condition(labels, numbers),
                       truncation=self.checked(truncation))

    def latents(self, z: Any = None, *, w: Any = None, labels: Any = None, truncation: float = 1.0,
                truncation_cutoff: int | None = None, noise: str | int = "stored") -> Latents:
        """Your own vectors, before truncation: z (n, *latent_shape); labels as in `sample`. Errors: LatentsError, ArgumentError."""
        self._refuse(truncation=1.0, w=w, truncation_cutoff=truncation_cutoff)
        z = own_vectors(z, self.latent_shape, name=self.name).to(self.device)
        condition = self._condition(labels, picture_numbers(z))
        return Latents(picture_numbers(z, condition), z=z, condition=condition, truncation=self.checked(truncation),
                       noise=check_noise(noise))

    def drawn(self, numbers: Sequence[int]) -> Float[Tensor, "n *shape"]:
        """The z of numbered pictures."""
        return normals(numbers, self.latent_shape)

    def checked(self, truncation: float) -> float:
        """The truncation itself. Errors: ArgumentError where this kind of net has none."""
        self._refuse(truncation=truncation)
        return truncation

    def own_condition(self, inputs: Latents) -> Float[Tensor, "n classes"]:
        """The classes of a batch, on the net's device. Errors: LatentsError."""
        came = None if inputs.condition is None else tuple(inputs.condition.shape[1:])
        if inputs.condition is None or came != (self.net.classes,):
            raise LatentsError(f"{self.name} draws pictures of {self.net.classes} classes, and these latents hold "
                               f"{'none' if came is None else came}; `sample` and `latents` take labels.")
        return inputs.condition.to(self.device, torch.float32)

    def _condition(self, labels: Any, numbers: Sequence[int]) -> Tensor | None:
        if not self.net.classes:
            self._refuse(truncation=1.0, labels=labels)
            return None
        return class_shares(labels, numbers, self.net.classes, name=self.name).to(self.device)
