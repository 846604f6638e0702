"""Captions with one word put wrong: a colour, thing, season, hour, weather, number or side that the view shows to be false."""
from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.random import RandomState

from .captions import View, middles
from .facts import (
    BEFORE,
    COLORED,
    COLORS,
    CONCEPT_OF,
    FIRST_COLOR,
    FIRST_SETTING,
    HOUR_WORDS,
    HUES,
    SEASON_WORDS,
    WEATHER_WORDS,
    colored,
    is_weather,
    shown,
    words_of,
)
from .scenes import CONCEPT_NAMES
from .words import COUNTS, MASS, SYNONYMS, plural

# What can stand for what in a sentence. Words that name a place of many things ("forest") or no single one are left alone.
LIKE = (("house", "church", "barn"), ("roof", "door", "window", "chimney", "tower", "dome"), ("sun", "moon"),
        ("water", "grass", "snow"), ("tree", "bush", "fence", "mountain", "path", "field", "cloud"))
NOUNS = {name: tuple(noun for noun in nouns if " " not in noun and noun not in ("heaven", "farm", "forest", "wood", "fir", "meadow",
                                                                                "lawn", "lake", "pond"))
         for name, nouns in SYNONYMS.items()}
AT = ("dawn", "daybreak", "sunset", "dusk", "night")                                    # "at dawn"
SPAN = {"day": "day", "morning": "dawn", "evening": "sunset", "night": "night"}         # "a winter morning"
WEATHER_OF = {"clear": "clear", "fair": "clear", "grey": "overcast", "misty": "mist", "foggy": "mist"}      # "on a grey day"
NUMBERS = {word: number for number, word in COUNTS.items()}
Choice = tuple[int, str]        # the place of a word, and what to put there


def swaps(text: str, view: View, random: RandomState, facts: np.ndarray | None = None) -> dict[str, str]:
    """A caption of the view with one word put wrong, one for each kind for which there is such a word; `random` chooses it.

    Each is false by the scene's data in something that covers at least .5 % of the view. `facts`: what `shown` says of the
    view, where it is known already.
    """
    words, facts = words_of(text), shown(view) if facts is None else facts
    found = {}
    for kind, choices in KINDS.items():
        possible = sorted(choices(words, view, facts))
        if possible:
            place, word = possible[random.randint(len(possible))]
            found[kind] = put(text, place, word)
    return found


def put(text: str, place: int, word: str) -> str:
    """The text with another word at that place, and "a" or "an" as it then must be."""
    start, end = [match.span() for match in re.finditer(r"\w+", text)][place]
    changed = text[:start] + word + text[end:]
    return re.sub(r"\b([Aa])n? (?=([a-z]))", lambda found: found[1] + ("n " if found[2] in "aeiou" else " "), changed)


def colors(words: list[str], view: View, facts: np.ndarray) -> list[Choice]:
    """Other colours that the thing can have in the world, and that are visibly not its own here; any, where it is repainted."""
    found = []
    for place, own, concept in colored(words):
        near = int(facts[FIRST_COLOR + COLORED.index(concept)])
        possible = HUES[concept] if own in HUES[concept] else COLORS
        found += [(place, color) for color in possible if near and not near >> COLORS.index(color) & 1]
    return found


def concepts(words: list[str], view: View, facts: np.ndarray) -> list[Choice]:
    """Things of a like kind of which not a pixel is there."""
    found = []
    for place, word in enumerate(words):
        name, before = CONCEPT_OF.get(word, ""), words[place - 1] if place else ""
        if not name or word.removesuffix("s") not in NOUNS[name] and word.removesuffix("es") not in NOUNS[name] or before in BEFORE:
            continue
        for other in next((group for group in LIKE if name in group), ()):
            gone = facts[CONCEPT_NAMES.index(other)] == 0
            if gone and (before not in COLORS or before in HUES.get(other, ())):
                many = name not in MASS and word not in NOUNS[name]
                found += [(place, plural(noun) if many else noun) for noun in NOUNS[other]]
    return found


def seasons(words: list[str], view: View, facts: np.ndarray) -> list[Choice]:
    """The other seasons, in the same form of the word."""
    return [(place, others[group.index(word)]) for place, word in enumerate(words) for group in SEASON_WORDS.values()
            if word in group and facts[FIRST_SETTING] >= 0 for others in SEASON_WORDS.values() if others != group]


def hours(words: list[str], view: View, facts: np.ndarray) -> list[Choice]:
    """The other times of the day that can stand there."""
    if facts[FIRST_SETTING + 1] < 0:
        return []
    found = []
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        if word in AT and before == "at":
            own = next(group for group in HOUR_WORDS.values() if word in group)
            found += [(place, other) for other in AT if other not in own]
        elif word in SPAN and before != "early":
            found += [(place, other) for other in SPAN if other != word and (before != "by" or other in ("day", "night"))]
    return found


def weathers(words: list[str], view: View, facts: np.ndarray) -> list[Choice]:
    """The other weathers that can stand there."""
    if facts[FIRST_SETTING + 2] < 0:
        return []
    found = []
    for place, word in enumerate(words[:-1]):
        if not is_weather(words, place):
            continue
        if words[place + 1] == "weather":
            found += [(place, other) for other in (("dull",) if word in WEATHER_WORDS["clear"] else ("clear", "fair"))]
        elif word in WEATHER_OF:
            found += [(place, other) for other, kind in WEATHER_OF.items() if kind != WEATHER_OF[word]]
    return found


def counts(words: list[str], view: View, facts: np.ndarray) -> list[Choice]:
    """Numbers that are less than what is in sight, or more than what the scene holds."""
    it, found = view.scene, []
    held = {"tree": it.trees, "cloud": it.clouds, "bush": it.bushes, "window": it.building.windows if it.building else ()}
    for place, word in enumerate(words):
        noun = next((CONCEPT_OF[after] for after in words[place + 1:place + 4] if after in CONCEPT_OF), "")
        if word in NUMBERS and noun in held:
            seen = len(middles(view, noun))
            found += [(place, other) for other, number in NUMBERS.items() if not seen <= number <= max(seen, len(held[noun]))]
    return found


def sides(words: list[str], view: View, facts: np.ndarray) -> list[Choice]:
    """Left for right and right for left; captions name sides only of what stands clearly apart."""
    return [(place, "right" if word == "left" else "left") for place, word in enumerate(words) if word in ("left", "right")]


KINDS: dict[str, Callable[[list[str], View, np.ndarray], list[Choice]]] = {
    "color": colors, "concept": concepts, "season": seasons, "hour": hours, "weather": weathers, "count": counts, "side": sides}
