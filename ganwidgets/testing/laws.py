"""The laws that every generator and every edit keeps; a check raises AssertionError and says which law broke."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganwidgets.core.concepts import TextImageScorer, Words
from ganwidgets.core.digests import digest
from ganwidgets.core.edits import Edit, EditStack, edit_from_record
from ganwidgets.core.errors import GanwidgetsError, LayerError, SeedError
from ganwidgets.core.nets import Latents, Layer, LayeredClassifier, LayeredGenerator, LayeredNet, twin, with_parameter

CLOSE = 1e-4  # pictures of one seed in different batches
STRANGER = "qwxzk"      # no scorer was taught this word
BAD_SEEDS = (-1, 2**32, 1.5, "one", None, True)


@torch.no_grad()
def check_generator(g: LayeredGenerator, *, seeds: Sequence[int] = (0, 7, 4_294_967_295)) -> None:
    """Every law of a generator, at every layer, on a few seeds (at least two). For your own adapters too.

    Errors: AssertionError, "broken law: ..." with the law in words.
    """
    weights = digest(g.net)
    _check_facts(g)
    latents = g.sample(seeds)
    whole = g.images(latents)
    _check_pictures(g, seeds, latents, whole)
    for layer in g.layers:
        _check_layer(g, layer, latents, whole)
    _check_order(g, latents)
    _check_batches(g, seeds, latents, whole)
    _check_surroundings(g, latents, whole)
    _check_other_net(g, latents, whole)
    _check_refusals(g, latents)
    _law(digest(g.net) == weights, "no run changes a weight")


@torch.no_grad()
def check_classifier(c: LayeredClassifier, images: Tensor) -> None:
    """Every law of a classifier, at every layer, on a few pictures (n, 3, h, w) in [-1, 1], at least two.

    Errors: AssertionError, "broken law: ..." with the law in words.
    """
    weights, scores = digest(c.net), c.logits(images)
    _check_facts(c)
    _law(tuple(scores.shape) == (len(images), len(c.classes)), f"scores are a row a picture; {tuple(scores.shape)} came")
    _law(scores.dtype == torch.float32 and bool(torch.isfinite(scores).all()), "scores are finite and float32")
    _law(float((c.logits(images[:1]) - scores[:1]).abs().max()) <= CLOSE, f"a picture alone scores as in a batch, within {CLOSE}")
    for place, layer in enumerate(c.layers):
        paused = c.head(images, layer)
        shape, came = (len(images), layer.channels, layer.height, layer.width), tuple(paused.features.shape)
        _law(came == shape, f"features at {layer} are {shape}; {came} came")
        _law(torch.equal(c.tail(paused), scores), f"tail(head(x, {layer})) is the whole run, bit for bit")
        for after in c.layers[place + 1:]:
            _law(torch.equal(c.resume(paused, after).features, c.head(images, after).features),
                 f"resume from {layer} to {after} is head up to {after}, bit for bit")
            _law(_raises(LayerError, lambda here=after, there=layer: c.resume(c.head(images, here), there)),
                 f"resume from {after} back to {layer} raises LayerError")
    _law(_raises(LayerError, lambda: c.head(images, "no such layer")), "an unknown layer raises LayerError")
    with torch.autocast(c.device.type, dtype=torch.bfloat16):
        _law(torch.equal(c.logits(images), scores), "scores are computed in float32, also where autocast is on")
    name, value = next(iter(c.net.named_parameters()))
    other: Any = c.with_net(with_parameter(c.net, name, value * 2))
    _law(not torch.equal(other.logits(images), scores), "with_net runs the net that it is given")
    _law(digest(c.net) == weights, "no run changes a weight")


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
    _check_refused_texts(s, images, texts[0])
    _law(_global_randomness() == before, "no random number is taken from a global source")


def _check_words(s: TextImageScorer, images: Tensor, text: str, words: Words, scores: Tensor) -> None:
    _law(words.text == text, f"a text that was read carries its words; {words.text!r} came for {text!r}")
    _law(not words.encoded.requires_grad, "a text that was read asks for no gradient")
    _law(tuple(scores.shape) == (len(images),), f"there is a score a picture; {tuple(scores.shape)} came for {len(images)}")
    _law(scores.dtype == torch.float32 and bool(torch.isfinite(scores).all()), "scores are finite and float32")
    _law(torch.equal(s.score(images, text), scores), "a text scores as it does once it was read, bit for bit")
    alone = float((s.score(images[:1], words) - scores[:1]).abs().max())
    _law(alone <= CLOSE, f"a picture alone scores as in a batch, within {CLOSE}; it differs by {alone:.2g}")
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
    _law(bool(after[0] > first[0]), "a small step along the slope raises the score")
    _law(torch.equal(s.score(images, words).detach(), scores), "asking for a slope changes no score")


def _check_refused_texts(s: TextImageScorer, images: Tensor, text: str) -> None:
    _law(s.unknown(text) == (), f"the words of {text!r} are known")
    _law(STRANGER in s.unknown(f"{text} {STRANGER}"), "a word that was never taught is named")
    _law(_raises(GanwidgetsError, lambda: s.read(STRANGER)), "a text with no known word is refused in words")
    _law(_raises(GanwidgetsError, lambda: s.score(images[:, :1], text)), "what is no picture is refused in words")


def _check_facts(g: LayeredNet) -> None:
    names = [layer.name for layer in g.layers]
    _law(bool(names) and len(set(names)) == len(names), f"layers have names of their own; {names} came")
    _law(not any(weight.requires_grad for weight in g.net.parameters()), "weights ask for no gradient")
    _law(not any(module.training for module in g.net.modules()), "the net is in eval mode")
    _law(not any(module._forward_hooks for module in g.net.modules()), "no hook is left on the net")
    for layer in g.layers:
        _law(g.layer(layer.name) == layer == g.layer(layer), f"{layer} is found by its name and as a Layer")


def _check_pictures(g: LayeredGenerator, seeds: Sequence[int], latents: Latents, whole: Tensor) -> None:
    side, shape = g.image_size, tuple(whole.shape)
    _law(shape == (len(seeds), 3, side, side), f"pictures are (n, 3, {side}, {side}); {shape} came")
    _law(whole.dtype == torch.float32, f"pictures are float32; {whole.dtype} came")
    _law(bool(torch.isfinite(whole).all()) and float(whole.abs().max()) <= 1, "pictures stay within -1 and 1")
    _law(float((whole[0] - whole[1]).abs().max()) > 0, "two seeds give two pictures")
    _law(torch.equal(g.images(latents), whole), "the same batch gives the same pictures, bit for bit")


def _check_layer(g: LayeredGenerator, layer: Layer, latents: Latents, whole: Tensor) -> None:
    paused = g.head(latents, layer)
    shape, came = (len(latents), layer.channels, layer.height, layer.width), tuple(paused.features.shape)
    _law(came == shape, f"features at {layer} are {shape}; {came} came")
    _law(paused.features.dtype == torch.float32, f"features at {layer} are float32; {paused.features.dtype} came")
    _law(paused.layer == layer.name and paused.pictures == latents.pictures,
         f"the run at {layer} knows its layer and its pictures")
    before = [part.clone() for part in (paused.features, *paused.rest)]
    _law(torch.equal(g.tail(paused), whole), f"tail(head(x, {layer})) is the whole run, bit for bit")
    _law(all(torch.equal(part, kept) for part, kept in zip((paused.features, *paused.rest), before, strict=True)),
         f"the tail leaves the run that stopped at {layer} as it was")
    _law(all(len(part) == len(latents) for part in paused.rest), f"all that {layer}'s run holds has a row per picture")
    far = float((g.tail(paused[[1]]) - whole[[1]]).abs().max())
    _law(far <= CLOSE, f"one row of the run at {layer} runs on alone, within {CLOSE}; it differs by {far:.2g}")
    on = g.resume(paused, g.layers[-1])
    _law(torch.equal(g.tail(on), whole), f"resume from {layer} to the last layer, then tail, is the whole run")


def _check_order(g: LayeredGenerator, latents: Latents) -> None:
    for before, after in zip(g.layers, g.layers[1:], strict=False):
        paused = g.resume(g.head(latents, before), after)
        _law(paused.layer == after.name and torch.equal(paused.features, g.head(latents, after).features),
             f"resume from {before} to {after} is head up to {after}, bit for bit")
        _law(_raises(LayerError, lambda here=after, there=before: g.resume(g.head(latents, here), there)),
             f"resume from {after} back to {before} raises LayerError")


def _check_batches(g: LayeredGenerator, seeds: Sequence[int], latents: Latents, whole: Tensor) -> None:
    for row, seed in enumerate(seeds):
        alone = g.sample([seed])
        _law(alone.pictures == (seed,), f"a sampled picture carries its seed; {alone.pictures} came for {seed}")
        for name in ("z", "w", "condition"):
            part, batched = getattr(alone, name), getattr(latents, name)
            _law(part is None or torch.equal(part[0], batched[row]),
                 f"{name} of seed {seed} is the same alone and in a batch, bit for bit")
        far = float((g.images(alone)[0] - whole[row]).abs().max())
        _law(far <= CLOSE, f"seed {seed} draws the same alone and in a batch, within {CLOSE}; it differs by {far:.2g}")
    back = float((g.images(latents[::-1]).flip(0) - whole).abs().max())
    _law(back <= CLOSE, f"a picture does not depend on its place in a batch, within {CLOSE}; it differs by {back:.2g}")


def _check_surroundings(g: LayeredGenerator, latents: Latents, whole: Tensor) -> None:
    before = _global_randomness()
    again = g.sample(latents.pictures)
    _law(torch.equal(g.images(again), whole), "sample and images give the same pictures again")
    _law(_global_randomness() == before, "no random number is taken from a global source")
    with torch.autocast(g.device.type, dtype=torch.bfloat16):
        _law(torch.equal(g.images(latents), whole), "pictures are drawn in float32, also where autocast is on")


def _global_randomness() -> tuple[bytes, bytes]:
    """The state of the generators that everybody shares."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().numpy().tobytes(), state[1].tobytes() + bytes(str(state[2]), "ascii")


