"""Small files in the form of the NVlabs repositories: the structure of their pickles, with source text of our own."""

import math
import pickle
import pickletools
import sys
import types
from collections import OrderedDict

import numpy as np
import torch

from ganwidgets.models.nvlabs import ClassMapping
from ganwidgets.models.pickles import read_nvlabs
from ganwidgets.models.stylegan2_ada_net import BlockPlan, LayerPlan, StyleGAN2ADANet
from ganwidgets.models.stylegan3_net import InputPlan, StyleGAN3Net
from ganwidgets.models.stylegan3_net import LayerPlan as FilteredPlan

STYLE, LATENT, CLASSES = 10, 12, 3
SOURCE = "raise SystemExit('the source of a checkpoint was run')"


class Persistent:
    """An object that is written as the reference writes its modules."""

    def __init__(self, name, state):
        self.meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": name, "state": state}

    def __reduce__(self):
        return sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj, (self.meta,)


def pickled(whole, protocol=4):
    """The bytes of a pickle whose names lead to modules that exist only while it is written."""
    held = {name: types.ModuleType(name) for name in ("torch_utils", "torch_utils.persistence", "dnnlib", "dnnlib.util")}
    exec("def _reconstruct_persistent_obj(meta): raise SystemExit('a callable of the file was run')",
         vars(held["torch_utils.persistence"]))
    vars(held["torch_utils.persistence"])["_reconstruct_persistent_obj"].__module__ = "torch_utils.persistence"
    held["dnnlib.util"].EasyDict = type("EasyDict", (dict,), {"__module__": "dnnlib.util", "__qualname__": "EasyDict"})
    sys.modules.update(held)
    try:
        settings = held["dnnlib.util"].EasyDict(class_name="training.dataset.ImageFolderDataset", path="pictures.zip")
        return pickle.dumps({"training_set_kwargs": settings, **whole}, protocol=protocol)
    finally:
        for name in held:
            del sys.modules[name]


def modules(net, attributes, path=""):
    """A net's modules as the reference would keep them."""
    state = {"training": False, "_parameters": dict(net._parameters), "_buffers": dict(net._buffers),
             "_non_persistent_buffers_set": set(), "_backward_hooks": OrderedDict(),
             "_modules": {name: modules(part, attributes, f"{path}.{name}".lstrip(".")) for name, part in net.named_children()}}
    return Persistent(type(net).__name__, {**state, **attributes.get(path, {})})


def file(net, attributes, protocol=4):
    """The bytes of a file that holds the net as G_ema."""
    return pickled({"G": None, "D": None, "G_ema": modules(net, attributes), "augment_pipe": None}, protocol)


def linears(net):
    """What the reference says of each linear map."""
    return {path: {"activation": "lrelu" if ".fc" in path else "linear", "bias_gain": part.rate,
                   "weight_gain": np.float64(part.rate / math.sqrt(part.weight.shape[1]))}
            for path, part in net.named_modules() if hasattr(part, "rate")}


def tops(net, size, rows):
    """What the reference says of the generator, its mapping and its synthesis."""
    mapping = net.mapping
    shared = {"w_dim": STYLE, "num_ws": rows}
    sides = {"img_resolution": size, "img_channels": 3}
    kinds = {"z_dim": mapping.latent, "c_dim": mapping.classes}
    return {"": {**shared, **sides, **kinds}, "mapping": {**shared, **kinds, "num_layers": mapping.depth, "w_avg_beta": 0.995},
            "synthesis": {**shared, **sides}}


def random_weights(net):
    """The net with none of its weights at 0 or 1."""
    torch.manual_seed(3)
    for name, held in [*net.named_parameters(), *net.named_buffers()]:
        if name.endswith("filter"):
            taps = torch.rand(held.shape[-1]) + 0.1
            taps = taps + taps.flip(0)
            held.data.copy_((taps[:, None] * taps if held.ndim == 2 else taps) / taps.sum() ** held.ndim)
        elif name.endswith("magnitude_ema"):
            held.data.fill_(0.8)
        elif not name.endswith("transform"):
            held.data.add_(torch.randn_like(held), alpha=0.3)
        if ".torgb." in name and "affine" not in name:
            held.data.mul_(0.1)     # so that pictures keep within -1 and 1
    return net.eval().requires_grad_(False)


def mapping(classes):
    embedding = (classes, STYLE) if classes else None
    return ClassMapping(LATENT, [(LATENT + (STYLE if classes else 0), STYLE, 0.01), (STYLE, STYLE, 0.01)], embedding)


