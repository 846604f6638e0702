"""Colab by contract: the labs at Colab's versions, with messages through JSON and work pulled; and none of its pins moved."""

import json
import os
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ganwidgets.widgets.drivers import PULL_SECONDS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COLAB = ROOT / ".venv-colab" / "bin" / "python"
SLACK = 0.15  # seconds by which a slice may overrun: one step of the toy job, on a machine that does other things


@pytest.fixture(scope="module")
def colab():
    """What happened in an environment at Colab's versions."""
    assert COLAB.exists(), "there is no .venv-colab; run: make setup"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [str(COLAB), "-W", "ignore", "-m", "tests.hosts.in_colab"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    said, found = done.stdout.strip().splitlines()
    return {**json.loads(found), "about": said}


def test_it_is_at_colabs_versions_and_says_what_it_found(colab):
    versions = {name.lower(): version for name, version in colab["versions"].items()}
    assert versions == {name: version for name, version in pins().items() if name in versions}
    assert len(colab["versions"]) == 5
    assert colab["enabled"] == 1, "Colab's manager for other people's widgets is switched on, once"
    assert colab["about"].startswith("ganwidgets ") and " on Colab: front end in the package (no Node needed)" in colab["about"]
    assert "work is pulled by the browser" in colab["about"] and "torch on " in colab["about"]


@pytest.mark.parametrize("lab", ["paintbox", "unitbrowser"])
def test_a_lab_is_driven_by_json_and_buffers(colab, lab):
    found = colab[lab]
    assert found["driver"] == "pull" and found["changed"] and found["undone"] and found["traits_sent"] > 5
    shown = found["display"]
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(shown["kinds"]) and shown["raw"]
    assert "custom_widget_manager" in json.dumps(shown["metadata"])
    if lab == "paintbox":
        assert found["heat"][0] == found["heat"][1] > 0
    else:
        assert found["row"] > 1000 and found["probed"] > 0


def test_sixty_steps_are_paused_resumed_and_cancelled(colab, figure):
    job = colab["job"]
    figure(f"60 steps, pulled: {job['pulled']} after 4 slices, {job['paused']} after a pause, {job['resumed']} after 3 more, "
           f"{job['after_cancel']} after cancel; slowest slice {1000 * job['slowest']:.0f} ms")
    assert 0 < job["pulled"] == job["paused"] < job["resumed"] < 60
    assert job["after_cancel"] <= job["resumed"] + 1, "given up within one step"
    assert job["slowest"] <= PULL_SECONDS + SLACK
    assert (job["answers"], job["closed"], job["same"], job["busy"]) == (["cancelled"], [True], True, "")
    assert colab["then"] == "done", "the next act works"


def pins():
    lines = (HERE / "colab_pins.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def declared():
    """What the checkout's wheel would ask for."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]


def moved(requirements):
    """The requirements that would change what Colab has."""
    have = pins()
    found = []
    for each in map(Requirement, requirements):
        applies = each.marker is None or each.marker.evaluate({"python_version": "3.13", "extra": ""})
        if applies and each.name.lower() in have and not each.specifier.contains(have[each.name.lower()]):
            found.append(str(each))
    return found


def test_installing_moves_nothing_that_colab_has():
    """Ours, and those of what Colab lacks and we bring: ipycanvas and jaxtyping, as they are installed here."""
    ours = declared()
    assert len(ours) >= 10
    assert not moved(ours)
    for brought in ("ipycanvas", "jaxtyping"):
        assert not moved(metadata.requires(brought) or [])


@pytest.mark.parametrize("tightened", ["traitlets>=5.9", "ipywidgets>=8", "numpy<2", "torch>=2.12"])
def test_a_requirement_that_would_move_one_is_seen(tightened):
    assert moved([*declared(), tightened]) == [tightened]


def moved_by_pip(*requirements):
    """Of the packages that Colab pins those that pip would put there anew, in the environment at Colab's versions."""
    command = [str(COLAB), "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-", *requirements]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    fresh = {each["metadata"]["name"].lower().replace("-", "_") for each in json.loads(done.stdout)["install"]}
    return fresh & {name.replace("-", "_") for name in pins()}


def test_pip_moves_nothing_that_colab_pins():
    assert moved_by_pip(*declared()) == set()
    assert "ipywidgets" in moved_by_pip("ipywidgets>=8"), "this test can fail"
