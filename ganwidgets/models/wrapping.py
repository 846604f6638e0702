"""How any module is stopped at its layers: cut exactly where it is a chain, run again with hooks where it is not."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganwidgets.core.errors import ArgumentError, LayerError, one_of
from ganwidgets.core.nets import Layer, twin
from ganwidgets.core.trace import Trace

TRIED = 2       # rows of the batch that a module is tried on


@dataclass(frozen=True)
class Cut:
    """The layers of a module in running order, and how it is run from one to another.

    `steps`: where the module is a chain, the names of all that it runs, one after another, and `ends` the place in it where
    each layer ends. `steps` None: a run is done again from the start, with the layer's features put in its place.
    `apart`: how many tokens of a layer stand before those of the grid (a class token, say); they pass an edit by.
    """

    layers: tuple[Layer, ...]
    sides: tuple[int, ...]          # of each layer's output: 4 a map, 3 tokens (n, apart + h * w, c), 2 a vector (n, c)
    apart: tuple[int, ...]
    steps: tuple[str, ...] | None
    ends: tuple[int, ...]

    @property
    def exact(self) -> bool:
        """Whether a tail runs only what follows its layer."""
        return self.steps is not None

    def features(self, place: int, output: Tensor) -> Tensor:
        """A layer's output as a map (n, c, h, w)."""
        layer, turned = self.layers[place], output
        if self.sides[place] == 3:
            turned = output[:, self.apart[place]:].transpose(1, 2)
        return turned.reshape(len(output), layer.channels, layer.height, layer.width)

    def beside(self, place: int, output: Tensor) -> tuple[Tensor, ...]:
        """The tokens of a layer's output that are not on its grid, where it has such."""
        return (output[:, :self.apart[place]].clone(),) if self.apart[place] else ()

    def output(self, place: int, features: Tensor, beside: Sequence[Tensor] = ()) -> Tensor:
        """A map in the form in which the module passes it on; a copy, since what follows may write on it."""
        if self.sides[place] == 3:
            return torch.cat([*beside, features.flatten(2).transpose(1, 2)], dim=1)
        return (features if self.sides[place] == 4 else features.flatten(1)).clone()


def frozen(net: nn.Module) -> nn.Module:
    """A twin in eval mode, whose weights are float32, share the net's memory where they can, and ask for no gradient."""
    copy = twin(net).eval()
    held: dict[int, nn.Parameter] = {}
    for module in copy.modules():
        for name, weight in module._parameters.items():
            if weight is not None:      # tied weights stay tied
                held.setdefault(id(weight), nn.Parameter(weight.detach().float(), requires_grad=False))
                module._parameters[name] = held[id(weight)]
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                module._buffers[name] = buffer.float()
    return copy


@torch.no_grad()
def cut(net: nn.Module, names: Sequence[str], sample: Tensor, *, where: str,
        grids: Mapping[str, Sequence[int]] | None = None) -> tuple[Cut, Tensor]:
    """How to stop a module at these of its modules, found by running it on `sample` (two rows), and what it puts out.

    `grids`: the height and width of the grid of layers that put out tokens, where it is not square.
    Errors: LayerError for a name that is none, runs never or twice, or puts out something else than one map of one shape;
    ArgumentError where the module does not run.
    """
    grids = dict(grids or {})
    known = [name for name, _ in net.named_modules() if name]
    for name in names:
        if name not in known:
            raise LayerError(one_of("module", name, known, where=where))
    for name in grids:
        if name not in names:
            raise LayerError(one_of("layer", name, names, where=f"grids, for {where}"))
    if not names or len(set(names)) < len(names):
        raise LayerError(f"name at least one module of {where} as a layer, each once; its modules are {', '.join(known[:24])} ...")
    calls, whole = watch(net, sample, where)
    order = [call for call in calls if call.name in names]
    for name in names:
        count = sum(call.name == name for call in order)
        if count != 1:
            raise LayerError(f"{name} of {where} runs {count} times in a run; a layer runs once. Name a module that does.")
    alone = {call.name: call for call in watch(net, sample[:1], where)[0]}
    layers = [layer_of(call.name, call.output, alone[call.name].output, where, grids.get(call.name)) for call in order]
    apart = tuple(call.output.shape[1] - layer.height * layer.width if call.output.ndim == 3 else 0
                  for call, layer in zip(order, layers, strict=True))
    steps = chain(net, "", names, calls, sample)
    ends = tuple(steps.index(layer.name) for layer in layers) if steps else ()
    if steps and not torch.equal(run_steps(net, steps, sample), whole):
        steps, ends = None, ()
    return Cut(tuple(layers), tuple(call.output.ndim for call in order), apart, tuple(steps) if steps else None, ends), whole


