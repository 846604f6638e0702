"""Steps, jobs and workers: run, watched, paused, stopped, in turn, and with nothing left behind."""

import gc
import logging
import threading
import weakref

import pytest
import torch

from ganwidgets.core.errors import ArgumentError, CancelledError
from ganwidgets.core.jobs import Job, Progress, Run, finish, stepwise
from ganwidgets.core.workers import Turn, Worker

PATIENCE = 20   # seconds before a test gives up


class Model:
    """Something to own a worker."""


@stepwise
def counting(upto, *, log=None, gates=None):
    """Counts, and leaves word when it was closed."""
    log = log if log is not None else []
    try:
        for i in range(upto):
            if gates is not None:
                assert gates[i].wait(PATIENCE)
            log.append(i)
            yield Progress(i + 1, upto, note=f"at {i}")
    finally:
        log.append("closed")
    return sum(range(upto))


@stepwise
def failing():
    """Fails at its second step."""
    yield Progress(1, 2)
    raise ZeroDivisionError("by design")


def test_called_plainly_it_runs_to_the_end(capsys):
    assert counting(5, progress=False) == 10
    assert capsys.readouterr().err == ""
    assert counting(5) == 10
    assert "counting" in capsys.readouterr().err


def test_steps_are_not_begun_before_the_first():
    log = []
    steps = counting.steps(3, log=log)
    assert log == []
    assert next(steps) == Progress(1, 3, "at 0") and next(steps).fraction == pytest.approx(2 / 3)
    assert finish(steps) == 3 and log == [0, 1, 2, "closed"]


def test_stepwise_wants_a_generator_function():
    with pytest.raises(ArgumentError, match="generator function"):
        stepwise(lambda: 3)
    with pytest.raises(TypeError, match="unexpected keyword"):
        counting.steps(3, nonsense=1)


def test_an_interrupt_closes_the_steps():
    log = []

    def interrupted():
        try:
            yield Progress(1, 2)
            raise KeyboardInterrupt
        finally:
            log.append("closed")

    with pytest.raises(KeyboardInterrupt):
        finish(interrupted())
    assert log == ["closed"]


@pytest.mark.parametrize("driver", ["thread", "pull", "inline"])
def test_a_job_runs_to_its_end(driver):
    seen, told = [], []
    job = Job(counting.steps(4), seen.append, owner=Model(), driver=driver, on_done=told.append)
    assert job.wait(PATIENCE) and job.state == "done" and job.result == 6 and told == [6]
    assert [each.done for each in seen] == [1, 2, 3, 4]


@pytest.mark.parametrize("driver", ["thread", "pull", "inline"])
def test_errors_are_handed_over_or_raised(driver):
    told = []
    job = Job(failing.steps(), owner=Model(), driver=driver, on_error=told.append)
    assert job.wait(PATIENCE) and job.state == "failed" and job.result is None
    assert isinstance(told[0], ZeroDivisionError) and job.error is told[0]
    with pytest.raises(ZeroDivisionError, match="by design"):
        Job(failing.steps(), driver=driver).wait(PATIENCE)


@pytest.mark.parametrize("driver", ["thread", "pull"])
def test_an_error_of_show_closes_the_steps(driver):
    log, told = [], []

    def show(progress):
        raise OSError("the view is gone")

    job = Job(counting.steps(3, log=log), show, driver=driver, on_error=told.append)
    assert job.wait(PATIENCE) and job.state == "failed" and log == [0, "closed"] and isinstance(told[0], OSError)


def test_cancel_is_heard_between_two_steps_of_a_thread():
    gates = [threading.Event() for _ in range(3)]
    first, log, done = threading.Event(), [], []
    job = Job(counting.steps(3, log=log, gates=gates), lambda progress: first.set(), owner=Model(), on_done=done.append)
    gates[0].set()
    assert first.wait(PATIENCE)
    job.cancel()                    # the second step may be under way; it ends, the third never begins
    gates[1].set()
    assert job.wait(PATIENCE) and job.state == "cancelled" and job.result is None and not done
    assert log in ([0, "closed"], [0, 1, "closed"])


