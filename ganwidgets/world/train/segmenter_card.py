"""Measures the bundled segmenters on held-out renders, collages and generated pictures, and writes their cards."""

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganwidgets.core.concepts import Segmenter
from ganwidgets.core.images import sheet, to_pil, to_tensor
from ganwidgets.models.segmenters import StorybookSegmenter, load_segmenter_file
from ganwidgets.world.collages import collage
from ganwidgets.world.render import Rendered, render
from ganwidgets.world.train.segmenter_pool import COLLAGE_SEEDS, RENDER_SEEDS

WEIGHTS = Path(__file__).parents[1] / "weights"
RENDERS = range(2_000_000, 2_002_000)       # held out: no segmenter and no generator learns from them
COLLAGES = range(2_100_000, 2_102_000)
GENERATED = range(2_200_000, 2_202_000)     # picture numbers of the generator
BATCH = 100
SKETCH = """# {name}

Reads which of {count} concepts hold at each pixel of a 64 px picture of the storybook world; several may hold at one.
{role}

* Architecture: {architecture}, {parameters:,} parameters, float16, {kilobytes} kB; weights digest `{digest}`.
* Trained by `{command}`: seed {seed}, {steps:,} steps of {batch} pictures ({collages} of them collages) in
  {minutes} minutes on {machine}, from {renders_learned:,} renders and {collages_learned:,} collages.
  Their seeds (from {first_render} and {first_collage}) serve nothing else. Pictures are worn: mirrored, bent, blurred by
  way of 16 to 48 px, recoloured, blotched, noisy, JPEG. Loss: cross-entropy of each concept and soft Dice.
* Measured by `python -m ganwidgets.world.train.segmenter_card` on {processor}.
* License: the weights and the pictures of this card are CC0 1.0 (public domain).

## Scores

Intersection over union of all pixels, at the probability .5, on {renders_read:,} held-out renders (in context) and
{collages_read:,} held-out collages (objects where they do not belong, recoloured, blurred, compressed, noisy).
`share` is the concept's share of the renders' pixels.{agreed}

{table}

Mean over concepts: **{inside:.3f}** in context, **{outside:.3f}** out of context ({ratio:.2f} of it).

![From above: pictures, truth, reading; left half renders, right half collages]({picture})
"""
ROLES = {
    "storybook-segmenter": 'It is the segmenter that methods use: `gw.load_segmenter("storybook")`.',
    "storybook-judge": 'It only measures what methods did: `gw.load_segmenter("storybook-judge")`. Its architecture,\n'
                       "receptive field and seed are not the other's, so that nothing is judged by what chose it.",
}


@dataclass(frozen=True)
class Scores:
    """IoU of each concept (NaN where it is nowhere, neither in truth nor in reading) and its share of the pixels."""

    iou: np.ndarray
    share: np.ndarray
    pictures: int

    @property
    def mean(self) -> float:
        """The mean over the concepts that occur."""
        return float(np.nanmean(self.iou))


def evaluate(segmenter: Segmenter, draw: Callable[[int, int], Rendered] = render,
             seeds: Sequence[int] = RENDERS) -> Scores:
    """How well a segmenter reads what `draw(seed, 64)` gives for the seeds, against its exact masks."""
    return compared((segmenter.segment(pictures).numpy(), masks) for pictures, masks in drawn(draw, seeds))


def agreement(first: Segmenter, second: Segmenter, batches: Iterator[Tensor]) -> Scores:
    """How far two segmenters agree on pictures without known truth: IoU of their masks; `share` is the first one's."""
    return compared((second.segment(images).cpu().numpy(), first.segment(images).cpu().numpy()) for images in batches)


def drawn(draw: Callable[[int, int], Rendered], seeds: Sequence[int]) -> Iterator[tuple[Tensor, np.ndarray]]:
    """Pictures in [-1, 1] and their masks, in batches."""
    for at in range(0, len(seeds), BATCH):
        some = [draw(seed, 64) for seed in seeds[at:at + BATCH]]
        yield torch.stack([to_tensor(one.picture) for one in some]), np.stack([one.masks for one in some])


def compared(pairs: Iterator[tuple[np.ndarray, np.ndarray]]) -> Scores:
    """IoU of readings with truths, batch by batch, both (n, k, h, w)."""
    common, either, held, pixels, pictures = 0, 0, 0, 0, 0
    for read, truth in pairs:
        common = common + (read & truth).sum((0, 2, 3))
        either = either + (read | truth).sum((0, 2, 3))
        held = held + truth.sum((0, 2, 3))
        pixels += truth[:, 0].size
        pictures += len(truth)
    with np.errstate(invalid="ignore"):
        return Scores(np.asarray(common) / np.asarray(either), np.asarray(held) / pixels, pictures)


