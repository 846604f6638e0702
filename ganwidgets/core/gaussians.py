"""Sets of rows as normal distributions, and the Fréchet distance of two of them (Dowson and Landau 1982)."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import ShapeError, StatisticsError


@final
@dataclass(frozen=True, eq=False)
class Gaussian:
    """The mean and the covariance of some rows (n, d), and how many they were."""
    mean: Float[np.ndarray, " d"] = field(repr=False)
    covariance: Float[np.ndarray, "d d"] = field(repr=False)
    rows: int

    @staticmethod
    def of(rows: Any) -> "Gaussian":
        """That of rows (n, d), an array or a tensor. Errors: ShapeError, StatisticsError for fewer than two, NaN or infinity."""
        table = np.asarray(rows.detach().cpu() if isinstance(rows, Tensor) else rows, np.float64)
        if table.ndim != 2:
            raise ShapeError(f"rows come as a table (n, d); {table.shape} came.")
        if len(table) < 2 or not np.isfinite(table).all():
            raise StatisticsError(f"a covariance needs at least two rows of finite numbers; {len(table)} rows came"
                                  f"{'' if np.isfinite(table).all() else ', some not finite'}.")
        return Gaussian(table.mean(0), np.atleast_2d(np.cov(table, rowvar=False)), len(table))

    @cached_property
    def root(self) -> Float[np.ndarray, "d d"]:
        """The symmetric square root of the covariance."""
        values, vectors = np.linalg.eigh(self.covariance)
        return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """|m_a - m_b|^2 + Tr(C_a + C_b - 2 (C_a C_b)^(1/2)): 0 where they are equal, in the rows' units squared.

    Through the symmetric root of b, which is real and exact also where a covariance is singular, as that of fewer rows than
    columns is. Few rows make it larger: compare sets of equal size alone. Errors: ShapeError.
    """
    return sum(frechet_parts(a, b))


def frechet_parts(a: Gaussian, b: Gaussian) -> tuple[float, float]:
    """What the means and what the covariances add to the distance. Errors: ShapeError."""
    if a.mean.shape != b.mean.shape:
        raise ShapeError(f"the rows have {len(a.mean)} and {len(b.mean)} columns; they cannot be compared.")
    shared = np.sqrt(np.linalg.eigvalsh(b.root @ a.covariance @ b.root).clip(min=0)).sum()
    spread = max(0.0, float(np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared))
    return float(np.square(a.mean - b.mean).sum()), spread
