"""The bundled scorer obeys the laws, knows what it does not know, says what is wrong, and finds captions as its card says."""

import json
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import ganwidgets as gw
from ganwidgets.core.errors import ArgumentError, CheckpointError, ShapeError
from ganwidgets.core.images import to_tensor
from ganwidgets.models.scorer_nets import Cells, ScorerNet, Shape, fit, fit_all
from ganwidgets.models.scorers import FORMAT, MOST_WORDS, StorybookScorer, Vocabulary, load_scorer_file, save_scorer_file
from ganwidgets.models.segmenter_nets import folded_state
from ganwidgets.testing import check_scorer
from ganwidgets.world.captions import caption
from ganwidgets.world.render import picture
from ganwidgets.world.train.scorer_card import evaluate
from ganwidgets.world.train.scorer_texts import vocabulary
from ganwidgets.world.train.segmenter_card import RENDERS, WEIGHTS

WORDS = ("a", "and", "barn", "blue", "church", "left", "of", "red", "the", "to", "tree")
SHAPE = Shape(half=6, quarter=8, eighth=10, words=8, looks=2, where=4, what=5, color=3)
CARD = WEIGHTS / "storybook-scorer.md"


def small(norm=False):
    torch.manual_seed(0)
    net = ScorerNet(SHAPE, len(WORDS), norm=norm)
    for block in net.text.blocks:       # begins at 0, where order does not count yet
        torch.nn.init.normal_(block.apart)
    return net


@pytest.fixture(scope="module")
def little():
    return StorybookScorer(small(), "little", Vocabulary(WORDS))


@pytest.fixture(scope="module")
def scorer():
    return gw.load_scorer("storybook", device="cpu")


@pytest.fixture(scope="module")
def renders():
    return torch.stack([to_tensor(picture(seed, 64)) for seed in RENDERS[:12]])


def test_a_little_one_obeys_the_laws(little):
    check_scorer(little, torch.rand(3, 3, 64, 64) * 2 - 1, ["a red barn", "a church to the left of a tree"])


def test_the_bundled_one_obeys_the_laws(scorer, renders):
    check_scorer(scorer, renders[:3], ["a white church beside a lake on a winter night", "two trees", "day"])
    assert gw.load("storybook", device="cpu").companions["scorer"]().digest == scorer.digest
    assert isinstance(scorer, gw.TextImageScorer) and 0 < scorer.scale < 200


@pytest.mark.parametrize("broken", [
    lambda s, x, words: StorybookScorer.score(s, x, words) + torch.rand(1),
    lambda s, x, words: StorybookScorer.score(s, x.detach(), words),
    lambda s, x, words: StorybookScorer.score(s, x, words) - StorybookScorer.score(s, x, words).mean(),
    lambda s, x, words: StorybookScorer.score(s, x, "a tree")])
def test_a_law_that_is_broken_is_named(broken, little, monkeypatch):
    """Random scores, scores that cannot be followed back, that hang on their neighbours, or on no word."""
    own = type("Broken", (gw.TextImageScorer,), {"read": little.read, "unknown": staticmethod(little.unknown),
                                                  "score": lambda self, x, words: broken(little, x, words)})()
    own.read = little.read
    with pytest.raises((AssertionError, RuntimeError), match="broken law|does not require grad"):
        check_scorer(own, torch.rand(3, 3, 64, 64) * 2 - 1, ["a red barn", "a church to the left of a tree"])


def test_it_says_which_words_it_does_not_know(scorer):
    assert scorer.unknown("a purple dragon by the house") == ("dragon",)
    assert scorer.unknown("Churches, WINDOWPANES & bushes: two!") == ()
    assert scorer.unknown("zebra or zebra as 3") == ("zebra", "or", "as", "3")
    assert scorer.unknown("") == ()
    for seed in range(150):
        assert scorer.unknown(caption(seed, seed=seed)) == ()
    same = [scorer.read(text) for text in ("a red barn", "A  dragon, red BARNS!")]
    assert torch.equal(same[0].encoded, same[1].encoded)


@pytest.mark.parametrize("text", ["", "dragon", "..."])
def test_a_text_with_no_known_word_is_refused(scorer, text):
    with pytest.raises(ArgumentError, match="knows no word"):
        scorer.read(text)


@pytest.mark.parametrize("text", [7, None, ["a tree"], b"tree"])
def test_what_is_no_text_is_refused(little, text):
    with pytest.raises(ArgumentError, match="reads a text"):
        little.unknown(text)


def test_a_text_that_is_too_long_is_refused(scorer):
    scorer.read("tree " * MOST_WORDS)
    with pytest.raises(ArgumentError, match=f"up to {MOST_WORDS} words"):
        scorer.read("tree " * (MOST_WORDS + 1))


@pytest.mark.parametrize(("images", "error"), [
    (torch.zeros(2, 3, 64), ShapeError), (torch.zeros(2, 1, 64, 64), ShapeError), (torch.zeros(2, 3, 0, 64), ShapeError),
    (torch.zeros(2, 3, 64, 64).byte(), ArgumentError), (np.zeros((2, 3, 64, 64)), ArgumentError), ("a picture", ArgumentError),
])
def test_what_is_no_picture_is_refused_in_words(little, images, error):
    with pytest.raises(error, match="reads pictures"):
        little.score(images, "a tree")


