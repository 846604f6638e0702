"""A lab's desk: the order of work, what gives way to what, and that every task ends exactly once."""

import threading

import pytest

from ganwidgets.core.errors import CancelledError
from ganwidgets.widgets.desk import Desk, Task


class Book:
    """What happened, in order."""

    def __init__(self):
        self.done, self.ends = [], {}
        self.desk = Desk(threading.RLock())

    def task(self, name, steps=1, *, key=None, preview=False, background=False, error=None):
        def work():
            for i in range(steps - 1):
                self.done.append(f"{name}{i}")
                yield
            if error is not None:
                raise error
            self.done.append(name)
            return {"name": name}

        end = lambda status, result: self.ends.setdefault(name, []).append(status)  # noqa: E731
        return Task(work, end, key=key, preview=preview, name=name if background else "")


@pytest.fixture
def book():
    return Book()


def test_acts_come_in_order_and_end_once(book):
    for name in "abc":
        book.desk.add(book.task(name, 2))
    assert not book.desk.run()
    assert book.done == ["a0", "a", "b0", "b", "c0", "c"]
    assert book.ends == {"a": ["done"], "b": ["done"], "c": ["done"]}


def test_only_the_latest_preview_is_done(book):
    for name in "abc":
        book.desk.add(book.task(name, preview=True))
    book.desk.run()
    assert book.done == ["c"]
    assert book.ends == {"a": ["superseded"], "b": ["superseded"], "c": ["done"]}


def test_a_stroke_makes_the_waiting_preview_pointless_but_no_stroke(book):
    book.desk.add(book.task("stroke1"))
    book.desk.add(book.task("preview", preview=True))
    book.desk.add(book.task("stroke2"))
    book.desk.run()
    assert book.done == ["stroke1", "stroke2"]
    assert book.ends["preview"] == ["superseded"]


def test_background_work_waits_for_acts_and_then_goes_on_where_it_stood(book):
    book.desk.later(book.task("chips", 4, background=True))
    book.desk.step()
    book.desk.add(book.task("stroke", 2))
    book.desk.run()
    assert book.done == ["chips0", "stroke0", "stroke", "chips1", "chips2", "chips"]


def test_background_work_gives_way_to_newer_of_its_name(book):
    old, new = book.task("thumbs", 3, background=True), book.task("thumbs", 2, background=True)
    book.desk.later(old)
    book.desk.step()
    book.desk.later(new)
    book.desk.run()
    assert book.done == ["thumbs0", "thumbs0", "thumbs"]
    assert sorted(book.ends["thumbs"]) in (["cancelled", "done"], ["done", "superseded"])


@pytest.mark.parametrize("begun", [False, True])
def test_a_cancelled_act_ends_once_and_does_no_more(book, begun):
    book.desk.add(book.task("long", 5, key=("v", 1)))
    if begun:
        book.desk.step()
    assert book.desk.cancel(("v", 1))
    book.desk.run()
    assert book.done == (["long0"] if begun else [])
    assert book.ends == {"long": ["cancelled"]}
    assert not book.desk.cancel(("v", 1))
    assert not book.desk.busy


@pytest.mark.parametrize("error, status", [(ValueError("no"), "error"), (CancelledError("stopped"), "cancelled")])
def test_what_goes_wrong_ends_that_act_only(book, error, status):
    book.desk.add(book.task("bad", 2, error=error))
    book.desk.add(book.task("good"))
    book.desk.run()
    assert book.ends == {"bad": [status], "good": ["done"]}


def test_an_interrupt_cancels_the_act_and_is_passed_on(book):
    book.desk.add(book.task("long", 2, error=KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        book.desk.run()
    assert book.ends == {"long": ["cancelled"]}
    assert not book.desk.busy


def test_clear_ends_everything_once(book):
    book.desk.add(book.task("current", 3, key=("v", 1)))
    book.desk.step()
    book.desk.add(book.task("waiting"))
    book.desk.later(book.task("chips", 3, background=True))
    book.desk.clear()
    book.desk.run()
    assert book.ends == {"current": ["cancelled"], "waiting": ["cancelled"], "chips": ["cancelled"]}
    assert not book.desk.busy


def test_a_slice_stops_between_steps(book):
    book.desk.add(book.task("long", 10_000))
    assert book.desk.run(0.01)
    assert 0 < len(book.done) < 10_000


def test_many_threads_end_each_task_once(book):
    adders = [
        threading.Thread(target=lambda n=n: [book.desk.add(book.task(f"{n}-{i}-", 2, preview=i % 3 == 0)) for i in range(40)])
        for n in range(4)
    ]
    workers = [threading.Thread(target=lambda: [book.desk.run() for _ in range(200)]) for _ in range(3)]
    for thread in (*adders, *workers):
        thread.start()
    for thread in (*adders, *workers):
        thread.join()
    book.desk.run()
    assert len(book.ends) == 160
    assert all(len(ends) == 1 for ends in book.ends.values())
    assert all(ends[0] in ("done", "superseded") for ends in book.ends.values())
    assert {name for name, ends in book.ends.items() if ends == ["superseded"]} <= {
        f"{n}-{i}-" for n in range(4) for i in range(0, 40, 3)
    }


def test_wait_is_told_the_end(book):
    book.desk.add(book.task("a", 3))
    assert not book.desk.wait(0.01)
    worker = threading.Thread(target=book.desk.run)
    worker.start()
    assert book.desk.wait(5)
    worker.join()
