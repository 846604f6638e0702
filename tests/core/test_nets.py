"""Seeds, latents, paused runs, twins, digests and traces keep what they promise."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import ganwidgets.core.errors as errors
from ganwidgets.core.digests import WeightDigests, digest
from ganwidgets.core.edited import EditedClassifier
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.latents import Latents, check_seeds, normals
from ganwidgets.core.nets import Layer, LayeredClassifier, PausedRun, full_float32, twin, with_parameter
from ganwidgets.core.trace import Trace


@pytest.mark.parametrize("seeds", [[-1], [2**32], [1.0], ["3"], [None], [True], [float("nan")], "12", 7, None,
                                   torch.tensor([0.5]), np.array([True])])
def test_what_is_no_seed_is_named(seeds):
    with pytest.raises(errors.SeedError, match="seed|picture numbers"):
        check_seeds(seeds)


@pytest.mark.parametrize("seeds", [range(3), (0, 1, 2), np.arange(3), torch.arange(3), [np.uint8(0), np.int64(1), 2]])
def test_seeds_of_any_integer_type_are_whole_numbers(seeds):
    assert check_seeds(seeds) == (0, 1, 2) and all(type(seed) is int for seed in check_seeds(seeds))


def test_a_picture_comes_from_its_seed_alone(g):
    z = normals([5, 4_294_967_295], (6,))
    assert np.array_equal(z[0].numpy(), np.random.RandomState(5).standard_normal(6).astype(np.float32))
    assert torch.equal(g.sample([9, 5]).z[1], z[0])
    assert len(g.sample([])) == 0


def test_latents_are_a_batch(g):
    latents = g.sample([4, 5, 6])
    assert latents[1].pictures == (5,) and latents[-1].pictures == (6,)
    assert latents[1:].pictures == (5, 6) == latents[[1, 2]].pictures == latents[torch.tensor([1, 2])].pictures
    assert latents[np.array([False, True, True])].pictures == (5, 6)
    joined = Latents.join([latents[2], latents[:2]])
    assert joined.pictures == (6, 4, 5) and torch.equal(joined.z, latents.z[[2, 0, 1]])
    with pytest.raises(IndexError):
        latents[3]
    with pytest.raises(errors.LatentsError, match="join"):
        Latents.join([latents, dataclasses.replace(latents, noise="none")])
    with pytest.raises(errors.LatentsError, match="join"):
        Latents.join([])


def test_own_vectors_have_numbers_of_their_own(g):
    z = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    latents = g.latents(z)
    assert all(-2**48 <= picture < 0 for picture in latents.pictures) and len(set(latents.pictures)) == 2
    assert g.latents(z[1:]).pictures == latents.pictures[1:]
    assert torch.equal(g.latents(z.numpy().tolist()).z, z)


@pytest.mark.parametrize("z", [None, torch.zeros(2, 5), torch.zeros(6), torch.zeros(0, 6), "z",
                               torch.full((1, 6), torch.nan)])
def test_vectors_that_do_not_fit_are_named(g, z):
    with pytest.raises(errors.LatentsError, match="z"):
        g.latents(z)


@pytest.mark.parametrize("how", [{"truncation": 0.5}, {"labels": [1]}, {"prompt": "a dot"}])
def test_what_this_kind_of_net_cannot_do_is_refused(g, how):
    with pytest.raises(errors.ArgumentError, match=next(iter(how))):
        g.sample([0], **how)


def test_latents_of_the_wrong_make_are_refused():
    for bad in ({}, {"z": torch.zeros(3, 2)}, {"z": torch.tensor(1.0)}, {"z": torch.zeros(2, 2), "noise": "loud"},
                {"z": torch.zeros(2, 2), "residuals": (("layer1", torch.zeros(1)),)}):
        with pytest.raises(errors.LatentsError):
            Latents((0, 1), **bad)
    with pytest.raises(errors.SeedError):
        Latents((2**32,), z=torch.zeros(1, 2))


def test_layers_are_found_by_name_and_by_grid(g):
    assert g.layer("layer2") is g.layers[1] and g.layer_at(64).name == "layer3" and str(g.layers[0]) == "layer1"
    with pytest.raises(errors.LayerError, match="no layer 'layr2' in planted; its layers are layer1, layer2, layer3."):
        g.layer("layr2")
    with pytest.raises(errors.LayerError, match="no grid 32 in planted; its grids are 16, 64"):
        g.layer_at(32)
    with pytest.raises(errors.LayerError, match="no linear memory|linear memory at layer3 alone"):
        g.memory("layer1")


def test_features_come_in_batches_the_same(g):
    latents = g.sample(range(5))
    assert torch.equal(g.features(latents, "layer2", batch=2), g.head(latents, "layer2").features)


def test_paused_runs_are_batches(g):
    run = g.head(g.sample([4, 5, 6]), "layer1")
    again = PausedRun.join([run[[2]], run[:2]])
    assert again.pictures == (6, 4, 5)
    assert torch.equal(g.tail(again), g.images(g.sample([6, 4, 5])))
    with pytest.raises(errors.LayerError, match="join"):
        PausedRun.join([run, g.resume(run, "layer2")])


def small():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Sequential(nn.ReLU(), nn.Conv2d(4, 2, 1)))
    return net.eval().requires_grad_(False)


def test_a_twin_shares_tensors_and_nothing_else():
    net = small()
    net[2].constant = torch.ones(2)
    copied = twin(net)
    first, second = (held.state_dict(keep_vars=True).values() for held in (net, copied))
    assert all(a is b for a, b in zip(first, second, strict=True)) and copied is not net and copied[2] is not net[2]
    assert copied[2].constant is net[2].constant
    copied[0].register_forward_hook(lambda module, inputs, output: output * 0)
    copied[2].extra = 1
    assert not net[0]._forward_hooks and not hasattr(net[2], "extra")
    changed = with_parameter(net, "2.1.weight", torch.zeros(2, 4, 1, 1))
    assert float(net[2][1].weight.abs().sum()) > 0 and float(changed[2][1].weight.abs().sum()) == 0
    with pytest.raises(errors.LayerError, match="parameter"):
        with_parameter(net, "2.1.wight", torch.zeros(1))


def test_a_digest_is_of_names_shapes_and_bytes():
    net = small()
    first = digest(net)
    assert digest(twin(net)) == first and len(first) == 64
    assert digest(nn.Sequential(*list(net.children())[:2])) != first
    net[1].running_mean += 1e-3
    assert digest(net) != first


def test_digests_are_computed_once_and_kept():
    net = small()
    digests = WeightDigests(net)
    first = digests.whole
    net[0].weight += 1
    assert digests.whole == first and digests.by_name.keys() == dict(net.state_dict()).keys()


def test_a_trace_records_and_changes_and_leaves_nothing():
    net, x = small(), torch.randn(2, 3, 5, 5)
    plain = net(x)
    with Trace(net, ["0", "2.0"]) as trace:
        assert torch.equal(trace.run(x), plain)
        assert torch.equal(trace.outputs["0"], net[0](x)) and list(trace.outputs) == ["0", "2.0"]
    with Trace(net, "2.0", change=lambda name, output: output * 0) as trace:
        assert torch.equal(trace.run(x), net[2][1](torch.zeros(2, 4, 5, 5)))
    with Trace(net, "0", stop=True) as trace:
        assert trace.run(x) is None and torch.equal(trace.outputs["0"], net[0](x))
    with pytest.raises(ZeroDivisionError), Trace(net, "0", change=lambda name, output: 1 / 0) as trace:
        trace.run(x)
    assert torch.equal(net(x), plain) and not any(module._forward_hooks for module in net.modules())
    with pytest.raises(errors.LayerError, match="over"):
        trace.run(x)
    with pytest.raises(errors.LayerError, match="no module '2.9'"):
        Trace(net, "2.9")


def test_full_float32_is_a_context():
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        with pytest.raises(ZeroDivisionError), torch.autocast("cpu", dtype=torch.bfloat16), full_float32():
            assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
            raise ZeroDivisionError
        assert torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


@dataclasses.dataclass(frozen=True, eq=False)
class SmallClassifier(LayeredClassifier):
    net: nn.Module
    name: str = "small"
    layers: tuple = (Layer("one", 4, 5, 5), Layer("two", 2, 5, 5))
    image_size: int = 5
    classes: tuple = ("left", "right")
    companions: dict = dataclasses.field(default_factory=dict)
    digests: WeightDigests | None = None

    def head(self, inputs, upto):
        return self.resume(PausedRun("one", self.net[1](self.net[0](inputs))), upto)

    def resume(self, paused, upto):
        if paused.layer == self.layer(upto).name:
            return paused
        return PausedRun("two", self.net[2](paused.features))

    def tail(self, paused):
        return self.resume(paused, "two").features.mean((2, 3))


def test_edits_apply_to_classifiers_too():
    classifier, images = SmallClassifier(small()), torch.randn(3, 3, 5, 5)
    edit = UnitEdit("two", [1], 7.0)
    edited = edit.apply(classifier)
    assert isinstance(edited, EditedClassifier) and edited.classes == classifier.classes
    assert torch.equal(edited.logits(images)[:, 0], classifier.logits(images)[:, 0])
    assert torch.equal(edited.logits(images)[:, 1], torch.full((3,), 7.0))
    with pytest.raises(errors.EditError, match="classifier"):
        dataclasses.replace(edit, seeds=(0,)).apply(classifier)


def test_look_distance_is_zero_for_the_same_and_within_its_range():
    from ganwidgets.core.images import look_distance
    classifier = SmallClassifier(small())
    a, b = torch.randn(2, 3, 3, 5, 5).unbind(0)
    assert torch.equal(look_distance(a, a, classifier), torch.zeros(3))
    found = look_distance(a, b, classifier)
    assert found.shape == (3,) and bool((found > 0).all()) and bool((found <= 4).all())
    torch.testing.assert_close(look_distance(b, a, classifier), found)
