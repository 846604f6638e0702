"""What a generator draws too rarely: statistics of segmented pictures, and their distance (Bau et al. 2019, section 3).

`segmentation_statistics` counts the share of each picture that each concept covers; `frechet_segmentation_distance`
compares two such tables as Gaussians.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.concepts import KnownMasks, Segmenter
from ganwidgets.core.errors import ArgumentError, StatisticsError, one_of
from ganwidgets.core.gaussians import Gaussian, frechet_parts
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.latents import check_seeds
from ganwidgets.core.nets import LayeredGenerator

BATCH = 16          # pictures a step
VISIBLE = 0.002     # the share of a picture above which it is said to show a concept
SCALES = ("percent", "reference")

Scale = Literal["percent", "reference"]


@final
@dataclass(frozen=True, eq=False)
class Statistics:
    """The share (0..1) of each picture that each concept covers: `table` (pictures, concepts).

    `a + b` are those of all pictures. Errors: StatisticsError for other concepts, too few pictures, or numbers that are
    no shares.
    """

    concepts: tuple[str, ...]
    table: Float[np.ndarray, "n k"] = field(repr=False)

    def __post_init__(self) -> None:
        if self.table.shape[1] != len(self.concepts):
            raise StatisticsError(f"a table of {self.table.shape[1]} columns came for {len(self.concepts)} concepts.")
        if len(set(self.concepts)) < len(self.concepts):
            raise StatisticsError("a concept came twice; name each one once.")
        if not np.isfinite(self.table).all() or self.table.min(initial=0) < 0 or self.table.max(initial=0) > 1:
            raise StatisticsError("the table holds numbers that are no shares; each must be from 0 to 1.")

    @staticmethod
    def from_table(array: Any, concepts: Sequence[Any]) -> "Statistics":
        """Statistics of a table of your own (pictures, concepts), shares from 0 to 1. Errors: StatisticsError."""
        try:
            table = np.array(array, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise StatisticsError(f"a table is an array of numbers (pictures, concepts); what came is none: {error}.") from None
        if table.ndim != 2:
            raise StatisticsError(f"a table has the shape (pictures, concepts); {table.shape} came.")
        return Statistics(tuple(str(getattr(concept, "name", concept)) for concept in concepts), table)

    def __add__(self, other: "Statistics") -> "Statistics":
        if not isinstance(other, Statistics):
            return NotImplemented
        if self.concepts != other.concepts:
            raise StatisticsError("these statistics are of other concepts, or in another order; they cannot be added.")
        return Statistics(self.concepts, np.concatenate([self.table, other.table]))

    def __len__(self) -> int:
        return len(self.table)

    @property
    def means(self) -> dict[str, float]:
        """The mean share of the pixels of each concept."""
        return dict(zip(self.concepts, self.table.mean(axis=0).tolist(), strict=True))

    def visible(self, least: float | int = VISIBLE) -> dict[str, float]:
        """The share of pictures that show each concept on at least `least` of their pixels."""
        return dict(zip(self.concepts, (self.table >= least).mean(axis=0).tolist(), strict=True))

    def without(self, concepts: Sequence[str]) -> "Statistics":
        """The same table with the columns of these concepts set to 0, as if they were never drawn. Errors: StatisticsError."""
        unknown = [name for name in concepts if name not in self.concepts]
        if unknown:
            raise StatisticsError(one_of("concept", unknown[0], self.concepts, where="these statistics"))
        table = self.table.copy()
        table[:, [self.concepts.index(name) for name in concepts]] = 0
        return Statistics(self.concepts, table)

    def save(self, path: str | Path) -> Path:
        """Write the table to an .npz file."""
        path = Path(path)
        with open(path, "wb") as file:
            np.savez_compressed(file, concepts=np.array(self.concepts), table=self.table)
        return path

    @staticmethod
    def load(path: str | Path) -> "Statistics":
        """The statistics of a file. Errors: StatisticsError."""
        try:
            with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as file:
                return Statistics.from_table(file["table"], file["concepts"].tolist())
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise StatisticsError(f"{path} cannot be read as segmentation statistics: {error}.") from error


@stepwise
def segmentation_statistics(pictures: Any, segmenter: Segmenter | KnownMasks) -> Steps[Statistics]:
    """The share of each picture that each concept covers.

    `pictures`: a tensor (n, 3, h, w) in [-1, 1], an iterable of such batches, or (generator, seeds). With KnownMasks,
    `pictures` may be None: the masks say it all. Errors: ArgumentError, SeedError, ShapeError.
    """
    if isinstance(segmenter, KnownMasks):
        return Statistics(segmenter.names, _shares(segmenter.masks))
    rows: list[np.ndarray] = []
    total, batches = _batches(pictures)
    done = 0
    for batch in batches:
        with torch.no_grad():
            masks = segmenter.segment(batch)
        rows.append(_shares(masks))
        done += len(batch)
        yield Progress(done, total, "pictures")
    if not rows:
        raise ArgumentError("no pictures came; give a tensor, batches, or (generator, seeds).")
    return Statistics(segmenter.names, np.concatenate(rows))


def _shares(masks: Tensor) -> np.ndarray:
    """The share of each mask's pixels (n, k): counted in whole numbers where the masks are, since not every device has float64."""
    return masks.sum(dim=(2, 3)).cpu().numpy() / (masks.shape[2] * masks.shape[3])


