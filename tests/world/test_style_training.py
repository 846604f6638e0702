"""Training the style-based generator: it shares storybook's loop, begins each size as the old picture, and mixes styles."""

import dataclasses

import pytest
import torch

from ganwidgets.models.checkpoints import open_generator
from ganwidgets.world.train import storybook, style
from ganwidgets.world.train.storybook import Stage
from ganwidgets.world.train.style import StyleRecipe

from .test_training import pictures, steps  # noqa: F401  (a fixture)

TINY = StyleRecipe(channels=(16, 12, 8), latent=16, mapping=2, adversary={8: 12, 4: 16}, fade=64, average_over=100,
                   stages=(Stage(8, 64, 8, 0.05), Stage(16, 10**9, 8, 0.2)))


def fresh():
    return style.fresh(TINY, "cpu")


@pytest.fixture
def at_home(tmp_path, monkeypatch, pictures):  # noqa: F811
    monkeypatch.setenv("GANWIDGETS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(storybook, "training_pictures", lambda size, without: pictures)
    return tmp_path


def test_it_learns_the_colours_of_its_pictures(pictures):  # noqa: F811
    colours = torch.from_numpy(pictures[:2, 0, 0] / 127.5 - 1).float()
    z = torch.randn(64, 16, generator=torch.Generator().manual_seed(3))

    def distance(net):
        pixels = style.draw(net, z, 16, 1.0, None).permute(0, 2, 3, 1).reshape(-1, 3)
        return torch.cdist(pixels, colours).min(dim=1).values.mean()

    run = fresh()
    before = distance(run.average)
    steps(run, pictures, 300)
    assert distance(run.average) < before / 2


def test_a_new_size_begins_as_the_old_picture():
    net = style.stylegan2_of(TINY)
    z = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))
    style.grow(net, 16)
    with torch.no_grad():
        small, large = (style.draw(net, z, size, 1.0, None) for size in (8, 16))
        assert torch.allclose(large, net.to_rgbs[1].upsample(small), atol=1e-5)
        assert not torch.allclose(style.draw(style.stylegan2_of(TINY), z, 16, 1.0, None),
                                  net.to_rgbs[1].upsample(small), atol=1e-2)


def test_styles_are_mixed_from_a_row_on():
    w = torch.arange(64.0)[:, None, None].expand(-1, 6, 2)
    mixed = style.mix(w, torch.Generator().manual_seed(0))
    other = mixed[:, :, 0] != w[:, :, 0]
    assert 16 < other.any(1).sum() < 48, "about half of the pictures"
    assert not other[:, 0].any() and (other[:, 1:] >= other[:, :-1]).all(), "never the first row, and all that follow"
    assert torch.equal(mixed[other], w.roll(1, 0)[other])


def test_trained_weights_load_and_can_be_trained_on(at_home):
    path = style.train(minutes=0.02, recipe=TINY, weights=at_home / "weights")
    g = open_generator(path)
    assert g.name == "storybook-style" and g.images(g.sample([0])).shape == (1, 3, 16, 16)
    state = at_home / "state" / "storybook-style"
    kept = torch.load(state / "state.pt", weights_only=True)
    (state / "state.pt").unlink()
    run = fresh()
    storybook.restore(run, state, at_home / "weights", "cpu")
    assert run.shown == kept["shown"] > 64
    for key, value in run.adversary.state_dict().items():
        assert torch.equal(value, kept["adversary"][key].half().float())
    for key, value in run.average.state_dict().items():
        if key != "latent_avg":     # taken anew when the weights are written
            assert torch.equal(value, kept["average"][key].half().float()), key


def test_a_size_that_has_not_begun_is_the_smaller_picture_enlarged(at_home):
    young = dataclasses.replace(TINY, stages=(Stage(8, 10**9, 8, 0.05), Stage(16, 1, 8, 0.2)))
    g = open_generator(style.train(minutes=0.01, recipe=young, weights=at_home / "weights"))
    rgb = g.head(g.sample([0, 1]), "convs.2").rest[1]
    assert torch.allclose(g.images(g.sample([0, 1])), g.net.to_rgbs[1].upsample(rgb).clamp(-1, 1), atol=0.05)
