"""StyleGAN2 and StyleGAN3 pickles of the NVlabs repositories: written by the reference with random weights, read and run by ours.

REFERENCE_FOLDER holds checkouts of both repositories under their names, at the commits of `COMMITS`.
"""

import contextlib
import copy
import importlib.machinery
import importlib.util
import pickle
import sys
import tempfile
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.utils.cpp_extension  # brings distutils, which newer Pythons lack and the reference wants
from torch import Tensor

import ganwidgets as gw
from benchmarks.parity.table import BOUND
from ganwidgets.core.latents import normals

ADA, ALIAS_FREE = "stylegan2-ada-pytorch", "stylegan3"
COMMITS = {ADA: "d72cc7d041b42ec8e806021a205ed9349f87c6a4", ALIAS_FREE: "c233a919a6faee6e36a316ddd4eddababad1adf9"}
SEEDS = (0, 7, 4_294_967_295)
SMALL = {"channel_base": 512, "channel_max": 32}
ROTATED = {"conv_kernel": 1, "use_radial_filters": True}


@dataclass(frozen=True)
class Case:
    """A net to compare: whose repository and module, its pictures' side, classes, and what else it is built with."""

    words: str
    repository: str
    module: str
    size: int
    classes: int = 0
    options: dict[str, Any] = field(default_factory=dict)


CASES = [Case(f"stylegan2-ada {architecture}", ADA, "networks", size, classes,
              {"architecture": architecture, "conv_clamp": 256 if classes else None, "num_fp16_res": 2 if classes else 0})
         for architecture in ("skip", "resnet", "orig") for size, classes in ((32, 0), (64, 5))]
CASES += [Case("stylegan2 of stylegan3", ALIAS_FREE, "networks_stylegan2", size, classes) for size, classes in ((32, 4), (64, 0))]
CASES += [Case(f"stylegan3-{kind}", ALIAS_FREE, "networks_stylegan3", size, classes, options)
          for kind, options in (("T", {}), ("R", ROTATED)) for size, classes in ((32, 0), (64, 5))]


def main(folder: Path) -> int:
    """Print the table; 0 if every difference is within the bound."""
    for name, commit in COMMITS.items():
        print(f"https://github.com/NVlabs/{name} at {commit}")
        if not (folder / name).is_dir():
            print(f"{folder / name} is missing; clone it there, and check that commit out")
            return 2
    print(f"{'format':<24} {'size':>4} {'classes':>7} {'layers':>6}  {'pictures':>9} {'features':>9}  at most {BOUND:g}")
    kept = True
    with torch.no_grad(), tempfile.TemporaryDirectory() as home:
        for case in CASES:
            with reference(folder / case.repository):
                whole, layers, count = compared(case, Path(home))
            kept = kept and max(whole, layers) <= BOUND
            print(f"{case.words:<24} {case.size:>4} {case.classes:>7} {count:>6}  {whole:9.1e} {layers:9.1e}  "
                  f"{'kept' if max(whole, layers) <= BOUND else 'NOT KEPT'}", flush=True)
    print("each over truncation 1 and 0.7 with and without a cutoff, noise stored and none, classes whole and mixed")
    return 0 if kept else 1


@contextlib.contextmanager
def reference(folder: Path) -> Iterator[None]:
    """The reference's packages can be imported within, with stand-ins for what it imports and this comparison never calls."""
    for name, values in {"requests": {}, "pkg_resources": {"parse_version": version}}.items():
        if importlib.util.find_spec(name) is None:
            sys.modules[name] = types.ModuleType(name)
            vars(sys.modules[name]).update({"__spec__": importlib.machinery.ModuleSpec(name, None), **values})
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [each for each in sys.modules if each.split(".")[0] in ("training", "dnnlib", "torch_utils")]:
            del sys.modules[name]       # both references call their packages so


