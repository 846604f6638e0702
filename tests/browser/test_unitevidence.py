"""UnitBrowser in a real browser: bars, nulls, the threshold that lights pictures as it moves, lowest pictures, two tables."""

import copy

import numpy as np
import pytest
import torch

import ganwidgets as gw
from ganwidgets.core.edits import Origin
from ganwidgets.methods.ace import Ace

from .bridged import Bridge
from .conftest import AXE, SCREENSHOTS

pytestmark = pytest.mark.browser

LIT = "which => Number(document.querySelector(`.gw-panel-strip[data-which='${which}'] canvas`).dataset.gwLit)"
DRAWN = ".gw-row canvas[data-gw-drawn]:not([data-gw-drawn=''])"
BESIDE = ".gw-list-box + .gw-list-box"


@pytest.fixture(scope="module")
def found():
    """The bundled generator, two of its layers dissected, and causes, duplicates and an untrained net to go with them."""
    g, seg = gw.load("storybook"), gw.load_segmenter("storybook")
    d = gw.dissect(g, seg, layers=[g.layer_at(8), g.layer_at(16)], seeds=range(30), progress=False)
    layer = g.layer_at(16)
    best = d.at(layer).table
    wish = np.zeros(layer.channels)
    wish[best.unit[:5]] = [.2, .9, .5, .4, .3]
    ace = Ace(best.concept[0], layer.name, wish, np.ones(layer.channels), Origin(d.model, d.digest), wish)
    fresh = gw.dissect(untrained(g), seg, layer=layer, seeds=range(30), progress=False)
    return g, d, {"causes": ace, "alike": gw.alike(g, layer=layer, seeds=range(8), progress=False), "untrained": fresh}


def untrained(g):
    """The same net with weights drawn anew."""
    net = copy.deepcopy(g.net)
    random = torch.Generator().manual_seed(0)
    for each in net.parameters():
        each.data = torch.randn(each.shape, generator=random) / max(1, each[0].numel()) ** 0.5
    return g.with_net(net)


@pytest.fixture
def units(page, found):
    g, d, evidence = found
    page.set_default_timeout(30_000)
    with gw.UnitBrowser(g, d, layer=g.layer_at(16), seed=3, driver="inline", **evidence) as lab:
        bridge = Bridge(page, lab)
        page.wait_for_selector(".gw-units[data-gw-ready='true']")
        page.wait_for_selector(DRAWN)
        yield bridge
        assert not bridge.complaints


def rows(units, within=""):
    return units.page.eval_on_selector_all(f"{within} .gw-row", "rows => rows.sort((a, b) => a.offsetTop - b.offsetTop)"
                                           ".map(row => Number(row.dataset.unit))")


def chosen(units, place=0):
    """Choose the unit of a row; its pictures have come."""
    unit = units.lab.table()[place]["unit"]
    units.page.click(f".gw-row[data-unit='{unit}'] .gw-row-name")
    units.page.wait_for_selector(".gw-panel-strip[data-which='lowest'] canvas[data-gw-lit]")
    return unit


def heard(units, what):
    """Wait for what the lab is to be told."""
    for _ in range(200):
        if what():
            return
        units.page.wait_for_timeout(25)
    raise AssertionError("it was not told")


def test_a_threshold_lights_pictures_while_it_moves_and_is_kept_where_it_rests(units):
    unit = chosen(units)
    lit = units.page.evaluate(LIT, "highest")
    assert lit > units.page.evaluate(LIT, "lowest") >= 0
    box = units.page.locator(".gw-threshold").bounding_box()
    along = units.page.eval_on_selector(".gw-threshold", "slider => slider.value / slider.max")
    y = box["y"] + box["height"] / 2
    units.page.mouse.move(box["x"] + 8 + along * (box["width"] - 16), y)
    units.page.mouse.down()
    units.page.mouse.move(box["x"] + 8 + 0.9 * (box["width"] - 16), y, steps=5)
    units.page.wait_for_function(f"lit => ({LIT})('highest') < lit", arg=lit)
    assert units.of("threshold") == [], "nothing is said while it moves"
    units.page.mouse.up()
    heard(units, lambda: units.lab.thresholds)
    (kept,) = units.lab.thresholds
    assert kept["unit"] == unit and kept["value"] > units.lab._dissection.thresholds[units.lab.layer][unit]
    units.page.focus(".gw-list")
    units.page.keyboard.press("z")
    units.page.wait_for_function(f"lit => ({LIT})('highest') === lit", arg=lit)
    assert units.lab.thresholds == []


