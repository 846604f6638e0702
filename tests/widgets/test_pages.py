"""Labs as one HTML file: small, with nothing fetched, nothing of theirs run, and what they recorded is what the lab shows."""

import base64
import html
import io
import json
import re
import zlib

import numpy as np
import pytest
from PIL import Image

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, SeedError
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.widgets import pages
from ganwidgets.widgets.pages import PAGE_BYTES, page
from ganwidgets.widgets.paintbox import PaintBox
from ganwidgets.widgets.unitbrowser import UnitBrowser


@pytest.fixture(scope="module")
def both(planted):
    return dissect(planted.generator, planted.segmenter, layers=["layer1", "layer2"], seeds=range(12), progress=False)


def record(made):
    return json.loads(re.search(r'id="gw-data">(.*?)</script>', made.html, re.S).group(1))


def tiles(sheet, side, columns):
    whole = np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet))), np.float32)
    return lambda at: whole[at // columns * side:(at // columns + 1) * side, at % columns * side:(at % columns + 1) * side]


def inflated(text, kind=np.uint8):
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)


def as_bytes(image):
    return ((image.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy()


def test_a_page_of_units_holds_every_row_and_where_each_unit_acts(planted, both, tmp_path):
    g = planted.generator
    with UnitBrowser(g, both, layer="layer2", driver="inline") as lab:
        lab.tick([planted.units["field"]])
        made = lab.to_html(tmp_path / "units.html", seeds=[4, 9])
        assert (tmp_path / "units.html").read_text() == made.html and made.size <= PAGE_BYTES
        found = record(made)
        assert {name: len(each["rows"]) for name, each in found["tables"].items()} == {
            layer.name: layer.channels for layer in both.layers} and found["tables"]["layer2"]["rows"] == lab.table()
        seen = found["pictures"]
        cells = seen["layers"]["layer2"]
        acts = inflated(cells["acts"]).reshape(2, -1, cells["height"], cells["width"])
        lab.show(9)
        for unit in (planted.units["block"], planted.units["field"], 0):
            assert np.abs(np.minimum(1, acts[1, unit] / 85) - lab.heatmap(unit)).max() <= 0.5 / 85 + 1e-6
        at = tiles(seen["sheet"], seen["side"], 2)
        assert np.abs(at(1) - np.asarray(lab.image)).mean() < 8, "the picture under the edits, but for JPEG"
    rows = found["rows"]
    unit = planted.units["block"]
    numbers = inflated(rows["layers"]["layer2"]["numbers"], np.int32).reshape(-1, rows["count"])
    wanted = examples(g, both, [unit], layer="layer2", k=1, progress=False)
    picture = np.asarray(Image.fromarray(wanted.pictures[0, 0]).resize((rows["side"],) * 2), np.float32)
    assert np.abs(tiles(rows["sheet"], rows["side"], rows["columns"])(int(numbers[unit, 0])) - picture).mean() < 8
    bits = np.unpackbits(inflated(rows["layers"]["layer2"]["lit"]))
    lit = bits[:numbers.size * rows["side"] ** 2].reshape(*numbers.shape, rows["side"], rows["side"])[unit, 0]
    assert lit.mean() == pytest.approx(wanted.lit[0, 0].mean(), abs=0.02) and lit.any()


def test_a_dissection_with_no_model_has_a_page_too(planted, both):
    kept = both.with_examples(examples(planted.generator, both, layer="layer1", progress=False))
    with UnitBrowser(None, kept, driver="inline") as lab:
        found = record(lab.to_html())
    assert found["pictures"]["seeds"] == [] and found["state"]["image_size"] == 0
    numbers = inflated(found["rows"]["layers"]["layer2"]["numbers"], np.int32)
    assert (numbers == -1).all(), "of that layer it keeps none"


def test_a_page_of_a_paint_box_holds_its_history_and_each_concept_out_and_in(planted, dissection):
    g = planted.generator
    with PaintBox(g, dissection, driver="inline") as lab:
        lab.paint(gw.Region.box(0, 0, 0.5, 1), "block")
        lab.show(2)
        lab.paint(gw.Region.box(0, 0, 0.5, 1), "field", erase=True)
        found = record(lab.to_html(seeds=[2, 5, 0]))
        names = [chip["name"] for chip in found["concepts"]]
        assert [step["shown"] for step in found["history"]] == [0, 2] and found["seeds"] == [2, 5, 0]
        at = tiles(found["sheet"], found["side"], found["columns"])
        off = lab.edit_for("field", "ablate", None)
        place = 3 * (1 + 2 * names.index("field")) + 1
        want = gw.UnitEdit(off.layer, off.units, 0.0)
        assert np.abs(at(place) - as_bytes(want.apply(g).images(g.sample([5]))[0])).mean() < 8
        assert np.abs(at(1) - as_bytes(g.images(g.sample([5]))[0])).mean() < 8
        assert np.abs(at(place) - at(1)).mean() > 8, "it is another picture"
        last = 3 * (1 + 2 * len(names)) + 1
        assert np.abs(at(last) - np.asarray(lab.image)).mean() < 8
    with pytest.raises(SeedError), PaintBox(g, dissection, driver="inline") as lab:
        lab.to_html(seeds=[-3])


def test_names_are_no_code_and_nothing_is_fetched():
    made = page("unitbrowser", "<b>&", {"name": "</script><script>alert(1)</script><!--"})
    assert made.html.count("<script") == 2 and made.html.count("</script>") == 2 and "alert(1)</" not in made.html
    assert record(made) == {"name": "</script><script>alert(1)</script><!--"}
    assert "default-src 'none'" in made.html and not re.search(r'(src|href)="', made.html)
    frame = made._repr_html_()
    assert 'sandbox="allow-scripts"' in frame and html.unescape(re.search(r'srcdoc="([^"]*)"', frame).group(1)) == made.html
    with pytest.raises(ValueError, match="(?i)nan|JSON"):
        page("unitbrowser", "x", {"iou": float("nan")})


def test_what_does_not_fit_is_made_smaller_and_then_refused(planted, both, monkeypatch):
    with UnitBrowser(planted.generator, both, driver="inline") as lab:
        whole = lab.to_html()
        monkeypatch.setattr(pages, "PAGE_BYTES", whole.size - 1)
        smaller = lab.to_html()
        assert smaller.size < whole.size and record(smaller)["tables"] == record(whole)["tables"]
        monkeypatch.setattr(pages, "PAGE_BYTES", 60_000)
        with pytest.raises(ArgumentError, match="too large for one page"):
            lab.to_html()
