"""Edits: changes to how a net draws, as values that can be applied, replayed, recorded and read back."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, final, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.edited import Edit, Origin, warn_of_other_weights
from ganwidgets.core.errors import EditError, ShapeError, UnitError, one_of
from ganwidgets.core.latents import check_pictures, whole_number
from ganwidgets.core.nets import Layer, LayeredNet, PausedRun
from ganwidgets.core.records import field_of, numbers_of
from ganwidgets.core.regions import Region
from ganwidgets.core.texts import tensor_from_text, tensor_to_text

Mode = Literal["set", "add", "scale"]


@final
@dataclass(frozen=True, eq=False)
class UnitEdit(Edit):
    """Sets, raises or scales units of a layer, within a region, for some pictures (GAN Dissection, section 3.2).

    `value`: a number, one per unit, or a donor patch (units, h, w) on the layer's grid. `weights` 0..1 per unit: ACE's
    alpha. `region` None: everywhere. `strength` 0..1: the blend between the old features and the new.
    `seeds` None: every picture. Errors: UnitError, EditError, ShapeError, SeedError.
    """

    # What comes is checked and settled below, with errors in the user's words; what is held afterwards is said here.
    layer: Any                                                      # str
    units: Any                                                      # tuple[int, ...]
    value: Any = 0.0                                                # Tensor: (), (units,) or (units, h, w)
    mode: Any = field(default="set", kw_only=True)                  # Mode
    weights: Any = field(default=None, kw_only=True, repr=False)    # Tensor (units,) | None
    region: Any = field(default=None, kw_only=True)                 # Region | None
    strength: Any = field(default=1.0, kw_only=True)                # float
    seeds: Any = field(default=None, kw_only=True)                  # tuple[int, ...] | None
    origin: Origin | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "layer", layer_name(self.layer))
        put(self, "units", check_units(self.units))
        if self.mode not in get_args(Mode):
            raise EditError(one_of("mode", self.mode, get_args(Mode), where="a unit edit"))
        put(self, "value", numbers("value", self.value, len(self.units), most=3))
        if self.weights is not None:
            put(self, "weights", numbers("weights", self.weights, len(self.units), most=1))
            if self.weights.numel() and not 0 <= float(self.weights.min()) <= float(self.weights.max()) <= 1:
                raise EditError(f"weights go from 0 to 1; they reach {float(self.weights.min()):g} to "
                                f"{float(self.weights.max()):g}.")
        if self.region is not None and not isinstance(self.region, Region):
            raise EditError("a region is made by gw.Region.box or gw.Region.from_mask; "
                            f"a {type(self.region).__name__} came.")
        put(self, "strength", _share(self.strength))
        put(self, "seeds", None if self.seeds is None else check_pictures(self.seeds))

    def change(self, features: Float[Tensor, "n c h w"], pictures: Sequence[int] | None = None) -> Tensor:
        """The features after the edit, a new tensor. `pictures`: the rows' numbers; None: `seeds` is not looked at.

        Errors: UnitError for a unit that the layer does not have, ShapeError for a donor patch of another grid.
        """
        n, channels, height, width = features.shape
        check_fits(self.units, channels, self.layer)
        rows = [row for row in range(n) if pictures is None or self.touches(pictures[row])]
        if not rows or not self.units:
            return features
        units = torch.tensor(self.units, device=features.device)
        chosen = features[rows][:, units]
        blend = self._blend(height, width).to(features)
        # written so that a blend of 1 gives exactly the new, and one of 0 exactly the old, its sign of zero included
        new = torch.where(blend == 0, chosen, chosen * (1 - blend) + self._new(chosen) * blend)
        changed = features.clone()
        changed[torch.tensor(rows, device=features.device)[:, None], units] = new
        return changed

    def place(self, net: LayeredNet) -> int:
        """The position of its layer. Errors: LayerError."""
        return net.place(self.layer)

    def change_run(self, paused: PausedRun, net: LayeredNet) -> PausedRun:
        """The run stopped at its layer, with those rows changed that are its pictures."""
        features = self.change(paused.features, paused.pictures or None)
        return dataclasses.replace(paused, features=features)

    def check(self, net: LayeredNet) -> None:
        """Errors: LayerError, UnitError, ShapeError. Warns where the net has other weights."""
        layer = net.layer(self.layer)
        check_fits(self.units, layer.channels, self.layer)
        if self.value.ndim == 3 and self.value.shape[1:] != (layer.height, layer.width):
            raise ShapeError(f"the donor patch is {tuple(self.value.shape[1:])}; {self.layer} has a grid of "
                             f"{(layer.height, layer.width)}.")
        warn_of_other_weights(self, net)

    def on(self, seeds: Sequence[int] | None) -> "UnitEdit":
        """The same edit for these pictures; None: for every picture."""
        return self._with(seeds=None if seeds is None else tuple(seeds))

    def to_record(self) -> dict[str, Any]:
        """The edit as JSON; tensors as exact texts."""
        return {"kind": "unit", "layer": self.layer, "units": list(self.units), "value": tensor_to_text(self.value),
                "mode": self.mode, "weights": None if self.weights is None else tensor_to_text(self.weights),
                "region": None if self.region is None else self.region.to_record(), "strength": self.strength,
                "seeds": None if self.seeds is None else list(self.seeds),
                "origin": None if self.origin is None else self.origin.to_record()}

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "UnitEdit":
        """The edit of a record. Errors: a GanwidgetsError for what is none."""
        weights, region = field_of(record, "weights", "text", optional=True), field_of(record, "region", "a record", optional=True)
        return UnitEdit(field_of(record, "layer", "text"), numbers_of(record, "units", whole=True),
                        tensor_from_text(field_of(record, "value", "text")), mode=field_of(record, "mode", "text"),
                        weights=None if weights is None else tensor_from_text(weights),
                        region=None if region is None else Region.from_record(region),
                        strength=field_of(record, "strength", "a number"),
                        seeds=numbers_of(record, "seeds", whole=True, optional=True),
                        origin=Origin.from_record(field_of(record, "origin", "a record", optional=True)))

    def to_python(self) -> str:
        """The expression that makes this edit, with `ganwidgets` as `gw`."""
        said = [repr(self.layer), repr(list(self.units)), tensor_python(self.value), f"mode={self.mode!r}"]
        said += [] if self.weights is None else [f"weights={tensor_python(self.weights)}"]
        said += [] if self.region is None else [f"region={region_python(self.region)}"]
        said += [f"strength={self.strength!r}"] if self.strength != 1 else []
        said += [] if self.seeds is None else [f"seeds={self.seeds!r}"]
        return f"gw.UnitEdit({', '.join(said)})"

    def __eq__(self, other: object) -> bool:
        return self.to_record() == other.to_record() if isinstance(other, UnitEdit) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.layer, self.units, self.mode, self.strength, self.seeds))

    def _new(self, old: Tensor) -> Tensor:
        value = self.value.to(old)
        if value.ndim == 3 and value.shape[1:] != old.shape[2:]:
            raise ShapeError(f"the donor patch is {tuple(value.shape[1:])}; {self.layer} has a grid of "
                             f"{tuple(old.shape[2:])}.")
        value = value[:, None, None] if value.ndim == 1 else value
        return value.expand_as(old) if self.mode == "set" else old + value if self.mode == "add" else old * value

    def _blend(self, height: int, width: int) -> Tensor:
        blend = torch.full((1, 1, 1), self.strength)
        if self.region is not None:
            blend = blend * self.region.on(height, width)
        return blend if self.weights is None else blend * self.weights[:, None, None]

    def _with(self, **changes: Any) -> "UnitEdit":
        return dataclasses.replace(self, **changes)


def layer_name(layer: Any) -> str:
    """The name of a layer, given by name or as a Layer. Errors: EditError."""
    name = layer.name if isinstance(layer, Layer) else layer
    if not isinstance(name, str):
        raise EditError(f"a layer is given by its name or as a Layer; {layer!r} came.")
    return name


def check_units(units: Any) -> tuple[int, ...]:
    """Unit numbers as a tuple. Errors: UnitError for what is no whole number, below zero, or there twice."""
    try:
        listed = units.tolist() if hasattr(units, "tolist") else list(units)
    except TypeError:
        raise UnitError(f"units are a list of numbers, such as [5, 9]; {units!r} came.") from None
    numbers = [whole_number(unit) for unit in listed]
    for unit, number in zip(listed, numbers, strict=True):
        if number is None or number < 0:
            raise UnitError(f"the unit {unit!r} is no unit; units are whole numbers from 0.")
    if len(set(numbers)) < len(numbers):
        twice = Counter(numbers).most_common(1)[0][0]
        raise UnitError(f"unit {twice} came twice; name each unit once.")
    return tuple(number for number in numbers if number is not None)


def check_fits(units: Sequence[int], channels: int, layer: str) -> None:
    """Errors: UnitError for a unit that a layer with so many channels does not have."""
    if max(units, default=-1) >= channels:
        raise UnitError(f"unit {max(units)} came; {layer} has the units 0 to {channels - 1}.")


def numbers(what: str, value: Any, units: int, *, most: int) -> Tensor:
    """A number, one per unit, or a patch (units, h, w), as float32 of our own. Errors: EditError, ShapeError."""
    try:
        tensor = torch.as_tensor(value).detach().to("cpu", torch.float32).clone()
    except (TypeError, ValueError, RuntimeError):
        raise EditError(f"the {what} must be numbers; {value!r} came.") from None
    if not torch.isfinite(tensor).all():
        raise EditError(f"the {what} holds numbers that are not finite; every number must be.")
    fits = tensor.ndim == 0 and most > 1 or tensor.ndim in (1, most) and len(tensor) == units
    if not fits:
        possible = "one number, one per unit, or a patch (units, h, w)" if most > 1 else "one per unit"
        raise ShapeError(f"the {what} has the shape {tuple(tensor.shape)} for {units} units; give {possible}.")
    return tensor


def _share(strength: Any) -> float:
    try:
        share = float(strength)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise EditError(f"the strength goes from 0 (as it was) to 1; {strength!r} came.")
    return share


def tensor_python(tensor: Tensor) -> str:
    """The Python expression of a tensor of floats."""
    if tensor.ndim < 2:
        return repr(tensor.tolist())
    return f"gw.core.texts.tensor_from_text({tensor_to_text(tensor)!r})"


def region_python(region: Region) -> str:
    """The Python expression of a region."""
    if region.corners is not None:
        return f"gw.Region.box({', '.join(map(repr, region.corners))})"
    assert region.mask is not None
    return f"gw.Region.from_text({tensor_to_text(region.mask)!r})"
