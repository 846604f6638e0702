"""Ranks against their definition, rank correlations against numpy's of ranks, and shuffles that leave nothing in its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ganwidgets.core.ranks import rank_correlations, ranks, shuffles

COLUMNS = some.lists(some.tuples(some.integers(-3, 3), some.integers(-50, 50)), min_size=2, max_size=20)


@settings(max_examples=60, deadline=None)
@given(COLUMNS)
def test_ranks_are_how_many_are_lower_and_half_of_the_equal_others(rows):
    values = np.array(rows, float)
    wanted = (values[None] < values[:, None]).sum(1) + ((values[None] == values[:, None]).sum(1) - 1) / 2
    assert np.array_equal(ranks(values), wanted)


@settings(max_examples=60, deadline=None)
@given(COLUMNS)
def test_correlations_are_those_of_the_ranks(rows):
    values = np.array(rows, float)
    found = rank_correlations(values, values[:, ::-1].copy())
    with np.errstate(invalid="ignore", divide="ignore"):
        wanted = np.nan_to_num(np.corrcoef(ranks(values).T))
    assert found[:, ::-1] == pytest.approx(wanted, abs=1e-9)
    assert rank_correlations(np.exp(values / 10), values) == pytest.approx(found[:, ::-1]), "only the order counts"


@settings(max_examples=40, deadline=None)
@given(some.integers(2, 40), some.integers(0, 99))
def test_no_picture_meets_itself(pictures, seed):
    orders = shuffles(pictures, 5, seed)
    assert len(orders) == 5
    for order in orders:
        assert sorted(order) == list(range(pictures)) and (order != np.arange(pictures)).all()


def test_one_picture_cannot_be_shuffled():
    assert shuffles(1, 5, 0) == []
