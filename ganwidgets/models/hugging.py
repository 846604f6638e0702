"""Segmenters, scorers and classifiers of the transformers library, by the names that they have there, or from a folder.

Their image processors work on bytes, one picture at a time; `Preparation` does the same on tensors, so that gradients pass.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ganwidgets.core.concepts import Concept, Segmenter, TextImageScorer, Words
from ganwidgets.core.errors import ArgumentError, CheckpointError
from ganwidgets.core.nets import full_float32
from ganwidgets.models.segmenters import resized
from ganwidgets.models.wrap import WrappedClassifier, wrap_classifier

MODES = {0: "nearest-exact", 2: "bilinear", 3: "bicubic"}       # PIL's numbers of resampling filters
WHOLE = 384                                                      # the side from which on ConvNeXt's processor cuts nothing
TASK = "the task is semantic"                                    # what OneFormer wants to be told
TOLD = ("clipseg", "sam3", "sam3_video")                         # these find what they are told


@final
@dataclass(frozen=True)
class Preparation:
    """What an image processor does to a picture: `size` its sides (one number: the shorter side), `crop`, `mean`, `deviation`.

    Where `size` is one number, the longer side is `longest` at most; both sides are then raised to multiples of `multiple`.
    """

    size: tuple[int, ...] = ()
    longest: int | None = None
    multiple: int = 1
    mode: str = "bilinear"
    crop: tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    deviation: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __call__(self, images: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n 3 h w"]:
        """Pictures in [-1, 1] as the net takes them."""
        x = (images.float().clamp(-1, 1) + 1) / 2
        if self.size:
            x = self._resized(x)
        if self.crop:
            top, left = ((x.shape[side + 2] - self.crop[side]) // 2 for side in (0, 1))
            x = x[:, :, max(0, top):top + self.crop[0], max(0, left):left + self.crop[1]]
        mean, deviation = (torch.tensor(each, device=x.device)[:, None, None] for each in (self.mean, self.deviation))
        return (x - mean) / deviation

    def _resized(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        wanted = self.size if len(self.size) == 2 else self._in_proportion(height, width)
        target = tuple(math.ceil(side / self.multiple) * self.multiple for side in wanted)
        if target == (height, width):
            return x
        smooth: dict[str, Any] = {} if self.mode == "nearest-exact" else {"antialias": True}
        return F.interpolate(x, target, mode=self.mode, **smooth).clamp(0, 1)

    def _in_proportion(self, height: int, width: int) -> tuple[int, int]:
        """The sides when the shorter one is `size`, rounded as the library rounds them."""
        short, long = min(height, width), max(height, width)
        side, exact = self.size[0], float(self.size[0])
        if self.longest and long / short * side > self.longest:
            exact = self.longest * short / long
            side = round(exact)
        other = long if short == side else int(exact * long / short)
        return (side, other) if height <= width else (other, side)


def preparation(processor: Any) -> Preparation:
    """The steps of an image processor of transformers. Errors: ArgumentError for one that does something else."""
    held = processor.to_dict()
    size: Mapping[str, int] = {key: side for key, side in (held.get("size") or {}).items() if side}
    sides = tuple(size[key] for key in (("height", "width") if "height" in size else ("shortest_edge",)) if key in size)
    if held.get("do_resize") and (not sides or held.get("resample", 2) not in MODES):
        raise ArgumentError(f"this processor brings pictures to {dict(size)} with the filter {held.get('resample')}, which is "
                            "unknown here.")
    if not math.isclose(held.get("rescale_factor") or 0, 1 / 255) or held.get("do_rescale") is False or held.get("pad_size"):
        raise ArgumentError("this processor brings pictures to another range than 0..1, or sets them in a frame; that is unknown "
                            "here.")
    wanted = held.get("crop_size") if held.get("do_center_crop") else None
    crop = (wanted["height"], wanted["width"]) if wanted else None
    if held.get("crop_pct") and len(sides) == 1:     # ConvNeXt's: larger and cut where the picture is small, squeezed where not
        side = sides[0]
        sides, crop = ((int(side / held["crop_pct"]),), (side, side)) if side < WHOLE else ((side, side), None)
    normal = held.get("do_normalize")
    return Preparation(sides if held.get("do_resize") else (), size.get("longest_edge"), held.get("size_divisor") or 1,
                       MODES.get(int(held.get("resample") or 2), "bilinear"), crop,
                       tuple(held["image_mean"]) if normal else (0.0, 0.0, 0.0),
                       tuple(held["image_std"]) if normal else (1.0, 1.0, 1.0))


@final
@dataclass(frozen=True, eq=False)
class HuggingSegmenter(Segmenter):
    """A segmenter of transformers. `read` answers probabilities (n, k, h, w) of prepared pictures.

    `exclusive`: a pixel has one concept; else each is found on its own.
    """

    name: str
    concepts: tuple[Concept, ...] = field(repr=False)
    net: nn.Module = field(repr=False)
    prepare: Preparation = field(repr=False)
    read: Callable[[nn.Module, Tensor], Tensor] = field(repr=False)
    exclusive: bool = True

    def probabilities(self, images: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n k h w"]:
        """From 0 to 1 on the pictures' own grid; differentiable."""
        with full_float32():
            weight = next(self.net.parameters())
            return resized(self.read(self.net, self.prepare(images.to(weight.device))), tuple(images.shape[2:]))

    @torch.no_grad()
    def segment(self, images: Float[Tensor, "n 3 H W"]) -> Bool[Tensor, "n k h w"]:
        """The likeliest concept of each pixel, or every one that is likelier than not."""
        likely = self.probabilities(images)
        if not self.exclusive:
            return likely > 0.5
        return F.one_hot(likely.argmax(1), likely.shape[1]).movedim(-1, 1).bool()


