"""BigGAN in both public layouts: the laws, the blocks written out, classes, truncation, and files that are none."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError, LatentsError
from ganwidgets.models.biggan import bounded_normals, build, statistics_at
from ganwidgets.models.contents import Contents
from ganwidgets.testing import check_edit, check_generator

from .tiny_nets import CONFIG, LATENT, LAYERS, ROWS, WIDTH, ajbrock_state, hub_state


def divided(state, path):
    """A weight over its singular value, as each layout's stored vectors tell it."""
    if f"{path}.weight_orig" in state:
        weight = state[f"{path}.weight_orig"]
        return weight / (state[f"{path}.weight_u"] @ weight.flatten(1) @ state[f"{path}.weight_v"])
    weight = state[f"{path}.weight"]
    if f"{path}.u0" not in state:
        return weight
    flat = weight.flatten(1)
    v = F.normalize(state[f"{path}.u0"] @ flat)
    u = F.normalize(v @ flat.T)
    return weight / (v @ flat.T @ u.T).squeeze()


# --- Hugging Face -------------------------------------------------------------------------------------------------------------


def attended(x, theta, phi, g, back, gamma):
    """Self attention, cell by cell."""
    n, c, h, w = x.shape
    keys, values = F.max_pool2d(F.conv2d(x, phi), 2).flatten(2), F.max_pool2d(F.conv2d(x, g), 2).flatten(2)
    shares = torch.einsum("ncq,nck->nqk", F.conv2d(x, theta).flatten(2), keys).softmax(-1)
    return x + gamma * F.conv2d(torch.einsum("nqk,nck->ncq", shares, values).reshape(n, -1, h, w), back)


def hub_drawn(state, z, classes, row):
    """BigGAN-deep, written out, with one row of statistics."""
    condition = torch.cat([z, classes @ state["embeddings.weight"].T], dim=1)

    def norm(x, path):
        mean, variance = (state[f"{path}.running_{part}"][row][:, None, None] for part in ("means", "vars"))
        x = (x - mean) / (variance + 1e-4).sqrt()
        if f"{path}.weight" in state:
            gain, bias = state[f"{path}.weight"], state[f"{path}.bias"]
            return (x * gain[:, None, None] + bias[:, None, None]).relu()
        gain, bias = (condition @ divided(state, f"{path}.{part}").T for part in ("scale", "offset"))
        return (x * (1 + gain)[:, :, None, None] + bias[:, :, None, None]).relu()

    def conv(x, path, padding=0):
        return F.conv2d(x, divided(state, path), state[f"{path}.bias"], padding=padding)

    x = F.linear(condition, divided(state, "generator.gen_z"), state["generator.gen_z.bias"]).reshape(-1, 4, 4, 16 * WIDTH)
    seen = [x.movedim(-1, 1)]
    for place in range(6):
        path, x = f"generator.layers.{place}", seen[-1]
        if f"{path}.gamma" in state:
            parts = [divided(state, f"{path}.snconv1x1_{part}") for part in ("theta", "phi", "g", "o_conv")]
            seen.append(attended(x, *parts, state[f"{path}.gamma"]))
            continue
        h = conv(norm(x, f"{path}.bn_0"), f"{path}.conv_0")
        h, up = norm(h, f"{path}.bn_1"), place in (1, 5)
        if up:
            h, x = h.repeat_interleave(2, 2).repeat_interleave(2, 3), x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        h = conv(h, f"{path}.conv_1", 1)
        h = conv(norm(h, f"{path}.bn_2"), f"{path}.conv_2", 1)
        h = conv(norm(h, f"{path}.bn_3"), f"{path}.conv_3")
        seen.append(h + x[:, :h.shape[1]])
    seen.append(norm(seen[-1], "generator.bn"))
    return seen, conv(seen[-1], "generator.conv_to_rgb", 1)[:, :3].tanh()


@pytest.fixture
def folder(tmp_path):
    """Writes a folder as Hugging Face keeps one, and opens it."""
    def load(state, config):
        place = tmp_path / "biggan-deep-16"
        place.mkdir(exist_ok=True)
        torch.save(state, place / "pytorch_model.bin")
        (place / "config.json").write_text(json.dumps(config))
        return gw.load_checkpoint(place, device="cpu")

    return load


