"""A generator of every kind with random weights, some 64 pixels wide: large enough that its layers and not Python take the time."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.models import nets
from ganwidgets.core.nets import LayeredGenerator
from ganwidgets.models.biggan import biggan
from ganwidgets.models.biggan_net import AjbrockNet, HubNet
from ganwidgets.models.biggan_parts import divide
from ganwidgets.models.dcgan import DCGANNet, dcgan
from ganwidgets.models.nvlabs import ClassMapping
from ganwidgets.models.r3gan import R3GANNet, Stage, r3gan
from ganwidgets.models.stylegan2 import stylegan2
from ganwidgets.models.stylegan2_ada import stylegan2_ada
from ganwidgets.models.stylegan2_ada_net import BlockPlan, LayerPlan, StyleGAN2ADANet
from ganwidgets.models.stylegan2_net import StyleGAN2Net, channels_last
from ganwidgets.models.stylegan3 import stylegan3
from ganwidgets.models.stylegan3_net import InputPlan, StyleGAN3Net
from ganwidgets.models.stylegan3_net import LayerPlan as FilteredPlan
from ganwidgets.models.wrap import wrap

WIDTHS, STYLE, CLASSES = (256, 256, 256, 128, 64), 256, 10
# of StyleGAN3's layers: channels, cells along a side, of which `MARGIN` on each side lie beyond the picture, how often sampled
FILTERED = ((256, 36, 2, 2), (256, 36, 2, 2), (256, 52, 4, 2), (181, 52, 2, 2), (128, 84, 4, 2), (91, 84, 2, 2), (64, 84, 2, 2))
MARGIN = 10


def random_net(kind: str) -> LayeredGenerator:
    """The generator of that name in `KINDS`, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return KINDS[kind]()


def mapping() -> ClassMapping:
    """z to w in eight steps."""
    return ClassMapping(STYLE, [(STYLE, STYLE, 0.01)] * 8, None)


def filtered(net: nn.Module) -> Any:
    """The net with filters that keep a flat picture flat."""
    for name, taps in net.named_buffers():
        if name.endswith("filter"):
            taps.fill_(1 / taps.numel())
    return channels_last(net)


def ada(architecture: str) -> LayeredGenerator:
    """A StyleGAN2 of the NVlabs repositories."""
    blocks, taps = [], (4, 4)
    for number, size in enumerate(WIDTHS):
        before = WIDTHS[max(0, number - 1)]
        layers = tuple(LayerPlan(size_in, size, 3, taps, True, 1.0, 256.0) for size_in in ((before, size) if number else (size,)))
        rgb = (1.0, 256.0) if architecture == "skip" or size == WIDTHS[-1] else None
        blocks.append(BlockPlan(layers, taps, rgb, taps if architecture == "resnet" and number else None))
    return stylegan2_ada(filtered(StyleGAN2ADANet(mapping(), blocks, architecture)), architecture)


def alias_free(kernel: int) -> LayeredGenerator:
    """A StyleGAN3: kernel 3 as in -T, 1 with square filters as in -R."""
    plans: list[FilteredPlan] = []
    size_in, side_in = 256, 36
    for number, (size, side, up, down) in enumerate((*FILTERED, (3, 64, 1, 1))):
        last = number == len(FILTERED)
        margin, own = 0 if last or number == len(FILTERED) - 1 else MARGIN, 1 if last else kernel
        side = side if margin else 64
        taps: tuple[Any, Any] = (None, None) if last else ((6 * up,), (12, 12) if kernel == 1 else (12,))
        total = (side - 1) * down + 1 - (side_in + own - 1) * up + sum(each[0] - 1 for each in taps if each)
        before = (total + up) // 2
        plans.append(FilteredPlan(f"L{number}_{side}_{size}", size_in, size, own, side, margin, taps, (up, down),
                                  (before, total - before) * 2, 256.0, 1.0, last))
        size_in, side_in = size, side
    return stylegan3(filtered(StyleGAN3Net(mapping(), InputPlan(256, 36, 16.0, 2.0, 1.0), plans, 0.25)), f"kernel {kernel}")


@torch.no_grad()
def measured(net: HubNet | AjbrockNet) -> LayeredGenerator:
    """A BigGAN whose weights are divided by what random singular vectors tell."""
    for layer in net.modules():
        held: Any = layer._buffers
        if "weight_u" in held:
            weight: Any = layer._parameters["weight_orig"]
            held["weight_v"] = F.normalize(torch.randn(len(weight)) @ weight.flatten(1), dim=0)
            held["weight_u"] = F.normalize(weight.flatten(1) @ held["weight_v"], dim=0)
        elif "u0" in held:
            held["u0"] = torch.randn_like(held["u0"])
    divide(net, "random weights")
    return biggan(channels_last(net), "random weights")


