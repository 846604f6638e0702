"""The nets that are timed: storybook and its segmenter, or where they are not here, random ones of their shape."""

import torch

from ganwidgets.core.concepts import Concept, Segmenter
from ganwidgets.core.nets import LayeredGenerator

CHANNELS = (128, 128, 128, 128, 112, 112, 48, 48, 24, 24)
WIDTHS = (16, 32, 64, 80, 28)
CONCEPTS = 24


def nets() -> tuple[LayeredGenerator, Segmenter]:
    """The bundled pair on the CPU, or the stand-ins; both cost the same time a picture."""
    import ganwidgets as gw

    if "storybook" in gw.available():
        generator = gw.load("storybook", device="cpu")
        try:
            return generator, gw.load_segmenter("storybook", device="cpu")
        except gw.errors.CheckpointError:
            return generator, random_segmenter()
    return random_generator(), random_segmenter()


def random_generator() -> LayeredGenerator:
    """Of storybook's shape, its weights random."""
    from ganwidgets.models.progan import progan
    from ganwidgets.models.progan_net import ProGANNet

    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ProGANNet(CHANNELS, latent=128).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return progan(net, "random weights")


def random_segmenter() -> Segmenter:
    """Of the bundled segmenter's shape, its weights random."""
    from ganwidgets.models.segmenter_nets import ARCHITECTURES
    from ganwidgets.models.segmenters import StorybookSegmenter

    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = ARCHITECTURES["unet"](WIDTHS, CONCEPTS, norm=False).to(memory_format=torch.channels_last)
    return StorybookSegmenter(tuple(Concept(f"concept {i}") for i in range(CONCEPTS)), net, "random weights", "unet")
