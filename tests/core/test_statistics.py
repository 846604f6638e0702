"""Statistics: the same numbers in any order and partition give the same integers, and those give the right figures."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganwidgets.core.counting import products
from ganwidgets.core.errors import ArgumentError, ShapeError, StatisticsError
from ganwidgets.core.statistics import IoUCounts, Moments, Quantiles, TopK, edges_of, keys_of, peaks_of

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
tables = st.lists(st.tuples(floats, floats), min_size=1, max_size=40)
partitions = st.tuples(st.randoms(use_true_random=False), st.lists(st.integers(0, 40), max_size=5))


def parts_of(rows, partition):
    """The rows shuffled and cut, as lists of row numbers."""
    random, cuts = partition
    order = list(range(rows))
    random.shuffle(order)
    edges = sorted({0, rows, *(cut for cut in cuts if cut < rows)})
    return [order[start:stop] for start, stop in zip(edges, edges[1:], strict=False)]


def fed(make, feed, parts):
    """One statistic fed all parts in turn, and the merger of one per part, merged from both ends."""
    whole, pieces = make(), [make() for _ in parts]
    for piece, rows in zip(pieces, parts, strict=True):
        feed(whole, rows)
        feed(piece, rows)
    left, right = pieces[0], pieces[-1]
    for piece in pieces[1:]:
        left = left + piece
    for piece in reversed(pieces[:-1]):
        right = piece + right
    return whole, left, right


@settings(max_examples=60, deadline=None)
@given(tables, partitions)
def test_moments_and_quantiles_in_any_order(table, partition):
    values = np.array(table, np.float32)
    for kind in (Moments, Quantiles):
        straight = kind(2)
        straight.add(values)
        parts = parts_of(len(values), partition)
        for other in fed(lambda kind=kind: kind(2), lambda stat, rows: stat.add(values[rows]), parts):
            assert other == straight


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=40), partitions)
def test_top_k_in_any_order(table, partition):
    values = np.array(table, np.float32)       # few different numbers, so that many tie
    straight = TopK(2, 4)
    straight.add(values, range(len(values)))
    parts = parts_of(len(values), partition)
    for other in fed(lambda: TopK(2, 4), lambda stat, rows: stat.add(values[rows], rows), parts):
        assert other == straight
    ranked = sorted(range(len(values)), key=lambda row: (-values[row, 0], row))[:4]
    assert straight.pictures[0, :len(ranked)].tolist() == ranked


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), partitions)
def test_iou_in_any_order(seed, partition):
    random = np.random.RandomState(seed)
    lit, masks = torch.from_numpy(random.rand(9, 3, 2, 4) > .6), torch.from_numpy(random.rand(9, 2, 2, 4) > .5)
    straight = IoUCounts(3, 2, 2, 4)
    straight.add(lit, masks)
    parts = parts_of(9, partition)
    for other in fed(lambda: IoUCounts(3, 2, 2, 4), lambda stat, rows: stat.add(lit[rows], masks[rows]), parts):
        assert other == straight
        assert np.array_equal(other.iou, straight.iou) and np.array_equal(other.iou_other, straight.iou_other)


def test_the_sums_are_exact_where_float_sums_are_not():
    rows = np.array([[1e30], [1.0], [-1e30], [3e-39]], np.float32)
    moments = Moments(1)
    moments.add(rows)
    assert moments.mean[0] == (1.0 + float(np.float32(3e-39))) / 4
    assert np.float32(1e30) + np.float32(1.0) - np.float32(1e30) == 0, "plain sums lose it"


def test_moments_against_numpy():
    values = np.random.RandomState(0).randn(5000, 3).astype(np.float32) * [1, 10, 1e-3] + [0, 5, 1]
    values = values.astype(np.float32)
    moments = Moments(3)
    moments.add(torch.from_numpy(values))
    np.testing.assert_allclose(moments.mean, values.astype(np.float64).mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.variance, values.astype(np.float64).var(0), rtol=1e-9)
    assert np.isnan(Moments(2).mean).all() and np.isnan(Moments(2).variance).all()


@settings(max_examples=200, deadline=None)
@given(floats, floats)
def test_keys_are_in_the_order_of_the_numbers(a, b):
    low, high = sorted(np.array([a, b], np.float32))
    keys = keys_of(np.array([low, high], np.float32))
    assert keys[0] <= keys[1] or low == high
    below, above = edges_of(keys)
    assert below[0] <= low <= above[0] and below[1] <= high <= above[1]


def test_quantiles_are_close_and_keep_within_what_was_seen():
    random = np.random.RandomState(1)
    values = np.stack([random.randn(20000), random.exponential(size=20000), -random.exponential(size=20000) - 3], 1)
    values = values.astype(np.float32)
    quantiles = Quantiles(3)
    quantiles.add(values)
    shares = [0, .01, .5, .9, .99, .999, 1]
    found = quantiles.quantiles(shares)
    np.testing.assert_allclose(found, np.quantile(values, shares, axis=0), rtol=.004, atol=.004)
    above = (values > quantiles.quantile(.99)).mean(0)
    assert np.all(np.abs(above - .01) < .0005)
    assert np.array_equal(found[0], values.min(0)) and np.array_equal(found[-1], values.max(0))
    assert (np.diff(found, axis=0) >= 0).all()


def test_a_constant_unit_is_never_above_its_quantile():
    values = np.full((100, 3), [0.0, 1.00577, -2.3], np.float32)
    quantiles = Quantiles(3)
    quantiles.add(values)
    assert not (values > quantiles.quantile(.99).astype(np.float32)).any()
    binary = Quantiles(1)
    held = (np.arange(1000) % 10 == 0).astype(np.float32)[:, None] * np.float32(2.5)
    binary.add(held)
    assert not (held > binary.quantile(.99).astype(np.float32)).any()


def test_memory_of_quantiles_is_that_of_the_keys_in_use():
    quantiles = Quantiles(512)
    quantiles.add(np.random.RandomState(0).rand(200, 512).astype(np.float32))
    assert quantiles.integers["counts"].nbytes < 20e6 < 512 * 65536 * 8


def brute_iou(lit, masks):
    """IoU with the own and with other pictures' masks, by the definition."""
    n, units, concepts = len(lit), lit.shape[1], masks.shape[1]
    own, other = np.zeros((units, concepts)), np.zeros((units, concepts))
    for u in range(units):
        for c in range(concepts):
            a, s = lit[:, u], masks[:, c]
            own[u, c] = (a & s).sum() / (a | s).sum() if (a | s).any() else 0
            pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
            union = sum((a[i] | s[j]).sum() for i, j in pairs)
            other[u, c] = sum((a[i] & s[j]).sum() for i, j in pairs) / union if union else 0
    return own, other


