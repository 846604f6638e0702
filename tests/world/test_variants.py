"""The study's variants and the arms of the recipe search differ from their base in what they say, and in nothing else."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from ganwidgets.core.errors import ArgumentError
from ganwidgets.models.checkpoints import open_generator
from ganwidgets.models.progan import progan
from ganwidgets.models.progan_net import pixel_norm
from ganwidgets.testing import check_generator
from ganwidgets.world.render import pictures
from ganwidgets.world.scenes import place_of, scene
from ganwidgets.world.train import search, storybook, variants
from ganwidgets.world.train.adversary import Adversary
from ganwidgets.world.train.augment import augmented
from ganwidgets.world.train.projected import frozen
from ganwidgets.world.train.training_pictures import training_pictures

CACHE = Path(__file__).parents[2] / "notebooks" / "cache"
NETS = sorted(CACHE.glob("variant-*.safetensors"))
SOME = np.random.RandomState(0).randint(0, 256, (24, 64, 64, 3)).astype(np.uint8)
SHORT = tuple(dataclasses.replace(stage, pictures=32) for stage in variants.BASE.stages)


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANWIDGETS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(storybook, "training_pictures", lambda size, without: SOME)
    return tmp_path


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_a_variant_is_trained_to_its_end_once(at_home, name):
    recipe = dataclasses.replace(variants.VARIANTS[name], name=name, stages=SHORT)
    path = variants.trained(recipe, at_home)
    assert path == at_home / f"{name}.safetensors" and [file.name for file in at_home.glob("*.safetensors")] == [path.name]
    g = open_generator(path)
    check_generator(g, seeds=(0, 1, 2))
    assert g.name == name and g.image_size == 32 and storybook.metadata(path)["pictures"] == "64"
    written = path.stat().st_mtime_ns
    assert variants.trained(recipe, at_home).stat().st_mtime_ns == written


def test_with_pixel_norm_off_no_layer_norms_its_pixels():
    base, bare = (storybook.progan_of(variants.VARIANTS[name]) for name in ("base", "no-pixel-norm"))
    bare.load_state_dict(base.state_dict())
    x = torch.randn(2, base.channels[0], 4, 4)
    assert torch.equal(bare.layer(2)(pixel_norm(x)), base.layer(2)(x))
    for net, alike in ((base, True), (bare, False)):
        for layer in range(2, len(net.channels) + 1):
            x = torch.randn(2, net.channels[layer - 2], 4, 4)
            assert torch.allclose(net.layer(layer)(3 * x), net.layer(layer)(x), atol=1e-4) == alike
        features = 0.1 * torch.randn(2, net.channels[-1], 32, 32)
        assert torch.allclose(net.colors(3 * features, 32), net.colors(features, 32), atol=1e-4) == alike
    check_generator(progan(bare, "bare"), seeds=(0, 1, 2))


def test_with_deviation_off_a_picture_is_judged_alone():
    batch = torch.randn(8, 3, 16, 16)
    for deviation in (True, False):
        net = Adversary({8: 12, 4: 16}, deviation=deviation)
        assert net.joint.in_channels == 16 + deviation
        assert torch.allclose(net(batch)[:1], net(batch[:1]), atol=1e-5) != deviation


def test_a_world_without_churches_shows_none(tmp_path, monkeypatch):
    monkeypatch.setenv("GANWIDGETS_STATE", str(tmp_path))
    seeds = range(7_000, 7_060)
    kept = [seed for seed in seeds if scene(seed).place != "church"]
    assert 30 < len(kept) < 60 and [place_of(seed) for seed in kept] == [scene(seed).place for seed in kept]
    assert np.array_equal(training_pictures(16, seeds, without=("church",)), pictures(kept, 16))
    assert len(training_pictures(16, seeds)) == 60


def test_augmented_pictures_are_moved_and_covered_and_let_gradients_through():
    x = torch.full((64, 3, 16, 16), 0.5, requires_grad=True)
    y = augmented(x, torch.Generator().manual_seed(0))
    assert y.shape == x.shape
    grey = (y == 0).all(dim=1).float().mean(dim=(1, 2))
    assert 0.1 < grey.mean() < 0.5, "a quarter covered, less what hangs over, and the borders shifted in"
    y.sum().backward()
    assert (x.grad.abs().sum(dim=(1, 2, 3)) > 0).float().mean() > 0.9
    again = augmented(x, torch.Generator().manual_seed(0))
    assert torch.equal(y, again) and not torch.equal(y, augmented(x, torch.Generator().manual_seed(1)))


def test_an_adversary_with_augmentation_never_sees_a_picture_as_it_is():
    recipe = dataclasses.replace(variants.BASE, augment=True)
    for each in (recipe, variants.BASE):
        run, x = storybook.fresh(each, "cpu"), torch.rand(4, 3, 16, 16)
        assert torch.equal(storybook.seen(run, x), x) != each.augment


def test_frozen_weights_are_found_by_no_optimizer():
    net = frozen(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)))
    assert not list(net.parameters()) and not net.training
    net.requires_grad_(True)
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    net(x).sum().backward()
    assert x.grad is not None and not net[0].weight.requires_grad


@pytest.mark.parametrize("name", search.ARMS)
def test_an_arm_differs_from_the_base_in_what_it_says(name):
    recipe, base = dataclasses.asdict(search.ARMS[name]), dataclasses.asdict(variants.BASE)
    changed = {key for key in recipe if recipe[key] != base[key]} - {"name"}
    projected = {"projected", "stages", "cool_from", "cool_over"}
    assert len(changed) == 1 or changed == projected or (name == "projected-progressive" and changed == projected | {"rate"})
    if not name.startswith("projected"):
        assert search.ARMS[name].pictures == variants.BASE.pictures


def test_an_unknown_net_is_named():
    with pytest.raises(ArgumentError, match="no net 'nobody'"):
        variants.chosen(["nobody"], variants.STUDY)
    assert len(variants.chosen([], variants.STUDY)) == len(variants.STUDY) == 12


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_a_study_net_obeys_the_laws_and_is_small(path):
    g = open_generator(path)
    check_generator(g, seeds=(0, 1, 2))
    facts = storybook.metadata(path)
    assert g.name == path.stem and g.net.pixel_norm == ("no-pixel-norm" not in path.stem)
    assert int(facts["pictures"]) == variants.STUDY[path.stem].pictures and path.stat().st_size <= 1_000_000
    assert f"`{path.stem}`" in (CACHE / "variants.md").read_text()


def test_no_study_net_is_missing():
    assert {path.stem for path in NETS} == set(variants.STUDY)
    assert "CC0" in (CACHE / "variants.md").read_text()
