"""A one-step diffusion model as a chain of steps: the U-Net's blocks, opened, over what skips past them, then the decoder's.

The modules are those of diffusers, which are run one after another here. What a step reads beside x is its rest, a stack:
the time's embedding, the text, the noise, every feature that an up block reads again, and within an attention what is added
to it. The decoder reads x alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ganwidgets.core.errors import CheckpointError

Rest = tuple[Tensor, ...]
EMBEDDING, TEXT, NOISE = range(3)       # places in the rest
BLOCKS = ("DownBlock2D", "CrossAttnDownBlock2D", "UpBlock2D", "CrossAttnUpBlock2D", "UNetMidBlock2DCrossAttn")


@dataclass(frozen=True)
class Step:
    """A step of the chain, a layer each: `act(module at path, x, rest)` answers x and rest; `skip`: what it reads is kept."""

    name: str
    act: Callable[[Any, Tensor, Rest], tuple[Tensor, Rest]]
    path: str
    skip: bool = False


class OneStepNet(nn.Module):
    """A U-Net that is run once, at `timestep`, where noise has the deviation `sigma`; and the decoder of an autoencoder.

    `prediction`: what the U-Net puts out, "epsilon" (the noise) or "v_prediction".
    Errors: CheckpointError for a U-Net of other blocks than those of Stable Diffusion.
    """

    def __init__(self, unet: Any, vae: Any, *, timestep: int, sigma: float, prediction: str) -> None:
        super().__init__()
        self.unet, self.vae = unet, vae
        self.timestep, self.sigma, self.prediction = timestep, sigma, prediction
        check_unet(unet)
        self.tiny = not hasattr(vae.decoder, "up_blocks")
        self.plan = [*unet_steps(unet), *(tiny_steps(vae) if self.tiny else decoder_steps(vae))]

    @property
    def pooled(self) -> bool:
        """Whether it also reads the text as one vector, and the picture's sizes, as SDXL does."""
        return self.unet.config.addition_embed_type == "text_time"

    def begin(self, z: Tensor, text: Tensor, vector: Tensor) -> tuple[Tensor, Rest]:
        """What the first step reads, and the rest. `vector`: the text as one (n, d); of no length where it is not read."""
        noisy = z * (self.sigma / (self.sigma ** 2 + 1) ** 0.5)
        added = {"text_embeds": vector, "time_ids": self._sizes(z)} if self.pooled else None
        embedding = self.unet.time_embedding(self.unet.get_time_embed(noisy, self.timestep))
        more = self.unet.get_aug_embed(embedding, text, added)
        embedding = embedding if more is None else embedding + more
        embedding = self.unet.time_embed_act(embedding) if self.unet.time_embed_act is not None else embedding
        return noisy, (embedding, text, z)

    def step(self, place: int, x: Tensor, *rest: Tensor) -> tuple[Tensor, Rest]:
        """The features of a layer from those of the layer before, and what the steps after it read beside them."""
        step = self.plan[place]
        return step.act(self.get_submodule(step.path), x, (*rest, x) if step.skip else rest)

    def picture(self, x: Tensor, *_: Tensor) -> Tensor:
        """Pictures in [-1, 1]."""
        decoder = self.vae.decoder
        if self.tiny:
            return (decoder.layers[ends(decoder)[-1]:](x) * 2 - 1).clamp(-1, 1)
        return decoder.conv_out(decoder.conv_act(decoder.conv_norm_out(x))).clamp(-1, 1)

    def forward(self, z: Tensor, text: Tensor, vector: Tensor) -> tuple[list[tuple[int, ...]], Tensor]:
        """The shapes of all layers in a run, and the pictures."""
        x, rest = self.begin(z, text, vector)
        shapes = []
        for place in range(len(self.plan)):
            x, rest = self.step(place, x, *rest)
            shapes.append(tuple(x.shape))
        return shapes, self.picture(x, *rest)

    def denoised(self, predicted: Tensor, z: Tensor) -> Tensor:
        """The decoder's input: the picture's code behind noise of deviation `sigma` (Karras et al. 2022, section 5)."""
        if self.prediction == "epsilon":
            found = self.sigma * (z - predicted)
        else:
            found = (self.sigma * z - self.sigma * (self.sigma ** 2 + 1) ** 0.5 * predicted) / (self.sigma ** 2 + 1)
        return found / self.vae.config.scaling_factor

    def _sizes(self, z: Tensor) -> Tensor:
        side = z.shape[-1] * scale_of(self.vae)
        return z.new_tensor([side, side, 0, 0, side, side]).expand(len(z), -1)


