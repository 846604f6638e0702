"""UnitBrowser in real JupyterLab: rows come as they are scrolled to, and units are found, seen at work, changed and left."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from .conftest import AXE, SCREENSHOTS

pytestmark = pytest.mark.browser

ROOT = ".gw-units"
MODEL = """
import ganwidgets as gw
g, seg = gw.load("storybook"), gw.load_segmenter("storybook")
d = gw.dissect(g, seg, layers=[g.layer_at(8), g.layer_at(16)], seeds=range(100), progress=False)
"""
LAB = "lab = gw.UnitBrowser(g, d, layer=g.layer_at(16), seed=3)\nlab"
DRAWN = ".gw-row canvas[data-gw-drawn]:not([data-gw-drawn=''])"


class Browser:
    """The lab on the page, called `lab` in the kernel."""

    def __init__(self, notebook, model=MODEL, lab=LAB):
        self.notebook, self.page = notebook, notebook.page
        notebook.open(model, lab)
        self.page.wait_for_selector(f"{ROOT}[data-gw-ready='true']", timeout=60_000)
        self.page.wait_for_selector(DRAWN, timeout=60_000)

    def settled(self):
        """Every request is answered, and the screen shows the kernel's picture."""
        self.page.wait_for_function("root => document.querySelector(root).dataset.gwBusy !== 'true'", arg=ROOT)
        assert self.notebook.value("lab.wait(30)") is True
        code = ("import base64 as _b; from ganwidgets.core.images import encode_png as _e; "
                "print(_b.b64encode(_e(lab.generator.images(lab.generator.sample([lab.seed]))[0])).decode())")
        wanted = pixels(base64.b64decode(self.notebook.ask(code)))
        for _ in range(100):
            url = self.page.eval_on_selector(f"{ROOT} .gw-picture", "canvas => canvas.toDataURL('image/png')")
            shown = pixels(base64.b64decode(url.split(",")[1]))
            if shown.shape == wanted.shape and np.array_equal(shown, wanted):
                return shown
            self.page.wait_for_timeout(50)
        raise AssertionError(f"the screen is not the kernel's picture; {self.notebook.console}")

    def rows(self):
        return self.page.eval_on_selector_all(".gw-row", "rows => rows.sort((a, b) => a.offsetTop - b.offsetTop)"
                                              ".map(row => Number(row.dataset.unit))")

    def act(self, name):
        self.page.locator(f"{ROOT} [data-act='{name}']").first.click()


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.fixture
def units(notebook):
    return Browser(notebook)


def test_a_mouse_finds_ticks_and_undoes(units):
    first = units.settled()
    table = units.notebook.value("lab.table()")
    assert units.rows()[:5] == [row["unit"] for row in table[:5]]
    units.page.click(f".gw-row[data-unit='{table[0]['unit']}'] .gw-row-name")
    units.page.wait_for_function("() => !document.querySelector('.gw-units .gw-heat').hidden")
    units.page.click(f".gw-row[data-unit='{table[0]['unit']}'] .gw-row-tick")
    units.page.click(f".gw-row[data-unit='{table[1]['unit']}'] .gw-row-tick")
    off = units.settled()
    assert units.notebook.value("lab.ticked") == [table[0]["unit"], table[1]["unit"]]
    units.act("change-set")
    high = units.settled()
    assert not np.array_equal(off, high) and units.notebook.value("lab.change") == "set"
    assert units.notebook.value("lab.edits[0].value.tolist()") == pytest.approx(
        units.notebook.value("[float(d.levels[lab.layer][u]) for u in lab.ticked]"))
    for _ in range(3):
        units.act("undo")
    assert np.array_equal(units.settled(), first) and units.notebook.value("lab.ticked") == []
    units.act("redo")
    units.settled()
    assert units.notebook.value("lab.ticked") == [table[0]["unit"]]
    assert not units.notebook.console


def test_search_order_probe_and_another_layer(units):
    concept = units.notebook.value("lab.table()[0]['concept']")
    units.page.fill(".gw-search", concept)
    units.page.wait_for_function("concept => [...document.querySelectorAll('.gw-row-name')].every(n => n.textContent === concept)",
                               arg=concept)
    units.page.fill(".gw-search", "")
    units.page.select_option("select[aria-label='Order']", "unit")
    assert units.rows()[:4] == [0, 1, 2, 3]
    box = units.page.locator(f"{ROOT} .gw-picture").bounding_box()
    units.page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"])
    units.page.wait_for_selector(".gw-probe-units button")
    probed = units.notebook.value("lab.probe(.5, .8)")
    named = units.page.eval_on_selector_all(".gw-probe-units button", "all => all.map(b => Number(b.dataset.act.split('-')[1]))")
    assert named == [unit for unit, _ in probed]
    units.page.locator(".gw-probe-units button").first.click()
    units.page.wait_for_function("unit => document.querySelector('.gw-row.gw-active')?.dataset.unit === String(unit)", arg=named[0])
    other = units.notebook.value("lab.layers[0]")
    units.act(f"layer-{other}")
    units.settled()
    units.page.wait_for_selector(DRAWN)
    assert units.notebook.value("lab.layer") == other


