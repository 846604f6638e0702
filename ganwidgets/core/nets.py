"""Nets as a row of named layers that can be stopped at any of them and run on: generators and classifiers."""

import abc
import contextlib
import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import ArgumentError, LatentsError, LayerError, one_of
from ganwidgets.core.latents import Latents, check_noise, check_seeds, normals, picture_numbers, row_index

NO_COMPANIONS: Mapping[str, Callable[[], Any]] = MappingProxyType({})


@dataclass(frozen=True)
class Layer:
    """A named step of a net, with the shape of its features: `channels` units on a grid of `height` x `width` cells."""
    name: str
    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Loaded:
    """Where a net from outside the package came from: `expression` loads it again; `verified`: its hash was known, and right.

    `origin`: what a converted file says of the file that it was converted from.
    """
    expression: str
    verified: bool
    origin: str = ""


@dataclass(frozen=True, eq=False)
class PausedRun:
    """A run stopped just after `layer`. `pictures` as in Latents (none for a classifier), so edits find their rows.

    `rest`: whatever else the tail needs, each with a row per picture; only the adapter looks inside.
    `len(paused)`, `paused[rows]`, `PausedRun.join([...])`; `dataclasses.replace(paused, features=...)` changes it.
    """
    layer: str
    features: Float[Tensor, "n c h w"] = field(repr=False)
    pictures: tuple[int, ...] = ()
    rest: tuple[Tensor, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: Any) -> "PausedRun":
        index = row_index(rows, len(self))
        place = torch.tensor(index, dtype=torch.long, device=self.features.device)
        pictures = tuple(self.pictures[row] for row in index) if self.pictures else ()
        return PausedRun(self.layer, self.features[place], pictures, tuple(part[place] for part in self.rest))

    @staticmethod
    def join(runs: Sequence["PausedRun"]) -> "PausedRun":
        """Runs stopped at the same layer as one batch. Errors: LayerError where the layers differ."""
        if len({run.layer for run in runs}) != 1:
            raise LayerError(f"runs to join must stop at one layer; these stop at {[run.layer for run in runs]}.")
        return PausedRun(runs[0].layer, torch.cat([run.features for run in runs]),
                         tuple(number for run in runs for number in run.pictures),
                         tuple(torch.cat(parts) for parts in zip(*(run.rest for run in runs), strict=True)))


class LinearMemory(abc.ABC):
    """The linear map at a layer, seen as a memory: it answers the value of each key (Bau et al. 2020, section 3.1)."""
    parameter: str                       # its weight's dotted name in the net; weights are (values, keys, taps...)

    @abc.abstractmethod
    def keys(self, inputs: Any) -> Float[Tensor, "n keys h w"]:
        """What the linear map reads in a run of these inputs."""

    @abc.abstractmethod
    def values(self, inputs: Any) -> Float[Tensor, "n values h w"]:
        """What the layer makes of it, as the rewriting rule of this kind of net compares it."""


