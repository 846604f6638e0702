"""StyleGAN2 generators of the NVlabs repositories as layered nets: `b4.conv1`, `b8.conv0`, `b8.conv1` ..."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import CheckpointError
from ganwidgets.core.nets import Layer, Loaded
from ganwidgets.models.attributes import Attributes
from ganwidgets.models.contents import Contents, fill
from ganwidgets.models.nvlabs import COLORS, check_picture, kernels, mapping_of, shaped, styled, taps_of
from ganwidgets.models.styled import NoisyStyleBased
from ganwidgets.models.stylegan2_ada_net import BlockPlan, LayerPlan, StyleGAN2ADANet
from ganwidgets.models.stylegan2_net import channels_last

KIND = "stylegan2-ada"
FACTS = ("attributes",)
LARGEST = 1 << 14           # pixels that a side may have


@final
@dataclass(frozen=True, eq=False)
class StyleGAN2ADA(NoisyStyleBased):
    """A StyleGAN2 of the stylegan2-ada-pytorch and stylegan3 repositories (Karras et al. 2020), with classes where it has them.

    Features are what the module of a layer's name answers: in a residual net the way around a block is added after `conv1`.
    """

    net: StyleGAN2ADANet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None
    classes: int = 0

    def mean(self) -> Float[Tensor, " d"]:
        """The mean of w, to which truncation draws."""
        return self.net.mapping.get_buffer("w_avg")

    def mapped(self, z: Tensor, condition: Tensor | None) -> Float[Tensor, "n d"]:
        """w of z and classes."""
        return self.net.mapping(z, condition)


def stylegan2_ada(net: StyleGAN2ADANet, name: str) -> StyleGAN2ADA:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = tuple(Layer(f"b{net.grid(place)}.conv{1 - place % 2}", len(net.layer(place).bias), net.grid(place), net.grid(place))
                   for place in range(net.count))
    return StyleGAN2ADA(net.eval().requires_grad_(False), name, layers, net.grid(net.count - 1), (net.mapping.latent,),
                        classes=net.mapping.classes)


def matches(contents: Contents) -> bool:
    """Whether this is a StyleGAN2 of the NVlabs repositories."""
    return "synthesis.b4.const" in contents.tensors and Attributes.of(contents).has("synthesis", "block_resolutions")


def build(contents: Contents) -> StyleGAN2ADA:
    """A generator from an NVlabs file; widths are read from the shapes, the rest from the modules' attributes.

    Errors: CheckpointError, naming the key or the attribute.
    """
    held, says = contents.tensors, Attributes.of(contents)
    sides = says.value("synthesis", "block_resolutions")
    if not isinstance(sides, list) or not sides or sides != [4 << number for number in range(len(sides))] or sides[-1] > LARGEST:
        raise CheckpointError(f"{contents.name} says its grids are {str(sides)[:64]}; they should be 4, 8, 16 ...")
    says.expect("synthesis.b4", "architecture", "skip", "resnet", "orig")
    architecture = says.value("synthesis.b4", "architecture")
    mapping = mapping_of(held, says)
    style, blocks = len(mapping.get_buffer("w_avg")), list[BlockPlan]()
    size = len(shaped(held, says, "synthesis.b4.const", None, 4, 4))
    for side in sides:
        blocks.append(_block(held, says, side, style, size, last=side == sides[-1]))
        size = blocks[-1].layers[-1].size
    net = StyleGAN2ADANet(mapping, blocks, architecture)
    check_picture(says, sides[-1], net.count + 1, style)
    fill(net, held, contents.name)
    return stylegan2_ada(channels_last(net), contents.name)


def _block(held: Mapping[str, Tensor], says: Attributes, side: int, style: int, size_in: int, *, last: bool) -> BlockPlan:
    """How a block was built. Errors: CheckpointError."""
    path, architecture = f"synthesis.b{side}", says.value("synthesis.b4", "architecture")
    says.expect(path, "architecture", architecture)
    layers: list[LayerPlan] = []
    for name in ("conv1",) if side == 4 else ("conv0", "conv1"):
        layers.append(_layer(held, says, f"{path}.{name}", style, layers[-1].size if layers else size_in, side))
    size, rgb, shortcut = layers[-1].size, None, None
    if last or architecture == "skip":
        shaped(held, says, f"{path}.torgb.weight", COLORS, size, 1, 1)
        says.expect(f"{path}.torgb", "conv_clamp", says.value("synthesis.b4.conv1", "conv_clamp"))
        rgb = styled(held, says, f"{path}.torgb", style, size), says.bound(f"{path}.torgb", "conv_clamp")
    if architecture == "resnet" and side > 4:
        shaped(held, says, f"{path}.skip.weight", size, size_in, 1, 1)
        shortcut = taps_of(held, f"{path}.skip.resample_filter", says)
    return BlockPlan(tuple(layers), taps_of(held, f"{path}.resample_filter", says), rgb, shortcut)


def _layer(held: Mapping[str, Tensor], says: Attributes, path: str, style: int, size_in: int, side: int) -> LayerPlan:
    """How a layer was built. Errors: CheckpointError."""
    weight = kernels(held, says, f"{path}.weight", size_in)
    says.expect(path, "activation", "lrelu")
    says.expect(path, "use_noise", True, False)
    says.expect(path, "conv_clamp", says.value("synthesis.b4.conv1", "conv_clamp"))
    noise = says.value(path, "use_noise") is True
    if noise:
        shaped(held, says, f"{path}.noise_const", side, side)
    return LayerPlan(size_in, weight.shape[0], weight.shape[-1], taps_of(held, f"{path}.resample_filter", says), noise,
                     styled(held, says, path, style, size_in), says.bound(path, "conv_clamp"))
