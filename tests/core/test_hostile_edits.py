"""Hostile files of edits are refused in words, at once, in little memory; a script of edits holds whatever their names hold."""

import ast
import base64
import dataclasses
import json
import subprocess
import sys
import types
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import ganwidgets.core.errors as errors
from ganwidgets.core.edits import MOST_EDITS, EditStack, LatentEdit, Origin, UnitEdit, WeightEdit, edit_from_record
from ganwidgets.core.latents import Latents
from ganwidgets.core.regions import Region
from ganwidgets.core.texts import tensor_from_text, tensor_to_text, together_at_most

ROOT = Path(__file__).parents[2]
MOST_SECONDS, MOST_MIB = 20.0, 1500         # of processor time for a file, which may have 64 MB; of memory for all of them
HERE = Origin("planted", "0" * 64, (("ink", "1" * 64),))
RECORDS = {
    "unit": UnitEdit("layer2", [2, 5], [1.0, 2.0], weights=[0.5, 1.0], region=Region.box(0, 0, 1, 1), seeds=(0, 3), origin=HERE),
    "weight": WeightEdit("layer3", torch.ones(3, 1), torch.ones(1, 12), seeds=(3,), origin=HERE),
    "latent": LatentEdit(Latents((0,), z=torch.ones(1, 6), residuals=(("layer1", torch.ones(1, 2)),)), seeds=(3,), words="a dot",
                         region=Region.from_mask(np.eye(3)), layer="layer2", origin=HERE),
}
WRONG = {"null": "null", "true": "true", "number": "5.5", "NaN": "NaN", "endless": "1e400", "digits": "7" * 400, "text": '"x"',
         "list": "[]", "nested": "[[[]]]", "record": "{}", "list of text": '["x"]', "list of NaN": "[NaN]"}
NAMES = {"layer", "words", "name", "digest"}                           # any text is one
OPTIONAL = {"seeds", "region", "weights", "origin", "words", "layer", "z", "w", "condition", "truncation_cutoff"}


def written(edits):
    return f'{{"format": "ganwidgets edits", "version": 1, "edits": {edits}}}'


def fields(record, path=()):
    """The way to every field of a record, also within records."""
    for name, value in record.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from fields(value, (*path, name))


def with_field(record, path, said):
    """The record as JSON with that field as it is said."""
    record = json.loads(json.dumps(record))
    inner = record
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = "HERE"
    return json.dumps(record).replace('"HERE"', said)


def harmless(kind, path, what):
    """Whether the field may be that: a text where any text is a name, nothing where a field may be left out, no seeds."""
    name = path[-1]
    if what == "text":
        return name in NAMES or path[-2:] == ("weights", "ink")
    if what == "null":
        return name in OPTIONAL and not (kind == "latent" and name in ("seeds", "z")) and not (kind != "latent" and name == "layer")
    if what == "record":
        return path == ("origin", "weights")
    return what == "list" and name in ("residuals", "seeds") or what == "number" and name == "truncation"


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_of_a_wrong_kind_is_refused(kind, tmp_path):
    record, tried = RECORDS[kind].to_record(), 0
    for path in fields(record):
        for what, said in WRONG.items():
            (tmp_path / "x.gwe").write_text(written(f"[{with_field(record, path, said)}]"))
            if harmless(kind, path, what):
                EditStack.load(tmp_path / "x.gwe")
                continue
            with pytest.raises(errors.EditError) as caught:
                EditStack.load(tmp_path / "x.gwe")
            assert "x.gwe" in str(caught.value) and len(str(caught.value)) < 600, (path, what)
            tried += 1
    assert tried > 60


def packed(shape, size, kind="u8"):
    """A text that says it is of that shape and unfolds to so many zeros."""
    return f"{kind}:{shape}:{base64.b85encode(zlib.compress(bytes(size), 9)).decode()}"


def unit(**changes):
    record = {**RECORDS["unit"].to_record(), **changes}
    return written(json.dumps([record]))


