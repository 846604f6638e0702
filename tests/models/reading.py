"""`python -m tests.models.reading FOLDER`: what comes of each file of a folder when it is loaded, a line of JSON each.

In a process of its own, as a user's: nothing that the tests add slows it down, and its memory is its own.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

import torch

import ganwidgets as gw
from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.formats import formats

STATUS, PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(name):
    """Bytes of memory that this process has (VmRSS), or has had at most since `begin_peak` (VmHWM); 0 where Linux is not."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines()) if PEAK.exists() else {}
    return int(lines[name].split()[0]) * 1024 if lines else 0


def begin_peak():
    if PEAK.exists():
        PEAK.write_text("5")


def outcome(path):
    """The error's words or the picture's digest, how long it took and how much memory."""
    begin_peak()
    before, start, read, error = resident("VmRSS"), time.perf_counter(), None, None
    try:
        read = gw.load_checkpoint(path, device="cpu")
    except CheckpointError as found:
        error = str(found)
    seconds, memory = time.perf_counter() - start, resident("VmHWM") - before
    picture = hashlib.sha256(read.images(read.sample([0])).numpy().tobytes()).hexdigest() if read else None
    return {"name": path.stem, "error": error, "picture": picture, "verified": bool(read and read.loaded.verified),
            "seconds": seconds, "memory": memory, "size": path.stat().st_size}


if __name__ == "__main__":
    formats()                                           # what is imported when first needed counts for no file
    torch.nn.Linear(1, 1)(torch.ones(1, 1)).isfinite()
    for path in sorted(Path(sys.argv[1]).glob("*.pkl")):
        print(json.dumps(outcome(path)), flush=True)
