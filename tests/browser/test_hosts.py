"""Both labs by mouse, finger and keyboard: in Notebook 7, and UnitBrowser's finger and second view in JupyterLab too."""

import numpy as np
import pytest

from .conftest import SCREENSHOTS
from .on_page import OnPage, touch
from .test_paintbox import LAB, PLANTED
from .test_unitbrowser import ROOT as UNITS
from .test_unitbrowser import Browser

pytestmark = pytest.mark.browser

PLANTED_UNITS = "lab = gw.UnitBrowser(g, d)\nlab"
ROW = ".gw-row[data-unit='{}'] {}"


@pytest.mark.host("notebook7")
def test_notebook_7_paints_by_mouse_finger_and_keyboard(notebook):
    notebook.open(PLANTED, LAB)
    lab = OnPage(notebook).ready()
    first = lab.pixels()
    lab.stroke((0.2, 0.25), (0.4, 0.25))
    by_mouse = lab.settled().pixels()
    lab.finger((0.3, 0.7), (0.4, 0.7), (0.5, 0.7))
    by_finger = lab.settled().pixels()
    assert len(lab.edits()) == 2
    assert not np.array_equal(first, by_mouse) and not np.array_equal(by_mouse, by_finger)
    SCREENSHOTS.mkdir(exist_ok=True)
    lab.page.screenshot(path=SCREENSHOTS / "notebook7-paintbox.png")
    lab.page.focus(".gw-picture")
    cells = lab.page.locator(".jp-Cell").count()
    lab.page.keyboard.press("z")
    assert np.array_equal(lab.settled().pixels(), by_mouse)
    lab.page.keyboard.press("z")
    assert np.array_equal(lab.settled().pixels(), first) and lab.edits() == []
    for key in ("b", "d", "d"):
        lab.page.keyboard.press(key)
    assert lab.page.locator(".jp-Cell").count() == cells, "keys in the lab are not the notebook's"
    assert not ours(notebook.console)


@pytest.mark.host("notebook7")
def test_notebook_7_ticks_units_by_mouse_finger_and_keyboard(notebook):
    lab = Browser(notebook, PLANTED, PLANTED_UNITS)
    tick_by_each(lab)
    lab.page.screenshot(path=SCREENSHOTS / "notebook7-units.png")


def tick_by_each(lab):
    """A unit by mouse, one by finger, one by Space; three times undone."""
    first = lab.settled()
    one, two, three, *_ = lab.rows()
    lab.page.click(ROW.format(one, ".gw-row-tick"))
    lab.settled()
    tap(lab.page, ROW.format(two, ".gw-row-tick"))
    lab.settled()
    assert lab.notebook.value("lab.ticked") == [one, two]
    lab.page.focus(".gw-list")
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.press("Space")
    off = lab.settled()
    assert lab.notebook.value("lab.ticked") == [one, two, three] and not np.array_equal(off, first)
    for _ in range(3):
        lab.page.keyboard.press("z")
    assert np.array_equal(lab.settled(), first) and lab.notebook.value("lab.ticked") == []
    assert not ours(lab.notebook.console)


def test_a_finger_lists_ticks_and_scrolls(notebook):
    lab = Browser(notebook, PLANTED, PLANTED_UNITS)
    lab.settled()
    _, second, *_ = lab.rows()
    tap(lab.page, ROW.format(second, ".gw-row-name"))
    lab.page.wait_for_selector(f".gw-row.gw-active[data-unit='{second}']")
    lab.page.wait_for_function(f"() => !document.querySelector('{UNITS} .gw-heat').hidden")
    assert lab.notebook.value("lab.ticked") == []
    tap(lab.page, ROW.format(second, ".gw-row-tick"))
    lab.settled()
    assert lab.notebook.value("lab.ticked") == [second]
    units = lab.page.get_by_role("listbox", name="Units", exact=True)
    units.evaluate("list => list.scrollIntoView({block: 'center'})")
    lab.page.wait_for_timeout(300)
    box = units.bounding_box()
    x, low = box["x"] + box["width"] / 2, box["y"] + box["height"] - 30
    touch(lab.page, *[(x, low - step) for step in range(0, 300, 20)])
    lab.page.wait_for_function("() => document.querySelector('.gw-list').scrollTop > 100")
    assert lab.notebook.value("lab.ticked") == [second], "scrolling ticks nothing"


def test_two_views_of_one_unit_browser_are_in_step(notebook):
    notebook.page.set_viewport_size({"width": 1280, "height": 2200})
    lab = Browser(notebook, PLANTED, PLANTED_UNITS + "\nfrom IPython.display import display\ndisplay(lab)\nlab")
    lab.page.wait_for_function("root => document.querySelectorAll(`${root}[data-gw-ready='true']`).length === 2", arg=UNITS)
    lab.settled()
    unit = lab.rows()[0]
    views = lab.page.locator(UNITS)
    views.nth(1).locator(ROW.format(unit, ".gw-row-tick")).click()
    lab.settled()
    for i in range(2):
        lab.page.wait_for_function(
            "([root, i, unit]) => document.querySelectorAll(root)[i].querySelector(`.gw-row[data-unit='${unit}']`)"
            ".ariaSelected === 'true'", arg=[UNITS, i, unit])
    lab.page.wait_for_function("""root => { const [a, b] = [...document.querySelectorAll(root + ' .gw-picture')];
                                            return a.toDataURL() === b.toDataURL(); }""", arg=UNITS)


def tap(page, selector):
    """Touch the middle of the element, for a moment."""
    box = page.locator(selector).first.bounding_box()
    touch(page, (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))


def ours(console):
    """Errors on the console that are not the host's own, about its files and services."""
    return [line for line in console if "gw" in line or "anywidget" in line.lower() or "widget" in line.lower()]
