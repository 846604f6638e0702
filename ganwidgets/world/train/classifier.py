"""Trains the classifier of storybook's scenes: which of the six kinds of place a picture shows, in any season and light."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from torch import Tensor

from ganwidgets.models.classifiers import ScenesNet, StorybookClassifier, load_classifier_file, save_classifier_file
from ganwidgets.models.segmenter_nets import folded_state
from ganwidgets.world.parts import Scene
from ganwidgets.world.scenes import HOURS, PLACES, SEASONS, scene
from ganwidgets.world.train import supervised
from ganwidgets.world.train.classifier_card import write_card
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS, SIZE, Pool, render_pool
from ganwidgets.world.train.segmenter_wear import worn_batch
from ganwidgets.world.train.state import state_folder
from ganwidgets.world.train.supervised import Training

PATH = Path(__file__).parents[1] / "weights" / "storybook-classifier.safetensors"
WORN = .5               # the share of the pictures that lose colour and sharpness
VALUES = {"place": PLACES, "season": tuple(SEASONS), "hour": tuple(HOURS)}      # what classes can be told by


@dataclass(frozen=True)
class Recipe:
    """All that the training depends on. `of`: what tells classes apart, one or more of VALUES."""

    name: str = "storybook"
    of: tuple[str, ...] = ("place",)
    widths: tuple[tuple[int, ...], ...] = ((24, 24), (48, 48), (80, 80), (112, 112))
    seed: int = 31
    batch: int = 32
    rate: float = 3e-3
    decay: float = 1e-2     # of the weights
    keep: float = .995      # of the averaged weights, a step
    smooth: float = .05     # of each label, given to the other classes

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes: the values of what tells them apart, one after another."""
        return tuple(" ".join(values) for values in product(*(VALUES[each] for each in self.of)))

    def class_of(self, it: Scene) -> str:
        """The class of a scene."""
        return " ".join(getattr(it, each) for each in self.of)


def train(*, minutes: float, device: str | torch.device = "auto", resume: bool = True) -> StorybookClassifier:
    """Trains the bundled classifier, writes its weights, and then its card; arguments as in `trained`."""
    classifier = trained(Recipe(), PATH, minutes=minutes, device=device, resume=resume)
    write_card(classifier, PATH)
    return classifier


def trained(recipe: Recipe, path: Path, *, minutes: float, device: str | torch.device = "auto",
            resume: bool = True) -> StorybookClassifier:
    """A classifier trained by a recipe, read back from the weights that are written.

    `minutes` is the time of the whole training: what was done before a `resume` counts, and the learning rate falls to 0 at
    its end. It learns from the renders that the segmenters learn from, drawn first where they are not there yet.
    """
    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    torch.set_flush_denormal(True)
    name = f"{recipe.name}-classifier"
    pool, labels = render_pool(), labels_of(recipe, RENDER_SEEDS)
    training = supervised.begin(lambda: ScenesNet(recipe.widths, len(recipe.classes)), seed=recipe.seed, rate=recipe.rate,
                                decay=recipe.decay, place=place)
    state = state_folder(name) / "state.pt"
    if resume:
        supervised.restore(training, state)

    def loss_of(step: int) -> Tensor:
        pictures, classes = batch(recipe, step, pool, labels)
        scores = training.net(pictures.to(place).contiguous(memory_format=torch.channels_last))
        return F.cross_entropy(scores, classes.to(place), label_smoothing=recipe.smooth)

    supervised.run(name, training, loss_of, seconds=minutes * 60, rate=recipe.rate, warm=100, keep=recipe.keep, place=place,
                   state=state)
    return finish(recipe, training, place, path)


def labels_of(recipe: Recipe, seeds: Sequence[int]) -> np.ndarray:
    """The class of each scene, by its place among the recipe's."""
    classes = recipe.classes
    return np.asarray([classes.index(recipe.class_of(scene(seed))) for seed in seeds])


def batch(recipe: Recipe, number: int, pool: Pool, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Worn renders and their classes; the same for the same step, so that a resumed training goes on alike."""
    random = RandomState((recipe.seed * 1_000_003 + number) % 2 ** 32)
    chosen = np.sort(random.randint(0, len(pool), recipe.batch))
    images = torch.from_numpy(np.array(pool.pictures[chosen])).permute(0, 3, 1, 2).float() / 127.5 - 1
    pictures, _ = worn_batch(random, images, torch.zeros(len(images), 1, SIZE, SIZE), share=WORN)
    return pictures, torch.from_numpy(labels[chosen])


def finish(recipe: Recipe, training: Training, place: torch.device, path: Path) -> StorybookClassifier:
    """Writes the averaged weights, normalisation folded in, and answers the classifier read back from the file."""
    net = ScenesNet(recipe.widths, len(recipe.classes), norm=False)
    net.load_state_dict(folded_state(training.average))
    about = {"seed": recipe.seed, "batch": recipe.batch, "pictures": len(RENDER_SEEDS), **supervised.told(training, place)}
    save_classifier_file(path, net, name=recipe.name, classes=recipe.classes, size=SIZE, about=about)
    return load_classifier_file(path, place)