def test_a_folder_obeys_the_laws(folder, same_in_any_batch):
    g = folder(hub_state(), CONFIG)
    check_generator(g)
    same_in_any_batch(g)
    same_in_any_batch(g, truncation=0.37)
    assert g.name == "biggan-deep-16" and g.image_size == 16 and g.latent_shape == (LATENT,)
    assert [(str(layer), layer.channels, layer.height) for layer in g.layers] == [
        ("generator.gen_z", 64, 4), ("generator.layers.0", 64, 4), ("generator.layers.1", 32, 8), ("generator.layers.2", 32, 8),
        ("generator.layers.3", 16, 8), ("generator.layers.4", 8, 8), ("generator.layers.5", 4, 16), ("generator.relu", 4, 16)]
    check_edit(gw.UnitEdit("generator.layers.2", [0, 3], value=2.0, region=gw.Region.box(0, 0, 0.5, 1)), g)


def test_a_folder_is_the_papers_net(folder):
    state = hub_state()
    g = folder(state, CONFIG)
    z, shares = torch.randn(3, LATENT), torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0.2, 0.3, 0.5, 0, 0]])
    latents = g.latents(z, labels=shares)
    seen, picture = hub_drawn(state, z, shares, -1)
    assert torch.allclose(g.images(latents), picture, atol=1e-5) and picture.std() > 0.1
    for layer, features in zip(g.layers, seen, strict=True):
        assert torch.allclose(g.head(latents, layer).features, features, atol=1e-4)
    half = hub_drawn(state, 0.5 * z, shares, 25)[1]
    assert torch.allclose(g.images(g.latents(z, labels=shares, truncation=0.5)), half, atol=1e-5)


def test_statistics_follow_the_published_code():
    """Weights exchanged, and rows that rounding moves: 0.58 reads row 28, the next one for 0.56."""
    def row(truncation):
        start, share, other = statistics_at(truncation, ROWS)
        return start if share > 0.5 else start + 1 if other > 0.5 else None

    assert {t: row(t) for t in (0.02, 0.5, 1.0, 0.58, 0.94, 0.14, 0.28, 0.56)} == {
        0.02: 1, 0.5: 25, 1.0: 50, 0.58: 28, 0.94: 46, 0.14: 8, 0.28: 15, 0.56: 29}
    start, share, other = statistics_at(0.505, ROWS)
    assert start == 25 and share == pytest.approx(0.25) and other == pytest.approx(0.75), "a quarter on the way, on the lower row"


def test_runs_of_different_truncation_can_be_joined(folder):
    g = folder(hub_state(), CONFIG)
    runs = [g.head(g.sample([seed], truncation=t), "generator.layers.1") for seed, t in ((0, 1.0), (1, 0.43), (2, 0.1))]
    apart = torch.cat([g.tail(run) for run in runs])
    assert torch.allclose(g.tail(gw.PausedRun.join(runs)), apart, atol=1e-4)
    assert not torch.allclose(apart[1:2], g.tail(g.head(g.sample([1]), "generator.layers.1")), atol=1e-2)


def test_z_is_a_normal_cut_off_at_two():
    stats = pytest.importorskip("scipy.stats")
    import numpy as np

    for seed in (0, 7, 4_294_967_295):
        theirs = stats.truncnorm.rvs(-2, 2, size=(1, 128), random_state=np.random.RandomState(seed)).astype(np.float32)
        assert torch.allclose(bounded_normals([seed], 128), torch.from_numpy(theirs), atol=1e-6)
    many = bounded_normals(range(200), 50)
    assert many.abs().max() < 2 and abs(float(many.std()) - 0.8796) < 0.02
    assert bounded_normals([], 50).shape == (0, 50)


@pytest.mark.parametrize("truncation", [0.0, -0.1, 1.01, math.nan])
def test_a_truncation_without_statistics_is_refused(folder, truncation):
    with pytest.raises(ArgumentError, match="above 0 to 1"):
        folder(hub_state(), CONFIG).sample([0], truncation=truncation)


@pytest.mark.parametrize("change", [{"layers": None}, {"layers": [[True, 16]]}, {"layers": [[True, 16, "wide"]]},
                                    {"layers": LAYERS[:4]}, {"layers": [[False, 1e300, 16], *LAYERS[1:]]},
                                    {"layers": [[False, 0, 0], *LAYERS[1:]]},
                                    {"attention_layer_position": "last"}, {"attention_layer_position": 9}, {"eps": math.nan}])
def test_a_config_that_does_not_fit_is_told(folder, change):
    with pytest.raises(CheckpointError, match="layers|attention_layer_position|eps"):
        folder(hub_state(), CONFIG | change)


def test_weights_without_their_config_ask_for_the_folder(loaded):
    with pytest.raises(CheckpointError, match="config.json"):
        loaded(hub_state(), "pytorch_model.bin")
    bare = {key.removeprefix("generator."): value for key, value in hub_state().items() if "embed" not in key}
    with pytest.raises(CheckpointError, match="embeddings.weight"):
        build(Contents("bare", bare, CONFIG))


