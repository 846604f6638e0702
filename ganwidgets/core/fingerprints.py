"""What a result depends on as one key: weights, edits, code, settings and pictures; for files that are kept to be read again."""

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ganwidgets.core.concepts import KnownMasks
from ganwidgets.core.digests import digest, tensor_digest
from ganwidgets.core.edited import EditedNet
from ganwidgets.core.nets import LayeredNet


def fingerprint(record: Mapping[str, Any]) -> str:
    """SHA-256 over a record of plain JSON values, however its keys are ordered."""
    return hashlib.sha256(json.dumps(record, sort_keys=True, allow_nan=False).encode()).hexdigest()


def of_net(net: LayeredNet) -> dict[str, Any]:
    """Everything that can be told of how a net draws: its weights as they are now, its edits, its layers, and its code."""
    inner: Any = net.base if isinstance(net, EditedNet) else net
    return {"name": net.name, "source": inner.source, "weights": digest(net.net), "loaded": net.digest,
            "edits": [edit.to_record() for edit in net.edits] if isinstance(net, EditedNet) else [],
            "layers": [[each.name, each.channels, each.height, each.width] for each in net.layers],
            "settings": settings_of(inner), "tree": hashlib.sha256(repr(net.net).encode()).hexdigest(),
            "code": [code_of(each) for each in _classes(inner, net.net)]}


def of_judge(judge: Any) -> dict[str, Any] | None:
    """The same of a segmenter or of known masks; None where it has neither weights nor code that can be seen."""
    concepts = [[each.name, each.kind, list(each.color)] for each in judge.concepts]
    if isinstance(judge, KnownMasks):
        return {"concepts": concepts, "masks": tensor_digest("masks", judge.masks)}
    held = getattr(judge, "net", None)
    code = [code_of(each) for each in _classes(judge, held)]
    if not all(code):
        return None
    return {"concepts": concepts, "weights": digest(held) if isinstance(held, nn.Module) else "", "settings": settings_of(judge),
            "code": code}


def settings_of(thing: Any) -> dict[str, str]:
    """Digests of the plain values and the tensors that an object holds."""
    found = {}
    for name, value in vars(thing).items() if hasattr(thing, "__dict__") else ():
        if isinstance(value, Tensor):
            found[name] = tensor_digest(name, value)
        elif isinstance(value, (str, int, float, bool, tuple)) or value is None:
            found[name] = hashlib.sha256(repr(value).encode()).hexdigest()
    return found


def code_of(thing: Any) -> str | None:
    """SHA-256 of the file that a class or module is written in, or of its own lines where there is no file; None: unknown."""
    try:
        path = Path(inspect.getsourcefile(thing) or "")
        content = path.read_bytes() if path.is_file() else inspect.getsource(thing).encode()
    except (OSError, TypeError):
        return None
    return hashlib.sha256(content).hexdigest()


def _classes(*things: Any) -> list[type]:
    """The classes of these things and of the modules in them, each once, by name; not those of torch."""
    modules: Iterable[Any] = (module for thing in things if isinstance(thing, nn.Module) for module in thing.modules())
    found = {type(each) for each in (*things, *modules) if each is not None}
    own = [each for each in found if not each.__module__.startswith("torch.")]
    return sorted(own, key=lambda each: f"{each.__module__}.{each.__qualname__}")
