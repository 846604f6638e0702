"""Both segmenters read held-out renders, and objects out of context; where they agree on generated pictures is printed."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ganwidgets.models.segmenters as code
from claims import nets
from claims.record import Claim, some
from ganwidgets.world.collages import collage
from ganwidgets.world.render import render
from ganwidgets.world.train import segmenter_card as card

MEAN_IOU, RATIO = 0.75, 0.8       # on renders; of that on collages
AGREE = 0.5                       # a concept below is not used in the claims about units
SEGMENTERS = {"storybook-segmenter": nets.segmenter, "storybook-judge": nets.judge}
SOURCES = {"renders": (render, card.RENDERS), "collages": (collage, card.COLLAGES)}


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    if row == "agreement":
        scores = card.agreement(nets.segmenter(), nets.judge(), generated(scale))
        return {"n": len(some(card.GENERATED, scale)), "iou": by_concept(scores.iou)}
    name, source = row.split(" on ")
    draw, seeds = SOURCES[source]
    scores = card.evaluate(SEGMENTERS[name](), draw, some(seeds, scale))
    return {"n": len(some(seeds, scale)), "mean_iou": round(float(np.nanmean(scores.iou)), 4), "iou": by_concept(scores.iou)}


def generated(scale: float) -> Iterator[Tensor]:
    g, seeds = nets.generator(), some(card.GENERATED, scale)
    for start in range(0, len(seeds), card.BATCH):
        with torch.no_grad():
            yield g.images(g.sample(seeds[start:start + card.BATCH]))


def by_concept(values: Any) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else round(float(value), 3)
            for name, value in zip(nets.judge().names, values, strict=True)}


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    verdict = {}
    for name in SEGMENTERS:
        inside, outside = rows[f"{name} on renders"]["mean_iou"], rows[f"{name} on collages"]["mean_iou"]
        verdict[name] = {"renders": inside, "collages": outside, "holds": inside >= MEAN_IOU and outside >= RATIO * inside}
    low = [concept for concept, iou in rows["agreement"]["iou"].items() if iou is None or iou < AGREE]
    return {**verdict, "not used, since the two disagree on generated pictures": low}


CLAIM = Claim("segmenters", "Both segmenters read the world in and out of context",
              "Unified Perceptual Parsing in the papers: mean IoU 23.4 % objects, 28.8 % parts",
              [f"{name} on {source}" for name in SEGMENTERS for source in SOURCES] + ["agreement"],
              measure, conclude, nets.digests, [code, card])
