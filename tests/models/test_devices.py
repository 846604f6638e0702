"""On a device without float64, whose tensors do not mix with the CPU's: every adapter and the bundled nets do what they do here."""

import dataclasses

import numpy as np
import pytest
import torch

import ganwidgets as gw
from ganwidgets.core.nets import full_float32, no_autocast

from .accelerator import DEVICE, accelerator
from .test_every_adapter import Brightness
from .tiny_nets import NETS

SEEDS = (3, 4)


def middle(g):
    return g.layers[len(g.layers) // 2]


def drawn(g, edit=None, **changed):
    latents = dataclasses.replace(g.sample(SEEDS), **changed)
    return (edit.apply(g) if edit is not None else g).images(latents)


def own(g):
    return g.images(g.latents(np.random.RandomState(0).standard_normal((2, *g.latent_shape))))


def joined(g):
    run = g.head(g.sample(SEEDS), middle(g))
    return g.tail(gw.PausedRun.join([run[[1]], g.head(g.sample([5]), middle(g))]))


def styled(g):
    if not hasattr(g, "styles"):
        return torch.zeros(1)
    one, other = (g.styles(g.sample([seed], truncation=0.5)) for seed in SEEDS)
    return g.images(g.mixed(one, other, middle(g)))


def inverted(g):
    layer = middle(g)
    return drawn(g, residuals=((layer.name, torch.ones(2, layer.channels, layer.height, layer.width)),))


def slopes(g):
    with torch.enable_grad():
        z = g.sample(SEEDS).z.clone().requires_grad_()
        return torch.autograd.grad(drawn(g, z=z).square().sum(), z)[0]


def dissected(g):
    return gw.dissect(g, Brightness(), layer=middle(g), seeds=range(8), progress=False)


def painted(g):
    with gw.PaintBox(g, dissected(g), segmenter=Brightness(), driver="inline") as lab:
        lab.paint(gw.Region.box(0, 0, 0.6, 0.6), lab.concepts[0]["name"])
        return torch.from_numpy(lab.heatmap(lab.concepts[0]["name"])).sum() + torch.from_numpy(np.array(lab.image)).float()


def looked_through(g):
    d = dissected(g)
    with gw.UnitBrowser(g, d, driver="inline") as lab:
        lab.tick([0, 1])
        lab.probe(0.5, 0.5)
        gw.examples(g, d, [0], k=2, progress=False)
        return torch.from_numpy(np.array(lab.image)).float()


def measured(g):
    taken = gw.removal(g, Brightness(), "bright", gw.UnitEdit(middle(g), [0, 1], 0.0), seeds=range(4), progress=False)
    return torch.from_numpy(taken.after)


def caused(g):
    return torch.tensor(gw.causes(g, Brightness(), layer=middle(g), seeds=range(4), concepts=["bright"], grown=1,
                                  progress=False).rankings["insert"]["bright"])


def counted(g):
    shares = gw.segmentation_statistics((g, range(8)), Brightness(), progress=False).table
    one, other = (g.images(g.sample(seeds)).flatten(1) for seeds in (range(8), range(8, 16)))
    near = gw.precision_recall(one, other)
    return torch.tensor([*shares.flatten(), near.precision, near.recall])


BOX, MASK = gw.Region.box(0, 0, 0.5, 1), gw.Region.from_mask(np.random.RandomState(0).rand(13, 13))
WAYS = {
    "drawn": drawn, "with noise of a seed": lambda g: drawn(g, noise=7), "own vectors": own, "joined": joined, "mixed": styled,
    "with residuals": inverted, "slopes": slopes, "walked": lambda g: gw.walk(g, SEEDS, steps=3)[1],
    "set": lambda g: drawn(g, gw.UnitEdit(middle(g), [0, 2], 1.5, region=MASK, seeds=[3])),
    "scaled": lambda g: drawn(g, gw.UnitEdit(middle(g), [0, 2], [1.5, 2], mode="scale", weights=[0.1, 0.2])),
    "other latents": lambda g: drawn(g, gw.LatentEdit(g.sample([6]), seeds=(3,))),
    "other latents within": lambda g: drawn(g, gw.LatentEdit(g.sample([6]), seeds=(3,), region=BOX)),
}
LABS = {"painted": painted, "looked through": looked_through, "measured": measured, "caused": caused, "counted": counted}


ALIKE = ("stylegan2, the port", "stylegan2-ada of classes", "stylegan3-t", "biggan-deep, ajbrock's", "r3gan")


@pytest.mark.parametrize(("name", "ways"), [*((name, WAYS) for name in NETS if name not in ALIKE), ("dcgan", LABS)])
def test_every_generator_draws_and_is_worked_with_there_as_here(name, ways):
    with torch.no_grad():
        g, here = NETS[name](), {}
        for way, act in ways.items():
            here[way] = act(g)
        with accelerator():
            g.net.to(DEVICE)
            for way, act in ways.items():
                found = act(g)
                assert way != "drawn" or found.device == DEVICE
                assert torch.allclose(found.cpu(), here[way], atol=1e-4), way


def test_the_bundled_nets_work_there_as_here():
    def answers(g, segmenter, classifier, scorer):
        images = g.images(g.sample(SEEDS)).detach()
        cause = gw.ace(g, segmenter, "tree", layer=g.layer_at(16), seeds=range(8), steps=2, batch=2, progress=False)
        return [images, segmenter.probabilities(images), classifier.logits(images), scorer.score(images, "a red house"),
                torch.from_numpy(cause.alpha)]

    # opened outside: files are filled into nets that lie on "meta", which is something else within
    stay, move = ([load("storybook", device="cpu") for load in (gw.load, gw.load_segmenter, gw.load_classifier, gw.load_scorer)]
                  for _ in range(2))
    here = answers(*stay)
    with accelerator():
        for each in move:
            each.net.to(DEVICE)
        there = answers(*move)
        assert there[0].device == DEVICE
        for one, same in zip(there, here, strict=True):
            assert torch.allclose(one.detach().cpu(), same.detach(), atol=1e-6)


@pytest.mark.parametrize(("act", "error", "words"), [
    (lambda x: x.double(), TypeError, "float64"), (lambda x: torch.ones(3, dtype=torch.float64).to(DEVICE), TypeError, "float64"),
    (lambda x: torch.zeros(3, dtype=torch.float64, device=DEVICE), TypeError, "float64"),
    (lambda x: x * torch.ones(3), RuntimeError, "of the CPU"), (lambda x: torch.ones(3)[x.long()], RuntimeError, "of the CPU"),
    (lambda x: torch.cat([x, torch.ones(3)]), RuntimeError, "of the CPU"), (lambda x: x.numpy(), (RuntimeError, TypeError), None),
])
def test_the_device_refuses_what_a_real_one_refuses(act, error, words):
    with accelerator():
        x = torch.arange(3.0).to(DEVICE)
        assert torch.equal((x[[2, 0]] * torch.tensor(2.0)).cpu(), torch.tensor([4.0, 0.0])) and x.tolist() == [0, 1, 2]
        with pytest.raises(error, match=words):
            act(x)


def test_no_device_rounds_to_half_precision_and_one_without_autocast_is_left_alone():
    for device in ("cpu", "mps"):
        with torch.autocast(device, torch.bfloat16):
            assert torch.is_autocast_enabled(device)
            with full_float32():
                assert not torch.is_autocast_enabled(device)
            with no_autocast(device):
                assert not torch.is_autocast_enabled(device)
    with pytest.raises(RuntimeError), torch.autocast(DEVICE.type, enabled=False):
        pass
    with no_autocast(DEVICE.type):
        assert torch.ones(1) == 1
