"""Trains the scorer: pictures and captions of the world that belong together are drawn together, and apart from all that are false."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from torch import Tensor

from ganwidgets.models.scorer_nets import ScorerNet, Shape
from ganwidgets.models.scorers import MOST_WORDS, StorybookScorer, load_scorer_file, save_scorer_file
from ganwidgets.models.segmenter_nets import folded_state
from ganwidgets.models.segmenters import resized
from ganwidgets.world.facts import false
from ganwidgets.world.train import supervised
from ganwidgets.world.train.scorer_card import write_card
from ganwidgets.world.train.scorer_texts import Texts, texts_of, vocabulary
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS, SIZE, Pool, render_pool
from ganwidgets.world.train.segmenter_wear import blotched, chosen, one_worn, recoloured
from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.storybook import halved
from ganwidgets.world.train.supervised import Training

PATH = Path(__file__).parents[1] / "weights" / "storybook-scorer.safetensors"
HIGHEST = 60.0          # what cosines are multiplied with, at most


@dataclass(frozen=True)
class Recipe:
    """All that the training depends on."""

    shape: Shape = Shape()
    seed: int = 41
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-2     # of the weights
    keep: float = .998      # of the averaged weights, a step
    worn: float = .5        # the share of the pictures that lose colour and sharpness
    twins: float = 1.0      # the weight of telling a caption from its false twins alone


@dataclass(frozen=True)
class Batch:
    """Pictures (n, 3, s, s); captions and their twins (n, k, words); and which caption is surely false of which picture."""

    pictures: Tensor
    words: Tensor
    false: Tensor


def train(*, minutes: float, device: str | torch.device = "auto", resume: bool = True, recipe: Recipe = Recipe()) -> StorybookScorer:
    """Trains the scorer, writes its weights, and then its card.

    `minutes` is the time of the whole training: what was done before a `resume` counts, and the learning rate falls to 0 at
    its end. It learns from the renders that the segmenters learn from and from captions of them, drawn and written first
    where they are not there yet.
    """
    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    torch.set_flush_denormal(True)
    folder, pool = state_folder("storybook-scorer"), render_pool()
    texts, words = texts_of(pool, RENDER_SEEDS, folder / "texts.npz"), vocabulary()
    training = supervised.begin(lambda: ScorerNet(recipe.shape, len(words.words), MOST_WORDS), seed=recipe.seed, rate=recipe.rate,
                                decay=recipe.decay, place=place)
    state = folder / "state.pt"
    if resume:
        supervised.restore(training, state)
    sides = words.encode("left right")
    supervised.run("storybook-scorer", training, lambda step: loss(recipe, training.net, batch(recipe, step, pool, texts, sides), place),
                   seconds=minutes * 60, rate=recipe.rate, warm=200, keep=recipe.keep, place=place, state=state)
    scorer = finish(recipe, training, len(texts), place)
    write_card(scorer, PATH)
    return scorer


def batch(recipe: Recipe, number: int, pool: Pool, texts: Texts, sides: tuple[int, ...]) -> Batch:
    """Worn pictures and crops with their captions; the same for the same step, so that a resumed training goes on alike."""
    random = RandomState((recipe.seed * 1_000_003 + number) % 2 ** 32)
    rows = np.sort(random.randint(0, len(texts), recipe.batch))
    pictures = torch.cat([cut(pool.pictures[texts.picture[row]], texts.crop[row]) for row in rows])
    words = torch.from_numpy(texts.words[rows].astype(np.int64))
    pictures, words = mirrored(random, pictures, words, sides)
    worn = blotched(random, recoloured(random, pictures))
    worn = torch.stack([one_worn(random, picture) for picture in worn])
    pictures = torch.where(chosen(random, len(pictures), recipe.worn), worn, pictures).clamp(-1, 1)
    longest = int((words > 0).sum(2).max())
    return Batch(pictures, words[:, :, :longest], torch.from_numpy(false(texts.said[rows], texts.shown[rows])))


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
        seen = net.picture(batch.pictures.to(place).contiguous(memory_format=torch.channels_last))  # type: ignore[operator]
    there = (batch.words[:, :, 0] > 0).to(place)
    read = seen.new_zeros(n * k, seen.shape[1], dtype=torch.float32)
    read[there.flatten()] = net.text(batch.words.to(place).view(n * k, longest)[there.flatten()])  # type: ignore[operator]
    seen, read = F.normalize(seen.float(), dim=1), F.normalize(read, dim=1).view(n, k, -1)
    scale = net.log_scale.exp().clamp(max=HIGHEST)  # type: ignore[operator,union-attr]
    own = scale * torch.einsum("nd,nkd->nk", seen, read).masked_fill(~there, -1e4)
    across = scale * seen @ read[:, 0].T            # a row a picture, a column a caption
    away = (batch.false | torch.eye(n, dtype=torch.bool)).to(place)
    across = across.masked_fill(~away.T, -1e4)
    target = torch.arange(n, device=place)
    pictures = F.cross_entropy(torch.cat([across, own[:, 1:]], 1), target)
    captions = F.cross_entropy(across.T, target)
    twins = F.cross_entropy(own, torch.zeros_like(target))
    return pictures + captions + recipe.twins * twins


def finish(recipe: Recipe, training: Training, captions: int, place: torch.device, path: Path = PATH) -> StorybookScorer:
    """Writes the averaged weights, normalisation folded in, and answers the scorer read back from the file."""
    words = vocabulary().words
    net = ScorerNet(recipe.shape, len(words), MOST_WORDS, norm=False)
    net.load_state_dict(folded_state(training.average))
    about = {"seed": recipe.seed, "batch": recipe.batch, "pictures": len(RENDER_SEEDS), "captions": captions,
             **supervised.told(training, place)}
    save_scorer_file(path, net, name="storybook", words=words, size=SIZE, about=about)
    return load_scorer_file(path, place)
