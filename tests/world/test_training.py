"""Training a generator: small, seeded, resumable, and it moves towards the pictures it is shown."""

import dataclasses

import numpy as np
import pytest
import torch

from ganwidgets.core.errors import ArgumentError
from ganwidgets.models.checkpoints import open_generator
from ganwidgets.world.train import storybook
from ganwidgets.world.train.adversary import Adversary, add_batch_deviation
from ganwidgets.world.train.state import announced
from ganwidgets.world.train.storybook import Recipe, Stage

TINY = Recipe(channels=(16, 16, 16, 16, 12, 12), latent=16, replicate_from=16, adversary={8: 12, 4: 16},
              stages=(Stage(8, 64, 8, 0.05), Stage(16, 10**9, 8, 0.2)), fade=64, average_over=100)


@pytest.fixture
def pictures():
    """Two flat colours: what a generator of any size can learn to draw."""
    colours = np.array([[200, 40, 40], [40, 40, 200]], np.uint8)
    return np.broadcast_to(colours[np.arange(40) % 2][:, None, None], (40, 16, 16, 3))


@pytest.fixture
def at_home(tmp_path, monkeypatch, pictures):
    monkeypatch.setenv("GANWIDGETS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(storybook, "training_pictures", lambda size, without: pictures)
    monkeypatch.setattr(storybook, "WEIGHTS", tmp_path / "weights")
    return tmp_path


def steps(run, pictures, count):
    for step in range(count):
        stage, fade = storybook.stage_of(run.recipe, run.shown)
        storybook.one_step(run, pictures, stage, fade, step, "cpu")
        run.shown += stage.batch


def test_the_stage_follows_the_pictures_shown():
    assert storybook.stage_of(TINY, 0) == (TINY.stages[0], 1.0)
    assert storybook.stage_of(TINY, 64) == (TINY.stages[1], 0.0)
    assert storybook.stage_of(TINY, 96) == (TINY.stages[1], 0.5)
    assert storybook.stage_of(TINY, 10**7) == (TINY.stages[1], 1.0)


def test_it_learns_the_colours_of_its_pictures(pictures):
    colours = torch.from_numpy(pictures[:2, 0, 0] / 127.5 - 1).float()
    z = torch.randn(64, 16, generator=torch.Generator().manual_seed(3))

    def distance(net):
        pixels = storybook.draw(net, z, 16, 1.0).permute(0, 2, 3, 1).reshape(-1, 3)
        return torch.cdist(pixels, colours).min(dim=1).values.mean()

    run = storybook.fresh(TINY, "cpu")
    before = distance(run.average)
    steps(run, pictures, 300)
    assert distance(run.average) < before / 2


def test_saving_and_resuming_changes_nothing(pictures, tmp_path):
    one = storybook.fresh(TINY, "cpu")
    steps(one, pictures, 4)
    storybook.save(one, tmp_path)
    other = storybook.resumed(tmp_path, TINY, "cpu")
    assert other.shown == one.shown == 32
    for run in (one, other):
        steps(run, pictures, 3)
    for a, b in zip(one.average.parameters(), other.average.parameters(), strict=True):
        assert torch.equal(a, b)


def test_trained_weights_load_and_can_be_trained_on(at_home):
    path = storybook.train(minutes=0.02, recipe=TINY, weights=at_home / "weights")
    g = open_generator(path)
    assert g.images(g.sample([0])).shape == (1, 3, 16, 16)
    state = at_home / "state" / "storybook"
    (state / "state.pt").rename(at_home / "state.pt")
    run, kept = storybook.resumed(state, TINY, "cpu", at_home / "weights"), torch.load(at_home / "state.pt", weights_only=True)
    assert run.shown == kept["shown"] > 64
    for part in ("average", "adversary"):
        for key, value in getattr(run, part).state_dict().items():
            assert torch.equal(value, kept[part][key].half().float())
    assert torch.equal(g.net.state_dict()["layer3.conv.weight"], run.average.state_dict()["layer3.conv.weight"])


def test_a_size_that_has_not_begun_is_the_smaller_picture_enlarged(at_home):
    young = dataclasses.replace(TINY, stages=(Stage(8, 10**9, 8, 0.05), Stage(16, 1, 8, 0.2)))
    g = open_generator(storybook.train(minutes=0.01, recipe=young, weights=at_home / "weights"))
    run = storybook.resumed(at_home / "state" / "storybook", young, "cpu")
    latents = g.sample(range(16))
    small = storybook.draw(run.average, latents.z, 8, 1.0).clamp(-1, 1)
    enlarged = torch.nn.functional.interpolate(small, scale_factor=2)
    assert (g.images(latents) - enlarged).square().mean() < 0.25 * enlarged.var()


def test_an_earlier_run_is_not_overwritten(at_home):
    storybook.train(minutes=0.005, recipe=TINY, weights=at_home / "weights")
    with pytest.raises(ArgumentError, match="--resume"):
        storybook.train(minutes=0.005, recipe=TINY, resume=False, weights=at_home / "weights")


def test_the_adversary_sees_how_alike_a_batch_is():
    same, mixed = torch.ones(8, 4, 4, 4), torch.randn(8, 4, 4, 4)
    assert add_batch_deviation(same)[:, -1].max() < 0.01 < 0.3 < add_batch_deviation(mixed)[:, -1].min()


def test_the_half_size_reading_fades_out():
    net = Adversary({8: 12, 4: 16})
    x = torch.randn(4, 3, 16, 16)
    assert not torch.allclose(net(x, 0.3), net(x, 1.0))
    assert torch.allclose(net(x, 0.0), net(torch.nn.functional.avg_pool2d(x, 2), 1.0), atol=1e-5)


def test_a_new_size_begins_as_the_old_picture(pictures):
    run = storybook.fresh(TINY, "cpu")
    steps(run, pictures, 8)
    storybook.grow(run.average, 16)
    z = torch.randn(32, 16, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        old = torch.nn.functional.interpolate(storybook.draw(run.average, z, 8, 1.0), scale_factor=2)
        new = storybook.draw(run.average, z, 16, 1.0)
        anew = storybook.draw(storybook.fresh(TINY, "cpu").average, z, 16, 1.0)

    def unlike(pictures):
        return float((pictures - old).square().mean() / (old - old.mean()).square().mean())

    assert unlike(new) < 0.25 < 1 < unlike(anew)


def test_steps_are_announced_by_tenths(capsys):
    assert list(announced(range(5, 30), "drawing")) == list(range(5, 30))
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 10 and said[0] == "drawing: 12 %" and said[-1] == "drawing: 100 %"
    assert list(announced(range(3, 3), "nothing")) == [] and not capsys.readouterr().out
