"""Dissection against the definition, computed by loops in numpy; its arguments; its steps."""

import dataclasses

import numpy as np
import pytest
import torch

from ganwidgets.core.concepts import KnownMasks
from ganwidgets.core.errors import ArgumentError, LayerError, SeedError, ShapeError
from ganwidgets.core.jobs import Job
from ganwidgets.methods import dissect as module
from ganwidgets.methods.dissect import dissect


def upsampled(features, grid):
    """Bilinear between pixel centres, the border continued, by the definition."""
    n, units, height, width = features.shape
    out = np.zeros((n, units, grid, grid))
    for y in range(grid):
        for x in range(grid):
            v, u = (y + .5) * height / grid - .5, (x + .5) * width / grid - .5
            top, left = int(np.floor(v)), int(np.floor(u))
            for row, p in ((top, 1 - (v - top)), (top + 1, v - top)):
                for column, q in ((left, 1 - (u - left)), (left + 1, u - left)):
                    at = features[:, :, min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
                    out[:, :, y, x] += p * q * at
    return out


def halved(masks, grid):
    """1 where at least half of a cell is the concept."""
    n, k, height, width = masks.shape
    cells = masks.reshape(n, k, grid, height // grid, grid, width // grid).astype(float).mean((3, 5))
    return cells >= .5


def brute(maps, thresholds, masks):
    """IoU and IoU with other pictures' masks of each unit and concept, pair by pair."""
    lit = maps > thresholds[None, :, None, None]
    own = np.zeros((lit.shape[1], masks.shape[1]))
    other = np.zeros_like(own)
    for u in range(lit.shape[1]):
        for c in range(masks.shape[1]):
            a, s = lit[:, u].reshape(len(lit), -1), masks[:, c].reshape(len(lit), -1)
            union = (a | s).sum()
            own[u, c] = (a & s).sum() / union if union else 0
            meet = a.astype(np.int64) @ s.T.astype(np.int64)
            both = a.sum(1)[:, None] + s.sum(1)[None] - meet
            off = ~np.eye(len(a), dtype=bool)
            other[u, c] = meet[off].sum() / both[off].sum() if both[off].sum() else 0
    return own, other


def check_against_brute(d, net, segmenter, layer, seeds, grid):
    latents = net.sample(seeds)
    features = net.head(latents, layer).features.numpy()
    maps = upsampled(features.astype(np.float64), grid)
    masks = segmenter.segment(net.images(latents)).numpy()
    masks = halved(masks, grid) if masks.shape[-1] != grid else masks
    thresholds = d.thresholds[layer]
    above = (maps > thresholds[None, :, None, None]).mean((0, 2, 3))
    assert (np.abs(above - .01) < .003 + 1 / (len(maps) * grid**2)).all()
    away = np.abs(maps - thresholds[None, :, None, None]).min()
    assert away > 1e-7, "a pixel too close to a threshold to tell the two computations apart: use other seeds"
    own, other = brute(maps, thresholds, masks)
    np.testing.assert_allclose(d.scores.to_numpy(), own, atol=1e-6)
    for row in d.table.itertuples():
        best = own[row.unit].argmax()
        assert row.iou == pytest.approx(own[row.unit].max(), abs=1e-6)
        if row.concept:
            assert row.concept == segmenter.names[best]
            assert row.iou_other == pytest.approx(other[row.unit, best], abs=1e-6)


@pytest.mark.parametrize("layer", ["first", "second"])
@pytest.mark.parametrize("grid", [2, 4, 8])
def test_against_the_definition(toy, colours, layer, grid):
    seeds = range(30)
    d = dissect(toy, colours, layer=layer, seeds=seeds, calibration="all", grid=grid, progress=False)
    check_against_brute(d, toy, colours, layer, seeds, grid)
    assert d.grid == (grid, grid) and d.pictures == 30 and d.calibration == "all"
    assert not d.scores["invisible"].any()


@pytest.mark.parametrize(("layer", "grid"), [("layer1", 16), ("layer2", 16), ("layer1", 32)])
def test_planted_units_against_the_definition_at_a_quarter_of_the_grid(planted, layer, grid):
    seeds = range(40)
    d = dissect(planted.generator, planted.segmenter, layer=layer, seeds=seeds, calibration="all", grid=grid,
                progress=False)
    check_against_brute(d, planted.generator, planted.segmenter, layer, seeds, grid)


def test_batches_and_layers_together_do_not_matter(toy, colours):
    options = {"seeds": range(20), "calibration": 12, "progress": False}
    one = dissect(toy, colours, layer="second", **options)
    for batch in (3, 64):
        other = dissect(toy, colours, layers=["second", "first"], batch=batch, **options)
        assert [layer.name for layer in other.layers] == ["first", "second"]
        assert other.at("second").scores.equals(one.scores)
        assert np.array_equal(other.thresholds["second"], one.thresholds["second"])
    assert one.calibration == 12


def test_known_masks_on_a_generator(toy, colours):
    seeds = range(20)
    masks = KnownMasks(colours.concepts, colours.segment(toy.images(toy.sample(seeds))))
    known = dissect(toy, masks, layer="second", seeds=seeds, progress=False)
    read = dissect(toy, colours, layer="second", seeds=seeds, progress=False)
    assert known.scores.equals(read.scores)


def test_a_classifier_looks_at_pictures(toy, toy_classifier, colours):
    pictures = toy.images(toy.sample(range(24)))
    masks = KnownMasks(colours.concepts, colours.segment(pictures))
    d = dissect(toy_classifier, masks, images=pictures, calibration="all", progress=False)
    assert d.pictures == 24 and d.layers == toy_classifier.layers and d.grid == (8, 8)
    batches = [pictures[:5], pictures[5:6], pictures[6:]]
    assert dissect(toy_classifier, masks, images=batches, calibration="all", progress=False).scores.equals(d.scores)
    array = dissect(toy_classifier, colours, images=pictures.numpy(), calibration="all", progress=False)
    assert array.scores.equals(d.scores)
    maps = upsampled(toy_classifier.head(pictures, "seen").features.numpy().astype(np.float64), 8)
    lit = maps > d.thresholds["seen"][None, :, None, None]
    assert np.abs(maps - d.thresholds["seen"][None, :, None, None]).min() > 1e-6
    own, _ = brute(maps, d.thresholds["seen"], halved(masks.masks.numpy(), 8))
    np.testing.assert_allclose(d.scores.to_numpy(), own, atol=1e-6)
    assert (d.table.set_index("unit")["live"].sort_index().to_numpy() == lit.any((0, 2, 3))).all()


def test_a_classifier_without_a_masks_shape_problem_says_so(toy_classifier, colours):
    pictures = torch.zeros(6, 3, 16, 16)
    few = KnownMasks(colours.concepts, colours.segment(pictures[:4]))
    with pytest.raises(ShapeError, match="4 known masks for 6 pictures"):
        dissect(toy_classifier, few, images=pictures, progress=False)
    with pytest.raises(ShapeError, match="pictures|masks"):
        dissect(toy_classifier, few, images=[pictures[:3], pictures[3:]], progress=False)
    many = KnownMasks(colours.concepts, colours.segment(torch.zeros(9, 3, 16, 16)))
    with pytest.raises(ShapeError, match="9 known masks for 6 pictures"):
        dissect(toy_classifier, many, images=[pictures], progress=False)


@pytest.mark.parametrize(("changed", "error", "said"), [
    ({"layer": "frist"}, LayerError, "no layer 'frist' in toy.*Did you mean 'first'"),
    ({"layers": []}, LayerError, "empty"),
    ({"layer": "first", "layers": ["second"]}, ArgumentError, "not both"),
    ({"layers": "first"}, ArgumentError, "layer='first'"),
    ({"seeds": [-1]}, SeedError, "-1"),
    ({"seeds": [2**32]}, SeedError, str(2**32)),
    ({"seeds": ["one"]}, SeedError, "'one'"),
    ({"seeds": 5}, SeedError, "list of picture numbers"),
    ({"seeds": []}, ArgumentError, "empty"),
    ({"images": torch.zeros(1, 3, 16, 16)}, ArgumentError, "give seeds"),
    ({"rule": "iqr", "seeds": [3]}, ArgumentError, "two or more"),
    ({"rule": "median"}, ArgumentError, "no rule 'median' in dissect; its rules are quantile, iqr"),
    ({"calibration": 0}, ArgumentError, "calibration.*\"all\""),
    ({"calibration": "some"}, ArgumentError, "calibration"),
    ({"grid": 0}, ArgumentError, "grid"),
    ({"batch": 0}, ArgumentError, "batch"),
])
def test_bad_arguments(toy, colours, changed, error, said):
    with pytest.raises(error, match=said):
        dissect(toy, colours, **{"seeds": range(4), **changed}, progress=False)


def test_what_is_no_net_or_segmenter(toy, toy_classifier, colours):
    rest = ("first", None, [0], None, "quantile", 500, None, 8)
    with pytest.raises(ArgumentError, match="needs a net"):
        module._task(colours, toy, *rest)
    with pytest.raises(ArgumentError, match="needs a Segmenter or KnownMasks; what came is a str"):
        module._task(toy, "storybook", *rest)
    with pytest.raises(ArgumentError, match="brings no segmenter"):
        dissect(toy, seeds=range(4), progress=False)
    with pytest.raises(ArgumentError, match="draws nothing: give images"):
        dissect(toy_classifier, colours, seeds=range(4), progress=False)
    for images, said in ((torch.zeros(2, 16, 16), "shape"), (torch.full((2, 3, 16, 16), 200.0), r"\[-1, 1\]"),
                         (torch.full((2, 3, 16, 16), torch.nan), r"\[-1, 1\]"), (3, "tensor or batches"),
                         (iter([torch.zeros(2, 3, 16, 16)]), "iterator"), ([], "empty"),
                         (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "bytes")):
        with pytest.raises(ArgumentError, match=said):
            dissect(toy_classifier, colours, images=images, progress=False)


def test_the_companion_is_asked(toy, colours):
    with_companion = dataclasses.replace(toy, companions={"segmenter": lambda: colours})
    assert dissect(with_companion, seeds=range(6), progress=False).concepts == colours.concepts


def test_left_out_layer_and_seeds(toy, colours):
    steps = dissect.steps(toy, colours)
    assert next(steps).total == 500 + 1000
    steps.close()
    assert dissect(toy, colours, seeds=range(4), progress=False).layers[0].name == "first"
    assert "grid 8 x 8" in repr(dissect(toy, colours, seeds=range(4), progress=False))


def test_left_out_the_thresholds_come_from_a_quarter_of_the_pictures(toy, toy_classifier, colours, monkeypatch):
    def states(net, **how):
        return dissect(net, colours, progress=False, **how).calibration

    assert [module._sample_of(None, total) for total in (0, 1, 2000, 2003, 4000, 8001)] == [500, 500, 500, 500, 1000, 2000]
    assert states(toy, seeds=range(12)) == 12
    monkeypatch.setattr(module, "CALIBRATION", 6)
    assert [states(toy, seeds=range(number)) for number in (4, 6, 24, 31, 40)] == [4, 6, 6, 7, 10]
    assert [states(toy, seeds=range(number), rule="iqr") for number in (4, 24, 40)] == [2, 6, 10]
    images = torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert states(toy_classifier, images=images) == 10 and states(toy_classifier, images=list(images.split(9))) == 6
    left_out, said, other = (dissect(toy, colours, seeds=range(40), progress=False, **how)
                             for how in ({}, {"calibration": 10}, {"calibration": 9}))
    assert left_out.table.equals(said.table) and not left_out.table.equals(other.table)
    assert states(toy, seeds=range(40), calibration="all") == "all" and states(toy, seeds=range(40), calibration=80) == 40


def test_the_grid_is_half_the_picture_up_to_128_px(toy, colours):
    for size, grid in ((16, 8), (128, 64), (256, 64)):
        task = module._task(dataclasses.replace(toy, image_size=size), colours, "first", None, [0], None, "quantile",
                            500, None, 8)
        assert task.grid == grid


def test_steps_report_and_cancelling_leaves_everything_as_it_was(toy, colours):
    weights = [weight.clone() for weight in toy.net.parameters()]
    hooks = [len(part._forward_hooks) for part in toy.net.modules()]
    seen, told = [], []
    job = Job(dissect.steps(toy, colours, seeds=range(64), calibration=32, batch=8), seen.append, owner=toy,
              driver="pull", on_done=told.append)
    for _ in range(6):
        assert job.next_slice(0)
    job.cancel()
    assert job.state == "cancelled" and not told and job.result is None
    assert [(each.done, each.total, each.note) for each in seen] == (
        [(done, 96, "thresholds") for done in (8, 16, 24, 32)] + [(40, 96, "counting"), (48, 96, "counting")])
    assert torch.is_grad_enabled()
    assert all(torch.equal(a, b) for a, b in zip(weights, toy.net.parameters(), strict=True))
    assert hooks == [len(part._forward_hooks) for part in toy.net.modules()]
    again = Job(dissect.steps(toy, colours, seeds=range(64), calibration=32, batch=8), owner=toy)
    assert again.wait(60) and again.result.scores.equals(
        dissect(toy, colours, seeds=range(64), calibration=32, batch=8, progress=False).scores)
