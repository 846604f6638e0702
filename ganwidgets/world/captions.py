"""Captions of a scene or of a crop of it, in varied words, saying only what is there to see."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from ganwidgets.core.errors import ArgumentError, RegionError, one_of

from .buildings import pick
from .parts import Number, Scene
from .render import render
from .scenes import CONCEPT_NAMES, Streams, checked_seed, scene
from .words import (
    COUNTS,
    HOURS,
    MANY,
    MASS,
    SEASONS,
    SOME,
    SPANS,
    SYNONYMS,
    WEATHERS,
    color_name,
    listed,
    plural,
    with_article,
)

VISIBLE = .005      # the least share of the crop
SIZE = 64           # of the masks that decide
WHOLES = ("house", "church", "barn")
PARTS = ("roof", "door", "window", "chimney", "tower", "dome")
Box = tuple[Number, Number, Number, Number]


@dataclass(frozen=True)
class View:
    """What a caption may speak of: the scene, and the visible concepts' shares and centres across the crop."""
    scene: Scene
    crop: Box
    masks: dict[str, np.ndarray]
    shares: dict[str, float]
    centers: dict[str, float]
    random: RandomState

    def sees(self, name: str) -> bool:
        return name in self.shares


def caption(scene_or_seed: Scene | int, *, crop: Box | None = None, seed: int = 0, style: str | None = None) -> str:
    """A caption of the picture, or of a crop (x0, y0, x1, y1) in fractions of it, y down.

    Another `seed` words it otherwise. `style` is one of STYLES, from which the seed chooses where it is None, or of ORDERS.
    Every concept that it names covers at least .5 % of the crop. Raises RegionError for an empty crop
    and ArgumentError for an unknown style.
    """
    if style is not None and style not in {**STYLES, **ORDERS}:
        raise ArgumentError(one_of("style", style, (*STYLES, *ORDERS), where="captions"))
    it = scene_or_seed if isinstance(scene_or_seed, Scene) else scene(scene_or_seed)
    random = Streams(it.seed)(f"caption {checked_seed(seed)}")
    chosen = style or pick(random, tuple(STYLES))
    return worded(view_of(it, crop or (0., 0., 1., 1.), random), chosen)


def worded(view: View, style: str) -> str:
    """A caption of what a view shows, in one of STYLES or ORDERS, worded by the view's own random stream."""
    return (STYLES.get(style) or ORDERS[style])(view)


def view_of(it: Scene, crop: Box, random: RandomState, masks: np.ndarray | None = None) -> View:
    """What a caption of a crop may speak of; `masks` (concepts, 64, 64): those of the scene, where they are known already.

    Raises RegionError for an empty crop.
    """
    x0, y0, x1, y1 = (int(round(value * SIZE)) for value in crop)
    if not (0 <= x0 < x1 <= SIZE and 0 <= y0 < y1 <= SIZE):
        raise RegionError(f"no crop {crop!r}; give x0 < x1 and y0 < y1 from 0 to 1, at least 1/{SIZE} apart.")
    whole = render(it, SIZE).masks if masks is None else masks
    seen = dict(zip(CONCEPT_NAMES, whole[:, y0:y1, x0:x1].astype(bool), strict=True))
    shares = {name: float(mask.mean()) for name, mask in seen.items() if mask.mean() >= VISIBLE}
    centers = {name: float(np.nonzero(seen[name])[1].mean() / (x1 - x0)) for name in shares}
    return View(it, (x0 / SIZE, y0 / SIZE, x1 / SIZE, y1 / SIZE), seen, shares, centers, random)


# ---- phrases

def _noun(view: View, name: str) -> str:
    """A word for a concept that is true of this scene."""
    words = [word for word in SYNONYMS[name] if word not in ("lake", "pond", "fir", "forest", "wood", "farm", "heaven")]
    if name == "water":
        words = ["lake", "water"] if view.scene.place == "lake" else ["pond", "water"]
    if name == "tree" and view.scene.trees and all(tree.kind == "conifer" for tree in view.scene.trees):
        words.append("fir tree")
    return pick(view.random, words)


def color_of(view: View, name: str) -> str | None:
    """The colour of a concept as daylight shows it, where it has one that snow and other things do not hide."""
    it, home = view.scene, view.scene.building
    if home and name in ("house", "church", "barn", "wall"):
        return color_name(home.wall)
    if home and name == "door" and home.kind != "barn":
        return color_name(home.door_color)
    if home and it.season != "winter" and name == "roof":
        return color_name(home.roof)
    if home and home.tower and it.season != "winter" and name == "dome":
        return color_name(home.tower.dome)
    if name == "fence" and it.fence:
        return color_name(it.fence.color)
    colors = {color_name(tree.color) for tree in it.trees}
    if name == "tree" and len(colors) == 1 and it.season != "winter":
        return colors.pop()
    return None


