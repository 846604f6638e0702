"""The captions that the scorer learns from: of whole pictures and crops, with their false twins; and what is held out of them."""

import dataclasses
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import RandomState

from ganwidgets.models.scorers import Vocabulary
from ganwidgets.world.captions import SIZE, STYLES, View, view_of, worded
from ganwidgets.world.facts import COLORS, HUES, pairs_in, said, shown, words_of
from ganwidgets.world.parts import Scene
from ganwidgets.world.scenes import scene
from ganwidgets.world.swaps import swaps
from ganwidgets.world.train.segmenter_pool import Pool
from ganwidgets.world.train.state import announced
from ganwidgets.world.words import COLOR_NAMES, COUNTS, HOURS, MANY, SEASONS, SOME, SPANS, SYNONYMS, WEATHERS

WHOLE, CROPS, IN_CROP = 5, 3, 2     # captions of the whole picture, crops, and captions of each
SMALLEST, LARGEST = 22, 56          # px of a crop's side
TWINS = 4                           # false twins of a caption, at most
LONGEST = 28                        # words of a caption that is learned
TRIES = 12                          # at a caption that holds nothing held out
UNTAUGHT = ("heaven", "farm")       # synonyms that captions never use
FIXED = ("a", "an", "the", "and", "with", "picture", "drawing", "shows", "you", "can", "see", "here", "we", "look", "it", "is",
         "of", "in", "front", "beside", "near", "by", "behind", "under", "to", "left", "right")


def vocabulary() -> Vocabulary:
    """All words that captions are made of, plurals as singulars."""
    texts = [noun for nouns in SYNONYMS.values() for noun in nouns if noun not in UNTAUGHT]
    texts += [*COLORS, *SPANS.values(), *COUNTS.values(), *SOME, MANY, *FIXED, "fir tree"]
    texts += [phrase for table in (HOURS, SEASONS, WEATHERS) for phrases in table.values() for phrase in phrases]
    return Vocabulary(tuple(sorted({word for text in texts for word in words_of(text)})))


def held_out_pairs(seed: int = 7) -> frozenset[tuple[str, str]]:
    """Half of the (colour, concept) pairs of the world, and about half of those of each colour and of each concept.

    Each colour and each concept keeps a pair that is taught, since a word that was never seen cannot be known. House and wall do
    not both lose a colour: they are one surface, and a colour's other shades elsewhere do not tell what it is called there.
    """
    pairs, random = [(color, name) for name, colors in HUES.items() for color in colors], RandomState(seed)
    held: set[tuple[str, str]] = set()
    while len(held) < len(pairs) // 2:
        held = set()
        for place in random.permutation(len(pairs)):
            color, name = pairs[place]
            other = (color, {"house": "wall", "wall": "house"}.get(name, ""))
            if len(held) < len(pairs) // 2 and other not in held and room(pairs, held, 0, color) and room(pairs, held, 1, name):
                held.add(pairs[place])
    return frozenset(held)


