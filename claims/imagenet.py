"""A classifier of photographs with its published weights: an attack succeeds and moves units that matter; a class rests on few.

Twenty photographs of ImageNet with their classes come with foolbox, a package of attacks. They are few, so units are ranked on
crops of them and measured on other crops of the same: the figures are of these photographs, and no more of their classes than that.
Foolbox's own attack of the same kind, with as many steps, stands beside ours.
"""

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from PIL import Image

import ganwidgets as gw
import ganwidgets.methods.attack as attack
import ganwidgets.methods.importance as importance
import ganwidgets.models.efficientnet as efficientnet
from claims.classifier import ENOUGH, GONE, PAPER, STAYS, SUCCESS, moves_units, ratio, rounded, signed
from claims.record import Claim
from ganwidgets.core.images import to_tensor

LAYER = "block16"                           # the last block: 320 units on 7 x 7 cells
FEW, KEPT, DRAWS = 13, 26, 20               # units removed: 4 %, as in the paper; kept alone; random draws
COUNTS = (1, 2, 4, FEW, KEPT, 64)
VIEWS = 10                                  # crops of each photograph on which units are ranked, and as many to measure
LEAST = 0.5                                 # of a photograph's side that a crop shows
HOW = {"searches": 3, "steps": 100}         # of the attacks
RESAMPLED = 4000                            # photographs drawn again, for intervals


@cache
def classifier() -> Any:
    return gw.load_classifier(efficientnet.NAME, device="cpu")


@cache
def photographs() -> tuple[torch.Tensor, list[int]]:
    """Pictures (20, 3, 224, 224), and the place of each one's class."""
    found = importlib.util.find_spec("foolbox")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("the photographs come with foolbox: pip install foolbox")
    files = sorted(Path(found.submodule_search_locations[0], "data").glob("imagenet_*.jpg"))
    pictures = [to_tensor(np.asarray(Image.open(file).convert("RGB").resize((efficientnet.SIDE,) * 2, Image.Resampling.BICUBIC)))
                for file in files]
    return torch.stack(pictures), [int(file.stem.rpartition("_")[2]) for file in files]


def some_photographs(scale: float) -> tuple[torch.Tensor, list[int]]:
    pictures, places = photographs()
    count = max(4, round(len(places) * scale))
    return pictures[:count], places[:count]


