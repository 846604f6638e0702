"""ProGAN generators as layered nets: `layer1` ... `layerN`, each stopped after its leaky ReLU; the picture follows the last."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import CheckpointError, LatentsError
from ganwidgets.core.latents import Latents
from ganwidgets.core.nets import Layer, LayeredGenerator, PausedRun, full_float32
from ganwidgets.models.progan_net import ProGANNet


@final
@dataclass(frozen=True, eq=False)
class ProGAN(LayeredGenerator):
    """A progressively grown generator (Karras et al. 2018). It draws from z alone: no truncation, classes or noise."""

    net: ProGANNet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)

    def head(self, inputs: Latents, upto: str | Layer) -> PausedRun:
        """Run latents up to a layer. Errors: LayerError, LatentsError."""
        last, at = self.place(upto) + 1, 0
        x = own_z(inputs, self).reshape(len(inputs), self.net.latent, 1, 1)
        residuals = sorted(((self.place(layer) + 1, added) for layer, added in inputs.residuals), key=lambda pair: pair[0])
        with full_float32():
            for stop, added in residuals:
                if stop <= last:
                    x, at = self.net.run(x, at + 1, stop) + added.to(x), stop
            return PausedRun(self.layers[last - 1].name, self.net.run(x, at + 1, last), inputs.pictures)

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer. Errors: LayerError for an earlier one."""
        here, end = self.onward(paused, upto)
        with full_float32():
            features = self.net.run(paused.features, here + 2, end + 1)
        return PausedRun(self.layers[end].name, features, paused.pictures)

    def tail(self, paused: PausedRun) -> Float[Tensor, "n 3 h w"]:
        """Run on to the pictures, in [-1, 1]."""
        end = self.resume(paused, self.layers[-1])
        with full_float32():
            return self.net.picture(end.features)


def own_z(inputs: Latents, generator: ProGAN) -> Tensor:
    """The z of a batch, on the net's device and in its precision."""
    if inputs.z is None:
        raise LatentsError(f"{generator.name} draws from z, and these latents hold only w.")
    weight = next(generator.net.parameters())
    return inputs.z.to(weight.device, weight.dtype)


def progan(net: ProGANNet, name: str) -> ProGAN:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = tuple(Layer(f"layer{number}", width, net.size_after(number), net.size_after(number))
                   for number, width in enumerate(net.channels, start=1))
    return ProGAN(net.eval().requires_grad_(False), name, layers, net.size, (net.latent,))


def load_progan(path: str | Path, device: str | torch.device = "cpu") -> ProGAN:
    """A bundled generator from a .safetensors file that says how it was built. Errors: CheckpointError, naming the key."""
    try:
        with safe_open(path, "pt") as file:
            facts, weights = file.metadata() or {}, {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is not a safetensors file that can be read: {error}.") from error
    if facts.get("model") != "progan":
        raise CheckpointError(f"{path} does not say that it holds a progan (it says {facts.get('model')!r}).")
    recipe = json.loads(facts["recipe"])
    net = ProGANNet(tuple(recipe["channels"]), latent=int(facts["latent"]), upsample=facts["upsample"],
                    replicate_from=int(facts["replicate_from"]), pixel_norm=recipe.get("pixel_norm", True))
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit a progan: {error}") from error
    bad = [key for key, value in weights.items() if not torch.isfinite(value).all()]
    if bad:
        raise CheckpointError(f"{path} holds numbers that are not finite, first in {bad[0]}.")
    return progan(net.to(torch.device(device)).to(memory_format=torch.channels_last), facts["name"])  # type: ignore[call-overload]
