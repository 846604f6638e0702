"""What is read again is what was computed; whatever the answer depends on gives another file; a bad file is computed again."""

import warnings
from dataclasses import replace

import pytest
import torch

import ganwidgets as gw
from ganwidgets.core.concepts import Concept, KnownMasks, Segmenter
from ganwidgets.core.errors import ArgumentError, LayerError, SeedError
from ganwidgets.methods import dissect as method
from ganwidgets.methods.dissect import open_dissection
from ganwidgets.methods.dissect_cached import dissect_cached, dissection_key
from ganwidgets.testing.planted import PlantedNet

SEEDS = range(6)


@pytest.fixture
def counted(monkeypatch):
    """How often a dissection is really made."""
    made, real = [], method.dissect.steps

    def steps(*args, **kwargs):
        made.append(kwargs)
        return real(*args, **kwargs)
    monkeypatch.setattr(method.dissect, "steps", steps, raising=False)
    return made


def asked(planted, folder, g=None, **how):
    return dissect_cached(g or planted.generator, planted.segmenter,
                          **{"folder": folder, "layer": "layer2", "seeds": SEEDS, "progress": False, **how})


def test_the_second_time_it_is_read(planted, tmp_path, counted):
    first = asked(planted, tmp_path / "made" / "here", seeds=iter(SEEDS))
    again = asked(planted, tmp_path / "made" / "here")
    assert len(counted) == 1 and again.table.equals(first.table) and again.scores.equals(first.scores)
    (path,) = (tmp_path / "made" / "here").iterdir()
    assert path.name.startswith("planted-") and path.suffix == ".gwd" and open_dissection(path).table.equals(first.table)
    plain = method.dissect(planted.generator, planted.segmenter, layer="layer2", seeds=SEEDS, progress=False)
    assert first.table.equals(plain.table)


class Other(PlantedNet):
    """The same weights, another way to draw."""

    def maps(self, z):
        return super().maps(z) * 1.5


def test_whatever_it_depends_on_gives_another_key(planted):
    g, judge = planted.generator, planted.segmenter
    moved = replace(g, net=PlantedNet(), digests=None)
    moved.net.turns.data[0, 0, 0, 0] += 1
    edit = gw.UnitEdit("layer1", [1], 2.0)

    class Renamed(type(judge)):
        concepts = (Concept("dot", "part"), *judge.concepts[1:])

    keys = [dissection_key(net, seg, **{"layer": "layer2", "seeds": SEEDS, **how}) for net, seg, how in (
        (g, judge, {}), (moved, judge, {}), (edit.apply(g), judge, {}), (edit.on([3]).apply(g), judge, {}),
        (replace(g, net=Other()), judge, {}), (g, Renamed(), {}), (g, judge, {"layer": "layer1"}),
        (g, judge, {"layer": None, "layers": ["layer1", "layer2"]}), (g, judge, {"seeds": [*SEEDS][::-1]}),
        (g, judge, {"seeds": range(7)}), (g, judge, {"rule": "iqr"}), (g, judge, {"calibration": "all"}),
        (g, judge, {"calibration": 3}), (g, judge, {"grid": 32}), (g, judge, {"version": "2"}), (g, judge, {"layer": None}))]
    assert len(set(keys)) == len(keys) and all(len(key) == 64 for key in keys)
    same = replace(g, net=PlantedNet(), digests=None)
    assert dissection_key(same, type(judge)(), layers=[g.layer("layer2")], seeds=list(SEEDS)) == keys[0]


def test_masks_and_images_are_part_of_the_key(toy_classifier):
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    concepts = (Concept("a"), Concept("b"))
    masks = images[:, :2] > 0
    keys = {dissection_key(toy_classifier, KnownMasks(concepts, mask), images=image, layer="seen")
            for mask in (masks, ~masks) for image in (images, images * .5)}
    assert len(keys) == 4
    with pytest.raises(ArgumentError, match="only a tensor"):
        dissection_key(toy_classifier, KnownMasks(concepts, masks), images=[images], layer="seen")


def test_a_change_of_the_code_gives_another_key(planted, monkeypatch):
    from ganwidgets.core import fingerprints

    before = dissection_key(planted.generator, planted.segmenter, layer="layer2", seeds=SEEDS)
    real = fingerprints.code_of
    monkeypatch.setattr(fingerprints, "code_of", lambda thing: "changed" if thing is method else real(thing))
    assert dissection_key(planted.generator, planted.segmenter, layer="layer2", seeds=SEEDS) != before


