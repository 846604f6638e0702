"""The door for files of others: every layout in, everything damaged or hostile out, with the reason and with nothing run."""

import argparse
import io
import os
import pickle
import random
import struct
import time
import zipfile

import pytest
import torch
from safetensors.torch import save_file

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.models.checkpoints import open_generator
from ganwidgets.models.progan_net import ProGANNet
from ganwidgets.testing import check_generator

DAMAGES = 200       # of each layout
SLOW = 20           # seconds


def state():
    torch.manual_seed(0)
    return {key: value.contiguous() for key, value in ProGANNet((8, 8, 6, 6), latent=8).state_dict().items()}


def written(path, layout):
    if layout == "safetensors":
        save_file(state(), path)
    else:
        torch.save(state(), path, _use_new_zipfile_serialization=layout == "zip")
    return path


WAYS = {
    "plain": lambda held: held, "state_dict": lambda held: {"state_dict": held, "epoch": 3},
    "wrapped twice": lambda held: {"model": {"module." + key: value for key, value in held.items()}},
    "beside a discriminator": lambda held: {"netD": {"main.0.weight": torch.zeros(3)}, "netG": held, "optimizerG": {"state": {}}},
    "averaged first": lambda held: {"g": {key: value * 0 for key, value in held.items()}, "g_ema": held},
    "half": lambda held: {key: value.half() for key, value in held.items()},
    "with arguments": lambda held: {"generator": held, "args": argparse.Namespace(size=8)},
    "parameters": lambda held: {key: torch.nn.Parameter(value) for key, value in held.items()},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_generator_is_found_however_it_was_saved(way, tmp_path):
    torch.save(WAYS[way](state()), tmp_path / "mine.pth")
    g = gw.load_checkpoint(tmp_path / "mine.pth", device="cpu")
    wanted = open_generator(written(tmp_path / "plain.safetensors", "safetensors"))
    assert torch.allclose(g.images(g.sample([3])), wanted.images(wanted.sample([3])), atol=0.02 if way == "half" else 1e-6)
    assert g.name == "mine" and "verified=False" in repr(g)
    assert g.source == f"gw.load_checkpoint({str(tmp_path / 'mine.pth')!r})"
    check_generator(g)


@pytest.mark.parametrize("layout", ["zip", "legacy", "safetensors"])
def test_every_layout_is_read_and_told(layout, tmp_path):
    g = gw.load_checkpoint(written(tmp_path / "mine.bin", layout), "progan", device="cpu")
    assert g.images(g.sample([0])).shape == (1, 3, 8, 8)


def test_a_header_whose_length_begins_like_a_pickle_is_no_pickle(tmp_path):
    path = tmp_path / "mine.safetensors"
    for length in range(300):
        save_file(state(), path, metadata={"note": "x" * length})
        if path.read_bytes()[:1] == b"\x80":
            break
    assert path.read_bytes()[:1] == b"\x80" and open_generator(path).image_size == 8


def test_the_hash_is_checked_and_said(tmp_path):
    import hashlib

    path = written(tmp_path / "mine.pth", "zip")
    digits = hashlib.sha256(path.read_bytes()).hexdigest()
    assert "verified=True" in repr(gw.load_checkpoint(path, sha256=digits[:8].upper(), device="cpu"))
    with pytest.raises(CheckpointError, match="not the file that was meant"):
        gw.load_checkpoint(path, sha256="0" * 64, device="cpu")
    with pytest.raises(ArgumentError, match="hexadecimal"):
        gw.load_checkpoint(path, sha256="short", device="cpu")


@pytest.mark.parametrize(("content", "words"), [
    (b"", "empty"), (b"\n<!DOCTYPE html><title>Google Drive", "web page"), (b"version https://git-lfs.github.com/spec", "LFS"),
    (b"\x00" * 600, "cannot be read"), (b"Entry not found", "begins with b'Entry not found'"),
    (b"\x1f\x8b\x08" * 99, "begins with"),
    (b"PK\x03\x04 and no zip", "cannot be read"),
    (struct.pack("<Q", 2**62) + b"{}", "cannot be read"),
])
def test_what_often_lies_in_a_checkpoints_place_is_named(content, words, tmp_path):
    (tmp_path / "mine.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=f"mine.pth.*{words}"):
        gw.load_checkpoint(tmp_path / "mine.pth", device="cpu")
    with pytest.raises(CheckpointError, match="no file"):
        gw.load_checkpoint(tmp_path / "nowhere.pth", device="cpu")


class Own(torch.nn.Module):
    """A net that is saved whole, with its code."""

    def __init__(self):
        super().__init__()
        self.main = torch.nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.main(x)


def test_a_net_that_was_saved_whole_is_told_what_to_do(tmp_path):
    for whole in (Own(), {"netG": Own(), "epoch": 3}):
        torch.save(whole, tmp_path / "mine.pth")
        with pytest.raises(CheckpointError, match=r"Own, which no net needs; nothing in it was run.*state_dict\(\).*gw\.wrap"):
            gw.load_checkpoint(tmp_path / "mine.pth", device="cpu")
    with zipfile.ZipFile(tmp_path / "mine.pth", "w") as script:
        for part in ("data.pkl", "constants.pkl", "code/own.py"):
            script.writestr(f"mine/{part}", b"")
    with pytest.raises(CheckpointError, match=r"TorchScript.*state_dict\(\)"):
        gw.load_checkpoint(tmp_path / "mine.pth", device="cpu")


def test_unknown_kinds_and_keys_are_listed(tmp_path):
    path = written(tmp_path / "mine.pth", "zip")
    with pytest.raises(ArgumentError, match="no kind 'progn'.*progan"):
        gw.load_checkpoint(path, "progn", device="cpu")
    torch.save({"a.weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"no kind.*gw\.wrap"):
        gw.load_checkpoint(path, device="cpu")
    with pytest.raises(CheckpointError, match=r"layer1\.conv\.weight"):
        gw.load_checkpoint(path, "progan", device="cpu")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        gw.load_checkpoint(tmp_path / "folder", device="cpu")


class Runs:
    """Leaves a file behind if anybody unpickles it."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile(kind, mark):
    """A pickle that would write `mark`: through a shell, through eval, deep in a table, as a tensor's own builder."""
    leave = f"open({str(mark)!r}, 'w').close()"
    bad = {"shell": Runs(os.system, f"touch {mark}"), "eval": Runs(eval, leave), "exec": Runs(exec, leave),
           "getattr": Runs(getattr, io.BytesIO, "read")}[kind]
    return {**state(), "extra": {"deep": [bad]}}


@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
@pytest.mark.parametrize("kind", ["shell", "eval", "exec", "getattr"])
def test_nothing_in_a_file_is_run(form, kind, tmp_path):
    mark, path = tmp_path / "was-run", tmp_path / "mine.pth"
    whole = hostile(kind, mark)
    if form == "bare":
        path.write_bytes(pickle.dumps(whole, protocol=2))
    else:
        torch.save(whole, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(CheckpointError):
        gw.load_checkpoint(path, device="cpu")
    assert not mark.exists()


def test_a_tensor_that_says_it_is_larger_than_the_file_is_refused(tmp_path):
    torch.save(state() | {"layer2.wscale.b": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "bomb.pth")
    with pytest.raises(CheckpointError, match=r"layer2\.wscale\.b.*fewer"):
        gw.load_checkpoint(tmp_path / "bomb.pth", device="cpu")


def damaged(content, seed):
    """One of the ways in which a file's structure can break."""
    draw = random.Random(seed)
    way, at = seed % 4, draw.randrange(len(content))
    if way == 0:
        return content[:at]
    if way == 1:        # the part that says what is where
        at = draw.randrange(min(len(content), 600))
        return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1:]
    if way == 2:
        return content[:at] + content[at + draw.randrange(1, 64):]
    at = len(content) - 1 - draw.randrange(min(len(content) - 1, 600))
    return content[:at] + draw.randbytes(8) + content[at + 8:]


@pytest.mark.parametrize("layout", ["zip", "legacy", "safetensors"])
def test_every_damage_is_an_error_that_says_so_or_does_no_harm(layout, tmp_path, figure):
    content = written(tmp_path / "whole.pth", layout).read_bytes()
    refused, slowest = 0, 0.0
    for seed in range(DAMAGES):
        (tmp_path / "mine.pth").write_bytes(damaged(content, seed))
        began = time.perf_counter()
        try:
            g = gw.load_checkpoint(tmp_path / "mine.pth", device="cpu")
            assert not g.loaded.verified and g.images(g.sample([0])).shape == (1, 3, 8, 8)
        except CheckpointError as error:
            assert str(error).strip() and "\n" not in str(error)
            refused += 1
        slowest = max(slowest, time.perf_counter() - began)
    figure(f"damaged {layout} files: {refused} of {DAMAGES} refused, the others whole but for weights; slowest {slowest:.2f} s")
    assert refused > DAMAGES // 4 and slowest < SLOW


@pytest.mark.parametrize(("key", "value", "words"), [
    ("layer2.wscale.b", torch.full((8,), float("inf")), "not finite.*layer2.wscale.b"),
    ("layer2.wscale.b", torch.zeros(8, dtype=torch.complex64), "layer2.wscale.b.*complex64"),
    ("layer2.wscale.b", torch.zeros(8, dtype=torch.int64), "layer2.wscale.b.*int64"),
    ("layer3.conv.weight", torch.zeros(6, 9, 3, 3), r"layer3.conv.weight.*\(6, 9, 3, 3\)"),
])
def test_a_wrong_tensor_is_named(key, value, words, tmp_path):
    torch.save(state() | {key: value}, tmp_path / "mine.pth")
    with pytest.raises(CheckpointError, match=words):
        gw.load_checkpoint(tmp_path / "mine.pth", device="cpu")


def test_an_archive_with_another_name_inside_is_refused(tmp_path):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("../../outside.txt", "x")
    (tmp_path / "mine.pth").write_bytes(held.getvalue())
    with pytest.raises(CheckpointError):
        gw.load_checkpoint(tmp_path / "mine.pth", device="cpu")
    assert not (tmp_path.parent.parent / "outside.txt").exists()
