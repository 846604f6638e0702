"""Checkpoints of others, opened without running anything that is in them."""

import contextlib
import dataclasses
import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ganwidgets.core.errors import ArgumentError, CheckpointError, one_of
from ganwidgets.core.nets import Loaded
from ganwidgets.models.contents import Contents, told
from ganwidgets.models.formats import formats

# the words of the names under which training scripts keep a generator, as in "netG_state_dict": those of an average draw best
AVERAGES, OWN = {"ema", "ge", "gema", "gs"}, {"g", "gen", "generator", "netg", "modelg"}
FILLING = {"model", "models", "module", "net", "network", "params", "weights", "dict", "statedict", "state"}
WRAPPED = ("module.", "generator.", "gen.", "netG.", "model.", "_orig_mod.", "G.", "g.")      # that wrappers put before every key
CRITICS = ("discriminator.", "disc.", "netD.", "D.", "d.")      # and those of what was trained beside it
HEAD = 512              # bytes that tell what a file is
HEADER, CONFIG = 2 << 20, 2 << 20       # bytes that say what is in a safetensors file, or in a folder how its net is built
KEYS, KEY = 4096, 256   # tensors that a net has at most, and characters of a key
NESTED = 8              # how deep tables lie in each other
TIED = 16 << 20         # bytes of weights that may lie in the place of others
PLAIN = 1000            # values of a list that stands beside weights
ZIP, TORCH = b"PK\x03\x04", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"     # torch's files, new and old
UNREADABLE = (ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, IndexError, KeyError, MemoryError, OSError,
              RecursionError, RuntimeError, SafetensorError, TypeError, ValueError, struct.error, zipfile.BadZipFile)


def open_generator(path: Path, device: str | torch.device = "cpu", *, kind: str | None = None) -> Any:
    """The generator (a frozen dataclass) of a file or folder, in float32, of the kind that is asked for, or that its keys tell.

    Where it was converted from another file, `loaded` says from which. Errors: CheckpointError; ArgumentError for an unknown kind.
    """
    contents, _, generator = opened(path, kind)
    origin = told(contents.facts, "origin")
    generator.net.to(device)
    loaded = Loaded(f"gw.load_checkpoint({str(path)!r})", verified=False, origin=origin_words(origin)) if origin else None
    return dataclasses.replace(generator, digests=None, loaded=loaded)      # digests of the weights where they are now


def opened(path: Path, kind: str | None = None) -> tuple[Contents, str, Any]:
    """What a file or folder holds, its kind, and the generator on the CPU. Errors: as open_generator."""
    known = formats()
    if kind is not None and kind not in known:
        raise ArgumentError(one_of("kind", kind, known, where="load_checkpoint"))
    if not path.exists():
        raise CheckpointError(f"there is no file {path}.")
    contents = read(path)
    check_sizes(contents.tensors, path.name)
    with in_words(f"{path.name} cannot be read"):
        found = [kind] if kind else [name for name, module in known.items() if module.matches(contents)]
    if not found:
        some = ", ".join(list(contents.tensors)[:3])
        raise CheckpointError(f"{path.name} holds {len(contents.tensors)} tensors ({some} ...), the layout of no kind that is "
                              f"known here: {', '.join(known)}. gw.wrap opens any module of your own.")
    with in_words(f"{path.name} does not fit a {found[0]}"):
        return contents, found[0], known[found[0]].build(contents)


def origin_words(origin: Any) -> str:
    """What a converted file says of its origin, in a few words: the file's name and the first digits of its hash."""
    files = origin.get("files") if isinstance(origin, dict) else None
    first = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    return f"{str(first.get('name', 'unknown'))[:80]}, SHA-256 {str(first.get('sha256', 'unknown'))[:12]}"


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_hash(path: Path, sha256: str) -> None:
    """Errors: CheckpointError for a file whose hash does not begin so, or that is not there; ArgumentError for what is no hash."""
    if not re.fullmatch(r"[0-9a-fA-F]{8,64}", sha256):
        raise ArgumentError(f"sha256 is 8 to 64 hexadecimal digits; {sha256!r} came.")
    if path.is_dir():
        raise ArgumentError(f"{path.name} is a folder, which has no hash; leave sha256 out.")
    if not path.exists():
        raise CheckpointError(f"there is no file {path}.")
    found = hash_of(path)
    if not found.startswith(sha256.lower()):
        raise CheckpointError(f"{path.name} is not the file that was meant: its SHA-256 is {found[:12]}..., not {sha256[:12]}...")


