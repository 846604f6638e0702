"""Trains the scorer: pictures and captions that belong together are drawn together, and apart from all that are false."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from torch import Tensor

from ganwidgets.models.scorer_nets import Cells, Row, ScorerNet, Shape, fit_all, found
from ganwidgets.models.scorers import StorybookScorer, load_scorer_file, save_scorer_file
from ganwidgets.models.segmenter_nets import folded_state
from ganwidgets.models.segmenters import resized
from ganwidgets.world.facts import COLORED, COLORS, FIRST_COLOR, colored, false
from ganwidgets.world.train import supervised
from ganwidgets.world.train.repainted import draw_repainted, repainted
from ganwidgets.world.train.scorer_card import write_card
from ganwidgets.world.train.scorer_texts import PAIRS, Texts, joined, texts_of, vocabulary
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS, SIZE, pool, render_pool
from ganwidgets.world.train.segmenter_wear import blotched, chosen, one_worn, recoloured
from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.storybook import halved
from ganwidgets.world.train.supervised import Training

PATH = Path(__file__).parents[1] / "weights" / "storybook-scorer.safetensors"
REPAINTED_SEEDS = range(700_000, 716_000)
HIGHEST = 100.0         # what scores are multiplied with, at most
FOUND = 0.5             # the cosine from which on a colour counts as found


@dataclass(frozen=True)
class Recipe:
    """All that the training depends on."""

    shape: Shape = Shape()
    seed: int = 41
    batch: int = 64
    rate: float = 1e-3
    decay: float = 1e-2     # of the weights
    keep: float = .998      # of the averaged weights, a step
    painted: tuple[tuple[int, float], ...] = ((0, .3), (4_000, .5))     # from a step on, the share of repainted scenes
    worn: float = .5        # the share of the pictures that lose colour and sharpness
    twins: float = 1.0      # the weight of telling a caption from its false twins alone
    colors: float = 1.0     # the weight of telling the colour of a thing from all others
    denied: int = 500       # steps after which colours are also denied to things whose own is not named
    hidden: float = .2      # the share of words that do not show what they are when it comes to where to look


@dataclass(frozen=True)
class Batch:
    """Pictures (n, 3, s, s); captions and their twins (n, k, words); which words are hidden; which caption is surely false of which
    picture; the colours that texts name (m, 4): row, text, place among its words and number among COLORS; and (m, colours) which of
    them the word there may be compared with, itself and those that are visibly wrong. In twins all of these are wrong."""

    pictures: Tensor
    words: Tensor
    hidden: Tensor
    false: Tensor
    colors: Tensor
    choices: Tensor


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
    training = supervised.begin(lambda: fresh(recipe), seed=recipe.seed, rate=recipe.rate, decay=recipe.decay, place=place)
    state = folder / "state.pt"
    if resume:
        supervised.restore(training, state)
    sides = words.encode("left right")

    def loss_of(step: int) -> Tensor:
        return loss(recipe, training.net, batch(recipe, step, pictures, texts, sides), place, step)

    supervised.run("storybook-scorer", training, loss_of, seconds=minutes * 60, rate=recipe.rate, warm=200, keep=recipe.keep,
                   place=place, state=state)
    scorer = finish(recipe, training, len(texts), place)
    write_card(scorer, PATH)
    return scorer


def fresh(recipe: Recipe) -> ScorerNet:
    """A net for the words of the world, which knows its colours as such."""
    net = ScorerNet(recipe.shape, len(vocabulary().words))
    colors: Any = net.text.colors
    colors[color_numbers()] = True
    return net


@cache
def color_numbers() -> list[int]:
    """The numbers of COLORS among the words."""
    words = vocabulary()
    return [words.encode(color)[0] for color in COLORS]


def learned_from(folder: Path) -> tuple[np.ndarray, Texts]:
    """Pictures (n, SIZE, SIZE, 3) in bytes, of the world and of repainted scenes, and their captions."""
    renders, painted = render_pool(), pool("repainted", draw_repainted, REPAINTED_SEEDS)
    own = texts_of(renders, RENDER_SEEDS, folder)
    other = texts_of(painted, REPAINTED_SEEDS, folder, repainted)
    return np.concatenate([renders.pictures, painted.pictures]), joined(own, other, len(renders))


def batch(recipe: Recipe, number: int, images: np.ndarray, texts: Texts, sides: tuple[int, ...]) -> Batch:
    """Worn pictures and crops with their captions; the same for the same step, so that a resumed training goes on alike."""
    random = RandomState((recipe.seed * 1_000_003 + number) % 2 ** 32)
    rows = rows_drawn(recipe, number, random, texts)
    pictures = torch.cat([cut(images[texts.picture[row]], texts.crop[row]) for row in rows])
    words = torch.from_numpy(texts.words[rows].astype(np.int64))
    pictures, words = mirrored(random, pictures, words, sides)
    worn = blotched(random, recoloured(random, pictures))
    worn = torch.stack([one_worn(random, picture) for picture in worn])
    pictures = torch.where(chosen(random, len(pictures), recipe.worn), worn, pictures).clamp(-1, 1)
    longest = int((words > 0).sum(2).max())
    words = words[:, :, :longest]
    hidden = torch.from_numpy(random.rand(*words.shape) < recipe.hidden)
    return Batch(pictures, words, hidden, torch.from_numpy(false(texts.said[rows], texts.shown[rows])),
                 *named_colors(words, texts.shown[rows]))


def rows_drawn(recipe: Recipe, number: int, random: RandomState, texts: Texts) -> np.ndarray:
    """The captions of a batch in their order; those of repainted scenes come after all others."""
    first = int(np.searchsorted(texts.picture, len(RENDER_SEEDS)))
    share = [share for step, share in recipe.painted if step <= number][-1]
    painted = (random.rand(recipe.batch) < share) & (first < len(texts))
    own, other = (random.randint(low, high, recipe.batch) for low, high in
                  ((0, first), (min(first, len(texts) - 1), len(texts))))
    return np.sort(np.where(painted, other, own))


def named_colors(words: Tensor, facts: np.ndarray) -> tuple[Tensor, Tensor]:
    """The colours that captions give to things, and twins (n, k, words) to things that captions leave bare, and what each may be
    compared with; a pair that is held out is not among it. `facts`: what the pictures show."""
    known, named, choices = vocabulary().words, [], []
    for row, texts in enumerate(words.tolist()):
        done: set[str] = set()
        for text, numbers in enumerate(texts):
            for place, color, thing in colored([known[number - 1] for number in numbers if number]):
                near = int(facts[row, FIRST_COLOR + COLORED.index(thing)]) if thing in COLORED else 0
                if near and (text == 0 or thing not in done):
                    done.add(thing)
                    named.append((row, text, place, COLORS.index(color)))
                    choices.append([text == 0 and other == color or not near >> number & 1 and (other, thing) not in PAIRS
                                    for number, other in enumerate(COLORS)])
    return (torch.tensor(named, dtype=torch.long).reshape(-1, 4),
            torch.tensor(choices, dtype=torch.bool).reshape(-1, len(COLORS)))


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


def loss(recipe: Recipe, net: torch.nn.Module, batch: Batch, place: torch.device, step: int = 0) -> Tensor:
    """Each picture must find its caption among its false twins and the captions that are false of it, each caption its picture
    among those of which it is false, each picture its caption among the twins alone, and each colour must be found where it is
    named, among the others. What may be true is passed over."""
    n, k, longest = batch.words.shape
    with halved(str(place)):
        cells = net.picture(batch.pictures.to(place).contiguous(memory_format=torch.channels_last))  # type: ignore[operator]
    rows = net.text(batch.words.view(n * k, longest).to(place), batch.hidden.view(n * k, longest).to(place))  # type: ignore[operator]
    scale = net.log_scale.exp().clamp(max=HIGHEST)  # type: ignore[operator]
    there = (batch.words[:, :, 0] > 0).to(place)
    first = Row(*(part.unflatten(0, (n, k))[:, 0] for part in rows))
    with halved(str(place)):
        own, across = of_own(cells, rows, n), fit_all(cells, first)
    own, across = (scale * own).masked_fill(~there, -1e4), scale * across
    away = (batch.false | torch.eye(n, dtype=torch.bool)).to(place)      # a row a caption, a column a picture
    across = across.masked_fill(~away.T, -1e4)
    target = torch.arange(n, device=place)
    pictures = F.cross_entropy(torch.cat([across, own[:, 1:]], 1), target)
    captions = F.cross_entropy(across.T, target)
    twins = F.cross_entropy(own, torch.zeros_like(target))
    return pictures + captions + recipe.twins * twins + recipe.colors * of_colors(recipe, net, cells, rows, batch, scale, step)


def of_colors(recipe: Recipe, net: torch.nn.Module, cells: Cells, rows: Row, batch: Batch, scale: Tensor, step: int) -> Tensor:
    """How badly the colours that texts name are told from others by what is found there; 0 where none is named.

    A caption's colour must be likelier than those that are wrong. Of a thing whose own colour no text may name, nothing but the
    wrong ones can be told: none of them is to be found.
    """
    row, text, word, color = batch.colors.to(scale.device).T
    told, choices = text == 0, batch.choices.to(scale.device)
    places = row * batch.words.shape[1] + text
    where = rows.where[places, :, word][:, :, None]
    seen = found(Cells(*(part[row] for part in cells)), where)[:, 0]
    meant = net.text.meaning(torch.tensor(color_numbers(), device=scale.device))  # type: ignore[operator, union-attr]
    fits = scale * seen @ meant.T
    loss = scale.new_zeros(())
    if told.any():
        loss = loss + F.cross_entropy(fits[told].masked_fill(~choices[told], -1e4), color[told])
    if step >= recipe.denied and len(fits):
        wrong = choices & (~told[:, None] | (torch.arange(len(COLORS), device=scale.device) != color[:, None]))
        right = fits[told].gather(1, color[told][:, None])
        loss = loss + F.softplus(fits[wrong] - scale * FOUND).mean() + F.softplus(scale * FOUND - right).sum() / max(1, len(right))
    return loss


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
    net = ScorerNet(recipe.shape, len(words), norm=False)
    net.load_state_dict(folded_state(training.average))
    about = {"seed": recipe.seed, "batch": recipe.batch, "pictures": len(RENDER_SEEDS),
             "repainted": len(REPAINTED_SEEDS), "captions": captions, **supervised.told(training, place)}
    save_scorer_file(path, net, name="storybook", words=words, size=SIZE, about=about)
    return load_scorer_file(path, place)
