"""What a dissection found: which unit of a layer draws which concept, and the edits that follow from it."""

import io
import json
import os
import re
import zipfile
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Float, Int64

from ganwidgets.core.archives import arrays_of, check_members
from ganwidgets.core.concepts import Concept, concept_index
from ganwidgets.core.counting import expect
from ganwidgets.core.edits import Origin, UnitEdit
from ganwidgets.core.errors import (
    ArgumentError,
    ConceptError,
    LayerError,
    StatisticsError,
    cut,
    cut_text,
    one_of,
)
from ganwidgets.core.examples import Examples
from ganwidgets.core.information import PairCounts
from ganwidgets.core.nets import Layer
from ganwidgets.core.rankings import HIGH, check_mode, first_units, ranked_edit
from ganwidgets.core.records import field_of, numbers_of
from ganwidgets.core.regions import Region
from ganwidgets.core.statistics import IoUCounts, TopK

COUNTED = 0.04                                 # a unit below this IoU is not said to draw its concept (section 3.1)
KEPT = (0.5, 0.9, 0.99, 0.995, 0.999, 1.0)     # the quantiles of each unit that a dissection keeps
TOP = 8                                        # pictures kept of each unit, those in which it goes highest
FORMAT = 2
# what a file of others may say: its members; bytes of its words; characters of a name; units, cells along a side; pictures
MEMBER, MOST_WORDS, LONGEST_NAME = re.compile(r"dissection\.json|(layer|examples)[0-9]{1,4}\.npz"), 1 << 24, 1000
MOST_ALONG, MOST_PICTURES = 1 << 20, 1 << 40


@final
@dataclass(frozen=True, eq=False, repr=False)
class LayerFindings:
    """What was counted at one layer: `thresholds` per unit, `quantiles` (KEPT, units), the counts of meetings, and the
    pictures in which each unit goes highest. `quality` (units, concepts): under "iqr", how much each pair tells of one another."""
    layer: Layer
    thresholds: Float[np.ndarray, " units"]
    quantiles: Float[np.ndarray, "kept units"]
    counts: IoUCounts | PairCounts
    tops: TopK
    quality: Float[np.ndarray, "units concepts"] | None = None

    @cached_property
    def iou(self) -> Float[np.ndarray, "units concepts"]:
        """Intersection over union of each unit with each concept."""
        return self.counts.iou

    @cached_property
    def iou_other(self) -> Float[np.ndarray, "units concepts"]:
        """The same with the masks of other pictures."""
        return self.counts.iou_other


