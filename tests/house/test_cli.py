"""The command line, on tiny inputs."""

import sys
import types

import pytest
from PIL import Image

import ganwidgets as gw
from ganwidgets import cli
from ganwidgets.core.errors import SeedError


@pytest.mark.parametrize("text, seeds", [("0:4", [0, 1, 2, 3]), ("3,5,9", [3, 5, 9]), ("7", [7]), ("1:3,9", [1, 2, 9]),
                                         ("4294967295", [2**32 - 1])])
def test_seeds(text, seeds):
    assert cli.parse_seeds(text) == seeds


@pytest.mark.parametrize("text", [
    "", "x", "1:2:3", "5:5", "-1", "-3:2", "4294967296", "0:99999999999", "0:4000000000", "1.5"])
def test_wrong_seeds(text):
    with pytest.raises(SeedError):
        cli.parse_seeds(text)


def test_world(tmp_path, capsys):
    out = tmp_path / "new" / "sheet.png"
    assert cli.main(["world", "--seeds", "0:5", "--out", str(out), "--size", "32", "--columns", "4"]) == 0
    assert Image.open(out).size == (128, 64)
    assert "5 pictures" in capsys.readouterr().out


def test_sample(tmp_path):
    out = tmp_path / "sheet.png"
    options = ["--seeds", "0,7", "--columns", "2", "--device", "cpu"]
    assert cli.main(["sample", "storybook", "--out", str(out), *options]) == 0
    wide, high = Image.open(out).size
    side = gw.load("storybook", device="cpu").image_size
    assert wide >= 2 * side and high >= side


def test_dissect(tmp_path, capsys):
    out = tmp_path / "x.gwd"
    assert cli.main(["dissect", "storybook", "--seeds", "0:24", "--out", str(out), "--device", "cpu"]) == 0
    found = gw.open_dissection(out)
    g = gw.load("storybook", device="cpu")
    assert len(found.table) == g.layer_at(16).channels and found.calibration == 24
    assert g.layer_at(16).name in capsys.readouterr().out


def test_dissect_reads_with_the_generators_own_segmenter_and_takes_all_layers(tmp_path):
    out = tmp_path / "x.gwd"
    options = ["--seeds", "0:4", "--layer", "all", "--calibration", "all", "--device", "cpu"]
    assert cli.main(["dissect", "storybook-style", "--out", str(out), *options]) == 0
    found = gw.open_dissection(out)
    assert found.layers == gw.load("storybook-style", device="cpu").layers and found.calibration == "all"
    assert list(tmp_path.iterdir()) == [out]


def test_list_and_check(capsys):
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    assert "storybook" in out and "storybook-judge" in out and "missing" not in out
    assert cli.main(["check"]) == 0
    assert "torch" in capsys.readouterr().out


@pytest.mark.parametrize("arguments, words", [
    (["world", "--seeds", "x", "--out", "a.png"], "cannot be read"),
    (["world", "--seeds", "0:2", "--out", "a.png", "--size", "0"], "8 to 1024"),
    (["world", "--seeds", "0:2", "--out", "a.png", "--columns", "0"], "at least 1"),
    (["world", "--seeds", "0:2", "--out", "a.exe"], ".png"),
    (["world", "--seeds", "0:9999", "--out", "a.png"], "at most"),
    (["sample", "nobody", "--out", "a.png"], "no generator 'nobody'"),
    (["sample", "storybook", "--out", "a.png", "--device", "toaster"], "no device"),
    (["dissect", "storybook", "--layer", "layer99", "--out", "a.gwd", "--device", "cpu"], "no layer 'layer99'"),
    (["dissect", "storybook", "--rule", "median", "--out", "a.gwd", "--device", "cpu"], "no rule 'median'"),
    (["dissect", "storybook", "--calibration", "some", "--out", "a.gwd", "--device", "cpu"], "calibration must be"),
    (["train", "nobody", "--minutes", "1"], "no net 'nobody'"),
    (["train", "storybook", "--minutes", "nan"], "above 0"),
    (["train", "--minutes", "1"], "--all"), (["train", "storybook", "--all", "--minutes", "1"], "--all"),
    (["check", "nobody"], "no generator 'nobody'"),
])
def test_errors_are_one_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said and "Traceback" not in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["world", "--seeds", "0", "--out", str(tmp_path / "file" / "a.png"), "--size", "16"]) == 2
    assert "file" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["dance"], ["world"]])
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2
    assert "usage: ganwidgets" in capsys.readouterr().err


def test_all_nets_are_trained_in_order_each_for_its_share(monkeypatch, capsys):
    called = []
    fake = types.ModuleType("fake_train")
    for name in cli.TRAINERS:
        setattr(fake, name, lambda name=name, **options: called.append((name, options["minutes"])))
        monkeypatch.setitem(cli.TRAINERS, name, f"fake_train:{name}")
    monkeypatch.setitem(sys.modules, "fake_train", fake)
    assert cli.main(["train", "--all", "--minutes", "100", "--device", "cpu"]) == 0
    assert [name for name, _ in called] == list(cli.TRAINERS) and sum(minutes for _, minutes in called) == pytest.approx(100)
    assert set(cli.SHARES) == set(cli.TRAINERS), "each net has its share"


def test_train_is_called_with_what_was_said(monkeypatch):
    called = {}
    fake = types.ModuleType("fake_train")
    fake.train = lambda **options: called.update(options)
    monkeypatch.setitem(sys.modules, "fake_train", fake)
    monkeypatch.setitem(cli.TRAINERS, "storybook", "fake_train:train")
    assert cli.main(["train", "storybook", "--minutes", "2", "--device", "cpu", "--resume"]) == 0
    assert called["minutes"] == 2 and called["resume"] is True and str(called["device"]) == "cpu"


@pytest.mark.parametrize("name", sorted(cli.TRAINERS))
def test_trainers_take_those_options(name):
    import importlib
    import inspect

    module, function = cli.TRAINERS[name].split(":")
    train = getattr(importlib.import_module(module), function)
    inspect.signature(train).bind(minutes=1.0, device="cpu", resume=False)


def test_lab_passes_arguments_on(monkeypatch):
    import subprocess

    seen = []
    monkeypatch.setattr(subprocess, "call", lambda command: seen.append(command) or 0)
    assert cli.main(["lab", "--no-browser"]) == 0
    assert "--no-browser" in seen[0] and seen[0][-1].endswith(cli.LESSON)
