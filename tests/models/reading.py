"""`python -m tests.models.reading FOLDER`: what comes of each checkpoint in a folder when it is loaded, a line of JSON each.

In a process of its own, as a user's: nothing that the tests add slows it down, and its memory is its own. Memory is the most that
the process held of it while the file was loaded, as Linux counts it, above what it held before any file: what earlier files left
behind counts for later ones too, and is given back where it grows.
"""

import ctypes
import gc
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.formats import formats

ROOT = Path(__file__).parents[2]
SECONDS, ROOM = 20, 64 << 20        # what a file may take at most: so long, and twice its size and this of memory
START, KEPT = 0, 8 << 20            # bytes that this process held before any file, and that it may keep of earlier ones
STATUS, PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(name):
    """Bytes of memory that this process has (VmRSS), or has had at most since `begin_peak` (VmHWM); 0 where Linux is not."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines()) if PEAK.exists() else {}
    return int(lines[name].split()[0]) * 1024 if lines else 0


def begin_peak():
    if PEAK.exists():
        if resident("VmRSS") > START + KEPT:
            gc.collect()
            ctypes.CDLL(None).malloc_trim(0)
        PEAK.write_text("5")


def outcome(path, name):
    """The error's words or the picture's digest, how long it took and how much memory; `crash`: an error that should be another."""
    begin_peak()
    start, read, error, crash = time.perf_counter(), None, None, None
    try:
        read = gw.load_checkpoint(path, device="cpu")
    except CheckpointError as found:
        error = str(found)
    except Exception as found:  # noqa: BLE001
        crash = repr(found)[:300]
    seconds, memory = time.perf_counter() - start, resident("VmHWM") - START
    picture = hashlib.sha256(read.images(read.sample([0])).numpy().tobytes()).hexdigest() if read else None
    size = sum(each.stat().st_size for each in (path.iterdir() if path.is_dir() else [path]))
    return {"name": name, "error": error, "crash": crash, "picture": picture, "verified": bool(read and read.loaded.verified),
            "seconds": seconds, "memory": memory, "size": size}


def checkpoints(folder):
    """The files of a folder and of those in it; a folder with a config.json is one checkpoint."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not (path / "config.json").exists():
            yield from checkpoints(path)
        else:
            yield path


def outcomes(folder):
    """What came of each checkpoint in a folder, none of which took long, much memory, or did anything else."""
    command, held = [sys.executable, "-m", "tests.models.reading", str(folder)], set(folder.rglob("*"))
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert answer.returncode == 0, answer.stderr
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(found) == len(list(checkpoints(folder))) and set(folder.rglob("*")) == held
    for each in found:
        assert each["seconds"] < SECONDS and each["memory"] <= 2 * each["size"] + ROOM and not each["verified"], each
        assert not each["crash"], each
    return {each["name"]: each for each in found}


if __name__ == "__main__":
    formats()                                           # what is imported when first needed counts for no file
    torch.nn.Linear(1, 1)(torch.ones(1, 1)).isfinite()
    gc.freeze()
    START = resident("VmRSS")
    for each in checkpoints(Path(sys.argv[1])):
        print(json.dumps(outcome(each, str(each.relative_to(sys.argv[1]).with_suffix("")))), flush=True)