def test_iou_against_the_definition():
    random = np.random.RandomState(2)
    lit, masks = random.rand(6, 4, 3, 5) > .7, random.rand(6, 3, 3, 5) > .4
    lit[:, 3] = False
    masks[:, 2] = False
    counts = IoUCounts(4, 3, 3, 5)
    counts.add(torch.from_numpy(lit), torch.from_numpy(masks))
    own, other = brute_iou(lit, masks)
    np.testing.assert_allclose(counts.iou, own, atol=1e-12)
    np.testing.assert_allclose(counts.iou_other, other, atol=1e-12)
    np.testing.assert_allclose(counts.unit_shares, lit.mean((0, 2, 3)))
    np.testing.assert_allclose(counts.concept_shares, masks.mean((0, 2, 3)))


def test_products_are_exact_on_both_ways():
    small = np.array([[1, 2], [3, 4]])
    assert (products(small, small) == small @ small.T).all()
    large = small + 2**31
    assert (products(large, large) == large @ large.T).all()
    assert (large.astype(float) @ large.T.astype(float) != large @ large.T).any(), "float64 would not do"


def made():
    """One of each, fed."""
    values = np.random.RandomState(3).randn(30, 4).astype(np.float32)
    top, iou = TopK(4, 3), IoUCounts(4, 2, 3, 3)
    top.add(values, range(30))
    iou.add(torch.from_numpy(np.random.RandomState(4).rand(5, 4, 3, 3) > .5), torch.ones(5, 2, 3, 3, dtype=torch.bool))
    moments, quantiles = Moments(4), Quantiles(4)
    moments.add(values)
    quantiles.add(values)
    return [moments, quantiles, top, iou]