@cache
def views(scale: float, draw: int) -> tuple[torch.Tensor, list[int]]:
    """Crops of each photograph, half of them mirrored: pictures and the places of their classes."""
    pictures, places = some_photographs(scale)
    random, found = RandomState(draw), []
    for _ in range(max(2, round(VIEWS * scale))):
        for picture in pictures:
            side = round(efficientnet.SIDE * random.uniform(LEAST, 1))
            y, x = random.randint(0, efficientnet.SIDE - side + 1, 2)
            crop = F.interpolate(picture[None, :, y:y + side, x:x + side], size=(efficientnet.SIDE,) * 2, mode="bilinear")
            found.append(crop.flip(3) if random.rand() < 0.5 else crop)
    return torch.cat(found), places * (len(found) // len(places))


@cache
def ranked(scale: float) -> Any:
    data = views(scale, 0)
    return gw.importance(classifier(), data, layer=LAYER, classes=data[1], progress=False)


def measure(row: str, scale: float, held: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"ablation": ablation, "attack": attacked, "foolbox": beside}[row](scale)


def ablation(scale: float) -> dict[str, Any]:
    found, data = ranked(scale), views(scale, 1)
    seen = gw.removals(classifier(), found, data, counts=COUNTS if scale == 1 else (FEW, KEPT), draws=DRAWS if scale == 1 else 2,
                       progress=False)
    above = seen.whole.mean() - 0.5
    means = {"left": seen.without.mean(0), "left_random": seen.random.mean((0, 2)), "kept": seen.alone.mean(0)}
    with torch.no_grad():
        pictures, places = photographs()
        told = (classifier().logits(pictures).argmax(1) == torch.tensor(places)).float().mean()
    return {"n": seen.pictures, "classes": len(seen.classes), "units": len(found.lost), "photographs told": rounded(told),
            "whole": rounded(seen.whole.mean()), "accuracy": rounded(seen.accuracy),
            "all_classes_without": rounded(seen.overall.mean(0)[seen.counts.index(FEW)]),
            "curves": {"units": list(seen.counts),
                       **{name: [rounded((value - 0.5) / above) for value in values] for name, values in means.items()}}}


def goals(scale: float) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """Photographs, which of the classes asked about each is taken for (if for none, its own), and another of them."""
    pictures, places = some_photographs(scale)
    asked = np.unique(places)
    with torch.no_grad():
        said = classifier().logits(pictures).argmax(1).numpy()
    source = np.where(np.isin(said, asked), said, places)
    at = np.searchsorted(asked, source)
    return pictures, source, asked[(at + RandomState(1).randint(1, len(asked), len(at))) % len(asked)]


def how(scale: float) -> dict[str, int]:
    return HOW if scale == 1 else {"searches": 2, "steps": 10}


def attacked(scale: float) -> dict[str, Any]:
    pictures, source, target = goals(scale)
    found = gw.attack(classifier(), pictures, target.tolist(), progress=False, **how(scale))
    control, taken = gw.noise_of_length(pictures, found.norm), found.success.numpy()
    with torch.no_grad():
        fooled = (classifier().logits(control).argmax(1) != classifier().logits(pictures).argmax(1)).float().mean()
    figures = {"n": len(pictures), "success": rounded(found.rate), "changed_by_noise": rounded(fooled),
               "length": rounded(found.norm[found.success].median()) if taken.any() else 0.0}
    return {**figures, **{name: moved(pictures[taken], after[taken], source[taken], target[taken], scale)
                          for name, after in (("moved", found.images), ("moved_by_noise", control)) if taken.any()}}


def moved(before: torch.Tensor, after: torch.Tensor, source: np.ndarray, target: np.ndarray, scale: float) -> dict[str, Any]:
    """By how much the peaks of the units of target and source change, each in its own 99 % level, over those of the others."""
    with torch.no_grad():
        features = classifier().head(views(scale, 0)[0], LAYER).features.transpose(0, 1).flatten(1).numpy()
    levels = np.quantile(features, 0.99, axis=1)
    live = levels > 0
    change = gw.peak_changes(classifier(), before, after, layer=LAYER, levels=np.where(live, levels, 1).tolist())
    rows = []
    for row, *classes in zip(change, target, source, strict=True):
        groups = [[unit for unit in ranked(scale).units_for(classifier().classes[place], FEW) if live[unit]] for place in classes]
        others = live.copy()
        others[sum(groups, [])] = False
        rows.append([*(np.abs(row[units]).mean() for units in groups), np.abs(row[others]).mean(),
                     *(row[units].mean() for units in groups)])
    held, random = np.array(rows), RandomState(2)
    draws = [held[random.randint(0, len(held), len(held))] for _ in range(max(200, round(RESAMPLED * scale)))]
    return {name: [rounded(of(held)), *(rounded(end) for end in np.percentile([of(each) for each in draws], [2.5, 97.5]))]
            for name, of in {"target": ratio(0), "source": ratio(1), "signed_target": signed(3),
                             "signed_source": signed(4)}.items()}


def beside(scale: float) -> dict[str, Any]:
    """What foolbox's attack finds on the same photographs, with as many searches and steps."""
    import foolbox

    class Logits(torch.nn.Module):
        """The classifier as foolbox takes one; of pictures in [0, 1], on whose scale lengths count in ours too."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return classifier().logits(2 * images - 1)

    pictures, _, target = goals(scale)
    settings = {"binary_search_steps": how(scale)["searches"], "steps": how(scale)["steps"]}
    method = foolbox.attacks.L2CarliniWagnerAttack(stepsize=attack.RATE, initial_const=attack.FIRST, abort_early=False, **settings)
    net, before = foolbox.PyTorchModel(Logits().eval(), bounds=(0, 1), device="cpu"), (pictures + 1) / 2
    _, changed, success = method(net, before, foolbox.criteria.TargetedMisclassification(torch.from_numpy(target)), epsilons=None)
    lengths = (changed - before).flatten(1).norm(dim=1)[success]
    return {"n": len(pictures), "success": rounded(success.float().mean()),
            "length": rounded(lengths.median()) if len(lengths) else 0.0, "version": importlib.metadata.version("foolbox")}


def conclude(rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    own, moves, theirs = rows["ablation"], rows["attack"], rows["foolbox"]
    curves = own["curves"]
    few, alone = (curves["units"].index(count) for count in (FEW, KEPT))
    return {
        "removed": {"left": curves["left"][few], "holds": curves["left"][few] <= GONE},
        "random": {"left": curves["left_random"][few], "holds": curves["left_random"][few] >= STAYS},
        "kept alone": {"kept": curves["kept"][alone], "holds": curves["kept"][alone] >= ENOUGH},
        "attack": {"success": moves["success"], "length": moves["length"], "holds": moves["success"] >= SUCCESS},
        "no longer than foolbox's": {"success": theirs["success"], "length": theirs["length"],
                                     "holds": moves["length"] <= 1.02 * theirs["length"]},
        **moves_units({"attack": moves["moved"], "noise": moves["moved_by_noise"]}), "paper": PAPER}


def digests() -> dict[str, str]:
    return {efficientnet.NAME: classifier().digest}


CLAIM = Claim("imagenet", "The same of a classifier of photographs with its published weights, on twenty photographs",
              "Bau et al. 2020, figures 2 and 4, on another net and other data", ["ablation", "attack", "foolbox"],
              measure, conclude, digests, [importance, attack, efficientnet])
