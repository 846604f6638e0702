"""The generator's pictures hold what the renders hold: shares, segmentation distance, and no copies of training pictures."""

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image

import ganwidgets as gw
import ganwidgets.methods.omissions as code
from claims import nets
from claims.record import FOLDER, Claim, some
from ganwidgets.core.images import sheet
from ganwidgets.world.render import pictures
from ganwidgets.world.train.training_pictures import TRAINING_SEEDS, training_pictures

SEEDS = range(3_000_000, 3_005_000)            # of the generator
RENDERS, OTHERS = range(3_100_000, 3_105_000), range(3_200_000, 3_205_000)
DELETED_SHARE, DRAWS = 0.25, 200               # the yardstick: a quarter of the concepts set to 0, median of so many draws
FACTOR, CONCEPTS = 2.0, 0.75                   # shares within a factor of 2 for so many of the concepts
NEAREST, COPIES = 0.9, 0.5                     # ratio of nearest distances: at least; and for copies, at most
NEIGHBOURS = 200                               # pictures whose nearest training picture is looked for
SHEET, SHEET_ROWS = 16, 4                      # of them on the sheet, a row of neighbours below each row


@cache
def rendered(which: str, count: int) -> Any:
    seeds = {"renders": RENDERS, "others": OTHERS}[which][:count]
    batches = (as_tensor(pictures(seeds[start:start + 100])) for start in range(0, len(seeds), 100))
    return gw.segmentation_statistics(batches, nets.segmenter(), progress=False)


@cache
def drawn(count: int) -> Any:
    return gw.segmentation_statistics((nets.generator(), SEEDS[:count]), nets.segmenter(), progress=False)


def as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"distance": distance, "shares": shares, "neighbours": neighbours}[row](scale)


def distance(scale: float) -> dict[str, Any]:
    n = len(some(SEEDS, scale))
    reference, own = rendered("renders", n), drawn(n)
    scaled = {"scale": "reference"}
    found = gw.frechet_segmentation_distance(own, reference, **scaled)
    shown = [name for name in reference.concepts if name not in found.left_out]
    count, random = round(DELETED_SHARE * len(shown)), np.random.RandomState(0)
    draws = [gw.frechet_segmentation_distance(reference.without(list(random.choice(shown, count, replace=False))), reference,
                                              **scaled).total for _ in range(max(10, round(DRAWS * scale)))]
    single = {name: gw.frechet_segmentation_distance(reference.without([name]), reference, **scaled).total for name in shown}
    return {"n": n, "total": rounded(found.total), "mean": rounded(found.mean), "covariance": rounded(found.covariance),
            "percent": rounded(gw.frechet_segmentation_distance(own, reference).total), "left_out": list(found.left_out),
            "renders_to_renders": rounded(gw.frechet_segmentation_distance(rendered("others", n), reference, **scaled).total),
            "deleted": count, "yardstick": rounded(float(np.median(draws))),
            "single_deletions": {name: rounded(value) for name, value in single.items()}}


def shares(scale: float) -> dict[str, Any]:
    n = len(some(SEEDS, scale))
    own, reference = drawn(n), rendered("renders", n)
    rows = {name: {"share": rounded(own.means[name], 5), "renders": rounded(reference.means[name], 5),
                   "pictures": rounded(own.visible()[name]), "renders_pictures": rounded(reference.visible()[name])}
            for name in own.concepts}
    return {"n": n, "concepts": rows}


def neighbours(scale: float) -> dict[str, Any]:
    """Median distance to the nearest of all training pictures: of generated ones, held-out renders, and JPEG copies."""
    count = max(8, round(NEIGHBOURS * scale))
    learned = training_pictures(64) if scale == 1 else pictures(TRAINING_SEEDS[:100])
    g, picked = nets.generator(), np.random.RandomState(0).choice(len(learned), count, replace=False)
    asked = {"generated": g.images(g.sample(SEEDS[:count])), "held_out": as_tensor(pictures(RENDERS[:count])),
             "copies": as_tensor(np.stack([jpeg(learned[row]) for row in sorted(picked)]))}
    distances, rows = {}, {}
    for name, images in asked.items():
        distances[name], rows[name] = nearest(features(images), learned)
    if scale == 1:
        save_neighbours(asked["generated"], learned, rows["generated"])
    found = {name: float(np.median(each)) for name, each in distances.items()}
    return {"n": count, "training": len(learned), **{name: rounded(value, 5) for name, value in found.items()},
            "ratio": rounded(found["generated"] / found["held_out"]), "control": rounded(found["copies"] / found["held_out"])}


@torch.no_grad()
def features(images: torch.Tensor) -> torch.Tensor:
    """The segmenter's last features at a quarter of their size, a row per picture."""
    return torch.nn.functional.avg_pool2d(nets.segmenter().features(images), 4).flatten(1)


def nearest(asked: torch.Tensor, learned: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """For each row of features, the distance to the nearest of the learned pictures, and which one that is."""
    best, which = torch.full((len(asked),), float("inf")), torch.zeros(len(asked), dtype=torch.long)
    for start in range(0, len(learned), 500):
        held = features(as_tensor(learned[start:start + 500]))
        distance, row = (torch.cdist(asked, held) ** 2 / asked.shape[1]).min(dim=1)
        closer = distance < best
        best, which = torch.where(closer, distance, best), torch.where(closer, start + row, which)
    return best.numpy(), which.numpy()


def save_neighbours(drawn: torch.Tensor, learned: Sequence[Any], rows: np.ndarray) -> None:
    """A sheet to look at: generated pictures, and below each the training picture nearest to it."""
    count = SHEET * SHEET_ROWS
    below = as_tensor(np.stack([learned[row] for row in rows[:count]]))
    lines = [part for start in range(0, count, SHEET) for part in (drawn[start:start + SHEET], below[start:start + SHEET])]
    sheet(torch.cat(lines), columns=SHEET).save(FOLDER / "neighbours.jpg", quality=88)


def jpeg(picture: np.ndarray) -> np.ndarray:
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=50)
    return np.asarray(Image.open(held))


def rounded(value: float, digits: int = 3) -> float:
    return round(float(value), digits)


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    found, table, near = rows["distance"], rows["shares"]["concepts"], rows["neighbours"]
    close = {name: within(row["share"], row["renders"]) and within(row["pictures"], row["renders_pictures"])
             for name, row in table.items() if row["renders"] > 0}
    return {"distance": found["total"], "yardstick": found["yardstick"], "distance_holds": found["total"] < found["yardstick"],
            "concepts_within_a_factor_of_2": f"{sum(close.values())} of {len(close)}",
            "shares_hold": sum(close.values()) >= CONCEPTS * len(close), "beyond": [name for name, ok in close.items() if not ok],
            "nearest_ratio": near["ratio"], "control": near["control"],
            "no_copies": near["ratio"] >= NEAREST and near["control"] < COPIES}


def within(a: float, b: float) -> bool:
    return b / FACTOR <= a <= b * FACTOR


CLAIM = Claim("generator", "storybook draws what the world holds, and no copies of it",
              "Seeing What a GAN Cannot Generate, table 1 (other data: not comparable as a number)",
              ["distance", "shares", "neighbours"], measure, conclude, nets.digests, [code])
