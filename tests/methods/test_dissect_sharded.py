"""A shared dissection is that of one process, whole number by whole number; killed and called again, it is so too."""

import dataclasses
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import ganwidgets as gw
from ganwidgets.core.concepts import KnownMasks
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.nets import with_parameter
from ganwidgets.core.teams import Team
from ganwidgets.methods import dissect as whole
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissect_sharded import dissect_sharded, fingerprint

ROOT = Path(__file__).parents[2]
RULES = ("quantile", "iqr")
HOW = {"layers": ["first", "second"], "seeds": range(7, 47), "calibration": 15, "batch": 3}


class Room:
    """Threads in the place of processes: what each tells, all hear."""

    def __init__(self, size):
        self.size, self.told, self.all_here = size, [b""] * size, threading.Barrier(size, timeout=300)

    def exchange(self, rank):
        def exchanged(mine):
            self.told[rank] = mine
            self.all_here.wait()
            heard = list(self.told)
            self.all_here.wait()
            return heard
        return exchanged

    def run(self, work):
        found, failed = [None] * self.size, []

        def one(rank):
            try:
                found[rank] = work(Team(rank, self.size, self.exchange(rank)))
            except BaseException as error:
                failed.append(error)
                self.all_here.abort()
        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return found


def same(a, b):
    """The integers are the same, and so is all that follows from them."""
    for mine, other in zip(a.findings, b.findings, strict=True):
        assert mine.counts == other.counts and mine.tops == other.tops and mine.layer == other.layer
        for name in ("thresholds", "quantiles", "quality", "iou", "iou_other"):
            if getattr(mine, name) is not None:
                np.testing.assert_allclose(getattr(mine, name), getattr(other, name), rtol=0, atol=1e-12)
    assert a.table.equals(b.table) and (a.calibration, a.rule, a.concepts) == (b.calibration, b.rule, b.concepts)
    return True


@pytest.mark.parametrize("rule", RULES)
def test_a_team_of_any_size_finds_what_one_process_finds(toy, colours, rule):
    alone = dissect(toy, colours, rule=rule, progress=False, **HOW)
    for size in (1, 2, 3, 16):
        for found in Room(size).run(lambda team: dissect_sharded(toy, colours, rule=rule, team=team, progress=False, **HOW)):
            assert same(found, alone)


def test_every_pixel_of_every_picture_and_known_masks(toy, colours):
    seeds = range(20)
    masks = KnownMasks(colours.concepts, colours.segment(toy.images(toy.sample(seeds))))
    how = {"layer": "second", "seeds": seeds, "calibration": "all", "progress": False}
    for found in Room(2).run(lambda team: dissect_sharded(toy, masks, team=team, **how)):
        assert same(found, dissect(toy, masks, **how)) and found.calibration == "all"


@pytest.mark.parametrize("rule", RULES)
def test_left_out_the_thresholds_come_from_as_many_pictures(toy, colours, rule, monkeypatch):
    monkeypatch.setattr(whole, "CALIBRATION", 6)
    how = {"layers": ["first"], "seeds": range(40), "rule": rule, "batch": 3, "progress": False}
    alone, said = dissect(toy, colours, **how), dissect(toy, colours, calibration=10, **how)
    for found in Room(2).run(lambda team: dissect_sharded(toy, colours, team=team, **how)):
        assert same(found, alone) and same(found, said) and found.calibration == 10


def begun(toy, colours, out, *, rule="quantile", steps=9, team=None, **changed):
    """Some steps, and no more: as far as a process came that was killed."""
    work = dissect_sharded.steps(toy, colours, rule=rule, out=out, every=3, team=team, **{**HOW, **changed})
    for _ in range(steps):
        next(work)
    work.close()
    return sorted(out.parent.glob("*.state"))


def ended(toy, colours, out, **changed):
    """What is told of the steps that were left, and the warnings."""
    said = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work = dissect_sharded.steps(toy, colours, out=out, every=3, **{**HOW, **changed})
        try:
            while True:
                said.append(next(work).done)
        except StopIteration as stop:
            return stop.value, said, [str(each.message) for each in caught]


@pytest.mark.parametrize("rule", RULES)
def test_it_goes_on_where_it_was_stopped(toy, colours, tmp_path, rule):
    alone = dissect(toy, colours, rule=rule, progress=False, **HOW)
    total = len(list(dissect_sharded.steps(toy, colours, rule=rule, **HOW)))
    for steps in (1, 4, 5, 6, 10, 11, total - 1):      # within passes, and where one ends
        out = tmp_path / "x.gwd"
        assert begun(toy, colours, out, rule=rule, steps=steps)
        found, said, warned = ended(toy, colours, out, rule=rule)
        assert len(said) == total - steps and not warned
        assert same(found, alone) and gw.open_dissection(out).table.equals(alone.table)
        assert sorted(tmp_path.iterdir()) == [out]
        out.unlink()


