"""A lab's life: made, displayed, saved, made again, closed; nothing stays behind."""

import base64
import gc
import io
import json
import threading
import weakref

import ipywidgets
import numpy as np
import pytest
import traitlets
from PIL import Image

from ganwidgets.core.errors import GanwidgetsError
from ganwidgets.widgets import base, drivers
from ganwidgets.widgets.messages import EVERY_LAB, PAINTBOX, PROTOCOL, SETTINGS
from ganwidgets.widgets.paintbox import PaintBox

from .conftest import Hand, disc, png


def hooks(net):
    return (
        sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())
        if hasattr(net, "modules")
        else 0
    )


def instances():
    registry = getattr(ipywidgets.widgets.widget, "_instances", None)
    return len(registry if registry is not None else ipywidgets.Widget.widgets)


def counted(planted):
    gc.collect()
    return {
        "instances": instances(),
        "labs": len(base.open_labs()),
        "hooks": hooks(getattr(planted.generator, "net", None)),
        "threads": threading.active_count(),
    }


def lived(planted, dissection):
    """A lab that has painted and been looked at."""
    lab = PaintBox(planted.generator, dissection, segmenter=planted.segmenter, driver="thread", strip=[0])
    hand = Hand(lab)
    hand.send("stroke", [png(disc())], concept=lab.concept, tool="insert")
    assert lab.wait(20)
    return lab


def test_fifty_labs_closed_leave_nothing(planted, dissection):
    lived(planted, dissection).close()
    before, refs = counted(planted), []
    for _ in range(50):
        with lived(planted, dissection) as lab:
            refs.append(weakref.ref(lab))
    del lab
    after = counted(planted)
    assert after["threads"] <= before["threads"] + 1
    assert {**after, "threads": 0} == {**before, "threads": 0}
    assert sum(ref() is not None for ref in refs) == 0


def test_a_cell_run_fifty_times_keeps_one_lab(planted, dissection, monkeypatch):
    monkeypatch.setattr(drivers, "cell", lambda: "cell 7")
    lived(planted, dissection)
    before = counted(planted)
    for _ in range(50):
        lab = lived(planted, dissection)
    after = counted(planted)
    assert after["threads"] <= before["threads"] + 1
    assert {**after, "threads": 0} == {**before, "threads": 0}
    lab.close()


def test_fifty_labs_left_open_keep_a_few(planted, dissection):
    before = counted(planted)
    labs = [PaintBox(planted.generator, dissection) for _ in range(50)]
    assert counted(planted)["labs"] <= before["labs"] + base.KEPT
    assert [repr(lab) == "PaintBox(closed)" for lab in labs] == [True] * (50 - base.KEPT) + [False] * base.KEPT
    for lab in labs:
        lab.close()
    assert counted(planted)["instances"] == before["instances"]


def test_a_new_lab_lets_the_old_one_rest_and_go_on(paintbox):
    old = paintbox(driver="pull")
    hand = Hand(old)
    old.paint(disc())
    picture = old.picture
    assert len(old._easel._heads) > 0
    new = paintbox()
    assert len(old._easel._heads) == 0, "what can be computed again is freed"
    assert not old._desk.busy
    assert hand.ask("undo")["status"] == "done"
    old.redo()
    assert old.picture == picture
    assert not new.history


def test_close_frees_the_model_and_says_so(planted, dissection):
    lab = PaintBox(planted.generator, dissection, driver="pull")
    hand = Hand(lab)
    lab.paint(disc())
    edits, image = lab.edits, np.asarray(lab.image)
    lab._desk.run = lambda *_: True
    waiting = hand.send("stroke", [png(disc())], concept=lab.concept, tool="insert")
    lab.close()
    lab.close()
    assert [content["status"] for content, _ in hand.answers if content["id"] == waiting] == ["cancelled"]
    assert planted.generator not in [value for value in vars(lab).values() if not isinstance(value, (np.ndarray,))]
    assert lab._easel.generator is None
    assert lab.edits == edits
    assert np.array_equal(np.asarray(lab.image), image)
    assert repr(lab) == "PaintBox(closed)"
    for act in (lab.undo, lambda: lab.paint(disc()), lambda: lab.show(3), lambda: lab.generator):
        with pytest.raises(GanwidgetsError, match="closed"):
            act()
    hand.came.clear()
    hand.raw({"kind": "undo", "id": 99, "view": "v"})
    assert [content["status"] for content, _ in hand.answers] in ([], ["error"], ["cancelled"])


