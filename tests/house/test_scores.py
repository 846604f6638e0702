"""The cards' scores are found again within their errors; other weights, or another card, are noticed."""

import shutil

import numpy as np
import pytest
import torch

from ganwidgets import cli
from ganwidgets.core.errors import CheckpointError
from ganwidgets.methods.omissions import Statistics
from ganwidgets.scores import WEIGHTS, Score, close, mean_iou, recomputed, recomputed_generators, stated
from ganwidgets.world.render import render
from ganwidgets.world.train.segmenter_card import RENDERS


def test_every_score_of_the_cards_is_found_again():
    found = list(recomputed(60))
    assert [(score.net, score.what.split()[0]) for score in found] == [
        ("storybook-segmenter", "mean"), ("storybook-segmenter", "mean"), ("storybook-judge", "mean"), ("storybook-judge", "mean"),
        ("storybook-classifier", "top-1"), ("storybook-scorer", "first"), ("storybook-scorer", "of")]
    assert all(score.holds for score in found), [str(score) for score in found]
    assert all(0 < score.error < 0.03 for score in found[:4])


def test_the_generators_scores_are_computed_from_their_cards_pictures():
    found = list(recomputed_generators(60))
    assert [(score.net, score.what.split()[0]) for score in found] == [
        (net, what) for net in ("storybook", "storybook-style") for what in ("Fréchet", "concepts", "precision", "recall")]
    assert all(score.stated > 0 and score.error > 0 for score in found)
    assert all(score.found > score.stated for score in found[::4]), "few pictures lie farther off"


def test_a_share_is_close_within_a_factor_of_2_of_pixels_and_of_pictures():
    reference = Statistics.from_table([[0.2, 0.2, 0.1, 0.0], [0.2, 0.0, 0.1, 0.0]], "abcd")
    own = Statistics.from_table([[0.11, 0.1, 0.05, 0.3], [0.11, 0.1, 0.04, 0.3]], "abcd")
    assert close(own, reference) == {"a": True, "b": True, "c": False}      # none of d is there to be compared with
    seldom = Statistics.from_table([[0.2, 0.3, 0.1, 0.0], *[[0.2, 0.0, 0.1, 0.0]] * 2], "abcd")
    often = Statistics.from_table([[0.2, 0.1, 0.1, 0.0]] * 3, "abcd")
    assert not close(often, seldom)["b"], "as many pixels, in three times the pictures"


def test_a_score_that_is_off_does_not_hold():
    assert Score("a", "b", 0.9, 0.905, 0.002).holds and not Score("a", "b", 0.9, 0.92, 0.002).holds
    assert not Score("a", "b", 0.9, 0.82, 0.1).holds, "within three errors, yet 9 % away"
    assert "DOES NOT HOLD" in str(Score("a", "b", 0.9, 0.5, 0.002)) and "stated 0.900" in str(Score("a", "b", 0.9, 0.9, 0.0))


def test_the_truth_scores_1_and_a_worse_reading_less():
    masks = {}
    for seed in RENDERS[:40]:
        one = render(seed, 64)
        masks[one.picture.tobytes()] = one.masks

    def read(images, shift=0):
        shown = ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        return torch.from_numpy(np.roll(np.stack([masks[each.tobytes()] for each in shown]), shift, axis=3))

    assert mean_iou(read, render, RENDERS[:40]) == (1.0, 0.0)
    worse, error = mean_iou(lambda images: read(images, 6), render, RENDERS[:40])
    assert worse < 0.8 and 0 < error < 0.1


def test_another_card_is_noticed_and_said(tmp_path, capsys, monkeypatch):
    for path in WEIGHTS.glob("storybook-*"):
        shutil.copy(path, tmp_path)
    card = tmp_path / "storybook-classifier.md"
    card.write_text(card.read_text().replace("**1.000**", "**0.700**"))
    *_, last, _, _ = recomputed(40, weights=tmp_path)
    assert last.stated == 0.7 and not last.holds
    monkeypatch.setattr("ganwidgets.scores.recomputed", lambda pictures: iter([last]))
    monkeypatch.setattr("ganwidgets.scores.recomputed_generators", lambda: iter([]))
    assert cli.main(["check", "--scores", "--pictures", "40"]) != 0
    assert "top-1 of storybook-classifier" in capsys.readouterr().err
    card.unlink()
    with pytest.raises(CheckpointError, match="states no score"):
        stated(card, "x")