def write_card(segmenter: StorybookSegmenter, folder: Path = WEIGHTS, agreed: Scores | None = None) -> Scores:
    """Measures a segmenter and writes its card and the sheet beside it; answers its scores on renders."""
    inside, outside = evaluate(segmenter), evaluate(segmenter, collage, COLLAGES)
    picture = f"{segmenter.name}.jpg"
    sample_sheet(segmenter).save(folder / picture, quality=85)
    net = "judge" if segmenter.name.endswith("judge") else "segmenter"
    text = SKETCH.format(
        **segmenter.about, name=segmenter.name, count=len(segmenter.concepts), role=ROLES[segmenter.name],
        architecture=segmenter.architecture, parameters=sum(p.numel() for p in segmenter.net.parameters()),
        kilobytes=round((folder / f"{segmenter.name}.safetensors").stat().st_size / 1000), digest=segmenter.digest[:16],
        command=f"ganwidgets train {net} --minutes {segmenter.about['minutes']:.0f}", processor=processor(),
        renders_learned=len(RENDER_SEEDS), collages_learned=len(COLLAGE_SEEDS), first_render=RENDER_SEEDS[0],
        first_collage=COLLAGE_SEEDS[0], renders_read=inside.pictures, collages_read=outside.pictures,
        agreed=told(agreed), table=table(segmenter, inside, outside, agreed), inside=inside.mean, outside=outside.mean,
        ratio=outside.mean / inside.mean, picture=picture)
    (folder / f"{segmenter.name}.md").write_text(text)
    return inside


def told(agreed: Scores | None) -> str:
    """What the card says of the column `agreement`."""
    if agreed is None:
        return ""
    return (f"\n`agreement` is the IoU of the two segmenters' masks on {agreed.pictures:,} generated pictures, "
            f"mean {agreed.mean:.3f};\na concept under .5 there is not to be relied on.")


def table(segmenter: Segmenter, inside: Scores, outside: Scores, agreed: Scores | None) -> str:
    """The scores of each concept, as a table in Markdown."""
    columns = ["share %", "in context", "out of context"] + (["agreement"] if agreed else [])
    lines = ["| concept | kind | " + " | ".join(columns) + " |", "|---|---|" + "---:|" * len(columns)]
    for at, concept in enumerate(segmenter.concepts):
        numbers = [f"{100 * inside.share[at]:.2f}", f"{inside.iou[at]:.3f}", f"{outside.iou[at]:.3f}"]
        numbers += [f"{agreed.iou[at]:.3f}"] if agreed else []
        lines.append(f"| {concept.name} | {concept.kind} | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def processor() -> str:
    """The kind of processor, without a machine's name."""
    return f"one core of a CPU ({platform.machine()})"


def sample_sheet(segmenter: Segmenter, columns: int = 12) -> Image.Image:
    """Held-out pictures, what is there and what is read there; half of them renders and half collages."""
    half = columns // 2
    some = [render(seed, 64) for seed in RENDERS[:half]] + [collage(seed, 64) for seed in COLLAGES[:half]]
    read = segmenter.segment(torch.stack([to_tensor(one.picture) for one in some])).numpy()
    rows = [Image.fromarray(one.picture) for one in some]
    rows += [painted(segmenter, one.masks) for one in some] + [painted(segmenter, masks) for masks in read]
    return sheet([picture.resize((96, 96), Image.Resampling.NEAREST) for picture in rows], columns)


def painted(segmenter: Segmenter, masks: np.ndarray) -> Image.Image:
    """Masks (k, h, w) in the concepts' colours, parts over objects."""
    page = np.zeros((*masks.shape[1:], 3), np.uint8)
    for concept, mask in zip(segmenter.concepts, masks, strict=True):
        page[mask] = concept.color
    return Image.fromarray(page)


def generated(seeds: Sequence[int] = GENERATED) -> Iterator[Tensor]:
    """Pictures of the bundled generator as they are shown (bytes), in batches; none where it is not there."""
    from ganwidgets.models.checkpoints import open_generator

    path = WEIGHTS / "storybook.safetensors"
    if not path.exists():
        return
    generator = open_generator(path)
    for at in range(0, len(seeds), BATCH):
        with torch.no_grad():
            images = generator.images(generator.sample(seeds[at:at + BATCH]))
        yield torch.stack([to_tensor(to_pil(image)) for image in images])


def main() -> None:
    """Measures both segmenters and writes both cards anew."""
    found = [load_segmenter_file(WEIGHTS / f"{name}.safetensors") for name in ROLES]
    agreed = agreement(found[0], found[1], generated()) if (WEIGHTS / "storybook.safetensors").exists() else None
    for segmenter in found:
        scores = write_card(segmenter, agreed=agreed)
        print(f"{segmenter.name}: mean IoU {scores.mean:.3f} on {scores.pictures:,} held-out renders")


if __name__ == "__main__":
    main()
