"""ProGAN, StyleGAN2 (rosinality and sequential), BigGAN, DCGAN and R3GAN beside their reference code, on random weights.

REFERENCE_FOLDER holds the repositories of `REFERENCES`, each checked out at its commit. Nothing of them is in this package.
"""

import ast
import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.parity.table import BOUND, Row, heading
from ganwidgets.models.contents import Contents
from ganwidgets.models.formats import formats

SEEDS = (0, 7, 4_294_967_295)
REFERENCES = {
    "dissect": ("davidbau/dissect", "9421eaa8672fd051088de6c0225a385064070935"),
    "stylegan2-pytorch": ("rosinality/stylegan2-pytorch", "bef283a1c24087da704d16c30abc8e36e63efa0e"),
    "rewriting": ("davidbau/rewriting", "8f57af3b0897307f2d671c45cb279672babba6a4"),
    "pytorch-pretrained-BigGAN": ("huggingface/pytorch-pretrained-BigGAN", "1e18aed2dff75db51428f13b940c38b923eb4a3d"),
    "paint-by-word": ("alexandonian/paint-by-word", "ad0832b101a8bbc2d4cb5436498dd8d213c53c5c"),
    "examples": ("pytorch/examples", "77f55b912142e11fcfdf5b530231fb9c52f181e8"),
    "R3GAN": ("Lemutisme/R3GAN", "43926e139f68422979e83eb03cf1d2162f8cf573"),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A reference net, its weights as a file would hold them, and how it draws what our latents say.

    `draw(net, generator, latents, row)` answers the picture; `hooked`: the reference's module of a layer, where it has
    another name; `seen`: what of a module's output are the features.
    """

    format: str
    reference: str
    kind: str
    net: nn.Module
    draw: Callable[..., Tensor]
    manners: tuple[dict, ...] = ({},)
    facts: dict = dataclasses.field(default_factory=dict)
    hooked: Callable[[str], str] = str
    seen: Callable[..., Tensor] = staticmethod(lambda output, layer: output)
    weights: dict | None = None


def main(folder: Path) -> int:
    """Print the table; 0 if every picture and every layer keeps the bound and no reference is missing."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    missing = [name for name in REFERENCES if not (folder / name).is_dir()]
    for name in missing:
        repository, commit = REFERENCES[name]
        print(f"{name} is missing: git clone https://github.com/{repository} {folder / name}; git checkout {commit}")
    print(f"worst differences over {len(SEEDS)} seeds, and where a format has them truncations and classes; bound {BOUND}")
    print(heading())
    kept = not missing
    for name, make in CASES.items():
        if name not in missing:
            for case in make(folder / name):
                kept = compare(case) and kept
    return 0 if kept else 1


@torch.no_grad()
def compare(case: Case) -> bool:
    """Print one row: the worst differences over seeds, truncations and classes. True if both are within the bound."""
    case.net.eval()
    weights = case.net.state_dict() if case.weights is None else case.weights
    g = formats()[case.kind].build(Contents(case.format, {key: value.clone() for key, value in weights.items()}, case.facts))
    picture, worst, deviation = 0.0, (0.0, "", 0.0), 0.0
    for manner in case.manners:
        latents = g.sample(SEEDS, **manner)
        ours = g.images(latents)
        deviation = max(deviation, float(ours.std()))
        features = {layer.name: g.head(latents, layer).features for layer in g.layers}
        for place in range(len(SEEDS)):
            with captured(case, g) as held:
                drawn = case.draw(case.net, g, latents, place).clamp(-1, 1)
            picture = max(picture, float((ours[place] - drawn[0]).abs().max()))
            for name, own in features.items():
                far = float((own[place] - held[name][0].reshape(own[place].shape)).abs().max())
                worst = max(worst, (far, name, float(own.abs().max())))
    repository, commit = REFERENCES[case.reference]
    row = Row(case.format, f"{repository.split('/')[1]} {commit[:7]}", g.image_size, len(g.layers), deviation, picture, worst)
    print(row, flush=True)
    return row.kept


@contextlib.contextmanager
def captured(case: Case, g: Any) -> Iterator[dict[str, Tensor]]:
    """The features of every layer while the reference draws."""
    held: dict[str, Tensor] = {}
    hooks = []
    for layer in g.layers:
        def keep(module: nn.Module, given: Any, output: Any, layer: Any = layer) -> None:
            held[layer.name] = case.seen(output, layer).clone()

        hooks.append(case.net.get_submodule(case.hooked(layer.name)).register_forward_hook(keep))
    yield held
    for hook in hooks:
        hook.remove()


@torch.no_grad()
def shaken(net: nn.Module, spread: float = 0.3) -> nn.Module:
    """The net with every weight moved a little, so that none is left at 0 or 1."""
    for weight in net.parameters():
        weight.add_(spread * torch.randn_like(weight) * (weight.std() if weight.numel() > 1 and weight.std() > 0 else 1))
    return net


def part(name: str, folder: Path, **stubs: types.ModuleType) -> types.ModuleType:
    """An empty package over a folder, so that its modules can be imported without its own `__init__`."""
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    for stub, module in stubs.items():
        sys.modules[f"{name}.{stub}"] = module
        setattr(package, stub, module)
    return package


def operations() -> types.ModuleType:
    """What StyleGAN2's compiled operations do, in plain torch."""
    module: Any = types.ModuleType("op")

    def fused_leaky_relu(x: Tensor, bias: Tensor, negative_slope: float = 0.2, scale: float = 2**0.5) -> Tensor:
        return F.leaky_relu(x + bias.view(1, -1, *[1] * (x.ndim - 2)), negative_slope) * scale

    class FusedLeakyReLU(nn.Module):
        def __init__(self, channels: int, bias: bool = True, negative_slope: float = 0.2, scale: float = 2**0.5) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(channels))

        def forward(self, x: Tensor) -> Tensor:
            return fused_leaky_relu(x, self.bias)

    def upfirdn2d(x: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
        n, c, h, w = x.shape
        spread = x.new_zeros(n, c, h * up, w * up)
        spread[:, :, ::up, ::up] = x
        taps = kernel.flip(0, 1)[None, None].expand(c, 1, *kernel.shape)
        return F.conv2d(F.pad(spread, (*pad, *pad)), taps, groups=c)[:, :, ::down, ::down]

    module.FusedLeakyReLU, module.fused_leaky_relu, module.upfirdn2d = FusedLeakyReLU, fused_leaky_relu, upfirdn2d
    module.conv2d_gradfix = types.SimpleNamespace(conv2d=F.conv2d, conv_transpose2d=F.conv_transpose2d)
    return module


def progan(folder: Path) -> Iterator[Case]:
    """ProGAN in both public layouts."""
    sys.path.insert(0, str(folder))
    code = importlib.import_module("experiment.proggan")
    for sizes in ([16, 16, 12, 8], [24, 24, 20, 16, 12, 8]):
        net = code.ProgressiveGenerator(sizes=sizes)
        yield Case("ProGAN", "dissect", "progan", net, draw=lambda net, g, latents, row: net(latents.z[[row]]))
        state, last = net.state_dict(), len(sizes) * 2 - 2
        older = {f"features.{int(key.split('.')[0][5:]) - 1}.{key.split('.', 1)[1]}" if key.startswith("layer")
                 else f"output.{key.split('.', 1)[1]}": value for key, value in state.items()}
        older |= {f"features.{number}.wscale.scale": torch.ones(1) for number in range(last)}
        yield Case("ProGAN features.N", "dissect", "progan", code.from_state_dict(dict(older)), weights=older,
                   draw=lambda net, g, latents, row: net(latents.z[[row]]))


def rosinality(folder: Path) -> Iterator[Case]:
    """StyleGAN2 with its stored noise, full and truncated."""
    sys.modules["op"] = operations()
    sys.path.insert(0, str(folder))
    code = importlib.import_module("model")

    def draw(net: Any, g: Any, latents: Any, row: int) -> Tensor:
        return net([latents.z[[row]]], truncation=latents.truncation, truncation_latent=average, randomize_noise=False)[0]

    for size, width, steps in ((32, 32, 3), (64, 48, 8)):
        net, average = shaken(code.Generator(size, width, steps, channel_multiplier=1)), torch.randn(width)
        yield Case("StyleGAN2 rosinality", "stylegan2-pytorch", "stylegan2", net, draw, facts={"latent_avg": average},
                   manners=({}, {"truncation": 0.6}))


def sequential(folder: Path) -> Iterator[Case]:
    """The sequential port, whose noise for a picture alone is stored in its place."""
    part("reference_stylegan2", folder / "utils" / "stylegan2", op=operations())
    code = importlib.import_module("reference_stylegan2.models")

    def draw(net: Any, g: Any, latents: Any, row: int) -> Tensor:
        net.latents.truncation = latents.truncation
        cuda, torch.Tensor.cuda = torch.Tensor.cuda, lambda self: self      # type: ignore[assignment,method-assign]
        try:
            return net(latents.z[[row]])
        finally:
            torch.Tensor.cuda = cuda        # type: ignore[method-assign]

    for size, width, steps, form in ((32, 32, 3, None), (64, 48, 8, "seq")):
        net = shaken(code.SeqStyleGAN2(size, width, steps, channel_multiplier=1, mconv=form))
        net.latents.latent_avg = torch.randn(width)
        for name, noise in net.noises.named_buffers():      # the port draws this noise for a picture alone
            noise.copy_(torch.from_numpy(np.random.RandomState(0).randn(*noise.shape).astype("float32")))
            assert name.startswith("noise_")
        yield Case(f"StyleGAN2 sequential {form or 'fast'}", "rewriting", "stylegan2", net, draw,
                   manners=({}, {"truncation": 0.6}), seen=lambda output, layer: output.fmap,
                   hooked=lambda name: "layer2" if name == "conv1" else f"layer{int(name.split('.')[1]) + 3}")


@torch.no_grad()
def settled(net: Any, run: Callable[[], Any]) -> Any:
    """The net with singular vectors as training leaves them, and random statistics."""
    net.train()
    for _ in range(20):
        run()
    for name, held in net.named_buffers():
        if name.endswith(("running_means", "stored_mean", "running_mean")):
            held.normal_(0, 0.3)
        elif name.endswith(("running_vars", "stored_var", "running_var")):
            held.uniform_(0.5, 1.5)
    return net.eval()


def hugging_face(folder: Path) -> Iterator[Case]:
    """BigGAN-deep at truncations between and on stored statistics, with classes and mixtures of classes."""
    cached: Any = types.ModuleType("file_utils")
    cached.cached_path = None
    part("reference_biggan", folder / "pytorch_pretrained_biggan", file_utils=cached)
    model, config = (importlib.import_module(f"reference_biggan.{name}") for name in ("model", "config"))

    def draw(net: Any, g: Any, latents: Any, row: int) -> Tensor:
        return net(latents.truncation * latents.z[[row]], latents.condition[[row]], latents.truncation)

    small = [[False, 16, 16], [True, 16, 8], [False, 8, 8], [True, 8, 4], [False, 4, 4], [True, 4, 2], [False, 2, 2], [True, 2, 1]]
    large = [[False, 16, 16], [True, 16, 16], [False, 16, 16], [True, 16, 8], [False, 8, 8], [True, 8, 4], [False, 4, 4],
             [True, 4, 2], [False, 2, 2], [True, 2, 1]]
    for layers, width, attention in ((small, 4, 3), (large, 4, 8)):
        facts = {"output_dim": 0, "z_dim": 20, "class_embed_dim": 20, "channel_width": width, "num_classes": 7, "layers": layers,
                 "attention_layer_position": attention, "eps": 1e-4, "n_stats": 51}
        net = shaken(model.BigGAN(config.BigGANConfig.from_dict(facts)))
        net.generator.bn.weight.data.normal_(1, 0.2)      # not initialised by the reference
        net.generator.bn.bias.data.normal_(0, 0.2)
        net = settled(net, functools.partial(net, torch.randn(4, 20), torch.eye(7)[:4], 1.0))
        yield Case("BigGAN-deep Hugging Face", "pytorch-pretrained-BigGAN", "biggan", net, draw,
                   facts=facts, seen=grid, manners=({}, {"truncation": 0.58}, {"truncation": 0.37, "labels": 3},
                                                    {"truncation": 0.5, "labels": [[0.25, 0.75, 0, 0, 0, 0, 0]] * 3}))


def grid(output: Tensor, layer: Any) -> Tensor:
    """The first step's rows as a grid, channels last, as the published deep net reads them."""
    if layer.name != "generator.gen_z":
        return output
    return output.view(-1, 4, 4, layer.channels).permute(0, 3, 1, 2)


def ajbrock(folder: Path) -> Iterator[Case]:
    """BigGAN in the other layout: z for each block or not, deep or not, with spectral norm or without."""
    part("reference_ajbrock", folder / "paintbyword" / "models" / "biggan")
    wide, deep = (importlib.import_module(f"reference_ajbrock.{name}").Generator for name in ("biggan", "biggan_deep"))

    def draw(net: Any, g: Any, latents: Any, row: int) -> Tensor:
        return net(latents.truncation * latents.z[[row]], latents.condition[[row]], embed=True)

    for words, make, more in (("hierarchical", wide, {"hier": True}), ("flat", wide, {"hier": False}),
                              ("deep", deep, {"hier": True}), ("unnormed", wide, {"hier": True, "G_param": "none"})):
        for size, width in ((32, 8), (64, 4)):
            net = make(G_ch=width, dim_z=23, resolution=size, G_attn="16" if words == "unnormed" else "32", n_classes=7,
                       G_shared=True, shared_dim=10, no_optim=True, BN_eps=1e-4, **more)
            net = settled(shaken(net), functools.partial(net, torch.randn(4, net.dim_z), torch.arange(4), embed=True))
            yield Case(f"BigGAN ajbrock {words}", "paint-by-word", "biggan", net, draw, facts={"BN_eps": 1e-4},
                       manners=({}, {"truncation": 0.4, "labels": [0, 3, 6]}))


def dcgan(folder: Path) -> Iterator[Case]:
    """The tutorial's generator in colour and grey."""
    tree = ast.parse((folder / "dcgan" / "main.py").read_text())
    kept = [each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "Generator"]
    for latent, width, colors in ((10, 4, 3), (100, 8, 1)):
        known: dict[str, Any] = {"nn": nn, "nz": latent, "ngf": width, "nc": colors}
        exec(compile(ast.Module(kept, []), "dcgan/main.py", "exec"), known)     # the tutorial is a script; its net alone is run
        net = settled(known["Generator"](1), lambda: None)
        yield Case(f"DCGAN {colors} colours", "examples", "dcgan", net,
                   draw=lambda net, g, latents, row: net(latents.z[[row]]).expand(-1, 3, -1, -1))


def r3gan(folder: Path) -> Iterator[Case]:
    """R3GAN with classes and without."""
    if importlib.util.find_spec("pkg_resources") is None:
        stub: Any = types.ModuleType("pkg_resources")
        stub.parse_version = lambda words: tuple(int(each) for each in words.split("+")[0].split(".")[:2])
        sys.modules["pkg_resources"] = stub
    sys.path.insert(0, str(folder))
    code = importlib.import_module("R3GAN.Networks")

    def draw(net: Any, g: Any, latents: Any, row: int) -> Tensor:
        return net(latents.z[[row]], *([latents.condition[[row]]] if g.net.classes else []))

    for widths, groups, blocks, more in (([24, 24, 16], [6, 6, 4], [2, 2, 1], {}),
                                         ([24, 24, 24, 12], [12, 6, 6, 3], [2, 1, 2, 2],
                                          {"ConditionDimension": 5, "ConditionEmbeddingDimension": 9})):
        net = shaken(code.Generator(16, widths, groups, blocks, 2, **more), 0.1)
        words = "of classes" if more else "without classes"
        yield Case(f"R3GAN {words}", "R3GAN", "r3gan", net, draw,
                   manners=({}, {"labels": [0, 2, 4]}) if more else ({},))


CASES: dict[str, Callable[[Path], Iterator[Case]]] = {
    "dissect": progan, "stylegan2-pytorch": rosinality, "rewriting": sequential, "pytorch-pretrained-BigGAN": hugging_face,
    "paint-by-word": ajbrock, "examples": dcgan, "R3GAN": r3gan}
