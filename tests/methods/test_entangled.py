"""What is planted with noise, duplicates, a unit for two concepts and a concept in two units: dissection says where units are lit,
under both rules; the learned alpha says which of them draw."""

from functools import cache

import numpy as np
import pytest

from ganwidgets.methods.ace import ace
from ganwidgets.methods.dissect import dissect
from ganwidgets.testing import check_generator, entangled_generator
from ganwidgets.testing.entangled import COLORS, LIT, PARTS, share

NOISE = range(len(LIT), 16)
LABELS = ["pair", "pair", "pair", "pair", "leaf", "stem", "leaf", "stem"]


@pytest.fixture(scope="module")
def made():
    return entangled_generator()


@cache
def dissected(rule):
    made = entangled_generator()
    return dissect(made.generator, made.segmenter, layer=made.layer, seeds=range(160), rule=rule, progress=False)


def test_it_keeps_the_laws_of_generators(made):
    check_generator(made.generator)


def test_by_information_each_unit_has_the_overlap_of_its_boxes(made):
    found = dissected("iqr")
    labels = found.table.set_index("unit").concept
    assert [labels[unit] for unit in range(len(LIT))] == LABELS
    for name in COLORS:
        for unit in range(len(LIT)):
            wanted = made.overlap(unit, name)
            # where a unit and a concept never meet, no threshold tells one from the other
            assert found.scores.loc[unit, name] == pytest.approx(wanted, abs=0.08) or wanted == 0, (unit, name)
    assert found.table.set_index("unit").iou[list(NOISE)].max() < 0.25
    assert found.scores.loc[0].tolist() == found.scores.loc[1].tolist(), "a duplicate has the same row"


def test_by_quantile_each_unit_has_what_the_rule_can_give(made):
    found = dissected("quantile")
    labels = found.table.set_index("unit").concept
    assert [labels[unit] for unit in range(len(LIT))] == LABELS
    for name in COLORS:
        for unit in range(len(LIT)):
            inside = set(LIT[unit]) <= set(PARTS[name])
            assert not inside or found.scores.loc[unit, name] == pytest.approx(0.01 / share(name), rel=0.1), (unit, name)
    assert found.scores.loc[4, "leaf"] > found.scores.loc[4, "stem"] > 0.03, "one unit, two concepts"
    assert found.table.set_index("unit").iou[list(NOISE)].max() < 0.02


@pytest.mark.parametrize("rule", ["quantile", "iqr"])
@pytest.mark.parametrize("mode", ["both", "ablate", "insert"])
def test_alpha_puts_causes_before_correlates_which_iou_cannot(made, rule, mode):
    found = dissected(rule)
    for name, causes in made.causes.items():
        learned = ace(made.generator, made.segmenter, name, layer=made.layer, seeds=range(24), mode=mode, steps=25, pictures=8,
                      dissection=found, progress=False)
        assert set(learned.ranking[:len(causes)]) == set(causes), (name, learned.wish.round(2))
        lowest = min(learned.alpha[list(causes)])
        assert lowest > 0.2 > 0.1 > max(learned.alpha[list(made.correlates[name])]), (name, learned.alpha.round(2))
        iou = found.scores[name]
        # under the quantile rule all units that are lit within the concept have the same IoU; under "iqr" the correlate has more
        assert max(iou[list(made.correlates[name])]) >= 0.9 * max(iou[list(causes)])
        assert rule == "quantile" or name == "leaf" or max(iou[list(made.correlates[name])]) > max(iou[list(causes)]) + 0.2


def test_a_duplicate_is_as_much_a_cause(made):
    learned = ace(made.generator, made.segmenter, "pair", layer=made.layer, seeds=range(24), steps=25, pictures=8, progress=False)
    assert learned.wish[0] == pytest.approx(learned.wish[1], abs=1e-5)
    assert np.all(learned.levels[[0, 1, 2]] > 0.7)
