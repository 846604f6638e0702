"""WalkPlayer with no browser: each place shows its own picture, whoever asks; some are drawn ahead; nothing stays behind."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest
import traitlets

from ganwidgets.core.edits import EditStack, UnitEdit
from ganwidgets.core.errors import ArgumentError, GanwidgetsError
from ganwidgets.core.images import to_bytes
from ganwidgets.core.walks import walk
from ganwidgets.core.workers import Worker
from ganwidgets.widgets import walkplayer
from ganwidgets.widgets.walkplayer import WalkPlayer

from .test_liveview import registry, wait_for


@pytest.fixture
def player(planted):
    """Makes players, and closes them after the test."""
    made = []

    def make(**options):
        made.append(WalkPlayer(planted.generator, **{"seeds": [3, 8], "steps": 4, "width": 128, "height": 128, "driver": "thread",
                                                     **options}))
        return made[-1]

    yield make
    for each in made:
        each.close()


def seen(player):
    return np.asarray(player.image)[..., :3]


def scrub(player, place):
    """The slider, as the browser sets it."""
    player._slider.set_state({"value": place})


@pytest.mark.parametrize("driver", ["thread", "pull", "inline"])
def test_each_place_shows_its_own_picture_by_hand_and_by_cell(player, planted, driver):
    lab, way = player(driver=driver), walk(planted.generator, [3, 8], steps=4)
    assert len(lab) == 8 and np.array_equal(seen(lab), to_bytes(way[0])) and lab.alt == "picture 3"
    for place in (5, 2, 7, 0):
        scrub(lab, place)
        assert lab.wait(20) and lab.position == place
        assert np.array_equal(seen(lab), to_bytes(way[place])) and lab.alt == way.words(place)
    lab.rest()
    lab.position = 3
    assert np.array_equal(seen(lab), to_bytes(way[3])) and lab._slider.value == 3, "a cell has it at once"
    lab.show(4)
    assert np.array_equal(seen(lab), to_bytes(way[4])) and "picture 4 of 8" in repr(lab)


def test_the_browser_is_answered_before_the_picture_is_drawn(player, planted):
    lab = player()
    assert lab.wait(20)
    lab.rest()
    with Worker.of(planted.generator).lock:     # the model is at work elsewhere
        began = time.monotonic()
        scrub(lab, 6)
        assert time.monotonic() - began < 5 and lab.position == 6 and lab.alt == "picture 3"
        scrub(lab, 7)
    assert lab.wait(20) and wait_for(lambda: lab.alt == walk(planted.generator, [3, 8], steps=4).words(7))


def test_those_that_follow_are_drawn_ahead(player):
    lab = player()
    assert lab.wait(20) and sorted(lab._frames) == list(range(8))
    assert lab._ahead.state == "done"
    pulled = player(driver="pull")
    assert list(pulled._frames) == [0] and pulled._ahead is None, "a host of one thread draws what is asked for"


def test_no_more_are_kept_than_there_is_room_for(player, monkeypatch):
    monkeypatch.setattr(walkplayer, "KEPT", 3 * 128 * 128 * 3)
    lab = player()
    assert lab.wait(20) and len(lab._frames) == 3
    for place in range(8):
        scrub(lab, place)
        assert lab.wait(20) and len(lab._frames) <= 3
    assert lab.alt == "picture 8, 75% of the way to picture 3"


def test_an_older_picture_never_covers_a_newer_one(player, planted, monkeypatch):
    lab, way = player(driver="inline"), walk(planted.generator, [3, 8], steps=4)
    lab.position = 1
    real, drawn = lab._drawn, []

    def slow(walked, place):
        drawn.append(place)
        if place == 6:
            lab.position = 0       # while it is being drawn, somebody goes to a picture that is kept
        return real(walked, place)

    monkeypatch.setattr(lab, "_drawn", slow)
    lab._show(6)
    assert drawn == [6] and lab.alt == "picture 3" and np.array_equal(seen(lab), to_bytes(way[0]))


def test_edits_are_in_every_picture(player, planted):
    off = EditStack().push(UnitEdit("layer2", [planted.units["field"]], 0.0))
    lab = player(edits=off, loop=False)
    assert len(lab) == 5
    for place in range(5):
        lab.position = place
        assert not seen(lab)[..., 2].any()


def test_speed_and_loop_reach_the_buttons(player):
    lab = player()
    lab._speed.value = 10
    assert lab._play.interval == 100 and lab._play.max == 7
    name = "repeat" if lab._play.has_trait("repeat") else "_repeat"      # ipywidgets 7
    assert getattr(lab._play, name) is True and getattr(player(loop=False)._play, name) is False


def test_outside_of_the_walk(player):
    lab = player()
    for wrong in (8, -1):
        with pytest.raises(traitlets.TraitError):
            lab.position = wrong
    assert lab.position == 0
    with pytest.raises(TypeError):
        player(sedes=[1, 2])
    with pytest.raises(ArgumentError):
        player(seeds=[1])


def test_what_goes_wrong_in_the_worker_is_said(player, monkeypatch):
    lab = player()
    assert lab.wait(20)
    lab.rest()

    def broken(*_):
        raise GanwidgetsError("the model is ill; load it again.")

    monkeypatch.setattr(lab, "_drawn", broken)
    scrub(lab, 5)
    assert lab.wait(20) and wait_for(lambda: lab.alt == "the model is ill; load it again.")


def test_a_new_player_lets_the_old_one_rest_and_go_on(player, planted):
    old = player()
    assert old.wait(20)
    new = player()
    assert not old._frames and old._ahead is None and new._frames
    scrub(old, 5)
    assert old.wait(20)
    assert np.array_equal(seen(old), to_bytes(walk(planted.generator, [3, 8], steps=4)[5]))


def test_closed_players_leave_nothing(planted):
    def lived():
        with WalkPlayer(planted.generator, seeds=[3, 8], driver="thread") as lab:
            scrub(lab, 20)
            kept = weakref.ref(lab)
        assert lab._walk is None and lab._owner is None and not lab._frames
        assert repr(lab) == "WalkPlayer(closed)" and np.asarray(lab.image).any()
        lab.close()
        return kept

    lived()
    gc.collect()
    before = len(registry()), threading.active_count()
    refs = [lived() for _ in range(10)]
    assert wait_for(lambda: threading.active_count() <= before[1] + 1)
    # a worker that is in the midst of a picture gives the player up when that is done
    assert wait_for(lambda: gc.collect() >= 0 and not [ref for ref in refs if ref() is not None])
    assert len(registry()) == before[0]
    with WalkPlayer(planted.generator, driver="inline") as lab:
        pass
    with pytest.raises(GanwidgetsError, match="closed; make a new one"):
        lab.position = 2
