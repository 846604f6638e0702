"""LiveView and WalkPlayer in real JupyterLab: the screen shows what the kernel drew, and again when the page is loaded anew."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from .conftest import AXE, SCREENSHOTS, canvas_pixels

pytestmark = pytest.mark.browser

CELLS = (
    """
import ganwidgets as gw
g = gw.load("storybook")
small, view = gw.LiveView(64, 64), gw.LiveView(256, 256)
player = gw.WalkPlayer(g, seeds=[3, 5], steps=8, width=256, height=256)
small.add_class("t-small"), view.add_class("t-view"), player.add_class("t-player")
small.show(g.images(g.sample([3]))[0])
small""",
    "view",
    'done = gw.play(gw.sweep.steps(g, g.companions["causes"](), "tree", counts=(0, 8, 32)), view)',
    "player",
)

NAMELESS = {"aria-input-field-name", "button-name"}   # ipywidgets gives its sliders and its Play buttons no names


def kernel_pixels(notebook, name):
    """The composite, computed in the kernel."""
    content = notebook.ask(f"import base64 as _b; print(_b.b64encode({name}.picture).decode())")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGBA"))


def shown(notebook, selector, name, apart=0):
    """Wait until the canvas is the kernel's composite, each level at most so far apart; its pixels."""
    notebook.page.wait_for_selector(f"{selector} canvas", timeout=60_000)
    for _ in range(100):
        here, there = canvas_pixels(notebook.page, f"{selector} canvas"), kernel_pixels(notebook, name)
        if here.shape == there.shape and np.abs(here.astype(int) - there).max() <= apart and here.any():
            return here
        notebook.page.wait_for_timeout(50)
    raise AssertionError(f"{name}: {here.shape} {there.shape} {np.abs(here.astype(int) - there).max()}; {notebook.console}")


def test_the_screen_shows_what_the_kernel_drew_and_again_after_a_reload(notebook):
    notebook.open(*CELLS)
    page = notebook.page
    page.wait_for_selector(".t-player .widget-slider")
    shown(notebook, ".t-small", "small")
    swept = shown(notebook, ".t-view", "view", apart=3)      # a veil over a picture is rounded by whoever lays it
    assert notebook.value("view.alt").startswith("32 units off: tree") and len(np.unique(swept)) > 50
    box = page.locator(".t-view canvas").bounding_box()
    assert (round(box["width"]), round(box["height"])) == (256, 256)
    deaf = "() => { const c = document.querySelector('.t-view canvas'); c.focus(); return [getComputedStyle(c).pointerEvents, "\
           "document.activeElement === c]; }"
    assert page.evaluate(deaf) == ["none", False], "it neither floods the kernel with moves nor keeps the Tab key"
    assert page.inner_text(".t-view .widget-html-content span") == notebook.value("view.alt")

    first = shown(notebook, ".t-player", "player")
    page.focus(".t-player .noUi-handle >> nth=0")
    for place in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        page.wait_for_function("place => document.querySelector('.t-player .widget-readout').innerText == place", arg=str(place))
    assert notebook.value("player.wait(20)") is True and notebook.value("player.position") == 3
    scrubbed = shown(notebook, ".t-player", "player")
    assert not np.array_equal(first, scrubbed)
    page.click(".t-player .jupyter-button >> nth=0")
    for _ in range(100):
        if notebook.value("player.position") > 4:
            break
        page.wait_for_timeout(50)
    page.click(".t-player .jupyter-button >> nth=0")
    assert notebook.value("player.wait(20)") is True and notebook.value("player.position") > 4
    shown(notebook, ".t-player", "player")
    page.evaluate(AXE.read_text())
    look(notebook, "light")
    notebook.command("apputils:change-theme", theme="JupyterLab Dark")
    page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")
    page.wait_for_timeout(500)  # the theme's style sheet
    look(notebook, "dark")
    notebook.command("apputils:change-theme", theme="JupyterLab Light")
    page.wait_for_selector("body[data-jp-theme-light='true']", state="attached")

    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    notebook.visit()
    assert np.array_equal(shown(notebook, ".t-view", "view", apart=3), swept)
    notebook.ask("view.label('after', 0.5, 0.5)")
    assert not np.array_equal(shown(notebook, ".t-view", "view", apart=3), swept)
    notebook.ask("view.canvas.fill_style = 'red'; view.canvas.fill_rect(0, 0, 256, 256)")
    page.wait_for_function("() => { const canvas = document.querySelector('.t-view canvas'); const pixel = "
                           "canvas.getContext('2d').getImageData(128, 200, 1, 1).data; return pixel[0] == 255 && !pixel[1]; }")
    assert not notebook.console, notebook.console

    # commands for canvases that are closed by now end ipycanvas' drawing; they must end nobody else's
    notebook.ask("for seed in range(9):\n    view.show(g.images(g.sample([seed]))[0]); view._pace.finish()\n"
                 "view.close(); small.show(g.images(g.sample([8]))[0])")
    shown(notebook, ".t-small", "small")


def look(notebook, name):
    """Photographs of both, and what axe finds."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for selector in ("view", "player"):
        found = notebook.page.evaluate("async root => (await axe.run(root)).violations", f".t-{selector}")
        assert {each["id"] for each in found} <= {"view": set(), "player": NAMELESS}[selector]
        notebook.page.locator(f".t-{selector}").screenshot(path=SCREENSHOTS / f"live{selector}-{name}.png")