def test_the_keyboard_alone(units):
    units.page.focus(".gw-list")
    press = units.page.keyboard.press
    cells = units.page.locator(".jp-Cell").count()
    press("ArrowDown")
    press("ArrowDown")
    press("Space")
    units.settled()
    table = units.notebook.value("lab.table()")
    assert units.notebook.value("lab.ticked") == [table[1]["unit"]]
    press("End")
    units.page.wait_for_function("unit => document.querySelector('.gw-row.gw-active')?.dataset.unit === String(unit)",
                               arg=table[-1]["unit"])
    press("Home")
    press("z")
    units.settled()
    assert units.notebook.value("lab.ticked") == []
    units.page.focus(f"{ROOT} .gw-picture")
    press("ArrowDown")
    press("Enter")
    units.page.wait_for_selector(".gw-probe-units button")
    assert units.page.locator(".gw-probe-units button").count() == len(units.notebook.value("lab.probe(.5, .52)"))
    for key in ("b", "a", "d", "d", "x", "m"):
        press(key)
    assert units.page.locator(".jp-Cell").count() == cells, "keys in the lab are not the notebook's"


WIDE = """
from tests.browser.wide import made
import ganwidgets as gw
g, d = made()
"""
COUNTED = """
lab = gw.UnitBrowser(g, d)
sent, asked, _send, _work = [], [], lab.send, lab.work
lab.send = lambda content, buffers=None: (sent.append(sum(map(len, buffers or []))), _send(content, buffers))[1]
lab.work = lambda message: (asked.append(message.kind), _work(message))[1]
lab
"""
SCROLL = """async () => {
  const list = document.querySelector('.gw-list');
  const frame = () => new Promise(done => requestAnimationFrame(done));
  const long = [], watch = new PerformanceObserver(each => long.push(...each.getEntries().map(one => one.duration)));
  watch.observe({type: 'longtask'});
  let nodes = 0;
  for (let at = 0, i = 0; at < list.scrollHeight; at += 2400, i++) {
    list.scrollTop = at;
    await frame();
    nodes = Math.max(nodes, document.querySelector('.gw-units').querySelectorAll('*').length);
    if (i % 8 === 7) await new Promise(done => setTimeout(done, 300));  // a look in between
  }
  await new Promise(done => setTimeout(done, 1000));
  watch.disconnect();
  return {long, nodes, rows: list.scrollHeight / 84};
}"""


def test_four_thousand_units_scroll_from_end_to_end(notebook, figure):
    lab = Browser(notebook, WIDE, COUNTED)
    first = lab.notebook.value("[len(asked), sum(sent)]")
    found = lab.page.evaluate(SCROLL)
    requests, size = lab.notebook.value("[len(asked), sum(sent)]")
    # a long task of ours comes each time, one of the host's (saving, collecting garbage) does not
    longest = [max(each["long"], default=0) for each in (found, lab.page.evaluate(SCROLL), lab.page.evaluate(SCROLL))]
    figure(f"4,096 units from end to end: {requests} requests ({first[0]} before), {size / 1e6:.2f} MB, "
           f"at most {found['nodes']} nodes, longest task {min(longest):.0f} ms (three times: {longest})")
    assert found["rows"] == 4096
    assert requests <= 60 and size <= 3e6 and found["nodes"] <= 400
    assert min(longest) <= 50
    last = lab.notebook.value("lab.table()[-1]['unit']")
    assert lab.page.wait_for_selector(f".gw-row[data-unit='{last}'] canvas[data-gw-drawn]:not([data-gw-drawn=''])")


def test_nothing_bars_anyone_in_light_in_dark_and_when_narrow(units):
    units.page.click(".gw-row >> nth=0")
    units.settled()
    box = units.page.locator(f"{ROOT} .gw-picture").bounding_box()
    units.page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"])
    units.page.click(".gw-row >> nth=1 >> .gw-row-tick")
    units.settled()
    units.page.evaluate(AXE.read_text())
    look(units, "light")
    units.page.set_viewport_size({"width": 1280, "height": 1800})
    units.notebook.ask("lab.layout.width = '320px'")
    units.page.wait_for_function("root => document.querySelector(root).getBoundingClientRect().width <= 320", arg=ROOT)
    look(units, "320")
    assert units.page.eval_on_selector(ROOT, "root => root.scrollWidth - root.clientWidth") <= 1
    units.notebook.ask("lab.layout.width = None")
    units.page.set_viewport_size({"width": 1280, "height": 1100})
    units.notebook.command("apputils:change-theme", theme="JupyterLab Dark")
    units.page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
    units.page.wait_for_timeout(500)  # the theme's style sheet
    look(units, "dark")
    units.page.set_viewport_size({"width": 1280, "height": 1800})
    units.notebook.ask("lab.layout.width = '320px'")
    units.page.wait_for_function("root => document.querySelector(root).getBoundingClientRect().width <= 320", arg=ROOT)
    look(units, "dark-320")
    units.notebook.ask("lab.layout.width = None")
    units.page.set_viewport_size({"width": 1280, "height": 1100})
    units.page.focus(".gw-list")
    units.page.keyboard.press("?")
    units.page.wait_for_selector(".gw-sheet:not([hidden])")
    look(units, "help")
    units.page.keyboard.press("Escape")
    units.notebook.command("apputils:change-theme", theme="JupyterLab Light")
    units.page.wait_for_selector("body[data-jp-theme-light='true']", state="attached")


def look(lab, name):
    """A photograph, and what axe finds."""
    SCREENSHOTS.mkdir(exist_ok=True)
    lab.page.wait_for_timeout(400)  # the last pictures
    lab.page.locator(ROOT).screenshot(path=SCREENSHOTS / f"unitbrowser-{name}.png")
    found = lab.page.evaluate("async root => (await axe.run(root)).violations", ROOT)
    assert not found, [(each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]][:3]) for each in found]
