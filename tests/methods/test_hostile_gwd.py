"""More than a hundred hostile dissections: each is refused in words, at once, in little memory, and nothing is left behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import ganwidgets as gw
from ganwidgets.core.errors import StatisticsError
from ganwidgets.methods.dissect import dissect, open_dissection

from .hostile_gwd import HOSTILE, ODD_NAMES, record

ROOT = Path(__file__).parents[2]
MOST_SECONDS, MOST_MIB = 5.0, 600         # of processor time for a file; of memory for all of them
OPEN = """
import json, resource, sys, time, warnings
import ganwidgets as gw
warnings.simplefilter("error")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.stdin.read().split("\\0"):
    began = time.process_time()
    try:
        said = repr(gw.open_dissection(path))
        kind = "opened"
    except BaseException as error:
        kind, said = type(error).__name__, str(error)
    print(json.dumps([path, kind, said, time.process_time() - began]), flush=True)
print(json.dumps((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))
"""


@pytest.fixture(scope="module")
def whole(toy, colours, tmp_path_factory):
    """A dissection of two layers, with examples."""
    d = dissect(toy, colours, layers=toy.layers, seeds=range(12), progress=False)
    path = tmp_path_factory.mktemp("whole") / "x.gwd"
    d.with_examples(gw.examples(toy, d, layer="first", units=[0, 2], progress=False)).save(path)
    return path.read_bytes()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_every_hostile_file_is_refused_in_words_and_leaves_nothing(whole, tmp_path):
    inside = tmp_path / "deep" / "inside"
    inside.mkdir(parents=True)
    for place, change in enumerate(HOSTILE.values()):
        (inside / f"{place}.gwd").write_bytes(change(whole))
    (inside / "whole.gwd").write_bytes(whole)
    files = sorted(inside.iterdir())
    done = subprocess.run([sys.executable, "-c", OPEN], input="\0".join(map(str, files)), text=True, capture_output=True,
                          cwd=inside, env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    *said, grown = map(json.loads, done.stdout.splitlines())
    names = list(HOSTILE)
    for path, kind, words, seconds in said:
        name = Path(path).stem
        if name == "whole":
            assert kind == "opened", words
            continue
        name = names[int(name)]
        assert kind == "StatisticsError" and Path(path).name in words and len(words) < 1000, (name, kind, words[:300])
        assert seconds < MOST_SECONDS, (name, seconds)
    assert len(said) == len(HOSTILE) + 1 > 100
    assert grown < MOST_MIB, f"{grown:.0f} MiB"
    assert sorted(inside.iterdir()) == files and sorted(tmp_path.rglob("*")) == sorted([inside.parent, inside, *files])


def test_odd_names_are_text(whole, tmp_path):
    for name in ODD_NAMES:
        concepts = [[name, "object", [0, 0, 0]], *([f"other {n}", "part", [1, 2, 3]] for n in range(4))]
        (tmp_path / "x.gwd").write_bytes(record(concepts=concepts, layers=[[name, 6, 4, 4], ["second", 5, 8, 8]],
                                                model=json.dumps(name))(whole))
        d = open_dissection(tmp_path / "x.gwd")
        assert d.concepts[0].name == d.layers[0].name == d.model == name and d.scores.columns[0] == name
        assert "<script>" not in d.table.to_html() and "<img" not in d.table.to_html()
        found = d.edit(name, "ablate", layer=name) if d.scores[name].any() else d.edit("other 0", "ablate", layer=name)
        assert found.layer == name and compile(gw.EditStack().push(found).to_script(), "script", "exec")
    assert [each.name for each in tmp_path.iterdir()] == ["x.gwd"]


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "missing.gwd", "/dev/null"):
        with pytest.raises(StatisticsError, match="cannot be opened"):
            open_dissection(path)
