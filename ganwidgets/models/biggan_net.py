"""BigGAN's generators as torch modules: the deep one in Hugging Face's layout, both kinds in that of ajbrock's code."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.models.biggan_parts import (
    AJBROCK,
    HUGGING_FACE,
    Attention,
    DeepBlock,
    LastNorm,
    Spelling,
    WideBlock,
    stored,
)


@dataclass(frozen=True)
class Plan:
    """A step of the chain: its path in the net, its channels, and the side of its grid."""
    path: str
    channels: int
    side: int


class HubNet(nn.Module):
    """BigGAN-deep as in the Hugging Face folders. `blocks`: (doubles, channels in, channels out); `attention`: before which block.

    `rows` of statistics are stored for truncations from 0 to 1.
    """

    bounded = True      # z is a normal cut off at 2, which truncation shrinks

    def __init__(self, blocks: tuple[tuple[bool, int, int], ...], *, latent: int, classes: int, attention: int, rows: int,
                 eps: float) -> None:
        super().__init__()
        self.latent, self.classes, self.rows = latent, classes, rows
        first, last = blocks[0][1], blocks[-1][2]
        self.embeddings = nn.Linear(classes, latent, bias=False)
        self.generator: Any = nn.Module()
        self.generator.gen_z = stored(nn.Linear(2 * latent, 16 * first), HUGGING_FACE)
        self.generator.layers = nn.ModuleList()
        self.plan = [Plan("generator.gen_z", first, 4)]
        side = 4
        for number, (up, before, width) in enumerate(blocks):
            if number == attention:
                self._add(Attention(before, HUGGING_FACE), before, side)
            side *= 1 + up
            self._add(DeepBlock(before, width, 2 * latent, HUGGING_FACE, up=up, rows=rows, eps=eps), width, side)
        self.generator.bn = LastNorm(last, "weight", HUGGING_FACE, rows=rows, eps=eps)
        self.generator.conv_to_rgb = stored(nn.Conv2d(last, last, 3, padding=1), HUGGING_FACE)
        self.plan.append(Plan("generator.relu", last, side))

    def _add(self, part: nn.Module, channels: int, side: int) -> None:
        self.plan.append(Plan(f"generator.layers.{len(self.generator.layers)}", channels, side))
        self.generator.layers.append(part)

    def embed(self, z: Tensor, condition: Tensor) -> Tensor:
        """z and the classes' vector as the one condition (n, 1, d) of all blocks."""
        return torch.cat([z, self.embeddings(condition)], dim=1)[:, None]

    def step(self, place: int, x: Tensor, conditions: Tensor, where: Tensor) -> Tensor:
        """The features of a layer from those of the layer before; from the condition for the first."""
        if place == 0:
            grid = self.generator.gen_z(conditions[:, 0]).unflatten(1, (4, 4, -1))
            return grid.permute(0, 3, 1, 2)
        if place == len(self.plan) - 1:
            return F.relu(self.generator.bn(x, where))
        part = self.generator.layers[place - 1]
        return part(x) if isinstance(part, Attention) else part(x, conditions[:, 0], where)

    def picture(self, x: Tensor, conditions: Tensor, where: Tensor) -> Tensor:
        """Pictures in [-1, 1]; the net draws as many colours as it has channels, of which three are looked at."""
        conv = self.generator.conv_to_rgb
        return F.conv2d(x, conv.weight[:3], conv.bias[:3], padding=1).tanh()


class AjbrockNet(nn.Module):
    """BigGAN in the layout of ajbrock's code. `widths`: channels before and after each block; `looks`: blocks with attention.

    `depth`: how many deep blocks share a grid, 0 where blocks are not deep. `chunk`: numbers of z for each block, 0 where
    blocks read the class alone. `bottom`: the side of the first grid.
    """

    bounded = False

    def __init__(self, widths: tuple[int, ...], *, latent: int, shared: int, classes: int, looks: tuple[int, ...], depth: int,
                 chunk: int, bottom: int, eps: float, spectral: bool = True) -> None:
        super().__init__()
        spelling = AJBROCK if spectral else Spelling(**{**vars(AJBROCK), "vectors": "none"})
        self.latent, self.classes, self.depth, self.chunk, self.bottom = latent, classes, depth, chunk, bottom
        condition = shared + (latent if depth else chunk)
        self.shared = nn.Embedding(classes, shared)
        self.linear = stored(nn.Linear(condition if depth else chunk or latent, widths[0] * bottom**2), spelling)
        self.blocks = nn.ModuleList()
        self.plan = [Plan("linear", widths[0], bottom)]
        side = bottom
        for number, (before, width) in enumerate(zip(widths, widths[1:], strict=False)):
            up = not depth or number % depth == depth - 1
            side *= 1 + up
            parts: list[nn.Module] = [DeepBlock(before, width, condition, spelling, up=up, rows=0, eps=eps) if depth
                                      else WideBlock(before, width, condition, spelling, eps=eps)]
            parts += [Attention(width, spelling)] if number in looks else []
            self.plan += [Plan(f"blocks.{number}.{place}", width, side) for place in range(len(parts))]
            self.blocks.append(nn.ModuleList(parts))
        self.output_layer = nn.Sequential(LastNorm(widths[-1], "gain", spelling, rows=0, eps=1e-5), nn.ReLU(),
                                          stored(nn.Conv2d(widths[-1], 3, 3, padding=1), spelling))
        self.plan.append(Plan("output_layer.1", widths[-1], side))

    def embed(self, z: Tensor, condition: Tensor) -> Tensor:
        """What the linear step and each block read of class and z: one condition for all, or one each (n, blocks + 1, d)."""
        classes = condition @ self.shared.weight
        if self.depth:
            return torch.cat([classes, z], dim=1)[:, None]
        if not self.chunk:
            return classes[:, None]
        chunks = z.unflatten(1, (-1, self.chunk))[:, 1:]
        return torch.cat([classes[:, None].expand(-1, chunks.shape[1], -1), chunks], dim=2)

    def begin(self, z: Tensor, conditions: Tensor) -> Tensor:
        """What the linear step reads."""
        if self.depth:
            return conditions[:, 0]
        return z[:, :self.chunk] if self.chunk else z

    def step(self, place: int, x: Tensor, conditions: Tensor) -> Tensor:
        """The features of a layer from those of the layer before; from `begin` for the first."""
        path = self.plan[place].path
        if place == 0:
            return self.linear(x).unflatten(1, (-1, self.bottom, self.bottom))
        if place == len(self.plan) - 1:
            return F.relu(self.output_layer[0](x, None))
        part: Any = self.get_submodule(path)
        if isinstance(part, Attention):
            return part(x)
        block = int(path.split(".")[1])
        return part(x, conditions[:, min(block, conditions.shape[1] - 1)], None)

    def picture(self, x: Tensor, conditions: Tensor) -> Tensor:
        """Pictures in [-1, 1]."""
        return self.output_layer[2](x).tanh()
