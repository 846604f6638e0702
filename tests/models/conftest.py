"""What the tests of adapters share: a file in and a generator out, every kind of damage, and pictures in any batch."""

import pytest
import torch

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.contents import Contents


@pytest.fixture
def loaded(tmp_path):
    """Writes what a training script would save, and opens it as a user does."""
    def load(whole, name="net.pth", **asked):
        torch.save(whole, tmp_path / name)
        return gw.load_checkpoint(tmp_path / name, device="cpu", **asked)

    return load


@pytest.fixture
def same_in_any_batch():
    """Latents bit for bit and pictures within 1e-4: alone, among seven, and in another order."""
    @torch.no_grad()
    def check(g, **asked):
        seeds = [3, 0, 4_294_967_295, 17, 5, 8, 1]
        whole, order = g.sample(seeds, **asked), [6, 2, 0, 5, 1, 4, 3]
        pictures, turned = g.images(whole), g.sample([seeds[row] for row in order], **asked)
        assert torch.equal(turned.z, whole.z[order]) and torch.allclose(g.images(turned), pictures[order], atol=1e-4)
        for row, seed in enumerate(seeds):
            alone = g.sample([seed], **asked)
            assert torch.equal(alone.z[0], whole.z[row])
            assert whole.condition is None or torch.equal(alone.condition[0], whole.condition[row])
            assert torch.allclose(g.images(alone)[0], pictures[row], atol=1e-4)
        assert len({tuple(picture.flatten()[:50].tolist()) for picture in pictures}) == 7

    return check


@pytest.fixture
def names_the_key():
    """Takes away, adds, reshapes and spoils tensors of a file; every error must name the key that was hurt.

    `every`: how many keys are passed over; `apart`: keys whose damage is told in other words.
    """
    def check(build, state, facts=None, *, every=1, apart=()):
        for number, (key, value) in enumerate(state.items()):
            if number % every or key in apart:
                continue
            longer = torch.cat([value, value[:1]]) if value.ndim else value[None].expand(2)
            hurt = {"missing": {k: v for k, v in state.items() if k != key}, "misshapen": state | {key: longer}}
            if value.is_floating_point():
                spoilt = value.clone()
                spoilt.view(-1)[-1] = float("nan")
                hurt |= {"spoilt": state | {key: spoilt}, "flat": state | {key: value.reshape(-1, 1, 1)}}
            for how, tensors in hurt.items():
                with pytest.raises(CheckpointError) as raised:
                    build(Contents("hurt", tensors, facts or {}))
                assert key in str(raised.value), f"{how} {key}: {raised.value}"
        with pytest.raises(CheckpointError, match="surplus.weight"):
            build(Contents("hurt", state | {"surplus.weight": torch.zeros(3)}, facts or {}))

    return check
