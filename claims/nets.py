"""The bundled nets that claims measure, loaded once, on the CPU, where figures are the same for everyone."""

from functools import cache
from typing import Any

import torch

import ganwidgets as gw
from ganwidgets.models.progan import ProGAN, progan
from ganwidgets.models.progan_net import ProGANNet


@cache
def generator(name: str = "storybook") -> Any:
    return gw.load(name, device="cpu")


@cache
def segmenter() -> Any:
    return gw.load_segmenter("storybook", device="cpu")


@cache
def judge() -> Any:
    return gw.load_segmenter("storybook-judge", device="cpu")


@cache
def classifier() -> Any:
    return gw.load_classifier("storybook", device="cpu")


@cache
def causes() -> Any:
    """The units that PaintBox paints with."""
    return generator().companions["causes"]()


@cache
def untrained() -> ProGAN:
    """A net of the generator's shape with the weights it could have begun with."""
    trained = generator().net
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ProGANNet(trained.channels, latent=trained.latent, upsample=trained.upsample, replicate_from=trained.replicate_from)
    return progan(net, "untrained")


def digests() -> dict[str, str]:
    return {"storybook": generator().digest, "storybook-segmenter": segmenter().digest, "storybook-judge": judge().digest}