LARGE = {       # files that want time or memory
    "deep": lambda: "[" * 1_000_000, "deep within": lambda: written("[" * 100_000 + "]" * 100_000),
    "many lists": lambda: written("[" + "[]," * 4_200_000 + "[]]"), "many numbers": lambda: unit(units=list(range(4_200_000))),
    "the last unit twice": lambda: unit(units=[*range(400_000), 399_999]),
    "many edits": lambda: written(json.dumps([{}] * 500_000)),
    "long kind": lambda: unit(kind="x" * 9_000_000), "long mode": lambda: unit(mode="set" * 3_000_000),
    "long region": lambda: unit(region={"kind": "box" * 3_000_000}), "5,000 digits": lambda: unit().replace("1.0", "9" * 5000),
    "version of 4,000 digits": lambda: unit().replace('"version": 1', f'"version": {"9" * 4000}'),
    "bomb": lambda: unit(value=packed("2x8192x16384", 1 << 20)), "bomb that grows": lambda: unit(value=packed("2", 1 << 28)),
    "bombs together": lambda: written(json.dumps([{**RECORDS["unit"].to_record(), "value": packed("2x8192x8192", 1 << 27)}] * 40)),
    "1e9 numbers": lambda: unit(value="f32:1000000000:"), "1e36 numbers": lambda: unit(value=f"u8:{10**18}x{10**18}:"),
    "many axes": lambda: unit(value="u8:" + "x".join("1" * 1_000_000) + ":"), "below zero": lambda: unit(value="u8:-2x-1:"),
    "longer than said": lambda: unit(value="u8:2:" + "0" * 30_000_000), "more than 64 MB": lambda: " " * (65 << 20),
    "corners": lambda: unit(region={"kind": "box", "corners": [0.0] * 1_000_000}), "no UTF-8": lambda: "\ud800",
}
OPEN = """
import json, resource, sys, time
import ganwidgets as gw
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.stdin.read().split("\\0"):
    began = time.process_time()
    try:
        kind, said = "opened", str(gw.EditStack.load(path))
    except BaseException as error:
        kind, said = type(error).__name__, str(error)
    print(json.dumps([path, kind, said[:2000], time.process_time() - began]), flush=True)
print(json.dumps((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))
"""