def scale_of(vae: Any) -> int:
    """How many pixels of a picture's side stand behind one of its code."""
    if hasattr(vae.decoder, "up_blocks"):
        return 2 ** (len(vae.config.block_out_channels) - 1)
    return vae.config.upsampling_scaling_factor ** (len(vae.config.num_decoder_blocks) - 1)


def check_unet(unet: Any) -> None:
    """Errors: CheckpointError for a U-Net that is built or conditioned in a way that is unknown here."""
    held = [*unet.down_blocks, unet.mid_block, *unet.up_blocks]
    strange = sorted({type(block).__name__ for block in held} - set(BLOCKS))
    strange += sorted({type(attention).__name__ for block in held for attention in getattr(block, "attentions", ())}
                      - {"Transformer2DModel"})
    if strange:
        raise CheckpointError(f"this U-Net has parts of the kind {', '.join(strange)}; known here are {', '.join(BLOCKS)}, with "
                              "attentions of the kind Transformer2DModel.")
    more = {"class_embed_type": (None,), "num_class_embeds": (None,), "encoder_hid_dim_type": (None,), "encoder_hid_dim": (None,),
            "addition_embed_type": (None, "text_time"), "center_input_sample": (False,)}
    for key, known in more.items():
        if unet.config.get(key, known[0]) not in known:
            raise CheckpointError(f"this U-Net has {key}={unet.config[key]!r}; known here is {' or '.join(map(repr, known))}.")


def unet_steps(unet: Any) -> Iterator[Step]:
    """The U-Net as steps; the last of a block bears the block's name."""
    yield Step("unet.conv_in", alone, "unet.conv_in")
    for number, block in enumerate(unet.down_blocks):
        path = f"unet.down_blocks.{number}"
        yield from named(path, [*pairs(block, path, resnet, skip=True),
                                *(Step("", alone, f"{path}.downsamplers.{at}", skip=True)
                                  for at in range(len(block.downsamplers or ())))])
    path = "unet.mid_block"
    steps = [Step(f"{path}.resnets.0", resnet, f"{path}.resnets.0", skip=True)]
    for number, attention in enumerate(unet.mid_block.attentions):
        steps += attention_steps(attention, f"{path}.attentions.{number}")
        steps.append(Step(f"{path}.resnets.{number + 1}", resnet, f"{path}.resnets.{number + 1}"))
    yield from named(path, steps)
    for number, block in enumerate(unet.up_blocks):
        path = f"unet.up_blocks.{number}"
        steps = [*pairs(block, path, joined, skip=False),
                 *(Step("", larger, f"{path}.upsamplers.{at}") for at in range(len(block.upsamplers or ())))]
        yield from named(path, steps)
    yield Step("unet.conv_out", predicted, "unet")


def named(path: str, steps: Sequence[Step]) -> Iterator[Step]:
    """A block's steps, the last under the block's own name."""
    yield from steps[:-1]
    yield Step(path, steps[-1].act, steps[-1].path, steps[-1].skip)


def pairs(block: Any, path: str, act: Callable, *, skip: bool) -> Iterator[Step]:
    """The resnets of a block, and after each its attention, where it has any."""
    for number in range(len(block.resnets)):
        yield Step(f"{path}.resnets.{number}", act, f"{path}.resnets.{number}", skip)
        if getattr(block, "has_cross_attention", False):
            yield from attention_steps(block.attentions[number], f"{path}.attentions.{number}")


def attention_steps(attention: Any, path: str) -> Iterator[Step]:
    """The transformer blocks of an attention, whose tokens are seen as a map, and what they add to its input."""
    yield Step(f"{path}.transformer_blocks.0", spread, path)
    for number in range(1, len(attention.transformer_blocks)):
        yield Step(f"{path}.transformer_blocks.{number}", tokens, f"{path}.transformer_blocks.{number}")
    yield Step(path, gathered, path)


