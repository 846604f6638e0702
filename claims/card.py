"""`python -m claims.card`: writes the generators' cards and sheets from their files and from what the claims measured."""

import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

import ganwidgets as gw
from claims import nets
from claims.record import FOLDER
from ganwidgets.catalog import bundled
from ganwidgets.core.images import sheet
from ganwidgets.world.train.storybook import WEIGHTS, metadata

SHOWN = range(48)
WALKED, STEPS = ((3, 5), (11, 20), (31, 42)), 11       # seeds of the ends, and pictures from one to the next
PICTURES = Path(__file__).parents[1] / "notebooks"      # what the README shows
COARSE, FINE = range(6), range(20, 25)                  # of the style-mixing sheet: its columns and its rows
NOISY, NOISES = range(8), 4                             # of the noise sheet: its columns, and draws of noise
SKETCH = """# {name}

Draws 64 px pictures of the storybook world from {latent} numbers. It learned from pictures alone: {count} renders, each shown
with its mirror image; no mask, caption or scene data entered its training.

* Generator: {kind}, {parameters:,} parameters, {macs:.2f} GMAC a picture ({convolution}), float16;
  {built}; weights digest `{digest}`.
* Adversary: {adversary}; in the source tree, not in the wheel, so that training can go on.
* Trained by `ganwidgets train {train} --resume`, seed {seed}: {pictures:,} pictures shown in {minutes} minutes, bfloat16 inside
  the nets. Stages (px, pictures, at a time, R1): {stages}; each begins as the old picture enlarged. Rate {rate}.
* License: the weights and their pictures are CC0 1.0 (public domain).

## Scores (claims/{claim}.json)

{scores}

![Seeds 0 to {last}]({picture})
{more}"""
STYLE_SHEETS = """
Styles mixed, coarse rows of w from the top, those from 16 px on from the left:

![Style mixing](storybook-style-mixing.jpg)

The same latents with four draws of noise; below, in grey, how far the pixels of 32 draws spread:

![Noise](storybook-style-noise.jpg)
"""


def main() -> None:
    for name in bundled():
        write(name)
    save_styles(nets.generator("storybook-style"))


def write(name: str) -> None:
    """The card of one generator, its sheet of pictures, and its walk."""
    g, path, style = nets.generator(name), WEIGHTS / f"{name}.safetensors", name != "storybook"
    facts = metadata(path)
    recipe = json.loads(facts["recipe"])
    save(sheet(g.images(g.sample(SHOWN)), columns=12), path.with_suffix(".jpg"))
    save(walks(g), PICTURES / f"{name}-walk.jpg")
    width = ", ".join(map(str, recipe["channels"]))
    text = SKETCH.format(
        name=name, latent=recipe["latent"], count="50,000", kind="StyleGAN2-like" if style else "ProGAN-like",
        parameters=sum(weight.numel() for weight in g.net.parameters()), macs=macs(g) / 1e9, convolution=beside_convolution(g),
        built=f"{width} units on the grids from 4 px up, {recipe['mapping']} mapping layers, keys as in rosinality's checkpoints"
        if style else f"layers of {width} units", digest=g.digest[:16], adversary=f"widths {recipe['adversary']}",
        train="style" if style else "storybook", seed=recipe["seed"], pictures=int(facts["pictures"]),
        minutes=round(float(facts["seconds"]) / 60), rate=rate(recipe), claim="style" if style else "generator",
        stages="; ".join(f"{s['size']}, {s['pictures']:,}, {s['batch']}, {s['r1']}" for s in recipe["stages"]),
        scores=scores(FOLDER / ("style.json" if style else "generator.json")), last=SHOWN[-1],
        picture=path.with_suffix(".jpg").name, more=STYLE_SHEETS if style else "")
    path.with_suffix(".md").write_text(text)


def rate(recipe: dict[str, Any]) -> str:
    """The learning rate, and how it fell."""
    if "cool_from" not in recipe:
        return str(recipe["rate"])
    return f"{recipe['rate']}, which halves every {recipe['cool_over']:,} pictures from {recipe['cool_from']:,} on"


