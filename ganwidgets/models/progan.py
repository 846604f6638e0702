"""ProGAN generators as layered nets: `layer1` ... `layerN`, each stopped after its leaky ReLU; the picture follows the last."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final, get_args

from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import CheckpointError, LatentsError
from ganwidgets.core.latents import Latents
from ganwidgets.core.nets import Layer, LayeredGenerator, Loaded, PausedRun, full_float32
from ganwidgets.models.contents import Contents, agreed, check_finite, fill, has, told, unmade
from ganwidgets.models.progan_net import ProGANNet, Upsampling
from ganwidgets.models.stylegan2_net import channels_last

KIND = "progan"
FACTS = ("upsample", "replicate_from", "recipe")
MOST_LAYERS = 20        # 2048 pixels
OLDER = "features.0.conv.weight"        # the sign of the older layout
OUTPUT = r"output(_\d+x\d+)?\.conv\.weight"


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
    loaded: Loaded | None = None

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


def matches(contents: Contents) -> bool:
    """Whether these are the keys of a ProGAN: a 4 x 4 convolution first, and an rgb output."""
    held = contents.tensors
    first = next((key for key in ("layer1.conv.weight", OLDER) if has(held, key, 4)), None)
    return first is not None and held[first].shape[-1] == 4 and any(re.fullmatch(OUTPUT, key) for key in held)


def build(contents: Contents) -> ProGAN:
    """A generator from the keys of either public layout; widths and size are read from the shapes.

    `facts` may say `upsample`, `replicate_from` and the recipe, as the bundle's files do. Errors: CheckpointError, naming the key.
    """
    held, name = named(contents.tensors), contents.name
    count = len({int(found[1]) for key in held if (found := re.fullmatch(r"layer(\d+)\.conv\.weight", key))})
    keys = [f"layer{number}.conv.weight" for number in range(1, count + 1)]
    spelled = older if any(key.startswith("features.") for key in contents.tensors) else str
    missing = [key for key in keys or ["layer1.conv.weight"] if not has(held, key, 4)]
    if missing:
        raise CheckpointError(f"{name} holds no progan: {spelled(missing[0])} is missing, or has not four sides.")
    if count % 2 or count > MOST_LAYERS:
        raise CheckpointError(f"{name} holds {count} layers; a progan has two on each grid, and at most {MOST_LAYERS}.")
    check_finite(contents.tensors, name)
    after = [*keys[1:], "output.conv.weight"]
    channels = tuple(agreed(held, name, (key, 0), (key.replace("conv.weight", "wscale.b"), 0), (following, 1))
                     for key, following in zip(keys, after, strict=True))
    size = ProGANNet.size_after(count)
    for part in ("conv.weight", "wscale.b"):
        if f"output.{part}" in held:
            held[f"output_{size}x{size}.{part}"] = held.pop(f"output.{part}")
    facts = contents.facts
    if facts.get("upsample", "nearest") not in get_args(Upsampling):
        raise CheckpointError(f"{name} says upsample = {str(facts['upsample'])[:64]}; it should be one of {get_args(Upsampling)}.")
    with unmade():
        net = channels_last(ProGANNet(
            channels, latent=agreed(held, name, (keys[0], 1)), upsample=facts.get("upsample", "nearest"),
            replicate_from=int(facts.get("replicate_from", 1 << 30)),
            pixel_norm=(told(facts, "recipe") or {}).get("pixel_norm", True)))
    fill(net, held, name, spelled=spelled)
    return progan(net, name)


def older(key: str) -> str:
    """How the older layout writes a key."""
    return re.sub(r"^output_\d+x\d+\.", "output.", re.sub(r"^layer(\d+)\.", lambda found: f"features.{int(found[1]) - 1}.", key))


def named(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights under `layerN`: an older layout counts `features.N` from 0, and stores scales, which follow from the shapes."""
    def renamed(key: str) -> str:
        return re.sub(r"^features\.(\d+)\.", lambda found: f"layer{int(found[1]) + 1}.", key)

    return {renamed(key): value for key, value in tensors.items() if not key.endswith("wscale.scale")}
