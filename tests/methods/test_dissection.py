"""What a dissection answers: planted units get their labels and figures; ranks, edits, files, and errors."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch

from ganwidgets.core.concepts import KnownMasks
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, LayerError, StatisticsError, UnitError
from ganwidgets.core.rankings import default_count
from ganwidgets.core.regions import Region
from ganwidgets.methods.dissect import dissect, open_dissection
from ganwidgets.methods.dissection import KEPT, iou_cap

SEEDS = range(64)


@pytest.fixture(scope="module")
def exact(planted):
    """Thresholds from every pixel of the same pictures."""
    return dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=SEEDS, calibration="all",
                   progress=False)


@pytest.fixture(scope="module")
def sampled(planted):
    """Thresholds from the calibration sample."""
    return dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=range(128), progress=False)


@pytest.fixture(scope="module")
def both(toy, colours):
    """Two layers of the random net."""
    return dissect(toy, colours, layers=toy.layers, seeds=range(40), progress=False)


def planted_rows(d, planted):
    table = d.table.set_index("unit")
    return table.loc[list(planted.units.values())], table.drop(list(planted.units.values()))


@pytest.mark.parametrize(("which", "within"), [("exact", .01), ("sampled", .06)])
def test_planted_units(planted, which, within, request):
    d = request.getfixturevalue(which)
    found, others = planted_rows(d, planted)
    assert found["concept"].tolist() == list(planted.units)
    assert (found["iou"] - found["iou_cap"]).abs().max() < within
    assert others["iou"].max() < .05
    assert d.table["live"].all()
    for concept, unit in planted.units.items():
        assert d.units_for(concept, 1) == [unit]


def test_position_alone_gives_planted_units_little(exact, planted):
    found, _ = planted_rows(exact, planted)
    reachable = found[found["iou_cap"] >= .04]
    assert len(reachable) == 2 and (reachable["iou"] >= 2 * reachable["iou_other"]).all()


def test_a_constant_place_shows_in_iou_other(toy, colours):
    """The control: a concept that always stands in one place, where a unit always acts."""
    masks = torch.zeros(30, 1, 8, 8, dtype=torch.bool)
    masks[:, :, :2, :4] = True
    known = KnownMasks(colours.concepts[:1], masks)
    tilted = UnitEdit("second", [0], 50.0, mode="add", region=Region.box(0, 0, .5, .25), strength=1.0).apply(toy)
    row = dissect(tilted, known, layer="second", seeds=range(30), calibration="all", progress=False).table.iloc[0]
    assert row.iou > .04 and row.iou_other > .9 * row.iou


def test_shuffled_masks_find_nothing(planted):
    """The control: the same pictures with the masks of others."""
    g = planted.generator
    with torch.no_grad():
        masks = planted.segmenter.segment(g.images(g.sample(SEEDS)))
    shuffled = KnownMasks(planted.segmenter.concepts, masks.roll(1, 0))
    d = dissect(g, shuffled, layer=planted.layer, seeds=SEEDS, progress=False)
    assert d.table["iou"].max() < .04


def test_table_and_scores(both, toy, colours):
    table = both.table
    assert list(table.columns) == ["layer", "unit", "concept", "kind", "iou", "iou_cap", "iou_other", "threshold",
                                   "live"]
    assert len(table) == 6 + 5 and table["iou"].is_monotonic_decreasing
    assert set(table["kind"]) <= {"object", "material", ""}
    assert isinstance(both.scores.index, pd.MultiIndex) and both.scores.loc["second"].shape == (5, 5)
    row = table.iloc[0]
    assert both.scores.loc[(row.layer, row.unit), row.concept] == row.iou == both.scores.to_numpy().max()
    assert both.scores.columns.tolist() == list(colours.names)
    assert both.at("first").scores.equals(both.scores.loc["first"])
    assert row.threshold == both.thresholds[row.layer][row.unit]


def test_by_concept(both, toy, colours):
    table = both.by_concept.set_index("concept")
    assert table.loc["invisible", ["share", "iou_cap", "iou"]].tolist() == [0, 0, 0]
    best = both.scores.max()
    for name, row in table.iterrows():
        assert row.iou == best[name] and both.units_for(name, 1) == [row.unit] or not row.iou
    masks = colours.segment(toy.images(toy.sample(range(40)))).float()
    cells = torch.nn.functional.avg_pool2d(masks, 2) >= .5
    assert table.loc[list(colours.names), "share"].tolist() == pytest.approx(cells.float().mean((0, 2, 3)).tolist())


def test_units_for(both):
    scores = both.scores.loc["second"]["green"]
    ranked = both.units_for("green", 5, layer="second")
    assert ranked == scores.sort_values(ascending=False, kind="stable").index.tolist()
    assert both.units_for("green", layer="second") == ranked[:4]
    home = both.by_concept.set_index("concept").loc["green", "layer"]
    assert both.units_for("green", 2) == both.units_for("green", 2, layer=home)
    assert [default_count(n) for n in (2, 12, 100, 112, 128, 512)] == [2, 4, 4, 4, 5, 20]


def test_levels_are_each_units_own(exact, planted):
    with torch.no_grad():
        features = planted.generator.features(planted.generator.sample(SEEDS), planted.layer)
    flat = features.permute(1, 0, 2, 3).flatten(1).double().numpy()
    level = exact.levels["layer2"]
    np.testing.assert_allclose(level, np.quantile(flat, .995, axis=1), rtol=.005)
    assert (level >= exact.thresholds["layer2"]).all()
    assert (exact.findings[0].quantiles[-1] == flat.max(1)).all()


def test_edits(exact, planted):
    region = Region.box(.2, .2, .6, .6)
    insert = exact.edit("block", "insert", n=2, region=region)
    assert insert.units == tuple(exact.units_for("block", 2)) and insert.layer == "layer2" and insert.region == region
    np.testing.assert_allclose(insert.value.numpy(), exact.levels["layer2"][list(insert.units)], rtol=1e-6)
    higher = exact.edit("block", "insert", n=2, quantile=.999)
    assert (higher.value > insert.value).all() and higher.region is None
    ablate = exact.edit("block", "ablate")
    assert ablate.value == 0 and len(ablate.units) == 4 and ablate.origin.digest == planted.generator.digest
    g, latents = planted.generator, planted.generator.sample([500, 501])
    with torch.no_grad():
        drawn = planted.segmenter.segment(insert.apply(g).images(latents))[:, planted.segmenter.index("block")]
        gone = planted.segmenter.segment(ablate.apply(g).images(latents))[:, planted.segmenter.index("block")]
    assert drawn[:, 32:70, 32:70].all() and not gone.any()


@pytest.mark.parametrize(("ask", "error", "said"), [
    (lambda d: d.units_for("blok"), ConceptError, "no concept 'blok' in the dissection.*'block'"),
    (lambda d: d.units_for("block", 0), UnitError, "from 1 to 12"),
    (lambda d: d.units_for("block", 13), UnitError, "from 1 to 12"),
    (lambda d: d.units_for("block", layer="layer3"), LayerError, "no layer 'layer3'"),
    (lambda d: d.edit("block", "paint"), EditError, "no mode 'paint'.*insert"),
    (lambda d: d.edit("block", "insert", quantile=.7), ArgumentError, "no quantile"),
    (lambda d: d.at("layer9"), LayerError, "layer2"),
])
def test_bad_questions(exact, ask, error, said):
    with pytest.raises(error, match=said):
        ask(exact)


def test_a_concept_that_no_unit_meets_cannot_be_edited(both):
    with pytest.raises(ConceptError, match="no unit of .* invisible"):
        both.edit("invisible", "insert")


def test_repr_says_the_grid_and_where_thresholds_come_from(exact, sampled):
    assert "segmentation grid 64 x 64" in repr(exact) and "every pixel" in repr(exact)
    assert "the first 128 pictures" in repr(sampled) and "2 of 3 concepts" in repr(sampled)


def test_cap():
    np.testing.assert_allclose(iou_cap(np.array([0, .005, .01, .05, .4]), .01), [0, .5, 1, .2, .025])


def test_saved_and_opened(both, tmp_path):
    path = tmp_path / "x.gwd"
    both.save(path)
    again = open_dissection(path)
    assert again.table.equals(both.table) and again.scores.equals(both.scores) and repr(again) == repr(both)
    assert again.layers == both.layers and again.concepts == both.concepts and again.digest == both.digest
    assert again.edit("red", "insert", layer="first") == both.edit("red", "insert", layer="first")
    assert again.calibration == both.calibration == 40
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["dissection.json", "layer0.npz", "layer1.npz"]


def rewritten(path, out, change):
    """The file with its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def record_with(**changes):
    def change(parts):
        parts["dissection.json"] = json.dumps({**json.loads(parts["dissection.json"]), **changes}).encode()
    return change


