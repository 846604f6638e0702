"""Any module of your own as a generator or a classifier whose layers can be stopped at."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import ArgumentError, LatentsError, ShapeError
from ganwidgets.core.latents import Latents, normals
from ganwidgets.core.nets import Layer, LayeredClassifier, LayeredGenerator, LayeredNet, Loaded, PausedRun, full_float32
from ganwidgets.models.wrapping import TRIED, Cut, cut, frozen, replay, run_steps

Function = Callable[[Tensor], Tensor]
Grids = Mapping[str, Sequence[int]]       # height and width of layers whose tokens have a grid that is not square


class Wrapped(LayeredNet):
    """What generators and classifiers of your own share.

    A paused run of a chain holds nothing beside its features. That of another module holds the input, which places before
    its own were exchanged (a bit each), and what they put out: what skips past a layer must see an earlier edit too.
    Tokens that are not on the layer's grid come last.
    """

    how: Cut

    def __post_init__(self) -> None:
        object.__setattr__(self, "cut", "exact" if self.how.exact else "replayed")
        super().__post_init__()

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer. Errors: LayerError for an earlier one."""
        _, end = self.onward(paused, upto)
        with full_float32():
            return self.go_on(paused, end)

    def at_once(self, given: Tensor) -> Tensor:
        """Run from the input to the output: once, where a head and a tail would replay the module twice."""
        return replay(self.net, given, {}, None) if self.how.steps is None else run_steps(self.net, self.how.steps, given)

    def begin(self, given: Tensor, place: int, pictures: tuple[int, ...]) -> PausedRun:
        """Run from the input up to a place."""
        rest: tuple[Tensor, ...] = ()
        if self.how.steps is None:
            x, rest = replay(self.net, given, {}, self.layers[place].name), (given, _marks(given, 0))
        else:
            x = run_steps(self.net, self.how.steps[:self.how.ends[place] + 1], given)
        return self._stopped(place, x, pictures, rest)

    def go_on(self, paused: PausedRun, end: int) -> PausedRun:
        """Run from where it stopped to a later place."""
        here = self.place(paused.layer)
        if here == end:
            return paused
        rest: tuple[Tensor, ...] = ()
        if self.how.steps is None:
            (given, marks, *_), held = paused.rest, self._held(paused)
            x = replay(self.net, given, held, self.layers[end].name)
            rest = (given, marks | 1 << here, *held.values())
        else:
            between = self.how.steps[self.how.ends[here] + 1:self.how.ends[end] + 1]
            x = run_steps(self.net, between, self._output(paused))
        return self._stopped(end, x, paused.pictures, rest)

    def end(self, paused: PausedRun) -> Tensor:
        """Run from where it stopped to the output."""
        if self.how.steps is None:
            return replay(self.net, paused.rest[0], self._held(paused), None)
        return run_steps(self.net, self.how.steps[self.how.ends[self.place(paused.layer)] + 1:], self._output(paused))

    def _stopped(self, place: int, x: Any, pictures: tuple[int, ...], rest: tuple[Tensor, ...]) -> PausedRun:
        """A run that stopped where a module put out x."""
        return PausedRun(self.layers[place].name, self.how.features(place, x), pictures, (*rest, *self.how.beside(place, x)))

    def _output(self, paused: PausedRun) -> Tensor:
        """What the module where a run stopped is to have put out."""
        place = self.place(paused.layer)
        return self.how.output(place, paused.features, paused.rest[-1:] if self.how.apart[place] else ())

    def _held(self, paused: PausedRun) -> dict[str, Tensor]:
        """The outputs that stand in place of the module's own, by name."""
        marks = paused.rest[1]
        mark = int(marks[0]) if len(marks) else 0
        names = [layer.name for place, layer in enumerate(self.layers) if mark >> place & 1]
        return dict(zip(names, paused.rest[2:2 + len(names)], strict=True)) | {paused.layer: self._output(paused)}