def damaged(path, change):
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize("change", [
    lambda held: b"", lambda held: b"nonsense", lambda held: held[:len(held) // 2], lambda held: held[:-40],
    lambda held: held.replace(b"place", b"plaice"),
    lambda held: held[:len(held) // 2] + bytes(each ^ 255 for each in held[len(held) // 2:][:200]) + held[len(held) // 2 + 200:],
], ids=["empty", "nonsense", "half", "cut", "renamed", "flipped"])
def test_a_damaged_state_is_not_used_and_said(toy, colours, tmp_path, change):
    out = tmp_path / "x.gwd"
    for path in begun(toy, colours, out):
        damaged(path, change)
    found, said, warned = ended(toy, colours, out)
    assert said[0] == 3 and len(warned) == 2 and all("counted anew" in each for each in warned)
    assert same(found, dissect(toy, colours, progress=False, **HOW))


@pytest.mark.filterwarnings("ignore:.*it is of other work")
def test_a_state_of_other_work_is_not_used_and_said(toy, colours, tmp_path):
    out = tmp_path / "x.gwd"
    (other,) = begun(toy, colours, out, steps=2, seeds=range(50, 90))
    found, said, warned = ended(toy, colours, out)
    assert warned == [f"{other.name} is not used: it is of other work."] and said[0] == 3
    assert same(found, dissect(toy, colours, progress=False, **HOW)) and other.exists()
    (own,) = (path for path in begun(toy, colours, out, steps=2) if path != other)
    own.write_bytes(other.read_bytes())         # under the name of this work
    found, said, warned = ended(toy, colours, out)
    assert "it belongs to other work" in warned[1] and said[0] == 3
    assert same(found, dissect(toy, colours, progress=False, **HOW))


def test_a_state_of_another_number_of_processes_is_not_used_and_said(toy, colours, tmp_path):
    out = tmp_path / "x.gwd"
    begun(toy, colours, out, steps=2, team=Team(0, 2))
    found, said, warned = ended(toy, colours, out)
    assert said[0] == 3 and len(warned) == 1 and "as many processes as it was begun with" in warned[0]
    assert same(found, dissect(toy, colours, progress=False, **HOW))


def test_whatever_decides_the_result_is_in_its_name(toy, colours, planted):
    def named(net=toy, segmenter=colours, rule="quantile", **changed):
        how = {"layers": ["first"], "seeds": range(9), "calibration": 5, "grid": 8, "batch": 3, **changed}
        return fingerprint(whole._task(net, segmenter, None, how["layers"], how["seeds"], None, rule, how["calibration"],
                                       how["grid"], how["batch"]), rule)

    class Others(type(colours)):
        def segment(self, images):
            return ~super().segment(images)
    Others.__name__ = type(colours).__name__
    masks = KnownMasks(colours.concepts, torch.zeros(9, 5, 16, 16, dtype=torch.bool))
    changed_masks = dataclasses.replace(masks, masks=masks.masks.clone())
    changed_masks.masks[8, 4, 3, 3] = True
    names = [named(), named(layers=["second"]), named(layers=["first", "second"]), named(seeds=range(1, 10)), named(rule="iqr"),
             named(calibration=4), named(calibration="all"), named(grid=4), named(batch=2), named(segmenter=Others()),
             named(segmenter=masks), named(segmenter=changed_masks), named(UnitEdit("first", [1], 2.0).apply(toy)),
             named(UnitEdit("first", [1], 3.0).apply(toy)), named(type(toy)(type(toy.net)(seed=1))),
             named(toy.with_net(with_parameter(toy.net, "one.bias", toy.net.one.bias + 1)))]
    assert len(set(names)) == len(names)
    assert named() == named() == named(seeds=list(range(9)))


def test_only_what_draws_from_seeds_is_shared_out(toy_classifier, toy, colours):
    with pytest.raises(ArgumentError, match="ToyClassifier"):
        dissect_sharded(toy_classifier, colours, progress=False)
    with pytest.raises(ArgumentError, match="every must be a whole number"):
        dissect_sharded(toy, colours, seeds=range(4), every=0, progress=False)


# ---- processes

RUN = """
import sys, torch, ganwidgets as gw
from ganwidgets.processes import joined
from ganwidgets.testing import planted_generator
torch.set_num_threads(1)
planted, (rule, out) = planted_generator(), sys.argv[1:]
with joined(torch.device("cpu")):
    for step in gw.dissect_sharded.steps(planted.generator, planted.segmenter, layers=["layer1", "layer2"], seeds=range(48),
                                         calibration=24, grid=16, batch=2, rule=rule, out=out, every=2):
        print(step.done, flush=True)
"""


def started(rule, out, size):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)} if size > 1 else {}
    return [subprocess.Popen([sys.executable, "-c", RUN, rule, str(out)], stdout=subprocess.PIPE, text=True, cwd=ROOT,
                             env={**os.environ, **group, **({"RANK": str(rank)} if group else {})}) for rank in range(size)]


@pytest.mark.parametrize(("rule", "size"), [("quantile", 1), ("iqr", 2)])
def test_killed_at_a_random_moment_and_called_again_it_answers_the_same(planted, tmp_path, rule, size):
    out, moment = tmp_path / "x.gwd", random.SystemRandom().randint(1, 17)
    killed = started(rule, out, size)
    for _ in range(moment):
        assert killed[0].stdout.readline()
    for each in killed:
        each.send_signal(signal.SIGKILL)
        each.communicate()
    assert not out.exists() and list(tmp_path.glob("*.state"))
    again = started(rule, out, size)
    said = [each.communicate(timeout=300)[0].split() for each in again]
    assert all(each.returncode == 0 for each in again)
    assert int(said[0][0]) > 2 * moment, f"killed after {moment} steps, it began anew"
    alone = dissect(planted.generator, planted.segmenter, layers=["layer1", "layer2"], seeds=range(48), calibration=24, grid=16,
                    batch=2, rule=rule, progress=False)
    found = gw.open_dissection(out)
    assert found.table.equals(alone.table) and same(found, alone), f"killed after {moment} steps"
    assert sorted(tmp_path.iterdir()) == [out]