def numbers_with(**changes):
    def change(parts):
        with np.load(io.BytesIO(parts["layer0.npz"])) as file:
            state = {name: file[name] for name in file.files}
        out = io.BytesIO()
        np.savez(out, **{**state, **changes})
        parts["layer0.npz"] = out.getvalue()
    return change


@pytest.mark.parametrize("change", [
    lambda parts: parts.pop("dissection.json"),
    lambda parts: parts.pop("layer1.npz"),
    lambda parts: parts.update({"dissection.json": b"{"}),
    lambda parts: parts.update({"dissection.json": b"[]"}),
    lambda parts: parts.update({"layer0.npz": b"nonsense"}),
    lambda parts: parts.update({"layer0.npz": parts["layer1.npz"]}),
    record_with(format=99), record_with(layers=[]), record_with(layers=[["a", "b", "c", "d"]]), record_with(layers=5),
    record_with(concepts=[["red", "object", [0, 0, 0]]]), record_with(concepts=[["", "object", [0, 0, 0]]] * 5),
    record_with(quantiles=[.5]), record_with(calibration="some"), record_with(share="much"),
    numbers_with(thresholds=np.zeros(3)), numbers_with(quantiles=np.zeros((len(KEPT), 6), np.float32)),
    numbers_with(both=np.array([[object()]], dtype=object)), numbers_with(grid=np.array([8, -8])),
    numbers_with(pictures=np.array(7)),
])
def test_damaged_files_are_refused(both, tmp_path, change):
    both.save(tmp_path / "x.gwd")
    rewritten(tmp_path / "x.gwd", tmp_path / "y.gwd", change)
    with pytest.raises(StatisticsError, match="y.gwd"):
        open_dissection(tmp_path / "y.gwd")


def test_what_is_no_file_of_ours_is_refused(both, tmp_path):
    both.save(tmp_path / "x.gwd")
    whole = (tmp_path / "x.gwd").read_bytes()
    for content in (b"", b"nonsense", whole[:len(whole) // 2], whole[:-30]):
        (tmp_path / "y.gwd").write_bytes(content)
        with pytest.raises(StatisticsError, match="cannot be opened as a dissection"):
            open_dissection(tmp_path / "y.gwd")
    with pytest.raises(StatisticsError, match="cannot be opened"):
        open_dissection(tmp_path / "missing.gwd")
    with pytest.raises(StatisticsError, match="cannot be opened"):
        open_dissection(tmp_path)


def test_a_flipped_byte_is_noticed(both, tmp_path):
    """Wherever it is: either the file is refused, or nothing that it says has changed."""
    both.save(tmp_path / "x.gwd")
    whole = (tmp_path / "x.gwd").read_bytes()
    refused = 0
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        (tmp_path / "y.gwd").write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1:])
        try:
            opened = open_dissection(tmp_path / "y.gwd")
        except StatisticsError:
            refused += 1
        else:
            assert opened.scores.equals(both.scores) and opened.table.equals(both.table)
    assert refused > 30