@final
@dataclass(frozen=True, eq=False)
class WrappedGenerator(Wrapped, LayeredGenerator):
    """A generator of your own; `cut` says whether a tail runs only what follows ("exact") or the whole again ("replayed")."""

    net: nn.Module = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    how: Cut = field(repr=False)
    picture: Function | None = field(default=None, repr=False)
    cut: str = field(init=False)
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None

    def head(self, inputs: Latents, upto: str | Layer) -> PausedRun:
        """Run latents up to a layer. Errors: LayerError, LatentsError."""
        last = self.place(upto)
        added = sorted(((self.place(layer), part) for layer, part in inputs.residuals), key=lambda pair: pair[0])
        added = [pair for pair in added if pair[0] <= last]
        with full_float32():
            run = self.begin(self._z(inputs), added[0][0] if added else last, inputs.pictures)
            for place, part in added:
                run = self.go_on(run, place)
                run = dataclasses.replace(run, features=run.features + part.to(run.features))
            return self.go_on(run, last)

    def tail(self, paused: PausedRun) -> Float[Tensor, "n 3 h w"]:
        """Run on to the pictures, in [-1, 1]."""
        with full_float32():
            return shown(self.end(paused), self.picture)

    def images(self, latents: Latents) -> Float[Tensor, "n 3 h w"]:
        """The pictures of these latents, in one batch. Errors: LatentsError."""
        if latents.residuals:
            return super().images(latents)
        with full_float32():
            return shown(self.at_once(self._z(latents)), self.picture)

    def _z(self, latents: Latents) -> Tensor:
        if latents.z is None:
            raise LatentsError(f"{self.name} draws from z, and these latents hold only w.")
        return latents.z.to(self.device, torch.float32).reshape(-1, *self.latent_shape)