def test_cancel_of_a_pulled_job_needs_no_further_slice():
    log = []
    job = Job(counting.steps(3, log=log), owner=Model(), driver="pull")
    assert job.next_slice(0) and log == [0]
    job.cancel()
    assert job.state == "cancelled" and log == [0, "closed"] and not job.next_slice(0)
    job.cancel()
    assert log == [0, "closed"]


@pytest.mark.parametrize("driver", ["thread", "pull"])
def test_cancel_from_within_show(driver):
    log, box, made = [], [], threading.Event()

    def show(progress):
        assert made.wait(PATIENCE)
        box[0].cancel()

    box.append(Job(counting.steps(3, log=log), show, driver=driver))
    made.set()
    assert box[0].wait(PATIENCE) and box[0].state == "cancelled" and log == [0, "closed"]


def test_a_cancelled_error_of_the_steps_is_a_cancel():
    def giving_up():
        yield Progress(1, 2)
        raise CancelledError("enough")

    assert Job(giving_up(), driver="inline").state == "cancelled"


def test_a_slice_takes_no_longer_than_asked():
    job = Job(counting.steps(10_000), driver="pull")
    assert job.next_slice(0) and job.progress.done == 1
    while job.next_slice():
        pass
    assert job.state == "done" and job.result == sum(range(10_000))


def test_pause_and_resume():
    pulled = Job(counting.steps(3), driver="pull")
    pulled.next_slice(0)
    pulled.pause()
    assert pulled.state == "paused" and pulled.next_slice() and pulled.progress.done == 1
    assert not pulled.wait(PATIENCE)
    pulled.resume()
    assert pulled.wait() and pulled.result == 3
    pulled.pause()
    assert pulled.state == "done"


def test_a_paused_job_lets_others_pass_and_can_be_cancelled():
    model, first, log = Model(), threading.Event(), []
    box, made = [], threading.Event()

    def show(progress):
        assert made.wait(PATIENCE)
        box[0].pause()
        first.set()

    box.append(Job(counting.steps(3, log=log), show, owner=model))
    made.set()
    assert first.wait(PATIENCE)
    assert Job(counting.steps(5), owner=model).wait(PATIENCE) and log == [0]
    box[0].cancel()
    assert box[0].wait(PATIENCE) and log == [0, "closed"]


def test_jobs_of_a_model_take_turns_and_of_two_models_do_not_wait():
    model, order, gate = Model(), [], threading.Event()
    Worker.of(model).submit(lambda: gate.wait(PATIENCE))
    jobs = [Job(counting.steps(3), lambda progress, name=name: order.append(name), owner=model) for name in "ab"]
    assert Job(counting.steps(3), owner=Model()).wait(PATIENCE) and not order
    gate.set()
    assert all(job.wait(PATIENCE) for job in jobs) and order == list("ababab")


def test_acts_pass_a_job():
    model, order = Model(), []
    worker = Worker.of(model)

    def show(progress):
        order.append("step")
        if len(order) == 1:
            worker.submit(lambda: order.append("act"))

    assert Job(counting.steps(3), show, owner=model).wait(PATIENCE)
    assert order == ["step", "act", "step", "step"]


def test_previews_give_way_and_acts_stay_in_order():
    worker, gate, done = Worker.of(model := Model()), threading.Event(), []
    worker.submit(lambda: gate.wait(PATIENCE))
    told = []
    for number in range(4):
        worker.submit(lambda number=number: done.append(f"preview {number}"), kind="preview", latest_wins=True,
                      done=lambda status, value, number=number: told.append((number, status)))
        worker.submit(lambda number=number: done.append(f"act {number}"))
    last = worker.submit(lambda: "the end")
    gate.set()
    assert last.wait(PATIENCE) and (last.status, last.value) == ("done", "the end")
    assert done == ["act 0", "act 1", "act 2", "preview 3", "act 3"]
    assert told == [(0, "superseded"), (1, "superseded"), (2, "superseded"), (3, "done")]
    del model


