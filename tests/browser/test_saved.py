"""A notebook run elsewhere and opened with no kernel: both labs show their last picture, are read only, and say so."""

import base64
import json
import re

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.sign import NotebookNotary

from .conftest import ROOT as CHECKOUT
from .conftest import SCREENSHOTS, Notebook, close_kernels
from .on_page import ROOT
from .test_paintbox import PLANTED
from .test_unitbrowser import pixels

pytestmark = pytest.mark.browser

UNITS = ".gw-lab.gw-units"

BOX = 'box = gw.PaintBox(g, d, segmenter=seg, palette=["block", "field"])\nbox'
BROWSER = "units = gw.UnitBrowser(g, d)\nunits"
ACTS = "box.paint(gw.Region.box(.2, .2, .5, .5)); units.tick([units.table()[0]['unit']])"
PICTURES = "import base64, json; print(json.dumps([base64.b64encode(lab.picture).decode() for lab in (box, units)]))"


def executed(where):
    """The notebook as nbclient leaves it, with the state of its widgets, and the two labs' last pictures."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in (PLANTED, BOX, BROWSER, ACTS, PICTURES)]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(book, timeout=60, resources={"metadata": {"path": str(CHECKOUT)}}).execute()
    last = [base64.b64decode(each) for each in json.loads(book.cells.pop().outputs[0].text)]
    nbformat.write(book, where)
    return book, [pixels(each) for each in last]


def shown(page, root):
    url = page.eval_on_selector(f"{root} .gw-picture", "canvas => canvas.toDataURL('image/png')")
    return pixels(base64.b64decode(url.split(",")[1]))


def test_opened_with_no_kernel_both_labs_show_their_last_picture_and_are_read_only(lab, page):
    page.set_default_timeout(30_000)
    page.set_viewport_size({"width": 1280, "height": 2000})
    book, last = executed(lab.root / "saved.ipynb")
    NotebookNotary().sign(book)  # as if it had been run here
    notebook = Notebook(lab, page, "saved.ipynb").visit()  # its kernel knows no widget
    for root, wanted in zip((ROOT, UNITS), last, strict=True):
        page.wait_for_selector(f"{root} .gw-picture[width='{wanted.shape[1]}']")
        page.wait_for_selector(f"{root} .gw-badge:has-text('No kernel')")
        assert np.array_equal(shown(page, root), wanted), "the last picture, not that at display time"
        assert page.get_attribute(f"{root} [data-act='undo']", "aria-disabled") == "true"
        assert page.get_attribute(root, "data-gw-line") == "gone"
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "saved.png")
    assert notebook.value("'box' in globals()") is False, "nothing was run"
    close_kernels(lab)
    html, _ = HTMLExporter().from_notebook_node(book)
    state = re.search(r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', html, re.DOTALL).group(1)
    kept = [each for model in json.loads(state)["state"].values() for each in model.get("buffers", [])]
    held = [pixels(base64.b64decode(each["data"])) for each in kept if each["path"] == ["picture"]]
    assert len(held) == 2
    assert all(any(np.array_equal(one, wanted) for one in held) for wanted in last), "nbconvert keeps the last pictures"
    del book.metadata["widgets"]
    bare, _ = HTMLExporter().from_notebook_node(book)
    for cell in book.cells[1:3]:
        png = cell.outputs[0]["data"]["image/png"].replace("\n", "")
        assert png in bare.replace("\n", ""), "and the picture itself where there is no state"