@final
@dataclass(frozen=True, eq=False)
class HuggingScorer(TextImageScorer):
    """A text-image net of transformers (CLIP, SigLIP); scores are cosines.

    `length`: the tokens to which a text is filled up, for a net that was trained to read the filling too.
    """

    name: str
    net: Any = field(repr=False)
    prepare: Preparation = field(repr=False)
    tokenizer: Any = field(repr=False)
    length: int | None = field(default=None, repr=False)

    @torch.no_grad()
    def read(self, words: str) -> Words:
        """The text, encoded once. Errors: ArgumentError for an empty one."""
        if not words.strip():
            raise ArgumentError("a scorer needs words; an empty text came.")
        device = next(self.net.parameters()).device
        tokens = tokenized(self.tokenizer, [words], device, self.length)
        said = {"input_ids": tokens["input_ids"]} if self.length else tokens
        with full_float32():
            return Words(words, F.normalize(pooled(self.net.get_text_features(**said)), dim=-1))

    def score(self, images: Float[Tensor, "n 3 H W"], words: Words | str) -> Float[Tensor, " n"]:
        """The cosine of picture and text, from -1 to 1; differentiable."""
        said = self.read(words) if isinstance(words, str) else words
        with full_float32():
            given = self.prepare(images.to(said.encoded.device))
            return F.normalize(pooled(self.net.get_image_features(pixel_values=given)), dim=-1) @ said.encoded[0]


def pooled(answer: Any) -> Tensor:
    """One row a picture or text; versions of the library differ in what they wrap it in."""
    return answer if isinstance(answer, Tensor) else answer.pooler_output


def hugging_segmenter(name: str, device: torch.device, *, words: Sequence[str] = ()) -> HuggingSegmenter:
    """The segmenter of that name; one that finds what it is told needs `words`. Errors: CheckpointError, ArgumentError."""
    library = transformers()
    config = from_library(name, library.AutoConfig)
    if config.model_type in TOLD:
        return told_segmenter(name, config.model_type, device, words)
    universal = type(config) in library.MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING
    kind = library.AutoModelForUniversalSegmentation if universal else library.AutoModelForSemanticSegmentation
    net, prepare = from_library(name, kind), preparation(from_library(name, library.AutoImageProcessor))
    concepts = tuple(Concept(config.id2label[place]) for place in range(len(config.id2label)))
    read = queries(task_tokens(name, config, device)) if universal else logits
    return HuggingSegmenter(name, concepts, ready(net, device), prepare, read)


def told_segmenter(name: str, kind: str, device: torch.device, words: Sequence[str]) -> HuggingSegmenter:
    """A segmenter that finds each of `words`. Errors: CheckpointError, ArgumentError without words."""
    if not words or isinstance(words, str):
        raise ArgumentError(f"{name} finds what it is told; say words=[\"tree\", \"door\"].")
    library = transformers()
    clip = kind == "clipseg"
    net: Any = ready(from_library(name, library.CLIPSegForImageSegmentation if clip else library.Sam3Model), device)
    length = None if clip else net.config.text_config.max_position_embeddings
    tokens = tokenized(from_library(name, library.AutoTokenizer), words, device, length)
    read = found_by_clip(pooled(net.clip.get_text_features(**tokens))) if clip else found_by_sam(tokens)
    return HuggingSegmenter(name, tuple(Concept(word) for word in words), net,
                            preparation(from_library(name, library.AutoImageProcessor)), read, exclusive=False)