def _count(view: View, name: str) -> int:
    """How many of a concept have their middle in sight; 1 where it is one thing or none can be told apart."""
    return max(1, len(middles(view, name)))


def middles(view: View, name: str) -> list[tuple[float, float]]:
    """The middles (x, y) of a concept's instances that the crop shows."""
    it, (x0, y0, x1, y1) = view.scene, view.crop
    places = {"tree": [(t.x, t.foot - t.height * .6) for t in it.trees], "cloud": [(c.x, c.y) for c in it.clouds],
              "bush": [(b.x, b.foot - b.height * .5) for b in it.bushes],
              "mountain": [(p.x, p.top + .06) for p in it.peaks],
              "window": [(w.x + w.width / 2, w.y + w.height / 2) for w in it.building.windows] if it.building else []}
    mask = view.masks.get(name)
    if mask is None:
        return []
    return [(x, y) for x, y in places.get(name, []) if x0 <= x < x1 and y0 <= y < y1
            and mask[int((y - y0) / (y1 - y0) * mask.shape[0]), int((x - x0) / (x1 - x0) * mask.shape[1])]]


def _number(view: View, name: str) -> str:
    """"two" where they stand apart, else "some" or "many"."""
    found = middles(view, name)
    apart = all(abs(x - u) + abs(y - v) > .15 for i, (x, y) in enumerate(found) for u, v in found[:i])
    if apart and name != "mountain" and len(found) in COUNTS:
        return COUNTS[len(found)]
    return MANY if len(found) > 4 else pick(view.random, SOME)


def _phrase(view: View, name: str, *, colored: float = .7) -> str:
    """A noun with its article, number and perhaps its colour."""
    noun, color, count = _noun(view, name), color_of(view, name), _count(view, name)
    if color and view.random.rand() < colored:
        noun = f"{color} {noun}"
    if name in MASS and noun.split()[-1] not in ("lake", "pond", "meadow", "lawn"):
        return noun if name != "sky" else f"the {noun}"
    if name in ("sun", "moon"):
        return f"the {noun}"
    if count == 1:
        return with_article(noun)
    return f"{_number(view, name)} {plural(noun)}"


def _subject(view: View) -> str:
    """The concept that the picture is about."""
    for name in WHOLES:
        if view.shares.get(name, 0) >= .04:
            return name
    wanted = {"forest": "tree", "lake": "water", "mountains": "mountain"}.get(view.scene.place)
    if wanted and view.shares.get(wanted, 0) >= .02:
        return wanted
    rest = [name for name in view.shares if name not in ("sky", "grass", "snow", "wall", *PARTS)] or list(view.shares)
    return max(rest, key=view.shares.__getitem__) if rest else ""


def _subject_phrase(view: View, subject: str) -> str:
    """The subject, perhaps with one of its parts: a white church with a blue dome."""
    if not subject:
        return "a picture"
    if subject == "tree" and view.scene.place == "forest" and _count(view, "tree") >= 4 and view.random.rand() < .6:
        return with_article(pick(view.random, ("forest", "wood")))
    phrase = _phrase(view, subject)
    parts = [name for name in PARTS if view.sees(name)]
    if subject in WHOLES and parts and view.random.rand() < .6:
        phrase += " with " + _phrase(view, parts[view.random.randint(len(parts))], colored=.85)
    return phrase


def _others(view: View, subject: str, most: int) -> list[str]:
    """Other things in sight, in random order."""
    skipped = {subject, "wall", "trunk", *PARTS, *(WHOLES if subject in WHOLES else ())}
    names = [name for name in view.shares if name not in skipped]
    order = view.random.permutation(len(names))[:most]
    return [names[i] for i in order]


def _setting(view: View) -> str:
    """Hour, season and weather: on a misty winter night."""
    it, random = view.scene, view.random
    season, span = SEASONS[it.season][0], SPANS[it.hour]
    choices = [pick(random, HOURS[it.hour]), f"in {pick(random, SEASONS[it.season])}",
               f"on {with_article(f'{season} {span}')}", f"{pick(random, HOURS[it.hour])} in {season}",
               pick(random, WEATHERS[it.weather]).format(f"{season} {span}"),
               pick(random, WEATHERS[it.weather]).format(span)]
    return pick(random, choices)


# ---- styles

