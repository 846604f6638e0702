"""Edits of latents: pictures that are drawn from other latents, wholly or within a region."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from ganwidgets.core.edited import Edit, Origin, warn_of_other_weights
from ganwidgets.core.errors import EditError, LatentsError, cut
from ganwidgets.core.latents import Latents, check_pictures
from ganwidgets.core.nets import LayeredGenerator, LayeredNet, PausedRun
from ganwidgets.core.records import field_of, numbers_of
from ganwidgets.core.regions import Region
from ganwidgets.core.texts import tensor_from_text, tensor_to_text
from ganwidgets.core.unit_edits import layer_name, region_python

SPLIT_GRID = 8  # with a region, features are exchanged at the first layer whose grid is at least this fine


@final
@dataclass(frozen=True, eq=False)
class LatentEdit(Edit):
    """Draws the pictures in `seeds` from `latents`: one row for all of them, or a row for each, in their order.

    With a region only that part is: the features of both runs are blended at `layer` (left out: the first on a grid of
    8 cells or more) by the region, brought there by its mean (Paint by Word, section 3). `words`: what the latents were
    searched for, kept as a note. It belongs to its pictures: replay leaves it be. Errors: LatentsError, EditError.
    """

    latents: Latents = field(repr=False)
    region: Any = field(default=None, kw_only=True)                       # Region | None
    seeds: Any = field(kw_only=True)                                      # tuple[int, ...]
    words: Any = field(default=None, kw_only=True)                        # str | None
    layer: Any = field(default=None, kw_only=True)                        # str | None
    origin: Origin | None = field(default=None, kw_only=True, repr=False)

    replays: ClassVar[bool] = False

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.seeds is None:
            raise EditError("an edit of latents belongs to pictures; say which, as seeds=(3,).")
        put(self, "seeds", check_pictures(self.seeds))
        if len(self.latents) not in (1, len(self.seeds)):
            raise LatentsError(f"{len(self.latents)} rows of latents for {len(self.seeds)} pictures; "
                               "give one row for all of them, or one for each.")
        if self.region is not None and not isinstance(self.region, Region):
            raise EditError("a region is made by gw.Region.box or gw.Region.from_mask; "
                            f"a {type(self.region).__name__} came.")
        put(self, "layer", None if self.layer is None else layer_name(self.layer))
        if self.words is not None and not isinstance(self.words, str):
            raise EditError(f"words are text; a {type(self.words).__name__} came.")

    @property
    def changes_latents(self) -> bool:  # type: ignore[override]
        """Whether the whole picture is drawn from other latents."""
        return self.region is None

    def replace_latents(self, latents: Latents) -> Latents:
        """The rows of these pictures exchanged for the edit's own; numbers stay, so that later edits find them."""
        rows = [row for row, picture in enumerate(latents.pictures) if picture in self.seeds]
        if self.region is not None or not rows:
            return latents
        own = self._own([latents.pictures[row] for row in rows], latents)
        order = [*range(len(latents))]
        for place, row in enumerate(rows):
            order[row] = len(latents) + place
        return dataclasses.replace(Latents.join([latents, own])[order], pictures=latents.pictures)

    def place(self, net: LayeredNet) -> int | None:
        """With a region, the position of the layer where features are blended. Errors: LayerError."""
        if self.region is None:
            return None
        if self.layer is not None:
            return net.place(self.layer)
        fine = (place for place, layer in enumerate(net.layers) if min(layer.height, layer.width) >= SPLIT_GRID)
        return next(fine, len(net.layers) - 1)

    def change_run(self, paused: PausedRun, net: LayeredNet) -> PausedRun:
        """The run with the features of the edit's own latents within the region."""
        rows = [row for row, picture in enumerate(paused.pictures) if picture in self.seeds]
        if self.region is None or not rows:
            return paused
        donor = net.head(self._own([paused.pictures[row] for row in rows], None).to(net.device), paused.layer).features
        share = self.region.on(*donor.shape[2:], how="mean").to(donor)
        features = paused.features.clone()
        features[rows] = torch.where(share == 0, features[rows], features[rows] * (1 - share) + donor * share)
        return dataclasses.replace(paused, features=features)

    def check(self, net: LayeredNet) -> None:
        """Errors: EditError for a classifier, LayerError. Warns where the net has other weights."""
        if not isinstance(net, LayeredGenerator):
            raise EditError(f"{net.name} draws no pictures; an edit of latents needs a generator.")
        self.place(net)
        warn_of_other_weights(self, net)

    def on(self, seeds: Any) -> "LatentEdit":
        """Itself: latents are those of its own pictures."""
        return self

    def to_record(self) -> dict[str, Any]:
        """The edit as JSON; tensors as exact texts."""
        return {"kind": "latent", "latents": latents_record(self.latents), "seeds": list(self.seeds),
                "region": None if self.region is None else self.region.to_record(), "words": self.words,
                "layer": self.layer, "origin": None if self.origin is None else self.origin.to_record()}

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "LatentEdit":
        """The edit of a record. Errors: a GanwidgetsError for what is none."""
        region = field_of(record, "region", "a record", optional=True)
        return LatentEdit(latents_of_record(field_of(record, "latents", "a record")), seeds=numbers_of(record, "seeds", whole=True),
                          words=field_of(record, "words", "text", optional=True),
                          region=None if region is None else Region.from_record(region),
                          layer=field_of(record, "layer", "text", optional=True),
                          origin=Origin.from_record(field_of(record, "origin", "a record", optional=True)))

    def to_python(self) -> str:
        """The expression that makes this edit, with `ganwidgets` as `gw`."""
        said = [f"gw.core.latent_edits.latents_of_record({latents_record(self.latents)!r})", f"seeds={self.seeds!r}"]
        said += [] if self.region is None else [f"region={region_python(self.region)}"]
        said += [f"{name}={value!r}" for name in ("words", "layer") if (value := getattr(self, name)) is not None]
        return f"gw.LatentEdit({', '.join(said)})"

    def __eq__(self, other: object) -> bool:
        return self.to_record() == other.to_record() if isinstance(other, LatentEdit) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.latents.pictures, self.seeds, self.words, self.layer))

    def _own(self, pictures: list[int], like: Latents | None) -> Latents:
        """The edit's latents for these pictures, a row each, on the device and with the fields of `like`."""
        rows = [0 if len(self.latents) == 1 else self.seeds.index(picture) for picture in pictures]
        own = self.latents[rows]
        if like is None:
            return own
        own = own.to(next(part.device for part in (like.w, like.z) if part is not None))
        for name in ("z", "w", "condition"):
            if (getattr(own, name) is None) != (getattr(like, name) is None):
                raise LatentsError(f"the edit's latents and those of the picture differ in whether they have {name}; "
                                   "draw these pictures on their own.")
        return dataclasses.replace(own, truncation=like.truncation, truncation_cutoff=like.truncation_cutoff,
                                   noise=like.noise)