@final
@dataclass(frozen=True, eq=False, repr=False)
class Dissection:
    """The units of one or several layers, with the concept that each of them agrees with best (Bau et al. 2020).

    `table` has a row a unit, `scores` is units x concepts, `units_for` ranks, `edit` answers the edit that inserts or
    removes a concept. `share` is the part of all pixels at which a unit counts as lit under the rule "quantile"; `calibration`
    the number of pictures that the thresholds come from, or "all"; `digest` that of the model as loaded.
    """
    model: str
    digest: str
    concepts: tuple[Concept, ...]
    findings: tuple[LayerFindings, ...] = field(repr=False)
    rule: str = "quantile"
    share: float = 0.01
    calibration: int | str = 500
    examples: tuple[Examples, ...] = field(default=(), repr=False)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in running order."""
        return tuple(found.layer for found in self.findings)

    @property
    def pictures(self) -> int:
        """How many pictures were looked at."""
        return self.findings[0].counts.pictures

    @property
    def grid(self) -> tuple[int, int]:
        """The segmentation grid (height, width) on which units and masks were compared."""
        return self.findings[0].counts.grid

    @property
    def thresholds(self) -> dict[str, Float[np.ndarray, " units"]]:
        """By layer: each unit's threshold, above which it counts as lit; under "iqr" that for its own concept."""
        return {found.layer.name: found.thresholds for found in self.findings}

    @property
    def levels(self) -> dict[str, Float[np.ndarray, " units"]]:
        """By layer: each unit's own high level (its 99.5 % quantile), at which it is inserted."""
        return {found.layer.name: found.quantiles[KEPT.index(HIGH)] for found in self.findings}

    @property
    def tops(self) -> dict[str, Int64[np.ndarray, "units 8"]]:
        """By layer: the pictures in which each unit goes highest, the highest first; fewer pictures than 8: -1.

        Pictures are seeds, or for a classifier places in the order of its images. `gw.examples` shows them.
        """
        return {found.layer.name: np.where(np.isfinite(found.tops.values), found.tops.pictures, -1) for found in self.findings}

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a unit, the highest IoU first: layer, unit, concept, kind, iou, iou_cap, iou_other, threshold, live.

        `iou_cap` is the most that a unit lit at `share` of the pixels can reach for that concept; `iou_other` the IoU
        with the masks of other pictures, over all pairs: what position alone gives; `live`: it lights up somewhere. A
        unit that meets no concept has the concept "". Under the rule "iqr" the cap is 1, and `iqr` says how much of what unit and
        concept hold they share.
        """
        rows = pd.concat([self._rows(found) for found in self.findings], ignore_index=True)
        return rows.sort_values("iou", ascending=False, kind="stable", ignore_index=True)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """IoU of each unit (rows) with each concept (columns). Rows are units, or (layer, unit) for several layers."""
        names = [concept.name for concept in self.concepts]
        parts = {found.layer.name: pd.DataFrame(found.iou, columns=names) for found in self.findings}
        if len(parts) == 1:
            (only,) = parts.values()
            return only.rename_axis("unit")
        return pd.concat(parts, names=["layer", "unit"])

    @cached_property
    def by_concept(self) -> pd.DataFrame:
        """A row a concept, the highest IoU first: concept, kind, share (of the pixels), iou_cap, and its best unit."""
        counts = self.findings[0].counts
        best = [self._best(index) for index in range(len(self.concepts))]
        rows = pd.DataFrame({
            "concept": [concept.name for concept in self.concepts],
            "kind": [concept.kind for concept in self.concepts],
            "share": counts.concept_shares, "iou_cap": self._caps(counts),
            "layer": [found.layer.name for found, _ in best], "unit": [unit for _, unit in best],
            "iou": [found.iou[unit, index] for index, (found, unit) in enumerate(best)],
            "iou_other": [found.iou_other[unit, index] for index, (found, unit) in enumerate(best)],
        })
        return rows.sort_values("iou", ascending=False, kind="stable", ignore_index=True)

    def units_for(self, concept: str | Concept, n: int | None = None, *, layer: str | Layer | None = None) -> list[int]:
        """The n units with the highest IoU with the concept, best first; left out: 4 % of the layer, at least 4.

        `layer` left out: the only one, or of several the one with the best unit. Errors: ConceptError, LayerError,
        UnitError.
        """
        found, index = self._found(concept, layer)
        # of equal scores the lower unit comes first
        return first_units(np.argsort(-found.iou[:, index], kind="stable").tolist(), n, found.layer.name)

    def edit(self, concept: str | Concept, mode: str, *, n: int | None = None, region: Region | None = None,
             layer: str | Layer | None = None, quantile: float | int = HIGH, **settings: Any) -> UnitEdit:
        """The edit that draws a concept with its best units at their own levels ("insert"), or removes it ("ablate").

        `n` and `layer` as in `units_for`; `region` None: the whole picture; `quantile` of each unit's own values: 0.5,
        0.9, 0.99, 0.995, 0.999 or 1; `settings` (strength, seeds, ...) are those of UnitEdit. Errors: ConceptError, also
        for a concept that no unit meets; LayerError, UnitError, EditError, ArgumentError.
        """
        check_mode(mode)
        if quantile not in KEPT:
            raise ArgumentError(one_of("quantile", quantile, KEPT, where="the dissection"))
        found, index = self._found(concept, layer)
        if not found.iou[:, index].any():
            raise ConceptError(f"no unit of {found.layer.name} lights up where there is "
                               f"{self.concepts[index].name}; nothing can be said about which to use.")
        units = self.units_for(concept, n, layer=found.layer)
        settings = {"origin": Origin(self.model, self.digest), **settings}
        return ranked_edit(found.layer.name, units, mode, found.quantiles[KEPT.index(quantile)], region=region, **settings)

    def at(self, layer: str | Layer) -> "Dissection":
        """The dissection of that layer alone. Errors: LayerError."""
        found = self._at(layer)
        kept = tuple(each for each in self.examples if each.layer == found.layer)
        return replace(self, findings=(found,), examples=kept)

    def with_examples(self, *examples: Examples) -> "Dissection":
        """The same dissection with pictures of its units, which `save` keeps: it can then be looked through with no model.

        They are those of `gw.examples(g, d, layer=...)`; of a layer that has some already they take the place. Errors:
        ArgumentError for examples of something else.
        """
        for each in examples:
            if each.layer not in self.layers or not np.array_equal(
                    self.tops[each.layer.name][list(each.units), :each.numbers.shape[1]], each.numbers):
                raise ArgumentError(f"these examples, of {each.layer.name}, are not of this dissection; make them with "
                                    "gw.examples(g, d, layer=...).")
        fresh = {each.layer.name: each for each in (*self.examples, *examples)}
        return replace(self, examples=tuple(fresh.values()))

    def save(self, path: str | os.PathLike) -> None:
        """Write it to one file (a zip of JSON, numbers and JPEG, no pickle); by custom its name ends in .gwd."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("dissection.json", json.dumps(_record(self), indent=1))
            for place, found in enumerate(self.findings):
                numbers = io.BytesIO()
                tops = {f"top_{name}": held for name, held in found.tops.integers.items()}
                quality = {} if found.quality is None else {"quality": found.quality}
                np.savez(numbers, thresholds=found.thresholds, quantiles=found.quantiles,
                         **found.counts.integers, **tops, **quality)  # type: ignore[arg-type]
                archive.writestr(f"layer{place}.npz", numbers.getvalue())
            for each in self.examples:
                pictures = io.BytesIO()
                np.savez(pictures, **each.to_arrays())  # type: ignore[arg-type]
                archive.writestr(f"examples{self.layers.index(each.layer)}.npz", pictures.getvalue())
        Path(path).write_bytes(content.getvalue())

    def _rows(self, found: LayerFindings) -> pd.DataFrame:
        counts = found.counts
        iou, other, caps = found.iou, found.iou_other, self._caps(counts)
        units, best = np.arange(counts.units), iou.argmax(1)
        meets = iou[units, best] > 0
        return pd.DataFrame({
            "layer": found.layer.name, "unit": units,
            "concept": [self.concepts[index].name if meet else "" for index, meet in zip(best, meets, strict=True)],
            "kind": [self.concepts[index].kind if meet else "" for index, meet in zip(best, meets, strict=True)],
            "iou": iou[units, best], "iou_cap": caps[best] * meets, "iou_other": other[units, best],
            "threshold": found.thresholds, "live": counts.unit_shares > 0,
            **({} if found.quality is None else {"iqr": found.quality[units, best]}),
        })

    def _caps(self, counts: IoUCounts | PairCounts) -> Float[np.ndarray, " concepts"]:
        """The most that the rule can give each concept."""
        return np.ones(counts.concepts) if self.rule == "iqr" else iou_cap(counts.concept_shares, self.share)

    def _found(self, concept: str | Concept, layer: str | Layer | None) -> tuple[LayerFindings, int]:
        index = concept_index(self.concepts, concept, where="the dissection")
        return (self._best(index)[0] if layer is None else self._at(layer)), index

    def _at(self, layer: str | Layer) -> LayerFindings:
        name = layer.name if isinstance(layer, Layer) else layer
        for found in self.findings:
            if found.layer.name == name:
                return found
        raise LayerError(one_of("layer", name, [each.name for each in self.layers], where="the dissection"))

    def _best(self, index: int) -> tuple[LayerFindings, int]:
        found = max(self.findings, key=lambda each: each.iou[:, index].max())
        return found, int(found.iou[:, index].argmax())

    def __repr__(self) -> str:
        places = ", ".join(f"{layer.name} ({layer.channels} units, {layer.height} x {layer.width})"
                           for layer in self.layers)
        sample = "every pixel" if self.calibration == "all" else f"the first {self.calibration} pictures"
        drawn = self.table.loc[self.table["iou"] >= COUNTED, "concept"].nunique()
        return (f"Dissection of {self.model} at {places}: {self.pictures} pictures, {self.rule} rule, thresholds from "
                f"{sample}, segmentation grid {self.grid[0]} x {self.grid[1]}; "
                f"{drawn} of {len(self.concepts)} concepts have a unit with IoU {COUNTED} or more")


