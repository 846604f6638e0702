"""Small one-step diffusion models with random weights, as folders of diffusers, written by the tests themselves."""

import json
import shutil

import diffusers
import torch
import transformers

WORDS = ("a", "red", "house", "barn", "of", "wood")


def merges(word):
    """How a word is put together from its letters, from left to right."""
    letters = [*word[:-1], f"{word[-1]}</w>"]
    return [("".join(letters[:place]), letters[place]) for place in range(1, len(letters))]


PAIRS = list(dict.fromkeys(pair for word in WORDS for pair in merges(word)))
VOCABULARY = list(dict.fromkeys(["!", *(part for pair in PAIRS for part in pair), *map("".join, PAIRS), "a</w>",
                                 "<|startoftext|>", "<|endoftext|>"]))
START, END = VOCABULARY.index("<|startoftext|>"), VOCABULARY.index("<|endoftext|>")
TOKENS = 10
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
            "timestep_spacing": "trailing", "prediction_type": "epsilon", "steps_offset": 1}


def unet(**others):
    """Four blocks in SD-Turbo's order: three with attentions, one without."""
    torch.manual_seed(1)
    asked = {"sample_size": 8, "in_channels": 4, "out_channels": 4, "block_out_channels": (8, 16, 16), "layers_per_block": 1,
             "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
             "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), "norm_num_groups": 4,
             "cross_attention_dim": 16, "attention_head_dim": (2, 4, 4), "use_linear_projection": True}
    return diffusers.UNet2DConditionModel(**(asked | others)).eval()


def kl(**others):
    torch.manual_seed(2)
    asked = {"block_out_channels": (8, 8), "down_block_types": ("DownEncoderBlock2D",) * 2, "norm_num_groups": 4,
             "up_block_types": ("UpDecoderBlock2D",) * 2, "latent_channels": 4, "sample_size": 16, "scaling_factor": 0.18215}
    return diffusers.AutoencoderKL(**(asked | others)).eval()


def tiny():
    torch.manual_seed(2)
    return diffusers.AutoencoderTiny(encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
                                     num_encoder_blocks=(1, 2), num_decoder_blocks=(2, 1)).eval()


def encoder(kind=transformers.CLIPTextModel, **others):
    torch.manual_seed(3)
    asked = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "projection_dim": 8,
             "vocab_size": len(VOCABULARY), "max_position_embeddings": TOKENS, "bos_token_id": START, "eos_token_id": END,
             "pad_token_id": VOCABULARY.index("!")}
    return kind(transformers.CLIPTextConfig(**(asked | others))).eval()


def tokenizer(home):
    home.mkdir(parents=True, exist_ok=True)
    (home / "vocab.json").write_text(json.dumps({part: place for place, part in enumerate(VOCABULARY)}))
    (home / "merges.txt").write_text("\n".join(["#version: 0.2", *map(" ".join, PAIRS), ""]))
    transformers.CLIPTokenizer(str(home / "vocab.json"), str(home / "merges.txt"), pad_token="!",
                               model_max_length=TOKENS).save_pretrained(home)
    return transformers.CLIPTokenizer.from_pretrained(home)


def as_published(written, home):
    """The tokenizer in the files that public folders have."""
    for file in home.iterdir():
        file.unlink()
    for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        shutil.copy(written / file, home / file)
    (home / "special_tokens_map.json").write_text(json.dumps({"pad_token": "!", "unk_token": "<|endoftext|>"}))


def scheduler(**others):
    return diffusers.EulerAncestralDiscreteScheduler(**(SCHEDULE | others))
