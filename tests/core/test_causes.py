"""Causes as a value: the edits that follow from their rankings, the file, and what is refused in words."""

import json

import pytest

from ganwidgets.core.causes import Causes, Drawn, open_causes
from ganwidgets.core.edits import Origin
from ganwidgets.core.errors import ArgumentError, ConceptError, EditError, LayerError, StatisticsError, UnitError


@pytest.fixture
def found(g):
    order, back = tuple(range(12)), tuple(reversed(range(12)))
    return Causes("layer2", tuple(1.5 + unit / 7 for unit in order), {"insert": {"dot": back, "field": order},
                  "ablate": {"dot": order}}, Origin.of(g), {"dot": Drawn("field", 4, 100, 61, 2.0)})


def test_the_first_units_of_a_ranking_make_the_edit(found, g):
    edit = found.edit("dot", "insert", n=3, strength=0.5, seeds=(4,))
    assert edit.units == (11, 10, 9) and edit.value.tolist() == pytest.approx([found.levels[unit] for unit in (11, 10, 9)])
    assert (edit.strength, edit.seeds, edit.origin.digest) == (0.5, (4,), g.digest)
    assert found.edit("dot", "ablate").units == (0, 1, 2, 3) and found.edit("dot", "ablate").value == 0
    for ask, error, words in (
        (lambda: found.edit("field", "ablate"), ConceptError, "no concept 'field' in these causes, to ablate"),
        (lambda: found.edit("dot", "paint"), EditError, "insert"),
        (lambda: found.edit("dot", "insert", n=13), UnitError, "from 1 to 12"),
    ):
        with pytest.raises(error, match=words):
            ask()


@pytest.mark.parametrize("drawn, chance, works", [(60, 15, True), (59, 0, False), (100, 15.5, False), (0, 0, False)])
def test_what_works_is_drawn_often_and_seldom_by_chance(drawn, chance, works):
    assert Drawn("grass", 4, 100, drawn, chance).works is works
    assert not Drawn("grass", 4, 0, 0, 0).works


def test_the_file_gives_back_the_same(found, tmp_path):
    found.save(tmp_path / "a.json")
    again = open_causes(tmp_path / "a.json")
    assert (again.layer, again.levels, again.rankings, again.origin, again.drawn) == (
        found.layer, found.levels, found.rankings, found.origin, found.drawn)


@pytest.mark.parametrize("spoil", [
    lambda record: "[]", lambda record: "{", lambda record: json.dumps({**record, "format": "other"}),
    lambda record: json.dumps({**record, "levels": "1 2"}), lambda record: json.dumps({**record, "origin": None}),
    lambda record: json.dumps({**record, "rankings": {"insert": {"dot": "0 0 1"}}}),
    lambda record: json.dumps({**record, "rankings": {"paint": {}}}),
    lambda record: json.dumps({**record, "drawn": {"dot": {"units": 3}}}),
    lambda record: json.dumps({key: record[key] for key in record if key != "layer"}),
])
def test_a_damaged_file_is_refused(found, tmp_path, spoil):
    path = tmp_path / "a.json"
    found.save(path)
    path.write_text(spoil(json.loads(path.read_text())))
    with pytest.raises(StatisticsError, match="cannot be opened as a file of causes"):
        open_causes(path)
    with pytest.raises(StatisticsError, match="none.json"):
        open_causes(tmp_path / "none.json")


def test_causes_of_one_layer_are_put_together(found):
    dot = Causes(found.layer, found.levels, {"insert": {"dot": found.rankings["insert"]["dot"]}}, found.origin)
    rest = Causes(found.layer, found.levels, {"insert": {"field": found.rankings["insert"]["field"]},
                                              "ablate": found.rankings["ablate"]}, found.origin, found.drawn)
    assert (dot | rest).rankings == found.rankings and (dot | rest).drawn == found.drawn
    with pytest.raises(ArgumentError, match="cannot be put together"):
        dot | Causes("layer1", found.levels, {}, found.origin)


def test_causes_fit_the_net_that_they_were_learned_on(found, g):
    found.check(g)
    for other, error, words in (
        (Causes("layer2", found.levels, {}, Origin("planted", "0" * 64)), ArgumentError, "learn them with gw.causes"),
        (Causes("layer2", found.levels[:5], {}, found.origin), ArgumentError, "5 units"),
        (Causes("attic", found.levels, {}, found.origin), LayerError, "attic"),
    ):
        with pytest.raises(error, match=words):
            other.check(g)
