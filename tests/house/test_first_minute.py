"""The first minute: from a wheel to the first stroke, and what lesson 1 leaves in memory."""

import json
import subprocess
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from .conftest import installed, without_npm

ROOT = Path(__file__).parents[2]
MINUTE = 60  # seconds, torch's download not counted
MEMORY = 900  # MB, resident after lesson 1
FIRST_STROKE = """
import sys
from pathlib import Path
import ganwidgets as gw
assert Path(gw.__file__).is_relative_to(sys.prefix), gw.__file__
g = gw.load("storybook", device="cpu")
segmenter = gw.load_segmenter("storybook")
d = gw.dissect(g, segmenter, layer=g.layer_at(16), seeds=range(300), progress=False)
box = gw.PaintBox(g, d, segmenter=segmenter)
first = box.picture
box.paint(gw.Region.box(.2, .4, .6, .8))
assert box.picture != first and len(box.edits) == 1
gw.about()
"""
RESIDENT = """
import json as _json, psutil as _psutil, resource as _resource
_now, _most = _psutil.Process().memory_info().rss / 1e6, _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
print(_json.dumps({"now": _now, "most": _most / (1e6 if __import__("sys").platform == "darwin" else 1e3)}))
"""


@pytest.mark.slow
def test_from_the_wheel_to_the_first_stroke(wheel, tmp_path, figure):
    began = time.perf_counter()
    python = installed(wheel, tmp_path)
    there = time.perf_counter() - began
    done = subprocess.run([python, "-c", FIRST_STROKE], cwd=tmp_path, env=without_npm(tmp_path), capture_output=True, text=True)
    took = time.perf_counter() - began
    figure(f"first stroke {took:.1f} s after nothing, {there:.1f} s of them for the environment (libraries shared)")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("ganwidgets ") and " on plain Python: " in done.stdout
    assert took < MINUTE


@pytest.mark.slow
def test_lesson_1_leaves_little_in_memory(figure):
    lesson = nbformat.read(ROOT / "notebooks" / "01_paint_with_units.ipynb", as_version=4)
    lesson.cells.append(nbformat.v4.new_code_cell(RESIDENT))
    NotebookClient(lesson, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    (output,) = lesson.cells[-1].outputs
    memory = json.loads(output.text)
    figure(f"after lesson 1 the kernel holds {memory['now']:.0f} MB, {memory['most']:.0f} MB at most")
    assert 100 < memory["now"] < MEMORY