@pytest.mark.parametrize("harm", [lambda whole: b"", lambda whole: whole[:len(whole) // 2], lambda whole: b"\x80\x04K\x01.",
                                  lambda whole: whole[:200] + bytes([whole[200] ^ 255]) + whole[201:]])
def test_a_damaged_file_is_computed_again(planted, tmp_path, counted, harm):
    first = asked(planted, tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(harm(whole))
    again = asked(planted, tmp_path)
    assert len(counted) == 2 and again.table.equals(first.table) and [*tmp_path.iterdir()] == [path]
    asked(planted, tmp_path)
    assert len(counted) == 2, "it was written anew"


def test_a_file_of_another_net_under_this_name_is_not_believed(planted, copied, tmp_path, counted):
    asked(planted, tmp_path)
    (path,) = tmp_path.iterdir()
    for g in (copied, replace(planted.generator, net=Other())):      # the latter has the digest of the first
        path_of_other = tmp_path / f"planted-{dissection_key(g, planted.segmenter, layer='layer2', seeds=SEEDS)[:32]}.gwd"
        path_of_other.write_bytes(path.read_bytes())
        made = len(counted)
        found = asked(planted, tmp_path, g)
        assert len(counted) == made + 1
        assert not found.table.equals(open_dissection(path).table)


def test_edits_are_seen(planted, tmp_path, counted):
    plain = asked(planted, tmp_path)
    edited = gw.UnitEdit("layer2", [planted.units["block"]], 0.0).apply(planted.generator)
    found = asked(planted, tmp_path, edited)
    assert len(counted) == 2 and not found.table.set_index("unit").loc[planted.units["block"], "live"]
    assert asked(planted, tmp_path, edited).table.equals(found.table) and asked(planted, tmp_path).table.equals(plain.table)
    assert len(counted) == 2


def test_a_classifier_and_known_masks(toy_classifier, tmp_path, counted):
    images = torch.rand(9, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    masks = KnownMasks((Concept("a"), Concept("b")), images[:, :2] > 0)
    first, again = (dissect_cached(toy_classifier, masks, folder=tmp_path, images=images, layer="seen", progress=False)
                    for _ in range(2))
    assert len(counted) == 1 and again.table.equals(first.table)


def test_bundled_and_wrapped_nets_have_keys_that_stay():
    g, seg = gw.load("storybook"), gw.load_segmenter("storybook")
    key = dissection_key(g, seg, seeds=SEEDS)
    assert dissection_key(gw.load("storybook"), gw.load_segmenter("storybook"), seeds=SEEDS) == key

    def wrapped():
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.ConvTranspose2d(4, 6, 4), torch.nn.ReLU(), torch.nn.ConvTranspose2d(6, 3, 5))
        return gw.wrap(net.eval(), layers=["1"], latent_shape=(4, 1, 1), name="mine")
    assert dissection_key(wrapped(), seg, seeds=SEEDS) == dissection_key(wrapped(), seg, seeds=SEEDS)


def test_a_segmenter_whose_code_cannot_be_seen_needs_a_version(planted, tmp_path):
    space = {"Base": type(planted.segmenter)}
    exec("class Hidden(Base):\n    pass", space)       # as in a notebook
    with pytest.raises(ArgumentError, match="version='1'"):
        dissect_cached(planted.generator, space["Hidden"](), folder=tmp_path, seeds=SEEDS, progress=False)
    one, two = (dissection_key(planted.generator, space["Hidden"](), seeds=SEEDS, version=each) for each in "12")
    assert one != two


def test_bad_questions_are_those_of_dissect(planted, tmp_path):
    for how, error in (({"layer": "layer9"}, LayerError), ({"seeds": [-1]}, SeedError), ({"rule": "best"}, ArgumentError),
                       ({"layers": ["layer1"]}, ArgumentError)):
        with pytest.raises(error):
            asked(planted, tmp_path, **how)
    with pytest.raises(ArgumentError, match="brings no segmenter"):
        dissect_cached(replace(planted.generator, companions={}), folder=tmp_path, seeds=SEEDS, progress=False)
    assert not list(tmp_path.iterdir()), "nothing is left of what failed"


def test_what_cannot_be_written_is_a_warning(planted, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(UserWarning, match="cannot be kept"):
        found = asked(planted, tmp_path / "file")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found.table.equals(asked(planted, tmp_path / "folder").table)
    assert isinstance(planted.segmenter, Segmenter)
