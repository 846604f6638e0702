"""Processes that torchrun starts: one command for all, a device for each, one of them tells; the file is that of one process."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import ganwidgets as gw
from ganwidgets.core.jobs import Progress
from ganwidgets.processes import joined, own_device, told

ROOT = Path(__file__).parents[2]


def steps(total=6, begin=0):
    for done in range(begin, total):
        yield Progress(done + 1, total, "counting")
    warnings.warn("a state is not used", stacklevel=1)
    return "found"


def test_the_first_process_tells_and_the_others_are_silent(capsys, monkeypatch):
    now = iter(range(0, 10_000, 100))
    monkeypatch.setattr("ganwidgets.processes.time.monotonic", lambda: next(now))
    assert told(steps(begin=1)) == "found"
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "counting: 2 of 6 pictures of this process"
    # steps take 100 seconds each; what was done before it was called is not reckoned in
    assert said[1] == "counting: 3 of 6 pictures of this process, 10 min left" and said[-1] == "a state is not used"
    assert said[-2].endswith("6 of 6 pictures of this process, 0 s left")
    assert told(steps(), rank=1) == "found" and capsys.readouterr().err == "a state is not used\n"
    assert told(steps(), every=1e9) == "found" and "counting" not in capsys.readouterr().err


def test_each_process_takes_a_gpu_of_its_own(monkeypatch):
    assert own_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert own_device() == torch.device("cuda", 0) and own_device("cuda:3") == torch.device("cuda", 3)
    monkeypatch.setenv("LOCAL_RANK", "6")
    assert own_device() == torch.device("cuda", 2) and own_device("cuda:3") == torch.device("cuda", 3)


def test_without_torchrun_there_is_no_group(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with joined(torch.device("cpu")) as rank:
        assert rank == 0 and not torch.distributed.is_initialized()


@pytest.mark.slow
def test_two_processes_write_the_file_of_one(tmp_path):
    out = tmp_path / "new" / "x.gwd"
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "ganwidgets", "dissect", "storybook",
               "--seeds", "0:20", "--layer", "layer5", "--layer", "layer6", "--calibration", "10", "--rule", "iqr",
               "--device", "cpu", "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT, timeout=600,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("layer5, layer6 of storybook, 20 pictures") == 1, "one process says what was found"
    g = gw.load("storybook", device="cpu")
    alone = gw.dissect(g, layers=["layer5", "layer6"], seeds=range(20), calibration=10, rule="iqr", progress=False)
    found = gw.open_dissection(out)
    assert np.allclose(found.scores, alone.scores, atol=2e-3) and found.pictures == alone.pictures == 10
    assert sorted(out.parent.iterdir()) == [out]
