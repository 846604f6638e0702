"""The laws that every text-image scorer keeps; a check raises AssertionError and says which law broke."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ganwidgets.core.concepts import TextImageScorer, Words
from ganwidgets.core.errors import GanwidgetsError
from ganwidgets.testing.laws import CLOSE, _global_randomness, _law, _raises

STRANGER = "qwxzk"      # no scorer was taught it


def check_scorer(s: TextImageScorer, images: Tensor, texts: Sequence[str]) -> None:
    """Every law of a scorer, on a few different pictures (n, 3, h, w) in [-1, 1] and texts that it can read, at least two each.

    Errors: AssertionError, "broken law: ..." with the law in words.
    """
    before, read = _global_randomness(), [s.read(text) for text in texts]
    with torch.no_grad():
        scores = [s.score(images, words) for words in read]
        for text, words, found in zip(texts, read, scores, strict=True):
            _check_words(s, images, text, words, found)
        _law(not torch.equal(scores[0], scores[1]), "two texts give two scores")
        with torch.autocast(images.device.type, dtype=torch.bfloat16):
            _law(torch.equal(s.score(images, s.read(texts[0])), scores[0]),
                 "texts and pictures are scored in float32, also where autocast is on")
    _check_gradient(s, images, read[0], scores[0])
    _check_refusals(s, images, texts[0])
    _law(_global_randomness() == before, "no random number is taken from a global source")


def _check_words(s: TextImageScorer, images: Tensor, text: str, words: Words, scores: Tensor) -> None:
    _law(words.text == text, f"a text that was read carries its words; {words.text!r} came for {text!r}")
    _law(not words.encoded.requires_grad, "a text that was read asks for no gradient")
    _law(tuple(scores.shape) == (len(images),), f"there is a score a picture; {tuple(scores.shape)} came for {len(images)}")
    _law(scores.dtype == torch.float32 and bool(torch.isfinite(scores).all()), "scores are finite and float32")
    _law(torch.equal(s.score(images, text), scores), "a text scores as it does once it was read, bit for bit")
    _law(float((s.score(images[:1], words) - scores[:1]).abs().max()) <= CLOSE, f"a picture alone scores as in a batch, within {CLOSE}")
    back = float((s.score(images.flip(0), words).flip(0) - scores).abs().max())
    _law(back <= CLOSE, f"a score does not depend on a picture's place in a batch, within {CLOSE}; it differs by {back:.2g}")
    larger = torch.nn.functional.interpolate(images, scale_factor=2, mode="bilinear")
    _law(tuple(s.score(larger, words).shape) == (len(images),), "pictures of another size are scored too")


def _check_gradient(s: TextImageScorer, images: Tensor, words: Words, scores: Tensor) -> None:
    """Each picture's score has a slope at that picture and at no other, and to follow it raises the score."""
    moved = (images.detach() * 0.9).requires_grad_()
    first = s.score(moved, words)
    slope, = torch.autograd.grad(first[0], moved)
    _law(bool(torch.isfinite(slope).all()) and float(slope[0].abs().max()) > 0, "a score can be followed back to its picture")
    _law(float(slope[1:].abs().max()) == 0, "a picture's score depends on no other picture of the batch")
    with torch.no_grad():
        after = s.score(moved + slope * (0.01 / slope.abs().max()), words)
    _law(float(after[0]) > float(first[0]), "a small step along the slope raises the score")
    _law(torch.equal(s.score(images, words).detach(), scores), "asking for a slope changes no score")


def _check_refusals(s: TextImageScorer, images: Tensor, text: str) -> None:
    _law(s.unknown(text) == (), f"the words of {text!r} are known")
    _law(STRANGER in s.unknown(f"{text} {STRANGER}"), "a word that was never taught is named")
    _law(_raises(GanwidgetsError, lambda: s.read(STRANGER)), "a text with no known word is refused in words")
    _law(_raises(GanwidgetsError, lambda: s.score(images[:, :1], text)), "what is no picture is refused in words")
