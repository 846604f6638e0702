"""One-step diffusion models beside the pipelines of diffusers, on random weights: SD-Turbo's and SDXL-Turbo's parts, in small.

The reference is the library itself, as it is installed; REFERENCE_FOLDER is not read. Each pipeline is written as a folder, which
is opened here, and draws each prompt's picture alone; every layer is held against what its module put out then.
"""

import contextlib
import importlib
import json
import string
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.parity.table import BOUND, Row, heading
from benchmarks.parity.zoo import SEEDS, shaken

PROMPTS = ("a red house", "", "barn")       # one for each seed
START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase), START, END]
TOKENS = 16
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "timestep_spacing": "trailing",
            "steps_offset": 1}
CROSSED, PLAIN = "CrossAttn{}Block2D", "{}Block2D"


@dataclass(frozen=True)
class Case:
    """A net to compare: the side of its noise, channels of the U-Net's and of the decoder's grids, which of the U-Net's have
    attentions, how deep these are, and in SDXL's way or not. `tiny`: a decoder of that kind, each of whose blocks is so wide."""

    words: str
    side: int
    widths: tuple[int, ...]
    crossed: tuple[bool, ...]
    decoder: tuple[int, ...]
    depths: tuple[int, ...] = ()
    large: bool = False
    tiny: bool = False
    prediction: str = "epsilon"
    more: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("SD-Turbo", 8, (16, 32, 32), (True, True, False), (16, 16, 32)),
    Case("SD-Turbo", 16, (24, 32, 48, 48), (True, True, True, False), (16, 16, 24), more={"layers_per_block": 2}),
    Case("SD-Turbo, v, tiny decoder", 12, (16, 16, 32), (True, True, False), (16,) * 3, tiny=True, prediction="v_prediction",
         more={"use_linear_projection": False}),
    Case("SDXL-Turbo", 8, (16, 32, 32), (False, True, True), (16, 16, 32), (1, 2, 3), large=True),
    Case("SDXL-Turbo", 16, (24, 32), (False, True), (16, 24, 24), (1, 2), large=True, more={"layers_per_block": 2}),
]


def main(folder: Path) -> int:  # noqa: ARG001
    """Print the table; 0 if every picture and every layer keeps the bound."""
    torch.set_num_threads(1)
    try:
        library, version = importlib.import_module("diffusers"), importlib.import_module("diffusers").__version__
    except ImportError:
        print('diffusers is missing: pip install "ganwidgets[diffusion]"')
        return 2
    print(f"https://github.com/huggingface/diffusers at v{version}, as installed")
    print(f"worst differences over {len(SEEDS)} seeds with a prompt each; bound {BOUND}")
    print(heading())
    for each in (library, importlib.import_module("transformers")):
        each.utils.logging.set_verbosity_error()
        each.utils.logging.disable_progress_bar()
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as home:
            rows.append(compared(case, Path(home), f"diffusers v{version}"))
        print(rows[-1], flush=True)
    return 0 if all(row.kept for row in rows) else 1


@torch.no_grad()
def compared(case: Case, home: Path, reference: str) -> Row:
    """The worst differences of pictures and of features."""
    import ganwidgets as gw

    pipe = pipeline(case, home)
    pipe.save_pretrained(home / "whole", safe_serialization=True)
    g = gw.load_checkpoint(home / "whole", device="cpu")
    latents = g.sample(SEEDS, prompt=list(PROMPTS))
    ours, picture, worst = g.images(latents), 0.0, (0.0, "", 0.0)
    features = {layer.name: g.head(latents, layer).features for layer in g.layers}
    assert latents.z is not None
    for place, prompt in enumerate(PROMPTS):
        with captured(pipe, g) as held:
            drawn = pipe(prompt=prompt, num_inference_steps=1, guidance_scale=0.0, latents=latents.z[[place]], output_type="pt")
        picture = max(picture, float((ours[place] - (drawn.images[0] * 2 - 1)).abs().max()))
        for name, own in features.items():
            worst = max(worst, (float((own[place] - as_map(held[name], own[place])).abs().max()), name, float(own.abs().max())))
    return Row(case.words, reference, g.image_size, len(g.layers), float(ours.std()), picture, worst)


