"""The planted generator, whose units are known, for all tests of the core."""

import pytest

from ganwidgets.testing import planted_generator


@pytest.fixture(scope="session")
def planted():
    return planted_generator()


@pytest.fixture(scope="session")
def g(planted):
    return planted.generator