def test_what_is_wrong_with_a_folder_is_named(names_the_key):
    names_the_key(build, hub_state(), CONFIG, every=7)
    state = hub_state()
    state["generator.layers.0.conv_1.weight_u"].zero_()
    with pytest.raises(CheckpointError, match="generator.layers.0.conv_1.weight_u"):
        build(Contents("zero", state, CONFIG))


# --- ajbrock ------------------------------------------------------------------------------------------------------------------


def ajbrock_drawn(state, z, classes, *, hier, chunk=3, eps=1e-5):
    """The net that is not deep, written out; z is cut into a piece for the linear step and one for each block."""
    shared, blocks = classes @ state["shared.weight"], 2
    pieces = z.split(chunk, dim=1)
    conditions = [torch.cat([shared, piece], dim=1) for piece in pieces[1:]] if hier else [shared] * blocks

    def norm(x, path, condition):
        x = F.batch_norm(x, state[f"{path}.stored_mean"], state[f"{path}.stored_var"], eps=eps)
        gain, bias = (condition @ divided(state, f"{path}.{part}").T for part in ("gain", "bias"))
        return (x * (1 + gain)[:, :, None, None] + bias[:, :, None, None]).relu()

    def conv(x, path, padding):
        return F.conv2d(x, divided(state, path), state[f"{path}.bias"], padding=padding)

    x = F.linear(pieces[0] if hier else z, divided(state, "linear"), state["linear.bias"]).reshape(len(z), -1, 4, 4)
    seen = [x]
    for number, condition in enumerate(conditions):
        path = f"blocks.{number}.0"
        h = norm(x, f"{path}.bn1", condition)
        h, x = (part.repeat_interleave(2, 2).repeat_interleave(2, 3) for part in (h, x))
        h = conv(norm(conv(h, f"{path}.conv1", 1), f"{path}.bn2", condition), f"{path}.conv2", 1)
        x = h + conv(x, f"{path}.conv_sc", 0)
        seen.append(x)
    path = f"blocks.{blocks - 1}.1"
    x = attended(x, *(divided(state, f"{path}.{part}") for part in ("theta", "phi", "g", "o")), state[f"{path}.gamma"])
    last = F.batch_norm(x, *(state[f"output_layer.0.{part}"] for part in ("stored_mean", "stored_var", "gain", "bias"))).relu()
    return [*seen, x, last], conv(last, "output_layer.2", 1).tanh()


@pytest.mark.parametrize(("form", "latent", "names"), [
    ({}, 9, ["linear", "blocks.0.0", "blocks.1.0", "blocks.1.1", "output_layer.1"]),
    ({"hier": False}, 3, ["linear", "blocks.0.0", "blocks.1.0", "blocks.1.1", "output_layer.1"]),
    ({"spectral": False}, 9, ["linear", "blocks.0.0", "blocks.1.0", "blocks.1.1", "output_layer.1"]),
    ({"deep": True}, 3, ["linear", "blocks.0.0", "blocks.1.0", "blocks.2.0", "blocks.3.0", "blocks.3.1", "output_layer.1"]),
])
def test_the_other_layout_obeys_the_laws(loaded, same_in_any_batch, form, latent, names):
    g = loaded(ajbrock_state(**form), "G_ema.pth")
    check_generator(g)
    same_in_any_batch(g)
    assert g.image_size == 16 and g.latent_shape == (latent,) and [str(layer) for layer in g.layers] == names
    check_edit(gw.UnitEdit("blocks.1.0", [0, 3], value=2.0), g)


@pytest.mark.parametrize("form", [{}, {"hier": False}, {"spectral": False}])
def test_the_other_layout_is_the_papers_net(loaded, form):
    state = ajbrock_state(**form)
    g = loaded(state)
    z, shares = torch.randn(2, *g.latent_shape), torch.tensor([[0, 1.0, 0, 0, 0], [0.5, 0, 0, 0.5, 0]])
    latents = g.latents(z, labels=shares)
    seen, picture = ajbrock_drawn(state, z, shares, hier=form.get("hier", True))
    assert torch.allclose(g.images(latents), picture, atol=1e-5) and picture.std() > 0.1
    for layer, features in zip(g.layers, seen, strict=True):
        assert torch.allclose(g.head(latents, layer).features, features, atol=1e-4)
    small = ajbrock_drawn(state, 0.3 * z, shares, hier=form.get("hier", True))[1]
    assert torch.allclose(g.images(g.latents(z, labels=shares, truncation=0.3)), small, atol=1e-5)