@contextlib.contextmanager
def captured(pipe: Any, g: Any) -> Iterator[dict[str, Tensor]]:
    """What the module of every layer puts out while the reference draws."""
    held: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: Any, given: Any, output: Any) -> None:
            held[name] = (output[0] if isinstance(output, tuple) else getattr(output, "sample", output)).clone()
        return hook

    hooks = []
    for layer in g.layers:
        part, _, path = layer.name.partition(".")
        hooks.append(getattr(pipe, part).get_submodule(path).register_forward_hook(keep(layer.name)))
    yield held
    for hook in hooks:
        hook.remove()


def as_map(output: Tensor, like: Tensor) -> Tensor:
    """A module's output for one picture as a map; of tokens (1, h * w, c) too."""
    return output[0].T.reshape(like.shape) if output.ndim == 3 else output[0].reshape(like.shape)


def pipeline(case: Case, home: Path) -> Any:
    """The reference with random weights, none of which is left at 0 or 1."""
    import diffusers

    torch.manual_seed(case.side)
    words = tokenizer(home / "words")
    parts = {"unet": unet(case), "vae": vae(case), "tokenizer": words, "text_encoder": encoder("CLIPTextModel"),
             "scheduler": diffusers.EulerAncestralDiscreteScheduler(**SCHEDULE, prediction_type=case.prediction)}
    if case.large:
        parts |= {"tokenizer_2": words, "text_encoder_2": encoder("CLIPTextModelWithProjection")}
        whole = diffusers.StableDiffusionXLPipeline(**parts, add_watermarker=False)
    else:
        whole = diffusers.StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None,
                                                  requires_safety_checker=False)
    whole.set_progress_bar_config(disable=True)
    return whole


def unet(case: Case) -> Any:
    """A U-Net of Stable Diffusion's blocks."""
    import diffusers

    names = [CROSSED if crossed else PLAIN for crossed in case.crossed]
    told: dict[str, Any] = {
        "sample_size": case.side, "block_out_channels": case.widths, "layers_per_block": 1, "norm_num_groups": 4,
        "down_block_types": tuple(name.format("Down") for name in names), "attention_head_dim": 4, "use_linear_projection": True,
        "up_block_types": tuple(name.format("Up") for name in reversed(names)), "cross_attention_dim": 16 * (1 + case.large)}
    if case.large:
        told |= {"addition_embed_type": "text_time", "addition_time_embed_dim": 4,
                 "projection_class_embeddings_input_dim": 8 + 6 * 4, "transformer_layers_per_block": case.depths}
    return shaken(diffusers.UNet2DConditionModel(**(told | case.more)), 0.1).eval()


def vae(case: Case) -> Any:
    """An autoencoder, of which the decoder is used."""
    import diffusers

    count = len(case.decoder)
    if case.tiny:
        made = diffusers.AutoencoderTiny(encoder_block_out_channels=case.decoder, decoder_block_out_channels=case.decoder,
                                         num_encoder_blocks=(1,) * count, num_decoder_blocks=(2,) * count)
    else:
        made = diffusers.AutoencoderKL(block_out_channels=case.decoder, latent_channels=4, norm_num_groups=4,
                                       down_block_types=("DownEncoderBlock2D",) * count,
                                       up_block_types=("UpDecoderBlock2D",) * count, sample_size=case.side << (count - 1))
    return shaken(made, 0.1).eval()


def encoder(kind: str) -> Any:
    """A text encoder."""
    import transformers

    config = transformers.CLIPTextConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
                                         projection_dim=8, vocab_size=len(WORDS), max_position_embeddings=TOKENS,
                                         bos_token_id=WORDS.index(START), eos_token_id=WORDS.index(END))
    return shaken(getattr(transformers, kind)(config), 0.1).eval()


def tokenizer(home: Path) -> Any:
    """One that spells words letter by letter."""
    import transformers

    home.mkdir()
    (home / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(WORDS)}))
    (home / "merges.txt").write_text("#version: 0.2\n")
    return transformers.CLIPTokenizer(str(home / "vocab.json"), str(home / "merges.txt"), model_max_length=TOKENS)
