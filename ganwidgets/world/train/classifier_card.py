"""Measures the bundled classifier on held-out renders and on generated pictures, and writes its card."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from ganwidgets.core.images import to_tensor
from ganwidgets.models.classifiers import StorybookClassifier, load_classifier_file
from ganwidgets.models.segmenters import load_segmenter_file
from ganwidgets.world.render import picture
from ganwidgets.world.scenes import scene
from ganwidgets.world.train.segmenter_card import BATCH, GENERATED, RENDERS, WEIGHTS, generated, processor
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS, SIZE

BUILDINGS = {"house": "house", "church": "church", "farm": "barn"}      # of a class the concept that must be there
SEEN = .01      # of the picture, from which on a building counts as seen
SKETCH = """# storybook-classifier

Tells which of {count} kinds of place a {size} px picture of the storybook world shows: `gw.load_classifier("storybook")`.
Its layers, `{first}` to `{last}`, can be stopped at and edited like those of a generator.

* Architecture: VGG-like, {widths}, {parameters:,} parameters, float16, {kilobytes} kB; weights digest `{digest}`.
* Trained by `ganwidgets train classifier --minutes {minutes:.0f}`: seed {seed}, {steps:,} steps of {batch} pictures in
  {minutes} minutes on {machine}, from {pictures:,} renders, whose seeds (from {first_seed}) the segmenters learn from too.
  Pictures are worn: mirrored, bent, blurred, recoloured, noisy, JPEG. It never saw a generated picture.
* Measured by `python -m ganwidgets.world.train.classifier_card` on {processor}.
* License: the weights are CC0 1.0 (public domain).

## Scores

Top-1 on {read:,} held-out renders: **{top1:.3f}** (standard error {error:.3f}; chance {chance:.3f}); the most frequent
class alone gives {most:.3f}. By hour: {hours}. By season: {seasons}.

Rows are what a scene is, columns what was said, in % of the row:

{table}
{drawn}"""


@dataclass(frozen=True)
class Scores:
    """What was said of pictures whose class is known: counts, classes by classes, and the share of right ones by the
    scenes' hour and season."""

    confusion: Int64[np.ndarray, "classes classes"]
    by: dict[str, dict[str, float]]

    @property
    def pictures(self) -> int:
        """How many were read."""
        return int(self.confusion.sum())

    @property
    def top1(self) -> float:
        """The share of pictures whose class was said."""
        return float(np.trace(self.confusion) / self.pictures)

    @property
    def error(self) -> float:
        """The standard error of `top1`."""
        return float(np.sqrt(self.top1 * (1 - self.top1) / self.pictures))


def said(classifier: StorybookClassifier, batches: Iterator[Tensor]) -> Int64[np.ndarray, " n"]:
    """The class of each picture, by its place."""
    with torch.no_grad():
        return np.concatenate([classifier.logits(images).argmax(1).cpu().numpy() for images in batches])


def rendered(seeds: Sequence[int]) -> Iterator[Tensor]:
    """Renders in [-1, 1], in batches."""
    for at in range(0, len(seeds), BATCH):
        yield torch.stack([to_tensor(picture(seed, SIZE)) for seed in seeds[at:at + BATCH]])


def evaluate(classifier: StorybookClassifier, seeds: Sequence[int] = RENDERS) -> Scores:
    """How well it reads renders of these scenes."""
    scenes, found = [scene(seed) for seed in seeds], said(classifier, rendered(seeds))
    truth = np.asarray([classifier.classes.index(each.place) for each in scenes])
    confusion = np.zeros((len(classifier.classes),) * 2, np.int64)
    np.add.at(confusion, (truth, found), 1)
    right = found == truth

    def by(kind: str) -> dict[str, float]:
        values = np.asarray([getattr(each, kind) for each in scenes])
        return {value: float(right[values == value].mean()) for value in dict.fromkeys(values.tolist())}

    return Scores(confusion, {"hour": by("hour"), "season": by("season")})


def on_generated(classifier: StorybookClassifier) -> str:
    """What the card says of generated pictures: shares, and whether buildings are there where they were said to be."""
    path = WEIGHTS / "storybook-segmenter.safetensors"
    if not path.exists() or not (WEIGHTS / "storybook.safetensors").exists():
        return ""
    segmenter, found, there = load_segmenter_file(path), [], []
    for images in generated():
        found.append(said(classifier, iter([images])))
        there.append(segmenter.segment(images).float().mean((2, 3)).cpu().numpy() >= SEEN)
    classes, seen = np.concatenate(found), np.concatenate(there)
    shares = ", ".join(f"{name} {(classes == place).mean():.0%}" for place, name in enumerate(classifier.classes))
    told = []
    for name, concept in BUILDINGS.items():
        own = seen[:, segmenter.index(concept)]
        here = classes == classifier.classes.index(name)
        told.append(f"{name} {own[here].mean():.0%} (elsewhere {own[~here].mean():.0%})")
    return (f"\nOf {len(classes):,} generated pictures it says: {shares}. The segmenter sees the building of the class on 1 % of "
            f"the\npicture or more in: {', '.join(told)}. There is no truth on generated pictures.\n")


def write_card(classifier: StorybookClassifier, weights: Path, *,
               drawn: Callable[[StorybookClassifier], str] = on_generated) -> Scores:
    """Measures a classifier and writes its card beside its weights; answers its scores."""
    scores = evaluate(classifier)
    rows = scores.confusion / scores.confusion.sum(1, keepdims=True)
    lines = ["| | " + " | ".join(classifier.classes) + " |", "|---|" + "---:|" * len(classifier.classes)]
    lines += [f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in row) + " |"
              for name, row in zip(classifier.classes, rows, strict=True)]
    listed = {kind: ", ".join(f"{name} {share:.3f}" for name, share in found.items()) for kind, found in scores.by.items()}
    text = SKETCH.format(
        **classifier.about, count=len(classifier.classes), size=classifier.image_size, first=classifier.layers[0].name,
        last=classifier.layers[-1].name, widths="-".join(str(layer.channels) for layer in classifier.layers),
        parameters=sum(each.numel() for each in classifier.net.parameters()), kilobytes=round(weights.stat().st_size / 1000),
        digest=classifier.digest[:16], first_seed=RENDER_SEEDS[0], processor=processor(), read=scores.pictures, top1=scores.top1,
        error=scores.error, chance=1 / len(classifier.classes), most=scores.confusion.sum(1).max() / scores.pictures,
        hours=listed["hour"], seasons=listed["season"], table="\n".join(lines), drawn=drawn(classifier))
    weights.with_suffix(".md").write_text(text)
    return scores


def main() -> None:
    """Measures the classifier and writes its card anew."""
    path = WEIGHTS / "storybook-classifier.safetensors"
    scores = write_card(load_classifier_file(path), path)
    print(f"storybook-classifier: top-1 {scores.top1:.4f} on {scores.pictures:,} held-out renders "
          f"({GENERATED[0]:,} and on: generated pictures)")


if __name__ == "__main__":
    main()
