"""Labs saved as one file, opened from disk by a browser with no network, and again out of what nbconvert makes of a notebook."""

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter

import ganwidgets as gw

from .conftest import AXE, SCREENSHOTS, canvas_pixels

pytestmark = pytest.mark.browser

PICTURE = ".gw-picture"


@pytest.fixture(scope="module")
def labs():
    """A browser and a paint box, as pages."""
    g, seg = gw.load("storybook"), gw.load_segmenter("storybook")
    d = gw.dissect(g, seg, layers=[g.layer_at(8), g.layer_at(16)], seeds=range(100), progress=False)
    with gw.UnitBrowser(g, d, layer=g.layer_at(16), seed=3, driver="inline") as units:
        by_units = units.to_html(seeds=[3, 4, 5]), units.table(), units.layers
    with gw.PaintBox(g, d, layer=g.layer_at(16), seed=3, driver="inline") as box:
        box.drop("tree", (0.1, 0.4, 0.5, 0.9))
        box.paint(gw.Region.box(0.5, 0.6, 1, 1), "water")
        painted = np.asarray(box.image)
        return by_units, (box.to_html(), painted)


@pytest.fixture
def offline(browser):
    """A page of a browser with no network, and what it complained of."""
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
    yield page, complaints
    context.close()


def looked_at(page, name):
    """A photograph, light and narrow and dark, and what axe finds."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(300)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.evaluate(AXE.read_text())
    for scheme, width in (("light", 1200), ("dark", 1200), ("light", 320)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png")
        found = page.evaluate("async () => (await axe.run('.gw-lab')).violations")
        assert not found, [(each["id"], [node["html"][:200] for node in each["nodes"]][:3]) for each in found]
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 1


def drawn(page, unit):
    return page.wait_for_selector(f".gw-row[data-unit='{unit}'] canvas[data-gw-drawn]:not([data-gw-drawn=''])")


def test_a_page_of_units_is_browsed_with_no_network(labs, offline, tmp_path):
    (made, table, layers), _ = labs
    page, complaints = offline
    made.save(tmp_path / "units.html")
    page.goto(f"file://{tmp_path / 'units.html'}")
    best, last = table[0], table[-1]
    drawn(page, best["unit"])
    page.click(f".gw-row[data-unit='{best['unit']}']")
    page.wait_for_function("() => { const c = document.querySelector('.gw-heat'); return !c.hidden && c.width > 1; }")
    looked_at(page, "page-units")
    page.set_viewport_size({"width": 1200, "height": 900})
    page.focus(".gw-list")
    page.keyboard.press("End")
    drawn(page, last["unit"])
    page.keyboard.press(" ")
    assert page.eval_on_selector_all("[aria-selected='true']", "all => all.length") == 0, "nothing can be changed"
    first = canvas_pixels(page, PICTURE)
    page.click("[data-act='next']")
    page.wait_for_function("() => document.querySelector('.gw-seed').value === '4'")
    page.wait_for_timeout(300)
    assert not np.array_equal(canvas_pixels(page, PICTURE), first)
    box = page.locator(PICTURE).bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_selector(".gw-probe-units button")
    page.fill(".gw-search", best["concept"])
    page.wait_for_function("name => [...document.querySelectorAll('.gw-row-name')].every(n => n.textContent === name)",
                           arg=best["concept"])
    page.click(f"[data-act='layer-{layers[0]}']")
    page.wait_for_selector(f"[data-act='layer-{layers[0]}'][aria-pressed='true']")
    page.fill(".gw-seed", "77")
    page.press(".gw-seed", "Enter")
    page.wait_for_function("() => document.querySelector('.gw-error-words').textContent.includes('3, 4, 5')")
    assert not complaints


def test_a_page_of_a_paint_box_goes_through_its_history_and_concepts(labs, offline, tmp_path):
    _, (made, painted) = labs
    page, complaints = offline
    made.save(tmp_path / "paint.html")
    page.goto(f"file://{tmp_path / 'paint.html'}")
    page.wait_for_selector(f"{PICTURE}[data-gw-place]")
    shown = small(canvas_pixels(page, PICTURE))
    assert np.abs(shown - small(painted)).mean() < 6, "what was painted last"
    page.keyboard.press("Tab")
    page.keyboard.press("z")
    assert page.inner_text(".gw-status") == "Picture 3 after step 1: tree dropped in."
    one = small(canvas_pixels(page, PICTURE))
    assert np.abs(one - shown).mean() > 1
    page.click("[data-act='original']")
    assert "before all edits" in page.inner_text(".gw-status")
    page.click("[data-act='original']")
    page.click(".gw-thumb[data-seed='5']")
    whole = small(canvas_pixels(page, PICTURE))
    page.click("[data-act='out-0']")
    assert np.abs(small(canvas_pixels(page, PICTURE)) - whole).mean() > 1
    page.click("[data-act='out-0']")
    assert np.array_equal(small(canvas_pixels(page, PICTURE)), whole), "as it was"
    assert page.locator(".gw-thumb").count() == 12
    looked_at(page, "page-paint")
    assert not complaints


def test_pages_work_in_what_nbconvert_makes_of_a_notebook(labs, offline, tmp_path):
    (made, *_), _ = labs
    output = nbformat.v4.new_output("display_data", {"text/html": made._repr_html_()})
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("lab.to_html()", outputs=[output])])
    text, _ = HTMLExporter().from_notebook_node(book)
    (tmp_path / "lesson.html").write_text(text)
    page, _ = offline  # nbconvert's own page asks for MathJax
    page.goto(f"file://{tmp_path / 'lesson.html'}", wait_until="commit")
    frame = page.frame_locator("iframe")
    frame.locator(".gw-row canvas[data-gw-drawn]:not([data-gw-drawn=''])").first.wait_for(timeout=20_000)
    assert frame.locator(".gw-title").inner_text() == "storybook"


def small(pixels):
    """Means over 16 x 16 squares."""
    side = pixels.shape[0] // 16
    return pixels[:16 * side, :16 * side, :3].astype(float).reshape(16, side, 16, side, 3).mean((1, 3))
