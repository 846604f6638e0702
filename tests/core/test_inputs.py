"""What a net is looked at with is checked once, whoever asks."""

import numpy as np
import pytest
import torch

from ganwidgets.core.errors import ArgumentError, ShapeError
from ganwidgets.core.inputs import as_pictures, looked_at


@pytest.mark.parametrize(("images", "error", "words"), [
    (torch.zeros(2, 16, 16), ShapeError, r"\(n, 3, height, width\).*\(2, 16, 16\)"),
    (torch.zeros(0, 3, 4, 4), ShapeError, "at least 1"), (torch.zeros(2, 1, 4, 4), ShapeError, r"\(2, 1, 4, 4\)"),
    (torch.zeros(1, 3, 4, 4, dtype=torch.uint8), ArgumentError, "127.5"),
    (torch.full((1, 3, 4, 4), 200.0), ArgumentError, r"\[-1, 1\]"),
    (torch.full((1, 3, 4, 4), torch.nan), ArgumentError, r"\[-1, 1\]"),
    ("a picture", ArgumentError, "a str came"), (None, ArgumentError, "a NoneType came"),
])
def test_what_is_no_picture(images, error, words):
    with pytest.raises(error, match=words):
        as_pictures(images)


def test_pictures_stay_what_they_are():
    for images in (torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 4, 4).half(), np.ones((1, 3, 4, 4))):
        held = as_pictures(images)
        assert held.is_floating_point() and held.shape == images.shape and (held.numpy() == np.asarray(images)).all()


def test_a_generator_draws_and_a_classifier_is_shown(planted):
    assert looked_at(planted.generator, default=range(3)).seeds == (0, 1, 2)
    assert looked_at(planted.generator, seeds=iter([5, 3])).seeds == (5, 3)
    with pytest.raises(ArgumentError, match="the list of seeds is empty"):
        looked_at(planted.generator, seeds=[])
    with pytest.raises(ArgumentError, match="give seeds, not images"):
        looked_at(planted.generator, images=torch.zeros(1, 3, 8, 8))