def test_z_is_plain_and_may_be_truncated_to_nothing(loaded):
    g = loaded(ajbrock_state())
    assert torch.equal(g.sample([5]).z, gw.load("storybook", device="cpu").sample([5]).z[:, :9])
    nothing = g.images(g.sample([1, 2], truncation=0.0, labels=3))
    assert torch.allclose(nothing[0], nothing[1], atol=1e-5)
    for wrong in ({"truncation": 1.5}, {"truncation": -1.0}, {"labels": [5]}, {"prompt": "a dog"}):
        with pytest.raises(ArgumentError):
            g.sample([0], **wrong)
    with pytest.raises(LatentsError, match="5 classes"):
        g.images(gw.Latents((0,), z=torch.zeros(1, 9)))


@pytest.mark.parametrize(("name", "whole", "eps"), [("tfbiggan_128-13f17ff2.pth", lambda state: state, 1e-4),
                                                    ("G.pth", lambda state: state, 1e-5),
                                                    ("G.pth", lambda state: {"G_ema": state, "BN_eps": 0.25}, 0.25),
                                                    ("a.pth", lambda state: {**state, "config": {"BN_eps": 0.25}}, 0.25),
                                                    ("a.pth", lambda state: {"G": state, "config": {"BN_eps": 0.25}}, 0.25)])
def test_what_the_norms_add_is_told_by_the_file_or_its_name(loaded, name, whole, eps):
    state = ajbrock_state()
    state["blocks.0.0.bn1.stored_var"].fill_(1e-3)
    g = loaded(whole(state), name)
    z = torch.randn(1, 9)
    picture = ajbrock_drawn(state, z, torch.eye(5)[:1], hier=True, eps=eps)[1]
    assert torch.allclose(g.images(g.latents(z, labels=0)), picture, atol=1e-4)
    assert not torch.allclose(picture, ajbrock_drawn(state, z, torch.eye(5)[:1], hier=True, eps=3e-4)[1], atol=1e-3)


def test_norms_of_several_devices_and_logs_are_read_alike():
    state = ajbrock_state()
    other = {key.replace("stored_", "bn.running_"): value for key, value in state.items() if not key.endswith(".sv0")}
    other |= {key.replace(".u0", ".u1"): value for key, value in state.items() if key.endswith(".u0")}
    other |= {key.replace("stored_mean", "bn.num_batches_tracked"): torch.tensor(3) for key in state if key.endswith("stored_mean")}
    g, same = build(Contents("a", state)), build(Contents("a", other))
    assert torch.equal(g.images(g.sample([0])), same.images(same.sample([0])))


@pytest.mark.parametrize("form", [{}, {"deep": True}, {"hier": False}])
def test_what_is_wrong_with_the_other_layout_is_named(names_the_key, form):
    state = ajbrock_state(**form)
    # logs may be missing; what alone tells the architecture is told in other words
    alone = ("shared.weight", "linear.weight", "blocks.0.0.bn1.gain.weight")
    names_the_key(build, state, every=7, apart=[key for key in state if key.endswith(".sv0") or key in alone])


@pytest.mark.parametrize(("change", "words"), [
    ({"shared.weight": None}, "shared.weight"), ({"linear.weight": None}, "linear.weight"),
    ({"linear.weight": torch.zeros(512)}, "linear.weight"),
    ({"blocks.0.0.bn1.gain.weight": None}, "blocks.0.0.bn1.gain.weight"), ({"shared.weight": torch.zeros(5, 30)}, "shared.weight"),
    ({"blocks.4.0.conv1.weight": torch.zeros(3)}, "blocks.2.0"), ({"linear.u0": torch.zeros(1, 512)}, "linear.u0"),
    ({"output_layer.0.stored_var": torch.full((8,), math.inf)}, "output_layer.0.stored_var"),
])
def test_a_net_that_cannot_be_built_is_refused(change, words):
    state = {key: value for key, value in (ajbrock_state() | change).items() if value is not None}
    with pytest.raises(CheckpointError, match=words):
        build(Contents("bad", state))


def test_a_walk_goes_from_class_to_class(loaded):
    """Latents between two pictures carry shares of both classes, and edits of latents can be saved with them."""
    g = loaded(ajbrock_state())
    steps = gw.walk(g, g.latents(torch.randn(2, 9), labels=[0, 4]), steps=2, loop=False)
    assert torch.allclose(steps.latents(1).condition, torch.tensor([[0.5, 0, 0, 0, 0.5]])) and steps[1].shape == (3, 16, 16)
    check_edit(gw.LatentEdit(g.sample([5], labels=2), seeds=(3,)), g)