def scores(file: Path) -> str:
    """What the claim's file says, with its yardsticks; that it is not measured, where it is not."""
    if not file.exists():
        return "Not measured yet."
    rows, verdict = (json.loads(file.read_text())[key] for key in ("rows", "verdict"))
    found = {name: row["figures"] for name, row in rows.items()}
    apart, reach = found["distance"], found["precision"]
    return "\n".join([
        f"* Fréchet segmentation distance to renders, shares over their standard deviations, {apart['n']:,} pictures a side: "
        f"**{apart['total']}**\n  (renders to renders {apart['renders_to_renders']}; one concept set to 0, the median "
        f"{apart['one_deleted']}; a tenth of them {apart['a_tenth_deleted']}, a quarter {apart['a_quarter_deleted']}).",
        f"* Shares within a factor of 2: {verdict['concepts_within_a_factor_of_2']} concepts; beyond: "
        f"{', '.join(verdict['beyond']) or 'none'}.",
        f"* Precision {reach['precision']}, recall {reach['recall']} (Kynkäänniemi et al. 2019, k = 3, the classifier's features, "
        f"{reach['n']:,} a side; other renders\n  {reach['renders_precision']} and {reach['renders_recall']}, the same blurred "
        f"{reach['blurred_precision']} and {reach['blurred_recall']}, without churches and farms {reach['places_lost_precision']} "
        f"and {reach['places_lost_recall']}).",
        f"* Nearest training picture, median distance over that of held-out renders: {verdict['nearest_ratio']} "
        f"(JPEG copies: {verdict['control']})."])


def macs(g: Any) -> float:
    """Multiply-adds of one picture."""
    latents = g.sample([0])
    with FlopCounterMode(display=False) as counter:
        g.images(latents)
    return counter.get_total_flops() / 2


@torch.no_grad()
def beside_convolution(g: Any, times: int = 15) -> str:
    """Milliseconds of a picture beside those of a fixed convolution on the same thread, in turn, medians."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    latents, x, weight = g.sample(range(16)), torch.randn(16, 96, 64, 64), torch.randn(96, 96, 3, 3)
    sides: tuple[list[float], list[float]] = ([], [])
    for _ in range(times):
        for side, act in zip(sides, (lambda: g.images(latents), lambda: F.conv2d(x, weight, padding=1)), strict=True):
            began = time.perf_counter()
            act()
            side.append(time.perf_counter() - began)
    torch.set_num_threads(threads)
    mine, fixed = (1000 * median(side) / 16 for side in sides)
    return f"{mine:.1f} ms beside {fixed:.1f} ms of a 3x3 convolution of 96 channels on 64x64, one thread, batches of 16"


def walks(g: Any) -> Image.Image:
    """Pictures on the way from one seed to another, a row a way."""
    return sheet(torch.stack([picture for ends in WALKED for picture in gw.walk(g, ends, steps=STEPS, loop=False)]),
                 columns=STEPS + 1)


def save_styles(g: Any) -> None:
    """The sheets that only a style-based net has: mixed styles, and what noise changes."""
    coarse, fine = g.sample(COARSE), g.sample(FINE)
    start = next(layer for layer in g.layers if layer.height == 16)
    blank = torch.ones(1, 3, g.image_size, g.image_size)
    rows = [torch.cat([blank, g.images(coarse)])]
    rows += [torch.cat([g.images(fine[[row]]), g.images(g.mixed(coarse, fine[[row]], start))]) for row in range(len(fine))]
    save(sheet(torch.cat(rows), columns=len(COARSE) + 1), WEIGHTS / "storybook-style-mixing.jpg")
    z = g.sample(NOISY).z
    drawn = torch.stack([g.images(gw.Latents(tuple(NOISY), z=z, noise=seed)) for seed in range(32)])
    spread = drawn.std(0).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    spread = 2 * spread / spread.max() - 1
    save(sheet(torch.cat([*drawn[:NOISES], spread]), columns=len(NOISY)), WEIGHTS / "storybook-style-noise.jpg")


def save(page: Image.Image, path: Path) -> None:
    page.save(path, quality=88)


if __name__ == "__main__":
    main()