def layer_of(name: str, output: Any, alone: Any, where: str, grid: Sequence[int] | None = None) -> Layer:
    """A module's output as a layer. Errors: LayerError."""
    if not isinstance(output, Tensor):
        raise LayerError(f"{name} of {where} puts out a {type(output).__name__}; a layer puts out one tensor. Name a module in it.")
    if not isinstance(alone, Tensor) or output.shape[1:] != alone.shape[1:] or (len(output), len(alone)) != (TRIED, 1):
        came = tuple(alone.shape) if isinstance(alone, Tensor) else type(alone).__name__
        raise LayerError(f"{name} of {where} puts out {tuple(output.shape)} for {TRIED} rows and {came} for one: its shape changes "
                         "between calls, so its units have no place.")
    if grid is not None and output.ndim != 3:
        raise LayerError(f"{name} of {where} puts out {tuple(output.shape)}, which are no tokens (n, tokens, channels); leave it "
                         "out of grids.")
    if output.ndim == 4:
        return Layer(name, *output.shape[1:])
    if output.ndim == 3:
        return Layer(name, output.shape[2], *grid_of(name, output.shape[1], where, grid))
    if output.ndim == 2:
        return Layer(name, output.shape[1], 1, 1)
    raise LayerError(f"{name} of {where} puts out {tuple(output.shape)}; a layer is a map (n, channels, height, width), tokens "
                     "(n, height * width, channels), or a vector (n, channels).")


def grid_of(name: str, tokens: int, where: str, grid: Sequence[int] | None) -> tuple[int, int]:
    """Height and width of the grid of so many tokens: as asked, or square, perhaps after a class token. Errors: LayerError."""
    if grid is None:
        for count in (tokens, tokens - 1):
            side = math.isqrt(max(count, 0))
            if side and side * side == count:
                return side, side
        raise LayerError(f"{name} of {where} puts out {tokens} tokens, which are no square, nor one after a class token; say their "
                         f"grid: grids={{{name!r}: (height, width)}}.")
    sides = tuple(grid)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides) or sides[0] * sides[1] > tokens:
        raise LayerError(f"{name} of {where} puts out {tokens} tokens, and grids says {grid!r} for it; give (height, width) of at "
                         "most so many. What is over stands before the grid.")
    return sides[0], sides[1]


@dataclass(frozen=True, eq=False)
class Call:
    """One run of a module: the one tensor that went in (None where it was more), what came out, and their versions then."""

    name: str
    given: Tensor | None
    given_version: int
    output: Any
    version: int


def watch(net: nn.Module, sample: Tensor, where: str) -> tuple[list[Call], Tensor]:
    """Every call of a module in a run, in the order in which they end, and the output. Errors: ArgumentError, LayerError."""
    calls: list[Call] = []
    began: list[tuple[Tensor | None, int]] = []

    def before(module: nn.Module, given: tuple, named: dict) -> None:
        one = given[0] if len(given) == 1 and not named and isinstance(given[0], Tensor) else None
        began.append((one, 0 if one is None else one._version))

    def after(name: str, output: Any) -> None:
        calls.append(Call(name, *began.pop(), output, output._version if isinstance(output, Tensor) else 0))

    copy = twin(net)
    hooks: list[Any] = []
    for name, module in copy.named_modules():
        hooks.append(module.register_forward_pre_hook(before, with_kwargs=True))
        hooks.append(module.register_forward_hook(lambda _m, _g, output, name=name: after(name, output)))
    try:
        whole = copy(sample)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError, NotImplementedError) as error:
        raise ArgumentError(f"{where} does not run on {tuple(sample.shape)}: {type(error).__name__}: {error}") from error
    if not isinstance(whole, Tensor):
        raise ArgumentError(f"{where} puts out a {type(whole).__name__} and not one tensor; wrap a module that does.")
    return calls, whole


def chain(net: nn.Module, name: str, wanted: Sequence[str], calls: Sequence[Call], given: Tensor) -> list[str] | None:
    """The modules that, one after another, are this module, opened no further than the layers ask; None: it is no chain.

    It is one where each child is given the very tensor that the one before put out, untouched since.
    """
    inside = [each for each in wanted if each.startswith(f"{name}." if name else "")]
    if not inside:
        return [name]
    own = [call for call in calls if call.name == name]
    parts = [call for call in calls if call.name and call.name.rpartition(".")[0] == name]
    if len(own) != 1 or name in wanted or len({part.name for part in parts}) < len(parts) or not parts:
        return None
    held, version = own[0].given, own[0].given_version
    for part in parts:
        if part.given is None or part.given is not held or part.given_version != version:
            return None
        held, version = part.output, part.version
    if own[0].output is not held or own[0].version != version:
        return None
    steps: list[str] = []
    for part in parts:
        assert part.given is not None
        within = chain(net, part.name, wanted, calls, part.given)
        if within is None:
            return None
        steps += within
    return steps


def run_steps(net: nn.Module, steps: Sequence[str], x: Tensor) -> Tensor:
    """Run these modules one after another."""
    for name in steps:
        x = net.get_submodule(name)(x)
    return x


def replay(net: nn.Module, given: Tensor, held: Mapping[str, Tensor], upto: str | None) -> Tensor:
    """Run the module again with the outputs of some of its modules exchanged, up to one of them or to the end."""
    with Trace(net, [*held, *([upto] if upto and upto not in held else [])],
               change=lambda name, output: held[name].clone() if name in held else output, stop=upto is not None) as trace:
        whole = trace.run(given)
    return whole if upto is None else trace.outputs[upto]
