"""A picture to show while work goes on, with what may lie over it."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

MAGENTA = (230, 0, 200)      # nothing in a landscape has it


@final
@dataclass(frozen=True, eq=False)
class Still:
    """One picture (3, h, w) in [-1, 1] with a heat map 0..1 and an outline, each on a grid of its own, and a few words.

    What is None is not drawn. `color` is that of heat and outline, 0..255 each.
    """
    image: Float[Tensor, "3 H W"] = field(repr=False)
    text: str = ""
    heat: Float[np.ndarray, "h w"] | None = field(default=None, repr=False)
    outline: Bool[np.ndarray, "r c"] | None = field(default=None, repr=False)
    color: tuple[int, int, int] = MAGENTA