class LayeredNet(abc.ABC):
    """A net that can be stopped at any of its layers and run on from there. Adapters are final frozen dataclasses.

    An adapter has the fields below (`companions`, `digests` and `loaded` with a default: `NO_COMPANIONS`, `None`, `None`),
    and defines head, resume and tail. Laws, see `ganwidgets.testing.check_generator`: tail(head(x, layer)) equals the whole run bit
    for bit on the same batch, features have the shape that `layers` says, the net is in eval mode, its weights ask for
    no gradient, and head and tail run under `full_float32()`.
    """
    net: nn.Module
    name: str
    layers: tuple[Layer, ...]                        # in running order
    image_size: int                                  # pictures are square, in pixels
    companions: Mapping[str, Callable[[], Any]]      # loaders by role: segmenter, classifier, encoder, scorer
    digests: WeightDigests | None                    # of the net as loaded; edits and `with_net` keep them
    loaded: Loaded | None = None                     # for a net that is not in the package

    def __post_init__(self) -> None:
        if self.digests is None:
            object.__setattr__(self, "digests", WeightDigests(self.net))

    @abc.abstractmethod
    def head(self, inputs: Any, upto: str | Layer) -> PausedRun:
        """Run the inputs up to a layer, that layer included. Errors: LayerError."""

    @abc.abstractmethod
    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer, or the same one (which answers `paused`). Errors: LayerError for an earlier one."""

    @abc.abstractmethod
    def tail(self, paused: PausedRun) -> Tensor:
        """Run on from where it stopped to the end."""

    def with_net(self, net: nn.Module) -> "LayeredNet":
        """The same adapter around another net of the same kind; name and digests stay those of the net as loaded."""
        return dataclasses.replace(self, net=net)  # type: ignore[type-var]

    def memory(self, layer: str | Layer) -> LinearMemory:
        """The linear map at a layer, for rewriting. Errors: LayerError where this kind of net has none."""
        raise LayerError(f"{self.name} has no linear memory at {self.layer(layer).name}: its adapter does not say "
                         "which weights hold the rule there, so it cannot be rewritten.")

    @property
    def device(self) -> torch.device:
        """Where the net's weights are."""
        return next((weight.device for weight in self.net.parameters()), torch.device("cpu"))

    @property
    def digest(self) -> str:
        """SHA-256 over the names, shapes and bytes of the weights as loaded, before any edit."""
        assert self.digests is not None
        return self.digests.whole

    @property
    def source(self) -> str:
        """The Python expression that makes this net, for scripts that repeat what a hand did."""
        return self.loaded.expression if self.loaded else f"gw.load({self.name!r})"

    def layer(self, name: str | Layer) -> Layer:
        """The layer of that name. Errors: LayerError, listing the layers."""
        return self.layers[self.place(name)]

    def place(self, name: str | Layer) -> int:
        """The position of a layer in running order, from 0. Errors: LayerError, listing the layers."""
        wanted = name.name if isinstance(name, Layer) else name
        names = [layer.name for layer in self.layers]
        if wanted not in names:
            raise LayerError(one_of("layer", wanted, names, where=self.name))
        return names.index(wanted)

    def onward(self, paused: PausedRun, upto: str | Layer) -> tuple[int, int]:
        """The places where a run stopped and where it is to go on to. Errors: LayerError, if that lies before."""
        here, end = self.place(paused.layer), self.place(upto)
        if end < here:
            raise LayerError(f"the run stopped at {paused.layer}, which is after {self.layers[end].name}; "
                             "run the head again to stop earlier.")
        return here, end

    def layer_at(self, size: int) -> Layer:
        """The last layer on a grid of `size` x `size` cells. Errors: LayerError, listing the grids."""
        found = [layer for layer in self.layers if layer.height == size == layer.width]
        if not found:
            grids = dict.fromkeys(str(layer.height) for layer in self.layers if layer.height == layer.width)
            raise LayerError(one_of("grid", size, grids, where=self.name).replace(f"'{size}'", str(size)))
        return found[-1]

    def features(self, inputs: Any, layer: str | Layer, *, batch: int = 32) -> Float[Tensor, "n c h w"]:
        """The features of a layer, run in batches of `batch` pictures."""
        return torch.cat([self.head(inputs[start:start + batch], layer).features
                          for start in range(0, max(1, len(inputs)), batch)])


