"""Levels and pairs against their definitions, in numpy loops; sums, files, and what may not mislead."""

import numpy as np
import pytest
import torch

from ganwidgets.core.errors import StatisticsError
from ganwidgets.core.information import SHARES, LevelCounts, PairCounts


@pytest.fixture(scope="module")
def drawn():
    """Maps of 3 units and masks of 2 concepts in 12 pictures of 4 x 5 cells; unit 0 is high where concept 1 is."""
    random = np.random.RandomState(0)
    masks = random.rand(12, 2, 4, 5) < [[[[0.3]], [[0.2]]]]
    maps = random.exponential(size=(12, 3, 4, 5)).astype(np.float32)
    maps[:, 0] += 4 * masks[:, 1]
    return torch.from_numpy(maps), torch.from_numpy(masks)


def levels_of(maps):
    values = maps.transpose(0, 1).flatten(1).numpy()
    return np.quantile(values, 1 - SHARES, axis=1).T


@pytest.fixture(scope="module")
def counted(drawn):
    maps, masks = drawn
    counts = LevelCounts(levels_of(maps), 2, 4, 5)
    counts.add(maps, masks)
    return counts


def information_quality(lit, held):
    """I(lit; held) / H(lit, held) from the four shares."""
    joint = np.array([[(lit & held).mean(), (lit & ~held).mean()], [(~lit & held).mean(), (~lit & ~held).mean()]])
    either = joint[joint > 0]
    entropy = -(either * np.log(either)).sum()
    sides = [joint.sum(axis) for axis in (0, 1)]
    return (sum(-(side[side > 0] * np.log(side[side > 0])).sum() for side in sides) - entropy) / entropy


def test_quality_against_the_definition(drawn, counted):
    maps, masks = (each.numpy() for each in drawn)
    quality, checked = counted.quality, 0
    for unit in range(3):
        for number in range(0, 100, 7):
            lit = maps[:, unit] > counted.levels[unit, number]
            for concept in range(2):
                held = masks[:, concept]
                meant = (lit == held).mean() > 0.8 and (lit & held).mean() > lit.mean() * held.mean() and not lit.all()
                expected = information_quality(lit, held) if meant else 0
                assert quality[unit, number, concept] == pytest.approx(expected, abs=1e-9)
                checked += meant
    assert checked > 3


def test_the_best_level_is_that_of_the_concept_the_unit_draws(counted):
    limits, most = counted.best()
    assert most.argmax() == 1 and most[0, 1] > 0.5 > 3 * np.delete(most.ravel(), 1).max()
    assert 0 < limits[0, 1] < 5 and counted.quality[0, :, 1].max() == most[0, 1]
    assert np.isinf(limits[most == 0]).all() and np.isfinite(limits[most > 0]).all()


def test_what_would_mislead_tells_nothing():
    random = np.random.RandomState(1)
    masks = torch.from_numpy(random.rand(20, 1, 4, 4) < 0.4)
    inside = masks.float()
    for maps in (1 - inside,                            # high where the concept is not
                 inside - 5,                            # its levels are below 0
                 torch.ones_like(inside)):              # always the same
        counts = LevelCounts(levels_of(maps), 1, 4, 4)
        counts.add(maps, masks)
        assert not counts.quality.any() and np.isinf(counts.best()[0]).all()
    rare = torch.zeros(60, 1, 5, 5, dtype=torch.bool)
    rare[0, 0, 0, 0] = True                             # on 1 of 1,500 pixels
    maps = rare + torch.from_numpy(random.rand(60, 1, 5, 5)).float() * 0.1
    counts = LevelCounts(levels_of(maps), 1, 5, 5)
    counts.add(maps, rare)
    assert not counts.quality.any()


def test_pairs_against_the_definition(drawn):
    maps, masks = drawn
    limits = np.array([[1.0, 4.0], [0.5, np.inf], [2.0, 0.1]])
    others = masks[:5].flatten(2).sum(0).numpy().astype(np.int64)
    counts = PairCounts(limits, 4, 5, others, 5)
    counts.add(maps[5:], masks[5:])
    lit = maps[5:, :, None].numpy() > limits[None, :, :, None, None].astype(np.float32)
    held, apart = masks[5:, None].numpy(), masks[:5].numpy()
    assert np.allclose(counts.concept_shares, masks[5:].float().mean((0, 2, 3)))
    for unit in range(3):
        for concept in range(2):
            own, there = lit[:, unit, concept], held[:, 0, concept]
            finite = np.isfinite(limits[unit, concept])
            assert counts.iou[unit, concept] == pytest.approx((own & there).sum() / (own | there).sum() if finite else 0)
            meets = [((a & b).sum(), (a | b).sum()) for a in own for b in apart[:, concept]]
            assert counts.iou_other[unit, concept] == pytest.approx(sum(a for a, _ in meets) / sum(b for _, b in meets))


def test_parts_add_up_to_the_whole_and_files_hold_them(drawn, counted, tmp_path):
    maps, masks = drawn
    limits, _ = counted.best()

    def levels():
        return LevelCounts(counted.levels, 2, 4, 5)

    def pairs():
        return PairCounts(limits, 4, 5, counted.concept_cells, counted.pictures)

    for make in (levels, pairs):
        whole, one, other = make(), make(), make()
        whole.add(maps, masks)
        one.add(maps[:5], masks[:5].float())
        for row in range(5, 12):
            other.add(maps[[row]], masks[[row]])
        assert one + other == whole == other + one
        whole.save(tmp_path / "counts.npz")
        assert type(whole).load(tmp_path / "counts.npz") == whole
    with pytest.raises(StatisticsError, match="levels"):
        counted + LevelCounts(counted.levels + 1, 2, 4, 5)
    with pytest.raises(StatisticsError, match="limits"):
        pairs() + PairCounts(limits + 1, 4, 5, counted.concept_cells, 12)


def test_what_does_not_fit_is_refused(drawn, counted):
    maps, masks = drawn
    with pytest.raises(StatisticsError, match="do not fit"):
        LevelCounts(counted.levels, 3, 4, 5).add(maps, masks)
    with pytest.raises(StatisticsError, match="do not fit"):
        PairCounts(np.zeros((3, 2)), 4, 5, counted.concept_cells, 12).add(maps, masks[:, :1])
    with pytest.raises(StatisticsError, match="rise"):
        LevelCounts(-counted.levels, 2, 4, 5)
    with pytest.raises(StatisticsError, match="other cells"):
        PairCounts(np.zeros((3, 2)), 4, 6, counted.concept_cells, 12)