def _plain(view: View) -> str:
    """a white church with a blue dome beside a lake on a winter night"""
    subject = _subject(view)
    text = _subject_phrase(view, subject)
    relations = _relations(view, subject)
    if relations and view.random.rand() < .8:
        text += " " + pick(view.random, relations)
    return f"{text} {_setting(view)}" if view.random.rand() < .8 else text


def _relations(view: View, subject: str) -> list[str]:
    """How other things stand to the subject, where the masks and the scene's data bear it out."""
    it, found = view.scene, []
    if view.sees("mountain") and subject not in ("mountain", "sun", "moon", "cloud"):
        found.append(f"in front of {_phrase(view, 'mountain')}")
    if view.sees("water") and subject in (*WHOLES, "tree"):
        found.append(f"{pick(view.random, ('beside', 'near', 'by'))} {_phrase(view, 'water')}")
    if view.sees("fence") and subject in WHOLES and it.fence and it.building and it.fence.foot > it.building.foot:
        found.append(f"behind {_phrase(view, 'fence')}")
    for name in ("moon", "sun", "cloud"):
        if view.sees(name) and subject not in ("sun", "moon", "cloud"):
            found.append(f"under {_phrase(view, name)}")
    for name in ("tree", "bush", "path"):
        if view.sees(name) and subject not in (name, "sun", "moon", "cloud"):
            found.append(f"{pick(view.random, ('with', 'and'))} {_phrase(view, name)}")
    if view.sees("snow") and subject in (*WHOLES, "tree", "fence"):
        found.append("in the snow")
    return found


def _list(view: View) -> str:
    """church, dome, trees, snow, night"""
    names = sorted(view.shares, key=view.shares.__getitem__, reverse=True)[:view.random.randint(3, 8)]
    words = []
    for name in names:
        noun = _noun(view, name)
        words.append(plural(noun) if _count(view, name) > 1 and name not in MASS else noun)
    setting = [SPANS[view.scene.hour], view.scene.season][:view.random.randint(0, 3)]
    return ", ".join(words + setting) or "a picture"


def _sentence(view: View) -> str:
    """The picture shows a white church, two trees and a path. It is a winter night."""
    subject = _subject(view)
    things = [_subject_phrase(view, subject)]
    things += [_phrase(view, name) for name in _others(view, subject, view.random.randint(1, 4))]
    opening = pick(view.random, ("The picture shows", "You can see", "Here you see", "A drawing of", "We see", "Look:"))
    season = with_article(f"{view.scene.season} {SPANS[view.scene.hour]}")
    closing = pick(view.random, ("", f" It is {season}.", f" It is {view.scene.season}."))
    return f"{opening} {listed(things)}.{closing}"


def _short(view: View) -> str:
    """a white church"""
    return _subject_phrase(view, _subject(view))


def _sides(view: View) -> str:
    """a white church to the left of two trees"""
    subject = _subject(view)
    here = view.centers.get(subject, .5)
    skipped = {subject, "wall", "trunk", "sky", "grass", "snow", *WHOLES, *PARTS}
    apart = [name for name in view.shares if name not in skipped and abs(view.centers[name] - here) > .2]
    if not subject or not apart:
        return _plain(view)
    name = pick(view.random, apart)
    side = "left" if here < view.centers[name] else "right"
    return f"{_phrase(view, subject)} to the {side} of {_phrase(view, name)}"


STYLES: dict[str, Callable[[View], str]] = {
    "plain": _plain, "list": _list, "sentence": _sentence, "short": _short, "sides": _sides}


# ---- orders of words that no style takes: what a reader of captions makes of them shows whether it reads or knows by heart

def _setting_first(view: View) -> str:
    """on a winter night, a white church with a blue dome"""
    return f"{_setting(view)}, {_subject_phrase(view, _subject(view))}"


def _season_first(view: View) -> str:
    """It is a winter night. You can see a white church, two trees and a path."""
    subject = _subject(view)
    things = [_subject_phrase(view, subject)] + [_phrase(view, name) for name in _others(view, subject, 2)]
    return f"It is {with_article(f'{view.scene.season} {SPANS[view.scene.hour]}')}. You can see {listed(things)}."


def _relation_first(view: View) -> str:
    """beside a lake, a white church with a blue dome"""
    subject = _subject(view)
    relations = _relations(view, subject)
    return f"{pick(view.random, relations) if relations else _setting(view)}, {_subject_phrase(view, subject)}"


ORDERS: dict[str, Callable[[View], str]] = {
    "setting first": _setting_first, "season first": _season_first, "relation first": _relation_first}
