"""The files of the bundle's readers of pictures: float16 weights, with all that is needed to build the net beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ganwidgets.core.errors import CheckpointError
from ganwidgets.models.contents import texts


def write_bundled(path: str | Path, net: nn.Module, meta: Mapping[str, Any], about: Mapping[str, Any] | None = None) -> None:
    """Writes a net as float16; of `meta` texts are kept as they are, all else as JSON, and so is `about`."""
    tensors = {key: tensor.detach().half().contiguous().cpu() for key, tensor in net.state_dict().items()}
    facts = {**meta, "about": dict(about or {})}
    save_file(tensors, path, metadata=texts(facts))
    Path(path).chmod(0o644)     # it is written for its owner only


def read_bundled(path: Path, kind: str, form: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What stands beside the weights, and the weights in float32. Errors: CheckpointError for a file that is no such `kind`."""
    try:
        with safe_open(path, framework="pt") as held:
            meta = held.metadata() or {}
            tensors = {name: held.get_tensor(name).float() for name in held.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path.name} cannot be read as a {kind}: {error}.") from None
    if meta.get("format") != form:
        raise CheckpointError(f"{path.name} is no {kind}: its format is {meta.get('format')!r} and not {form!r}.")
    return meta, tensors
