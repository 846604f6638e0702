"""The small helper of lessons."""

import pytest

from ganwidgets.checks import check


@pytest.mark.parametrize("value, at_least, holds", [
    (True, None, True), (0, None, False), (3, 2, True), (2, 2, True), (1, 2, False), (float("nan"), 0, False)])
def test_check(value, at_least, holds, capsys):
    assert check("trees grow", value, at_least=at_least, hint="paint longer") is holds
    said = capsys.readouterr().out
    assert ("✓" in said) is holds
    assert ("paint longer" in said) is not holds
