"""BigGAN generators as layered nets: the first grid, each residual block and attention, and the last ReLU before the picture."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.core.latents import Latents
from ganwidgets.core.nets import Layer, Loaded
from ganwidgets.models.biggan_net import AjbrockNet, HubNet
from ganwidgets.models.biggan_parts import divide
from ganwidgets.models.chains import ClassGenerator
from ganwidgets.models.contents import Contents, agreed, check_finite, fill, told, unmade
from ganwidgets.models.stylegan2_net import channels_last

KIND = "biggan"
FACTS = ("layers", "attention_layer_position", "eps", "G_depth", "BN_eps")
BOUND = 2.0         # where the z of the published deep nets is cut off
LOGS = r".*\.(u|sv)[1-9]\d*|.*\.bn\.(num_batches_tracked|accumulation_counter)"     # of training; drawing needs none


@final
@dataclass(frozen=True, eq=False)
class BigGAN(ClassGenerator):
    """A generator of many classes (Brock et al. 2019), whose z and classes reach every block. It has no noise.

    Truncation shrinks z; the published deep nets also have statistics for each, and none for 0.
    """

    net: HubNet | AjbrockNet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None

    def drawn(self, numbers: Sequence[int]) -> Float[Tensor, "n *shape"]:
        """The z of numbered pictures, before truncation."""
        return bounded_normals(numbers, self.net.latent) if self.net.bounded else super().drawn(numbers)

    def checked(self, truncation: float) -> float:
        """The truncation itself. Errors: ArgumentError outside of 0..1, or at 0 where there are no statistics for it."""
        if not 0 <= truncation <= 1 or (truncation == 0 and self.net.bounded):
            least = "above 0" if self.net.bounded else "0 (the mean z)"
            raise ArgumentError(f"truncation of {self.name} goes from {least} to 1 (none); {truncation!r} came.")
        return truncation

    def begin(self, inputs: Latents) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the first step reads; the conditions of the blocks, and which statistics they use. Errors: LatentsError."""
        z = self.own_z(inputs) * inputs.truncation
        conditions = self.net.embed(z, self.own_condition(inputs))
        if isinstance(self.net, AjbrockNet):
            return self.net.begin(z, conditions), (conditions,)
        where = conditions.new_tensor(statistics_at(self.checked(inputs.truncation), self.net.rows))
        return conditions, (conditions, where.expand(len(z), -1))


def bounded_normals(numbers: Sequence[int], size: int) -> Float[Tensor, "n d"]:
    """Normal numbers from -2 to 2, the same that scipy's truncnorm draws from RandomState(seed), one seed at a time."""
    normal = NormalDist()
    low = normal.cdf(-BOUND)
    span = normal.cdf(BOUND) - low
    rows = [[normal.inv_cdf(low + share * span) for share in np.random.RandomState(number).uniform(size=size)]
            for number in numbers]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(numbers), size).to(torch.float32)


def statistics_at(truncation: float, rows: int) -> tuple[float, float, float]:
    """The row of statistics for a truncation, its weight, and the next row's weight.

    The weights are exchanged and the row is rounded as in the code that the nets were published with.
    """
    fraction, row = math.modf(truncation / (1.0 / (rows - 1)))
    return (row, fraction, 1 - fraction) if fraction else (row, 1.0, 0.0)


def biggan(net: HubNet | AjbrockNet, name: str) -> BigGAN:
    """The adapter around a net, which is set to eval mode and asks for no gradient from here on."""
    layers = tuple(Layer(plan.path, plan.channels, plan.side, plan.side) for plan in net.plan)
    return BigGAN(net.eval().requires_grad_(False), name, layers, layers[-1].height, (net.latent,))


def matches(contents: Contents) -> bool:
    """Whether these are the keys of a BigGAN in either layout."""
    return hugging_face(contents) or any(key.startswith("blocks.0.0.bn1.") for key in contents.tensors)


def hugging_face(contents: Contents) -> bool:
    """Whether these are Hugging Face's keys."""
    return any(key.startswith(("generator.gen_z.", "generator.layers.0.", "gen_z.")) for key in contents.tensors)


def build(contents: Contents) -> BigGAN:
    """A generator from the keys of either layout, built as its shapes and its config say. Errors: CheckpointError."""
    held, name = dict(contents.tensors), contents.name
    check_finite(held, name)
    with unmade():
        hub, facts = hugging_face(contents), contents.facts
        net = channels_last(_hub_net(held, facts, name) if hub else _ajbrock_net(held, facts, name))
    fill(net, held, name)
    divide(net, name)
    return biggan(net, name)


