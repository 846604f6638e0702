"""What a caption says and what a view shows, as rows of small numbers, so that one can be held against the other."""
from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache

import numpy as np

from .captions import VISIBLE, View, color_of
from .palette import CONIFER, DOMES, DOORS, FENCES, FOLIAGE, ROOFS, WALLS
from .parts import Color
from .scenes import CONCEPT_NAMES
from .words import COLOR_NAMES, SPANS, SYNONYMS, color_name, plural

Words = dict[str, tuple[str, ...]]
COLORS = tuple(COLOR_NAMES)
COLORED = ("house", "church", "barn", "wall", "door", "roof", "dome", "fence", "tree")      # what captions give colours to
# The shades that each of them can have in the world, and their names.
SHADES: dict[str, tuple[Color, ...]] = {
    **WALLS, "wall": sum(WALLS.values(), ()), "door": DOORS, "roof": sum(ROOFS.values(), ()), "dome": DOMES, "fence": FENCES,
    "tree": FOLIAGE["spring"] + FOLIAGE["summer"] + FOLIAGE["autumn"] + CONIFER}
HUES: dict[str, tuple[str, ...]] = {name: tuple(dict.fromkeys(map(color_name, shades))) for name, shades in SHADES.items()}
APART = 40                                  # of 255: another colour must be so much farther away to be visibly another
SEASON_WORDS: Words = {"spring": ("spring", "springtime"), "summer": ("summer", "summertime"), "autumn": ("autumn", "fall"),
                "winter": ("winter", "wintertime")}
HOUR_WORDS: Words = {"day": ("day", "daytime", "daylight"), "dawn": ("dawn", "daybreak", "morning"),
              "sunset": ("sunset", "dusk", "evening"), "night": ("night", "dark")}
# "fair" and "clear" differ in clouds alone, which captions name as such; "grey" is a weather before a season or a time only.
WEATHER_WORDS: Words = {"clear": ("clear", "fair"), "overcast": ("dull", "grey"), "mist": ("mist", "misty", "foggy")}
SKIES = {"clear": "clear", "cloudy": "clear", "overcast": "overcast", "mist": "mist"}
BEFORE = ("picket", "crop", "fir")          # what stands between a colour and its noun
CONCEPT_OF = {form: name for name, nouns in SYNONYMS.items() for noun in nouns
              for form in (noun.split()[-1], plural(noun.split()[-1]))}
SETTINGS = (SEASON_WORDS, HOUR_WORDS, WEATHER_WORDS)
FIRST_COLOR, FIRST_SETTING = len(CONCEPT_NAMES), len(CONCEPT_NAMES) + len(COLORED)
COLUMNS = FIRST_SETTING + len(SETTINGS)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without marks."""
    return re.findall(r"\w+", text.lower())


def colored(words: list[str]) -> Iterator[tuple[int, str, str]]:
    """Each colour that the words give to a thing: its place among the words, the colour, and the concept."""
    for place, word in enumerate(words[:-1]):
        after = words[place + 2] if words[place + 1] in BEFORE and place + 2 < len(words) else words[place + 1]
        if word in COLORS and after in CONCEPT_OF:
            yield place, word, CONCEPT_OF[after]


def pairs_in(text: str) -> set[tuple[str, str]]:
    """The (colour, concept) pairs of a text: "a white church" has ("white", "church")."""
    return {(color, concept) for _, color, concept in colored(words_of(text))}


def is_weather(words: list[str], place: int) -> bool:
    """Whether the word there speaks of the weather, and is not the colour of a thing."""
    if words[place] != "grey":
        return any(words[place] in group for group in WEATHER_WORDS.values())
    times = {*SPANS.values(), *sum(SEASON_WORDS.values(), ())}
    return place + 1 < len(words) and words[place + 1] in times


def said(text: str) -> np.ndarray:
    """(COLUMNS,) int16 of what a text says: 1 for each concept that it names, the places of its colours in COLORS and of its
    season, hour and weather in their tables; -1 for all of which it says nothing."""
    words, found = words_of(text), np.full(COLUMNS, -1, np.int16)
    for place, word in enumerate(words):
        if word in CONCEPT_OF:
            found[CONCEPT_NAMES.index(CONCEPT_OF[word])] = 1
        for column, table in enumerate(SETTINGS):
            if table is WEATHER_WORDS and not is_weather(words, place):
                continue
            for number, group in enumerate(table.values()):
                if word in group:
                    found[FIRST_SETTING + column] = number
    for _, color, concept in colored(words):
        if concept in COLORED:
            found[FIRST_COLOR + COLORED.index(concept)] = COLORS.index(color)
    return found


def shown(view: View) -> np.ndarray:
    """(COLUMNS,) int16 of what a view shows: 1 for a visible concept, 0 for one without a pixel, -1 for one that is hardly there;
    for colours a bit for each name that is not visibly wrong, 0 where none can be told; season, hour and weather by their
    places, -1 where what tells them is not visible."""
    found, it = np.full(COLUMNS, -1, np.int16), view.scene
    for column, name in enumerate(CONCEPT_NAMES):
        found[column] = 1 if view.sees(name) else -1 if view.masks[name].any() else 0
    for column, name in enumerate(COLORED):
        found[FIRST_COLOR + column] = near(view, name)
    if sum(view.shares.get(name, 0) for name in ("grass", "snow", "tree", "bush")) >= VISIBLE:
        found[FIRST_SETTING] = list(SEASON_WORDS).index(it.season)
    if view.sees("sky"):
        found[FIRST_SETTING + 1] = list(HOUR_WORDS).index(it.hour)
        found[FIRST_SETTING + 2] = list(WEATHER_WORDS).index(SKIES[it.weather])
    return found


def near(view: View, name: str) -> int:
    """A bit for each colour name that is not visibly wrong for a concept, 0 where it has no colour of its own or hides it."""
    if not view.sees("wall" if name in ("house", "church", "barn") else name) or color_of(view, name) is None:
        return 0
    rgbs = true_colors(view, name)
    return sum(1 << number for number, color in enumerate(COLORS) if any(not apart(rgb, color) for rgb in rgbs))


def true_colors(view: View, name: str) -> list[Color]:
    """The colours that a concept has in daylight."""
    it, home = view.scene, view.scene.building
    if name == "tree":
        return [tree.color for tree in it.trees]
    if name == "fence" and it.fence:
        return [it.fence.color]
    if home is None:
        return []
    tower = home.tower.dome if home.tower else home.roof
    return [{"door": home.door_color, "roof": home.roof, "dome": tower}.get(name, home.wall)]


@cache
def apart(rgb: Color, color: str) -> bool:
    """Whether a colour name is visibly wrong for a colour: farther than its own name by APART or more."""
    def distance(name: str) -> float:
        return min(math.dist(rgb, sample) for sample in COLOR_NAMES[name])
    return distance(color) - distance(color_name(rgb)) >= APART


def false(texts: np.ndarray, views: np.ndarray) -> np.ndarray:
    """(n, m) bool: whether each text (n, COLUMNS), as `said` reads it, is visibly false of each view (m, COLUMNS), as `shown`
    tells it. Where it is not, the text may be true or not to be told."""
    texts, views = texts[:, None], views[None]
    wrong = (texts >= 0) & (views >= 0) & (texts != views)
    colors = slice(FIRST_COLOR, FIRST_SETTING)
    wrong[..., colors] = ((texts[..., colors] >= 0) & (views[..., colors] > 0)
                          & ((views[..., colors] >> texts[..., colors].clip(0)) & 1 == 0))
    return wrong.any(-1)
