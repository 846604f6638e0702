"""What every bundled generator is measured by: its pictures hold what the renders hold, and are no copies of them."""

import io
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from PIL import Image

import ganwidgets as gw
import ganwidgets.core.gaussians
import ganwidgets.methods.intervene_artifacts
import ganwidgets.methods.omissions
import ganwidgets.methods.precision_recall
import ganwidgets.scores as code
from claims import nets
from claims.record import FOLDER, Claim, some
from ganwidgets.core.images import sheet
from ganwidgets.methods.intervene_artifacts import rows_of
from ganwidgets.scores import GENERATED, RENDERED, as_tensor, drawn_batches, rendered_batches, within
from ganwidgets.world.render import pictures
from ganwidgets.world.scenes import scene
from ganwidgets.world.train.training_pictures import TRAINING_SEEDS, training_pictures

OTHERS = range(3_200_000, 3_205_000)           # renders, beside those of RENDERED
TENTH, QUARTER, DRAWS = 0.1, 0.25, 200         # yardsticks: so many of the concepts set to 0, the median of so many draws
CONCEPTS = 0.9                                 # of them, whose shares must be within a factor of 2
NEAREST, COPIES = 0.9, 0.5                     # ratio of nearest distances: at least; and for copies, at most
NEIGHBOURS = 200                               # pictures whose nearest training picture is looked for
SHEET, SHEET_ROWS = 16, 4                      # of them on the sheet, a row of neighbours below each row
LOST = ("church", "farm")                      # places left out of renders: what recall must notice
ROWS = ("distance", "shares", "neighbours", "precision")


@cache
def rendered(which: str, count: int) -> Any:
    seeds = {"renders": RENDERED, "others": OTHERS}[which][:count]
    return gw.segmentation_statistics(rendered_batches(seeds), nets.segmenter(), progress=False)


@cache
def drawn(name: str, count: int) -> Any:
    return gw.segmentation_statistics((nets.generator(name), GENERATED[:count]), nets.segmenter(), progress=False)


def measure(name: str, row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"distance": distance, "shares": shares, "neighbours": neighbours, "precision": precision}[row](name, scale)


def distance(name: str, scale: float) -> dict[str, Any]:
    n = len(some(GENERATED, scale))
    reference, own = rendered("renders", n), drawn(name, n)
    found = gw.frechet_segmentation_distance(own, reference, scale="reference")
    shown, random = [each for each in reference.concepts if each not in found.left_out], np.random.RandomState(0)

    def to_renders(side: Any) -> float:
        return rounded(gw.frechet_segmentation_distance(side, reference, scale="reference").total)

    def yardstick(share: float) -> float:
        """The median distance of the renders themselves, where so many concepts were never drawn."""
        draws = max(10, round(DRAWS * scale))
        lost = [list(random.choice(shown, round(share * len(shown)), replace=False)) for _ in range(draws)]
        return rounded(np.median([to_renders(reference.without(each)) for each in lost]))

    single = {each: to_renders(reference.without([each])) for each in shown}
    return {"n": n, "total": rounded(found.total), "mean": rounded(found.mean), "covariance": rounded(found.covariance),
            "percent": rounded(gw.frechet_segmentation_distance(own, reference).total), "left_out": list(found.left_out),
            "renders_to_renders": to_renders(rendered("others", n)),
            "a_tenth_deleted": yardstick(TENTH), "a_quarter_deleted": yardstick(QUARTER),
            "one_deleted": rounded(np.median(list(single.values()))), "single_deletions": single}


def shares(name: str, scale: float) -> dict[str, Any]:
    n = len(some(GENERATED, scale))
    own, reference = drawn(name, n), rendered("renders", n)
    rows = {name: {"share": rounded(own.means[name], 5), "renders": rounded(reference.means[name], 5),
                   "pictures": rounded(own.visible()[name]), "renders_pictures": rounded(reference.visible()[name])}
            for name in own.concepts}
    return {"n": n, "concepts": rows}


def neighbours(name: str, scale: float) -> dict[str, Any]:
    """Median distance to the nearest of all training pictures: of generated ones, held-out renders, and JPEG copies."""
    count = max(8, round(NEIGHBOURS * scale))
    learned = training_pictures(64) if scale == 1 else pictures(TRAINING_SEEDS[:100])
    g, picked = nets.generator(name), np.random.RandomState(0).choice(len(learned), count, replace=False)
    asked = {"generated": g.images(g.sample(GENERATED[:count])), "held_out": as_tensor(pictures(RENDERED[:count])),
             "copies": as_tensor(np.stack([jpeg(learned[row]) for row in sorted(picked)]))}
    distances, rows = {}, {}
    for kind, images in asked.items():
        distances[kind], rows[kind] = nearest(features(images), learned)
    if scale == 1:
        save_neighbours(name, asked["generated"], learned, rows["generated"])
    found = {kind: float(np.median(each)) for kind, each in distances.items()}
    return {"n": count, "training": len(learned), **{kind: rounded(value, 5) for kind, value in found.items()},
            "ratio": rounded(found["generated"] / found["held_out"]), "control": rounded(found["copies"] / found["held_out"])}