def _batches(pictures: Any) -> tuple[int, Iterable[Tensor]]:
    """How many pictures there are (0: unknown), and them in batches."""
    if isinstance(pictures, tuple) and len(pictures) == 2 and isinstance(pictures[0], LayeredGenerator):
        return len(check_seeds(pictures[1])), _drawn(*pictures)
    if isinstance(pictures, Tensor):
        return len(pictures), pictures.split(BATCH)
    if isinstance(pictures, Iterable) and not isinstance(pictures, (str, bytes, dict)):
        return 0, pictures
    raise ArgumentError(f"pictures are a tensor, batches, or (generator, seeds); a {type(pictures).__name__} came.")


def _drawn(generator: LayeredGenerator, seeds: Any) -> Iterable[Tensor]:
    numbers = check_seeds(seeds)
    for start in range(0, len(numbers), BATCH):
        with torch.no_grad():
            yield generator.images(generator.sample(numbers[start:start + BATCH]))


@final
@dataclass(frozen=True)
class Distance:
    """A Fréchet segmentation distance and its two parts; `left_out`: concepts that the reference never shows."""

    total: float
    mean: float
    covariance: float
    left_out: tuple[str, ...] = ()


def frechet_segmentation_distance(a: Statistics, b: Statistics, *, scale: str = "percent") -> Distance:
    """|m_a - m_b|^2 + Tr(C_a + C_b - 2 (C_a C_b)^(1/2)) of the tables' means and covariances; b is the reference.

    `scale` "percent": shares times 100, the paper's; "reference": shares over b's standard deviations, so that a small
    concept weighs as much as the sky; concepts that b never shows are then left out and listed.
    Errors: StatisticsError for tables of other concepts or of fewer than two pictures, ArgumentError for another scale.
    """
    if scale not in SCALES:
        raise ArgumentError(one_of("scale", scale, SCALES))
    if a.concepts != b.concepts:
        raise StatisticsError("the two tables are of other concepts, or in another order; they cannot be compared.")
    if min(len(a), len(b)) < 2:
        raise StatisticsError(f"a distance needs at least two pictures on each side; {len(a)} and {len(b)} came.")
    left_out: tuple[str, ...] = ()
    if scale == "percent":
        tables = (a.table * 100, b.table * 100)
    else:
        deviation = b.table.std(axis=0, ddof=1)
        shown = deviation > 0
        left_out = tuple(name for name, kept in zip(b.concepts, shown, strict=True) if not kept)
        tables = (a.table[:, shown] / deviation[shown], b.table[:, shown] / deviation[shown])
    mean, covariance = frechet_parts(*(Gaussian.of(table) for table in tables))
    return Distance(mean + covariance, mean, covariance, left_out)