def read(path: Path) -> Contents:
    """What a file or a folder holds. Errors: CheckpointError."""
    with in_words(f"{path.name} cannot be read"):
        if path.is_dir():
            from ganwidgets.models.pipelines import is_pipeline, read_pipeline

            return read_pipeline(path) if is_pipeline(path) else read_folder(path)
        head = head_of(path)
        if head.startswith((ZIP, TORCH)):
            return read_torch(path)
        # a safetensors header's length may begin with any byte, a pickle's first one too; its text begins with a brace
        if head[:1] == b"\x80" and head[8:9] != b"{":
            from ganwidgets.models.pickles import read_nvlabs

            return read_nvlabs(path)
        if head[8:9] != b"{":
            raise CheckpointError(f"{path.name} cannot be read: it begins with {head[:16]!r}, as no file does that torch.save, "
                                  "safetensors or NVIDIA's code wrote.")
        return read_safetensors(path)


@contextlib.contextmanager
def in_words(what: str) -> Iterator[None]:
    """Whatever a damaged file leads to within, as a CheckpointError that begins so."""
    try:
        yield
    except (ArgumentError, CheckpointError):     # the first where a library is missing
        raise
    except UNREADABLE as error:
        raise CheckpointError(f"{what}: {said(error)}.") from error


def head_of(path: Path) -> bytes:
    """The first bytes of a file. Errors: CheckpointError for what is often found in the place of a checkpoint."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    start = head.lstrip()[:64].lower()
    if not head:
        raise CheckpointError(f"{path.name} is empty; the download failed, fetch it again.")
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise CheckpointError(f"{path.name} is a web page and not a checkpoint: the server answered a download with a page.")
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path.name} is a pointer of Git LFS and not the file itself; fetch it with `git lfs pull`.")
    return head


def read_torch(path: Path) -> Contents:
    """A file of torch.save; of what stands beside its tensors plain values are the facts. Errors: CheckpointError."""
    from ganwidgets.models.torch_files import read_torch_file

    tensors, facts = unwrapped(read_torch_file(path), path.name)
    return Contents(path.stem, tensors, facts, "torch")


def read_safetensors(path: Path) -> Contents:
    """A .safetensors file; what its header says of itself are the facts. Errors: CheckpointError."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if HEADER < length <= path.stat().st_size:
        raise CheckpointError(f"{path.name} has a header of {length:,} bytes, more than any net needs.")
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        facts = file.metadata() or {}
    found, beside = unwrapped(tensors, path.name)
    return Contents(facts.get("name", path.stem), found, {**facts, **beside}, "safetensors")


def read_folder(path: Path) -> Contents:
    """A folder in a Hugging Face layout: config.json, and one file of weights. Errors: CheckpointError."""
    config = path / "config.json"
    files = [each for each in (path / "pytorch_model.bin", path / "model.safetensors") if each.exists()]
    if not config.exists() or not files:
        raise CheckpointError(f"{path.name} is no folder of a model, which holds config.json, and pytorch_model.bin or "
                              "model.safetensors.")
    facts, held = table(config, path), read(files[0])
    return Contents(path.name, held.tensors, {**held.facts, **facts}, "folder")


def table(file: Path, folder: Path) -> dict[str, Any]:
    """The table of settings in a file of a folder. Errors: CheckpointError."""
    where = f"{file.relative_to(folder)} in {folder.name}"
    try:
        if file.stat().st_size > CONFIG:
            raise CheckpointError(f"{where} is longer than any net needs.")
        facts = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"there is no {where}, which a folder of this kind holds.") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{where} is no JSON: {error}.") from error
    if not isinstance(facts, dict):
        raise CheckpointError(f"{where} holds no table of settings.")
    return facts


