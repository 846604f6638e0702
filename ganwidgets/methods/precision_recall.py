"""How much of what is drawn could be real, and how much of what is real is drawn (Kynkäänniemi et al. 2019, section 2).

Each set of pictures is taken for the region within its points' balls, whose radius reaches the k-th nearest neighbour.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import StatisticsError

BLOCK = 1000        # rows compared at a time


@final
@dataclass(frozen=True)
class PrecisionRecall:
    """`precision`: the share of drawn pictures within the region of real ones; `recall`: of real ones within that of drawn."""

    precision: float
    recall: float


def precision_recall(drawn: Float[Tensor, "n d"], real: Float[Tensor, "m d"], *, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall of features, a row a picture, with balls that reach the `k`-th nearest neighbour (equation 2).

    Both depend on how many pictures there are: compare figures of equal n alone. Errors: StatisticsError for `k` < 1, for
    no more than `k` rows, or for numbers that are not finite.
    """
    if k < 1 or min(len(drawn), len(real)) <= k:
        raise StatisticsError(f"a {k}-th neighbour was asked for in sets of {len(drawn)} and {len(real)}; k is at least 1, and "
                              "each set needs more than k rows.")
    if not (torch.isfinite(drawn).all() and torch.isfinite(real).all()):
        raise StatisticsError("the features hold numbers that are not finite; every number must be.")
    return PrecisionRecall(within(drawn, real, radii(real, k)), within(real, drawn, radii(drawn, k)))


def radii(points: Float[Tensor, "n d"], k: int) -> Float[Tensor, " n"]:
    """The distance of each point to its k-th nearest neighbour, itself not counted."""
    return torch.cat([distances(part, points).kthvalue(k + 1, dim=1).values for part in points.split(BLOCK)])


def within(asked: Float[Tensor, "n d"], points: Float[Tensor, "m d"], reach: Float[Tensor, " m"]) -> float:
    """The share of the asked points that lie in the ball of one of the others."""
    found = [(distances(part, points) <= reach).any(dim=1) for part in asked.split(BLOCK)]
    return int(torch.cat(found).sum()) / len(asked)      # not every device has float64


def distances(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """Euclidean distances; not by a product of matrices, which rounds the small ones away."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
