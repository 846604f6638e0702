"""Improved precision and recall: exact on points that can be counted by hand, and moved by what should move them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import ganwidgets as gw
from ganwidgets.core.errors import StatisticsError
from ganwidgets.methods.precision_recall import radii


def line(*places):
    return torch.tensor(places, dtype=torch.float32)[:, None]


def test_points_on_a_line_by_hand():
    real, drawn = line(0, 1, 2, 10), line(0.5, 3, 100, 101)
    assert radii(real, 1).tolist() == [1, 1, 1, 8] and radii(drawn, 1).tolist() == [2.5, 2.5, 1, 1]
    # .5 and 3 lie in balls of real points (3 in those of 2 and 10); 0, 1 and 2 in those of drawn ones, 10 in none
    assert gw.precision_recall(drawn, real, k=1) == gw.PrecisionRecall(0.5, 0.75)


def test_lost_modes_cost_recall_and_strays_cost_precision():
    random = torch.Generator().manual_seed(0)
    real = torch.randn(600, 8, generator=random) + 20 * torch.arange(6).repeat(100)[:, None]
    other = torch.randn(600, 8, generator=random) + 20 * torch.arange(6).repeat(100)[:, None]
    same = gw.precision_recall(other, real)
    assert same.precision > 0.7 and same.recall > 0.7
    half = gw.precision_recall(other[other.mean(1) < 50], real)
    assert half.precision == pytest.approx(same.precision, abs=0.05) and half.recall < 0.55
    strays = gw.precision_recall(torch.cat([other[:300], torch.randn(300, 8, generator=random) * 3 + 1000]), real)
    assert strays.precision < 0.5 and strays.recall > 0.6


@settings(deadline=None, max_examples=25)
@given(st.integers(5, 40), st.integers(5, 40), st.integers(1, 4), st.integers(0, 1000))
def test_it_is_symmetric_and_does_not_depend_on_order_or_scale(n, m, k, seed):
    random = torch.Generator().manual_seed(seed)
    a, b = torch.randn(n, 3, generator=random), torch.randn(m, 3, generator=random)
    found = gw.precision_recall(a, b, k=k)
    turned = gw.precision_recall(b, a, k=k)
    assert (turned.recall, turned.precision) == (found.precision, found.recall)
    assert gw.precision_recall(a.flip(0) * 4, b.flip(0) * 4, k=k) == found      # a power of two rounds nothing
    assert gw.precision_recall(a, a, k=k) == gw.PrecisionRecall(1.0, 1.0)


@pytest.mark.parametrize(("drawn", "k"), [(torch.zeros(3, 2), 3), (torch.zeros(9, 2), 0), (torch.full((9, 2), float("nan")), 3)])
def test_what_cannot_be_measured_is_said(drawn, k):
    with pytest.raises(StatisticsError):
        gw.precision_recall(drawn, torch.zeros(9, 2), k=k)
