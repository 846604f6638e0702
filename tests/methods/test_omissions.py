"""Segmentation statistics count exactly, add up, and their distance is that of the two Gaussians."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganwidgets.core.concepts import KnownMasks
from ganwidgets.core.edits import UnitEdit
from ganwidgets.core.errors import ArgumentError, StatisticsError
from ganwidgets.methods.omissions import Statistics, frechet_segmentation_distance, segmentation_statistics
from ganwidgets.testing import planted_generator


@pytest.fixture(scope="module")
def planted():
    return planted_generator()


def table(seed, n=200, k=4):
    return np.random.RandomState(seed).beta(2, 8, (n, k))


def test_the_shares_of_planted_pictures_are_exact(planted):
    s = segmentation_statistics((planted.generator, range(20)), planted.segmenter, progress=False)
    assert s.means == pytest.approx({"dot": 20 / 4096, "block": 210 / 4096, "field": 1640 / 4096}, abs=1e-12)
    assert s.visible() == {"dot": 1, "block": 1, "field": 1} and len(s) == 20


def test_pictures_batches_seeds_and_masks_give_the_same_table(planted):
    g = planted.generator
    images = g.images(g.sample(range(6)))
    masks = KnownMasks(planted.segmenter.concepts, planted.segmenter.segment(images))
    for pictures, segmenter in ((images, planted.segmenter), ([images[:2], images[2:]], planted.segmenter), (None, masks)):
        s = segmentation_statistics(pictures, segmenter, progress=False)
        assert np.array_equal(s.table, segmentation_statistics((g, range(6)), planted.segmenter, progress=False).table)


def test_a_generator_that_lost_a_concept_is_far_from_one_that_has_it(planted):
    g = planted.generator
    less = UnitEdit(planted.layer, [planted.units["block"]]).apply(g)
    whole, other, lost = (segmentation_statistics((net, seeds), planted.segmenter, progress=False)
                          for net, seeds in ((g, range(30)), (g, range(30, 60)), (less, range(30, 60))))
    assert lost.visible()["block"] == 0
    assert frechet_segmentation_distance(lost, whole).total > 5 > frechet_segmentation_distance(other, whole).total


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6))
def test_the_distance_is_that_of_scipy(seed, k):
    scipy_linalg = pytest.importorskip("scipy.linalg", reason="scipy comes with the study extra")
    a, b = table(seed, k=k), table(seed + 1, k=k) * 0.7
    names = [f"c{i}" for i in range(k)]
    ours = frechet_segmentation_distance(Statistics.from_table(a, names), Statistics.from_table(b, names))
    ca, cb = np.cov(a * 100, rowvar=False), np.cov(b * 100, rowvar=False)
    wanted = np.trace(ca + cb - 2 * scipy_linalg.sqrtm(ca @ cb).real)
    assert ours.covariance == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    assert ours.mean == pytest.approx(((a.mean(0) - b.mean(0)) ** 2).sum() * 1e4)
    assert ours.total == pytest.approx(ours.mean + ours.covariance)


def test_nothing_is_at_no_distance_from_itself_even_with_a_concept_never_shown():
    values = table(3)
    values[:, 1] = 0
    s = Statistics.from_table(values, "abcd")
    for scale in ("percent", "reference"):
        assert frechet_segmentation_distance(s, s, scale=scale).total == pytest.approx(0, abs=1e-6)
    assert frechet_segmentation_distance(s, s, scale="reference").left_out == ("b",)


def test_by_reference_each_concept_weighs_the_same():
    values = table(5, n=4000) * np.array([1, 0.1, 0.01, 0.001])
    s = Statistics.from_table(values, "abcd")
    by_reference = [frechet_segmentation_distance(s.without([name]), s, scale="reference").total for name in "abcd"]
    percent = [frechet_segmentation_distance(s.without([name]), s).total for name in "abcd"]
    assert max(by_reference) < 1.5 * min(by_reference) and percent[0] > 1000 * percent[3]


def test_tables_add_up_and_come_back_from_a_file(tmp_path):
    a, b = Statistics.from_table(table(1), "abcd"), Statistics.from_table(table(2), "abcd")
    both = a + b
    assert len(both) == 400 and np.array_equal(both.table, np.concatenate([a.table, b.table]))
    again = Statistics.load(both.save(tmp_path / "x.npz"))
    assert again.concepts == both.concepts and np.array_equal(again.table, both.table)


@pytest.mark.parametrize(("make", "error"), [
    (lambda: Statistics.from_table([[0.5, 2.0]], "ab"), StatisticsError),
    (lambda: Statistics.from_table([[float("nan")]], "a"), StatisticsError),
    (lambda: Statistics.from_table([0.5], "a"), StatisticsError),
    (lambda: Statistics.from_table("no", "a"), StatisticsError),
    (lambda: Statistics.from_table(table(1), "aacd"), StatisticsError),
    (lambda: Statistics.from_table(table(1), "abcd") + Statistics.from_table(table(1), "abce"), StatisticsError),
    (lambda: Statistics.from_table(table(1), "abcd").without(["z"]), StatisticsError),
    (lambda: frechet_segmentation_distance(Statistics.from_table(table(1, n=1), "abcd"),
                                           Statistics.from_table(table(1), "abcd")), StatisticsError),
    (lambda: frechet_segmentation_distance(Statistics.from_table(table(1), "abcd"), Statistics.from_table(table(1), "abcd"),
                                           scale="log"), ArgumentError),
    (lambda: segmentation_statistics("pictures", planted_generator().segmenter, progress=False), ArgumentError),
    (lambda: segmentation_statistics([], planted_generator().segmenter, progress=False), ArgumentError),
])
def test_bad_input_is_named(make, error):
    with pytest.raises(error):
        make()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no file"])
def test_a_corrupt_file_is_named(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(StatisticsError):
        Statistics.load(tmp_path / "x.npz")