def unwrapped(whole: Any, name: str, depth: int = 0) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The generator's tensors in a possibly nested table, wrappers' prefixes taken off, and what stood beside them.

    Errors: CheckpointError for what holds no table of tensors.
    """
    if not isinstance(whole, Mapping):
        raise CheckpointError(f"{name} holds a {type(whole).__name__} and no table of tensors.")
    if depth > NESTED:
        raise CheckpointError(f"{name} holds tables in tables, deeper than any net lies.")
    config = whole.get("config")                # of ajbrock's training code; what stands beside it goes first
    heard = {**config, **whole} if isinstance(config, Mapping) else whole
    facts = {str(key): value for key, value in heard.items() if isinstance(value, Tensor) or plain(value)}
    nested = {str(key): value for key, value in whole.items() if isinstance(value, Mapping) and holds_tensors(value)}
    ranked = {key: rank for key in nested if (rank := likeness(key)) is not None}
    if ranked:
        chosen = min(ranked, key=ranked.__getitem__)
        tensors, inner = unwrapped(nested[chosen], name, depth + 1)
        return tensors, {**inner, **facts}
    tensors = {str(key): value for key, value in whole.items() if isinstance(value, Tensor)}
    if not tensors:
        parts = ", ".join(str(key)[:80] for key in list(whole)[:8])
        raise CheckpointError(f"{name} holds no weights of a generator under a name that is known here; its parts are "
                              f"{parts or 'none'}. Save the one that draws by itself: torch.save(whole[part], file).")
    return _bare(tensors), {key: value for key, value in facts.items() if not isinstance(value, Tensor)}


def likeness(key: str) -> int | None:
    """How likely the table of that name is the generator that draws best, 0 the likeliest; None for one that is none."""
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", key)}
    if not words or words == {"state"} or words - AVERAGES - OWN - FILLING:
        return None
    return 2 * (not words & AVERAGES) + (not words & OWN)


def _bare(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights without the prefixes of wrappers; the generator's alone where a discriminator is held beside it."""
    trained = any(key.startswith(CRITICS) for key in tensors)       # then losses may have left something too
    for prefix in WRAPPED:
        own = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        if own and (trained or len(own) == len(tensors)):
            return _bare(own)
    return tensors


def check_sizes(tensors: Mapping[str, Tensor], name: str) -> None:
    """Errors: CheckpointError for tensors of other sizes than the file's numbers, so that a small file cannot fill the memory."""
    if len(tensors) > KEYS or any(len(key) > KEY or not key.isprintable() for key in tensors):
        raise CheckpointError(f"{name} holds more tensors than any net has, or keys that are none.")
    held = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in tensors.values()}
    for key, value in tensors.items():
        if value.nbytes > value.untyped_storage().nbytes():
            raise CheckpointError(f"{key} in {name} says that it has {value.numel():,} numbers, and the file holds fewer.")
    if sum(value.nbytes for value in tensors.values()) > sum(held.values()) + TIED:
        raise CheckpointError(f"{name} holds tensors that lie in the same place, and too many of them.")


def plain(value: Any) -> bool:
    """Whether this is a number, a text, nothing, or a list of such that is not long, as facts are."""
    waiting, left = [value], PLAIN
    while waiting and left:
        found, left = waiting.pop(), left - 1
        if type(found) in (list, tuple):
            waiting += found[:left + 1]
        elif found is not None and type(found) not in (bool, int, float, str):
            return False
    return not waiting


def holds_tensors(table: Mapping) -> bool:
    """Whether a tensor is somewhere in a table of tables; one that is found again is not looked through again."""
    waiting, seen = [table], set[int]()
    while waiting:
        found = waiting.pop()
        if id(found) not in seen:
            seen.add(id(found))
            if any(isinstance(value, Tensor) for value in found.values()):
                return True
            waiting += [value for value in found.values() if isinstance(value, Mapping)]
    return False


def said(error: BaseException) -> str:
    """The first line of what an error says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
