"""What a claim is, and the file that measuring it writes: figures with their size, seeds, weights and code, row by row."""

import hashlib
import importlib
import inspect
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from ganwidgets.methods.intervene_contexts import wilson

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Claim:
    """`measure(row, scale, held)` answers one row's figures; `scale` 1 is the full size, less a seeded part of it.

    `held`: None, or the row's figures at full size, so that what was learned for them is measured and not learned again:
    learning carries the rounding of a machine far.
    `conclude(rows)` says of all rows' figures what holds and what does not; thresholds stand in the claim's own file.
    `nets`: a digest by name, of all nets that the figures rest on; `code`: the files whose change makes them stale, beside
    the claim's own.
    """

    name: str
    says: str
    paper: str
    rows: Sequence[str]
    measure: Callable[[str, float, dict[str, Any] | None], dict[str, Any]]
    conclude: Callable[[Mapping[str, dict[str, Any]]], dict[str, Any]]
    nets: Callable[[], dict[str, str]]
    code: Sequence[ModuleType]
    sample: float = 0.02     # the scale that the tests repeat


def run(claim: Claim) -> dict[str, Any]:
    """Measure every row that the file does not hold yet for these nets and this code, and write it after each."""
    path = FOLDER / f"{claim.name}.json"
    stamp = {"weights": claim.nets(), "code": code_digests(claim)}
    held = json.loads(path.read_text()) if path.exists() else {}
    rows = held.get("rows", {}) if all(held.get(key) == value for key, value in stamp.items()) else {}
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        waiting = {pool.submit(measured, claim.name, row): row for row in claim.rows if row not in rows}
        for done in as_completed(waiting):
            row = waiting[done]
            rows[row] = done.result()
            write(path, claim, stamp, rows)
            print(f"{claim.name} / {row}: {json.dumps(rows[row]['figures'])}", flush=True)
    return write(path, claim, stamp, {row: rows[row] for row in claim.rows})


def measured(name: str, row: str) -> dict[str, Any]:
    """One row at full size and at the size that the tests repeat; in a process of its own, so by the claim's name."""
    claim: Claim = importlib.import_module(f"claims.{name}").CLAIM
    began = time.time()
    figures = claim.measure(row, 1.0, None)
    minutes = (time.time() - began) / 60
    return {"figures": figures, "sample": claim.measure(row, claim.sample, figures), "minutes": round(minutes, 2)}


def write(path: Path, claim: Claim, stamp: dict[str, Any], rows: dict[str, Any]) -> dict[str, Any]:
    whole = set(rows) >= set(claim.rows)
    content = {"claim": claim.says, "paper": claim.paper, "command": f"make claims NAME={claim.name}", **stamp,
               "machine": platform.machine(), "minutes": round(sum(row["minutes"] for row in rows.values()), 1),
               "verdict": claim.conclude({name: row["figures"] for name, row in rows.items()}) if whole else None,
               "rows": rows}
    path.write_text(json.dumps(content, indent=1) + "\n")
    return content


def code_digests(claim: Claim) -> dict[str, str]:
    """SHA-256 of each file that the figures rest on."""
    files = [FOLDER / f"{claim.name}.py", *(Path(inspect.getfile(module)) for module in claim.code)]
    return {file.relative_to(FOLDER.parent).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def some(seeds: range, scale: float, least: int = 8) -> range:
    """The first part of these seeds: all of them at scale 1."""
    return seeds[:max(least, round(len(seeds) * scale))]


def binomial_interval(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, to three places."""
    low, high = wilson(successes, n, z=1.96)
    return round(low, 3), round(high, 3)
