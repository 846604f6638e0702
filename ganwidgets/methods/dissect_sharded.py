"""A dissection that several processes share, and that goes on where it was stopped (Bau et al. 2020, as in `dissect`).

The seeds are cut into the batches of `dissect`, and each process counts some of them. All that is counted is whole numbers, so
what the processes found is put together exactly: the result is that of one process, however many there are, and also after a kill.
"""

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganwidgets.core import counting, fingerprints, information, iou, statistics
from ganwidgets.core.archives import arrays_of
from ganwidgets.core.counting import Statistic, at_least_one, expect
from ganwidgets.core.digests import tensor_digest
from ganwidgets.core.errors import ArgumentError, StatisticsError
from ganwidgets.core.information import SHARES, LevelCounts, PairCounts
from ganwidgets.core.jobs import Progress, Steps, stepwise
from ganwidgets.core.nets import Layer, LayeredGenerator
from ganwidgets.core.statistics import IoUCounts, Quantiles, TopK
from ganwidgets.core.teams import Team, present_team
from ganwidgets.methods import dissect as whole
from ganwidgets.methods.dissect import BATCH, SHARE, _add_lit, _informed, _pass, _runs, _sample, _Task, _task, maps_on
from ganwidgets.methods.dissection import KEPT, TOP, Dissection, LayerFindings

EVERY = 500                # pictures after which a process writes down what it has counted
ANY_SIZE = 1 << 60         # what it counted may be as large as it is


@stepwise
def dissect_sharded(net: LayeredGenerator | Any, segmenter: Any = None, *, layer: str | Layer | None = None,
                    layers: Sequence[str | Layer] | None = None, seeds: Any = None, rule: str = "quantile",
                    calibration: int | str | None = None, grid: int | None = None, batch: int = BATCH,
                    out: str | os.PathLike | None = None, every: int = EVERY, team: Team | None = None) -> Steps[Dissection]:
    """The dissection of a generator, shared by the processes of a team; every one of them answers the whole of it.

    `team`: left out, that of torch.distributed, or this process alone. `out`: the file that the first of them writes; beside it
    each writes down every `every` pictures what it has counted, and goes on from there when the same is asked for again. These
    files go when `out` is written. One that is damaged or belongs to other work is not used, and a warning says so. A segmenter
    that has no `digest` is known by how it reads the first picture. The rest is as in `dissect`. Errors: as `dissect`; OSError.
    """
    if not isinstance(net, LayeredGenerator):
        raise ArgumentError(f"seeds are shared out, and only a generator draws from seeds; a {type(net).__name__} came.")
    task = _task(net, segmenter, layer, layers, seeds, None, rule, calibration, grid, batch)
    ours, beside = team or present_team(), None if out is None else Path(out)
    work = _Work(task, ours, _Shelf(beside, fingerprint(task, rule), ours), at_least_one("every", every))
    quantiles = yield from _quantiles(work)
    findings = yield from (_by_information if rule == "iqr" else _by_quantile)(work, quantiles)
    found = Dissection(net.name, net.digest, task.segmenter.concepts, tuple(findings), rule, SHARE, task.stated(task.total))
    if beside is not None:
        if ours.rank == 0:
            _save(found, beside)
        # nobody takes the own state away before the file is there
        list(ours.exchange(b"written"))
        work.shelf.clear()
    return found


def _save(found: Dissection, path: Path) -> None:
    """Write the file; one that was there stays whole until the new one is."""
    half = path.with_name(path.name + ".part")
    found.save(half)
    os.replace(half, path)


def fingerprint(task: _Task, rule: str) -> str:
    """SHA-256 over all that decides what is counted: nets, edits, layers, seeds, the rule and its numbers, and the code."""
    return fingerprints.fingerprint({
        "net": fingerprints.of_net(task.net), "segmenter": _segmenter_digest(task),
        "concepts": [[each.name, each.kind] for each in task.segmenter.concepts], "layers": [each.name for each in task.layers],
        "seeds": task.seeds, "rule": [rule, task.calibration, task.fitted, task.grid, task.batch],
        "runs on": [torch.__version__, task.net.device.type],
        "code": [fingerprints.code_of(each) for each in (fingerprint, whole, statistics, iou, information, counting)],
    })


def _segmenter_digest(task: _Task) -> str:
    known = getattr(task.segmenter, "digest", None)
    if isinstance(known, str):
        return known
    # of what has no digest: all masks that are known, or those of the first picture
    inputs = next(task.batches(0, 1))
    with torch.no_grad():
        masks = getattr(task.segmenter, "masks", None)
        held = whole._masks(task, inputs, task.net.head(inputs, task.layers[-1]), 0) if masks is None else masks
    return tensor_digest(type(task.segmenter).__name__, held)


