"""Questions about pictures whose scene nobody knows, as generated ones: truth is what the judge sees, and colours by daylight."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random import RandomState

from ganwidgets.world.facts import COLORED, HUES, apart
from ganwidgets.world.palette import SKY
from ganwidgets.world.parts import Color
from ganwidgets.world.scenes import CONCEPT_NAMES
from ganwidgets.world.swaps import LIKE, put
from ganwidgets.world.words import COLOR_NAMES, MASS, color_name, with_article

OF_SKY, OF_COLORED, OF_CONCEPT = .05, .015, .03    # of the picture, from which on the judge's sky, a colour and a thing count
BLUE = 35           # of 255: a daylight sky is so near to the day's colours, and nearer than to those of any other hour
NAMED = 45          # of 255: a colour that is so near to a sample of its name has it
EVEN = .6           # of a thing's pixels, that are so near to their median
SPREAD = 60         # of 255
WHOLES = ("house", "church", "barn")
FORMS = ("{}", "The picture shows {}.", "You can see {}.")
Masks = dict[str, np.ndarray]


def by_name(masks: np.ndarray) -> Masks:
    """The judge's masks (concepts, h, w) by name."""
    return dict(zip(CONCEPT_NAMES, masks, strict=True))


def is_daylight(picture: np.ndarray, seen: Masks) -> bool:
    """Whether the sky, clouds and sun left out, has the colours of the day and no other hour's; no scorer is asked.

    A sky of another hour, in the mist or all grey, is refused: in its light colours are not what their names say.
    """
    sky = seen["sky"] & ~seen["cloud"] & ~seen["sun"] & ~seen["moon"]
    if sky.mean() < OF_SKY:
        return False
    color = np.median(picture[sky], axis=0)
    away = {hour: from_line(color, *map(np.asarray, ends)) for hour, ends in SKY.items()}
    return min(away, key=away.__getitem__) == "day" and away["day"] <= BLUE


def from_line(color: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """The distance of a colour from the line between two others."""
    along = np.clip((color - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return float(np.linalg.norm(color - start - along * (end - start)))


def colors_of(picture: np.ndarray, seen: Masks) -> Iterator[tuple[str, str, Color]]:
    """(concept, colour name, colour) of each thing that is large enough and of one colour that has a plain name."""
    for name in COLORED:
        if name in WHOLES and sum(bool(seen[each].any()) for each in WHOLES) > 1:
            continue        # the judge is of two minds about the building
        mask = seen[name] & seen["wall"] & ~seen["window"] & ~seen["door"] if name in (*WHOLES, "wall") else seen[name]
        mask = mask & ~seen["trunk"] if name == "tree" else mask & ~seen["tree"] & ~seen["bush"]
        if name in ("roof", "tree") and (mask & seen["snow"]).any() or mask.mean() < OF_COLORED:
            continue        # snow lies on it
        pixels = picture[mask].astype(float)
        middle = np.median(pixels, axis=0)
        red, green, blue = (int(round(level)) for level in middle)
        rgb = (red, green, blue)
        called = color_name(rgb)
        near = min(np.linalg.norm(np.subtract(rgb, sample)) for sample in COLOR_NAMES[called])
        even = (np.linalg.norm(pixels - middle, axis=1) <= SPREAD).mean()
        if called in HUES[name] and near <= NAMED and even >= EVEN:
            yield name, called, rgb


def color_question(picture: np.ndarray, seen: Masks, random: RandomState) -> tuple[str, str, str] | None:
    """(concept, right text, false text) about one colour, which is visibly not the other one; none out of daylight."""
    if not is_daylight(picture, seen):
        return None
    found = [(name, color, other) for name, color, rgb in colors_of(picture, seen) for other in HUES[name] if apart(rgb, other)]
    if not found:
        return None
    names = sorted({name for name, _, _ in found})
    concept = names[random.randint(len(names))]
    possible = [(color, other) for name, color, other in found if name == concept]
    color, other = possible[random.randint(len(possible))]
    text = FORMS[random.randint(len(FORMS))].format(f"a {color} {concept}")
    place = text.lower().split().index(color)
    return concept, put(text, place, color), put(text, place, other)


def concept_question(seen: Masks, random: RandomState) -> tuple[str, str, str] | None:
    """(concept, right text, false text) about a thing that the judge sees large and a like one of which it sees no pixel."""
    found = [(name, other) for group in LIKE for name in group for other in group
             if seen[name].mean() >= OF_CONCEPT and not seen[other].any() and name != other]
    if not found:
        return None
    names = sorted({name for name, _ in found})
    concept = names[random.randint(len(names))]
    others = [other for name, other in found if name == concept]
    form = FORMS[random.randint(len(FORMS))]
    return concept, form.format(phrase(concept)), form.format(phrase(others[random.randint(len(others))]))


def phrase(name: str) -> str:
    """A concept's plainest noun with its article."""
    return name if name in MASS else f"the {name}" if name in ("sun", "moon") else with_article(name)


def questions(pictures: Sequence[np.ndarray], masks: np.ndarray, kind: str) -> list[tuple[np.ndarray, str, str, str]]:
    """(picture, concept, right text, false text), at most one a picture, from the judge's masks (n, concepts, h, w).

    `kind` is "colors" or "concepts".
    """
    found = []
    for number, (picture, mask) in enumerate(zip(pictures, masks, strict=True)):
        seen, random = by_name(mask), RandomState(number)
        one = color_question(picture, seen, random) if kind == "colors" else concept_question(seen, random)
        if one:
            found.append((picture, *one))
    return found
