"""One-step diffusion models (SD-Turbo, SDXL-Turbo) as layered nets: the steps of the U-Net, then those of the decoder."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.digests import WeightDigests
from ganwidgets.core.errors import CheckpointError, LatentsError
from ganwidgets.core.latents import Latents, check_noise, check_seeds, normals, picture_numbers
from ganwidgets.core.nets import Layer, Loaded, full_float32, own_vectors
from ganwidgets.models.chains import ChainGenerator
from ganwidgets.models.checkpoints import in_words
from ganwidgets.models.contents import Contents
from ganwidgets.models.diffusion_net import OneStepNet
from ganwidgets.models.pipelines import build_parts, diffusers
from ganwidgets.models.prompts import PromptReader, as_prompts
from ganwidgets.models.wrapping import frozen

KIND = "diffusion"
PREDICTIONS = ("epsilon", "v_prediction")
LONGEST = 100_000       # steps that a schedule may have


@final
@dataclass(frozen=True, eq=False)
class OneStep(ChainGenerator):
    """A diffusion model that draws in one step (Sauer et al. 2023): z is the noise (n, channels, h, w), the condition a prompt.

    `prompt`: what is drawn where `sample` and `latents` are told none. Guidance, which needs a second run, is off.
    """

    net: OneStepNet = field(repr=False)
    name: str
    layers: tuple[Layer, ...] = field(repr=False)
    image_size: int
    latent_shape: tuple[int, ...]
    reader: PromptReader = field(repr=False)
    prompt: str = ""
    companions: Mapping[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    digests: WeightDigests | None = field(default=None, repr=False)
    loaded: Loaded | None = None

    def prompted(self, prompt: str) -> "OneStep":
        """The same generator, with another prompt for all that is drawn without one. Errors: ArgumentError."""
        self.reader.read(as_prompts(prompt, 1))
        said = f"{self.source}.prompted({prompt!r})"
        return dataclasses.replace(self, prompt=prompt, loaded=Loaded(said, bool(self.loaded and self.loaded.verified)))

    def sample(self, seeds: Any, *, truncation: float = 1.0, labels: Any = None, prompt: Any = None) -> Latents:
        """The latents of numbered pictures. `prompt`: a text for all, or a list of one each; left out, the generator's own.

        Errors: SeedError; ArgumentError for a prompt that is too long or holds what cannot be read, for labels and truncation.
        """
        self._refuse(truncation=truncation, labels=labels)
        numbers = check_seeds(seeds)
        return Latents(numbers, z=normals(numbers, self.latent_shape).to(self.device),
                       condition=self._encoded(prompt, len(numbers)))

    def latents(self, z: Any = None, *, w: Any = None, labels: Any = None, truncation: float = 1.0,
                truncation_cutoff: int | None = None, noise: str | int = "stored", prompt: Any = None) -> Latents:
        """Your own noise, used as given: z (n, *latent_shape); prompt as in `sample`. Errors: LatentsError, ArgumentError."""
        self._refuse(truncation=truncation, labels=labels, w=w, truncation_cutoff=truncation_cutoff)
        z = own_vectors(z, self.latent_shape, name=self.name).to(self.device)
        condition = self._encoded(prompt, len(z))
        return Latents(picture_numbers(z, condition), z=z, condition=condition, noise=check_noise(noise))

    def begin(self, inputs: Latents) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the U-Net reads; the time, the text and the noise. Errors: LatentsError."""
        came = None if inputs.condition is None else tuple(inputs.condition.shape[1:])
        if inputs.condition is None or came != (self.reader.width,):
            raise LatentsError(f"{self.name} draws what a prompt of {self.reader.width} numbers says, and these latents hold "
                               f"{'none' if came is None else came}; `sample` and `latents` take a prompt.")
        text, vector = self.reader.parts(inputs.condition.to(self.device, torch.float32))
        return self.net.begin(self.own_z(inputs).unflatten(1, self.latent_shape), text, vector)

    def advance(self, place: int, x: Tensor, rest: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The features of a layer, and what was kept for the steps after it."""
        if len(x):
            return self.net.step(place, x, *rest)
        # the attentions of diffusers cannot share no picture out among their heads
        x, rest = self.net.step(place, *(part.new_zeros(1, *part.shape[1:]) for part in (x, *rest)))
        return x[:0], tuple(part[:0] for part in rest)

    def _encoded(self, prompt: Any, count: int) -> Float[Tensor, "n d"]:
        return self.reader.read(as_prompts(self.prompt if prompt is None else prompt, count)).to(self.device)


def one_step(unet: Any, vae: Any, text_encoders: Sequence[Any], tokenizers: Sequence[Any], schedule: Mapping[str, Any], *,
             name: str = "one-step") -> OneStep:
    """The adapter around parts of diffusers and transformers, which are left as they are; weights are read as float32.

    `schedule`: the scheduler's config. Errors: CheckpointError for parts that do not fit together, or do not draw in one step.
    """
    timestep, sigma = last_step(schedule, name)
    prediction = schedule.get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        raise CheckpointError(f"the U-Net of {name} predicts {prediction!r}; known here are {' and '.join(PREDICTIONS)}.")
    net: Any = frozen(OneStepNet(unet, vae, timestep=timestep, sigma=sigma, prediction=prediction))
    encoders = tuple(frozen(encoder).to("cpu") for encoder in text_encoders)
    reader = PromptReader(tuple(tokenizers), encoders, net.pooled)
    check_fit(unet, vae, reader, name)
    shape = (unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)
    with in_words(f"the parts of {name} do not fit together"):
        reader.read([""])
        layers, side = measured(net, shape, reader)
    return OneStep(net, name, layers, side, shape, reader)


def last_step(schedule: Mapping[str, Any], name: str) -> tuple[int, float]:
    """The last time of a schedule, and the noise's deviation there, the picture's code being 1. Errors: CheckpointError."""
    count = schedule.get("num_train_timesteps", 1000)
    if not isinstance(count, int) or not 1 <= count <= LONGEST:
        raise CheckpointError(f"the schedule of {name} has {count!r} steps; it must have 1 to {LONGEST:,}.")
    if schedule.get("timestep_spacing") != "trailing":
        raise CheckpointError(f"the schedule of {name} has timestep_spacing {schedule.get('timestep_spacing')!r}: one step of it "
                              "does not start at the last time (\"trailing\"), so this is a net that draws in many steps.")
    signal = float(diffusers().EulerAncestralDiscreteScheduler.from_config(dict(schedule)).alphas_cumprod[-1])
    if not 0 < signal < 1:
        raise CheckpointError(f"the schedule of {name} leaves {signal} of a picture at its last time; it must be between 0 and 1.")
    return count - 1, ((1 - signal) / signal) ** 0.5


def check_fit(unet: Any, vae: Any, reader: PromptReader, name: str) -> None:
    """Errors: CheckpointError for parts of different nets."""
    config, code, text = unet.config, vae.config.latent_channels, reader.widths[0]
    if not isinstance(config.sample_size, int) or config.sample_size < 1:
        raise CheckpointError(f"the U-Net of {name} has the sample_size {config.sample_size!r}; pictures must be square.")
    if (config.in_channels, config.out_channels) != (code, code):
        raise CheckpointError(f"the U-Net of {name} reads {config.in_channels} channels and puts out {config.out_channels}; its "
                              f"VAE reads {code}.")
    if config.cross_attention_dim != text:
        raise CheckpointError(f"the U-Net of {name} reads texts of {config.cross_attention_dim} numbers a token; its text encoders "
                              f"put out {text}.")
    if any(vae.config.get(key) is not None for key in ("latents_mean", "latents_std")):
        raise CheckpointError(f"the VAE of {name} shifts its code by latents_mean, which is unknown here.")


def measured(net: OneStepNet, shape: Sequence[int], reader: PromptReader) -> tuple[tuple[Layer, ...], int]:
    """The layers, and the side of a picture, by a run of shapes alone."""
    given = [torch.zeros(1, *sides, device="meta") for sides in (shape, (reader.length, reader.widths[0]), (reader.widths[1],))]
    with torch.no_grad(), full_float32():
        shapes, picture = frozen(net).to("meta")(*given)
    return tuple(Layer(step.name, *sides[1:]) for step, sides in zip(net.plan, shapes, strict=True)), picture.shape[-1]


def matches(contents: Contents) -> bool:
    """Whether this is a folder of diffusers."""
    return contents.layout == "diffusers"


def build(contents: Contents) -> OneStep:
    """A generator from a folder of diffusers, as its configs say. Errors: CheckpointError."""
    parts = build_parts(contents)
    return one_step(parts.unet, parts.vae, parts.text_encoders, parts.tokenizers, parts.schedule, name=contents.name)
