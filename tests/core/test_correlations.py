"""Correlations of maps against numpy's, over the same and over other pictures; sums in any order; files."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from ganwidgets.core.correlations import Correlations
from ganwidgets.core.errors import StatisticsError


@pytest.fixture(scope="module")
def maps():
    """Unit 1 is three times unit 0, unit 2 its opposite, unit 3 noise, unit 4 always the same, unit 5 the same in all pictures."""
    random = np.random.RandomState(0)
    made = random.exponential(size=(9, 6, 3, 4)).astype(np.float32)
    made[:, 1], made[:, 2], made[:, 4], made[:, 5] = 3 * made[:, 0], 5 - made[:, 0], 0.25, made[0, 5]
    return torch.from_numpy(made)


def scales_of(maps):
    return maps.abs().amax((0, 2, 3)).double().numpy()


def counted(maps, scales, parts=None):
    made = Correlations(scales, *maps.shape[2:])
    for part in maps.split(parts or [len(maps)]):
        made.add(part)
    return made


def test_against_numpy(maps):
    found = counted(maps, scales_of(maps))
    rows = maps.transpose(0, 1).flatten(1).double().numpy()
    with np.errstate(invalid="ignore"):
        wanted = np.nan_to_num(np.corrcoef(rows))
    np.testing.assert_allclose(found.correlation, wanted, atol=2e-3)
    assert found.correlation[0, 1] > .99999 and found.correlation[0, 2] < -.99999
    assert not found.correlation[4].any() and found.correlation[3, 3] == 1


def test_with_other_pictures_against_all_pairs(maps):
    found = counted(maps, scales_of(maps))
    pairs = [(i, j) for i in range(9) for j in range(9) if i != j]
    one = torch.cat([maps[i].flatten(1) for i, _ in pairs], 1).double().numpy()
    other = torch.cat([maps[j].flatten(1) for _, j in pairs], 1).double().numpy()
    for a, b in ((0, 1), (0, 3), (5, 5), (3, 5)):
        assert found.correlation_other[a, b] == pytest.approx(np.corrcoef(one[a], other[b])[0, 1], abs=2e-3)
    assert found.correlation_other[5, 5] == pytest.approx(1)       # position alone makes it what it is
    assert abs(found.correlation_other[0, 1]) < .3 and not found.correlation_other[4].any()


@settings(max_examples=30, deadline=None)
@given(seed=some.integers(0, 999), cuts=some.lists(some.integers(1, 6), max_size=3), order=some.permutations(range(7)))
def test_any_order_and_partition_gives_the_same_integers(seed, cuts, order):
    maps = torch.from_numpy(np.random.RandomState(seed).standard_normal((7, 3, 2, 2)).astype(np.float32)) * 40
    scales = np.array([1.0, 7.0, 100.0])       # the first is exceeded: it is cut, wherever it comes
    whole = counted(maps, scales)
    ends = sorted({0, 7, *cuts})
    parts = [counted(maps[list(order[start:end])], scales) for start, end in zip(ends, ends[1:], strict=False)]
    total = parts[0]
    for part in parts[1:]:
        total = part + total
    assert total == whole and np.array_equal(total.correlation, whole.correlation)


def test_saved_and_loaded(maps, tmp_path):
    found = counted(maps, scales_of(maps))
    found.save(tmp_path / "a.npz")
    assert Correlations.load(tmp_path / "a.npz") == found


def test_what_cannot_be_is_refused(maps):
    found = counted(maps, scales_of(maps))
    for scales in ([1.0, 0.0], [1.0, np.nan], [-1.0]):
        with pytest.raises(StatisticsError, match="above 0"):
            Correlations(np.array(scales), 2, 2)
    with pytest.raises(StatisticsError, match="do not fit"):
        found.add(maps[:, :2])
    with pytest.raises(StatisticsError, match="NaN"):
        found.add(torch.full_like(maps, torch.nan))
    with pytest.raises(StatisticsError, match="scales"):
        found + counted(maps, 2 * scales_of(maps))
    for name, value in (("products", -found.integers["products"]), ("sums", np.zeros((2, 2), np.int64)),
                        ("grid", np.array([4, 4])), ("scales", np.zeros(6))):
        with pytest.raises(StatisticsError):
            Correlations.from_integers({**found.integers, name: value})
    assert found.pictures == 9 and not Correlations(np.ones(2), 1, 1).correlation.any()