@final
@dataclass(frozen=True, eq=False)
class WrappedClassifier(Wrapped, LayeredClassifier):
    """A classifier of your own; `cut` as of a generator."""

    net: nn.Module = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    classes: tuple[str, ...] = field(repr=False)
    how: Cut = field(repr=False)
    preprocess: Function | None = field(default=None, repr=False)
    cut: str = field(init=False)
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None

    def head(self, inputs: Any, upto: str | Layer) -> PausedRun:
        """Run pictures up to a layer. Errors: LayerError, ShapeError, ArgumentError."""
        place = self.place(upto)
        with full_float32():
            return self.begin(self._given(inputs), place, ())

    def tail(self, paused: PausedRun) -> Float[Tensor, "n classes"]:
        """Run on to the scores."""
        with full_float32():
            return self.end(paused)

    def logits(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n classes"]:
        """A score per class, before softmax. Errors: ShapeError, ArgumentError."""
        with full_float32():
            return self.at_once(self._given(images))

    def _given(self, images: Any) -> Tensor:
        return prepared(images, self.image_size, self.preprocess, self.name).to(self.device)


def wrap(net: Any, layers: Sequence[str], latent_shape: Sequence[int], *, name: str | None = None,
         picture: Function | None = None, grids: Grids | None = None,
         companions: Mapping[str, Callable[[], Any]] | None = None) -> WrappedGenerator:
    """A generator of your own: `layers` are dotted names of its modules, `latent_shape` the shape of one z.

    `picture` brings what it puts out to [-1, 1], where it is something else (`lambda x: 2 * x - 1`); what then lies outside is
    cut, one channel is shown as grey. A layer that puts out tokens (n, tokens, channels) is a map on their grid: square,
    perhaps after a class token, or as `grids` says, {layer: (height, width)}; tokens before it pass by.
    The module is left as it is: a twin in eval mode is run, which shares its weights.
    Errors: LayerError, naming the module that runs twice, never, or puts out no map; ArgumentError where it does not run.
    """
    net, name = checked(net, "wrap"), name or type(net).__name__
    shape = tuple(int(side) for side in latent_shape)
    held = frozen(net)
    z = normals(range(TRIED), shape).to(next((weight.device for weight in held.parameters()), torch.device("cpu")))
    with full_float32():
        how, whole = cut(held, list(layers), z, where=name, grids=grids)
    size = shown(whole, picture, name).shape
    if size[-1] != size[-2]:
        raise ArgumentError(f"{name} draws pictures of {size[-2]} x {size[-1]}; they must be square.")
    more = f", grids={dict(grids)!r}" if grids else ""
    said = f"gw.wrap(net, layers={list(layers)!r}, latent_shape={shape!r}, name={name!r}{more})"
    return WrappedGenerator(held, name, how.layers, size[-1], shape, how, picture, companions=dict(companions or {}),
                            loaded=Loaded(said, verified=False))


def wrap_classifier(net: Any, layers: Sequence[str], *, image_size: int, classes: Sequence[str],
                    preprocess: Function | None = None, name: str | None = None,
                    grids: Grids | None = None) -> WrappedClassifier:
    """A classifier of your own, that reads pictures (n, 3, h, w) in [-1, 1] of any size.

    They are brought to `image_size`, and `preprocess` does the rest (a mean and a deviation, say). `classes`: a name each.
    Errors and `grids`: as `wrap`.
    """
    net, name = checked(net, "wrap_classifier"), name or type(net).__name__
    held = frozen(net)
    images = torch.linspace(-1, 1, TRIED * 3 * image_size ** 2).reshape(TRIED, 3, image_size, image_size)
    given = prepared(images, image_size, preprocess, name).to(next((each.device for each in held.parameters()), images.device))
    with full_float32():
        how, whole = cut(held, list(layers), given, where=name, grids=grids)
    if whole.ndim != 2 or whole.shape[1] != len(classes):
        raise ArgumentError(f"{name} puts out {tuple(whole.shape)} for {TRIED} pictures; with {len(classes)} classes it should be "
                            f"({TRIED}, {len(classes)}).")
    more = f", grids={dict(grids)!r}" if grids else ""
    said = f"gw.wrap_classifier(net, {list(layers)!r}, image_size={image_size}, classes=classes, name={name!r}{more})"
    return WrappedClassifier(held, name, how.layers, image_size, tuple(map(str, classes)), how, preprocess,
                             loaded=Loaded(said, verified=False))


def checked(net: Any, where: str) -> nn.Module:
    """The module itself. Errors: ArgumentError for anything else."""
    if not isinstance(net, nn.Module):
        raise ArgumentError(f"{where} takes a torch module; a {type(net).__name__} came. A file of weights is opened by "
                            "gw.load_checkpoint.")
    return net


def shown(whole: Tensor, picture: Function | None, name: str = "the net") -> Float[Tensor, "n 3 h w"]:
    """What a generator puts out, as pictures. Errors: ShapeError."""
    images = whole if picture is None else picture(whole)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ShapeError(f"{name} puts out {tuple(images.shape)}; pictures are (n, 3, h, w), or (n, 1, h, w) in grey. Give "
                         "`picture`, a function that makes them of it.")
    return images.float().expand(-1, 3, -1, -1).clamp(-1, 1)


def prepared(images: Any, size: int, preprocess: Function | None, name: str) -> Tensor:
    """Pictures as a classifier takes them. Errors: ArgumentError, ShapeError."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        raise ArgumentError(f"{name} reads pictures as a tensor (n, 3, h, w) from -1 to 1; a {type(images).__name__} came.")
    if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape[2:]:
        raise ShapeError(f"{name} reads pictures (n, 3, h, w); {tuple(images.shape)} came.")
    images = images.float().clamp(-1, 1)
    if images.shape[2:] != (size, size):
        images = nn.functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return images if preprocess is None else preprocess(images)


def _marks(given: Tensor, places: int) -> Tensor:
    return torch.full((len(given),), places, dtype=torch.long, device=given.device)
