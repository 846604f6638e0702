"""What an edit may change, and the net that runs with edits: nothing is overwritten, every tensor is shared."""

import abc
import dataclasses
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from ganwidgets.core.errors import EditError, OtherWeightsWarning
from ganwidgets.core.nets import (
    Latents,
    Layer,
    LayeredClassifier,
    LayeredGenerator,
    LayeredNet,
    LinearMemory,
    PausedRun,
    with_parameter,
)
from ganwidgets.core.records import field_of


@dataclass(frozen=True)
class Origin:
    """The net that an edit was made on: its name, the digest of all its weights, and of those the edit depends on."""
    name: str
    digest: str
    weights: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(net: LayeredNet, *weights: str) -> "Origin":
        """The origin of edits made on this net; `weights` are dotted names of parameters."""
        assert net.digests is not None
        return Origin(net.name, net.digest, tuple((name, net.digests.by_name[name]) for name in weights))

    def to_record(self) -> dict[str, Any]:
        """The origin as JSON."""
        return {"name": self.name, "digest": self.digest, "weights": dict(self.weights)}

    @staticmethod
    def from_record(record: Mapping[str, Any] | None) -> "Origin | None":
        """The origin of a record. Errors: EditError for what is none."""
        if record is None:
            return None
        held = field_of(record, "weights", "a record", optional=True) or {}
        weights = tuple((str(name), field_of(held, name, "text")) for name in held)
        return Origin(field_of(record, "name", "text"), field_of(record, "digest", "text"), weights)


class Edit(abc.ABC):
    """A change to how a net draws. `apply` answers a new net; the old one is untouched and shares its tensors.

    An edit may change features at a layer (`place` and `change_run`), weights (`deltas`) or latents
    (`replace_latents`): what it does not define, it leaves as it is.
    """
    seeds: tuple[int, ...] | None  # None: every picture; else only these picture numbers
    origin: Origin | None          # None: not known
    replays: ClassVar[bool] = True           # whether `on` moves it to other pictures
    changes_latents: ClassVar[bool] = False  # whether `replace_latents` may answer others

    @abc.abstractmethod
    def to_record(self) -> dict[str, Any]:
        """The edit as JSON, tensors as text, with the name and the weight digest of the net it was made on."""

    @abc.abstractmethod
    def check(self, net: LayeredNet) -> None:
        """Errors: a GanwidgetsError where the edit does not fit this net. Warns where the net has other weights."""

    @abc.abstractmethod
    def on(self, seeds: Sequence[int] | None) -> "Edit":
        """The same edit for these pictures; None: for every picture. Errors: SeedError."""

    @abc.abstractmethod
    def to_python(self) -> str:
        """The expression that makes this edit, with `ganwidgets` as `gw`."""

    def apply(self, net: Any) -> Any:
        """A net of the same kind that draws with this edit, after those it already has. Errors: as `check`."""
        return edited(net, self)

    def touches(self, picture: int) -> bool:
        """Whether the edit changes that picture."""
        return self.seeds is None or picture in self.seeds

    def place(self, net: LayeredNet) -> int | None:
        """The position of the layer whose features it changes; None where it changes none."""
        return None

    def change_run(self, paused: PausedRun, net: LayeredNet) -> PausedRun:
        """The run stopped at `place`, changed. `net` is the net without edits of features."""
        return paused

    def deltas(self, net: LayeredNet) -> Mapping[str, Tensor]:
        """What is added to parameters, by dotted name."""
        return {}

    def replace_latents(self, latents: Latents) -> Latents:
        """The latents that are drawn in place of these."""
        return latents