def version(words: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    return tuple(int(part) for part in words.split("+")[0].split(".")[:2])


def compared(case: Case, home: Path) -> tuple[float, float, int]:
    """The worst difference of pictures and of features, and how many layers were compared."""
    theirs = made(case)
    path = home / f"{case.module}-{case.size}.pkl"
    path.write_bytes(pickle.dumps({"G": None, "D": None, "G_ema": theirs, "augment_pipe": None, "training_set_kwargs": {}}))
    ours = gw.load_checkpoint(path, device="cpu")
    found = [differences(case, theirs, ours, **how) for how in (
        {"truncation": 1.0, "cutoff": None, "noise": "stored", "mixed": False},
        {"truncation": 0.7, "cutoff": None, "noise": "none", "mixed": True},
        {"truncation": 0.7, "cutoff": 4, "noise": "stored", "mixed": False})]
    return max(whole for whole, _ in found), max(layers for _, layers in found), len(ours.layers)


def made(case: Case) -> Any:
    """A reference net with random weights, none of which is left at 0 or 1, and pictures within -1 and 1."""
    torch.manual_seed(case.size)
    module = importlib.import_module(f"training.{case.module}")
    options = {**SMALL, **case.options}
    nested = {"synthesis_kwargs": options} if case.repository == ADA else options
    net = module.Generator(32, case.classes, 24, case.size, 3, mapping_kwargs={"num_layers": 3}, **nested)
    net = copy.deepcopy(net).eval().requires_grad_(False)
    for name, held in [*net.named_parameters(), *net.named_buffers()]:
        if name.endswith(("bias", "noise_strength", "w_avg", "input.affine.weight")):
            held.add_(torch.randn_like(held), alpha=0.3)
        elif name.endswith("magnitude_ema"):
            held.fill_(0.7)
        elif name.endswith("transform"):
            held.copy_(torch.tensor([[0.96, -0.28, 0.1], [0.28, 0.96, -0.2], [0.0, 0.0, 1.0]]))
    largest = max(float(run(net, net.mapping(*inputs(case, mixed=False)), "stored")[0].abs().max()), 1.0)
    for name, part in net.named_modules():
        if name.split(".")[-1] == getattr(net.synthesis, "layer_names", ["torgb"])[-1]:
            part.weight.div_(largest)
            part.bias.div_(largest)
    return net


def inputs(case: Case, *, mixed: bool) -> tuple[Tensor, Tensor | None]:
    """z and classes: whole ones, or shares of them."""
    z = normals(SEEDS, (32,))
    if not case.classes:
        return z, None
    rows = torch.arange(len(SEEDS))
    labels = torch.nn.functional.one_hot(rows + 1, case.classes).float()
    return z, (labels + labels.roll(1, 0)) / 2 if mixed else labels


def run(net: Any, ws: Tensor, noise: str) -> tuple[Tensor, dict[str, Tensor]]:
    """The reference's pictures, and what each of its layers answered."""
    seen: dict[str, Tensor] = {}
    hooks = [part.register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out))
             for name, part in net.synthesis.named_modules() if type(part).__name__ == "SynthesisLayer"]
    pictures = net.synthesis(ws, noise_mode={"stored": "const"}.get(noise, noise), force_fp32=True)
    for hook in hooks:
        hook.remove()
    return pictures, {name: out.clone() for name, out in seen.items()}


def differences(case: Case, theirs: Any, ours: Any, *, truncation: float, cutoff: int | None, noise: str,
                mixed: bool) -> tuple[float, float]:
    """The worst difference of pictures and of features."""
    z, labels = inputs(case, mixed=mixed)
    pictures, seen = run(theirs, theirs.mapping(z, labels, truncation_psi=truncation, truncation_cutoff=cutoff), noise)
    latents = ours.latents(z, labels=labels, truncation=truncation, truncation_cutoff=cutoff, noise=noise)
    whole = float((ours.images(latents) - pictures.clamp(-1, 1)).abs().max())
    layers = [float((ours.head(latents, layer).features - within(seen[layer.name], layer.height)).abs().max())
              for layer in ours.layers]
    return whole, max(layers)


def within(features: Tensor, side: int) -> Tensor:
    """The middle of a layer's features, where the picture is; the next layers' would differ if what lies around it did."""
    margin = (features.shape[-1] - side) // 2
    return features[:, :, margin:margin + side, margin:margin + side]