def test_an_act_that_fails_leaves_the_worker_alive(caplog):
    worker = Worker.of(model := Model())
    with caplog.at_level(logging.ERROR, "ganwidgets"):
        failed = worker.submit(lambda: 1 / 0)
        assert failed.wait(PATIENCE) and failed.status == "error" and isinstance(failed.value, ZeroDivisionError)
    assert "an act failed" in caplog.text
    current = worker.submit(worker.is_current)
    assert current.wait(PATIENCE) and current.value is True and not worker.is_current()
    del model


def test_a_worker_belongs_to_its_model_and_goes_with_it():
    model = Model()
    worker = Worker.of(model)
    assert Worker.of(model) is worker and Worker.of(Model()) is not worker
    act = worker.submit(threading.current_thread)
    assert act.wait(PATIENCE)
    thread, gone = act.value, weakref.ref(model)
    assert Job(counting.steps(2), owner=model).wait(PATIENCE)
    del model
    gc.collect()
    assert gone() is None
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_job_that_ended_holds_nothing():
    model = Model()

    def using(held):
        yield Progress(1, 1)

    job = Job(using(model), owner=model, driver="thread")
    assert job.wait(PATIENCE)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None and job.state == "done"


def test_waiting_on_the_worker_itself_does_not_hang():
    model = Model()
    act = Worker.of(model).submit(lambda: Job(counting.steps(3), owner=model).wait(PATIENCE))
    assert act.wait(PATIENCE) and act.value is True


def test_gradient_mode_stays_with_the_steps():
    modes = []

    def without():
        with torch.no_grad():
            modes.append(torch.is_grad_enabled())
            yield Progress(1, 2)
            modes.append(torch.is_grad_enabled())
            yield Progress(2, 2)

    run = Run(without())
    while not run.ended:
        run.advance()
        assert torch.is_grad_enabled()
    abandoned = Run(without())
    abandoned.advance()
    abandoned.close()
    assert torch.is_grad_enabled() and modes == [False, False, False]


def test_a_job_keeps_the_mode_of_who_made_it():
    modes = []

    def looking():
        modes.append(torch.is_grad_enabled())
        yield Progress(1, 1)

    with torch.no_grad():
        job = Job(looking(), owner=Model())
    assert job.wait(PATIENCE) and modes == [False]


def test_unknown_driver():
    with pytest.raises(ArgumentError, match="no driver 'treads'.*'thread'"):
        Job(counting.steps(3), driver="treads")


def test_the_lock_is_reentrant_and_refuses_strangers():
    lock = Turn()
    with lock, lock:
        taken = []
        thread = threading.Thread(target=lambda: taken.append(lock.acquire(timeout=0.01)))
        thread.start()
        thread.join(PATIENCE)
        assert taken == [False]
        thread = threading.Thread(target=lambda: taken.append(lock.acquire(blocking=False)))
        thread.start()
        thread.join(PATIENCE)
        assert taken == [False, False]
    with pytest.raises(RuntimeError, match="not held"):
        lock.release()


def test_who_waits_for_the_lock_gets_it_before_who_gives_it_back():
    """With Python's own RLock a busy thread takes it again at once, and a job shuts everyone out until its end."""
    for _ in range(20):
        lock, order, held = Turn(), [], threading.Event()

        def busy(lock=lock, order=order, held=held):
            with lock:
                held.set()
                while not lock._waiting:
                    held.wait(0)
            with lock:
                order.append("busy again")

        thread = threading.Thread(target=busy)
        thread.start()
        assert held.wait(PATIENCE)
        with lock:
            order.append("who waited")
        thread.join(PATIENCE)
        assert order == ["who waited", "busy again"]


def test_the_lock_keeps_count_under_many_threads():
    lock, total = Turn(), {"n": 0}

    def adding():
        for _ in range(300):
            with lock:
                n = total["n"]
                with lock:
                    total["n"] = n + 1

    threads = [threading.Thread(target=adding) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert total["n"] == 1800