def latents_record(latents: Latents) -> dict[str, Any]:
    """Latents as JSON; tensors as exact texts."""
    parts = {name: None if (part := getattr(latents, name)) is None else tensor_to_text(part.float())
             for name in ("z", "w", "condition")}
    return {"pictures": list(latents.pictures), **parts, "truncation": latents.truncation,
            "truncation_cutoff": latents.truncation_cutoff, "noise": latents.noise,
            "residuals": [[layer, tensor_to_text(part)] for layer, part in latents.residuals]}


def latents_of_record(record: Mapping[str, Any]) -> Latents:
    """The latents of a record. Errors: a GanwidgetsError for what is none."""
    packed = {name: field_of(record, name, "text", optional=True) for name in ("z", "w", "condition")}
    parts: dict[str, Tensor | None] = {name: None if text is None else tensor_from_text(text) for name, text in packed.items()}
    residuals = []
    for each in field_of(record, "residuals", "a list"):
        if not isinstance(each, (list, tuple)) or len(each) != 2 or not isinstance(each[0], str):
            raise EditError(f"a residual is a layer's name and its numbers; {cut(each)} came.")
        residuals.append((each[0], tensor_from_text(each[1])))
    noise = record.get("noise")
    return Latents(tuple(numbers_of(record, "pictures", whole=True)), **parts, residuals=tuple(residuals),
                   truncation=float(field_of(record, "truncation", "a number")),
                   truncation_cutoff=field_of(record, "truncation_cutoff", "a whole number", optional=True),
                   noise=field_of(record, "noise", "text" if isinstance(noise, str) else "a whole number"))
