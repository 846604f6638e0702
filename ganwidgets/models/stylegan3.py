"""StyleGAN3 generators, -T and -R, as layered nets: `L0_36_512` ... as in the file, without the last, which makes the picture."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import CheckpointError
from ganwidgets.core.latents import Latents
from ganwidgets.core.nets import Layer, Loaded
from ganwidgets.models.attributes import Attributes
from ganwidgets.models.contents import Contents, fill
from ganwidgets.models.nvlabs import check_picture, kernels, mapping_of, shaped, styled, taps_of
from ganwidgets.models.styled import StyleBased
from ganwidgets.models.stylegan3_net import InputPlan, LayerPlan, StyleGAN3Net

KIND = "stylegan3"
FACTS = ("attributes",)
FACTOR, SIDE = 64, 1 << 14      # at most so many times as many cells, and so many cells along a side


@final
@dataclass(frozen=True, eq=False)
class StyleGAN3(StyleBased):
    """An alias-free generator (Karras et al. 2021). It has no noise.

    The grids of most layers reach beyond the picture. `features` are the part that lies in it, so that places and regions are
    those of the picture; the whole is carried along, and what lies beyond the picture stays as it is when features change.
    """

    net: StyleGAN3Net = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None
    classes: int = 0

    @property
    def style_shape(self) -> tuple[int, int]:
        """How many rows w has, and how long one is."""
        return len(self.layers) + 2, len(self.mean())

    def row(self, place: int) -> int:
        """The row of w that the layer of that place reads; the input reads row 0."""
        return place + 1

    def mean(self) -> Float[Tensor, " d"]:
        """The mean of w, to which truncation draws."""
        return self.net.mapping.get_buffer("w_avg")

    def mapped(self, z: Tensor, condition: Tensor | None) -> Float[Tensor, "n d"]:
        """w of z and classes."""
        return self.net.mapping(z, condition)

    def begin(self, w: Tensor, inputs: Latents) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The features of the first layer, and with them those beyond the picture."""
        return self._parts(0, self.net.begin(w))

    def advance(self, place: int, x: Tensor, w: Tensor, carried: tuple[Tensor, ...],
                pictures: Sequence[int]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The features of a layer after the first, from those of the layer before."""
        return self._parts(place, self.net.advance(self._whole(place - 1, x, *carried), w, place))

    def picture(self, x: Tensor, w: Tensor, carried: tuple[Tensor, ...]) -> Float[Tensor, "n 3 h w"]:
        """The pictures, from the features of the last layer."""
        return self.net.picture(self._whole(len(self.layers) - 1, x, *carried), w)

    def _parts(self, place: int, whole: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features within the picture, and the whole where it is more."""
        margin, side = self.net.plans[place].margin, self.layers[place].height
        return whole.narrow(2, margin, side).narrow(3, margin, side), (whole if margin else whole[:, :0],)

    def _whole(self, place: int, x: Tensor, whole: Tensor) -> Tensor:
        """Features within the picture, with those around it."""
        margin, side = self.net.plans[place].margin, self.layers[place].height
        if not margin:
            return x
        whole = whole.clone()
        whole.narrow(2, margin, side).narrow(3, margin, side).copy_(x)
        return whole


def stylegan3(net: StyleGAN3Net, name: str) -> StyleGAN3:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = tuple(Layer(plan.name, plan.size, *[plan.side - 2 * plan.margin] * 2) for plan in net.plans[:-1])
    return StyleGAN3(net.eval().requires_grad_(False), name, layers, net.plans[-1].side, (net.mapping.latent,),
                     classes=net.mapping.classes)


def matches(contents: Contents) -> bool:
    """Whether this is a StyleGAN3 of its repository."""
    return "synthesis.input.freqs" in contents.tensors and Attributes.of(contents).has("synthesis", "layer_names")


def build(contents: Contents) -> StyleGAN3:
    """A generator from a StyleGAN3 file; widths are read from the shapes, the rest from the modules' attributes.

    Errors: CheckpointError, naming the key or the attribute.
    """
    held, says = contents.tensors, Attributes.of(contents)
    names = says.value("synthesis", "layer_names")
    shown = [each for each in names if isinstance(each, str) and re.fullmatch(r"L\d+_\d+_\d+", each)] if type(names) is list else []
    if len(shown) < 2 or shown != names or len(set(shown)) != len(shown):
        raise CheckpointError(f"{contents.name} says its layers are {str(names)[:64]}; they should be named like L0_36_512.")
    mapping = mapping_of(held, says)
    style, layers = len(mapping.get_buffer("w_avg")), list[LayerPlan]()
    first = _input(held, says, style)
    for name in shown:
        says.expect(f"synthesis.{name}", "in_sampling_rate", layers[-1].side - 2 * layers[-1].margin if layers else first.rate)
        size, side = (layers[-1].size, layers[-1].side) if layers else (first.channels, first.side)
        layers.append(_layer(held, says, name, style, size, side, last=name == shown[-1]))
    net = StyleGAN3Net(mapping, first, layers, says.number("synthesis", "output_scale"))
    says.expect(f"synthesis.{shown[0]}", "in_cutoff", first.bandwidth)
    check_picture(says, layers[-1].side, len(layers) + 1, style)
    fill(net, held, contents.name)
    return stylegan3(net, contents.name)


def _input(held: Mapping[str, Tensor], says: Attributes, style: int) -> InputPlan:
    """How the Fourier features are made. Errors: CheckpointError."""
    path = "synthesis.input"
    side = _square(says, path, "size")
    rate, bandwidth = says.number(path, "sampling_rate"), says.number(path, "bandwidth")
    if not 0 < bandwidth < rate / 2:
        raise says.wrong(path, "bandwidth", "above 0 and below half the sampling rate")
    channels = len(shaped(held, says, f"{path}.freqs", None, 2))
    shaped(held, says, f"{path}.weight", channels, channels)
    return InputPlan(channels, side, rate, bandwidth, styled(held, says, path, style, 4))


def _layer(held: Mapping[str, Tensor], says: Attributes, name: str, style: int, size_in: int, side_in: int, *,
           last: bool) -> LayerPlan:
    """How a layer was built, if what the file says of it fits together. Errors: CheckpointError."""
    path = f"synthesis.{name}"
    weight = kernels(held, says, f"{path}.weight", size_in)
    filters = tuple(taps_of(held, f"{path}.{each}_filter", says) if f"{path}.{each}_filter" in held else None
                    for each in ("up", "down"))
    up, down = (says.whole(path, f"{each}_factor") for each in ("up", "down"))
    side, kernel = _square(says, path, "out_size"), weight.shape[-1]
    if not 0 < up <= FACTOR or not 0 < down <= FACTOR or _square(says, path, "in_size") != side_in:
        raise CheckpointError(f"{says.name} says sampling factors {up} and {down} of {name}, or a size that is not that of the "
                              "layer before.")
    says.expect(path, "is_torgb", last)
    says.expect(path, "conv_clamp", says.value(f"synthesis.{says.value('synthesis', 'layer_names')[0]}", "conv_clamp"))
    lost = sum(taps[0] - 1 for taps in filters if taps)
    total = (side - 1) * down + 1 - (side_in + kernel - 1) * up + lost
    before = (total + up) // 2          # features lie in the middle of their cells (appendix C.3)
    says.expect(path, "padding", [before, total - before] * 2)
    margin = side - says.whole(path, "out_sampling_rate")
    says.expect(path, "in_sampling_rate", (side - margin) * down / up)
    if margin < 0 or margin % 2 or margin >= side or (last and margin):
        raise says.wrong(path, "out_sampling_rate", "the cells of a picture, in the middle of all")
    rate = styled(held, says, path, style, size_in)
    return LayerPlan(name, size_in, weight.shape[0], kernel, side, margin // 2, (filters[0], filters[1]), (up, down),
                     (before, total - before) * 2, says.bound(path, "conv_clamp"), rate, last)


def _square(says: Attributes, path: str, attribute: str) -> int:
    """The side of a square grid. Errors: CheckpointError."""
    wide, high = says.numbers(path, attribute, 2)
    if wide != high or not 0 < wide <= SIDE:
        raise says.wrong(path, attribute, "two equal sides")
    return wide