def room(pairs: Sequence[tuple[str, str]], held: set[tuple[str, str]], part: int, word: str) -> bool:
    """Whether one more pair of a word may be held out: half of them, rounded up, but never all."""
    own = [pair for pair in pairs if pair[part] == word]
    return sum(pair in held for pair in own) < min((len(own) + 1) // 2, len(own) - 1)


def held_out_synonyms(seed: int = 8) -> frozenset[tuple[str, str]]:
    """(word, style): each concept's rarer nouns are left out of one of the three styles in which they occur most."""
    words = [noun.split()[-1] for nouns in SYNONYMS.values() for noun in nouns[1:] if " " not in noun and noun not in UNTAUGHT]
    random = RandomState(seed)
    return frozenset((word, ("plain", "list", "sentence")[random.randint(3)]) for word in words if word not in ("forest", "wood"))


PAIRS, SYNONYM_STYLES = held_out_pairs(), held_out_synonyms()
# The orders of captions.ORDERS are the third thing that is held out: no style has them.


def uses_synonym(text: str, style: str) -> bool:
    """Whether a text in a style uses a noun that is held out of this style."""
    words = set(words_of(text))
    return any(style == own and {word, word + "s"} & words for word, own in SYNONYM_STYLES)


def taught(text: str, style: str) -> bool:
    """Whether a caption in a style holds nothing that is held out."""
    return not pairs_in(text) & PAIRS and not uses_synonym(text, style)


@dataclass(frozen=True)
class Texts:
    """Captions as word numbers (n, 1 + TWINS, LONGEST), the caption before its false twins, 0 where there is none; the place of
    each one's picture, its crop in px (x0, y0, x1, y1), what it says and what its view shows (n, COLUMNS)."""

    words: np.ndarray
    picture: np.ndarray
    crop: np.ndarray
    said: np.ndarray
    shown: np.ndarray

    def __len__(self) -> int:
        return len(self.picture)


def texts_of(pool: Pool, seeds: Sequence[int], folder: Path, scene_of: Callable[[int], Scene] = scene) -> Texts:
    """The captions of the pool's pictures, written once and kept in a folder, under a name that follows from all that is taught."""
    words = vocabulary()
    taught_now = repr((words.words, sorted(PAIRS), sorted(SYNONYM_STYLES), COLOR_NAMES)).encode()
    path = folder / f"texts-{seeds[0]}-{len(seeds)}-{zlib.crc32(taught_now):08x}.npz"
    if not path.exists():
        found: list[tuple[np.ndarray, ...]] = []
        for place in announced(range(len(seeds)), "writing captions"):
            found += scene_texts(scene_of(seeds[place]), place, pool.rows([place])[1][0], words)
        parts = [np.stack(each) for each in zip(*found, strict=True)]
        with path.with_suffix(".part").open("wb") as file:
            np.savez(file, words=parts[0], picture=parts[1], crop=parts[2], said=parts[3], shown=parts[4])
        path.with_suffix(".part").replace(path)
    with np.load(path) as held:
        return Texts(**held)


def joined(first: Texts, second: Texts, pictures: int) -> Texts:
    """Both; the pictures of the second come after the `pictures` of the first."""
    later = dataclasses.replace(second, picture=second.picture + pictures)
    return Texts(*(np.concatenate([getattr(first, part.name), getattr(later, part.name)]) for part in dataclasses.fields(Texts)))


def scene_texts(it: Scene, place: int, masks: np.ndarray, words: Vocabulary) -> Iterable[tuple[np.ndarray, ...]]:
    """The rows of Texts of one picture."""
    random = RandomState(it.seed)
    boxes = [((0, 0, SIZE, SIZE), WHOLE)] + [(crop_box(random), IN_CROP) for _ in range(CROPS)]
    for box, count in boxes:
        x0, y0, x1, y1 = (each / SIZE for each in box)
        view = view_of(it, (x0, y0, x1, y1), random, masks)
        facts = shown(view)
        for _ in range(count):
            if text := taught_caption(view, random):
                false = [twin for twin in swaps(text, view, random, facts).values() if not pairs_in(twin) & PAIRS]
                chosen = [false[each] for each in random.permutation(len(false))[:TWINS]]
                yield (rows_of([text, *chosen], words), np.asarray(place, np.int32), np.asarray(box, np.uint8), said(text), facts)


def taught_caption(view: View, random: RandomState) -> str:
    """A caption that holds nothing held out, or none, where none was found or there is nothing to see."""
    for _ in range(TRIES):
        style = tuple(STYLES)[random.randint(len(STYLES))]
        text = worded(view, style)
        if taught(text, style) and (said(text) >= 0).any():
            return text
    return ""


def crop_box(random: RandomState) -> tuple[int, int, int, int]:
    """A crop in px, nearly square."""
    side = random.randint(SMALLEST, LARGEST + 1)
    wide, high = (int(np.clip(side + random.randint(-4, 5), SMALLEST, SIZE)) for _ in range(2))
    x, y = random.randint(0, SIZE - wide + 1), random.randint(0, SIZE - high + 1)
    return x, y, x + wide, y + high


def rows_of(texts: Sequence[str], words: Vocabulary) -> np.ndarray:
    """(1 + TWINS, LONGEST) word numbers."""
    found = np.zeros((1 + TWINS, LONGEST), np.uint8)
    for row, text in enumerate(texts):
        numbers = words.encode(text)[:LONGEST]
        found[row, :len(numbers)] = numbers
    return found


