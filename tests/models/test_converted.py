"""Every kind of checkpoint written anew as safetensors: the same pictures bit for bit, with a record of where it comes from."""

import hashlib
import json

import pytest
import torch
from safetensors import safe_open

import ganwidgets as gw
from ganwidgets import cli
from ganwidgets.models import converted, public
from ganwidgets.models.public import single

from .small_files import SMALL, VARIANTS


def run(*arguments):
    return cli.main(["convert", *map(str, arguments)])


def metadata(path):
    with safe_open(path, "np") as held:
        return held.metadata()


@pytest.fixture
def whole(tmp_path):
    """A small file, and where it is to go."""
    return SMALL["progan"](tmp_path), tmp_path / "out" / "new.safetensors"


@pytest.mark.parametrize("name", [*SMALL, *VARIANTS])
def test_a_converted_file_draws_the_same_bit_for_bit(tmp_path, name):
    source, target = (SMALL | VARIANTS)[name](tmp_path), tmp_path / "new.safetensors"
    assert run(source, target) == 0
    old, new = (gw.load_checkpoint(path, device="cpu") for path in (source, target))
    assert type(new) is type(old) and new.name == old.name and new.layers == old.layers and new.digest == old.digest
    assert torch.equal(new.images(new.sample([0, 5])), old.images(old.sample([0, 5])))
    if not name.startswith(("progan", "dcgan", "r3gan", "safetensors")):
        assert torch.equal(*(g.images(g.sample([3], truncation=0.6)) for g in (new, old)))
    assert "verified=False" in repr(new) and f"origin='{'config.json' if source.is_dir() else source.name}, SHA-256" in repr(new)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source.name, target.name])


def test_half_precision_stays_half(tmp_path):
    source, target = VARIANTS["dcgan in half precision"](tmp_path), tmp_path / "new.safetensors"
    run(source, target)
    with safe_open(target, "pt") as held:
        assert held.get_tensor("main.0.weight").dtype == torch.float16


def test_its_origin_is_there_for_any_reader(whole, capsys):
    source, target = whole
    assert run(source, target) == 0
    assert capsys.readouterr().out == f"{target} holds the progan of {source}\n"
    says = metadata(target)
    origin = json.loads(says["origin"])
    assert says["format"] == "pt" and says["kind"] == origin["kind"] == "progan" and origin["ganwidgets"] == gw.__version__
    assert origin["files"] == [{"name": "small.pth", "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
                                "bytes": source.stat().st_size}]
    assert origin["converted"].endswith("+00:00") and "published" not in origin and "before" not in origin
    again = target.with_name("again.safetensors")
    assert run(target, again) == 0 and json.loads(metadata(again)["origin"])["before"] == origin


def test_a_folders_files_are_all_in_its_origin(tmp_path):
    run(SMALL["biggan-hub"](tmp_path), tmp_path / "new.safetensors")
    files = json.loads(metadata(tmp_path / "new.safetensors")["origin"])["files"]
    assert [each["name"] for each in files] == ["config.json", "pytorch_model.bin"]


def test_licence_and_paper_of_a_published_file_come_along(whole, monkeypatch, capsys):
    source, target = whole
    digits = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
    entry = single("small", "a small net", "progan", "small.pth", ("https://example.org/",), licence="for research alone",
                   free=False, source="arXiv 1710.10196", sha256=digits)
    monkeypatch.setattr(converted, "PUBLIC", (*public.PUBLIC, entry))
    assert run(source, target) == 0 and "as small it is under the licence 'for research alone'" in capsys.readouterr().out
    assert json.loads(metadata(target)["origin"])["published"] == {
        "name": "small", "licence": "for research alone", "source": "arXiv 1710.10196", "url": "https://example.org/small.pth"}


def test_a_file_that_is_there_is_left_as_it_is(whole, capsys):
    source, target = whole
    target.parent.mkdir()
    target.write_text("mine")
    assert run(source, target) == 2 and "--force" in capsys.readouterr().err and target.read_text() == "mine"
    assert run(source, target, "--force") == 0 and gw.load_checkpoint(target, device="cpu").image_size == 8
    held = target.read_bytes()
    assert run(target, target, "--force") == 2 and target.read_bytes() == held


@pytest.mark.parametrize(("change", "arguments", "words"), [
    (lambda held: held[:-50], [], "small.pth"), (lambda held: b"<html>moved</html>", [], "web page"),
    (lambda held: held, ["--kind", "stylegan3"], "layer_names"), (lambda held: held, ["--kind", "progn"], "Did you mean 'progan'"),
    (lambda held: None, [], "no file"),
])
def test_what_cannot_be_opened_leaves_nothing(whole, capsys, change, arguments, words):
    source, target = whole
    held = change(source.read_bytes())
    source.unlink()
    if held is not None:
        source.write_bytes(held)
    assert run(source, target, *arguments) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and said.startswith("ganwidgets convert: ")
    assert not target.exists() and not list(target.parent.parent.rglob("*.part"))
    assert run(source, target.with_suffix(".pth")) == 2 and "ends in .safetensors" in capsys.readouterr().err


def test_what_breaks_off_leaves_the_old_file(whole, monkeypatch):
    source, target = whole
    run(source, target)
    held = target.read_bytes()
    monkeypatch.setattr(converted.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "no space left")))
    assert run(source, target, "--force") == 2 and target.read_bytes() == held and len(list(target.parent.iterdir())) == 1