def _check_other_net(g: LayeredGenerator, latents: Latents, whole: Tensor) -> None:
    other = g.with_net(twin(g.net))
    _law(type(other) is type(g) and other.layers == g.layers and other.name == g.name,
         "with_net answers the same kind of generator, with its name and layers")
    _law(other.digest == g.digest, "with_net keeps the digest of the net as loaded")
    _law(isinstance(other, LayeredGenerator) and torch.equal(other.images(latents), whole),
         "a twin of the net draws the same, bit for bit")
    blank = twin(g.net)
    for module in blank.modules():
        for name, held in module._parameters.items():
            module._parameters[name] = None if held is None else torch.nn.Parameter(held * 0, requires_grad=False)
    _law(torch.equal(g.images(latents), whole), "weights replaced on a twin do not reach the net")


def _check_refusals(g: LayeredGenerator, latents: Latents) -> None:
    _law(_raises(LayerError, lambda: g.head(latents, "no such layer")), "an unknown layer raises LayerError")
    for seed in BAD_SEEDS:
        _law(_raises(SeedError, lambda bad=seed: g.sample([bad])), f"the seed {seed!r} raises SeedError")


@torch.no_grad()
def check_edit(edit: Edit, g: LayeredGenerator, *, seeds: Sequence[int] = (0, 3)) -> None:
    """The laws of an edit on a generator: nothing is touched, it can be undone, recorded, and keeps to its pictures.

    Errors: AssertionError, "broken law: ..." with the law in words.
    """
    latents = g.sample(seeds)
    before, weights = g.images(latents), {name: value.clone() for name, value in g.net.state_dict().items()}
    changed = edit.apply(g)
    pictures = changed.images(latents)
    _law(isinstance(changed, LayeredGenerator) and changed.layers == g.layers, "an edited generator is a generator")
    _law(torch.equal(g.images(latents), before), "the old generator draws as before, bit for bit")
    _law(all(torch.equal(value, weights[name]) for name, value in g.net.state_dict().items()), "no weight changed")
    _law(changed.digest == g.digest, "the digest is that of the net as loaded")
    stack = EditStack().push(edit)
    _law(torch.equal(stack.undo().apply(g).images(latents), before), "undo gives back the first pictures, bit for bit")
    again = edit_from_record(json.loads(json.dumps(edit.to_record(), allow_nan=False)))
    _law(again == edit, "an edit read back from its record is equal")
    _law(torch.equal(again.apply(g).images(latents), pictures), "an edit read back from its record draws the same")
    _check_untouched(edit, seeds, before, pictures)
    for layer in changed.layers:
        run = changed.head(latents, layer)
        _law(torch.equal(changed.tail(run), pictures), f"tail(head(x, {layer})) is the whole edited run, bit for bit")


def _check_untouched(edit: Edit, seeds: Sequence[int], before: Tensor, pictures: Tensor) -> None:
    for row, seed in enumerate(seeds):
        if not edit.touches(seed):
            far = float((pictures[row] - before[row]).abs().max())
            _law(far <= CLOSE, f"picture {seed} is not the edit's and stays as it was; it differs by {far:.2g}")


def _raises(kind: type[Exception], act: Any) -> bool:
    try:
        act()
    except kind:
        return True
    except Exception:  # another error than the law names is a broken law, not a crash of the check
        return False
    return False


def _law(holds: bool, words: str) -> None:
    if not holds:
        raise AssertionError(f"broken law: {words}")