def test_files_that_want_time_or_memory_are_refused(tmp_path):
    for name, make in LARGE.items():
        (tmp_path / name).write_bytes(make().encode("utf-8", "surrogatepass"))
    files = sorted(tmp_path.iterdir())
    done = subprocess.run([sys.executable, "-c", OPEN], input="\0".join(map(str, files)), text=True, capture_output=True,
                          cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    *said, grown = map(json.loads, done.stdout.splitlines())
    for path, kind, words, seconds in said:
        assert kind == "EditError" and Path(path).name in words and len(words) < 1000, (path, kind, words[:300])
        assert seconds < MOST_SECONDS, (path, seconds)
    assert len(said) == len(LARGE) and grown < MOST_MIB, f"{grown:.0f} MiB"
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("content", [
    "null", "5", '"edits"', "[]", "{}", written("{}"), written('"unit"'), written("null"), written("[null]"), written("[[]]"),
    written("[]").replace("1", "true"), written("[]").replace("1", '"1"'), written("[]").replace("1", "1.0"), written("[]") + "x",
    written('[{"kind": ["unit"]}]'), written('[{"kind": {"unit": 1}}]'), written('[{"kind": "__class__"}]'),
    written("[]").replace("ganwidgets edits", "ganwidgets\\u0000edits"), "import os", "\x80\x04K\x01.", "PK\x03\x04",
])
def test_what_is_no_list_of_edits_is_refused(tmp_path, content):
    (tmp_path / "x.gwe").write_text(content)
    with pytest.raises(errors.EditError, match="x.gwe"):
        EditStack.load(tmp_path / "x.gwe")
    for path in (tmp_path, tmp_path / "missing.gwe"):
        with pytest.raises(errors.EditError, match="cannot be read"):
            EditStack.load(path)


def test_texts_together_have_a_limit_and_apart_none():
    text = tensor_to_text(torch.zeros(1000))
    with together_at_most(10_000):
        for _ in range(2):
            tensor_from_text(text)
        with pytest.raises(errors.EditError, match="too large"):
            tensor_from_text(text)
    assert len(tensor_from_text(text)) == 1000


names = st.text(st.characters(), max_size=12) | st.sampled_from([
    "'", '"', "\\", "\n", "\r\n", "\u2028", "\u2029", "\x85", "\0", "'''", '"""', "\\'", "{x}", "%s", "'); import os #", "\ud800"])
several = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def edits(draw):
    """What makes an edit with such names."""
    kind, layer, words = draw(st.sampled_from(["unit", "weight", "latent"])), draw(names), draw(st.none() | names)
    numbers, seeds = draw(st.lists(st.floats(-9, 9, width=32), min_size=2, max_size=2)), draw(several)
    origin, every = draw(st.none() | names), draw(st.booleans())
    mode, strength = draw(st.sampled_from(["set", "add", "scale"])), draw(st.floats(0, 1))
    region = draw(st.sampled_from([None, Region.box(0.1, 0.2, 0.3, 1.0), Region.from_mask(np.linspace(0, 1, 6).reshape(2, 3))]))

    def make():
        made_on = None if origin is None else Origin(origin, "0" * 64)
        if kind == "unit":
            return UnitEdit(layer, [1, 4], numbers, mode=mode, strength=strength, region=region, seeds=None if every else seeds,
                            weights=[0.5, 1.0] if every else None, origin=made_on)
        if kind == "weight":
            return WeightEdit(layer, torch.tensor([numbers]), torch.tensor([numbers]).T, origin=made_on,
                              seeds=None if every else seeds)
        latents = Latents((7,), z=torch.tensor([numbers]), residuals=((layer, torch.ones(1, 2)),), noise=3 if every else "none")
        return LatentEdit(latents, seeds=seeds, words=words, region=region, layer=None if every else layer, origin=made_on)
    return make


@settings(max_examples=40, deadline=None)
@given(st.lists(edits(), max_size=3))
def test_a_script_holds_the_same_edits_whatever_their_names_hold(makers):
    stack = EditStack()
    for make in makers:
        stack = stack.push(make())
    script = stack.to_script()
    assert len(ast.parse(script).body) == len(script.splitlines()) - 1 == 4 + len(makers), "a line each, whatever breaks lines"
    assert all(line.isprintable() for line in script.split("\n"))
    held, loaded = run(script)
    assert held["stack"].edits == tuple(dataclasses.replace(edit, origin=None) for edit in stack.edits)
    origins = {edit.origin.name for edit in stack.edits if edit.origin}
    assert loaded == [*origins] if len(origins) == 1 else loaded == ["storybook"]


def run(script):
    """The names that the script leaves, and those that it loads, with something else in the place of a generator."""
    import ganwidgets.core.latent_edits as latent_edits
    import ganwidgets.core.texts as texts
    drawn = types.SimpleNamespace(images=lambda latents: latents, sample=lambda seeds: seeds)
    core = types.SimpleNamespace(latent_edits=latent_edits, texts=texts)
    gw, loaded = types.ModuleType("ganwidgets"), []
    gw.load, gw.core, gw.Region = (lambda name: loaded.append(name) or drawn), core, Region
    gw.UnitEdit, gw.WeightEdit, gw.LatentEdit, gw.EditStack = UnitEdit, WeightEdit, LatentEdit, EditStack
    held = {}
    with mock.patch.dict(sys.modules, {"ganwidgets": gw}), mock.patch.object(EditStack, "apply", lambda self, net: net):
        exec(compile(script, "script", "exec"), held)
    return held, loaded


@settings(max_examples=25, deadline=None)
@given(edits())
def test_a_record_holds_whatever_names_hold(make):
    edit = make()
    assert edit_from_record(json.loads(json.dumps(edit.to_record(), allow_nan=False))) == edit


def test_no_more_is_saved_than_can_be_loaded(tmp_path):
    one, path = UnitEdit("layer1", [0]), tmp_path / "x.gwe"
    most = EditStack((one,) * MOST_EDITS)
    assert len(EditStack.load(most.save(path))) == MOST_EDITS
    kept = path.read_bytes()
    with pytest.raises(errors.EditError, match="more than a file holds"):
        EditStack((one,) * (MOST_EDITS + 1)).save(path)
    assert path.read_bytes() == kept and list(tmp_path.iterdir()) == [path]
