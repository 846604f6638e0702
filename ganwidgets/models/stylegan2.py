"""StyleGAN2 generators as layered nets: `conv1`, `convs.0`, `convs.1` ..., each stopped after its activation."""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import ArgumentError, CheckpointError, LatentsError
from ganwidgets.core.latents import Latents, check_noise, check_seeds, normals, picture_numbers
from ganwidgets.core.nets import Layer, LayeredGenerator, Loaded, PausedRun, full_float32, own_vectors
from ganwidgets.models.contents import Contents, agreed, fill, has
from ganwidgets.models.stylegan2_net import StyleGAN2Net, channels_last
from ganwidgets.models.stylegan2_sequential import sequential, spelling, translated

KIND = "stylegan2"
STORED, NONE = -1, -2       # in place of a seed of noise
MOST_GRIDS = 9              # 2048 pixels: a file of a few bytes could ask for any number
AVERAGED = 4096             # z whose w are averaged where a file does not say their mean


@final
@dataclass(frozen=True, eq=False)
class StyleGAN2(LayeredGenerator):
    """A style-based generator (Karras et al. 2020): z is mapped to w, a row of which modulates each layer.

    A paused run holds beside its features w, the picture of the smaller grids, and where its noise comes from.
    """

    net: StyleGAN2Net = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None

    def sample(self, seeds: Any, *, truncation: float = 1.0, labels: Any = None, prompt: Any = None) -> Latents:
        """The latents of numbered pictures; `truncation` 0..1 draws w towards its mean. Errors: SeedError, ArgumentError."""
        self._refuse(truncation=1.0, labels=labels, prompt=prompt)
        numbers = check_seeds(seeds)
        return Latents(numbers, z=normals(numbers, self.latent_shape).to(self.device), truncation=checked(truncation))

    def latents(self, z: Any = None, *, w: Any = None, labels: Any = None, truncation: float = 1.0,
                truncation_cutoff: int | None = None, noise: str | int = "stored") -> Latents:
        """Your own vectors, used as given: z (n, d), or w (n, d) or (n, rows, d). Errors: LatentsError, ArgumentError.

        `truncation_cutoff`: only so many rows of w, from the first, are truncated. `noise`: "stored", "none" or a seed.
        """
        self._refuse(truncation=1.0, labels=labels)
        if (z is None) == (w is None):
            raise LatentsError(f"{self.name} draws from z or from w; give one of them.")
        if w is None:
            z = own_vectors(z, self.latent_shape, name=self.name).to(self.device)
        else:
            w = self._own_w(w).to(self.device)
        return Latents(picture_numbers(z, w), z=z, w=w, truncation=checked(truncation), truncation_cutoff=truncation_cutoff,
                       noise=check_noise(noise))

    def styles(self, latents: Latents) -> Latents:
        """The same pictures as w (n, rows, d), truncation applied: what `mixed` and searches change row by row."""
        return dataclasses.replace(latents, z=None, w=self._w(latents), truncation=1.0, truncation_cutoff=None)

    def mixed(self, coarse: Latents, fine: Latents, start: str | Layer) -> Latents:
        """Pictures with the w of `coarse` before a layer, and of `fine` from it on: style mixing. A row of either may serve all.

        Errors: LayerError, LatentsError.
        """
        place = self.place(start)
        one, other = self.styles(coarse), self.styles(fine)
        n = max(len(one), len(other))
        if {len(one), len(other)} - {1, n}:
            raise LatentsError(f"{len(one)} coarse and {len(other)} fine styles; give as many of each, or one for all.")
        assert one.w is not None and other.w is not None
        parts = [one.w[:, :place].expand(n, -1, -1), other.w[:, place:].expand(n, -1, -1)]
        w = torch.cat(parts, dim=1)
        return Latents(picture_numbers(w), w=w, noise=one.noise)

    def head(self, inputs: Latents, upto: str | Layer) -> PausedRun:
        """Run latents up to a layer. Errors: LayerError, LatentsError."""
        last = self.place(upto)
        added = {self.place(layer): part for layer, part in inputs.residuals}
        with full_float32():
            w = self._w(inputs)
            kind = {"stored": STORED, "none": NONE}.get(inputs.noise, inputs.noise)  # type: ignore[arg-type]
            source = torch.full((len(w),), int(kind), dtype=torch.long, device=w.device)
            x, rgb = self.net.begin(w, self._noise(0, source, inputs.pictures)), w.new_zeros(len(w), 3, 0, 0)
            x = x + added[0].to(x) if 0 in added else x
            return self._on(PausedRun(self.layers[0].name, x, inputs.pictures, (w, rgb, source)), last, added)

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer. Errors: LayerError for an earlier one."""
        _, end = self.onward(paused, upto)
        with full_float32():
            return self._on(paused, end, {})

    def tail(self, paused: PausedRun) -> Float[Tensor, "n 3 h w"]:
        """Run on to the pictures, in [-1, 1]."""
        with full_float32():
            end = self._on(paused, len(self.layers) - 1, {})
            w, rgb, _ = end.rest
            return self.net.rgb(end.features, w, len(self.layers) - 1, rgb).clamp(-1, 1)

    def _on(self, paused: PausedRun, end: int, added: Mapping[int, Tensor]) -> PausedRun:
        x, (w, rgb, source) = paused.features, paused.rest
        for place in range(self.place(paused.layer) + 1, end + 1):
            rgb = self.net.rgb(x, w, place - 1, rgb)
            x = self.net.advance(x, w, place, self._noise(place, source, paused.pictures))
            x = x + added[place].to(x) if place in added else x
        return PausedRun(self.layers[end].name, x, paused.pictures, (w, rgb, source))

    def _w(self, latents: Latents) -> Tensor:
        """w (n, rows, d) of a batch, truncated."""
        weight = self.net.input.input
        if latents.w is not None:
            w = self._own_w(latents.w).to(weight)
        else:
            assert latents.z is not None
            with full_float32():
                w = self.net.style(latents.z.reshape(len(latents), self.net.latent).to(weight))
            w = w[:, None].expand(-1, len(self.layers) + 1, -1)
        if latents.truncation == 1.0:
            return w
        rows = torch.arange(w.shape[1], device=w.device)[:, None]
        cut = w.shape[1] if latents.truncation_cutoff is None else latents.truncation_cutoff
        mean: Any = self.net.latent_avg
        return torch.where(rows < cut, mean + latents.truncation * (w - mean), w)

    def _own_w(self, w: Any) -> Tensor:
        rows, d = len(self.layers) + 1, self.net.latent
        try:
            found = torch.as_tensor(w).to(torch.float32)
        except (TypeError, ValueError, RuntimeError) as error:
            raise LatentsError(f"w must be numbers: {error}.") from error
        found = found[:, None].expand(-1, rows, -1) if found.ndim == 2 else found
        if found.ndim != 3 or found.shape[1:] != (rows, d) or not len(found):
            raise LatentsError(f"w has the shape {tuple(found.shape)}; {self.name} needs (n, {d}) or (n, {rows}, {d}).")
        return found

    def _noise(self, place: int, source: Tensor, pictures: Sequence[int]) -> Tensor | None:
        """The noise of a layer, a map for all or one per picture; None where there is none."""
        kinds = source.tolist()
        if all(kind == NONE for kind in kinds):
            return None
        stored = self.net.stored_noise(place)
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


def stylegan2(net: StyleGAN2Net, name: str) -> StyleGAN2:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = []
    for place in range(net.count):
        side = net.grid(place)
        layers.append(Layer(f"convs.{place - 1}" if place else "conv1", net.widths[(place + 1) // 2], side, side))
    return StyleGAN2(net.eval().requires_grad_(False), name, tuple(layers), net.size, (net.latent,))


def matches(contents: Contents) -> bool:
    """Whether these are rosinality's keys, or the sequential port's."""
    held = contents.tensors
    return has(held, "input.input", 4) and (has(held, "conv1.conv.weight", 5) or sequential(held))


def build(contents: Contents) -> StyleGAN2:
    """A generator from rosinality's keys, or the sequential port's; widths and sizes are read from the shapes.

    Where no mean of w is given it is taken over 4,096 pictures; noise that a file does not store is drawn from a seed.
    Errors: CheckpointError, naming the key.
    """
    held, name = dict(contents.tensors), contents.name
    spelled: Callable[[str], str] = str
    if sequential(held):
        held, spelled = translated(held), spelling(held)
    net = StyleGAN2Net(**_architecture(held, name, spelled))
    for place in range(net.count):
        held.setdefault(f"noises.noise_{place}", noise_map(0, 0, place, net.grid(place))[None])
    average = held.pop("latent_avg", contents.facts.get("latent_avg"))
    held["latent_avg"] = torch.zeros(net.latent) if average is None else average.reshape(-1)
    fill(net, held, name, spelled=spelled)
    if average is None:
        with torch.no_grad():
            net.latent_avg.copy_(mean_w(net))  # type: ignore[operator]
    return stylegan2(channels_last(net), name)


def _architecture(held: Mapping[str, Tensor], name: str, spelled: Callable[[str], str]) -> dict[str, Any]:
    """How the net was built, by the shapes of its weights. Errors: CheckpointError."""
    steps = {found[1] for key in held if (found := re.match(r"style\.(\d+)\.", key))}
    grids = {found[1] for key in held if (found := re.match(r"to_rgbs\.(\d+)\.", key))}
    needed = ["input.input", "style.1.weight", *(f"convs.{2 * place + 1}.conv.weight" for place in range(len(grids)))]
    if len(grids) > MOST_GRIDS:
        raise CheckpointError(f"{name} has {len(grids)} grids above 4 x 4; a stylegan2 has at most {MOST_GRIDS}.")
    missing = [key for key in needed if key not in held]
    if missing:
        raise CheckpointError(f"{name} holds no whole stylegan2: it has no {spelled(missing[0])}.")
    misshapen = [key for key in needed if held[key].ndim != (4 if key == needed[0] else 2 if key == needed[1] else 5)]
    if misshapen:
        raise CheckpointError(f"{name} holds no whole stylegan2: {spelled(misshapen[0])} has another shape than a stylegan2's.")
    first = agreed(held, name, ("input.input", 1), ("conv1.conv.weight", 1), ("conv1.activate.bias", 0), ("to_rgb1.conv.weight", 2))
    widths = [agreed(held, name, (key, 1), (key.replace("conv.weight", "activate.bias"), 0),
                     (f"to_rgbs.{place}.conv.weight", 2)) for place, key in enumerate(needed[2:])]
    latent = agreed(held, name, ("style.1.weight", 1), ("style.1.bias", 0), ("conv1.conv.modulation.weight", 1))
    return {"widths": (first, *widths), "latent": latent, "mapping": len(steps)}


@torch.no_grad()
def mean_w(net: StyleGAN2Net, count: int = AVERAGED) -> Float[Tensor, " d"]:
    """The mean of w over so many z, from a fixed seed."""
    z = np.random.RandomState(0).standard_normal((count, net.latent)).astype(np.float32)
    with full_float32():
        return net.style(torch.from_numpy(z).to(net.input.input)).mean(0)
