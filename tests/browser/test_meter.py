"""PaintBox's meter in real JupyterLab: it follows strokes, undo and redo, is switched off and on, and bars nobody."""

import pytest

from .conftest import AXE
from .on_page import ROOT, OnPage
from .test_paintbox import LAB, PLANTED, check_axe, photograph

pytestmark = pytest.mark.browser

METER = f"{ROOT} .gw-meter"
WILD = "lab.edits = lab.edits.push(gw.UnitEdit(lab.layer, range(12), 300.0))"


def shows(lab):
    """The meter's word, once the page shows what the kernel holds."""
    lab.page.wait_for_function(
        "([meter, word]) => document.querySelector(meter).dataset.gwMeter === word",
        arg=[METER, lab.notebook.value("lab.reading.get('word') or lab.reading['state']")],
    )
    bar = lab.page.locator(f"{METER} .gw-meter-bar")
    return bar.get_attribute("role"), lab.page.inner_text(f"{METER} .gw-meter-word"), int(bar.get_attribute("aria-valuenow"))


def test_the_meter_follows_the_hand_in_light_in_dark_and_when_narrow(notebook):
    notebook.open(PLANTED, LAB.replace("palette=palette", "palette=palette, meter='on'"))
    lab = OnPage(notebook).ready()
    page = lab.page
    assert not page.is_visible(METER), "nothing is edited yet"
    lab.stroke((0.2, 0.25), (0.35, 0.25))
    page.wait_for_function("meter => document.querySelector(meter).dataset.gwMeter", arg=METER)
    assert lab.notebook.value("lab.wait(120)")
    painted = shows(lab.settled())
    lab.act("undo")
    role, word, place = shows(lab.settled())
    assert (role, word) == ("meter", "usual") and place <= 50
    page.evaluate(AXE.read_text())
    photograph(lab, "meter-usual")
    lab.act("redo")
    assert shows(lab.settled()) == painted
    lab.notebook.ask(WILD)
    role, word, place = shows(lab.settled())
    assert (role, word) == ("meter", "never seen") and place > 75
    check_axe(lab)
    photograph(lab, "meter-light")
    lab.notebook.ask("lab.layout.width = '320px'")
    page.wait_for_function("root => document.querySelector(root).getBoundingClientRect().width <= 320", arg=ROOT)
    check_axe(lab)
    photograph(lab, "meter-320")
    assert page.eval_on_selector(ROOT, "root => root.scrollWidth - root.clientWidth") <= 1
    lab.notebook.ask("lab.layout.width = None")
    page.locator(f"{METER} [data-act='meter']").click()
    page.wait_for_selector(f"{METER}[data-gw-meter='off']")
    assert lab.notebook.value("lab.meter") == "off" and not page.is_visible(f"{METER} .gw-meter-bar")
    page.locator(f"{METER} [data-act='meter']").click()
    page.wait_for_selector(f"{METER}[data-gw-meter='never seen']")
    lab.notebook.command("apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
    page.wait_for_timeout(500)  # the theme's style sheet
    check_axe(lab)
    photograph(lab, "meter-dark")
    lab.notebook.command("apputils:change-theme", theme="JupyterLab Light")
    page.wait_for_selector("body[data-jp-theme-light='true']", state="attached")
    assert not lab.notebook.console