def r3(widths: Sequence[int]) -> LayeredGenerator:
    """An R3GAN with two blocks on each grid."""
    stages = tuple(Stage(width, ((2 * width, width // 16, 3),) * 2, 4 if number else 0) for number, width in enumerate(widths))
    return r3gan(R3GANNet(stages, latent=64, classes=CLASSES, embedding=64), "random weights")


def tutorial() -> DCGANNet:
    """The net of the PyTorch tutorial, at its size."""
    return DCGANNet((512, 256, 128, 64), latent=100, colors=3, kernel=4, norms=(True,) * 4, biases=(False,) * 5)


class Silent:
    """A tokenizer of one prompt, in which nothing is said."""

    model_max_length, unk_token_id = 77, -1

    def __call__(self, prompts: Any, **_: Any) -> SimpleNamespace:
        ids = [0] * self.model_max_length
        return SimpleNamespace(input_ids=ids if isinstance(prompts, str) else torch.tensor([ids]))


def one_step_diffusion() -> LayeredGenerator:
    """SD-Turbo's blocks, a twentieth as wide. Errors: ImportError where diffusers is missing."""
    import diffusers
    import transformers

    from ganwidgets.models.diffusion import one_step

    down, up = ("CrossAttnDownBlock2D",) * 2 + ("DownBlock2D",), ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 2
    unet = diffusers.UNet2DConditionModel(sample_size=16, block_out_channels=(64, 128, 128), layers_per_block=1,
                                          down_block_types=down, up_block_types=up, cross_attention_dim=64,
                                          attention_head_dim=(2, 4, 4))
    vae = diffusers.AutoencoderKL(block_out_channels=(32, 64, 64), down_block_types=("DownEncoderBlock2D",) * 3,
                                  up_block_types=("UpDecoderBlock2D",) * 3, latent_channels=4, sample_size=64)
    encoder = transformers.CLIPTextModel(transformers.CLIPTextConfig(hidden_size=64, intermediate_size=64, num_hidden_layers=1,
                                                                     num_attention_heads=2, vocab_size=8, bos_token_id=0,
                                                                     eos_token_id=1))
    schedule = {"timestep_spacing": "trailing", "prediction_type": "epsilon", "beta_start": 0.00085, "beta_end": 0.012}
    return one_step(unet.eval(), vae.eval(), [encoder.eval()], [Silent()], schedule)


class Drawn(nn.Module):
    """The same as a module of one's own; `past`: with a way past its layers, so that it is no chain."""

    def __init__(self, past: bool) -> None:
        super().__init__()
        self.main, self.past = tutorial().main, past

    def forward(self, z: Tensor) -> Tensor:
        return self.main(z * 1 if self.past else z)


def own(past: bool) -> LayeredGenerator:
    """That module, wrapped."""
    return wrap(Drawn(past), ["main.2", "main.5", "main.8", "main.11"], (100, 1, 1), name="own")


DEEP = ((False, 16, 16), (True, 16, 16), (False, 16, 8), (True, 8, 8), (False, 8, 4), (True, 4, 4), (False, 4, 2), (True, 2, 2))
KINDS: dict[str, Callable[[], LayeredGenerator]] = {
    "storybook": lambda: nets()[0],
    "stylegan2": lambda: stylegan2(channels_last(StyleGAN2Net(WIDTHS, latent=STYLE, mapping=8)), "random weights"),
    "stylegan2-ada": lambda: ada("skip"),
    "stylegan2-ada, resnet": lambda: ada("resnet"),
    "stylegan3-t": lambda: alias_free(3),
    "stylegan3-r": lambda: alias_free(1),
    "biggan-deep": lambda: measured(HubNet(tuple((up, 32 * before, 32 * after) for up, before, after in DEEP), latent=64,
                                           classes=CLASSES, attention=4, rows=51, eps=1e-4)),
    "biggan": lambda: measured(AjbrockNet((512, 256, 128, 64, 32), latent=100, shared=64, classes=CLASSES, looks=(2,), depth=0,
                                          chunk=20, bottom=4, eps=1e-5)),
    "dcgan": lambda: dcgan(tutorial(), "random weights"),
    "r3gan": lambda: r3((256, 256, 192, 128, 64)),
    "one-step diffusion": one_step_diffusion,
    "a wrapped chain": lambda: own(False),
    "a replayed module": lambda: own(True),
}
