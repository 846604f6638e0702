"""`python -m ganwidgets.world.train.classifier_study MINUTES`: a classifier of many classes, to study the units of classifiers.

Six classes that are always told apart rest on no few units. This one tells places, seasons and hours apart, 96 classes by 64
units of the last layer; it is no part of the package. A stopped run goes on.
"""

import sys

import torch

from ganwidgets.world.train.classifier import Recipe, trained
from ganwidgets.world.train.variants import CACHE

PATH = CACHE / "classifier-study.safetensors"
STUDY = Recipe(name="study", of=("place", "season", "hour"), widths=((24, 24), (48, 48), (64, 64), (64, 64)), seed=32)

if __name__ == "__main__":
    torch.set_num_threads(1)
    found = trained(STUDY, PATH, minutes=float(sys.argv[1]), device="cpu")
    print(f"{PATH}: {found.about['steps']} steps, digest {found.digest[:16]}")