def iou_cap(shares: Float[np.ndarray, " concepts"], lit: float) -> Float[np.ndarray, " concepts"]:
    """The highest IoU of a unit lit at `lit` of the pixels with a concept of that share: the smaller / the larger."""
    return np.minimum(shares, lit) / np.maximum(shares, lit)


def _record(d: Dissection) -> dict[str, Any]:
    return {
        "format": FORMAT, "model": d.model, "digest": d.digest, "rule": d.rule, "share": d.share,
        "calibration": d.calibration, "quantiles": list(KEPT),
        "concepts": [[concept.name, concept.kind, list(concept.color)] for concept in d.concepts],
        "layers": [[layer.name, layer.channels, layer.height, layer.width] for layer in d.layers],
    }


def open_dissection(path: str | os.PathLike) -> Dissection:
    """Read what `Dissection.save` wrote. Errors: StatisticsError for one that is missing, damaged or no dissection."""
    try:
        if not Path(path).is_file():
            raise StatisticsError("there is no such file.")
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    # what others made breaks in more ways than can be listed, and all of them mean the same
    except Exception as error:
        raise StatisticsError(f"{path} cannot be opened as a dissection: {cut_text(str(error))}") from error


def _read(archive: zipfile.ZipFile) -> Dissection:
    """The dissection in an archive. Errors: StatisticsError, and many others for what is damaged."""
    check_members(archive, MEMBER.fullmatch)
    if archive.getinfo("dissection.json").file_size > MOST_WORDS:
        raise StatisticsError("it has more words than any dissection.")
    record = json.loads(archive.read("dissection.json").decode())
    if not isinstance(record, dict) or record.get("format") != FORMAT or record.get("quantiles") != list(KEPT):
        raise StatisticsError("it is of a format that this version does not read.")
    concepts = tuple(_concept(*each) for each in field_of(record, "concepts", "a list"))
    layers = [_layer(*each) for each in field_of(record, "layers", "a list")]
    rule, share, calibration = field_of(record, "rule", "text"), field_of(record, "share", "a number"), record["calibration"]
    if rule not in ("quantile", "iqr") or not 0 < share < 1:
        raise StatisticsError(f"it is of the rule {cut(rule)} with the share {cut(share)}.")
    if calibration != "all" and field_of(record, "calibration", "a whole number") < 1:
        raise StatisticsError(f"its thresholds come from {cut(calibration)} pictures.")
    findings = tuple(_findings(archive, place, layer, len(concepts), rule) for place, layer in enumerate(layers))
    members = {"dissection.json", *(f"{kind}{place}.npz" for place in range(len(layers)) for kind in ("layer", "examples"))}
    if (not findings or len({(found.counts.pictures, found.counts.grid) for found in findings}) > 1
            or len({layer.name for layer in layers}) < len(layers) or not members.issuperset(archive.namelist())):
        raise StatisticsError("its layers do not belong together.")
    shown = tuple(Examples.from_arrays(layer, arrays_of(archive.read(f"examples{place}.npz")))
                  for place, layer in enumerate(layers) if f"examples{place}.npz" in archive.namelist())
    return Dissection(field_of(record, "model", "text"), field_of(record, "digest", "text"), concepts, findings, rule,
                      float(share), calibration, shown)


