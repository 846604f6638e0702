"""The claims' files are of these nets and this code, and a row of each, drawn by the commit, can be measured again."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIZES = {"n", "units", "deleted", "training"}   # how much was measured: no rounding moves these
FILES = sorted((ROOT / "claims").glob("*.json"))


def claim(path):
    from claims.__main__ import claims
    return claims()[path.stem]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_claim_is_of_these_nets_and_this_code(path):
    from claims.record import code_digests
    held = json.loads(path.read_text())
    assert held["weights"] == claim(path).nets(), f"measure it again: make claims NAME={path.stem}"
    assert held["code"] == code_digests(claim(path)), f"measure it again: make claims NAME={path.stem}"
    assert set(held["rows"]) == set(claim(path).rows) and held["verdict"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_row_can_be_measured_again(path):
    held = json.loads(path.read_text())
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    rows = sorted(held["rows"])
    row = rows[int(hashlib.sha256((head + path.stem).encode()).hexdigest(), 16) % len(rows)]
    print(f"{path.stem}: {row}")
    again = claim(path).measure(row, claim(path).sample, held["rows"][row]["figures"])
    assert close(again, held["rows"][row]["sample"]), (row, again, held["rows"][row]["sample"])


def close(a, b):
    """Equal but for the rounding of other machines, which may carry one picture over a threshold."""
    if isinstance(a, dict):
        return set(a) == set(b) and all(a[key] == b[key] if key in SIZES else close(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or not isinstance(a, (int, float)):
        return a == b
    return abs(a - b) <= (0.02 * max(1.0, abs(b)) if isinstance(a, float) else 1)