class EditedNet(LayeredNet):
    """A net with edits. At each layer the edits act in the order in which they were made; layers in running order.

    A PausedRun that stopped at a layer of an *edited* net has that layer's edits in it already, and `resume` and `tail`
    add only those of later layers. For a PausedRun of the *unedited* net use `finish`, which applies that layer's edits
    and then the later ones, each exactly once: keep `base.head(...)` while a person edits, and an edit costs one tail.
    """
    base: Any                 # the net without edits
    edits: tuple[Edit, ...]

    def __post_init__(self) -> None:
        if isinstance(self.base, EditedNet):
            raise EditError("edits go on the net below; use edited(net, *edits), which does that.")
        _set(self, "_variants", {})
        _set(self, "_places", _places(self.base, self.edits))
        _set(self, "_deltas", tuple(edit.deltas(self.base) for edit in self.edits))
        _set(self, "net", self._variant(()).net)
        for name in ("name", "layers", "image_size", "companions", "digests", *self._copied):
            _set(self, name, getattr(self.base, name))

    _copied: ClassVar[tuple[str, ...]] = ()     # what else this kind of net takes over from the one below
    _places: Mapping[int, tuple[Edit, ...]]     # edits of features by the position of their layer
    _deltas: tuple[Mapping[str, Tensor], ...]   # what each edit adds to weights
    _variants: dict[tuple[int, ...], LayeredNet]

    def head(self, inputs: Any, upto: str | Layer) -> PausedRun:
        """Run the inputs up to a layer, that layer and its edits included."""
        place = self.place(upto)
        for edit in self.edits:
            inputs = edit.replace_latents(inputs) if isinstance(inputs, Latents) else inputs

        def run(net: LayeredNet, rows: Any) -> PausedRun:
            first = min((stop for stop in self._places if stop <= place), default=None)
            if first is None:
                return net.head(rows, self.layers[place])
            return self._onward(net, self._changed(net, net.head(rows, self.layers[first])), place)

        return self._by_weights(run, inputs, getattr(inputs, "pictures", ()))

    def resume(self, paused: PausedRun, upto: str | Layer) -> PausedRun:
        """Run on to a later layer, its edits included; those of the layer where it stopped are in it already."""
        _, place = self.onward(paused, upto)
        return self._by_weights(lambda net, rows: self._onward(net, rows, place), paused, paused.pictures)

    def tail(self, paused: PausedRun) -> Tensor:
        """Run on to the end; the edits of the layer where it stopped are in it already."""
        last = max((self.place(paused.layer), *self._places))
        return self._by_weights(lambda net, rows: net.tail(self._onward(net, rows, last)), paused, paused.pictures)

    def run_edits(self, paused: PausedRun) -> PausedRun:
        """A run of the *unedited* net that stopped here, as this net would have it: with this layer's edits, once.

        Errors: EditError where an edit acts before that layer, so that the run would not have it.
        """
        last = self.last_stop
        if self.place(paused.layer) > last:
            raise EditError(f"this run of {self.name} stopped at {paused.layer}, after an edit acts; "
                            + (f"stop it at {self.layers[last].name}." if last >= 0 else "run from the latents."))
        return self._by_weights(self._changed, paused, paused.pictures)

    def finish(self, paused: PausedRun) -> Tensor:
        """The output of a run of the *unedited* net that stopped here, with every edit once. Errors: EditError."""
        return self.tail(self.run_edits(paused))

    @property
    def last_stop(self) -> int:
        """The position of the last layer where a run of the unedited net may stop to be given to `finish`; -1: none."""
        stops = [*self._places]
        for edit, deltas in zip(self.edits, self._deltas, strict=True):
            stops += [-1] if edit.changes_latents else []
            stops += [self.place(layer) - 1 if (layer := getattr(edit, "layer", None)) else -1] if deltas else []
        return min(stops, default=len(self.layers) - 1)

    def with_net(self, net: nn.Module) -> "EditedNet":
        """The same edits around another net; those of weights on every picture are taken to be in `net` already."""
        kept = tuple(edit for edit, deltas in zip(self.edits, self._deltas, strict=True)
                     if edit.seeds is not None or not deltas)
        return dataclasses.replace(self, base=self.base.with_net(net), edits=kept)  # type: ignore[type-var]

    def memory(self, layer: str | Layer) -> LinearMemory:
        """The linear map at a layer, with the edits of weights in it."""
        return self._variant(()).memory(layer)

    def _onward(self, net: LayeredNet, paused: PausedRun, place: int) -> PausedRun:
        for stop in sorted(self._places):
            if self.place(paused.layer) < stop <= place:
                paused = self._changed(net, net.resume(paused, self.layers[stop]))
        return net.resume(paused, self.layers[place]) if self.place(paused.layer) < place else paused

    def _changed(self, net: LayeredNet, paused: PausedRun) -> PausedRun:
        for edit in self._places.get(self.place(paused.layer), ()):
            paused = edit.change_run(paused, net)
        return paused

    def _by_weights(self, run: Callable[[LayeredNet, Any], Any], inputs: Any, pictures: Sequence[int]) -> Any:
        """Run each row with the weights that its picture has; nearly always all rows have the same."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for row, picture in enumerate(pictures):
            active = tuple(i for i, edit in enumerate(self.edits)
                           if self._deltas[i] and edit.seeds is not None and picture in edit.seeds)
            groups.setdefault(active, []).append(row)
        if len(groups) <= 1:
            return run(self._variant(next(iter(groups), ())), inputs)
        parts = [run(self._variant(active), inputs[rows]) for active, rows in groups.items()]
        back = torch.tensor([row for rows in groups.values() for row in rows]).argsort().tolist()
        return PausedRun.join(parts)[back] if isinstance(parts[0], PausedRun) else torch.cat(parts)[back]

    def _variant(self, active: tuple[int, ...]) -> LayeredNet:
        """The unedited adapter around weights with the edits that are for every picture, and the `active` ones."""
        if active not in self._variants:
            net = self.base.net
            for i, deltas in enumerate(self._deltas):
                for name, delta in deltas.items() if self.edits[i].seeds is None or i in active else ():
                    held = net.get_parameter(name)
                    net = with_parameter(net, name, held + delta.to(held))
            self._variants[active] = self.base if net is self.base.net else self.base.with_net(net)
        return self._variants[active]


@final
@dataclass(frozen=True, eq=False)
class EditedGenerator(EditedNet, LayeredGenerator):
    """A generator with edits, itself a generator; see EditedNet for what a paused run of it holds."""
    base: LayeredGenerator
    edits: tuple[Edit, ...] = field(default=())

    _copied = ("latent_shape",)

    def sample(self, seeds: Any, *, truncation: float = 1.0, labels: Any = None, prompt: Any = None) -> Latents:
        """As the generator without edits."""
        return self.base.sample(seeds, truncation=truncation, labels=labels, prompt=prompt)

    def latents(self, z: Any = None, **how: Any) -> Latents:
        """As the generator without edits."""
        return self.base.latents(z, **how)

    @property
    def source(self) -> str:
        """The Python expression that makes the generator without edits."""
        return self.base.source


@final
@dataclass(frozen=True, eq=False)
class EditedClassifier(EditedNet, LayeredClassifier):
    """A classifier with edits, itself a classifier."""
    base: LayeredClassifier
    edits: tuple[Edit, ...] = field(default=())

    _copied = ("classes",)


def edited(net: Any, *added: Edit) -> Any:
    """A net of the same kind with these edits, after those it already has. Errors: EditError, and those of `check`."""
    if not isinstance(net, (LayeredGenerator, LayeredClassifier)):
        raise EditError(f"edits apply to a generator or a classifier; a {type(net).__name__} came.")
    for edit in added:
        if not isinstance(edit, Edit):
            raise EditError(f"an edit is a UnitEdit, WeightEdit or LatentEdit; a {type(edit).__name__} came.")
        if edit.seeds is not None and isinstance(net, LayeredClassifier):
            raise EditError(f"{net.name} is a classifier, whose pictures have no numbers; "
                            "make the edit with seeds=None.")
        edit.check(net)
    base, before = (net.base, net.edits) if isinstance(net, EditedNet) else (net, ())
    if not (before or added):
        return net
    kind: Any = EditedGenerator if isinstance(net, LayeredGenerator) else EditedClassifier
    return kind(base, (*before, *added))


def warn_of_other_weights(edit: Edit, net: LayeredNet) -> None:
    """Warn where the edit was made on other weights than these."""
    if edit.origin is not None and edit.origin.digest != net.digest:
        warnings.warn(f"this edit was made on {edit.origin.name} with other weights than those of {net.name}; "
                      "its units may draw something else here.", OtherWeightsWarning, stacklevel=4)


def _places(net: LayeredNet, edits: Iterable[Edit]) -> dict[int, tuple[Edit, ...]]:
    """The edits of features by the position of their layer."""
    found: dict[int, tuple[Edit, ...]] = {}
    for edit in edits:
        if (place := edit.place(net)) is not None:
            found[place] = (*found.get(place, ()), edit)
    return found


def _set(net: LayeredNet, name: str, value: Any) -> None:
    object.__setattr__(net, name, value)
