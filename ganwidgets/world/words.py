"""The words of captions: synonyms of every concept, names of colours, and which concepts a caption speaks of."""
from __future__ import annotations

import re

from .parts import Color

# Singular, the plainest word first. No word belongs to two concepts.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "sky": ("sky", "heaven"), "cloud": ("cloud",), "sun": ("sun",), "moon": ("moon",),
    "mountain": ("mountain", "peak"), "grass": ("grass", "meadow", "lawn"), "snow": ("snow",),
    "field": ("field", "crop field"), "path": ("path", "footpath", "lane", "trail"), "water": ("water", "lake", "pond"),
    "tree": ("tree", "fir", "forest", "wood"), "bush": ("bush", "shrub"), "fence": ("fence", "picket fence"),
    "house": ("house", "cottage", "home"), "church": ("church", "chapel"), "barn": ("barn", "farm"),
    "wall": ("wall", "facade"), "roof": ("roof", "rooftop"), "window": ("window", "windowpane"),
    "door": ("door", "doorway"), "chimney": ("chimney", "smokestack"), "tower": ("tower", "steeple"),
    "dome": ("dome", "cupola"), "trunk": ("trunk", "stem"),
}
MASS = ("sky", "grass", "snow", "water")          # no plural, no article "a"
HOURS = {"day": ("by day", "in the daytime", "in daylight"), "dawn": ("at dawn", "at daybreak", "in the early morning"),
         "sunset": ("at sunset", "at dusk", "in the evening"), "night": ("at night", "by night", "after dark")}
WEATHERS = {"clear": ("in clear weather", "on a clear {}"), "cloudy": ("in fair weather", "on a fair {}"),
            "overcast": ("in dull weather", "on a grey {}"), "mist": ("in the mist", "on a misty {}", "on a foggy {}")}
SPANS = {"day": "day", "dawn": "morning", "sunset": "evening", "night": "night"}
SEASONS = {"spring": ("spring", "springtime"), "summer": ("summer", "summertime"),
           "autumn": ("autumn", "fall"), "winter": ("winter", "wintertime")}
COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}
SOME, MANY = ("some", "several"), "many"
COLOR_NAMES = {
    "white": ((250, 248, 242), (240, 236, 228)), "cream": ((248, 236, 208), (232, 214, 178)),
    "yellow": ((236, 206, 140), (228, 176, 56)),
    "orange": ((222, 122, 44),), "pink": ((226, 158, 136), (242, 184, 202)),
    "red": ((178, 58, 48), (190, 74, 56), (164, 52, 52), (164, 74, 80)),
    "brown": ((146, 90, 58), (112, 86, 72), (120, 66, 44), (206, 152, 104)),
    "green": ((62, 138, 64), (140, 196, 84), (58, 112, 74), (38, 94, 70)),
    "teal": ((72, 140, 140), (70, 120, 110)), "blue": ((52, 96, 140), (64, 104, 176), (176, 204, 222), (76, 92, 128)),
    "grey": ((96, 96, 108), (206, 202, 200), (150, 150, 160), (72, 82, 96)), "purple": ((92, 62, 96),),
}


def color_name(color: Color) -> str:
    """The plain name of a colour in daylight."""
    def distance(name: str) -> int:
        return min(sum((a - b) ** 2 for a, b in zip(color, sample, strict=True)) for sample in COLOR_NAMES[name])
    return min(COLOR_NAMES, key=distance)


def plural(word: str) -> str:
    return word + ("es" if word.endswith(("sh", "ch")) else "s")


def with_article(phrase: str) -> str:
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def listed(phrases: list[str]) -> str:
    """One, one and two, or one, two and three."""
    return phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " and " + phrases[-1]


def concepts_in(caption: str) -> frozenset[str]:
    """The concepts that a caption speaks of, by its nouns."""
    found = set(re.findall(r"[a-z]+", caption.lower()))
    return frozenset(name for name, words in SYNONYMS.items()
                     for word in words if {word.split()[-1], plural(word.split()[-1])} & found)
