"""A small file of every format that can be opened, written as others write it: `SMALL[name](folder)` answers its path."""

import copy
import json
from functools import cache

import torch
from safetensors.torch import save_file

from .nvlabs_files import ada, alias_free, file
from .tiny_nets import CONFIG, ajbrock_state, hub_state, progan_net, r3gan_state, stylegan2_net, tutorial


@cache
def progan_state():
    return progan_net(channels=(8, 8, 6, 6), latent=8).state_dict()


@cache
def stylegan2_state():
    state = stylegan2_net((8, 6), latent=8, mapping=1).state_dict()
    return {key: value for key, value in state.items() if key != "latent_avg"}


def torch_file(state, name, wrap=dict, new=True):
    """Writes what torch.save makes of a state, as it is or `wrap`ped."""
    state = cache(state)

    def write(folder, hurt=dict):
        torch.save(wrap(hurt(state())), folder / name, _use_new_zipfile_serialization=new)
        return folder / name

    return write


def nvlabs_file(made, *arguments):
    """Writes an NVlabs pickle."""
    made = cache(made)

    def write(folder, hurt=dict):
        net, says = copy.deepcopy(made(*arguments))
        before, owners = net.state_dict(), dict(net.named_modules())
        after = hurt(before)
        for key in before.keys() | after.keys():
            path, _, name = key.rpartition(".")
            owner = owners.get(path)
            if owner is None:
                net._buffers[key] = after[key]
            else:
                (owner._parameters if name in owner._parameters else owner._buffers)[name] = after.get(key)
        (folder / "small.pkl").write_bytes(file(net, says))
        return folder / "small.pkl"

    return write


HUB = cache(hub_state)


def hub(folder, hurt=dict):
    place = folder / "biggan-deep-16"
    place.mkdir()
    torch.save(hurt(HUB()), place / "pytorch_model.bin")
    (place / "config.json").write_text(json.dumps(CONFIG))
    return place


def safetensors(folder, hurt=dict):
    save_file({key: value.contiguous() for key, value in hurt(progan_state()).items()}, folder / "small.safetensors",
              metadata={"note": "a test"})
    return folder / "small.safetensors"


def in_training(state):
    """As rosinality's training script keeps it, the mean of w beside it."""
    return {"g": {key: value * 0 for key, value in stylegan2_state().items()}, "g_ema": state, "latent_avg": torch.arange(8) / 8}


SMALL = {
    "progan": torch_file(progan_state, "small.pth", lambda state: {"state_dict": state}),
    "progan-older": torch_file(progan_state, "older.pth", new=False),
    "stylegan2": torch_file(stylegan2_state, "small.pt", in_training),
    "stylegan2-ada": nvlabs_file(ada), "stylegan3": nvlabs_file(alias_free), "biggan-hub": hub,
    "biggan": torch_file(ajbrock_state, "small.pth"), "dcgan": torch_file(tutorial, "netG.pth"),
    "r3gan": torch_file(r3gan_state, "small.pth", lambda state: {"G_ema": state}), "safetensors": safetensors}
VARIANTS = {
    "stylegan2 of no mean": torch_file(stylegan2_state, "bare.pt"),
    "stylegan2-ada of classes": nvlabs_file(ada, "skip", 3), "stylegan2-ada, residual": nvlabs_file(ada, "resnet", 0, 256.0),
    "stylegan3-r": nvlabs_file(alias_free, 1), "stylegan3 of classes": nvlabs_file(alias_free, 3, 3),
    "biggan, deep": torch_file(lambda: ajbrock_state(deep=True), "deep.pth"),
    "biggan of tf hub": torch_file(ajbrock_state, "tfbiggan_16.pth"),
    "biggan with its eps": torch_file(lambda: {"G_ema": ajbrock_state(), "BN_eps": 1e-3}, "eps.pth"),
    "r3gan of classes": torch_file(lambda: {"G_ema": {f"Model.{key}": value for key, value in r3gan_state(4).items()}},
                                   "classes.pth"),
    "dcgan in half precision": torch_file(lambda: {key: value.half() if value.is_floating_point() else value
                                                   for key, value in tutorial().items()}, "half.pth")}
