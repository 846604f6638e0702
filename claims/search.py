"""`python -m claims.search`: measures the recipe search and the study's variants, and writes their two records.

Not a claim: the distance that is reported here is the one that chooses. The segmenter learned at 64 px; drawn pictures and
renders come to it at 32 px and are enlarged alike.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch.nn.functional as F

import ganwidgets as gw
from claims import nets
from claims.drawn import as_tensor, rounded
from ganwidgets.core.images import sheet
from ganwidgets.models.checkpoints import open_generator
from ganwidgets.scores import close
from ganwidgets.world.render import pictures
from ganwidgets.world.train import search, variants
from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.storybook import metadata

COUNT, SIZE = 1_000, 32
SEEDS, RENDERS, OTHERS = (range(start, start + COUNT) for start in (3_300_000, 3_400_000, 3_500_000))
BASES = [f"variant-base-{seed}" for seed in variants.SEEDS]
RECORD, CARD = Path(search.__file__).with_suffix(".md"), variants.CACHE / "variants.md"
SHOWN = range(24)
RECORD_TEXT = """# A search for the generator's recipe

Written by `python -m claims.search`. Each arm differs from the base in one thing (`train/search.py`); all are trained at
{size} px on one thread and shown {pictures:,} pictures, the projected ones as many as take it about as long.

* Base (`train/variants.py`): layers of {channels} units, adversary {adversary}; stages
  (px, pictures, at a time, R1) {stages}; rate {rate}, which halves every {cool_over:,} pictures from {cool_from:,} on.
* Distance: Fréchet segmentation distance to renders, shares over their standard deviations, {count:,} pictures a side (renders to
  renders: {floor}). Concepts: how many of {concepts} have a share within a factor of 2. Spread: the summed variance of the
  shares over that of renders. Minutes: of one core, which other programs slowed down.
* Noise: the base's three seeds have the distances {bases}. A difference from their mean {mean} is said to
  exceed the noise where it is larger than their range, {range}.

{table}

{rest}"""
CARD_TEXT = """# Variants of one recipe, for a study of its parts

Generators alone, float16, {size} px, {parameters:,} parameters each; not in the wheel. One recipe (base) and three that differ
from it in one thing, three seeds each, each shown {pictures:,} pictures on one thread: `python -m ganwidgets.world.train.variants`.
They learned from pictures alone. Without churches: the pictures of scenes at a church were not among those shown.

* Layers of {channels} units from {latent} numbers; adversary {adversary}; stages
  (px, pictures, at a time, R1) {stages}; rate {rate}, which halves every {cool_over:,} pictures from {cool_from:,} on.
* Distance: Fréchet segmentation distance to renders, shares over their standard deviations, and its two parts; {count:,} pictures a
  side at {size} px, enlarged alike (renders to renders: {floor}). Spread: the summed variance of the shares over that of renders.
  Churches: share of pictures in which the segmenter sees one (of renders: {churches}). Minutes: of one core, which other programs
  slowed down. The renders hold churches, also where a variant was shown none.
* License: the weights and their pictures are CC0 1.0 (public domain).

{table}

![Seeds 0 to {last} of the first seed of each variant](variants.jpg)
"""


@cache
def rendered(seeds: range) -> Any:
    batches = (F.avg_pool2d(as_tensor(pictures(seeds[start:start + 100])), 64 // SIZE) for start in range(0, len(seeds), 100))
    return gw.segmentation_statistics(batches, nets.segmenter(), progress=False)


def measured(path: Path) -> dict[str, Any]:
    """What is said of one net; kept beside the training's state, and measured again only for other weights."""
    g, facts = open_generator(path), metadata(path)
    kept = state_folder(facts["name"]) / "measured.json"
    held = json.loads(kept.read_text()) if kept.exists() else {}
    if held.get("of") != (of := f"{COUNT} pictures of {g.digest}"):
        own, reference = gw.segmentation_statistics((g, SEEDS), nets.segmenter(), progress=False), rendered(RENDERS)
        held = {"of": of, **compared(own, reference)}
        kept.write_text(json.dumps(held))
    minutes = state_folder(facts["name"]) / "minutes.json"
    return {**held, "pictures": int(facts["pictures"]), "minutes": minutes.read_text() if minutes.exists() else "not kept"}


