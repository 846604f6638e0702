"""The bundled segmenters: what they read, on which grids, how well, and what they refuse."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ganwidgets.core.concepts import Concept
from ganwidgets.core.errors import ArgumentError, CheckpointError, ShapeError
from ganwidgets.models.segmenter_nets import ARCHITECTURES, ConvUnit, folded_state
from ganwidgets.models.segmenters import FORMAT, load_segmenter_file, save_segmenter_file
from ganwidgets.world.collages import collage
from ganwidgets.world.render import render
from ganwidgets.world.scenes import CONCEPTS
from ganwidgets.world.train.segmenter_card import COLLAGES, RENDERS, ROLES, WEIGHTS, agreement, drawn, evaluate
from ganwidgets.world.train.segmenter_pool import COLLAGE_SEEDS, RENDER_SEEDS
from ganwidgets.world.train.training_pictures import TRAINING_SEEDS

NAMES = tuple(ROLES)
SMALL = {"unet": (4, 6, 8, 8, 5), "dilated": (6, 8, 6, 4, 5)}


@pytest.fixture(scope="module")
def segmenters():
    return {name: load_segmenter_file(WEIGHTS / f"{name}.safetensors") for name in NAMES}


@pytest.fixture(scope="module")
def pictures():
    images, _ = next(drawn(render, RENDERS[:12]))
    return images


@pytest.mark.parametrize("name", NAMES)
def test_masks_have_a_channel_for_each_concept_of_the_world_on_the_pictures_own_grid(segmenters, pictures, name):
    segmenter = segmenters[name]
    assert segmenter.concepts == CONCEPTS
    masks = segmenter.segment(pictures)
    assert masks.shape == (12, len(CONCEPTS), 64, 64) and masks.dtype == torch.bool
    chances = segmenter.probabilities(pictures)
    assert chances.min() >= 0 and chances.max() <= 1
    assert torch.equal(masks, chances > .5)


@pytest.mark.parametrize("name", NAMES)
def test_wall_and_building_hold_at_one_pixel(segmenters, name):
    """Several concepts may hold at once: nearly every wall pixel belongs to a building too."""
    segmenter = segmenters[name]
    masks = torch.cat([segmenter.segment(images) for images, _ in drawn(render, RENDERS[:100])])
    wall = masks[:, segmenter.index("wall")]
    building = masks[:, [segmenter.index(kind) for kind in ("house", "church", "barn")]].any(1)
    assert wall.sum() > 5000
    assert (wall & building).sum() > .8 * wall.sum()


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_can_be_followed_back_to_the_picture(segmenters, pictures, name):
    segmenter = segmenters[name]
    image = pictures[:2].clone().requires_grad_()
    before = segmenter.probabilities(image)[:, segmenter.index("cloud")].mean()
    slope, = torch.autograd.grad(before, image)
    assert slope.abs().max() > 0
    moved = (image + slope * (.01 / slope.abs().max())).detach()
    assert segmenter.probabilities(moved)[:, segmenter.index("cloud")].mean() > before
    assert not any(parameter.requires_grad for parameter in segmenter.net.parameters())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(32, 32), (128, 128), (64, 96)])
def test_other_sizes_are_read_at_64_and_masks_come_back_in_the_pictures_size(segmenters, name, size):
    segmenter = segmenters[name]
    images, _ = next(drawn(render, RENDERS[:4]))
    other = torch.nn.functional.interpolate(images, size=size, mode="bilinear", antialias=True)
    masks = segmenter.segment(other)
    assert masks.shape == (4, len(CONCEPTS), *size)
    sky = segmenter.index("sky")
    shares = [read[:, sky].float().mean((1, 2)) for read in (masks, segmenter.segment(images))]
    assert torch.allclose(*shares, atol=.06)


@pytest.mark.parametrize("name", NAMES)
def test_batches_do_not_change_what_is_read(segmenters, pictures, name):
    segmenter = segmenters[name]
    with torch.no_grad():
        whole = segmenter.probabilities(pictures)
        single = torch.cat([segmenter.probabilities(one[None]) for one in pictures])
    assert torch.allclose(whole, single, atol=1e-4)
    assert segmenter.segment(pictures[:0]).shape == (0, len(CONCEPTS), 64, 64)


@pytest.mark.parametrize("name", NAMES)
def test_features_tell_pictures_apart_and_forgive_noise(segmenters, pictures, name):
    """What nearest-neighbour sheets measure with: a worn copy lies nearer than another scene."""
    segmenter = segmenters[name]
    features = segmenter.features(pictures)
    assert features.shape[0] == 12 and features.shape[2:] == (64, 64)
    worn = segmenter.features(pictures + .05 * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0)))
    distances = (worn[:, None] - features[None]).square().mean((2, 3, 4))
    assert torch.equal(distances.argmin(1), torch.arange(12))


@pytest.mark.parametrize("name", NAMES)
def test_values_beyond_the_range_are_cut_as_when_shown(segmenters, pictures, name):
    segmenter = segmenters[name]
    bright = pictures * 1.5
    assert torch.equal(segmenter.segment(bright), segmenter.segment(bright.clamp(-1, 1)))


@pytest.mark.parametrize("name", NAMES)
def test_reads_held_out_renders_and_collages(segmenters, name):
    """A loose bound on a small sample; the card has the figures on 2,000."""
    inside = evaluate(segmenters[name], render, RENDERS[:60])
    outside = evaluate(segmenters[name], collage, COLLAGES[:60])
    assert inside.pictures == outside.pictures == 60
    assert inside.mean > .7
    assert outside.mean > .75 * inside.mean


def test_the_judge_is_another_net(segmenters):
    one, judge = segmenters.values()
    assert one.architecture != judge.architecture
    assert one.digest != judge.digest
    assert one.about["seed"] != judge.about["seed"]
    both = agreement(one, judge, iter([next(drawn(render, RENDERS[:40]))[0]]))
    assert .6 < both.mean < .999


def test_both_fit_the_bundle():
    sizes = [(WEIGHTS / f"{name}.safetensors").stat().st_size for name in NAMES]
    assert sum(sizes) < 2.2e6
    for name in NAMES:
        path = WEIGHTS / f"{name}.safetensors"
        assert all(tensor.dtype == torch.float16 for tensor in load_file(path).values())
        assert load_segmenter_file(path).digest[:16] in (WEIGHTS / f"{name}.md").read_text()


def test_what_is_learned_from_is_measured_nowhere():
    learned = {*RENDER_SEEDS, *COLLAGE_SEEDS}
    assert not learned & {*RENDERS, *COLLAGES, *TRAINING_SEEDS, *range(100_000)}


def test_iou_counts_pixels():
    class Halves:
        """Reads the left half as the first concept, whatever the picture."""
        concepts = CONCEPTS

        def segment(self, images):
            masks = torch.zeros(len(images), len(CONCEPTS), 64, 64, dtype=torch.bool)
            masks[:, 0, :, :32] = True
            return masks

    scores = evaluate(Halves(), render, RENDERS[:3])
    sky = np.stack([render(seed, 64).masks[0] for seed in RENDERS[:3]])
    left = np.broadcast_to(np.arange(64) < 32, sky.shape)
    assert scores.iou[0] == pytest.approx((sky & left).sum() / (sky | left).sum())
    assert scores.share[0] == pytest.approx(sky.mean())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_folding_the_normalisation_changes_nothing(architecture):
    torch.manual_seed(0)
    net = ARCHITECTURES[architecture](SMALL[architecture], 3)
    for module in net.modules():
        if isinstance(module, ConvUnit):
            module.norm.running_mean.normal_()
            module.norm.running_var.uniform_(.5, 2)
            module.norm.weight.data.uniform_(.5, 2)
            module.norm.bias.data.normal_()
    plain = ARCHITECTURES[architecture](SMALL[architecture], 3, norm=False)
    plain.load_state_dict(folded_state(net))
    images = torch.rand(2, 3, 32, 32)
    assert torch.allclose(net.eval()(images), plain.eval()(images), rtol=1e-3, atol=1e-4)


def test_a_file_gives_back_what_was_written(tmp_path):
    net = ARCHITECTURES["unet"](SMALL["unet"], 2, norm=False)
    concepts = (Concept("tree", "object", (1, 2, 3)), Concept("bark", "material", (4, 5, 6)))
    save_segmenter_file(tmp_path / "own.safetensors", net, name="own", architecture="unet", widths=SMALL["unet"],
                        concepts=concepts, about={"seed": 5})
    read = load_segmenter_file(tmp_path / "own.safetensors")
    assert (read.name, read.concepts, read.about, read.size) == ("own", concepts, {"seed": 5}, 64)
    for name, tensor in net.state_dict().items():
        assert torch.equal(read.net.state_dict()[name], tensor.half().float())


def broken(path, **changes):
    """A copy of a file with other metadata; a change to None leaves the entry out."""
    meta = {"format": FORMAT, "name": "x", "architecture": "unet", "widths": json.dumps(SMALL["unet"]), "size": "64",
            "concepts": json.dumps([["tree", "object", [1, 2, 3]]]), **changes}
    net = ARCHITECTURES["unet"](SMALL["unet"], 1, norm=False)
    save_file(net.state_dict(), path, metadata={key: value for key, value in meta.items() if value is not None})
    return path


@pytest.mark.parametrize("changes, said", [
    ({"format": "something"}, "no segmenter"), ({"format": None}, "no segmenter"),
    ({"architecture": "unett"}, "Did you mean 'unet'"),
    ({"widths": None}, "damaged"), ({"widths": "[4, 6"}, "damaged"), ({"widths": "[4, 6, 8, 8, 6]"}, "damaged"),
    ({"concepts": '[["tree", "animal", [1, 2, 3]]]'}, "damaged"), ({"concepts": '[["tree"]]'}, "damaged"),
    ({"size": "big"}, "damaged"), ({"concepts": "7"}, "damaged"), ({"size": "0"}, "damaged"),
    ({"widths": "{}"}, "damaged"), ({"about": "7"}, "damaged"),
])
def test_a_damaged_file_is_refused_with_the_reason(tmp_path, changes, said):
    with pytest.raises(CheckpointError, match=said):
        load_segmenter_file(broken(tmp_path / "file.safetensors", **changes))


def test_numbers_that_are_not_finite_are_refused_by_their_name(tmp_path):
    path = broken(tmp_path / "file.safetensors")
    with safe_open(path, framework="pt") as held:
        meta = held.metadata()
    state = load_file(path)
    last = sorted(state)[-1]
    save_file({**state, last: state[last] * float("nan")}, path, metadata=meta)
    with pytest.raises(CheckpointError, match=f"not finite, first in {last}"):
        load_segmenter_file(path)


def test_what_is_no_such_file_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="none.safetensors"):
        load_segmenter_file(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights at all")
    with pytest.raises(CheckpointError, match=r"text\.safetensors cannot be read"):
        load_segmenter_file(tmp_path / "text.safetensors")
    shutil.copy(WEIGHTS / f"{NAMES[0]}.safetensors", tmp_path / "cut.safetensors")
    with open(tmp_path / "cut.safetensors", "r+b") as file:
        file.truncate(50_000)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_segmenter_file(tmp_path / "cut.safetensors")
    with pytest.raises(CheckpointError):
        load_segmenter_file(tmp_path)


@pytest.mark.parametrize("images, error, said", [
    (torch.zeros(3, 64, 64), ShapeError, r"\(n, 3, height, width\)"),
    (torch.zeros(1, 1, 64, 64), ShapeError, r"\(1, 1, 64, 64\) came"),
    (torch.zeros(1, 3, 60, 64), ShapeError, "multiples of 16"),
    (torch.zeros(1, 3, 0, 64), ShapeError, "multiples of 16"),
    (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), ArgumentError, "127.5"),
    (np.zeros((1, 3, 64, 64)), ArgumentError, "ndarray"),
])
def test_what_is_no_picture_is_refused(segmenters, images, error, said):
    for read in (segmenters[NAMES[0]].segment, segmenters[NAMES[0]].probabilities, segmenters[NAMES[0]].features):
        with pytest.raises(error, match=said):
            read(images)
