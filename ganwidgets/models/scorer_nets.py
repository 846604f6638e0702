"""The nets of the bundled scorer: one reads pictures through learned glances at a grid, one reads words in their order."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.models.segmenter_nets import ConvUnit


class Shape(NamedTuple):
    """The widths of a scorer's nets: of the picture's grids at 1/2, 1/4 and 1/8 of its size, of the glances at the last one,
    of words, and of the vectors that both sides share."""

    half: int = 48
    quarter: int = 96
    eighth: int = 160
    glances: int = 6
    hidden: int = 256
    words: int = 96
    shared: int = 128


class Glances(nn.Module):
    """Several means of a row of cells, each weighted by what it has learned to look for there; one row for all of them."""

    def __init__(self, width: int, glances: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(width, glances)

    def forward(self, cells: Tensor, there: Tensor | None = None) -> Tensor:
        """(n, glances * width) from cells (n, m, width); `there` (n, m) is False where there is no cell."""
        weights = self.weigh(cells)
        if there is not None:
            weights = weights.masked_fill(~there[:, :, None], -1e4)
        return torch.einsum("nmg,nmc->ngc", weights.softmax(1), cells).flatten(1)


class PictureNet(nn.Module):
    """Convolutions down to an eighth of the size; each cell of that grid knows where it lies, and glances read the grid."""

    def __init__(self, shape: Shape, grid: int, *, norm: bool) -> None:
        super().__init__()
        half, quarter, eighth = shape.half, shape.quarter, shape.eighth

        def unit(a: int, b: int, stride: int = 1) -> ConvUnit:
            return ConvUnit(a, b, stride=stride, norm=norm)

        self.grids = nn.Sequential(unit(12, half), unit(half, half), unit(half, quarter, 2), unit(quarter, quarter),
                                   unit(quarter, quarter), unit(quarter, eighth, 2), unit(eighth, eighth))
        self.place = nn.Parameter(torch.randn(grid * grid, eighth) * .1)
        self.glances = Glances(eighth, shape.glances)
        self.read = nn.Sequential(nn.Linear(eighth * shape.glances, shape.hidden), nn.GELU(), nn.Linear(shape.hidden, shape.shared))

    def forward(self, images: Tensor) -> Tensor:
        cells = self.grids(F.pixel_unshuffle(images, 2)).flatten(2).transpose(1, 2)
        return self.read(self.glances(cells + self.place))


class Block(nn.Module):
    """Words look at one another, then each is worked on by itself; both are added to what was there."""

    HEADS = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.work = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        n, m, width = x.shape
        parts = self.ask(self.before(x)).view(n, m, 3, self.HEADS, width // self.HEADS).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(*parts, attn_mask=there[:, None, None, :])
        x = x + self.answer(seen.transpose(1, 2).reshape(n, m, width))
        return x + self.work(self.between(x))


class TextNet(nn.Module):
    """Words and their places through two blocks; glances read the row. Word 0 is none."""

    GLANCES = 4

    def __init__(self, shape: Shape, words: int, most: int) -> None:
        super().__init__()
        self.word = nn.Embedding(words + 1, shape.words)
        self.place = nn.Parameter(torch.randn(most, shape.words) * .1)
        self.blocks = nn.ModuleList(Block(shape.words) for _ in range(2))
        self.glances = Glances(shape.words, self.GLANCES)
        self.read = nn.Linear(self.GLANCES * shape.words, shape.shared)

    def forward(self, numbers: Tensor) -> Tensor:
        there = numbers > 0
        x = self.word(numbers) + self.place[:numbers.shape[1]]
        for block in self.blocks:
            x = block(x, there)
        return self.read(self.glances(x, there))


class ScorerNet(nn.Module):
    """Both nets, and the logarithm of what their cosines are multiplied with in training."""

    GRID = 8        # of the picture's last grid, for pictures of 64 px

    def __init__(self, shape: Shape, words: int, most: int, *, norm: bool = True) -> None:
        super().__init__()
        self.shape = shape
        self.picture = PictureNet(shape, self.GRID, norm=norm)
        self.text = TextNet(shape, words, most)
        self.log_scale = nn.Parameter(torch.tensor(math.log(12.0)))
