"""Folders of diffusers: which parts they hold, read as plain tensors and tables, and the parts built from them.

Only .safetensors are read; of the classes that a folder names, a few are known, and nothing in it is run.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.models.checkpoints import head_of, in_words, read_safetensors, said, table
from ganwidgets.models.contents import Contents, fill
from ganwidgets.models.hugging import transformers

INDEX = "model_index.json"
ENCODERS = ("CLIPTextModel", "CLIPTextModelWithProjection")
KINDS: dict[str, tuple[str, ...]] = {"unet": ("UNet2DConditionModel",), "vae": ("AutoencoderKL", "AutoencoderTiny"),
                                     "text_encoder": ENCODERS, "text_encoder_2": ENCODERS}
FILES = ("diffusion_pytorch_model", "model")
SPELLINGS = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}     # of old attentions in VAEs
NO_SETTINGS = ("_class_name", "architectures", "dtype", "torch_dtype")     # weights are read as float32 whatever they were
COUNTS = ("layers_per_block", "transformer_layers_per_block", "num_hidden_layers", "num_encoder_blocks", "num_decoder_blocks",
          "reverse_transformer_layers_per_block", "block_out_channels", "down_block_types", "up_block_types")


@dataclass(frozen=True, eq=False)
class Parts:
    """What a one-step model is made of; `schedule` is the scheduler's config."""

    unet: Any
    vae: Any
    text_encoders: tuple[Any, ...]
    tokenizers: tuple[Any, ...]
    schedule: Mapping[str, Any]


def is_pipeline(path: Path) -> bool:
    """Whether a folder is one of diffusers."""
    return (path / INDEX).exists() or (path / "unet").is_dir()


def read_pipeline(path: Path) -> Contents:
    """What a folder holds: tensors as `part.key`, the configs by part under the facts.

    Errors: CheckpointError; ArgumentError where a library is missing, before anything is read.
    """
    diffusers()
    index = table(path / INDEX, path)
    wanted = [part for part in KINDS if part in ("unet", "vae") or _present(index, part)]
    if "text_encoder" not in wanted and "text_encoder_2" not in wanted:
        raise CheckpointError(f"{INDEX} in {path.name} names no text_encoder, without which no prompt can be read.")
    facts: dict[str, Any] = {"folder": str(path), "scheduler": table(path / "scheduler" / "scheduler_config.json", path)}
    tensors: dict[str, Tensor] = {}
    for part in wanted:
        facts[part] = _config(path, part, index)
        tensors |= {f"{part}.{key}": value for key, value in _read(path, part).items()}
    return Contents(path.name, tensors, facts, "diffusers")


def _present(index: Mapping[str, Any], part: str) -> bool:
    named = index.get(part)
    return isinstance(named, list) and len(named) == 2 and named[1] is not None


