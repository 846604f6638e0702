"""Every format, 200 broken and 200 hostile files: each is refused with the reason, none is run, none takes long or much memory.

Time and memory are measured in one process that loads them all, see reading.py; its memory is that of the whole process.
"""

import contextlib
import hashlib
import pickle
import random
import shutil
from collections import Counter

import pytest
import torch
from safetensors.torch import save_file

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError
from ganwidgets.models import public

from .damage import WAYS, broken
from .hostile import BOMBS, FORMS, LEAVING, MARK, PACKED, TARGETS, called, hostile
from .reading import outcomes
from .small_files import SMALL
from .test_dcgan import tutorial

SEEDS = {name: 100 if name in ("progan", "progan-older", "biggan", "biggan-hub") else 200 for name in SMALL}     # 200 of a format


@pytest.fixture
def folder(tmp_path):
    """A folder for many files, which are not kept."""
    yield tmp_path / "files"
    shutil.rmtree(tmp_path / "files")


def refused(folder, write, figure, what):
    """Writes the files of all formats and has them loaded; answers what was said of each, and how each was made."""
    ways = {}
    for name in SMALL:
        for seed in range(SEEDS[name]):
            place = folder / name / f"{seed:03}"
            place.mkdir(parents=True)
            ways[name, seed] = write(name, place, seed)
    found = outcomes(folder)
    escaped = {name: each for name, each in found.items() if not each["error"] or "\n" in each["error"]}
    assert not escaped, escaped
    assert len(found) == sum(SEEDS.values()) == len(ways)
    figure(f"{what} files: {len(found)} of {len(found)} refused in {len(SMALL)} formats; slowest "
           f"{max(each['seconds'] for each in found.values()):.2f} s, at most "
           f"{max(each['memory'] - 2 * each['size'] for each in found.values()) / 1e6:.0f} MB of memory above twice the file")
    return {each["error"] for each in found.values()}, Counter(ways.values())


def test_every_broken_file_is_refused_with_the_reason(folder, figure):
    said, ways = refused(folder, broken, figure, "broken")
    assert ways.keys() == set(WAYS) and len(said) > 200


def test_no_hostile_file_does_anything(folder, tmp_path, figure):
    mark = tmp_path / "was-run"
    _, ways = refused(folder, lambda name, place, seed: hostile(name, place, seed, mark), figure, "hostile")
    assert not mark.exists()
    assert ways.keys() >= {*BOMBS, *PACKED} and {way.rpartition(" ")[0] for way in ways} >= set(FORMS)


def test_a_large_file_takes_at_most_twice_its_size(folder, figure):
    """100 MB of weights in every layout, whole and with a last number that is none."""
    folder.mkdir()
    state = tutorial(widths=(1536, 1024))
    spoilt = state | {"main.6.weight": torch.full_like(state["main.6.weight"], float("nan"))}
    for name, held in (("whole", state), ("spoilt", spoilt)):
        torch.save(held, folder / f"{name}-new.pth")
        torch.save(held, folder / f"{name}-old.pth", _use_new_zipfile_serialization=False)
        save_file(held, folder / f"{name}.safetensors")
    found = outcomes(folder)
    assert all(each["size"] > 100e6 and bool(each["picture"]) is name.startswith("whole") for name, each in found.items())
    figure("files of 100 MB: " + ", ".join(f"{name} {each['memory'] / each['size']:.2f}" for name, each in found.items())
           + " times their size in memory")


@pytest.mark.parametrize(("module", "name", "words"), TARGETS[:LEAVING], ids=lambda each: str(each)[:20])
def test_a_plain_reader_would_run_them(tmp_path, module, name, words):
    """What the refusals are worth."""
    mark = tmp_path / "was-run"
    stream = b"\x80\x02" + called(module, name, [each.replace(MARK, str(mark)) for each in words]) + b"."
    pickle.loads(stream)
    assert mark.exists()


@pytest.mark.parametrize("form", ["reduced", "instance", "object", "kept", "attributes", "mapped", "a pickle within", "state",
                                  "hooks", "tensor"])
def test_a_plain_reader_would_run_every_form(tmp_path, form):
    mark = tmp_path / "was-run"
    call = FORMS[form]("builtins", "eval", (f"open({str(mark)!r}, 'w').close()",))
    with contextlib.suppress(Exception):        # what comes after the call may fail
        pickle.loads(b"\x80\x02" + call + b".")
    assert mark.exists()


@pytest.mark.parametrize("name", SMALL)
def test_turned_weights_are_told_by_the_hash_alone(tmp_path, name):
    """The lowest bit of a weight is turned: nothing but a known hash can tell."""
    weights = {}
    path = SMALL[name](tmp_path, lambda state: weights.update(state) or state)
    inner = path / "pytorch_model.bin" if path.is_dir() else path
    held = inner.read_bytes()
    row = max((each for each in weights.values() if each.is_floating_point()), key=torch.Tensor.numel).numpy().tobytes()
    for place in random.Random(name).sample(range(len(row) // 4), 5):
        at = held.index(row) + 4 * place
        inner.write_bytes(held[:at] + bytes([held[at] ^ 1]) + held[at + 1:])
        assert "verified=False" in repr(gw.load_checkpoint(path, device="cpu"))
        if path is inner:
            with pytest.raises(CheckpointError, match="not the file that was meant"):
                gw.load_checkpoint(path, device="cpu", sha256=hashlib.sha256(held).hexdigest())


def test_turned_weights_of_a_published_file_are_refused(tmp_path, monkeypatch):
    held = SMALL["progan"](tmp_path).read_bytes()
    entry = public.single("small", "a small net", "progan", "small.pth", ("https://example.org/",), licence="MIT", free=True,
                          source="a test", sha256=hashlib.sha256(held).hexdigest()[:8])
    monkeypatch.setattr(public, "PUBLIC", (entry,))
    monkeypatch.setenv("GANWIDGETS_CACHE", str(tmp_path))
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "small.pth").write_bytes(held)
    assert "verified=True" in repr(gw.load("small", device="cpu"))
    (tmp_path / "small" / "small.pth").write_bytes(held[:-2000] + bytes([held[-2000] ^ 1]) + held[-1999:])
    with pytest.raises(CheckpointError, match="not the file that was meant"):
        gw.load("small", device="cpu")