def ada(architecture="skip", classes=0, clamp=None):
    """A StyleGAN2 of 16 pixels, and its attributes."""
    widths, taps = (8, 7, 6), (4, 4)
    torch.manual_seed(2)

    def layer(size_in, size):
        return LayerPlan(size_in, size, 3, taps, True, 1.0, clamp)

    blocks = [BlockPlan(((layer(before, size),) if number else ()) + (layer(size, size),), taps,
                        (1.0, clamp) if architecture == "skip" or number == 2 else None,
                        taps if architecture == "resnet" and number else None)
              for number, (before, size) in enumerate(zip((8, *widths), widths, strict=False))]
    net = random_weights(StyleGAN2ADANet(mapping(classes), blocks, architecture))
    says = {**linears(net), **tops(net, 16, 6)}
    says["synthesis"]["block_resolutions"] = [4, 8, 16]
    for path, _ in net.named_modules():
        if path.endswith(("conv0", "conv1", "torgb")):
            says[path] = {"conv_clamp": clamp, "activation": "lrelu", "use_noise": True, "act_gain": np.float64(2 ** 0.5)}
        if path.count(".") == 1 and path.startswith("synthesis.b"):
            says[path] = {"architecture": architecture, "resolution": int(path[11:])}
    return net, says


def alias_free(kernel=3, classes=0):
    """A StyleGAN3 of 16 pixels, and its attributes: kernel 3 as in -T, 1 with a square filter as in -R."""
    torch.manual_seed(2)
    first = InputPlan(8, 12, 4.0, 1.5, 1.0)
    shape, plans = [(8, 12, 8, 12, 2, 2), (8, 12, 7, 16, 4, 2), (7, 16, 6, 16, 4, 2), (6, 16, 3, 16, 1, 1)], []
    for number, (size_in, side_in, size, side, up, down) in enumerate(shape):
        last = number == 3
        size_of_kernel = 1 if last else kernel
        filters = (None, None) if last else ((3 * up,), (6, 6) if kernel == 1 and number < 2 else (6,))
        total = (side - 1) * down + 1 - (side_in + size_of_kernel - 1) * up + sum(taps[0] - 1 for taps in filters if taps)
        padding = ((total + up) // 2, total - (total + up) // 2) * 2
        plans.append(FilteredPlan(f"L{number}_{side}_{size}", size_in, size, size_of_kernel, side, (4, 4, 0, 0)[number], filters,
                                  (up, down), padding, 256.0, 1.0, last))
    net = random_weights(StyleGAN3Net(mapping(classes), first, plans, 0.25))
    says = {**linears(net), **tops(net, 16, 5)}
    says["synthesis"] |= {"layer_names": [plan.name for plan in plans], "output_scale": 0.25}
    says["synthesis.input"] = {"size": np.array([12, 12]), "sampling_rate": np.float64(4), "bandwidth": np.float64(1.5)}
    for plan, (_, side_in, *_), rate in zip(plans, shape, (4, 4, 8, 16), strict=True):
        says[f"synthesis.{plan.name}"] = {
            "in_size": np.array([side_in] * 2), "out_size": np.array([plan.side] * 2), "is_torgb": plan.last, "conv_clamp": 256,
            "up_factor": plan.factors[0], "down_factor": plan.factors[1], "padding": list(plan.padding), "in_sampling_rate": rate,
            "out_sampling_rate": plan.side - 2 * plan.margin,
            "in_cutoff": np.float64(1.5)}
    return net, says


def contents(home, net, attributes):
    """What is read of a file that holds the net."""
    (home / "held.pkl").write_bytes(file(net, attributes))
    return read_nvlabs(home / "held.pkl")


def check_gradient(g):
    """The gradient of a picture's sum by w is what small steps along it say."""
    w = g.styles(g.sample([2], truncation=0.5)).w.clone().requires_grad_()
    (slope,) = torch.autograd.grad(g.images(g.latents(w=w)).sum(), w)
    along = 0.01 * slope / slope.norm()
    with torch.no_grad():
        up, down = (float(g.images(g.latents(w=w + step)).sum()) for step in (along, -along))
    assert abs((up - down) / 2 / float((slope * along).sum()) - 1) < 0.02


def stream(held):
    """The places in a file's bytes that belong to its pickle stream, those of weights left out."""
    places = np.ones(len(held), bool)
    for opcode, argument, place in pickletools.genops(held):
        if isinstance(argument, bytes) and b"q\x01a." in argument:
            begin = place + (2 if opcode.name == "SHORT_BINBYTES" else 5)
            places[begin + argument.index(b"q\x01a.") + 12:begin + len(argument)] = False
    return np.flatnonzero(places)
