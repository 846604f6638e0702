"""A team's parts are all of the work, in order, in the batches of one process; what each tells, all hear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.teams import Team, present_team


@given(st.integers(1, 9), st.integers(0, 50), st.integers(0, 200), st.integers(1, 9))
def test_the_parts_are_the_whole_in_the_batches_of_one_process(size, first, length, batch):
    def starts(part):
        return [range(at, min(at + batch, part.stop)) for at in range(part.start, part.stop, batch)]
    last = first + length
    parts = [Team(rank, size).part(first, last, batch) for rank in range(size)]
    assert [place for part in parts for place in part] == list(range(first, last))
    assert [each for part in parts for each in starts(part)] == starts(range(first, last))
    counts = [len(starts(part)) for part in parts]
    assert max(counts) - min(counts) <= 1


def test_one_process_is_a_team_of_its_own():
    assert present_team() == Team(0, 1) and list(present_team().exchange(b"mine")) == [b"mine"]


@pytest.mark.parametrize("team", [(2, 2), (-1, 2), (0, 0)])
def test_what_is_no_team(team):
    with pytest.raises(ArgumentError, match="ranks|whole number"):
        Team(*team)
