"""The nets of the bundled scorer: one reads a picture as a grid of cells, one says for each word where to look and what to find."""

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.models.segmenter_nets import ConvUnit


class Shape(NamedTuple):
    """The widths of a scorer's nets: of the picture's grids at 1/2, 1/4 and 1/8 of its size, of words; how often each word looks
    at the grid; and the sizes of the vectors that say where, what, and what colour."""

    half: int = 48
    quarter: int = 96
    eighth: int = 160
    words: int = 96
    looks: int = 2
    where: int = 32
    what: int = 48
    color: int = 16


class Cells(NamedTuple):
    """A picture's grid: `where` (n, looks, cells, d) is what words look for, `what` (n, looks, cells, e) and `color` (n, looks,
    cells, f) are what they find."""

    where: Tensor
    what: Tensor
    color: Tensor


class Row(NamedTuple):
    """A row of words: `where` (n, looks, m, d) they look, `what` (n, m, looks * (e + f)) of length 1 they mean, and how much each
    counts, `weight` (n, m), 0 where there is no word. A colour means nothing but colour, any other word all but colour."""

    where: Tensor
    what: Tensor
    weight: Tensor


class PictureNet(nn.Module):
    """Convolutions down to an eighth of the size; each cell of the grid at a quarter knows what lies there, and where that is.

    Its colour is read from a few pixels and from what light the whole picture is in, before things are known, so that a colour is
    the same on all things and is found on those on which it was never named.
    """

    STEPS = (2, 5, 8)       # convolutions up to each grid

    def __init__(self, shape: Shape, grid: int, *, norm: bool) -> None:
        super().__init__()
        half, quarter, eighth = shape.half, shape.quarter, shape.eighth

        def unit(a: int, b: int, stride: int = 1) -> ConvUnit:
            return ConvUnit(a, b, stride=stride, norm=norm)

        self.looks, self.sizes = shape.looks, (shape.where, shape.what)
        self.units = nn.Sequential(unit(12, half), unit(half, half), unit(half, quarter, 2), unit(quarter, quarter),
                                   unit(quarter, quarter), unit(quarter, eighth, 2), unit(eighth, eighth), unit(eighth, eighth))
        self.place = nn.Parameter(torch.randn(grid * grid, eighth) * .1)
        self.even = nn.LayerNorm(half + quarter + eighth)
        self.read = nn.Linear(half + quarter + eighth, shape.looks * (shape.where + shape.what))
        self.color = nn.Sequential(nn.LayerNorm(2 * half), nn.Linear(2 * half, half), nn.GELU(),
                                   nn.Linear(half, shape.looks * shape.color))

    def forward(self, images: Tensor) -> Cells:
        x, grids, done = F.pixel_unshuffle(images, 2), [], 0
        for step in self.STEPS:
            x, done = self.units[done:step](x), step
            grids.append(x)
        first, middle, last = grids
        side = middle.shape[2]
        placed = last + self.place.T.unflatten(1, last.shape[2:])
        near, thing, around = (grid.flatten(2).transpose(1, 2) for grid in (
            F.adaptive_avg_pool2d(first, side), middle, F.interpolate(placed, size=(side, side))))
        read = self.read(self.even(torch.cat([near, thing, around], 2))).float().unflatten(2, (self.looks, -1)).transpose(1, 2)
        where, what = read.split(self.sizes, dim=3)
        color = self.color(torch.cat([near, near.mean(1, keepdim=True).expand_as(near)], 2)).float()
        return Cells(where, what, color.unflatten(2, (self.looks, -1)).transpose(1, 2))


