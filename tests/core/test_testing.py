"""The checks catch what they are for: each law has an adapter, or an edit, that breaks it."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.nets import Latents, twin
from ganwidgets.testing import check_edit, check_generator, planted_generator
from ganwidgets.testing.planted import BOXES, GRID, PlantedGenerator, PlantedNet

PLANTED = planted_generator().generator


def test_the_planted_generator_keeps_every_law(g):
    check_generator(g)


def test_planted_concepts_have_their_shares(planted):
    masks = planted.segmenter.segment(planted.generator.images(planted.generator.sample(range(40))))
    for place, name in enumerate(planted.segmenter.names):
        height, width = BOXES[name]
        assert float(masks[:, place].float().mean()) == pytest.approx(height * width / GRID**2, abs=1e-9)


def test_a_planted_unit_is_the_cause_of_its_concept(planted):
    g, latents = planted.generator, planted.generator.sample(range(6))
    before = planted.segmenter.segment(g.images(latents))
    for place, (name, unit) in enumerate(planted.units.items()):
        after = planted.segmenter.segment(UnitEdit(planted.layer, [unit]).apply(g).images(latents))
        assert not after[:, place].any(), name
        others = [other for other in range(3) if other != place]
        assert torch.equal(after[:, others], before[:, others])
        everywhere = UnitEdit(planted.layer, [unit], planted.level).apply(g).images(latents)
        assert planted.segmenter.segment(everywhere)[:, place].all()


def test_planted_units_reach_the_cap_of_the_quantile_rule_and_noise_does_not(planted):
    """IoU = min(.01, a) / max(.01, a) with thresholds from every pixel; no unplanted unit above .05."""
    g, latents = planted.generator, planted.generator.sample(range(32))
    features = g.head(latents, planted.layer).features.transpose(0, 1).flatten(1).double().numpy()
    masks = planted.segmenter.segment(g.images(latents))[:, :, ::2, ::2].transpose(0, 1).flatten(1).numpy()
    lit = features > np.quantile(features, 0.99, axis=1, keepdims=True)
    iou = (lit[:, None] & masks).sum(-1) / (lit[:, None] | masks).sum(-1)
    for place, unit in enumerate(planted.units.values()):
        share = masks[place].mean()
        assert iou[unit].argmax() == place
        assert iou[unit, place] == pytest.approx(min(0.01, share) / max(0.01, share), abs=0.01)
        split = features[unit] > 0.8  # between background and planted: what a rule with free thresholds can reach
        assert (split & masks[place]).sum() / (split | masks[place]).sum() >= 0.95
    assert np.delete(iou, list(planted.units.values()), axis=0).max() <= 0.05


@dataclass(frozen=True, eq=False)
class Broken(PlantedGenerator):
    """The planted generator with one law broken."""

    law: str = ""

    def sample(self, seeds, **how):
        latents = super().sample(seeds, **how)
        if self.law == "seed by place":
            return Latents(latents.pictures, z=super().sample(range(len(seeds))).z)
        if self.law == "global randomness":
            torch.rand(1)
        return latents

    def images(self, latents):
        pictures = super().images(latents)
        if self.law == "random":
            return pictures * (1 - 0.01 * torch.rand(1, generator=torch.Generator().manual_seed(id(pictures) % 2**31)))
        if self.law == "autocast":
            return pictures * (0.9 if torch.is_autocast_enabled("cpu") else 1)
        return pictures * 2 if self.law == "range" else pictures

    def head(self, inputs, upto):
        paused = super().head(inputs, upto)
        if self.law == "shape" and paused.layer == "layer2":
            return dataclasses.replace(paused, features=paused.features[:, :, ::2])
        if self.law == "weights":
            self.net.turns.data.mul_(1 + 1e-7)
        return dataclasses.replace(paused, pictures=()) if self.law == "pictures" else paused

    def resume(self, paused, upto):
        answer = super().resume(paused, upto)
        again = self.law == "resume" and paused.layer == "layer1" and answer.layer == "layer2"
        return dataclasses.replace(answer, features=answer.features + 1) if again else answer

    def tail(self, paused):
        pictures = super().tail(paused)
        if self.law == "in place":
            paused.features.mul_(1.5)
        if self.law == "place in the batch":
            return pictures * torch.linspace(1, 0.9, len(pictures))[:, None, None, None]
        return pictures.flip(3) if self.law == "tail" and paused.layer == "layer1" else pictures

    def with_net(self, net):
        if self.law == "digest":
            return dataclasses.replace(self, net=net, digests=None, name="other")
        return super().with_net(twin(PlantedNet().eval()) if self.law == "with_net" else net)


@pytest.mark.parametrize(("law", "words"), [
    ("seed by place", "alone and in a batch"), ("global randomness", "global source"), ("range", "-1 and 1"),
    ("random", "bit for bit"), ("place in the batch", "alone"), ("autocast", "autocast"), ("shape", "features at"),
    ("weights", "bit for bit|weight"), ("pictures", "knows its layer"), ("resume", "layer2"),
    ("in place", "as it was"), ("tail", "whole run"), ("digest", "with_net"), ("training", "eval mode"),
    ("gradient", "gradient"), ("hook", "hook"),
])
def test_a_broken_law_is_found(law, words):
    net = PlantedNet().eval().requires_grad_(False)
    g = Broken(net, "broken", PLANTED.layers, PLANTED.image_size, PLANTED.latent_shape, law=law)
    if law == "training":
        net.train()
    if law == "gradient":
        net.requires_grad_(True)
    if law == "hook":
        net.register_forward_hook(lambda module, inputs, output: None)
    with pytest.raises(AssertionError, match=f"broken law: .*{words}"):
        check_generator(g)


@pytest.mark.parametrize(("law", "words"), [
    ("other pictures", "stays as it was"), ("record", "equal"), ("weights", "no weight changed"),
    ("overwritten", "as before")])
def test_a_broken_edit_is_found(monkeypatch, law, words):
    g = PlantedGenerator(PlantedNet().eval().requires_grad_(False), "planted", PLANTED.layers, 128, (6,))
    edit = UnitEdit("layer2", [7], 0.0, seeds=(3,))
    check_edit(edit, g)
    change, record, apply = UnitEdit.change, UnitEdit.to_record, UnitEdit.apply
    if law == "other pictures":
        monkeypatch.setattr(UnitEdit, "change", lambda self, features, pictures=None: change(self, features))
    if law == "record":
        monkeypatch.setattr(UnitEdit, "to_record", lambda self: {**record(self), "mode": "add"})
        monkeypatch.setattr(UnitEdit, "__eq__", lambda self, other: self.mode == other.mode)
    if law in ("weights", "overwritten"):
        def overwrite(self, net):
            net.net.ink.data.mul_(0 if law == "overwritten" else 1 + 1e-6)
            return apply(self, net)
        monkeypatch.setattr(UnitEdit, "apply", overwrite)
    with pytest.raises(AssertionError, match=f"broken law: .*({words})"):
        check_edit(edit, g)
