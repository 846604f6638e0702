"""The bundled scorer: how well a picture fits a text, word by word: what each word finds where it looks, and what it means."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, final

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.concepts import TextImageScorer, Words
from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import ArgumentError, ShapeError
from ganwidgets.core.nets import full_float32
from ganwidgets.models.bundled import Reader, load_bundled, save_bundled
from ganwidgets.models.scorer_nets import Cells, Row, ScorerNet, Shape, fit
from ganwidgets.models.segmenters import resized

FORMAT = "ganwidgets-scorer-1"
Text: TypeAlias = str | Any      # anything may come; what is no text is refused in words
MOST_WORDS = 40     # of a text
SHORTEST = 3        # letters of a word whose plural is looked for: "as" is not several "a"


@final
@dataclass(frozen=True)
class Vocabulary:
    """The words that a scorer was taught, each with its number from 1 up; plurals are read as their singulars."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {word: number for number, word in enumerate(self.words, start=1)})

    def number(self, word: str) -> int | None:
        """The number of a word in lower case, or of that which it is the plural of; None for one that was not taught."""
        numbers: Mapping[str, int] = self.numbers  # type: ignore[attr-defined]
        singulars = [word.removesuffix(end) for end in ("s", "es") if word.endswith(end) and len(word) >= SHORTEST + len(end)]
        return next((numbers[each] for each in (word, *singulars) if each in numbers), None)

    def unknown(self, text: Text) -> tuple[str, ...]:
        """The words of a text that were not taught, each once, in their order."""
        return tuple(dict.fromkeys(word for word in spelled(text) if self.number(word) is None))

    def encode(self, text: Text) -> tuple[int, ...]:
        """The numbers of the words that were taught, in their order; others are passed over. Errors: ArgumentError."""
        numbers = tuple(number for word in spelled(text) if (number := self.number(word)) is not None)
        if not numbers:
            raise ArgumentError(f"the scorer knows no word of {text!r}; it was taught words of its world, as in "
                                "'a white church beside a lake on a winter night'.")
        if len(numbers) > MOST_WORDS:
            raise ArgumentError(f"the scorer reads up to {MOST_WORDS} words at once; {len(numbers)} came. Say it in fewer.")
        return numbers


def spelled(text: Text) -> list[str]:
    """The words of a text in lower case, without marks. Errors: ArgumentError for what is no text."""
    if not isinstance(text, str):
        raise ArgumentError(f"a scorer reads a text; {type(text).__name__} came.")
    return re.findall(r"\w+", text.lower())


@final
@dataclass(frozen=True, eq=False)
class StorybookScorer(Reader, TextImageScorer):
    """How well pictures fit words, from -1 to 1; differentiable: the mean, over the words as they count, of the cosine of what a
    word means and what it finds where it looks. Where it looks follows from the whole text.

    Pictures (n, 3, H, W) in [-1, 1], whole ones or crops of any size; what lies outside is cut, as it is when a picture is
    shown. `scale` is what scores were multiplied with in training: softmax(scale * scores) over texts are probabilities.
    """

    net: ScorerNet = field(repr=False)
    name: str
    vocabulary: Vocabulary = field(repr=False)
    image_size: int = 64
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)      # how it was trained
    digests: WeightDigests = field(init=False, repr=False)

    @property
    def scale(self) -> float:
        """What the training multiplied scores with."""
        return float(self.net.log_scale.exp())

    def read(self, words: Text) -> Words:
        """The text, encoded. Words that were not taught are passed over: `unknown` names them.

        Errors: ArgumentError for what is no text, has no word that was taught, or more than 40.
        """
        numbers = torch.tensor([self.vocabulary.encode(words)], device=self.device)
        with torch.no_grad(), full_float32():
            row = self.net.text(numbers)
        return Words(words, row.what, (row.where, row.weight))

    def look(self, images: Any) -> Cells:
        """The pictures as grids of cells, differentiable; `compare` holds them against texts, so that pictures are read once.

        Errors: ShapeError, ArgumentError for what is no picture.
        """
        images = self._checked(images)
        with full_float32():
            return self.net.picture(images)

    def compare(self, cells: Cells, words: Words) -> Float[Tensor, " n"]:
        """The score of each picture that was looked at with a text that was read."""
        with full_float32():
            return fit(cells, Row(words.parts[0], words.encoded, words.parts[1]))

    def score(self, images: Any, words: Words | Text) -> Float[Tensor, " n"]:
        """How well each picture fits the text. Errors: as for `read` and `look`."""
        words = words if isinstance(words, Words) else self.read(words)
        images = self._checked(images)
        return self.compare(self.look(images), words) if len(images) else images.new_zeros(0)

    def unknown(self, words: Text) -> tuple[str, ...]:
        """The words of the text that the scorer was never taught, each once. Errors: ArgumentError for what is no text."""
        return self.vocabulary.unknown(words)

    def _checked(self, images: Any) -> Tensor:
        """Pictures on the net's device and grid. Errors: ArgumentError, ShapeError."""
        if not isinstance(images, Tensor) or not images.is_floating_point():
            raise ArgumentError(f"{self.name} reads pictures as a tensor (n, 3, h, w) from -1 to 1; what came is "
                                f"{images.dtype if isinstance(images, Tensor) else type(images).__name__}.")
        if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape[2:]:
            raise ShapeError(f"{self.name} reads pictures (n, 3, h, w); {tuple(images.shape)} came.")
        images = images.to(self.device, torch.float32).clamp(-1, 1)
        if not len(images):     # torch cannot rearrange the pixels of no picture
            return images
        return resized(images, (self.image_size, self.image_size)).contiguous(memory_format=torch.channels_last)


def save_scorer_file(path: str | Path, net: ScorerNet, *, name: str, words: Sequence[str], size: int,
                     about: Mapping[str, Any] | None = None) -> None:
    """Writes a net built with `norm=False` as float16 weights; `about` is kept with it as JSON."""
    save_bundled(path, net, FORMAT, about, name=name, words=list(words), shape=net.shape._asdict(), size=size)


def load_scorer_file(path: str | Path, device: str | torch.device = "cpu") -> StorybookScorer:
    """The scorer in a file that `save_scorer_file` wrote, in float32. Errors: CheckpointError."""
    return load_bundled(path, "scorer", FORMAT, device, empty_scorer)


def empty_scorer(facts: Mapping[str, str], about: Mapping[str, Any]) -> StorybookScorer:
    """The scorer that these facts describe, its net still to be filled."""
    words = tuple(str(each) for each in json.loads(facts["words"]))
    net = ScorerNet(Shape(**json.loads(facts["shape"])), len(words), norm=False)
    return StorybookScorer(net, facts["name"], Vocabulary(words), int(facts["size"]), about)