def test_no_picture_has_no_score(little):
    assert little.score(torch.zeros(0, 3, 40, 70), "a tree").shape == (0,)


def test_word_order_counts_and_padding_does_not(little):
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    one, other = (little.score(images, text) for text in ("the red barn and the blue church", "the blue barn and the red church"))
    assert (one - other).abs().min() > 1e-6
    numbers = torch.tensor([little.vocabulary.encode("a red barn")])
    padded = torch.nn.functional.pad(numbers, (0, 6))
    with torch.no_grad():
        cells = little.look(images)
        assert torch.allclose(fit(cells, little.net.text(numbers)), fit(cells, little.net.text(padded)), atol=1e-6)


def test_all_pairs_are_what_each_pair_is(little):
    texts = ["a red barn", "a church to the left of a tree", "tree"]
    numbers = [little.vocabulary.encode(text) for text in texts]
    padded = torch.tensor([[*each, *[0] * (9 - len(each))] for each in numbers])
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        cells = little.look(images)
        together = fit_all(cells, little.net.text(padded))
    alone = torch.stack([little.score(images, text) for text in texts], 1)
    assert isinstance(cells, Cells) and torch.allclose(together, alone, atol=1e-6)


def test_a_file_comes_back_as_it_was_and_norm_is_folded_in(tmp_path):
    trained = small(norm=True).eval()
    for module in trained.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1), module.running_var.uniform_(0.5, 2)
    net = small()
    net.load_state_dict(folded_state(trained))
    save_scorer_file(tmp_path / "s.safetensors", net, name="small", words=WORDS, size=64, about={"seed": 5})
    again = load_scorer_file(tmp_path / "s.safetensors")
    assert again.name == "small" and again.vocabulary.words == WORDS and again.about == {"seed": 5} and again.image_size == 64
    images, numbers = torch.rand(2, 3, 64, 64), torch.tensor([again.vocabulary.encode("a red barn")])
    with torch.no_grad():
        assert torch.allclose(again.score(images, "a red barn"), fit(trained.picture(images), trained.text(numbers)), atol=2e-2)


@pytest.mark.parametrize(("meta", "tensors", "words"), [
    ({"format": "something else"}, {}, "no scorer"),
    ({"shape": '{"half": 3}'}, {}, "damaged"),
    ({"words": "not json"}, {}, "damaged"),
    ({"words": '["a"]'}, {}, "damaged"),
    ({}, {"picture.read.bias": torch.full((18,), float("nan"))}, "picture.read.bias"),
])
def test_a_file_with_something_wrong_is_refused_in_words(tmp_path, meta, tensors, words):
    facts = {"format": FORMAT, "name": "small", "words": json.dumps(WORDS), "shape": json.dumps(SHAPE._asdict()), "size": "64"}
    state = {key: value.half().contiguous() for key, value in {**small().state_dict(), **tensors}.items()}
    save_file(state, tmp_path / "s.safetensors", metadata={**facts, **meta})
    with pytest.raises(CheckpointError, match=words):
        load_scorer_file(tmp_path / "s.safetensors")
    (tmp_path / "d.safetensors").write_bytes(b"no such thing")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_scorer_file(tmp_path / "d.safetensors")


def test_the_bundled_file_is_small_and_knows_the_words_of_captions(scorer):
    assert (WEIGHTS / "storybook-scorer.safetensors").stat().st_size <= 3e6
    assert scorer.vocabulary == vocabulary()


def test_it_finds_captions_as_its_card_says(scorer):
    text = CARD.read_text()
    assert f"`{scorer.digest[:16]}`" in text
    stated = [float(each) for each in re.findall(r"\*\*([\d.]+)\*\*", text)]
    found = evaluate(scorer, RENDERS[:120])
    for share, hits in zip(stated, (found.first, found.apart), strict=True):
        assert abs(hits.mean() - share) <= 3 * np.sqrt(share * (1 - share) / len(hits)) + 1e-3


def test_other_sizes_and_crops_score_much_the_same(scorer, renders):
    texts = [caption(seed, style="plain") for seed in RENDERS[:12]]
    large = torch.nn.functional.interpolate(renders, size=(128, 128), mode="bilinear")
    cut = renders[:, :, 2:62, 2:62]
    for other in (large, cut):
        far = [float((scorer.score(other, text) - scorer.score(renders, text)).abs().mean()) for text in texts]
        assert max(far) < 0.15


def test_following_the_slope_makes_a_picture_fit_other_words(scorer, renders):
    words, image = scorer.read("a winter night"), renders[:2].clone()
    before = scorer.score(image, words)
    for _ in range(10):
        image.requires_grad_()
        slope, = torch.autograd.grad(scorer.score(image, words).sum(), image)
        image = (image + 0.03 * slope.sign()).clamp(-1, 1).detach()
    assert (scorer.score(image, words) > before + 0.05).all()
