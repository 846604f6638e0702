"""A checkpoint of others written anew as safetensors, which run nothing, with a record of its origin."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.models.checkpoints import hash_of, open_generator, opened
from ganwidgets.models.contents import Contents, texts, told
from ganwidgets.models.formats import formats
from ganwidgets.models.public import PUBLIC

SUFFIX = ".safetensors"


def convert(source: Path, target: Path, *, kind: str | None = None, force: bool = False) -> Mapping[str, Any]:
    """Write the generator of a file or folder (the averaged one where it holds several) as safetensors; answers its origin.

    The file's metadata say `kind`, `name`, what the adapter needs beside the tensors, and the `origin` as JSON: each file's name,
    SHA-256 and bytes; when and by which ganwidgets it was converted; licence, source and place of a published one. What is
    written is opened again and compared before it takes its name. Errors: CheckpointError; ArgumentError for a file that is there
    already (unless `force`), or that has another suffix.
    """
    if target.suffix != SUFFIX:
        raise ArgumentError(f"a converted file ends in {SUFFIX}; {str(target)!r} came.")
    if target.exists() and (not force or target.is_dir() or target.resolve() == source.resolve()):
        raise ArgumentError(f"{target} is there already, and was left as it is; give another name, or --force to overwrite a file "
                            "that is not the one to convert.")
    contents, found, generator = opened(source, kind)
    if contents.layout == "diffusers":
        raise ArgumentError(f"{source} is a folder of safetensors already, its texts beside them; it is loaded as it is.")
    origin = origin_of(source, found, contents)
    facts = {key: contents.facts[key] for key in formats()[found].FACTS if key in contents.facts}
    beside = {key: value for key, value in facts.items() if isinstance(value, Tensor) and key not in contents.tensors}
    words = {key: value for key, value in facts.items() if not isinstance(value, Tensor)}
    metadata = texts({**words, "format": "pt", "kind": found, "name": contents.name, "origin": origin})
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        save_file({key: apart(value) for key, value in {**contents.tensors, **beside}.items()}, part, metadata=metadata)
        if open_generator(part, kind=found).digest != generator.digest:
            raise CheckpointError(f"{source.name} does not come out of {SUFFIX} as it went in; nothing was written.")
        part.chmod(0o644)       # it is written for its owner only
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return origin


def origin_of(source: Path, kind: str, contents: Contents) -> dict[str, Any]:
    """Where a generator comes from, as plain values; of a file that was converted before, `before` says where that came from."""
    from ganwidgets import __version__

    paths = [path for path in sorted(source.iterdir()) if path.is_file()] if source.is_dir() else [source]
    files = [{"name": path.name, "sha256": hash_of(path), "bytes": path.stat().st_size} for path in paths]
    known = next((each for each in PUBLIC if each.sha256 and str(files[0]["sha256"]).startswith(each.sha256)), None)
    published = {} if known is None else {"published": {
        "name": known.name, "licence": known.licence, "source": known.source, "url": next(iter(known.files.values()))[0]}}
    before = told(contents.facts, "origin")
    return {"files": files, "kind": kind, "converted": datetime.now(UTC).isoformat(timespec="seconds"), "ganwidgets": __version__,
            **published, **({} if before is None else {"before": before})}


def apart(value: Tensor) -> Tensor:
    """The tensor in one piece, and in memory of its own."""
    whole = value.contiguous()
    return whole.clone(memory_format=torch.contiguous_format) if whole.untyped_storage().nbytes() != whole.nbytes else whole
