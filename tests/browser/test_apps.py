"""PaintBox outside of notebooks: a page of Voila, and a marimo app; one stroke by mouse in each."""

import sys

import nbformat
import numpy as np
import pytest

from .conftest import SCREENSHOTS, free_port, running
from .on_page import PICTURE, ROOT, OnPage
from .test_paintbox import LAB, PLANTED

pytestmark = pytest.mark.browser

MARIMO = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import ganwidgets as gw
    planted = gw.testing.planted_generator()
    g, seg = planted.generator, planted.segmenter
    d = gw.dissect(g, seg, layer=planted.layer, seeds=range(24), progress=False)
    lab = gw.PaintBox(g, d, segmenter=seg, palette=["block", "field"])
    view = mo.ui.anywidget(lab)
    view
    return lab, mo, view


@app.cell
def _(lab, mo, view):
    import ganwidgets.widgets.hosts as hosts
    view.value
    mo.md(f"host {hosts.host()}, driver {lab.driver}")
    return


if __name__ == "__main__":
    app.run()
"""


class OnApp(OnPage):
    """A lab on a page that lets nobody ask the kernel: what is known is what is seen."""

    def __init__(self, page):
        self.page, self.console = page, []
        # nothing from other servers: a lab needs no CDN
        page.route(lambda url: not url.startswith(("http://127.0.0.1:", "blob:", "data:")), lambda route: route.abort())
        page.on("console", lambda message: self.console.append(message.text) if message.type == "error" else None)

    def ready(self):
        self.page.wait_for_selector(f"{ROOT}[data-gw-ready='true']", timeout=60_000)
        self.page.wait_for_selector(f"{PICTURE}[data-gw-frame]")
        return self

    def stroke_changes(self):
        """One stroke, seen in the picture where it went; and undo, to the pixel."""
        first = self.pixels()
        self.stroke((0.2, 0.25), (0.35, 0.25), (0.35, 0.35))
        painted = self.until(lambda shown: not np.array_equal(shown, first))
        self.page.wait_for_selector(".gw-step[data-entry='1']")
        self.act("undo")
        self.until(lambda shown: np.array_equal(shown, first))
        return painted

    def until(self, wanted):
        for _ in range(200):
            shown = self.pixels()
            if wanted(shown) and self.page.get_attribute(ROOT, "data-gw-busy") != "true":
                return shown
            self.page.wait_for_timeout(50)
        raise AssertionError(f"the picture did not become what it should; {self.console}")

    def photograph(self, name):
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.fixture
def app(page):
    page.set_default_timeout(30_000)
    return OnApp(page)


def test_voila_paints_one_stroke(app, tmp_path):
    driver = "from IPython.display import HTML\nHTML(f'<p id=\"driver\">{lab.driver}</p>')"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (PLANTED, LAB, driver)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "lab.ipynb")
    port = free_port()
    command = [sys.executable, "-m", "voila", "lab.ipynb", "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    own = {name: str(tmp_path / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    base = f"http://127.0.0.1:{port}"
    with running(command, tmp_path / "log.txt", f"{base}/static/", env=own, cwd=tmp_path):
        app.page.goto(base, wait_until="commit")
        app.ready().stroke_changes()
        assert app.page.inner_text("#driver") == "pull"
        app.photograph("voila")


def test_marimo_paints_one_stroke(app, tmp_path):
    (tmp_path / "lab.py").write_text(MARIMO)
    port = free_port()
    command = [sys.executable, "-m", "marimo", "run", "lab.py", "--headless", f"--port={port}", "--no-token", "--host=127.0.0.1"]
    own = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    base = f"http://127.0.0.1:{port}"
    with running(command, tmp_path / "log.txt", f"{base}/health", env=own, cwd=tmp_path):
        app.page.goto(base, wait_until="commit")
        app.ready().stroke_changes()
        app.page.wait_for_selector("text=host marimo, driver inline")
        app.photograph("marimo")
