"""What the scorer learns from: captions with nothing held out, batches that are the same again, and a loss that falls."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.random import RandomState

from ganwidgets.models.scorer_nets import ScorerNet, Shape
from ganwidgets.world.captions import STYLES, caption
from ganwidgets.world.facts import COLORS, HUES, colored, false, pairs_in, said, words_of
from ganwidgets.world.render import render
from ganwidgets.world.scenes import scene
from ganwidgets.world.train import scorer as training
from ganwidgets.world.train import scorer_exam, scorer_judged, supervised
from ganwidgets.world.train.repainted import draw_repainted, repainted
from ganwidgets.world.train.scorer_texts import PAIRS, SYNONYM_STYLES, TWINS, joined, taught, texts_of, uses_synonym, vocabulary
from ganwidgets.world.train.segmenter_card import RENDERS
from ganwidgets.world.train.segmenter_pool import RENDER_SEEDS, Pool
from ganwidgets.world.words import COLOR_NAMES

TINY = training.Recipe(shape=Shape(half=8, quarter=12, eighth=16, words=16, looks=2, where=8, what=8, color=6), batch=16)
SEEDS = RENDER_SEEDS[:40]


@pytest.fixture(scope="module")
def pool():
    drawn = [render(seed, 64) for seed in SEEDS]
    masks = [np.packbits(one.masks.reshape(24, -1), axis=1) for one in drawn]
    return Pool(np.stack([one.picture for one in drawn]), np.stack(masks))


@pytest.fixture(scope="module")
def texts(pool, tmp_path_factory):
    return texts_of(pool, SEEDS, tmp_path_factory.mktemp("texts"))


def as_text(numbers):
    return " ".join(vocabulary().words[number - 1] for number in numbers if number)


def test_half_of_the_pairs_are_held_out_and_every_word_is_taught():
    every = {(color, name) for name, colors in HUES.items() for color in colors}
    assert every > PAIRS and len(PAIRS) == len(every) // 2
    assert {color for color, _ in every - PAIRS} == {color for color, _ in every}
    assert {name for _, name in every - PAIRS} == set(HUES)


def test_nothing_held_out_is_taught(texts, pool):
    assert len(texts) > 8 * len(SEEDS)
    for row in texts.words.reshape(-1, texts.words.shape[2]):
        assert not pairs_in(as_text(row)) & PAIRS
    assert not taught("a brown barn", "short") and taught("a red barn", "short")
    word, style = min(SYNONYM_STYLES)
    assert uses_synonym(f"a {word}", style) and not uses_synonym(f"a {word}", "short")


def test_each_caption_has_twins_that_differ_in_a_word_or_in_a_colour_that_is_not_taught(texts):
    assert (texts.words[:, 1:, 0] > 0).sum(1).mean() > 1 and texts.words.shape[1] == 1 + TWINS
    others = 0
    for row in range(0, len(texts), 7):
        first, *twins = (as_text(numbers).split() for numbers in texts.words[row])
        for second in filter(None, twins):
            unlike = sum(a != b for a, b in zip(first, second, strict=False) if {a, b} - {"a", "an"})
            if len(first) == len(second) and unlike == 1:
                continue
            others += 1         # a thing whose own colour is in no caption has another one here
            (pair,) = pairs_in(" ".join(second)) - pairs_in(" ".join(first))
            assert pair not in PAIRS and any(name == pair[1] for _, name in PAIRS)
            assert false(said(" ".join(second))[None], texts.shown[row][None]).all()
    assert others > 20
    assert not false(texts.said[:50], texts.shown[:50])[np.eye(min(50, len(texts)), dtype=bool)].any()


def test_colours_look_where_any_colour_would():
    net, words = training.fresh(TINY), vocabulary()
    one, other, thing = (torch.tensor([words.encode(text)]) for text in ("a red barn", "a blue barn", "a red tree"))
    rows = [net.text.eval()(each) for each in (one, other, thing)]
    assert torch.equal(rows[0].where, rows[1].where) and not torch.equal(rows[0].what, rows[1].what)
    assert not torch.allclose(rows[0].where, rows[2].where)


def test_a_colour_means_nothing_but_colour_which_is_read_before_things_are_known():
    net, words = training.fresh(TINY).eval(), vocabulary()
    meant = net.text.meaning(torch.tensor(words.encode("red barn"))).unflatten(1, (TINY.shape.looks, -1))
    kinds = meant.split([TINY.shape.what, TINY.shape.color], 2)
    assert [[bool(part.any()) for part in of] for of in zip(*kinds, strict=True)] == [[False, True], [True, False]]
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    before = net.picture(images)
    torch.nn.init.zeros_(net.picture.units[4].conv.weight)       # no thing can be told any more
    after = net.picture(images)
    assert torch.equal(before.color, after.color) and not torch.allclose(before.what, after.what)


def test_texts_are_written_once_and_anew_where_a_colour_has_another_name(texts, pool, tmp_path, monkeypatch):
    first = texts_of(pool, SEEDS[:3], tmp_path)
    again = texts_of(Pool(pool.pictures * 0, pool.masks * 0), SEEDS[:3], tmp_path)
    assert np.array_equal(first.words, again.words) and np.array_equal(first.words, texts.words[:len(first)])
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setitem(COLOR_NAMES, "purple", ((90, 60, 90),))
    texts_of(pool, SEEDS[:3], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_repainted_scene_differs_in_colours_alone_and_is_captioned_by_them():
    seeds = training.REPAINTED_SEEDS[:60]
    pairs, strange = set(), 0
    for seed in seeds:
        it, painted = scene(seed), repainted(seed)
        assert painted == repainted(seed)
        assert np.array_equal(render(it, 64).masks, draw_repainted(seed, 64).masks)
        pairs |= pairs_in(caption(painted, style="plain"))
        strange += (it.building is not None) and painted.building.wall != it.building.wall
    assert strange > 20 and not pairs <= {(color, name) for name, colors in HUES.items() for color in colors}


def test_joined_texts_find_their_pictures(pool, texts):
    both = joined(texts, texts, len(pool))
    assert len(both) == 2 * len(texts) and np.array_equal(both.picture[len(texts):], texts.picture + len(pool))
    assert np.array_equal(both.words[len(texts):], texts.words) and np.array_equal(both.crop[:len(texts)], texts.crop)


def test_every_word_of_captions_is_in_the_vocabulary():
    known = vocabulary()
    used = {word for seed in range(400) for style in STYLES for word in words_of(caption(seed, seed=seed, style=style))}
    assert not [word for word in used if known.number(word) is None]
    never = [word for number, word in enumerate(known.words, start=1) if number not in {known.number(each) for each in used}]
    assert len(never) <= 3, f"{never} are in the vocabulary and in no caption"


def test_a_batch_is_the_same_again_and_mirrors_its_words(pool, texts):
    sides = vocabulary().encode("left right")
    one, again, other = (training.batch(TINY, step, pool.pictures, texts, sides) for step in (3, 3, 4))
    assert all(torch.equal(getattr(one, part), getattr(again, part)) for part in ("pictures", "words", "hidden", "false"))
    assert not torch.equal(one.pictures, other.pictures)
    assert one.pictures.shape == (16, 3, 64, 64) and one.pictures.abs().max() <= 1 and not one.false.diagonal().any()
    words = torch.tensor([[[sides[0], 5, sides[1], 0]]] * 64)
    pictures = torch.arange(64.0).expand(64, 3, 64, 64)
    turned, said = training.mirrored(RandomState(0), pictures, words, sides)
    flipped = turned[:, 0, 0, 0] == 63
    assert 0.2 < flipped.float().mean() < 0.8
    assert torch.equal(said[~flipped], words[~flipped]) and (said[flipped][:, 0] == torch.tensor([sides[1], 5, sides[0], 0])).all()


def test_a_share_of_the_captions_is_of_repainted_scenes(texts):
    both, drawn = joined(texts, texts, len(RENDER_SEEDS)), []
    for share in (0.0, 0.25, 1.0):
        recipe = dataclasses.replace(TINY, painted=((0, 0.5), (100, share)), batch=64)
        drawn.append([training.rows_drawn(recipe, 100 + step, RandomState(step), both) for step in range(20)])
    shares = [np.mean(both.picture[np.concatenate(each)] >= len(RENDER_SEEDS)) for each in drawn]
    assert shares[0] == 0 and abs(shares[1] - 0.25) < 0.05 and shares[2] == 1
    assert (training.rows_drawn(TINY, 0, RandomState(0), texts) < len(texts)).all()      # where none is repainted


def test_a_named_colour_is_told_from_wrong_ones_that_are_not_held_out(pool, texts):
    batch, others, bare = training.batch(TINY, 5, pool.pictures, texts, vocabulary().encode("left right")), 0, 0
    assert batch.choices.shape == (len(batch.colors), len(COLORS))
    for (row, text, place, color), choices in zip(batch.colors.tolist(), batch.choices.tolist(), strict=True):
        words = as_text(batch.words[row, text].tolist()).split()
        (thing,) = [concept for at, _, concept in colored(words) if at == place]
        assert words[place] == COLORS[color] and choices[color]
        assert all((COLORS[number], thing) not in PAIRS for number in np.flatnonzero(choices))
        others, bare = others + sum(choices) - 1, bare + (text > 0)
        assert text == 0 or thing not in {each for _, _, each in colored(as_text(batch.words[row, 0].tolist()).split())}
    assert others > 10 and bare > 2


def test_colours_are_denied_to_things_whose_own_is_not_named_after_some_steps(pool, texts):
    batch, place = training.batch(TINY, 5, pool.pictures, texts, vocabulary().encode("left right")), torch.device("cpu")
    net = training.fresh(TINY).eval()
    early, late = (training.loss(TINY, net, batch, place, step) for step in (TINY.denied - 1, TINY.denied))
    assert torch.isfinite(late) and late > early
    none = dataclasses.replace(batch, colors=batch.colors[:0], choices=batch.choices[:0])
    assert training.loss(TINY, net, none, place, TINY.denied) < early


def test_a_little_one_learns(pool, texts):
    place, sides = torch.device("cpu"), vocabulary().encode("left right")
    few = dataclasses.replace(texts, **{field.name: getattr(texts, field.name)[:60] for field in dataclasses.fields(texts)})
    run = supervised.begin(lambda: ScorerNet(TINY.shape, len(vocabulary().words)), seed=1, rate=5e-3, decay=0.0, place=place)
    batches = (training.batch(TINY, step, pool.pictures, few, sides) for step in range(120))
    losses = [supervised.descend(run, training.loss(TINY, run.net, batch, place), 0.9) for batch in batches]
    assert np.mean(losses[-20:]) < 0.75 * np.mean(losses[:20])


def test_questions_hold_what_their_condition_says():
    for name, (seen, unseen) in scorer_exam.CONDITIONS.items():
        first, second = (scorer_exam.asked(RENDERS[:25], choose) for choose in (seen, unseen))
        assert first and second, name
        assert all(not pairs_in(each.text) & PAIRS for each in first)
        if name == "pairs":
            assert all(len(pairs_in(each.text)) == 1 and pairs_in(each.text) <= PAIRS for each in second)


def test_the_right_caption_beats_99_that_are_false():
    asked = scorer_exam.asked(RENDERS[:10])
    others = scorer_exam.asked(RENDERS[:260])
    truth = {each.text: each for each in others}
    called = []

    def oracle(pictures, texts):
        called.extend(texts)
        return np.asarray([[own == each.text for own in texts[row]] for row, each in enumerate(asked)], float)

    assert scorer_exam.first_of_many(oracle, asked, others).all()
    assert not scorer_exam.first_of_many(lambda pictures, texts: np.zeros((len(texts), 100)), asked, others).any()
    for question, texts in zip(asked, called, strict=True):
        assert texts[0] == question.text and len(set(texts)) == 100
        assert all(false(truth[text].said[None], question.shown[None]).all() for text in texts[1:])


def test_daylight_and_colours_are_told_from_pictures_alone():
    hours, right = [], []
    for seed in RENDERS[:150]:
        one, it = render(seed, 64), scene(seed)
        seen = scorer_judged.by_name(one.masks)
        if scorer_judged.is_daylight(one.picture, seen):
            hours.append(it.hour)
            right += [color in (HUES[name]) for name, color, _ in scorer_judged.colors_of(one.picture, seen)]
    assert len(hours) > 20 and set(hours) == {"day"} and len(right) > 20 and all(right)
    asked = scorer_judged.concept_question(scorer_judged.by_name(render(RENDERS[0], 64).masks), RandomState(0))
    assert asked and asked[1] != asked[2]