def decoder_steps(vae: Any) -> Iterator[Step]:
    """The decoder of an AutoencoderKL as steps."""
    yield Step("vae.decoder.conv_in", opened, "")
    yield Step("vae.decoder.mid_block", alone, "vae.decoder.mid_block")
    for number in range(len(vae.decoder.up_blocks)):
        yield Step(f"vae.decoder.up_blocks.{number}", alone, f"vae.decoder.up_blocks.{number}")


def tiny_steps(vae: Any) -> Iterator[Step]:
    """The decoder of an AutoencoderTiny as steps, each up to the end of one of its blocks."""
    stops = ends(vae.decoder)
    yield Step(f"vae.decoder.layers.{stops[0] - 1}", partial(squeezed, stop=stops[0]), "")
    for start, stop in zip(stops, stops[1:], strict=False):
        yield Step(f"vae.decoder.layers.{stop - 1}", partial(along, start=start, stop=stop), "vae.decoder.layers")


def ends(decoder: Any) -> list[int]:
    """Where the blocks of a tiny decoder end, in its row of layers."""
    return [place + 1 for place, layer in enumerate(decoder.layers) if type(layer).__name__ == "AutoencoderTinyBlock"]


def alone(module: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """A module that reads x alone."""
    return module(x), rest


def resnet(module: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """A residual block, which reads the time too."""
    return module(x, rest[EMBEDDING]), rest


def joined(module: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """A residual block of the way up, which reads what was kept last on the way down."""
    return module(torch.cat([x, rest[-1]], dim=1), rest[EMBEDDING]), rest[:-1]


def larger(module: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """An upsampler: to the grid of what is joined next."""
    wanted = tuple(rest[-1].shape[2:])
    return module(x, None if wanted == (2 * x.shape[2], 2 * x.shape[3]) else wanted), rest


def spread(module: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """The beginning of an attention, and its first block; its input is added to what it puts out, and kept until then."""
    given = module.norm(x)
    if module.use_linear_projection:
        given = as_map(module.proj_in(as_tokens(given)), x)
    else:
        given = module.proj_in(given)
    return tokens(module.transformer_blocks[0], given, (*rest, x))


def tokens(module: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """A transformer block, which looks at the text."""
    return as_map(module(as_tokens(x), encoder_hidden_states=rest[TEXT]), x), rest


def gathered(module: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """The end of an attention."""
    added = as_map(module.proj_out(as_tokens(x)), x) if module.use_linear_projection else module.proj_out(x.contiguous())
    return added + rest[-1], rest[:-1]


def predicted(module: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """The end of the U-Net."""
    if module.conv_norm_out is not None:
        x = module.conv_act(module.conv_norm_out(x))
    return module.conv_out(x), rest


def opened(net: Any, x: Tensor, rest: Rest) -> tuple[Tensor, Rest]:
    """The beginning of the decoder: from what the U-Net said to a code without noise."""
    code, vae = net.denoised(x, rest[NOISE]), net.vae
    return vae.decoder.conv_in(code if vae.post_quant_conv is None else vae.post_quant_conv(code)), ()


def squeezed(net: Any, x: Tensor, rest: Rest, *, stop: int) -> tuple[Tensor, Rest]:
    """The beginning of a tiny decoder, which keeps its input between -3 and 3."""
    return along(net.vae.decoder.layers, (net.denoised(x, rest[NOISE]) / 3).tanh() * 3, (), start=0, stop=stop)


def along(layers: Any, x: Tensor, rest: Rest, *, start: int, stop: int) -> tuple[Tensor, Rest]:
    """Some layers of a row."""
    return layers[start:stop](x), rest


def as_tokens(x: Tensor) -> Tensor:
    """A map (n, c, h, w) as tokens (n, h * w, c)."""
    return x.flatten(2).transpose(1, 2)


def as_map(x: Tensor, like: Tensor) -> Tensor:
    """Tokens (n, h * w, c) as a map on the grid of another."""
    return x.transpose(1, 2).unflatten(2, like.shape[2:])
