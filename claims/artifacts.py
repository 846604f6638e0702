"""Switching off the units whose pictures are furthest from renders mends pictures; as many random units do not.

Units are found on some seeds and measured on others, in the pictures that light them most. Pictures that were chosen by units come
back where these are off even if nothing was wrong with them, so what the units of the nearest pictures do stands beside.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from torch import Tensor

import ganwidgets as gw
import ganwidgets.core.gaussians as gaussians
import ganwidgets.methods.intervene_artifacts as artifacts
from claims import nets
from claims.record import Claim, some
from ganwidgets.methods.intervene_artifacts import rows_of
from ganwidgets.scores import rendered_batches

FOUND, OTHERS = range(80_000, 82_000), range(82_000, 84_000)    # seeds on which units are found; on which they are measured
REAL = range(3_600_000, 3_602_000)                              # renders
PICTURES, UNITS, DRAWS = 200, 0.04, 20                          # that light a unit most; of the layer's units; random draws
LAYERS = {"8 px": 8, "16 px": 16, "32 px": 32}
LEVEL = 95                                                      # per cent of the interval over the draws


def look(images: Tensor) -> Tensor:
    """The classifier's last layer, meant over the picture: fewer numbers than there are pictures."""
    c = nets.classifier()
    return c.head(images, c.layers[-1]).features.mean((2, 3))


@cache
def real(scale: float) -> Tensor:
    return rows_of(look, rendered_batches(some(REAL, scale, least=40)))


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    g, pictures = nets.generator(), max(20, round(PICTURES * scale))
    layer = g.layer_at(LAYERS[row])
    units, settings = max(4, round(UNITS * layer.channels)), {"pictures": pictures, "progress": False}
    found = gw.artifact_units(g, look, real(scale), layer=layer, seeds=some(FOUND, scale, least=2 * pictures), **settings)
    chosen = held or {"units_worst": found.ranking[:units], "units_nearest": found.ranking[-units:]}
    others, draws = some(OTHERS, scale, least=2 * pictures), max(3, round(DRAWS * scale))
    worst, nearest = (gw.repair(g, found, look, real(scale), others, units=chosen[each], draws=draws, **settings)
                      for each in ("units_worst", "units_nearest"))
    return {"n": pictures, "layer": layer.name, "units": units, "dead": int((found.deviations == 0).sum()),
            "units_worst": list(worst.units), "units_nearest": list(nearest.units), "as they come": rounded(found.whole),
            "worst": figures(worst), "nearest": figures(nearest)}


def figures(each: Any) -> dict[str, Any]:
    """The distances from renders: as drawn, without the units, and without random ones."""
    return {"before": rounded(each.before), "after": rounded(each.after), "random": [rounded(one) for one in each.random]}


def rounded(value: float) -> float:
    return round(float(value), 4)


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    said = {row: {each: moved(found[each]) for each in ("worst", "nearest")} for row, found in rows.items()}
    return {**said, "holds": {row: each["worst"]["mends"] and not each["worst"]["random_mend"] for row, each in said.items()},
            "more_than_the_nearest": {row: each["worst"]["change"] < each["nearest"]["change"] for row, each in said.items()},
            "dead units": {row: found["dead"] for row, found in rows.items()}}


def moved(found: dict[str, Any]) -> dict[str, Any]:
    """The change of the distance as a part of what it was, and that of the random draws with their interval."""
    before, random = found["before"], np.array(found["random"])
    changes = random / before - 1
    low, high = np.percentile(changes, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    change = found["after"] / before - 1
    return {"change": round(change, 3), "random": round(float(changes.mean()), 3), "interval": [round(low, 3), round(high, 3)],
            "mends": bool(change < min(0.0, low)), "random_mend": bool(high < 0)}


def digests() -> dict[str, str]:
    return {"storybook": nets.generator().digest, "storybook-classifier": nets.classifier().digest}


CLAIM = Claim("artifacts", "Switching off the units of the worst pictures mends pictures that light them; random units do not",
              "GAN Dissection, section 4.3, first version (other nets and data): 20 of 512 units, picked by eye, off: FID 52.87 to "
              "32.11; 20 random ones: 52.27",
              tuple(LAYERS), measure, conclude, digests, [artifacts, gaussians])