def test_a_lab_is_a_context(planted, dissection):
    with PaintBox(planted.generator, dissection) as lab:
        lab.paint(disc())
    assert repr(lab) == "PaintBox(closed)"


@pytest.mark.parametrize("name, nearest", [("segmentr", "segmenter"), ("strenght", "strength"), ("nonsense", None)])
def test_unknown_arguments_are_refused(planted, dissection, name, nearest):
    before = counted(planted)
    with pytest.raises(TypeError, match=name) as caught:
        PaintBox(planted.generator, dissection, **{name: 1})
    assert nearest is None or f"Did you mean '{nearest}'" in str(caught.value)
    del caught
    assert counted(planted)["instances"] == before["instances"]


def test_what_the_lab_sets_itself_is_no_argument(planted, dissection):
    with pytest.raises(TypeError, match="picture"):
        PaintBox(planted.generator, dissection, picture=b"")


def test_settings_are_arguments(paintbox):
    lab = paintbox(strength=0.5, level="low", seed=3, everywhere=True)
    assert (lab.strength, lab.level, lab.seed, lab.everywhere) == (0.5, "low", 3, True)
    with pytest.raises(traitlets.TraitError):
        paintbox(strength=2.0)


def test_the_saved_notebook_shows_the_picture(lab):
    bundle = lab._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert json.dumps(data)
    assert data["text/plain"] == repr(lab)
    assert len(repr(lab)) < 120 and "PaintBox(" in repr(lab)
    assert "application/vnd.jupyter.widget-view+json" in data
    shown = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert np.array_equal(np.asarray(shown.convert("RGB")), np.asarray(lab.image))
    lab.paint(disc())
    state = lab.get_state()
    assert bytes(state["picture"]) == lab.picture, "the state that nbclient saves holds the last picture"


def test_ipywidgets_7_is_given_the_same_bundle(lab, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append((data, options)))
    lab._display_bundle()
    ((data, options),) = shown
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert options["raw"] is True


def test_snapshot_needs_no_widget(lab):
    shown = lab.snapshot()
    assert shown.data == lab.picture


def test_traits_and_protocol_agree(lab):
    synced = {name for name in lab.traits(sync=True) if not name.startswith("_")} - {"layout", "tabbable", "tooltip"}
    assert synced == {spec.name for spec in (*EVERY_LAB, *PAINTBOX)}
    assert lab.protocol == PROTOCOL
    assert lab.version
    for spec in (spec for spec in SETTINGS.values() if spec.name in synced):
        trait = lab.traits()[spec.name]
        if spec.type in ("number", "integer"):
            assert (trait.min, trait.max) == (spec.low, spec.high)
        elif spec.choices:
            assert tuple(trait.values) == spec.choices


def test_the_front_end_travels_once_and_small(lab):
    assert lab._esm and len(lab._esm.encode()) <= 60_000


def test_state_survives_embedding(lab):
    assert "_esm" in lab.get_state(drop_defaults=True)


def test_messages_are_plain_json(lab):
    hand = Hand(lab)
    hand.ask("stroke", [png(disc())], concept=lab.concept, tool="insert")
    for content, buffers in hand.came:
        assert json.loads(json.dumps(content, allow_nan=False)) == content
        assert all(isinstance(each, bytes) for each in buffers)
    for name in (spec.name for spec in (*EVERY_LAB, *PAINTBOX)):
        if name != "picture":
            json.dumps(getattr(lab, name), allow_nan=False)


def test_where_no_widget_can_run_its_picture_is_large_enough_and_in_words(lab):
    data, metadata = lab._repr_mimebundle_()
    assert data["image/png"] and metadata["image/png"] == {"width": 256, "alt": lab.alt} and lab.alt
    assert lab.image_size in (64, 128)
