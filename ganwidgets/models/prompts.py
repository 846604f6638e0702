"""What a prompt says to a picture's net: read by CLIP's text encoders, each prompt alone, so that no batch changes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from ganwidgets.core.errors import ArgumentError
from ganwidgets.core.nets import full_float32

KEPT = 256      # prompts that are remembered


@final
@dataclass(frozen=True, eq=False)
class PromptReader:
    """Tokenizers and text encoders, one or two of each. They stay on the CPU, so that a prompt is the same on every device.

    `pooled`: as SDXL reads, from the last layer but one, and as one vector too.
    """

    tokenizers: tuple[Any, ...] = field(repr=False)
    encoders: tuple[Any, ...] = field(repr=False)
    pooled: bool
    kept: dict[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def length(self) -> int:
        """The tokens of a prompt, beginning and end among them."""
        return min(min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
                   for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True))

    @property
    def widths(self) -> tuple[int, int]:
        """How many numbers a token has, and how many the whole text as one vector."""
        return (sum(encoder.config.hidden_size for encoder in self.encoders),
                self.encoders[-1].config.projection_dim if self.pooled else 0)

    @property
    def width(self) -> int:
        """How many numbers a prompt has in all."""
        return self.length * self.widths[0] + self.widths[1]

    def read(self, prompts: Sequence[str]) -> Float[Tensor, "n d"]:
        """Each prompt encoded, a row each: its tokens and then, where it is read, its vector. Errors: ArgumentError."""
        for prompt in dict.fromkeys(prompts):
            if prompt not in self.kept:
                if len(self.kept) >= KEPT:
                    self.kept.clear()
                self.kept[prompt] = self._one(prompt)
        return torch.stack([self.kept[prompt] for prompt in prompts]) if prompts else torch.zeros(0, self.width)

    def parts(self, encoded: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n tokens c"], Float[Tensor, "n v"]]:
        """The tokens and the vectors of encoded prompts."""
        text, vector = encoded.split([self.length * self.widths[0], self.widths[1]], dim=1)
        return text.unflatten(1, (self.length, self.widths[0])), vector

    @torch.no_grad()
    def _one(self, prompt: str) -> Float[Tensor, " d"]:
        read = []
        vector = torch.zeros(1, 0)
        with full_float32():
            for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True):
                self._check(prompt, tokenizer)
                ids = tokenizer([prompt], padding="max_length", max_length=self.length, return_tensors="pt").input_ids
                answer = encoder(ids, output_hidden_states=self.pooled)
                read.append(answer.hidden_states[-2] if self.pooled else answer[0])
                vector = answer[0] if self.pooled else vector
        return torch.cat([torch.cat(read, dim=-1).flatten(1), vector], dim=1)[0].clone()

    def _check(self, prompt: str, tokenizer: Any) -> None:
        """Errors: ArgumentError for a prompt with words that the tokenizer does not know, or with too many."""
        ids, stranger = tokenizer(prompt).input_ids, tokenizer.unk_token_id
        unknown = [word for word in prompt.split() if stranger in tokenizer(word).input_ids[1:-1]]
        if unknown:
            raise ArgumentError(f"the tokenizer does not know {', '.join(map(repr, unknown))}; say it in other words.")
        if len(ids) > self.length:
            cut = tokenizer.decode(ids[self.length - 1:-1]).strip()
            raise ArgumentError(f"a prompt has at most {self.length - 2} tokens, this one has {len(ids) - 2}: {cut[:80]!r} would "
                                "not be read. Say it in fewer words.")


def as_prompts(prompt: Any, count: int) -> list[str]:
    """A prompt for each of so many pictures, from one for all or a list of them. Errors: ArgumentError."""
    if isinstance(prompt, str):
        return [prompt] * count
    if isinstance(prompt, (list, tuple)) and len(prompt) == count and all(isinstance(each, str) for each in prompt):
        return list(prompt)
    raise ArgumentError(f"a prompt is a text for all pictures, or a list of {count}, one for each; {str(prompt)[:64]!r} came.")