@dataclass(frozen=True, eq=False)
class _Work:
    """What is to be counted, by whom, and where the state is kept."""
    task: _Task
    team: Team
    shelf: "_Shelf"
    every: int

    @property
    def spans(self) -> list[tuple[int, int]]:
        """From which place to which each pass goes: for the thresholds, for the levels under the rule "iqr", for the counts."""
        first = self.task.fitted
        return [(0, self.task.calibrated(self.task.total)), *([(0, first)] if first else []), (first, self.task.total)]

    def own(self, number: int) -> range:
        """This process's part of a pass."""
        return self.team.part(*self.spans[number], self.task.batch)


Passes = Generator[Progress, None, list[Any]]
Found = Generator[Progress, None, list[LayerFindings]]


def _quantiles(work: _Work) -> Passes:
    """The quantiles of each unit, from the calibration sample or from every pixel."""
    def take(held: Sequence[Any], first: int, last: int) -> None:
        for inputs in work.task.batches(first, last):
            with torch.no_grad():
                for run, each in zip(list(_runs(work.task, inputs)), held, strict=True):
                    each.add(_sample(maps_on(run.features, work.task.grid), first=first, every=work.task.calibration is None))

    return (yield from _shared(work, 0, "thresholds", [Quantiles(layer.channels) for layer in work.task.layers], take))


def _by_quantile(work: _Work, quantiles: Sequence[Quantiles]) -> Found:
    """What is found where each unit is lit at the same share of all pixels."""
    task = work.task
    limits = [each.quantile(1 - SHARE) for each in quantiles]
    fresh = [IoUCounts(layer.channels, len(task.segmenter.concepts), task.grid, task.grid) for layer in task.layers]
    counts, tops = yield from _counted(work, fresh, limits, lambda held: [
        partial(_add_lit, *each) for each in zip(held, limits, strict=True)])
    return [LayerFindings(*each) for each in zip(
        task.layers, limits, [each.quantiles(KEPT) for each in quantiles], counts, tops, strict=True)]


def _by_information(work: _Work, quantiles: Sequence[Quantiles]) -> Found:
    """What is found where each unit has a threshold for each concept, fitted on the first pictures and counted on the others."""
    task = work.task
    fresh = [LevelCounts(each.quantiles(1 - SHARES).T, len(task.segmenter.concepts), task.grid, task.grid) for each in quantiles]
    levels = yield from _shared(work, 1, "what tells most", fresh, lambda held, first, last: _through(
        _pass(task, [each.add for each in held], note="", first=first, last=last)), [each.levels for each in fresh])
    best = [each.best() for each in levels]
    empty = [PairCounts(limits, task.grid, task.grid, each.concept_cells, each.pictures)
             for each, (limits, _) in zip(levels, best, strict=True)]
    counts, tops = yield from _counted(work, empty, [part for each in empty for part in (each.limits, each.other_cells)],
                                       lambda held: [each.add for each in held])
    return [_informed(*each) for each in zip(task.layers, quantiles, counts, tops, best, strict=True)]


def _counted(work: _Work, fresh: Sequence[Statistic], given: Sequence[np.ndarray],
             adds: Callable[[Sequence[Any]], list[whole.Add]]) -> Passes:
    """The pass over all pictures that are counted; and in which of them each unit goes highest."""
    task, n = work.task, len(fresh)

    def take(held: Sequence[Any], first: int, last: int) -> None:
        _through(_pass(task, adds(held[:n]), note="", first=first, last=last, tops=held[n:]))

    tops = [TopK(layer.channels, TOP) for layer in task.layers]
    found = yield from _shared(work, len(work.spans) - 1, "counting", [*fresh, *tops], take, given)
    return [found[:n], found[n:]]


def _through(steps: Generator[Progress, None, Any]) -> None:
    for _ in steps:
        pass


def _shared(work: _Work, number: int, note: str, fresh: Sequence[Statistic],
            take: Callable[[Sequence[Any], int, int], None], given: Sequence[np.ndarray] = ()) -> Passes:
    """One pass: this process counts its part, from where it was stopped on, and then all put together what they have.

    `given`: what the passes before found and this one counts by.
    """
    mine, parts = work.own(number), [len(work.own(each)) for each in range(len(work.spans))]
    part = _Part(number, mine, hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in given)).hexdigest())
    held, place = work.shelf.read(part, fresh)
    before, total, kept = sum(parts[:number]), sum(parts), place
    while place < mine.stop:
        end = min(place + work.task.batch, mine.stop)
        take(held, place, end)
        place = end
        if place - kept >= work.every:
            work.shelf.write(part, place, held)
            kept = place
        yield Progress(before + place - mine.start, total, note)
    return _together(work.team, held)


