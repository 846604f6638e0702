"""What the tests of the world share: many rendered scenes, drawn once."""

import pytest

from ganwidgets.world.render import Rendered, render
from ganwidgets.world.scenes import CONCEPT_NAMES

SEEDS = range(1000)


@pytest.fixture(scope="session")
def renders() -> list[Rendered]:
    """The scenes of SEEDS at 64 px."""
    return [render(seed) for seed in SEEDS]


@pytest.fixture(scope="session")
def mask_of():
    """The mask of one concept by name."""
    return lambda rendered, name: rendered.masks[CONCEPT_NAMES.index(name)]
