"""Trains the scorer: pictures and captions that belong together are drawn together, and apart from all that are false."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from torch import Tensor

from ganwidgets.models.scorer_nets import Cells, Row, ScorerNet, Shape, fit_all, found
from ganwidgets.models.scorers import MOST_WORDS, StorybookScorer, load_scorer_file, save_scorer_file
from ganwidgets.models.segmenter_nets import folded_state
from ganwidgets.models.segmenters import resized
from ganwidgets.world.facts import false
from ganwidgets.world.train import supervised
from ganwidgets.world.train.repainted import draw_repainted, repainted
from ganwidgets.world.train.scorer_card import write_card
from ganwidgets.world.train.scorer_texts import Texts, joined, texts_of, vocabulary
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS, SIZE, pool, render_pool
from ganwidgets.world.train.segmenter_wear import blotched, chosen, one_worn, recoloured
from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.storybook import halved
from ganwidgets.world.train.supervised import Training

PATH = Path(__file__).parents[1] / "weights" / "storybook-scorer.safetensors"
REPAINTED_SEEDS = range(700_000, 708_000)
HIGHEST = 100.0         # what scores are multiplied with, at most


@dataclass(frozen=True)
class Recipe:
    """All that the training depends on."""

    shape: Shape = Shape()
    seed: int = 41
    batch: int = 64
    rate: float = 1e-3
    decay: float = 1e-2     # of the weights
    keep: float = .998      # of the averaged weights, a step
    worn: float = .5        # the share of the pictures that lose colour and sharpness
    twins: float = 1.0      # the weight of telling a caption from its false twins alone
    hidden: float = .2      # the share of words that do not show what they are when it comes to where to look


@dataclass(frozen=True)
class Batch:
    """Pictures (n, 3, s, s); captions and their twins (n, k, words); which words are hidden; and which caption is surely
    false of which picture."""

    pictures: Tensor
    words: Tensor
    hidden: Tensor
    false: Tensor


def train(*, minutes: float, device: str | torch.device = "auto", resume: bool = True,
          recipe: Recipe = Recipe()) -> StorybookScorer:
    """Trains the scorer, writes its weights, and then its card.

    `minutes` is the time of the whole training: what was done before a `resume` counts, and the learning rate falls to 0 at
    its end. It learns from the renders that the segmenters learn from, from repainted scenes, and from captions of both, drawn and
    written first where they are not there yet.
    """
    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    torch.set_flush_denormal(True)
    folder, words = state_folder("storybook-scorer"), vocabulary()
    pictures, texts = learned_from(folder)
    training = supervised.begin(lambda: ScorerNet(recipe.shape, len(words.words), MOST_WORDS), seed=recipe.seed, rate=recipe.rate,
                                decay=recipe.decay, place=place)
    state = folder / "state.pt"
    if resume:
        supervised.restore(training, state)
    sides = words.encode("left right")

    def loss_of(step: int) -> Tensor:
        return loss(recipe, training.net, batch(recipe, step, pictures, texts, sides), place)

    supervised.run("storybook-scorer", training, loss_of, seconds=minutes * 60, rate=recipe.rate, warm=200, keep=recipe.keep,
                   place=place, state=state)
    scorer = finish(recipe, training, len(texts), place)
    write_card(scorer, PATH)
    return scorer


def learned_from(folder: Path) -> tuple[np.ndarray, Texts]:
    """Pictures (n, SIZE, SIZE, 3) in bytes, of the world and of repainted scenes, and their captions."""
    renders, painted = render_pool(), pool("repainted", draw_repainted, REPAINTED_SEEDS)
    own = texts_of(renders, RENDER_SEEDS, folder)
    other = texts_of(painted, REPAINTED_SEEDS, folder, repainted)
    return np.concatenate([renders.pictures, painted.pictures]), joined(own, other, len(renders))


def batch(recipe: Recipe, number: int, images: np.ndarray, texts: Texts, sides: tuple[int, ...]) -> Batch:
    """Worn pictures and crops with their captions; the same for the same step, so that a resumed training goes on alike."""
    random = RandomState((recipe.seed * 1_000_003 + number) % 2 ** 32)
    rows = np.sort(random.randint(0, len(texts), recipe.batch))
    pictures = torch.cat([cut(images[texts.picture[row]], texts.crop[row]) for row in rows])
    words = torch.from_numpy(texts.words[rows].astype(np.int64))
    pictures, words = mirrored(random, pictures, words, sides)
    worn = blotched(random, recoloured(random, pictures))
    worn = torch.stack([one_worn(random, picture) for picture in worn])
    pictures = torch.where(chosen(random, len(pictures), recipe.worn), worn, pictures).clamp(-1, 1)
    longest = int((words > 0).sum(2).max())
    words = words[:, :, :longest]
    hidden = torch.from_numpy(random.rand(*words.shape) < recipe.hidden)
    return Batch(pictures, words, hidden, torch.from_numpy(false(texts.said[rows], texts.shown[rows])))


def cut(picture: np.ndarray, crop: np.ndarray) -> Tensor:
    """(1, 3, SIZE, SIZE) in [-1, 1]: a crop in px of a picture in bytes, brought to full size."""
    x0, y0, x1, y1 = (int(each) for each in crop)
    image = torch.from_numpy(np.array(picture[y0:y1, x0:x1])).permute(2, 0, 1)[None].float() / 127.5 - 1
    return resized(image, (SIZE, SIZE))


def mirrored(random: RandomState, pictures: Tensor, words: Tensor, sides: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Half of the pictures mirrored; in their captions left and right change places."""
    turned, (left, right) = chosen(random, len(pictures), .5), sides
    other = torch.where(words == left, right, torch.where(words == right, left, words))
    return torch.where(turned, pictures.flip(3), pictures), torch.where(turned[..., 0], other, words)


