"""Names become ready objects, and wrong ones a sentence."""

import pytest
import torch

import ganwidgets as gw
from ganwidgets import catalog
from ganwidgets.core.errors import ArgumentError, CheckpointError, GanwidgetsError, NameLookupError


def test_storybook_comes_with_its_segmenter():
    assert gw.available()[0] == "storybook"
    g = gw.load("storybook", device="cpu")
    segmenter = g.companions["segmenter"]()
    assert isinstance(g, gw.LayeredGenerator) and isinstance(segmenter, gw.Segmenter)
    picture = g.images(g.sample([3]))
    assert picture.dtype == torch.float32
    assert segmenter.segment(picture).shape == (1, len(segmenter.concepts), g.image_size, g.image_size)


def test_storybook_comes_with_the_units_that_cause_its_concepts():
    g, segmenter = gw.load("storybook", device="cpu"), gw.load_segmenter("storybook", device="cpu")
    causes = g.companions["causes"]()
    causes.check(g)
    assert g.layer(causes.layer) == g.layer_at(16)
    assert set(causes.concepts("insert")) == set(causes.concepts("ablate")) == set(causes.drawn) == set(segmenter.names)
    d = gw.dissect(g, segmenter, layer=causes.layer, seeds=range(40), progress=False)
    lab = gw.PaintBox(g, d, driver="inline")
    measured = [chip["name"] for chip in lab.concepts if chip["measured"]]
    assert measured == [chip["name"] for chip in lab.concepts[:len(measured)]]
    assert set(measured) == {name for name, seen in causes.drawn.items() if seen.works}
    often = [causes.drawn[name].often for name in measured]
    assert often == sorted(often, reverse=True)
    lab.close()


def test_the_judge_is_nobodys_companion():
    judge = gw.load_segmenter("storybook-judge", device="cpu")
    plain = gw.load_segmenter("storybook", device="cpu")
    assert [concept.name for concept in judge.concepts] == [concept.name for concept in plain.concepts]
    for entry in catalog.GENERATORS:
        assert "storybook-judge" not in entry.companions.values()


def test_storybook_comes_with_its_scorer():
    g = gw.load("storybook", device="cpu")
    scorer, pictures = g.companions["scorer"](), g.images(g.sample(range(3)))
    assert isinstance(scorer, gw.TextImageScorer) and scorer.score(pictures, "a house by day").shape == (3,)


@pytest.mark.parametrize("load, kind", [(gw.load, "generator"), (gw.load_segmenter, "segmenter"), (gw.load_scorer, "scorer")])
def test_unknown_name(load, kind):
    with pytest.raises(NameLookupError, match=f"no {kind} 'storybok'.*storybook.*Did you mean 'storybook'"):
        load("storybok")
    assert issubclass(NameLookupError, GanwidgetsError)


def test_missing_weights_are_not_an_unknown_name(monkeypatch, tmp_path):
    monkeypatch.setattr(catalog, "WEIGHTS", tmp_path)
    assert catalog.bundled() == () and "storybook" not in gw.available()
    with pytest.raises(CheckpointError, match="install ganwidgets again"):
        gw.load("storybook")


@pytest.mark.parametrize("device", ["nonsense", "cuda:99x", 7.5])
def test_wrong_device(device):
    with pytest.raises(ArgumentError, match="no device .*cpu"):
        catalog.best_device(device)


def test_best_device():
    assert catalog.best_device("cpu") == torch.device("cpu")
    here = catalog.best_device()
    assert here.type == ("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