def compared(own: Any, reference: Any) -> dict[str, Any]:
    found = gw.frechet_segmentation_distance(own, reference, scale="reference")
    deviation = reference.table.std(axis=0)
    seen = deviation > 0
    return {"distance": rounded(found.total), "mean": rounded(found.mean), "covariance": rounded(found.covariance),
            "close": sum(close(own, reference).values()), "concepts": int(seen.sum()), "churches": rounded(own.visible()["church"]),
            "spread": rounded((own.table[:, seen] / deviation[seen]).var(axis=0).mean(), 2)}


def trained(folders: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """The measured nets of those that have been trained."""
    found = {}
    for name, folder in folders.items():
        if (path := folder / f"{name}.safetensors").exists():
            found[name] = measured(path)
            print(name, found[name], flush=True)
    return found


def recipe_facts() -> dict[str, Any]:
    base = variants.BASE
    return {"size": SIZE, "count": COUNT, "pictures": base.pictures, "channels": ", ".join(map(str, base.channels)),
            "latent": base.latent, "adversary": base.adversary, "rate": base.rate, "cool_from": base.cool_from,
            "cool_over": base.cool_over, "floor": compared(rendered(OTHERS), rendered(RENDERS))["distance"],
            "stages": "; ".join(f"{s.size}, {s.pictures:,}, {s.batch}, {s.r1}" for s in base.stages)}


def rows(lines: list[list[Any]]) -> str:
    """A table in Markdown; the first line is its head."""
    head, *body = [[str(cell) for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *body])


def record(study: dict[str, dict[str, Any]], arms: dict[str, dict[str, Any]]) -> str:
    bases = [study[name] for name in BASES if name in study]
    distances = [base["distance"] for base in bases]
    mean, noise = sum(distances) / len(distances), max(distances) - min(distances)

    def line(name: str, says: str, it: dict[str, Any], verdict: str) -> list[Any]:
        return [name, says, f"{it['pictures']:,}", it["minutes"], f"{it['distance']} ({it['mean']} + {it['covariance']})",
                it["close"], it["spread"], verdict]

    lines = [["arm", "what differs", "pictures", "minutes", "distance (means + covariances)", "concepts", "spread", "noise"]]
    lines += [line(f"base, seed {seed}", "", it, "") for seed, it in zip(variants.SEEDS, bases, strict=False)]
    for name, (says, _) in sorted(search.SEARCH.items(), key=lambda arm: arms.get(f"search-{arm[0]}", {}).get("distance", 1e9)):
        if it := arms.get(f"search-{name}"):
            far = it["distance"] - mean
            lines.append(line(name, says, it, "within" if abs(far) <= noise else "better" if far < 0 else "worse"))
    missing = [f"{name} ({says})" for name, (says, _) in search.SEARCH.items() if f"search-{name}" not in arms]
    return RECORD_TEXT.format(**recipe_facts(), concepts=bases[0]["concepts"], bases=", ".join(map(str, distances)),
                              mean=rounded(mean), range=rounded(noise), table=rows(lines),
                              rest=f"Not trained yet: {'; '.join(missing)}.\n" if missing else "")


def card(study: dict[str, dict[str, Any]]) -> str:
    lines = [["net", "minutes", "distance", "means", "covariances", "concepts", "spread", "churches"]]
    lines += [[f"`{name}`", it["minutes"], it["distance"], it["mean"], it["covariance"], f"{it['close']} of {it['concepts']}",
               it["spread"], it["churches"]] for name, it in sorted(study.items())]
    g = open_generator(variants.CACHE / f"{BASES[0]}.safetensors")
    return CARD_TEXT.format(**recipe_facts(), parameters=sum(weight.numel() for weight in g.net.parameters()),
                            churches=rounded(rendered(RENDERS).visible()["church"]), table=rows(lines), last=SHOWN[-1])


def save_sheet() -> None:
    """The same seeds of each variant, a row or two each."""
    drawn = [open_generator(variants.CACHE / f"variant-{name}-{variants.SEEDS[0]}.safetensors") for name in variants.VARIANTS]
    sheet([picture for g in drawn for picture in g.images(g.sample(SHOWN))], columns=12).save(variants.CACHE / "variants.jpg",
                                                                                             quality=88)


def main() -> None:
    study = trained(dict.fromkeys(variants.STUDY, variants.CACHE))
    arms = trained({recipe.name: state_folder(recipe.name) for recipe in search.ARMS.values()})
    RECORD.write_text(record(study, arms))
    CARD.write_text(card(study))
    save_sheet()


if __name__ == "__main__":
    main()
