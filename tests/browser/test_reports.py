"""A report in a browser with no network: its own policy refuses nothing, and it is readable light, dark, narrow and by keys."""

import pytest
from playwright.sync_api import expect

from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.methods.dissect_report import report
from ganwidgets.testing import planted_generator

from .conftest import AXE, SCREENSHOTS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    planted = planted_generator()
    g = planted.generator
    d = dissect(g, planted.segmenter, layers=["layer1", "layer2"], seeds=range(12), progress=False)
    d = d.with_examples(*(examples(g, d, layer=layer, k=5, progress=False) for layer in d.layers))
    return report(d, tmp_path_factory.mktemp("report") / "units.html")


def test_a_report_is_read_with_no_network(browser, file):
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
    page.goto(f"file://{file}")
    assert page.locator("tbody tr").count() == 3 + 2 + 12 + 12 and page.locator("img").count() == 24
    for picture in page.locator("img").all():
        picture.scroll_into_view_if_needed()
    assert page.evaluate("() => [...document.images].every(each => each.complete && each.naturalWidth > 0)")
    page.keyboard.press("Control+Home")
    page.wait_for_function("() => scrollY === 0")       # a key scrolls smoothly, and would undo the jump below
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "To the concepts"
    page.click("nav a[href='#layer1']")
    expect(page.locator("#layer1 h2")).to_be_in_viewport()
    page.focus("#layer1 .gw-wide")
    assert not complaints
    page.evaluate(AXE.read_text())
    SCREENSHOTS.mkdir(exist_ok=True)
    for scheme, width in (("light", 1200), ("dark", 1200), ("light", 320)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("() => scrollTo(0, 0)")
        page.screenshot(path=SCREENSHOTS / f"report-{scheme}-{width}.png")
        found = page.evaluate("async () => (await axe.run()).violations")
        assert not found, [(each["id"], [node["html"][:200] for node in each["nodes"]][:3]) for each in found]
        assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 1
    context.close()