def test_a_threshold_by_keys_and_back_again(units):
    unit = chosen(units)
    lit = units.page.evaluate(LIT, "highest")
    units.page.focus(".gw-list")
    units.page.keyboard.press("t")
    for _ in range(5):
        units.page.keyboard.press("ArrowLeft")
    units.page.wait_for_function(f"lit => ({LIT})('highest') > lit", arg=lit)
    heard(units, lambda: len(units.of("threshold")) == 5)
    assert [each["unit"] for each in units.lab.thresholds] == [unit]
    units.page.click("[data-act='threshold-own']")
    units.page.wait_for_function(f"lit => ({LIT})('highest') === lit", arg=lit)
    heard(units, lambda: units.lab.thresholds == [])


def test_a_finger_moves_the_threshold(browser, found):
    g, d, _ = found
    context = browser.new_context(has_touch=True, viewport={"width": 400, "height": 900})
    with gw.UnitBrowser(g, d, layer=g.layer_at(16), seed=3, driver="inline") as lab:
        units = Bridge(context.new_page(), lab)
        units.page.wait_for_selector(DRAWN)
        unit = chosen(units)
        units.page.locator(".gw-threshold").scroll_into_view_if_needed()
        box = units.page.locator(".gw-threshold").bounding_box()
        units.page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
        heard(units, lambda: lab.thresholds)
        assert lab.thresholds[0]["unit"] == unit
    context.close()


def test_a_bar_lists_its_concept_alone_and_a_cause_orders_the_list(units):
    table = units.lab.table()
    concept = next(row["concept"] for row in table if row["above"])
    bar = units.page.locator(f"[data-act='bar-{concept}']")
    bar.focus()
    units.page.keyboard.press("Enter")
    assert bar.get_attribute("aria-pressed") == "true"
    wanted = [row["unit"] for row in table if row["above"] and row["concept"] == concept]
    units.page.wait_for_function("count => document.querySelectorAll('.gw-row').length <= count", arg=len(wanted))
    assert rows(units) == wanted[:len(rows(units))]
    units.page.keyboard.press("Enter")
    assert bar.get_attribute("aria-pressed") == "false"
    (ace,) = units.lab._evidence.causes
    units.page.select_option("select[aria-label='Order']", label=f"causes {ace.concept} (ACE)")
    assert rows(units)[0] == ace.ranking[0]
    assert "no. 1 · ACE 0.90" in units.page.inner_text(f".gw-row[data-unit='{ace.ranking[0]}']")


def test_two_layers_side_by_side(units):
    other = units.lab.layers[0]
    units.page.select_option("select[aria-label='Put beside']", other)
    units.page.wait_for_selector(f"{BESIDE} {DRAWN}")
    assert units.lab.beside == other
    assert rows(units, BESIDE)[:4] == units.lab._dissection.at(other).table.unit.tolist()[:4]
    units.page.wait_for_timeout(300)
    look(units, "beside")
    unit = rows(units, BESIDE)[0]
    units.page.click(f"{BESIDE} .gw-row[data-unit='{unit}']")
    units.page.wait_for_selector(".gw-panel-strip[data-which='lowest'] canvas[data-gw-lit]")
    assert units.page.inner_text(".gw-panel-name").startswith(f"{other} · {unit} · ")
    assert {(each["unit"], each["beside"]) for each in units.of("maps")} == {(unit, True)}
    look(units, "beside-panel")
    units.page.focus(".gw-list")
    units.page.keyboard.press("z")
    units.page.wait_for_function(f"() => document.querySelector('{BESIDE}').hidden")
    units.lab.redo()
    units.pull()
    units.page.wait_for_selector(f"{BESIDE} {DRAWN}")


def test_nothing_bars_anyone_in_light_in_dark_and_when_narrow(units):
    chosen(units)
    look(units, "panel")
    units.page.evaluate("() => document.body.dataset.jpThemeLight = 'false'")
    look(units, "panel-dark")
    units.page.set_viewport_size({"width": 336, "height": 900})
    look(units, "panel-dark-320")
    units.page.evaluate("() => document.body.dataset.jpThemeLight = 'true'")
    look(units, "panel-320")
    assert units.page.eval_on_selector(".gw-units", "root => root.scrollWidth - root.clientWidth") <= 1


def look(units, name):
    """A photograph, and what axe finds."""
    SCREENSHOTS.mkdir(exist_ok=True)
    units.page.wait_for_timeout(400)  # the last pictures
    units.page.locator(".gw-units").screenshot(path=SCREENSHOTS / f"unitbrowser-{name}.png")
    units.page.evaluate(AXE.read_text())
    found = units.page.evaluate("async () => (await axe.run('.gw-units')).violations")
    assert not found, [(each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]][:3]) for each in found]
