"""Edits of weights: a change of low rank to the linear map at a layer, which adds up and can be dropped again."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.edited import Edit, Origin
from ganwidgets.core.errors import EditError, ShapeError
from ganwidgets.core.latents import check_pictures
from ganwidgets.core.nets import LayeredNet
from ganwidgets.core.records import field_of, numbers_of
from ganwidgets.core.texts import tensor_from_text, tensor_to_text
from ganwidgets.core.unit_edits import layer_name, tensor_python


@final
@dataclass(frozen=True, eq=False)
class WeightEdit(Edit):
    """Adds left x right to the weights of a layer's linear memory (Bau et al. 2020, section 3: W1 = W0 + Lambda d^T).

    `left` (values, rank, *taps): what is written; for a convolution each tap has its own. `right` (rank, keys): where.
    Errors: ShapeError, EditError. It is refused where the layer's weights are not those of its `origin`.
    """

    layer: Any                                                                    # str
    left: Any = field(repr=False)                                                 # Tensor
    right: Any = field(repr=False)                                                # Tensor
    seeds: Any = field(default=None, kw_only=True)                                # tuple[int, ...] | None
    origin: Origin | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "layer", layer_name(self.layer))
        for side in ("left", "right"):
            put(self, side, _matrix(side, getattr(self, side)))
        if self.right.ndim != 2 or self.left.shape[1] != self.right.shape[0]:
            raise ShapeError(f"left {tuple(self.left.shape)} and right {tuple(self.right.shape)} do not go together; "
                             "left is (values, rank, *taps) and right (rank, keys).")
        put(self, "seeds", None if self.seeds is None else check_pictures(self.seeds))

    @property
    def rank(self) -> int:
        """The number of directions in which the rule changes."""
        return self.right.shape[0]

    @property
    def delta(self) -> Float[Tensor, "values keys ..."]:
        """What is added to the weights."""
        return torch.einsum("vr...,rk->vk...", self.left, self.right)

    def deltas(self, net: LayeredNet) -> Mapping[str, Tensor]:
        """What is added, in the shape of the parameter. Errors: LayerError, ShapeError."""
        name = net.memory(self.layer).parameter
        held = net.net.get_parameter(name)
        inner = held.shape[1:] if held.ndim == self.delta.ndim + 1 and held.shape[0] == 1 else held.shape
        if self.delta.shape != inner:
            raise ShapeError(f"this edit changes weights of {tuple(self.delta.shape)}; those at {self.layer} of "
                             f"{net.name} are {tuple(inner)}.")
        return {name: self.delta.reshape(held.shape)}

    def check(self, net: LayeredNet) -> None:
        """Errors: LayerError, ShapeError, and EditError where the layer's weights are not those it was made on."""
        (name,) = self.deltas(net)
        if self.origin is None:
            return
        assert net.digests is not None
        wanted = dict(self.origin.weights).get(name)
        same = self.origin.digest == net.digest if wanted is None else wanted == net.digests.by_name[name]
        if not same:
            raise EditError(f"this edit rewrites {self.layer} of {self.origin.name}, whose weights differ from those "
                            f"of {net.name} here, so it would be another rule; make the edit anew on {net.name}.")

    def on(self, seeds: Any) -> "WeightEdit":
        """The same edit for these pictures; None: for every picture."""
        return dataclasses.replace(self, seeds=seeds)

    def to_record(self) -> dict[str, Any]:
        """The edit as JSON; tensors as exact texts."""
        return {"kind": "weight", "layer": self.layer, "left": tensor_to_text(self.left),
                "right": tensor_to_text(self.right), "seeds": None if self.seeds is None else list(self.seeds),
                "origin": None if self.origin is None else self.origin.to_record()}

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "WeightEdit":
        """The edit of a record. Errors: a GanwidgetsError for what is none."""
        left, right = (tensor_from_text(field_of(record, side, "text")) for side in ("left", "right"))
        return WeightEdit(field_of(record, "layer", "text"), left, right,
                          seeds=numbers_of(record, "seeds", whole=True, optional=True),
                          origin=Origin.from_record(field_of(record, "origin", "a record", optional=True)))

    def to_python(self) -> str:
        """The expression that makes this edit, with `ganwidgets` as `gw`."""
        seeds = "" if self.seeds is None else f", seeds={self.seeds!r}"
        return f"gw.WeightEdit({self.layer!r}, {tensor_python(self.left)}, {tensor_python(self.right)}{seeds})"

    def __eq__(self, other: object) -> bool:
        return self.to_record() == other.to_record() if isinstance(other, WeightEdit) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.layer, self.left.shape, self.right.shape, self.seeds))


def _matrix(what: str, value: Any) -> Tensor:
    """Finite numbers of at least two axes, as float32 of our own. Errors: EditError, ShapeError."""
    try:
        tensor = torch.as_tensor(value).detach().to("cpu", torch.float32).clone()
    except (TypeError, ValueError, RuntimeError):
        raise EditError(f"{what} must be numbers; a {type(value).__name__} came.") from None
    if tensor.ndim < 2 or not tensor.numel():
        raise ShapeError(f"{what} has the shape {tuple(tensor.shape)}; left is (values, rank, *taps), "
                         "right (rank, keys).")
    if not torch.isfinite(tensor).all():
        raise EditError(f"{what} holds numbers that are not finite; every number must be.")
    return tensor
