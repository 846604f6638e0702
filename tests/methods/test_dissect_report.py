"""The report is one page that runs nothing: every unit with its figures and pictures, hostile names as text; and the CSV."""

import base64
import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.markup import escaped
from ganwidgets.core.nets import Layer
from ganwidgets.methods import dissect_report
from ganwidgets.methods.dissect import dissect
from ganwidgets.methods.dissect_examples import examples
from ganwidgets.methods.dissect_report import report
from ganwidgets.methods.dissect_words import UnitWords

HOSTILE = ("<script>alert(1)</script>", '" onerror="alert(1)', '=HYPERLINK("http://x")', "a\nb,\x00\u202ec",
           "</title><img src=x>")
KNOWN = {"html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "p", "em", "nav", "ul", "li", "main",
         "section", "svg", "rect", "text", "g", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "img"}


class Reader(HTMLParser):
    """Elements, attributes, ids, and the text of each cell of the tables."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.tables, self._cell = [], [], [], None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        if self._cell:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def both(planted):
    return dissect(planted.generator, planted.segmenter, layers=["layer1", "layer2"], seeds=range(12), progress=False)


@pytest.fixture(scope="module")
def pictured(planted, both):
    return both.with_examples(*(examples(planted.generator, both, layer=layer, k=3, progress=False) for layer in both.layers))


def written(d, folder, **how):
    page = report(d, folder / "units.html", **how).read_text(encoding="utf-8")
    return page, Reader(page)


def test_every_unit_has_its_figures(pictured, tmp_path):
    page, seen = written(pictured, tmp_path)
    assert len(seen.tables) == 4, "concepts, layers, and each layer's units"
    for layer, rows in zip(pictured.layers, seen.tables[2:], strict=True):
        table, heads = pictured.at(layer).table, rows[0]
        assert len(rows) == 1 + layer.channels
        for row, wanted in zip(rows[1:], table.to_dict("records"), strict=True):
            told = dict(zip(heads, row, strict=True))
            assert int(told["unit"]) == wanted["unit"] and told["IoU"] == f"{wanted['iou']:.3g}"
            assert told["IoU, other pictures"] == f"{wanted['iou_other']:.3g}" and told["threshold"] == f"{wanted['threshold']:.3g}"
            known = wanted["concept"] or "none"
            assert told["concept"] == (known if wanted["iou"] >= .04 or not wanted["concept"] else f"({known})")
            assert told["lights up"] == ("yes" if wanted["live"] else "no") and told["kind"] == wanted["kind"]
    layers = seen.tables[1]
    assert [row[0] for row in layers[1:]] == ["layer1", "layer2"] and "concepts, other" in layers[0]


def test_pictures_are_those_of_the_unit_dimmed_where_it_is_not_lit(planted, pictured, tmp_path):
    page, seen = written(pictured.at("layer2"), tmp_path)
    unit = planted.units["block"]
    (found,) = pictured.at("layer2").examples
    match = re.search(rf'src="data:image/jpeg;base64,([^"]+)" alt="pictures ([\d, ]+), clear where unit {unit} is lit"', page)
    numbers = [int(number) for number in match[2].split(",")]
    assert numbers == pictured.tops["layer2"][unit, :3].tolist()
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(match[1]))), np.float32)
    assert strip.shape == (64, 3 * 66 - 2, 3)
    shown = np.asarray(found.row(unit)[1].resize((64, 64), Image.Resampling.LANCZOS), np.float32)
    assert np.abs(strip[:, 66:130] - shown).mean() < 6
    assert len([tag for tag in seen.elements if tag == "img"]) == 12


def test_nothing_runs_and_nothing_is_fetched(pictured, tmp_path):
    page, seen = written(pictured, tmp_path)
    style = re.search(r"<style>(.*?)</style>", page, re.S)[1]
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [value for tag, name, value in seen.attributes if tag == "meta" and name == "content" and "default-src" in value]
    assert policy == f"default-src 'none'; img-src data:; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    assert page.index("Content-Security-Policy") < page.index("<title>"), "before anything that it could forbid"
    assert page.count("<style>") == 1 and set(seen.elements) <= KNOWN
    assert not [each for each in seen.attributes if each[1].startswith("on") or each[1] in ("style", "srcset")]
    for tag, name, value in seen.attributes:
        if name in ("src", "href"):
            assert value.startswith("data:image/jpeg;base64,") if tag == "img" else value.startswith("#")
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "").replace('http-equiv="Content', "")


def test_it_can_be_found_through_without_seeing_it(pictured, tmp_path):
    _, seen = written(pictured, tmp_path)
    ids = [value for _, name, value in seen.attributes if name == "id"]
    links = [value[1:] for _, name, value in seen.attributes if name == "href"]
    assert len(ids) == len(set(ids)) and set(links) <= set(ids) and len(links) == 1 + 4
    assert ("html", "lang", "en") in seen.attributes and seen.elements.count("h1") == 1 and seen.elements.count("main") == 1
    assert {value for _, name, value in seen.attributes if name == "aria-labelledby"} <= set(ids)
    labels = [value for tag, name, value in seen.attributes if tag == "div" and name == "aria-label"]
    assert len(labels) == len(set(labels)) == 4
    assert all(value for tag, name, value in seen.attributes if (tag, name) == ("img", "alt"))
    assert seen.elements.count("img") == len([name for tag, name, _ in seen.attributes if (tag, name) == ("img", "alt")])
    assert seen.elements.count("caption") == 4


def renamed(d, names):
    return replace(d, model=names[0], concepts=tuple(replace(concept, name=name) for concept, name in
                                                     zip(d.concepts, names, strict=False)))


@pytest.mark.parametrize("shift", range(len(HOSTILE)))
def test_hostile_names_are_text(pictured, tmp_path, shift):
    names = [*HOSTILE[shift:], *HOSTILE[:shift]]
    d = renamed(pictured.at("layer2"), names)
    found = d.findings[0]
    odd = replace(d, findings=(replace(found, layer=Layer("<b>layer</b>", *(getattr(found.layer, each) for each in
                                                                         ("channels", "height", "width")))),), examples=())
    page, seen = written(odd, tmp_path, title=names[1])
    assert set(seen.elements) <= KNOWN and not [each for each in seen.attributes if each[1].startswith("on")]
    assert seen.elements.count("img") == 0 and "<b>layer" not in page
    shown = {row[0] for row in seen.tables[0][1:]}
    assert shown == {re.sub("[\x00\u202e]", "\ufffd", name) for name in names[:3]}


@settings(max_examples=100, deadline=None)
@given(some.text(), some.integers(2, 30))
def test_escaped_is_text_for_a_reader(text, most):
    reader = Reader(f"<table><tr><td>{escaped(text)}</td></tr></table><img alt=\"{escaped(text, most=most)}\">")
    assert reader.elements == ["table", "tr", "td", "img"]
    alt = next(value for _, name, value in reader.attributes if name == "alt")
    assert len(alt) <= most and (len(text) > most) == (alt.endswith("\u2026") and alt != text[:most])


def test_the_csv_is_the_table(both, tmp_path):
    path = report(both, str(tmp_path / "units.CSV"))
    again = pd.read_csv(path, keep_default_na=False)
    pd.testing.assert_frame_equal(again, both.table)
    odd = renamed(both, ['=cmd|"/c calc"!A1', "a,\"b\"\nc", "+1"])
    again = pd.read_csv(report(odd, tmp_path / "odd.csv"), keep_default_na=False)
    wanted = odd.table.concept.replace({'=cmd|"/c calc"!A1': '\'=cmd|"/c calc"!A1', "+1": "'+1"})
    assert again.concept.tolist() == wanted.tolist() and again.iou.tolist() == odd.table.iou.tolist()


def test_words_stand_beside(planted, both, tmp_path):
    layer = planted.layer
    words = UnitWords(both.model, both.digest, layer, ("a thing", "<i>"), 3, np.tile([.1, .6], (12, 1)), np.zeros((12, 2)),
                      np.full(12, .2), np.ones(12, bool))
    _, seen = written(both, tmp_path, words=words)
    assert [row[-3:] for row in seen.tables[3][1:]] == [["<i>", "0.6", "0"]] * 12
    assert seen.tables[3][0][-1] == "lead, other pictures" and "word" not in seen.tables[2][0]
    for wrong in (replace(words, digest="0" * 64), replace(words, layer=Layer("layer9", 1, 1, 1))):
        with pytest.raises(ArgumentError, match="gw.label_units"):
            report(both, tmp_path / "x.html", words=wrong)


def test_the_more_units_the_fewer_and_smaller_pictures(pictured, tmp_path, monkeypatch):
    whole = len(written(pictured, tmp_path)[0].encode())
    bare = len(written(replace(pictured, examples=()), tmp_path)[0].encode())
    monkeypatch.setattr(dissect_report, "MOST_BYTES", (whole + bare) // 2)
    smaller, seen = written(pictured, tmp_path)
    assert bare < len(smaller.encode()) <= (whole + bare) // 2 and seen.elements.count("img") == 24
    monkeypatch.setattr(dissect_report, "MOST_BYTES", bare + 100)
    assert "gw.examples(g, d)" in written(pictured, tmp_path)[0]
    monkeypatch.setattr(dissect_report, "MOST_BYTES", 1000)
    with pytest.raises(ArgumentError, match="too large for one page.*d.at"):
        report(pictured, tmp_path / "x.html")


def test_other_files_are_refused(both, tmp_path):
    for path in ("x.pdf", "x", ".html"):
        with pytest.raises(ArgumentError, match=r"a page, \.html"):
            report(both, tmp_path / path)
    assert not list(tmp_path.iterdir())


def test_under_iqr_the_shared_information_is_shown(planted, tmp_path):
    d = dissect(planted.generator, planted.segmenter, layer="layer2", seeds=range(12), rule="iqr", calibration=6, progress=False)
    page, seen = written(d, tmp_path)
    assert "shared information" in seen.tables[2][0] and "threshold of their own" in page
    assert len(seen.tables[2]) == 13