class Block(nn.Module):
    """Words look at one another, more or less by how far they stand apart, then each is worked on by itself; both are added to
    what was there."""

    HEADS, FAR = 4, 6       # words from FAR on are equally far

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.work = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.apart = nn.Parameter(torch.zeros(self.HEADS, 2 * self.FAR + 1))

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        n, m, width = x.shape
        asks, offers, says = self.ask(self.before(x)).view(n, m, 3, self.HEADS, width // self.HEADS).permute(2, 0, 3, 1, 4)
        place = torch.arange(m, device=x.device)
        apart = (place - place[:, None]).clamp(-self.FAR, self.FAR) + self.FAR
        mask = self.apart[:, apart].masked_fill(~there[:, None, None, :], -torch.inf)
        seen = F.scaled_dot_product_attention(asks, offers, says, attn_mask=mask)
        x = x + self.answer(seen.transpose(1, 2).reshape(n, m, width))
        return x + self.work(self.between(x))


class TextNet(nn.Module):
    """Where a word looks follows from the words around it; what it means there follows from the word alone, so that red is the
    same red on a roof as on a barn. Word 0 is none.

    `colors` tells which words are colours. When it comes to where to look and how much a word counts, word 0 stands for each of
    them: all colours look where any would, so that a colour finds a thing beside which it was never named.
    """

    def __init__(self, shape: Shape, words: int) -> None:
        super().__init__()
        self.looks, self.color = shape.looks, shape.color
        self.word = nn.Embedding(words + 1, shape.words)
        self.register_buffer("colors", torch.zeros(words + 1, dtype=torch.bool))
        self.blocks = nn.ModuleList(Block(shape.words) for _ in range(2))
        self.where = nn.Linear(shape.words, shape.looks * shape.where)
        self.what = nn.Linear(shape.words, shape.looks * (shape.what + shape.color))
        self.weigh = nn.Linear(shape.words, 1)

    def forward(self, numbers: Tensor, hidden: Tensor | None = None) -> Row:
        """The row of each text (n, m). `hidden`, for training: words that do not show the others, nor themselves, what they are
        when it comes to where to look."""
        colors: Any = self.colors
        there, stand_in = numbers > 0, self.word(numbers.masked_fill(colors[numbers], 0))
        x = stand_in if hidden is None else stand_in.masked_fill(hidden[:, :, None], 0)
        for block in self.blocks:
            x = block(x, there)
        where = self.where(x).unflatten(2, (self.looks, -1)).transpose(1, 2)
        return Row(where, self.meaning(numbers), F.softplus(self.weigh(stand_in)[:, :, 0]) * there)

    def meaning(self, numbers: Tensor) -> Tensor:
        """What each word means, of length 1: of a colour the last part alone, of any other word the first."""
        colors: Any = self.colors
        what = self.what(self.word(numbers)).unflatten(-1, (self.looks, -1))
        last = torch.arange(what.shape[-1], device=what.device) >= what.shape[-1] - self.color
        return F.normalize((what * (colors[numbers][..., None, None] == last)).flatten(-2), dim=-1)


def found(cells: Cells, where: Tensor) -> Tensor:
    """(n, m, looks * (e + f)), what each of m words (n or 1, looks, m, d) finds where it looks: in each look what is there, and
    its colour; each of both is of length 1 over all looks."""
    likeness = (where / math.sqrt(where.shape[3])) @ cells.where.transpose(2, 3)
    seen = (likeness.softmax(3) @ torch.cat([cells.what, cells.color], 3)).float().transpose(1, 2)
    parts = seen.split([cells.what.shape[3], cells.color.shape[3]], 3)
    return torch.cat([F.normalize(part.flatten(2), dim=2).unflatten(2, part.shape[2:]) for part in parts], 3).flatten(2)


def fit(cells: Cells, row: Row) -> Tensor:
    """(n,) from -1 to 1: the mean over the words of the cosines of what they mean and what they find, as they count. A picture
    for each text, or one picture for all of them, or one text for all pictures."""
    cosines = (found(cells, row.where) * row.what).sum(2)
    return (cosines * row.weight).sum(1) / row.weight.sum(1).clamp(min=1e-6)


def fit_all(cells: Cells, row: Row) -> Tensor:
    """(pictures, texts): `fit` of every picture with every text."""
    text, word = (row.weight > 0).nonzero(as_tuple=True)
    where = row.where[text, :, word].transpose(0, 1)[None]
    weight = row.weight[text, word]
    cosines = (found(cells, where) * row.what[text, word]).sum(2) * weight
    sums = cosines.new_zeros(len(cosines), len(row.weight)).index_add(1, text, cosines)
    return sums / row.weight.sum(1).clamp(min=1e-6)


class ScorerNet(nn.Module):
    """Both nets, and the logarithm of what scores are multiplied with in training."""

    GRID = 8        # cells of the picture's last grid a side, for pictures of 64 px

    def __init__(self, shape: Shape, words: int, *, norm: bool = True) -> None:
        super().__init__()
        self.shape = shape
        self.picture = PictureNet(shape, self.GRID, norm=norm)
        self.text = TextNet(shape, words)
        self.log_scale = nn.Parameter(torch.tensor(math.log(15.0)))