def _hub_net(held: Mapping[str, Tensor], facts: Mapping[str, Any], name: str) -> HubNet:
    """The net of a Hugging Face folder. Errors: CheckpointError."""
    layers: Any = told(facts, "layers")
    if "layers" not in facts:
        raise CheckpointError(f"{name} is a BigGAN-deep without its config.json, which says where the grid doubles: load the "
                              "folder that holds both.")
    classes = agreed(held, name, ("embeddings.weight", 1))
    latent = agreed(held, name, ("generator.gen_z.weight_orig", 1), ("generator.gen_z.weight_v", 0),
                    ("generator.layers.0.bn_0.scale.weight_orig", 1)) // 2
    rows = agreed(held, name, ("generator.bn.running_means", 0), ("generator.bn.running_vars", 0),
                  ("generator.layers.0.bn_0.running_means", 0))
    width = agreed(held, name, ("generator.bn.weight", 0), ("generator.bn.bias", 0), ("generator.conv_to_rgb.bias", 0))
    attention, eps = int(fact(facts, "attention_layer_position", 8.0, name)), fact(facts, "eps", 1e-4, name)
    try:
        blocks = tuple((bool(up), int(before) * width, int(after) * width) for up, before, after in layers)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"config.json of {name} has layers that are no rows of (doubles, channels, channels).") from error
    parts = len({key.split(".")[2] for key in held if key.startswith("generator.layers.")})
    if parts != len(blocks) + (0 <= attention < len(blocks)):
        raise CheckpointError(f"config.json of {name} says {len(blocks)} layers, with attention before layer {attention}; the "
                              f"weights are those of {parts} in all.")
    sizes = [size for _, *both in blocks for size in both]
    if not 4 <= min(sizes) <= max(sizes) <= max(len(value) for value in held.values() if value.ndim) or rows < 2 or width < 3:
        raise CheckpointError(f"config.json of {name} says layers {str(layers)[:256]} of {width} channels, with {rows} rows of "
                              "statistics: no BigGAN-deep has such.")
    return HubNet(blocks, latent=latent, classes=classes, attention=attention, rows=rows, eps=eps)


def fact(facts: Mapping[str, Any], key: str, usual: float, name: str) -> float:
    """A number that stands beside the weights. Errors: CheckpointError for what is none, or negative."""
    try:
        found = float(facts.get(key, usual))
    except (TypeError, ValueError, OverflowError):
        found = -1.0
    if not 0 <= found < math.inf:
        raise CheckpointError(f"{name} says {str(facts[key])[:64]!r} for {key}, which must be a number from 0.")
    return found


def _ajbrock_net(held: dict[str, Tensor], facts: Mapping[str, Any], name: str) -> AjbrockNet:
    """The net of a file in ajbrock's layout; `held` loses logs of the training. Errors: CheckpointError."""
    for key in list(held):
        if re.fullmatch(LOGS, key):
            del held[key]
        elif found := re.fullmatch(r"(.*)\.bn\.(?:running|stored)_(mean|var)", key):     # of norms that ran on several devices
            held[f"{found[1]}.stored_{found[2]}"] = held.pop(key)
    spectral, deep = any(key.endswith(".u0") for key in held), any(".conv4." in key for key in held)
    for key in [key for key in held if key.endswith(".u0")]:
        held.setdefault(f"{key.removesuffix('u0')}sv0", torch.ones(1, device="cpu"))
    widths, looks = _widths(held, deep, name)
    shared, classes = (agreed(held, name, ("shared.weight", axis)) for axis in (1, 0))
    condition = agreed(held, name, *((f"blocks.{number}.0.bn1.{part}.weight", 1) for number in range(len(widths) - 1)
                                     for part in ("gain", "bias")))
    first = agreed(held, name, ("linear.weight", 1))
    chunk, blocks = condition - shared, len(widths) - 1
    depth = max(1, int(fact(facts, "G_depth", 2.0, name))) if deep else 0
    if deep and (blocks % depth or chunk < 1):
        raise CheckpointError(f"{name} holds {blocks} blocks of {condition} conditions: a deep BigGAN has {depth} on each grid, "
                              f"which read more than the {shared} numbers of shared.weight.")
    if chunk < 0:
        raise CheckpointError(f"shared.weight in {name} has {shared} columns, and its blocks read {condition}.")
    bottom = math.isqrt(agreed(held, name, ("linear.weight", 0), ("linear.bias", 0), ("linear.u0", 1)) // widths[0])
    # in the conversions from TF Hub the code alone says so, not the file
    eps = fact(facts, "BN_eps", 1e-4 if name.startswith("tfbiggan") else 1e-5, name)
    latent = chunk if deep else chunk * (blocks + 1) if chunk else first
    return AjbrockNet(widths, latent=latent, shared=shared, classes=classes, looks=looks, depth=depth,
                      chunk=0 if deep else chunk, bottom=bottom, eps=eps, spectral=spectral)


def _widths(held: Mapping[str, Tensor], deep: bool, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The channels before and after each block, and the blocks with attention. Errors: CheckpointError."""
    found = [re.match(r"blocks\.(\d+)\.(\d+)\.", key) for key in held]
    parts = {(int(each[1]), int(each[2])) for each in found if each}
    count = len({block for block, _ in parts})
    missing = [number for number in range(count) if (number, 0) not in parts]
    if not count or missing:
        raise CheckpointError(f"{name} holds no biggan: it lacks blocks.{missing[0] if missing else 0}.0.")
    last = "conv4" if deep else "conv2"

    def before(number: int) -> int:
        path = f"blocks.{number}.0.bn1"
        return agreed(held, name, (f"{path}.gain.weight", 0), (f"{path}.bias.weight", 0), (f"{path}.stored_mean", 0),
                      (f"{path}.stored_var", 0))

    path = f"blocks.{count - 1}.0.{last}"
    after = agreed(held, name, (f"{path}.weight", 0), (f"{path}.bias", 0), ("output_layer.0.gain", 0), ("output_layer.0.bias", 0))
    return ((*(before(number) for number in range(count)), after),
            tuple(sorted(number for number, place in parts if place == 1)))
