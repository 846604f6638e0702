"""In real JupyterLab: units are kept as a set, sent to the palette and painted with; a file is looked through with no model."""

import numpy as np
import pytest

from .conftest import AXE
from .test_unitbrowser import DRAWN, MODEL, Browser, look

pytestmark = pytest.mark.browser

LABS = """
import ipywidgets
lab = gw.UnitBrowser(g, d, layer=g.layer_at(16), seed=3)
box = gw.PaintBox(g, d, layer=g.layer_at(16), seed=3)
ipywidgets.VBox([lab, box])
"""
FILE = """
layer = g.layer_at(16)
d.at(layer).with_examples(gw.examples(g, d, layer=layer, progress=False)).save("one.gwd")
lab = gw.UnitBrowser(None, gw.open_dissection("one.gwd"))
lab
"""


def test_a_set_goes_to_the_palette_and_paints(notebook):
    units = Browser(notebook, MODEL, LABS)
    best = units.rows()[:2]
    for unit in best:
        units.page.click(f".gw-row[data-unit='{unit}'] .gw-row-tick")
    units.settled()
    units.page.fill(".gw-set-name", "my own")
    units.page.press(".gw-set-name", "Enter")
    units.page.click(".gw-set [data-act='palette']")
    units.page.click(".gw-chip[data-concept='my own']")
    picture = units.page.locator(".gw-paintbox .gw-picture")
    picture.scroll_into_view_if_needed()
    place = picture.bounding_box()
    units.page.mouse.move(place["x"] + .2 * place["width"], place["y"] + .5 * place["height"])
    units.page.mouse.down()
    units.page.mouse.move(place["x"] + .6 * place["width"], place["y"] + .5 * place["height"], steps=6)
    units.page.mouse.up()
    units.page.wait_for_function("() => document.querySelector('.gw-step-word')?.textContent === 'my own painted'")
    assert notebook.value("list(box.edits[0].units)") == best == notebook.value("lab.sets[0]['units']")
    units.act("reset")
    units.page.click(".gw-set [data-act='use']")
    units.page.wait_for_function("() => document.querySelectorAll('.gw-row[aria-selected=true]').length === 2")
    assert notebook.value("lab.ticked") == best
    units.page.evaluate(AXE.read_text())
    look(units, "sets")
    assert not notebook.console


def test_a_file_is_looked_through_with_no_model(notebook):
    units = Browser(notebook, MODEL, FILE)
    first = canvas(units)
    units.page.focus(".gw-list")
    units.page.keyboard.press("End")
    units.page.wait_for_function("() => document.querySelector('.gw-row.gw-active')")
    units.page.wait_for_selector(DRAWN)
    for _ in range(100):
        if not np.array_equal(canvas(units), first):
            break
        units.page.wait_for_timeout(50)
    assert not np.array_equal(canvas(units), first), "the last unit's pictures, large"
    assert not units.page.is_visible(".gw-turner") and not units.page.is_visible("[data-act='change-ablate']")
    units.page.evaluate(AXE.read_text())
    look(units, "file")
    assert not notebook.console


def canvas(units):
    return units.page.eval_on_selector(".gw-units .gw-picture", "canvas => canvas.toDataURL('image/png')")