@pytest.mark.parametrize("stat", made(), ids=lambda stat: stat.kind)
def test_saved_and_loaded(stat, tmp_path):
    path = tmp_path / "x.npz"
    stat.save(path)
    again = type(stat).load(path)
    assert again == stat and again is not stat
    assert (again + stat) == (stat + stat) != stat, "it can be fed on"
    with np.load(path, allow_pickle=False) as file:
        assert str(file["kind"]) == stat.kind


@pytest.mark.parametrize("stat", made(), ids=lambda stat: stat.kind)
def test_broken_files_are_refused(stat, tmp_path):
    path = tmp_path / "x.npz"
    stat.save(path)
    whole = path.read_bytes()
    other = Moments if stat.kind != "moments" else TopK
    with pytest.raises(StatisticsError, match=f"holds {stat.kind}, not {other.kind}"):
        other.load(path)
    for broken in (whole[:len(whole) // 2], b"nonsense", b""):
        path.write_bytes(broken)
        with pytest.raises(StatisticsError, match="cannot be read"):
            type(stat).load(path)
    with pytest.raises(StatisticsError, match="cannot be read"):
        type(stat).load(tmp_path / "missing.npz")
    names = list(stat.integers)
    np.savez(path, kind=np.array(stat.kind), **{name: stat.integers[name] for name in names[:-1]})
    with pytest.raises(StatisticsError, match="lack"):
        type(stat).load(path)
    wrong = stat.integers[names[-1]][:1].astype(np.float64)
    np.savez(path, kind=np.array(stat.kind), **{**stat.integers, names[-1]: wrong})
    with pytest.raises(StatisticsError, match="does not fit"):
        type(stat).load(path)
    if stat.kind == "IoU counts":
        np.savez(path, kind=np.array(stat.kind), **{**stat.integers, "grid": np.array([3, -3])})
        with pytest.raises(StatisticsError, match="damaged.*-3"):
            type(stat).load(path)
    np.savez(path, kind=np.array(stat.kind, dtype=object))
    with pytest.raises(StatisticsError, match="cannot be read"):
        type(stat).load(path)


def test_bad_batches_leave_the_statistic_as_it_was():
    bad = np.zeros((600_000, 4), np.float32)
    bad[-1, 2] = np.nan
    for stat in made()[:3]:
        before = {name: part.copy() for name, part in stat.integers.items()}
        feed = (lambda values, stat=stat: stat.add(values, range(len(values)))) if stat.kind == "top-k" else stat.add
        with pytest.raises(StatisticsError, match="NaN"):
            feed(bad)
        with pytest.raises(ShapeError, match="4 units"):
            feed(np.zeros((5, 3), np.float32))
        assert all(np.array_equal(part, before[name]) for name, part in stat.integers.items())


def test_what_does_not_fit_is_refused():
    for one, two in ((Moments(2), Moments(3)), (Quantiles(2), Quantiles(3)), (TopK(2, 3), TopK(2, 4)),
                     (IoUCounts(2, 2, 3, 3), IoUCounts(2, 2, 3, 4))):
        with pytest.raises(StatisticsError, match="cannot be put together"):
            one + two
    with pytest.raises(ArgumentError, match="whole number from 1 up"):
        Moments(0)
    with pytest.raises(StatisticsError, match="no number has been counted"):
        Quantiles(2).quantile(.5)
    with pytest.raises(ArgumentError, match="from 0 to 1"):
        Quantiles(2).quantile(1.5)
    with pytest.raises(ArgumentError, match="one per row"):
        TopK(2, 3).add(np.zeros((3, 2), np.float32), [1, 2])
    counts = IoUCounts(2, 2, 3, 3)
    with pytest.raises(StatisticsError, match="do not fit"):
        counts.add(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_peaks_are_float32_whatever_the_features_are(dtype):
    features = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = peaks_of(features)
    assert found.dtype == torch.float32 and found.shape == (3, 2)
    assert torch.equal(found, features.float().flatten(2).max(2).values)
