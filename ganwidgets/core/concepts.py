"""Concepts, the segmenters that find them in pictures, and the scorers that compare pictures with words."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from jaxtyping import Bool, Float
from torch import Tensor

from ganwidgets.core.errors import ConceptError, ShapeError, one_of

Kind = Literal["object", "part", "material", "color"]


@dataclass(frozen=True)
class Concept:
    """A thing that may be seen in a picture: a name, what kind of thing it is, and its colour on maps (0..255 each).

    `kind` is "object", "part", "material" or "color". Errors: ConceptError for another kind, no name, or no colour.
    """
    name: str
    kind: str = "object"
    color: tuple[int, int, int] = (128, 128, 128)

    def __post_init__(self) -> None:
        if not self.name:
            raise ConceptError("a concept needs a name; the one that came is empty.")
        if self.kind not in get_args(Kind):
            raise ConceptError(one_of("kind", self.kind, get_args(Kind), where=f"the concept {self.name!r}"))
        if len(self.color) != 3 or not all(0 <= int(level) <= 255 for level in self.color):
            raise ConceptError(f"the colour of {self.name!r} is {self.color!r}; it is three numbers from 0 to 255.")

    @property
    def hex(self) -> str:
        """The colour as "#rrggbb"."""
        return "#{:02x}{:02x}{:02x}".format(*(int(level) for level in self.color))


class Segmenter(abc.ABC):
    """Says for each pixel which concepts hold there. Pictures come in [-1, 1]; masks may be on a grid of their own."""
    concepts: tuple[Concept, ...]

    @abc.abstractmethod
    def segment(self, images: Float[Tensor, "n 3 H W"]) -> Bool[Tensor, "n k h w"]:
        """True where the concept holds; several concepts may hold at one pixel."""

    def probabilities(self, images: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n k h w"]:
        """From 0 to 1, differentiable where the segmenter can; by default `segment` as numbers."""
        return self.segment(images).float()

    @property
    def names(self) -> tuple[str, ...]:
        """The concepts' names, in the order of the mask channels."""
        return tuple(concept.name for concept in self.concepts)

    def index(self, concept: str | Concept) -> int:
        """The mask channel of a concept. Errors: ConceptError, listing the known ones."""
        return concept_index(self.concepts, concept)


def concept_index(concepts: Sequence[Concept], concept: str | Concept, *, where: str = "") -> int:
    """The position of a concept, given by name or as a Concept. Errors: ConceptError, listing the known ones."""
    name = concept.name if isinstance(concept, Concept) else concept
    names = [known.name for known in concepts]
    if name not in names:
        raise ConceptError(one_of("concept", name, names, where=where))
    return names.index(name)


@dataclass(frozen=True, eq=False)
class KnownMasks:
    """Exact masks of pictures that are already known, in the order of those pictures: `masks` (n, k, h, w), bool."""
    concepts: tuple[Concept, ...]
    masks: Bool[Tensor, "n k h w"] = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.concepts) != self.masks.shape[1]:
            raise ShapeError(f"{len(self.concepts)} concepts and masks for {self.masks.shape[1]}; "
                             "masks are (pictures, concepts, height, width).")

    def __len__(self) -> int:
        return len(self.masks)

    @property
    def names(self) -> tuple[str, ...]:
        """The concepts' names, in the order of the mask channels."""
        return tuple(concept.name for concept in self.concepts)

    def index(self, concept: str | Concept) -> int:
        """The mask channel of a concept. Errors: ConceptError, listing the known ones."""
        return concept_index(self.concepts, concept)

    def rows(self, start: int, stop: int) -> Bool[Tensor, "n k h w"]:
        """The masks of pictures `start` to `stop` - 1, by their place in the order."""
        return self.masks[start:stop]


@dataclass(frozen=True, eq=False)
class Words:
    """A text as a scorer has read it: `text`, and `encoded`, which only that scorer looks inside."""
    text: str
    encoded: Tensor = field(repr=False)
    parts: tuple[Tensor, ...] = field(default=(), repr=False)


class TextImageScorer(abc.ABC):
    """Says how well pictures fit words."""

    @abc.abstractmethod
    def read(self, words: str) -> Words:
        """The text, encoded once, so that a search does not read it again at each step."""

    @abc.abstractmethod
    def score(self, images: Float[Tensor, "n 3 H W"], words: Words | str) -> Float[Tensor, " n"]:
        """A number per picture, higher where it fits better; differentiable."""

    def unknown(self, words: str) -> tuple[str, ...]:
        """The words of the text that the scorer was never taught; by default none."""
        return ()