def hugging_scorer(name: str, device: torch.device) -> HuggingScorer:
    """The scorer of that name. Errors: CheckpointError, ArgumentError."""
    library = transformers()
    config, net = from_library(name, library.AutoConfig), from_library(name, library.AutoModel)
    if not hasattr(net, "get_image_features") or not hasattr(net, "get_text_features"):
        raise ArgumentError(f"{name} is a {config.model_type}, which does not compare pictures with text; CLIP and SigLIP do.")
    return HuggingScorer(name, ready(net, device), preparation(from_library(name, library.AutoImageProcessor)),
                         from_library(name, library.AutoTokenizer),
                         config.text_config.max_position_embeddings if "siglip" in config.model_type else None)


def hugging_classifier(name: str, device: torch.device, *, layers: Sequence[str]) -> WrappedClassifier:
    """The classifier of that name, stopped at these of its modules. Errors: CheckpointError, LayerError, ArgumentError."""
    library = transformers()
    net = from_library(name, library.AutoModelForImageClassification)
    labels = net.config.id2label
    prepare = preparation(from_library(name, library.AutoImageProcessor))
    side = (prepare.crop or prepare.size or (224,))[0]
    return wrap_classifier(Scores(ready(net, device)), [f"net.{layer}" for layer in layers], image_size=side, name=name,
                           classes=[labels[place] for place in range(len(labels))],
                           preprocess=Preparation(mean=prepare.mean, deviation=prepare.deviation))


@final
class Scores(nn.Module):
    """A classifier of transformers that answers its scores alone."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        return self.net(pixel_values=images).logits


def logits(net: nn.Module, given: Tensor) -> Tensor:
    """Probabilities of a net that has scores for each pixel."""
    return net(pixel_values=given).logits.softmax(1)


def queries(task: Tensor | None) -> Callable[[nn.Module, Tensor], Tensor]:
    """Probabilities of a net that answers queries, each a class and a mask: summed over the queries, and made to sum to 1."""
    def read(net: nn.Module, given: Tensor) -> Tensor:
        said = {} if task is None else {"task_inputs": task.expand(len(given), -1)}
        answer = net(pixel_values=given, **said)
        classes = answer.class_queries_logits.softmax(-1)[..., :-1]      # the last: nothing
        found = torch.einsum("nqc,nqhw->nchw", classes, answer.masks_queries_logits.sigmoid())
        return found / found.sum(1, keepdim=True).clamp(min=1e-6)
    return read


def found_by_clip(said: Float[Tensor, "k d"]) -> Callable[[nn.Module, Tensor], Tensor]:
    """Probabilities of CLIPSeg, for encoded texts; its own forward run asks for no gradient of the picture."""
    def read(net: Any, given: Tensor) -> Tensor:
        seen = net.clip.vision_model(given, output_hidden_states=True, interpolate_pos_encoding=True).hidden_states
        parts = [seen[place + 1] for place in net.extract_layers]
        found = [net.decoder(parts, text.expand(len(given), -1)).logits for text in said]
        return torch.stack(found, 1).sigmoid()
    return read


def found_by_sam(tokens: Mapping[str, Tensor]) -> Callable[[nn.Module, Tensor], Tensor]:
    """Probabilities of SAM 3, which looks at a picture once, and is then told one text after another."""
    def read(net: Any, given: Tensor) -> Tensor:
        seen, found = net.vision_encoder(given), []
        for row in range(len(tokens["input_ids"])):
            said = {key: value[row:row + 1].expand(len(given), -1) for key, value in tokens.items()}
            found.append(net(vision_embeds=seen, **said).semantic_seg.sigmoid())
        return torch.cat(found, 1)
    return read


def tokenized(tokenizer: Any, texts: Sequence[str], device: torch.device, length: int | None = None) -> Any:
    """Texts as tokens, filled up to the longest of them, or to `length`."""
    fill = {"padding": "max_length", "max_length": length} if length else {"padding": True}
    return tokenizer(list(texts), **fill, truncation=True, return_tensors="pt").to(device)


def task_tokens(name: str, config: Any, device: torch.device) -> Tensor | None:
    """The tokens that tell OneFormer its task; None for other nets."""
    if config.model_type != "oneformer":
        return None
    tokenizer = from_library(name, transformers().AutoTokenizer)
    tokens = tokenized(tokenizer, [TASK], device, config.task_seq_len)
    return tokens["input_ids"] * tokens["attention_mask"]        # its processor fills up with zeros


def ready(net: nn.Module, device: torch.device) -> nn.Module:
    """A net that only reads, in float32."""
    return net.eval().requires_grad_(False).float().to(device)


def transformers() -> Any:
    """The library. Errors: ArgumentError where it is not installed."""
    try:
        import transformers as library
    except ImportError as error:
        raise ArgumentError('transformers is not installed; pip install "ganwidgets[models]" brings it.') from error
    return library


def from_library(name: str, kind: Any) -> Any:
    """What the library has under that name. Errors: CheckpointError."""
    try:
        return kind.from_pretrained(name)
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise CheckpointError(f"{name} could not be loaded as a {kind.__name__} of transformers: {first}") from error