def precision(name: str, scale: float) -> dict[str, Any]:
    """Improved precision and recall on the classifier's features: of the net, and of renders, worn or with places left out."""
    n, g = len(some(GENERATED, scale)), nets.generator(name)
    own, real, others, blurred = (rows_of(nets.classifier(), batches) for batches in (
        drawn_batches(g, GENERATED[:n]), rendered_batches(RENDERED[:n]), rendered_batches(OTHERS[:n]),
        (coarse(batch) for batch in rendered_batches(OTHERS[:n]))))
    kept = torch.tensor([scene(seed).place not in LOST for seed in OTHERS[:n]])
    found = {"": own, "renders_": others, "blurred_": blurred, "places_lost_": others[kept]}
    figures: dict[str, Any] = {"n": n}
    for kind, each in found.items():
        measured = gw.precision_recall(each, real)
        figures |= {f"{kind}precision": rounded(measured.precision), f"{kind}recall": rounded(measured.recall)}
    return figures


def coarse(images: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(images, 4), scale_factor=4, mode="bilinear")


@torch.no_grad()
def features(images: torch.Tensor) -> torch.Tensor:
    """The segmenter's last features at a quarter of their size, a row per picture."""
    return torch.nn.functional.avg_pool2d(nets.segmenter().features(images), 4).flatten(1)


def nearest(asked: torch.Tensor, learned: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """For each row of features, the distance to the nearest of the learned pictures, and which one that is."""
    best, which = torch.full((len(asked),), float("inf")), torch.zeros(len(asked), dtype=torch.long)
    for start in range(0, len(learned), 500):
        held = features(as_tensor(np.array(learned[start:start + 500])))
        apart, row = (torch.cdist(asked, held) ** 2 / asked.shape[1]).min(dim=1)
        closer = apart < best
        best, which = torch.where(closer, apart, best), torch.where(closer, start + row, which)
    return best.numpy(), which.numpy()


def save_neighbours(name: str, images: torch.Tensor, learned: Sequence[Any], rows: np.ndarray) -> None:
    """A sheet to look at: generated pictures, and below each the training picture nearest to it."""
    count = SHEET * SHEET_ROWS
    below = as_tensor(np.stack([learned[row] for row in rows[:count]]))
    lines = [part for start in range(0, count, SHEET) for part in (images[start:start + SHEET], below[start:start + SHEET])]
    sheet(torch.cat(lines), columns=SHEET).save(FOLDER / f"neighbours-{name}.jpg", quality=88)


def jpeg(picture: np.ndarray) -> np.ndarray:
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=50)
    return np.asarray(Image.open(held))


def rounded(value: Any, digits: int = 3) -> float:
    return round(float(value), digits)


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    found, table, near, reach = rows["distance"], rows["shares"]["concepts"], rows["neighbours"], rows["precision"]
    close = {name: within(row["share"], row["renders"]) and within(row["pictures"], row["renders_pictures"])
             for name, row in table.items() if row["renders"] > 0}
    return {"distance": found["total"], "yardstick": found["a_tenth_deleted"], "one_deleted": found["one_deleted"],
            "distance_holds": found["total"] < found["a_tenth_deleted"],
            "concepts_within_a_factor_of_2": f"{sum(close.values())} of {len(close)}",
            "shares_hold": sum(close.values()) >= CONCEPTS * len(close), "beyond": [name for name, ok in close.items() if not ok],
            "nearest_ratio": near["ratio"], "control": near["control"],
            "no_copies": near["ratio"] >= NEAREST and near["control"] < COPIES,
            "precision": reach["precision"], "recall": reach["recall"],
            "controls_seen": reach["blurred_precision"] < reach["renders_precision"]
            and reach["places_lost_recall"] < reach["renders_recall"]}


def claim_of(claim: str, name: str) -> Claim:
    """The claim about one generator."""
    import claims.drawn as here

    return Claim(claim, f"{name} draws what the world holds, and no copies of it",
                 "Seeing What a GAN Cannot Generate, table 1 (other data: not comparable as a number)",
                 ROWS, partial(measure, name), conclude, partial(digests, name),
                 [here, code, ganwidgets.core.gaussians, ganwidgets.methods.intervene_artifacts, ganwidgets.methods.omissions,
                  ganwidgets.methods.precision_recall])


def digests(name: str) -> dict[str, str]:
    return {name: nets.generator(name).digest, "storybook-segmenter": nets.segmenter().digest,
            "storybook-classifier": nets.classifier().digest}
