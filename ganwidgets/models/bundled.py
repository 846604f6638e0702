"""The files of the bundle's readers of pictures: float16 weights, with all that is needed to build the net beside them."""

import abc
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import CheckpointError, ConceptError
from ganwidgets.models.contents import check_finite, texts


@runtime_checkable
class Holder(Protocol):
    """What is built around a net."""

    @property
    def net(self) -> nn.Module:
        """The net."""


Built = TypeVar("Built", bound=Holder)


class Reader(abc.ABC):  # noqa: B024
    """A frozen dataclass around a `net` that learns nothing from here on; says what its weights are and where they lie."""

    net: nn.Module
    digests: WeightDigests

    def __post_init__(self) -> None:
        self.net.requires_grad_(False).eval()
        object.__setattr__(self, "digests", WeightDigests(self.net))

    @property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        return self.digests.whole

    @property
    def device(self) -> torch.device:
        """Where the net lies; pictures are brought there."""
        return next(self.net.parameters()).device


def save_bundled(path: str | Path, net: nn.Module, form: str, about: Mapping[str, Any] | None = None, **facts: Any) -> None:
    """Writes a net as float16; of `facts`, which build it, texts are kept as they are, all else as JSON, and so is `about`."""
    tensors = {key: tensor.detach().half().contiguous().cpu() for key, tensor in net.state_dict().items()}
    save_file(tensors, path, metadata=texts({"format": form, **facts, "about": dict(about or {})}))
    Path(path).chmod(0o644)     # it is written for its owner only


def load_bundled(path: str | Path, kind: str, form: str, device: str | torch.device,
                 build: Callable[[Mapping[str, str], Mapping[str, Any]], Built]) -> Built:
    """What `build` makes of the facts and the `about` of a file that `save_bundled` wrote, its net filled, in float32.

    `build` may fail in any way that damaged facts lead to; what it says as a CheckpointError is for the user.
    Errors: CheckpointError for a file that is no such `kind`, is damaged, or has numbers that are not finite.
    """
    path = Path(path)
    facts, tensors = read_bundled(path, kind, form)
    try:
        built = build(facts, dict(json.loads(facts.get("about", "{}"))))
        built.net.load_state_dict(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{path.name}: {error}") from None
    except (ConceptError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path.name} is damaged: {type(error).__name__}: {error}") from None
    check_finite(tensors, path.name)
    built.net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return built


def read_bundled(path: Path, kind: str, form: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What stands beside the weights, and the weights in float32. Errors: CheckpointError for a file that is no such `kind`."""
    try:
        with safe_open(path, framework="pt") as held:
            facts = held.metadata() or {}
            tensors = {name: held.get_tensor(name).float() for name in held.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path.name} cannot be read as a {kind}: {error}.") from None
    if facts.get("format") != form:
        raise CheckpointError(f"{path.name} is no {kind}: its format is {facts.get('format')!r} and not {form!r}.")
    return facts, tensors