def _config(path: Path, part: str, index: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a part, with its class as `_class_name`. Errors: CheckpointError for one that is unknown here."""
    config = table(path / part / "config.json", path)
    found = config.get("_class_name") or (index[part][1] if _present(index, part) else None)
    if found not in KINDS[part]:
        raise CheckpointError(f"the {part} of {path.name} is a {found}; known here are {' and '.join(KINDS[part])}.")
    return {**config, "_class_name": found}


def _read(path: Path, part: str) -> Mapping[str, Tensor]:
    """The weights of a part. Errors: CheckpointError."""
    file = _weights(path, part)
    try:
        head_of(file)
        with in_words(f"{file.name} cannot be read"):
            return read_safetensors(file).tensors
    except CheckpointError as error:
        raise CheckpointError(f"{path.name}/{part}: {error}") from error


def _weights(path: Path, part: str) -> Path:
    """The file with the weights of a part. Errors: CheckpointError."""
    names = [f"{stem}{variant}.safetensors" for stem in FILES for variant in ("", ".fp16")]
    for name in names:
        if (path / part / name).is_file():
            return path / part / name
    here = ", ".join(sorted(each.name for each in (path / part).iterdir())[:8])
    wanted = f"{FILES['text' in part]}.safetensors"
    raise CheckpointError(f"there is no {wanted} in {path.name}/{part}, which holds {here}; weights in other files are not read.")


def build_parts(contents: Contents) -> Parts:
    """The parts of a folder, with their weights as float32. Errors: CheckpointError."""
    if "unet" not in contents.facts or "folder" not in contents.facts:
        raise CheckpointError(f"{contents.name} is no folder of diffusers, which holds {INDEX}, unet, vae and text_encoder.")
    library, facts = diffusers(), contents.facts
    encoders = [part for part in ("text_encoder", "text_encoder_2") if part in facts]
    unet, vae = (_made(getattr(library, facts[part]["_class_name"]), part, contents) for part in ("unet", "vae"))
    tokenizers = (_tokenizer(Path(facts["folder"]), part.replace("text_encoder", "tokenizer")) for part in encoders)
    return Parts(unet, vae, tuple(_encoder(part, contents) for part in encoders), tuple(tokenizers), facts["scheduler"])


def diffusers() -> Any:
    """The library. Errors: ArgumentError where it is not installed."""
    transformers()
    try:
        import diffusers as library
    except ImportError as error:
        raise ArgumentError('diffusers is not installed; pip install "ganwidgets[diffusion]" brings it.') from error
    return library


def _made(kind: Any, part: str, contents: Contents) -> nn.Module:
    """A net of diffusers, built without memory and filled with the file's weights."""
    name, config = f"{contents.name}/{part}", contents.facts[part]
    tensors = dict(_own(contents, part))
    check_counts(config, len(tensors), name)
    with torch.device("meta"), by_library(f"config.json of {name} describes no {kind.__name__}"):
        net = kind.from_config(config)
    spelled = {_new_spelling(key): key for key in tensors} if part == "vae" else {key: key for key in tensors}
    fill(net, {new: tensors[old] for new, old in spelled.items()}, name, spelled=lambda key: spelled.get(key, key))
    return net


def _encoder(part: str, contents: Contents) -> nn.Module:
    """A text encoder. Versions of its library differ in whether keys begin with `text_model.`, so this is passed over."""
    library, config, name = transformers(), contents.facts[part], f"{contents.name}/{part}"
    tensors = dict(_own(contents, part))
    check_counts(config, len(tensors), name)
    with torch.device("meta"), by_library(f"config.json of {name} describes no text encoder"):
        settings = {key: value for key, value in config.items() if key not in NO_SETTINGS}
        net: Any = getattr(library, config["_class_name"])(library.CLIPTextConfig(**settings))
    inner = {key.removeprefix("text_model."): key for key in net.state_dict()}
    spelled = {inner.get(bare, bare): key for key in tensors
               if not (bare := key.removeprefix("text_model.")).endswith("position_ids")}
    places = partial(torch.arange, net.config.max_position_embeddings)      # a mere count, which no file need hold
    fill(net, {new: tensors[old] for new, old in spelled.items()}, name, spelled=lambda key: spelled.get(key, key),
         made={key: places for key, _ in net.named_buffers() if key.endswith("position_ids")})
    return net.eval()


def check_counts(config: Mapping[str, Any], most: int, name: str) -> None:
    """Errors: CheckpointError for a config that would make more parts than the file has tensors."""
    for key in COUNTS:
        value = config.get(key)
        numbers = [len(value), *value] if isinstance(value, (list, tuple)) else [value]
        if key in ("block_out_channels", "down_block_types", "up_block_types"):
            numbers = numbers[:1]
        if any(isinstance(number, int) and number > most for number in numbers):
            raise CheckpointError(f"config.json of {name} says {str(value)[:64]} for {key}, with {most} tensors in the file.")


def _own(contents: Contents, part: str) -> Iterator[tuple[str, Tensor]]:
    for key, value in contents.tensors.items():
        if key.startswith(f"{part}."):
            yield key.removeprefix(f"{part}."), value


def _new_spelling(key: str) -> str:
    found = re.fullmatch(r"(.*\.attentions\.\d+\.)(query|key|value|proj_attn)(\.\w+)", key)
    return f"{found[1]}{SPELLINGS[found[2]]}{found[3]}" if found else key


def _tokenizer(folder: Path, part: str) -> Any:
    """The tokenizer of a folder. Errors: CheckpointError, naming the file that is missing or damaged."""
    home, where = folder / part, f"{folder.name}/{part}"
    if not (home / "tokenizer.json").is_file():
        for file in ("vocab.json", "merges.txt"):
            if not (home / file).is_file():
                raise CheckpointError(f"there is no {file} in {where}, without which no prompt can be read.")
        table(home / "vocab.json", folder)
    with by_library(f"the tokenizer in {where} cannot be read"):
        return transformers().CLIPTokenizer.from_pretrained(str(home), local_files_only=True)


@contextlib.contextmanager
def by_library(what: str) -> Iterator[None]:
    """Whatever the libraries say of a damaged file, as a CheckpointError that begins so: they have errors of every kind."""
    try:
        yield
    except Exception as error:
        raise CheckpointError(f"{what}: {said(error)}.") from error