def loss(recipe: Recipe, net: torch.nn.Module, batch: Batch, place: torch.device) -> Tensor:
    """Each picture must find its caption among its false twins and the captions that are false of it, each caption its picture
    among those of which it is false, and each picture its caption among the twins alone. What may be true is passed over."""
    n, k, longest = batch.words.shape
    with halved(str(place)):
        cells = net.picture(batch.pictures.to(place).contiguous(memory_format=torch.channels_last))  # type: ignore[operator]
    rows = net.text(batch.words.view(n * k, longest).to(place), batch.hidden.view(n * k, longest).to(place))  # type: ignore[operator]
    scale = net.log_scale.exp().clamp(max=HIGHEST)  # type: ignore[operator]
    there = (batch.words[:, :, 0] > 0).to(place)
    own = (scale * of_own(cells, rows, n)).masked_fill(~there, -1e4)
    across = scale * fit_all(cells, Row(*(part.unflatten(0, (n, k))[:, 0] for part in rows)))
    away = (batch.false | torch.eye(n, dtype=torch.bool)).to(place)      # a row a caption, a column a picture
    across = across.masked_fill(~away.T, -1e4)
    target = torch.arange(n, device=place)
    pictures = F.cross_entropy(torch.cat([across, own[:, 1:]], 1), target)
    captions = F.cross_entropy(across.T, target)
    twins = F.cross_entropy(own, torch.zeros_like(target))
    return pictures + captions + recipe.twins * twins


def of_own(cells: Cells, rows: Row, n: int) -> Tensor:
    """(n, k): how well each picture fits the k texts of its own; no text in place of one scores 0."""
    where = rows.where.unflatten(0, (n, -1)).transpose(1, 2).flatten(2, 3)
    seen = found(cells, where).unflatten(1, (-1, rows.weight.shape[1]))
    weight = rows.weight.unflatten(0, (n, -1))
    return ((seen * rows.what.unflatten(0, (n, -1))).sum(3) * weight).sum(2) / weight.sum(2).clamp(min=1e-6)


def finish(recipe: Recipe, training: Training, captions: int, place: torch.device,
           path: Path = PATH) -> StorybookScorer:
    """Writes the averaged weights, normalisation folded in, and answers the scorer read back from the file."""
    words = vocabulary().words
    net = ScorerNet(recipe.shape, len(words), MOST_WORDS, norm=False)
    net.load_state_dict(folded_state(training.average))
    about = {"seed": recipe.seed, "batch": recipe.batch, "pictures": len(RENDER_SEEDS),
             "repainted": len(REPAINTED_SEEDS), "captions": captions, **supervised.told(training, place)}
    save_scorer_file(path, net, name="storybook", words=words, size=SIZE, about=about)
    return load_scorer_file(path, place)
