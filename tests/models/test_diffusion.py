"""One-step diffusion: the laws, the pipeline's own pictures, prompts, edits and labs, and folders that are none."""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError, LatentsError
from ganwidgets.core.nets import twin
from ganwidgets.models.converted import convert
from ganwidgets.models.diffusion import one_step
from ganwidgets.models.diffusion_net import OneStepNet
from ganwidgets.models.public import PUBLIC
from ganwidgets.testing import check_edit, check_generator

diffusers, transformers = pytest.importorskip("diffusers"), pytest.importorskip("transformers")

from . import turbo  # noqa: E402

WORDS = "a red house of wood"
WIDE = {"addition_embed_type": "text_time", "addition_time_embed_dim": 4, "cross_attention_dim": 32,
        "projection_class_embeddings_input_dim": 8 + 6 * 4, "transformer_layers_per_block": (1, 2, 1)}
DEEP = {"sample_size": 12, "use_linear_projection": False, "block_out_channels": (8, 16, 16, 16),      # grids of 12, 6, 3, 2
        "down_block_types": (*["CrossAttnDownBlock2D"] * 2, *["DownBlock2D"] * 2), "attention_head_dim": (2, 4, 4, 4),
        "up_block_types": (*["UpBlock2D"] * 2, *["CrossAttnUpBlock2D"] * 2)}


