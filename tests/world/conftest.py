"""What the tests of the world share: many rendered scenes, drawn once."""

import pytest
import torch

from ganwidgets.world.render import Rendered, render
from ganwidgets.world.scenes import CONCEPT_NAMES, Scene, scene


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    """The scenes of the seeds from 0."""
    return [scene(seed) for seed in range(1200)]


@pytest.fixture(scope="session")
def renders(scenes) -> list[Rendered]:
    """The first of them at 64 px."""
    return [render(it) for it in scenes[:600]]


@pytest.fixture(scope="session")
def mask_of():
    """The mask of one concept by name."""
    return lambda rendered, name: rendered.masks[CONCEPT_NAMES.index(name)]


@pytest.fixture(autouse=True)
def small_numbers_stay():
    """Training lets the processor take the smallest numbers for 0, which is faster; property tests elsewhere refuse to run so."""
    yield
    torch.set_flush_denormal(False)
