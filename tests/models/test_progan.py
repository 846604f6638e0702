"""The ProGAN adapter obeys the laws of a generator and says what is wrong with a file."""

import dataclasses
import json

import pytest
import torch
from safetensors.torch import save_file

from ganwidgets.core.errors import CheckpointError, LayerError
from ganwidgets.models.checkpoints import open_generator
from ganwidgets.models.contents import Contents
from ganwidgets.models.progan import build, progan

from .tiny_nets import CHANNELS
from .tiny_nets import progan_net as small


def written(path, **changes):
    facts = {"model": "progan", "name": "small", "latent": "16", "upsample": "bilinear", "replicate_from": "16",
             "recipe": json.dumps({"channels": CHANNELS})} | changes.pop("facts", {})
    weights = {k: v.contiguous() for k, v in small().state_dict().items()} | changes
    save_file({k: v for k, v in weights.items() if v is not None}, path, metadata=facts)
    return path


@pytest.mark.parametrize("upsample", ["nearest", "bilinear"])
@pytest.mark.parametrize("replicate_from", [16, 1 << 30])
def test_head_and_tail_are_the_whole_run_bit_for_bit(upsample, replicate_from):
    g = progan(small(upsample, replicate_from), "small")
    latents = g.sample([0, 5, 7])
    whole = g.images(latents)
    assert whole.shape == (3, 3, 16, 16) and whole.abs().max() <= 1 and whole.std() > 0
    for layer in g.layers:
        paused = g.head(latents, layer)
        assert paused.features.shape == (3, layer.channels, layer.height, layer.width)
        assert torch.equal(g.tail(paused), whole)


def test_bilinear_doubling_is_nearest_doubling_then_the_binomial_blur():
    x = torch.rand(1, 1, 5, 5)
    doubled = torch.nn.functional.interpolate(x, scale_factor=2, mode="nearest")
    kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
    padded = torch.nn.functional.pad(doubled, (1, 1, 1, 1), mode="replicate")
    blurred = torch.nn.functional.conv2d(padded, (kernel[:, None] * kernel)[None, None])
    assert torch.allclose(blurred, torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), atol=1e-6)


def test_residuals_are_added_on_the_way_once_each():
    g = progan(small(), "small")
    latents = g.sample([0, 1])
    added = torch.randn(2, 12, 8, 8)
    asked = dataclasses.replace(latents, residuals=(("layer4", added), ("layer2", torch.zeros(2, 16, 4, 4))))
    paused = g.head(latents, "layer4")
    wanted = g.tail(dataclasses.replace(paused, features=paused.features + added))
    assert torch.equal(g.images(asked), wanted) and not torch.equal(wanted, g.images(latents))
    assert torch.equal(g.head(asked, "layer3").features, g.head(latents, "layer3").features)


def test_going_back_is_refused():
    g = progan(small(), "small")
    with pytest.raises(LayerError, match="layer2"):
        g.resume(g.head(g.sample([0]), "layer4"), "layer2")


def test_a_file_comes_back_as_it_was(tmp_path):
    g = open_generator(written(tmp_path / "small.safetensors"))
    same = progan(small(), "small")
    assert g.name == "small" and [str(layer) for layer in g.layers] == [f"layer{n}" for n in range(1, 7)]
    assert torch.allclose(g.images(g.sample([3])), same.images(same.sample([3])), atol=1e-5)
    assert g.digest == same.digest


@pytest.mark.parametrize(("changes", "words"), [
    ({"layer3.conv.weight": None}, "layer3.conv.weight"),
    ({"layer3.conv.weight": torch.zeros(2, 2)}, "layer3.conv.weight"),
    ({"layer2.wscale.b": torch.full((16,), float("nan"))}, "layer2.wscale.b"),
    ({"layer6.conv.weight": None, "layer6.wscale.b": None}, "5 layers"),
    ({"surplus": torch.zeros(1)}, "surplus"),
])
def test_what_is_wrong_with_a_file_is_named(tmp_path, changes, words):
    with pytest.raises(CheckpointError, match=words):
        open_generator(written(tmp_path / "bad.safetensors", **changes))


def test_the_older_public_layout_is_read_alike():
    """`features.N` counted from 0, `output`, and scales that say nothing new."""
    state = small("nearest", 1 << 30).state_dict()
    older = {}
    for key, value in state.items():
        number = key.split(".")[0].removeprefix("layer")
        older[f"features.{int(number) - 1}.{key.split('.', 1)[1]}" if number.isdigit() else
              f"output.{key.split('.', 1)[1]}"] = value.half()
    older |= {f"features.{n}.wscale.scale": torch.ones(1) for n in range(6)}
    g = build(Contents("older", older))
    same = progan(small("nearest", 1 << 30), "small")
    assert g.layers == same.layers and torch.allclose(g.images(g.sample([3])), same.images(same.sample([3])), atol=2e-2)


def test_a_page_of_html_is_no_checkpoint(tmp_path):
    (tmp_path / "page.safetensors").write_text("<html>404</html>")
    with pytest.raises(CheckpointError, match="page.safetensors"):
        open_generator(tmp_path / "page.safetensors")
