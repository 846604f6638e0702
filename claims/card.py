"""`python -m claims.card`: writes the card of storybook's generator from its file and from what the claims measured."""

import json
from pathlib import Path

from PIL import Image

from claims import nets
from claims.record import FOLDER
from ganwidgets.core.images import sheet
from ganwidgets.world.train.storybook import WEIGHTS, metadata

SHOWN = range(48)
SKETCH = """# storybook

Draws 64 px pictures of the storybook world from {latent} numbers. It learned from pictures alone: {count} renders, each shown
with its mirror image; no mask, caption or scene data entered its training.

* Generator: ProGAN-like, {parameters:,} parameters in layers of {channels} units, float16; weights digest `{digest}`.
* Adversary: {adversary}; in the source tree, not in the wheel, so that training can go on.
* Trained by `ganwidgets train storybook --resume`, seed {seed}: {pictures:,} pictures shown in {minutes} minutes of two
  CPU cores, bfloat16 inside the nets. Stages (px, pictures, at a time, R1): {stages}; each begins as the old picture enlarged.
* License: the weights and their pictures are CC0 1.0 (public domain).

## Scores (claims/generator.json)

{scores}

![Seeds 0 to {last}]({picture})
"""


def main() -> None:
    g, path = nets.generator(), WEIGHTS / "storybook.safetensors"
    facts = metadata(path)
    recipe = json.loads(facts["recipe"])
    image: Image.Image = sheet(g.images(g.sample(SHOWN)), columns=12)
    image.save(path.with_suffix(".jpg"), quality=88)
    text = SKETCH.format(
        latent=facts["latent"], count="50,000", parameters=sum(weight.numel() for weight in g.net.parameters()),
        channels=", ".join(map(str, recipe["channels"])), digest=g.digest[:16], adversary=f"widths {recipe['adversary']}",
        seed=recipe["seed"], pictures=int(facts["pictures"]), minutes=round(float(facts["seconds"]) / 60),
        stages="; ".join(f"{s['size']}, {s['pictures']:,}, {s['batch']}, {s['r1']}" for s in recipe["stages"]),
        scores=scores(), last=SHOWN[-1], picture=path.with_suffix(".jpg").name)
    path.with_suffix(".md").write_text(text)


def scores() -> str:
    """What the claim's file says, with its yardsticks; that it is not measured, where it is not."""
    file: Path = FOLDER / "generator.json"
    if not file.exists():
        return "Not measured yet."
    rows, verdict = (json.loads(file.read_text())[key] for key in ("rows", "verdict"))
    found = {name: row["figures"] for name, row in rows.items()}
    lines = [f"* Fréchet segmentation distance to renders, shares over their standard deviations, {found['distance']['n']:,} "
             f"pictures a side: {found['distance']['total']} (renders to renders {found['distance']['renders_to_renders']}; a "
             f"quarter of the concepts set to 0: {found['distance']['yardstick']})."] if "distance" in found else []
    if verdict:
        lines += [f"* Shares within a factor of 2: {verdict['concepts_within_a_factor_of_2']} concepts; beyond: "
                  f"{', '.join(verdict['beyond']) or 'none'}.",
                  f"* Nearest training picture, median distance over that of held-out renders: {verdict['nearest_ratio']} "
                  f"(JPEG copies: {verdict['control']})."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
