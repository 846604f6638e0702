"""Objects and zoom in real JupyterLab: by mouse, by keys and by fingers, with screen and kernel agreeing to the pixel."""

import numpy as np
import pytest

from .conftest import AXE
from .on_page import ROOT, OnPage, difference, within
from .test_paintbox import LAB, PLANTED, check_axe, photograph

pytestmark = pytest.mark.browser


@pytest.fixture
def lab(notebook):
    notebook.open(PLANTED, LAB)
    return OnPage(notebook).ready()


def box(lab, i=0):
    return [round(value, 2) for value in lab.notebook.value(f"list(lab.history[{i}]['box'].values())")]


def drag(lab, start, end):
    lab.page.mouse.move(*lab.at(*start))
    lab.page.mouse.down()
    lab.page.mouse.move(*lab.at(*end), steps=6)
    lab.page.mouse.up()
    return lab.settled()


def test_objects_are_moved_resized_and_taken_away(lab):
    first, press = lab.pixels(), lab.page.keyboard.press
    lab.drag_chip("block", 0.3, 0.3)
    dropped = lab.settled().pixels()
    x, y, side, _ = box(lab)
    lab.act("select")
    moved = drag(lab, (x + side / 2, y + side / 2), (x + side / 2 + 0.3, y + side / 2 + 0.2)).pixels()
    assert box(lab) == [round(x + 0.3, 2), round(y + 0.2, 2), side, side]
    resized = drag(lab, (x + 0.3, y + 0.2), (x + 0.15, y + 0.1)).pixels()
    assert box(lab) == [round(x + 0.15, 2), round(y + 0.1, 2), round(side + 0.15, 2), round(side + 0.1, 2)]
    press("ArrowDown")
    by_keys = lab.settled().pixels()
    assert lab.notebook.value("len(lab.edits)") == 1
    lab.page.evaluate(AXE.read_text())
    check_axe(lab)
    photograph(lab, "object")
    lab.notebook.command("apputils:change-theme", theme="JupyterLab Dark")
    lab.page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
    lab.notebook.ask("lab.layout.width = '320px'")
    lab.page.wait_for_timeout(500)  # the theme's style sheet
    check_axe(lab)
    photograph(lab, "object-dark-320")
    lab.notebook.ask("lab.layout.width = None")
    lab.notebook.command("apputils:change-theme", theme="JupyterLab Light")
    lab.page.wait_for_selector("body[data-jp-theme-light='true']", state="attached")
    lab.page.focus(".gw-picture")
    press("Delete")
    assert np.array_equal(lab.settled().pixels(), first)
    assert not lab.page.locator(f"{ROOT} .gw-object").is_visible()
    for wanted in (by_keys, resized, moved, dropped, first):
        press("z")
        assert np.array_equal(lab.settled().pixels(), wanted), "each act is one step"


def test_a_pinch_zooms_and_the_finger_paints_where_it_is(lab):
    first, hand = lab.pixels(), lab.page.context.new_cdp_session(lab.page)
    hand.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})

    def touch(kind, *points):
        at = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    left, right, far = lab.at(0.3, 0.3), lab.at(0.5, 0.3), lab.at(0.9, 0.3)
    touch("touchStart", left)
    touch("touchStart", left, right)
    touch("touchMove", left, lab.at(0.7, 0.3))
    touch("touchMove", left, far)
    touch("touchEnd")
    lab.settled()
    assert lab.page.inner_text(f"{ROOT} .gw-zoom") == "3.0×" and lab.edits() == []
    lab.notebook.ask("lab.size = 0.1")
    for kind, x in (("touchStart", 0.35), ("touchMove", 0.4), ("touchMove", 0.45)):
        touch(kind, lab.at(x, 0.35))  # of the picture, as it lies now
    touch("touchEnd")
    changed = difference(first, lab.settled().pixels())
    assert within(changed, 0.3, 0.3, 0.5, 0.4).max() > 0
    lab.notebook.ask("m = lab.edits[0].region.mask")  # 256 pixels a side
    painted = lab.notebook.value("[float(part) for part in (m[:, :64].max(), m[:, 140:].max(), m[128:].max(), m[89, 102])]")
    assert painted == [0, 0, 0, 1]
    photograph(lab, "zoomed")
    lab.act("whole")
    assert not lab.page.locator(f"{ROOT} .gw-zoom").is_visible()