def _together(ours: Team, held: Sequence[Statistic]) -> list[Any]:
    """What all processes counted, put together in the order of their ranks."""
    if ours.size == 1:
        return list(held)
    found: list[Any] = []
    for told in ours.exchange(_packed(held)):
        parts = _unpacked(arrays_of(told, most=ANY_SIZE), held)
        found = [a + b for a, b in zip(found, parts, strict=True)] if found else parts
    return found


def _packed(held: Sequence[Statistic], **more: Any) -> bytes:
    """Statistics as one .npz, without pickle."""
    content = io.BytesIO()
    arrays = {f"{place} {name}": array for place, each in enumerate(held) for name, array in each.integers.items()}
    np.savez(content, **arrays, **{name: np.array(value) for name, value in more.items()})  # type: ignore[arg-type]
    return content.getvalue()


def _unpacked(arrays: Mapping[str, np.ndarray], like: Sequence[Statistic]) -> list[Any]:
    """The statistics that `_packed` wrote; `like` are of the same kinds. Errors: StatisticsError, KeyError."""
    return [type(each).from_integers({name: arrays[f"{place} {name}"] for name in each.integers})
            for place, each in enumerate(like)]


@dataclass(frozen=True)
class _Part:
    """A process's part of a pass: its places, and the digest of what the passes before found."""
    number: int
    places: range
    given: str


@dataclass(frozen=True)
class _Shelf:
    """The files beside `beside` (None: there are none) in which a process keeps what it has counted, one for each pass."""
    beside: Path | None
    name: str
    team: Team

    def path(self, number: int) -> Path:
        """The file of a pass."""
        assert self.beside is not None
        own = f"{self.name[:16]}.{self.team.rank + 1}of{self.team.size}.{number + 1}"
        return self.beside.with_name(f"{self.beside.name}.{own}.state")

    def read(self, part: _Part, fresh: Sequence[Statistic]) -> tuple[list[Any], int]:
        """What was counted of this part before, and the place to go on from. Warns of what is not used."""
        if self.beside is not None and part.number == self.team.rank == 0:
            self._say_others()
        if self.beside is None or not self.path(part.number).exists():
            return list(fresh), part.places.start
        try:
            return self._read(part, fresh)
        except (OSError, KeyError, ArgumentError, StatisticsError) as error:
            warnings.warn(f"{self.path(part.number).name} is not used, and its part is counted anew: {error}", stacklevel=2)
            return list(fresh), part.places.start

    def _read(self, part: _Part, fresh: Sequence[Statistic]) -> tuple[list[Any], int]:
        arrays = arrays_of(self.path(part.number).read_bytes(), most=ANY_SIZE)
        named, place = str(arrays["work"]), int(expect(arrays, "place", 0))
        if named != f"{self.name} {part}":
            raise StatisticsError("it belongs to other work.")
        if not part.places.start <= place <= part.places.stop:
            raise StatisticsError(f"it says that it stopped at place {place}.")
        # put together with what is fresh, which refuses what does not fit it
        held = [each + old for each, old in zip(fresh, _unpacked(arrays, fresh), strict=True)]
        if any(each.pictures != place - part.places.start for each in held if not isinstance(each, (Quantiles, TopK))):
            raise StatisticsError("it has counted other pictures than it says.")
        return held, place

    def write(self, part: _Part, place: int, held: Sequence[Statistic]) -> None:
        """Keep what was counted up to a place; the file that was there stays whole until the new one is."""
        if self.beside is None:
            return
        path = self.path(part.number)
        half = path.with_name(path.name + ".part")
        with open(half, "wb") as file:
            file.write(_packed(held, work=f"{self.name} {part}", place=place))
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, path)

    def _say_others(self) -> None:
        """Warn of states that lie here and are not of this work, or not of as many processes."""
        assert self.beside is not None
        own, begins = f"{self.name[:16]}.", f"{self.beside.name}."
        of_this = f"of{self.team.size}."
        for path in sorted(self.beside.parent.glob("*.state")):
            rest = path.name.removeprefix(begins)
            if rest == path.name or rest.startswith(own) and of_this in rest:
                continue
            why = "as many processes as it was begun with go on from it" if rest.startswith(own) else "it is of other work"
            warnings.warn(f"{path.name} is not used: {why}.", stacklevel=2)

    def clear(self) -> None:
        """Take the files of this process away."""
        if self.beside is not None:
            for number in range(3):
                path = self.path(number)
                for each in (path, path.with_name(path.name + ".part")):
                    each.unlink(missing_ok=True)