def _concept(name: Any, kind: Any, color: Any) -> Concept:
    said = {"a concept's name": name, "a concept's kind": kind, "a concept's colour": color}
    _short(field_of(said, "a concept's name", "text"))
    red, green, blue = (int(level) for level in numbers_of(said, "a concept's colour"))
    return Concept(name, field_of(said, "a concept's kind", "text"), (red, green, blue))


def _layer(name: Any, units: Any, height: Any, width: Any) -> Layer:
    said = {"a layer's name": name, "a layer's units": units, "a layer's height": height, "a layer's width": width}
    _short(field_of(said, "a layer's name", "text"))
    for what in list(said)[1:]:
        if not 0 < field_of(said, what, "a whole number") <= MOST_ALONG:
            raise StatisticsError(f"{what} is {cut(said[what])}.")
    return Layer(name, units, height, width)


def _short(name: str) -> None:
    """Errors: StatisticsError for what is no name of anything."""
    if len(name) > LONGEST_NAME:
        raise StatisticsError(f"a name in it has {len(name):,} characters.")


def _findings(archive: zipfile.ZipFile, place: int, layer: Layer, concepts: int, rule: str) -> LayerFindings:
    state = arrays_of(archive.read(f"layer{place}.npz"))
    counts = (PairCounts if rule == "iqr" else IoUCounts).from_integers(state)
    if (counts.units, counts.concepts) != (layer.channels, concepts):
        raise StatisticsError(f"{layer.name} has counts for {counts.units} units and {counts.concepts} concepts.")
    if not 0 < counts.pictures < MOST_PICTURES:
        raise StatisticsError(f"{layer.name} was counted on {counts.pictures} pictures.")
    tops = TopK.from_integers({name.removeprefix("top_"): held for name, held in state.items() if name.startswith("top_")})
    if (tops.units, tops.k) != (layer.channels, TOP):
        raise StatisticsError(f"{layer.name} has {tops.k} highest pictures of {tops.units} units.")
    thresholds = expect(state, "thresholds", (layer.channels,), np.float64)
    quantiles = expect(state, "quantiles", (len(KEPT), layer.channels), np.float64)
    quality = expect(state, "quality", (layer.channels, concepts), np.float64) if rule == "iqr" else np.zeros((0, 0))
    if not (np.isfinite(thresholds).all() and np.isfinite(quantiles).all() and (np.diff(quantiles, axis=0) >= 0).all()
            and ((quality >= 0) & (quality <= 1)).all()):
        raise StatisticsError(f"the thresholds or quantiles of {layer.name} are none.")
    return LayerFindings(layer, thresholds, quantiles, counts, tops, quality if rule == "iqr" else None)