class LayeredGenerator(LayeredNet):
    """A net that draws: inputs are Latents, the output is pictures (n, 3, h, w) in [-1, 1].

    `latent_shape` is the shape of one z; an adapter with w, classes, truncation or prompts has its own sample, latents.
    """
    latent_shape: tuple[int, ...]

    def sample(self, seeds: Any, *, truncation: float = 1.0, labels: Any = None, prompt: Any = None) -> Latents:
        """The latents of numbered pictures, from RandomState(seed) one seed at a time.

        Errors: SeedError; ArgumentError for labels, a prompt or a truncation that this kind of net does not have.
        """
        self._refuse(truncation=truncation, labels=labels, prompt=prompt)
        numbers = check_seeds(seeds)
        return Latents(numbers, z=normals(numbers, self.latent_shape).to(self.device))

    def latents(self, z: Any = None, *, w: Any = None, labels: Any = None, truncation: float = 1.0,
                truncation_cutoff: int | None = None, noise: str | int = "stored") -> Latents:
        """Your own vectors, used as given: z (n, *latent_shape). Errors: LatentsError, ArgumentError."""
        self._refuse(truncation=truncation, labels=labels, w=w, truncation_cutoff=truncation_cutoff)
        z = own_vectors(z, self.latent_shape, name=self.name).to(self.device)
        return Latents(picture_numbers(z), z=z, noise=check_noise(noise))

    def images(self, latents: Latents) -> Float[Tensor, "n 3 h w"]:
        """The pictures of these latents, in one batch."""
        return self.tail(self.head(latents, self.layers[-1]))

    def _refuse(self, *, truncation: float, **others: Any) -> None:
        asked = [name for name, value in others.items() if value is not None]
        asked += ["truncation"] if truncation != 1.0 else []
        if asked:
            raise ArgumentError(f"{self.name} takes no {' and no '.join(asked)}: it draws from z alone. Leave it out.")


class LayeredClassifier(LayeredNet):
    """A net that names what it sees: inputs are pictures (n, 3, h, w) in [-1, 1], the output is a score per class."""
    classes: tuple[str, ...]

    def logits(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n classes"]:
        """A score per class, before softmax."""
        return self.tail(self.head(images, self.layers[-1]))


def own_vectors(z: Any, shape: Sequence[int], *, name: str) -> Float[Tensor, "n *shape"]:
    """A user's vectors (n, *shape) as float32; sides of length 1 may be left out. Errors: LatentsError."""
    if z is None:
        raise LatentsError(f"{name} draws from z; give z with the shape (n, {', '.join(map(str, shape))}).")
    try:
        vectors = torch.as_tensor(z).to(torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise LatentsError(f"z must be numbers: {error}.") from error
    bare = tuple(side for side in shape if side != 1)
    if vectors.ndim == 0 or tuple(side for side in vectors.shape[1:] if side != 1) != bare or not len(vectors):
        raise LatentsError(f"z has the shape {tuple(vectors.shape)}; {name} needs (n, {', '.join(map(str, shape))}).")
    return vectors.reshape(len(vectors), *shape)


def twin(net: nn.Module) -> nn.Module:
    """A copy of the module tree that shares every tensor: hooks and replaced weights on it never reach the original."""
    held = (*net.parameters(), *net.buffers(),
            *(value for module in net.modules() for value in vars(module).values() if isinstance(value, Tensor)))
    return copy.deepcopy(net, memo={id(tensor): tensor for tensor in held})


def with_parameter(net: nn.Module, name: str, value: Tensor) -> nn.Module:
    """A twin whose parameter of that dotted name is another tensor. Errors: LayerError."""
    names = [known for known, _ in net.named_parameters()]
    if name not in names:
        raise LayerError(one_of("parameter", name, names, where=type(net).__name__))
    changed, (path, _, last) = twin(net), name.rpartition(".")
    changed.get_submodule(path)._parameters[last] = nn.Parameter(value, requires_grad=False)
    return changed


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Exact float32 within: no TF32, no autocast. What was set outside is set again after it."""
    matmul, cudnn = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        with no_autocast("cuda", "cpu", "mps"):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = matmul, cudnn


@contextlib.contextmanager
def no_autocast(*devices: str) -> Iterator[None]:
    """Nothing is rounded to half precision within, on these kinds of devices; torch has not an autocast for each."""
    with contextlib.ExitStack() as stack:
        for device in devices:
            if torch.amp.is_autocast_available(device):     # of MPS not before torch 2.5
                stack.enter_context(torch.autocast(device, enabled=False))
        yield
