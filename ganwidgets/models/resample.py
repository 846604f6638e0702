"""Features at other sampling rates: empty cells between, a filter, cells left out."""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def resample(x: Float[Tensor, "n c h w"], taps: Tensor | None, *, up: int = 1, down: int = 1, padding: Sequence[int] = (0, 0, 0, 0),
             gain: float = 1.0) -> Float[Tensor, "n c h2 w2"]:
    """Features with `up` - 1 empty cells after each, filtered, every `down`-th kept.

    `taps`: (k, k), or (k,) for one that is used along both sides, or None. `padding`: cells added at the left, right, top and
    bottom once spread; below 0 they are cut off. `gain`: what the result is multiplied by.
    """
    n, c, h, w = x.shape
    if up > 1:
        spread = x.new_zeros(n, c, h, up, w, up)
        spread[:, :, :, 0, :, 0] = x
        x = spread.reshape(n, c, up * h, up * w)
    x = F.pad(x, tuple(padding))
    if taps is None:
        return gain * x[:, :, ::down, ::down] if gain != 1.0 else x[:, :, ::down, ::down]
    taps = taps.flip(tuple(range(taps.ndim))).to(x.dtype)       # a filter is swept over the cells from its last tap on
    if taps.ndim == 2:
        return F.conv2d(x, (taps * gain).expand(c, 1, -1, -1), stride=down, groups=c)
    along = (taps * gain ** 0.5).expand(c, 1, 1, -1)
    x = F.conv2d(x, along, stride=(1, down), groups=c)
    return F.conv2d(x, along.transpose(2, 3), stride=(down, 1), groups=c)


def doubling(taps: Tensor) -> tuple[int, int, int, int]:
    """The padding with which a filter doubles a picture's sides."""
    before, after = (taps.shape[-1] + 1) // 2, (taps.shape[-1] - 2) // 2
    return before, after, before, after
