"""PaintBox in real JupyterLab: a mouse or a keyboard paints, drags, undoes; screen and kernel agree to the pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from .conftest import AXE, SCREENSHOTS
from .on_page import FIRST_INK, PICTURE, ROOT, WATCH, OnPage, difference, within

pytestmark = pytest.mark.browser

PLANTED = """
import ganwidgets as gw
planted = gw.testing.planted_generator()
g, seg = planted.generator, planted.segmenter
d = gw.dissect(g, seg, layer=planted.layer, seeds=range(24), progress=False)
palette = ["block", "field"]
"""
STORYBOOK = """
import ganwidgets as gw
g, seg = gw.load("storybook"), gw.load_segmenter("storybook")
d = gw.dissect(g, seg, layer=g.layer_at(16), seeds=range(100), progress=False)
palette = None
"""
KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
# the kernel sleeps: that this very cell has begun and is not over says more than the kernel's status, which other messages change
BLOCKED = f"""() => {{
    window.gwSleep = {{begun: false, over: false}};
    const cell = {KERNEL}.requestExecute({{code: 'import time; time.sleep(8)'}});
    cell.onIOPub = message => {{ gwSleep.begun ||= message.content.execution_state === 'busy'; }};
    cell.done.then(() => {{ gwSleep.over = true; }});
}}"""
# of the first 100 pictures that have room on grass the brightest, with the middle of that room
BRIGHT_MEADOW = """max(((seed, (box.corners[0] + box.corners[2]) / 2, (box.corners[1] + box.corners[3]) / 2)
for seed, box in gw.places(g, seg, 'grass', range(100), progress=False).items()),
key=lambda spot: float(g.images(g.sample([spot[0]])).mean()))"""
LAB = "lab = gw.PaintBox(g, d, segmenter=seg, palette=palette)\nlab"


def worlds():
    """The models that the journeys are made on."""
    import ganwidgets as gw

    try:
        there = "storybook" in gw.available()
    except Exception:  # a checkout in which the catalog is not whole yet
        there = False
    return ["planted", *(["storybook"] if there else [])]


@pytest.fixture
def paintbox(notebook):
    """Opens a notebook with a lab in it."""

    def start(world="planted", *cells):
        notebook.open({"planted": PLANTED, "storybook": STORYBOOK}[world], LAB, *cells)
        return OnPage(notebook).ready()

    return start


@pytest.mark.parametrize("world", worlds())
def test_a_mouse_paints_drags_and_undoes(paintbox, world):
    lab = paintbox(world)
    names = lab.notebook.value("[c['name'] for c in lab.concepts]")
    first = lab.pixels()
    lab.chip(names[0])
    lab.stroke((0.2, 0.25), (0.35, 0.25), (0.35, 0.35))
    painted = lab.settled().pixels()
    changed = difference(first, painted)
    assert within(changed, 0.15, 0.2, 0.4, 0.4).max() > 0, "something was painted where the mouse went"
    here, elsewhere = within(changed, 0.15, 0.2, 0.4, 0.4), within(changed, 0.65, 0.65, 1, 1)
    assert elsewhere.mean() <= (0 if world == "planted" else here.mean() / 4), (
        "and little elsewhere: nothing, or what layers spread"
    )
    ((concept, mode, on, units, area, seeds),) = lab.edits()
    assert (concept, mode, on, seeds) == (names[0], "insert", True, [0])
    assert 0 < area < 0.3 and units == lab.notebook.value("list(map(int, lab.units()))")

    lab.drag_chip(names[1], 0.7, 0.7)
    dropped = lab.settled().pixels()
    assert within(difference(painted, dropped), 0.5, 0.5, 0.9, 0.9).max() > 0
    assert [edit[:2] for edit in lab.edits()] == [[names[0], "insert"], [names[1], "insert"]]

    lab.act("eraser")
    lab.stroke((0.5, 0.1), (0.6, 0.1))
    lab.settled()
    assert lab.edits()[-1][1] == "ablate"
    for wanted in (dropped, painted, first):
        lab.act("undo")
        assert np.array_equal(lab.settled().pixels(), wanted)
    assert lab.edits() == []
    for _ in range(2):
        lab.act("redo")
    assert np.array_equal(lab.settled().pixels(), dropped)
    assert not lab.notebook.console


@pytest.mark.parametrize("world", worlds())
def test_the_keyboard_alone_paints_drops_and_undoes(paintbox, world):
    lab = paintbox(world)
    page, first = lab.page, lab.pixels()
    cells = page.locator(".jp-Cell").count()
    names = lab.notebook.value("[c['name'] for c in lab.concepts]")
    press = page.keyboard.press
    tab_to(page, ".gw-chip")
    press("ArrowRight")
    tab_to(page, PICTURE)
    for _ in range(6):
        press("Shift+ArrowLeft" if _ < 2 else "ArrowUp")
    press("Space")  # a dab
    page.keyboard.down("Space")  # and a stroke
    for _ in range(4):
        press("ArrowRight")
    page.keyboard.up("Space")
    press("Shift+ArrowDown")
    press("Enter")  # and the thing itself
    painted = lab.settled().pixels()
    edits = lab.edits()
    assert [edit[1] for edit in edits] == ["insert"] * 3
    assert {edit[0] for edit in edits} == {lab.notebook.value("lab.concept")} <= set(names)
    assert difference(first, painted).max() > 0
    for _ in edits:
        press("z")
    assert np.array_equal(lab.settled().pixels(), first)
    for _ in edits:
        press("Shift+Z")
    assert np.array_equal(lab.settled().pixels(), painted)
    for key in ("b", "a", "d", "d", "x", "m"):
        press(key)
    assert page.locator(".jp-Cell").count() == cells, "keys on the picture are not the notebook's"


def test_before_and_after_side_by_side(paintbox):
    lab = paintbox()
    first = stage(lab)
    lab.stroke((0.2, 0.4), (0.8, 0.4))
    lab.settled()
    lab.page.mouse.move(0, 0)
    after = stage(lab)
    lab.page.keyboard.press("s")
    left, right = (difference(part, stage(lab)) for part in (first, after))
    assert within(left, 0.05, 0.05, 0.45, 0.95).max() <= 2 < within(left, 0.55, 0.05, 0.95, 0.95).max(), "as it was, on the left"
    assert within(right, 0.55, 0.05, 0.95, 0.95).max() <= 2 < within(right, 0.05, 0.05, 0.45, 0.95).max(), "as it is, right of it"
    lab.page.mouse.move(*lab.at(0.5, 0.7))
    lab.page.mouse.down()
    lab.page.mouse.move(*lab.at(0.98, 0.7), steps=4)
    lab.page.mouse.up()
    assert len(lab.edits()) == 1, "moving the line paints nothing"
    lab.page.mouse.move(0, 0)
    assert within(difference(first, stage(lab)), 0.05, 0.05, 0.9, 0.95).max() <= 2
    lab.act("split")
    assert within(difference(after, stage(lab)), 0.05, 0.05, 0.9, 0.95).max() <= 2


def stage(lab):
    """What is seen of the picture, with all that lies over it; its corners show what lies round it."""
    lab.page.wait_for_timeout(100)  # a frame or two
    shot = lab.page.locator(".gw-stage").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def test_a_finger_and_a_pen_paint(paintbox):
    lab = paintbox()
    first, hand = lab.pixels(), lab.page.context.new_cdp_session(lab.page)
    hand.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, x in (("touchStart", 0.3), ("touchMove", 0.4), ("touchMove", 0.5), ("touchEnd", None)):
        points = [] if x is None else [dict(zip("xy", lab.at(x, 0.3), strict=True))]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touched = lab.settled().pixels()
    assert difference(first, touched)[: first.shape[0] // 2].max() > 0
    for kind, x in (("mousePressed", 0.3), ("mouseMoved", 0.5), ("mouseReleased", 0.5)):
        at = dict(zip("xy", lab.at(x, 0.7), strict=True))
        pen = {"pointerType": "pen", "force": 0.4, "button": "left", "buttons": 1, "clickCount": 1}
        hand.send("Input.dispatchMouseEvent", {"type": kind, **at, **pen})
    lab.settled()
    strengths = lab.notebook.value("[float(e.region.mask.max()) for e in lab.edits]")
    assert len(strengths) == 2 and strengths[0] == 1 and abs(strengths[1] - 0.4) < 0.02, "a pen's pressure is the strength"


def tab_to(page, selector, most=80):
    """Press Tab until an element that matches has the focus."""
    for _ in range(most):
        if page.evaluate("selector => !!document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {selector}")


def test_history_toggles_reset_strip_and_heat(paintbox):
    lab = paintbox()
    first = lab.pixels()
    lab.stroke((0.3, 0.3), (0.4, 0.3))
    one = lab.settled().pixels()
    lab.stroke((0.7, 0.7), (0.8, 0.7))
    lab.settled()
    lab.page.click(".gw-step[data-entry='2'] input[type=checkbox]")
    assert np.array_equal(lab.settled().pixels(), one)
    assert lab.notebook.value("[s['on'] for s in lab.history]") == [True, False]
    lab.act("reset")
    assert np.array_equal(lab.settled().pixels(), first)
    lab.page.click(".gw-strip [data-seed='3']")
    lab.settled()
    assert lab.notebook.value("lab.seed") == 3
    lab.act("shuffle")
    lab.settled()
    assert lab.notebook.value("lab.strip") != list(range(8))
    lab.act("everywhere")
    lab.act("heat")
    lab.stroke((0.3, 0.3), (0.4, 0.3))
    lab.settled()
    assert lab.edits()[0][-1] == []
    assert lab.notebook.value("[lab.everywhere, lab.heat]") == [True, True]


def test_first_ink_and_pointer_up_to_pixels(paintbox, figure):
    lab = paintbox()
    lab.page.evaluate(WATCH)
    times = []
    for i in range(12):
        lab.stroke((0.2 + 0.05 * i, 0.3), (0.25 + 0.05 * i, 0.4), steps=3)
        lab.settled()
        times.append(lab.page.evaluate("() => gwTimes.frames.at(-1) - gwTimes.up"))
    tail = (
        lab.notebook.value("""(lambda t, h: (lambda b: [g.tail(h) for _ in range(5)] and (t() - b) / 5)(t()))(
        __import__('time').perf_counter, g.head(g.sample([0]), lab.layer))""")
        * 1000
    )
    median, slow = (float(value) for value in np.percentile(times, [50, 95]))
    lab.page.evaluate(FIRST_INK)
    lab.page.evaluate(BLOCKED)
    lab.page.wait_for_function("() => gwSleep.begun")
    lab.page.mouse.move(*lab.at(0.5, 0.5))
    lab.page.mouse.down()
    lab.page.wait_for_function("() => gwInk.frames", timeout=3000)
    ink = lab.page.evaluate("gwInk")
    blocked = lab.page.evaluate("!gwSleep.over")
    lab.page.mouse.move(*lab.at(0.6, 0.5), steps=3)
    lab.page.mouse.up()
    figure(
        f"pointer-up to new pixels: median {median:.0f} ms, p95 {slow:.0f} ms, tail {tail:.0f} ms; "
        f"first ink with the kernel blocked: {ink['ms']:.0f} ms, {ink['frames']} frame(s)"
    )
    assert blocked
    assert ink["frames"] <= 2, "drawn by the frame after the one in which the pointer came down"
    lab.settled()
    assert len(lab.edits()) == 13, "the stroke made meanwhile is not lost"
    assert median <= tail + 500, "the bound on a machine that does other things; `make bench` holds the strict one"


def test_errors_a_second_view_and_a_cell_run_again(paintbox):
    lab = paintbox("planted", "lab")
    before = lab.pixels()
    drop = "{'kind': 'drop', 'id': 900, 'view': 'x', 'concept': 'zebra', 'x': 0, 'y': 0, 'width': 1, 'height': 1}"
    lab.notebook.ask(f"lab._handle_custom_msg({drop}, [])")
    lab.page.wait_for_selector(".gw-error:has-text('zebra')")
    assert np.array_equal(lab.settled().pixels(), before)
    lab.stroke((0.3, 0.3), (0.4, 0.3))
    lab.settled()
    assert len(lab.edits()) == 1, "the next act works"
    assert not any(strip.is_visible() for strip in lab.page.locator(".gw-error").all())

    lab.page.wait_for_function(f"() => document.querySelectorAll(\"{ROOT}[data-gw-ready='true']\").length === 2")
    lab.page.wait_for_function("""() => { const [a, b] = [...document.querySelectorAll('.gw-picture')];
                                         return a.toDataURL() === b.toDataURL(); }""")
    run_cell(lab, 1)
    lab.page.wait_for_function("() => document.querySelectorAll('.gw-picture').length === 1")
    lab.ready()
    assert lab.edits() == []
    assert lab.notebook.value("len(__import__('ganwidgets.widgets.base', fromlist=['x']).open_labs())") == 1
    lab.stroke((0.3, 0.3), (0.4, 0.3))
    lab.settled()
    assert len(lab.edits()) == 1


def run_cell(lab, cell):
    lab.page.evaluate(
        """async i => { jupyterapp.shell.currentWidget.content.activeCellIndex = i;
                        await jupyterapp.commands.execute('notebook:run-cell'); }""",
        cell,
    )
    lab.notebook.idle()


def test_no_kernel_is_told_in_words_and_the_saved_picture_stays(paintbox):
    lab = paintbox()
    shown = lab.pixels()
    lab.page.evaluate("async () => { await jupyterapp.commands.execute('docmanager:save'); }")
    lab.page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }")
    lab.page.wait_for_selector(f"{ROOT} .gw-badge:has-text('kernel')")
    assert np.array_equal(lab.pixels(), shown), "the last picture stays"
    for act in ("undo", "brush", "shuffle"):
        assert lab.page.get_attribute(f"{ROOT} [data-act='{act}']", "aria-disabled") == "true"
    lab.stroke((0.3, 0.3), (0.4, 0.3))
    assert np.array_equal(lab.pixels(), shown)
    run_cell(lab, 0)
    run_cell(lab, 1)
    lab.ready()
    lab.notebook.visit_untrusted_copy()
    image = lab.page.wait_for_selector(".jp-OutputArea-output img[src^='data:image/png']")
    assert image.evaluate("image => image.naturalWidth") == shown.shape[1], "what GitHub and others would show"


def test_nothing_bars_anyone_in_light_in_dark_and_when_narrow(paintbox):
    lab = paintbox(worlds()[-1])
    if worlds()[-1] == "storybook":
        x, y = lab.notebook.value(f"(lambda spot: [lab.show(spot[0]), spot[1:]][1])({BRIGHT_MEADOW})")
        lab.chip("tree")
        lab.stroke((x - 0.1, y), (x + 0.1, y))
        lab.chip("water")
    lab.stroke((0.1, 0.95), (0.45, 0.95))
    lab.settled()
    lab.page.evaluate(AXE.read_text())
    check_axe(lab)
    photograph(lab, "light")
    lab.act("split")
    check_axe(lab)
    photograph(lab, "split")
    lab.act("split")
    lab.page.set_viewport_size({"width": 1280, "height": 2000})
    for width in (600, 320):
        lab.notebook.ask(f"lab.layout.width = '{width}px'")
        lab.page.wait_for_function(
            "([root, width]) => document.querySelector(root).getBoundingClientRect().width <= width", arg=[ROOT, width]
        )
        check_axe(lab)
        photograph(lab, f"{width}")
        wide = lab.page.eval_on_selector(ROOT, "root => root.scrollWidth - root.clientWidth")
        assert wide <= 1, f"at {width} px the lab is {wide} px too wide"
    lab.notebook.ask("lab.layout.width = None")
    lab.page.set_viewport_size({"width": 1280, "height": 1100})
    lab.notebook.command("apputils:change-theme", theme="JupyterLab Dark")
    lab.page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
    lab.page.wait_for_timeout(500)  # the theme's style sheet
    check_axe(lab)
    photograph(lab, "dark")
    lab.act("help")
    check_axe(lab)
    photograph(lab, "help")
    lab.notebook.command("apputils:change-theme", theme="JupyterLab Light")
    lab.page.wait_for_selector("body[data-jp-theme-light='true']", state="attached")


def check_axe(lab):
    found = lab.page.evaluate("async root => (await axe.run(root)).violations", ROOT)
    listed = [(each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]][:3]) for each in found]
    assert not found, listed


def photograph(lab, name):
    SCREENSHOTS.mkdir(exist_ok=True)
    lab.page.mouse.move(0, 0)
    lab.page.wait_for_timeout(300)  # the last thumbnails
    lab.page.locator(ROOT).screenshot(path=SCREENSHOTS / f"paintbox-{name}.png")