def pipeline(kind, home):
    """SD-Turbo in small; the same with another decoder, spelling and prediction, on grids that are odd; SDXL-Turbo in small."""
    tokenizer = turbo.tokenizer(home / "tokenizer")
    beside = {"tokenizer": tokenizer, "text_encoder": turbo.encoder(), "scheduler": turbo.scheduler()}
    if kind == "xl":
        beside |= {"text_encoder_2": turbo.encoder(transformers.CLIPTextModelWithProjection), "tokenizer_2": tokenizer}
        return diffusers.StableDiffusionXLPipeline(unet=turbo.unet(**WIDE), vae=turbo.kl(), add_watermarker=False, **beside)
    net, vae = turbo.unet(), turbo.kl()
    if kind == "odd":
        net, vae = turbo.unet(**DEEP), turbo.tiny()
        beside["scheduler"] = turbo.scheduler(prediction_type="v_prediction")
    return diffusers.StableDiffusionPipeline(unet=net, vae=vae, safety_checker=None, feature_extractor=None,
                                             requires_safety_checker=False, **beside)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The three as folders, and the pipelines that they were written by."""
    home, found = tmp_path_factory.mktemp("diffusers"), {}
    for kind in ("sd", "odd", "xl"):
        found[kind] = pipeline(kind, home)
        found[kind].set_progress_bar_config(disable=True)
        found[kind].save_pretrained(home / kind, safe_serialization=True)
        for part in (home / kind).glob("tokenizer*"):
            turbo.as_published(home / "tokenizer", part)
    return home, found


@pytest.fixture(scope="module")
def opened(folders):
    return {kind: gw.load_checkpoint(folders[0] / kind, device="cpu") for kind in folders[1]}


@pytest.fixture
def folder(folders, tmp_path):
    """A copy to damage."""
    return Path(shutil.copytree(folders[0] / "sd", tmp_path / "sd"))


KINDS = pytest.mark.parametrize("kind", ["sd", "odd", "xl"])


@KINDS
def test_it_obeys_the_laws(opened, same_in_any_batch, kind):
    g = opened[kind]
    check_generator(g, seeds=(0, 4_294_967_295))
    same_in_any_batch(g, prompt=WORDS)
    assert g.image_size == 2 * g.latent_shape[1] and "verified=False" in repr(g)


@KINDS
@torch.no_grad()
def test_it_draws_what_the_pipeline_draws(folders, opened, kind):
    g, pipe = opened[kind], folders[1][kind]
    latents = g.sample([3, 8], prompt=[WORDS, "a barn"])
    wanted = pipe(prompt=[WORDS, "a barn"], num_inference_steps=1, guidance_scale=0.0, latents=latents.z, output_type="pt").images
    images = g.images(latents)
    assert images.std() > 0.05 and float((images[0] - images[1]).abs().max()) > 0.1
    assert torch.allclose((images + 1) / 2, wanted, atol=1e-4)
    other = pipe(prompt=["a barn"] * 2, num_inference_steps=1, guidance_scale=0.0, latents=latents.z, output_type="pt").images
    assert float((other - wanted).abs().max()) > 1e-3, "the prompt is read"


@KINDS
@torch.no_grad()
def test_every_step_is_the_unets(folders, opened, kind):
    """Each layer against a hook on the U-Net itself."""
    g, seen = opened[kind], {}
    latents, unet = g.sample([3, 8], prompt=WORDS), folders[1][kind].unet
    x, (_, text, z) = g.begin(latents)
    names = [layer.name.removeprefix("unet.") for layer in g.layers if layer.name.startswith("unet.")]

    def keep(name):
        def hook(_module, _given, output):
            seen[name] = output[0] if isinstance(output, tuple) else output
        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in unet.named_modules() if name in names]
    sizes = torch.tensor([[16.0, 16, 0, 0, 16, 16]]).expand(2, -1)
    added = {"text_embeds": g.reader.parts(latents.condition)[1], "time_ids": sizes}
    whole = unet(x, 999, encoder_hidden_states=text, added_cond_kwargs=added).sample
    for hook in hooks:
        hook.remove()
    assert set(seen) == set(names) and torch.equal(z, latents.z)
    assert torch.allclose(g.head(latents, "unet.conv_out").features, whole, atol=1e-5)
    for name in names:
        features = g.head(latents, f"unet.{name}").features
        wanted = seen[name] if seen[name].ndim == 4 else seen[name].transpose(1, 2).reshape(features.shape)
        assert torch.allclose(features, wanted, atol=1e-5), name


def test_a_tail_runs_only_what_follows(opened):
    g = opened["sd"].with_net(twin(opened["sd"].net))
    latents, ran = g.sample([0]), []
    paused = g.head(latents, "unet.up_blocks.1")
    for name, module in g.net.named_modules():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    g.tail(paused)
    assert ran[0].startswith("unet.up_blocks.2") and not any("down_blocks" in name or "time_embedding" in name for name in ran)
    layers = ("unet.conv_in", "unet.mid_block", "unet.up_blocks.2", "vae.decoder.conv_in")
    kept = [len(g.head(latents, layer).rest) for layer in layers]
    assert kept == [3, 3 + 6, 3, 0], "time, text and noise, and what skips"


def test_an_edit_on_the_way_down_is_seen_by_what_skips(folders, opened):
    """As a hook on the U-Net would do it: the features go down and across."""
    g, pipe = opened["sd"], folders[1]["sd"]
    edits = gw.EditStack().push(gw.UnitEdit("unet.down_blocks.0.attentions.0", [2, 5], value=3.0))
    edits = edits.push(gw.UnitEdit("unet.mid_block", [1], value=-2.0))
    latents = g.sample([4], prompt=WORDS)

    def put(units, value):
        def hook(_module, _given, output):
            (output[0] if isinstance(output, tuple) else output)[:, units] = value
        return hook

    hooks = [pipe.unet.down_blocks[0].attentions[0].register_forward_hook(put([2, 5], 3.0)),
             pipe.unet.mid_block.register_forward_hook(put([1], -2.0))]
    wanted = pipe(prompt=WORDS, num_inference_steps=1, guidance_scale=0.0, latents=latents.z, output_type="pt").images
    for hook in hooks:
        hook.remove()
    changed = edits.apply(g).images(latents)
    assert torch.allclose((changed + 1) / 2, wanted, atol=1e-4) and float((changed - g.images(latents)).abs().max()) > 1e-2


@pytest.mark.parametrize("layer", ["unet.down_blocks.1.attentions.0.transformer_blocks.0", "vae.decoder.mid_block"])
def test_edits_keep_their_laws(opened, layer):
    check_edit(gw.UnitEdit(layer, [0, 3], value=2.0, region=gw.Region.box(0, 0, 0.5, 1)), opened["sd"])


def test_parts_that_are_loaded_already(folders, opened):
    pipe = folders[1]["sd"]
    half = [part.half() for part in (turbo.unet(), turbo.kl(), turbo.encoder())]
    g = one_step(half[0], half[1], [half[2]], [pipe.tokenizer], pipe.scheduler.config, name="mine")
    assert {value.dtype for value in g.net.state_dict().values()} == {torch.float32}
    assert {value.dtype for part in half for value in part.parameters()} == {torch.half}, "they stay as they are"
    assert torch.allclose(g.images(g.sample([1])), opened["sd"].images(opened["sd"].sample([1])), atol=0.05)


@pytest.mark.parametrize(("kind", "name"), [("sd", "sd-turbo"), ("xl", "sdxl-turbo")])
def test_the_published_files_are_all_that_it_needs(folders, opened, tmp_path, kind, name):
    """Those that the catalog fetches: in half precision, read as float32."""
    wanted = next(entry.files for entry in PUBLIC if entry.name == name)
    for file in wanted:
        here, there = folders[0] / kind / file.replace(".fp16", ""), tmp_path / kind / file
        there.parent.mkdir(parents=True, exist_ok=True)
        if file.endswith(".safetensors"):
            save_file({key: value.half() for key, value in load_file(here).items()}, there)
        else:
            shutil.copy(here, there)
    g = gw.load_checkpoint(tmp_path / kind, device="cpu")
    latents = g.sample([1], prompt=WORDS)
    assert {value.dtype for value in (*g.net.state_dict().values(), latents.condition)} == {torch.float32}
    assert torch.allclose(g.images(latents), opened[kind].images(opened[kind].sample([1], prompt=WORDS)), atol=0.05)


def test_prompts(opened):
    g = opened["sd"]
    both = g.sample([3, 3], prompt=["a barn", "a red house"])
    assert torch.equal(both.condition[1:], g.sample([3], prompt="a red house").condition) and torch.equal(both.z[0], both.z[1])
    assert not torch.equal(both.condition[0], both.condition[1])
    assert torch.equal(g.sample([3]).condition, g.sample([3], prompt="").condition)
    farm = g.prompted("a barn")
    assert torch.equal(farm.sample([3]).condition, both.condition[:1]) and farm.source.endswith(".prompted('a barn')")
    own = g.latents(both.z, prompt=["a barn", "a red house"])
    assert torch.equal(own.condition, both.condition) and own.pictures[0] != own.pictures[1]
    assert torch.equal(gw.EditStack().apply(g).sample([3], prompt="a barn").condition, both.condition[:1])


@pytest.mark.parametrize(("prompt", "words"), [
    ("a red house of wood of red wood of a barn", "at most 8 tokens, this one has 11: 'of a barn'"), ("a blue house", "'blue'"),
    (7, "a text for all"), (["a barn"], "a list of 2"), (["a barn", None], "a list of 2")])
def test_prompts_that_cannot_be_read_are_refused(opened, prompt, words):
    with pytest.raises(ArgumentError, match=words):
        opened["sd"].sample([0, 1], prompt=prompt)


def test_what_it_cannot_do_is_said(opened):
    g = opened["sd"]
    for asked in ({"truncation": 0.5}, {"labels": [1]}):
        with pytest.raises(ArgumentError, match=next(iter(asked))):
            g.sample([0], **asked)
    with pytest.raises(LatentsError, match="160"):
        g.images(dataclasses.replace(g.sample([0]), condition=None))
    with pytest.raises(LatentsError, match="160"):
        g.images(opened["xl"].sample([0]))


def edited(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def cut(file):
    file.write_bytes(file.read_bytes()[:-40])


def spoilt(file, change):
    held = load_file(file)
    change(held)
    save_file(held, file)


UNET, VAE = "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
DAMAGE = {
    **{f"no {file}": (lambda home, file=file: (home / file).unlink(), words) for file, words in (
        ("model_index.json", "model_index.json"), ("unet/config.json", "unet/config.json"),
        ("scheduler/scheduler_config.json", "scheduler_config.json"), ("tokenizer/vocab.json", "vocab.json in sd/tokenizer"),
        (UNET, "diffusion_pytorch_model.safetensors in sd/unet"), (TEXT, "model.safetensors in sd/text_encoder"))},
    "no vae": (lambda home: shutil.rmtree(home / "vae"), "vae/config.json"),
    "no text encoder": (lambda home: edited(home / "model_index.json", text_encoder=[None, None]), "no text_encoder"),
    "no JSON": (lambda home: (home / "vae/config.json").write_text("{"), "vae/config.json in sd is no JSON"),
    "a list": (lambda home: (home / "unet/config.json").write_text("[]"), "holds no table"),
    "damaged vocabulary": (lambda home: (home / "tokenizer/vocab.json").write_text("{"), "vocab.json"),
    **{f"truncated {file}": (lambda home, file=file: cut(home / file), file.split("/")[0]) for file in (UNET, VAE, TEXT)},
    "a pointer": (lambda home: (home / UNET).write_text("version https://git-lfs.github.com/spec/v1"), "unet.*Git LFS"),
    "empty": (lambda home: (home / VAE).write_text(""), "vae.*empty"),
    "another class": (lambda home: edited(home / "unet/config.json", _class_name="FluxTransformer"), "FluxTransformer"),
    "another width": (lambda home: edited(home / "unet/config.json", cross_attention_dim=24), "sd/unet"),
    "another text": (lambda home: edited(home / "text_encoder/config.json", hidden_size=32), "sd/text_encoder"),
    "no number": (lambda home: edited(home / "text_encoder/config.json", vocab_size="x"), "sd/text_encoder"),
    "no heads": (lambda home: edited(home / "text_encoder/config.json", num_attention_heads=-1), "do not fit together"),
    "too many parts": (lambda home: edited(home / "unet/config.json", layers_per_block=10**9), "layers_per_block"),
    "other blocks": (lambda home: edited(home / "unet/config.json", down_block_types=["AttnDownBlock2D"] * 3), "sd/unet"),
    "many steps": (lambda home: edited(home / "scheduler/scheduler_config.json", timestep_spacing="leading"), "many steps"),
    "another prediction": (lambda home: edited(home / "scheduler/scheduler_config.json", prediction_type="sample"), "'sample'"),
    "a long schedule": (lambda home: edited(home / "scheduler/scheduler_config.json", num_train_timesteps=10**12), "steps"),
    "missing key": (lambda home: spoilt(home / UNET, lambda held: held.pop("conv_in.weight")), "sd/unet lacks conv_in.weight"),
    "surplus key": (lambda home: spoilt(home / VAE, lambda held: held.update(more=torch.zeros(2))), "sd/vae has no place for more"),
    "shape": (lambda home: spoilt(home / UNET, lambda held: held.update({"conv_out.bias": torch.zeros(5)})), "conv_out.bias in sd"),
    "NaN": (lambda home: spoilt(home / VAE, lambda held: held["post_quant_conv.bias"].fill_(float("nan"))), "post_quant_conv.bias"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_wrong_with_a_folder_is_named(folder, how):
    change, words = DAMAGE[how]
    change(folder)
    with pytest.raises(CheckpointError, match=words):
        gw.load_checkpoint(folder, device="cpu")


def test_settings_that_make_no_sense_are_refused_or_change_nothing(folder, folders):
    """Any setting of any part, exchanged for something odd."""
    random = np.random.RandomState(0)
    files = [file.relative_to(folder) for file in sorted(folder.rglob("*.json")) if file.name != "vocab.json"]
    odd, refused = [None, -1, 0, 7, 10**12, 1.5, float("nan"), "x", "", [], {}, ["x"], [[1]]], 0
    for _ in range(10):
        file = files[random.randint(len(files))]
        keys = list(json.loads((folder / file).read_text()))
        edited(folder / file, **{keys[random.randint(len(keys))]: odd[random.randint(len(odd))]})
        try:
            g = gw.load_checkpoint(folder, device="cpu")
            g.images(g.sample([0], prompt=WORDS))
        except CheckpointError:
            refused += 1
        shutil.copy(folders[0] / "sd" / file, folder / file)
    assert 3 <= refused < 10


def test_old_spellings_are_read(folder, opened):
    """Of attentions in VAEs, and of text encoders."""
    def older(held):
        for new, old in (("to_out.0.", "proj_attn."), ("to_q.", "query."), ("to_k.", "key."), ("to_v.", "value.")):
            for key in [key for key in held if new in key]:
                held[key.replace(new, old)] = held.pop(key)

    def longer(held):
        for key in list(held):
            held[f"text_model.{key.removeprefix('text_model.')}"] = held.pop(key)
        held["text_model.embeddings.position_ids"] = torch.arange(turbo.TOKENS)[None]

    spoilt(folder / VAE, older)
    spoilt(folder / TEXT, longer)
    g = gw.load_checkpoint(folder, device="cpu", kind="diffusion")
    assert torch.equal(g.images(g.sample([2])), opened["sd"].images(opened["sd"].sample([2])))


def test_a_folder_of_safetensors_is_not_converted(folder, tmp_path):
    with pytest.raises(ArgumentError, match="safetensors already"):
        convert(folder, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_a_missing_library_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ArgumentError, match=r"ganwidgets\[diffusion\]"):
        gw.load_checkpoint(folder, device="cpu")


@pytest.mark.parametrize(("change", "words"), [({"class_embed_type": "timestep"}, "class_embed_type"),
                                               ({"down_block_types": ("AttnDownBlock2D",) * 3}, "AttnDownBlock2D")])
def test_a_unet_of_another_kind_is_refused(change, words):
    with pytest.raises(CheckpointError, match=words):
        OneStepNet(turbo.unet(**change), turbo.kl(), timestep=999, sigma=14.6, prediction="epsilon")
