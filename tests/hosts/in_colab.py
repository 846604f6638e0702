"""Run by test_colab in an environment at Colab's versions: both labs are made and driven as Colab's browser would.

Prints one line of JSON with what happened. `google.colab` is a stand-in that keeps what it was asked.
"""

import json
import sys
import time
import types

import numpy as np

ENABLED = []
output = types.ModuleType("google.colab.output")
output.enable_custom_widget_manager = lambda: ENABLED.append(True)
output._widgets = types.SimpleNamespace(_installed_url="https://example.org/manager.js")
sys.modules["google.colab"] = types.ModuleType("google.colab")
sys.modules["google.colab"].output = output
sys.modules["google.colab.output"] = output

from ipykernel.comm import Comm  # noqa: E402

import ganwidgets as gw  # noqa: E402
from ganwidgets.core.jobs import Progress  # noqa: E402
from tests.widgets.conftest import Hand, disc, png  # noqa: E402

STEP = 0.02  # seconds of each of the sixty steps


def plain(content):
    """The content as Colab passes it on; nothing may get lost."""
    passed = json.loads(json.dumps(content, allow_nan=False))
    assert passed == content, content
    return passed


class ColabHand(Hand):
    """A hand whose messages go through JSON both ways, and which asks for the next slice as the front end does."""

    def receive(self, content, buffers=None):
        assert all(isinstance(each, (bytes, memoryview)) for each in buffers or [])
        super().receive(plain(content), buffers)

    def raw(self, content, buffers=()):
        super().raw(plain(content), buffers)

    def next(self):
        """One slice of work: whether there is more, and how long it took."""
        began = time.perf_counter()
        number = self.send("next")
        took = time.perf_counter() - began
        return next(content["more"] for content, _ in self.answers if content["id"] == number), took

    def ask(self, kind, buffers=(), **fields):
        number = self.send(kind, buffers, **fields)
        for _ in range(500):
            if not self.next()[0]:
                break
        ((content, data),) = [each for each in self.answers if each[0]["id"] == number]
        assert content["status"] == "done", content
        return {**content, "buffers": data}


class Wire(Comm):
    """A comm that keeps what would go to the browser: each must be JSON and buffers."""

    kernel = object()

    def _publish_msg(self, kind, data=None, metadata=None, buffers=None, **keys):
        plain(data or {})
        self.__dict__.setdefault("sent", []).append((data or {}).get("method"))


def wired(lab):
    """The lab with a line to a browser; what goes over it as updates of traits is counted."""
    lab.comm = Wire(target_name="jupyter.widget", primary=False)
    return lambda: lab.comm.__dict__.get("sent", []).count("update")


def displayed(lab):
    """What showing the lab displays."""
    import IPython.display as module

    shown = []

    module.display, before = (lambda data, **options: shown.append((data, options))), module.display
    try:
        lab._ipython_display_()
    finally:
        module.display = before
    ((data, options),) = shown
    return {"kinds": sorted(data), "metadata": options["metadata"], "raw": options["raw"]}


def painting(g, d, segmenter):
    lab = gw.PaintBox(g, d, segmenter=segmenter)
    hand, sent = ColabHand(lab), wired(lab)
    first = lab.picture
    hand.ask("stroke", [png(disc())], concept=lab.concept, tool="insert")
    painted = lab.picture
    heat = hand.ask("heatmap", concept=lab.concept)
    hand.ask("undo")
    return lab, hand, {
        "driver": lab.driver, "changed": painted != first, "undone": lab.picture == first, "traits_sent": sent(),
        "heat": [len(heat["buffers"][0]), heat["height"] * heat["width"]], "display": displayed(lab),
    }


def browsing(g, d):
    lab = gw.UnitBrowser(g, d)
    hand, sent = ColabHand(lab), wired(lab)
    first = lab.picture
    unit = lab.table()[0]["unit"]
    rows = hand.ask("rows", units=[unit])
    hand.ask("unit", unit=unit)
    hand.ask("tick", units=[unit], on=True)
    ticked = lab.picture
    probed = hand.ask("probe", x=0.5, y=0.5)
    hand.ask("undo")
    return {
        "driver": lab.driver, "row": len(rows["buffers"][0]), "changed": ticked != first, "undone": lab.picture == first,
        "probed": len(probed["units"]), "traits_sent": sent(), "display": displayed(lab),
    }


def sixty_steps(lab, hand):
    """A job of sixty steps on the lab's desk: pulled, left alone, pulled on, and given up."""
    taken, closed = [], []

    def steps():
        try:
            for i in range(60):
                time.sleep(STEP)
                taken.append(i)
                yield Progress(i + 1, 60)
        finally:
            closed.append(True)

    before, kind = lab.picture, type(lab)
    work, kind.work = kind.work, lambda self, message: (steps, "sixty steps")
    try:
        job = hand.send("script")
        slices = [hand.next()[1] for _ in range(3)]
        pulled = len(taken)
        time.sleep(0.4)  # no `next` comes: nothing may go on
        paused = len(taken)
        slices += [hand.next()[1] for _ in range(3)]
        resumed = len(taken)
        hand.send("cancel", target=job)
        more, _ = hand.next()
        after = len(taken)
    finally:
        kind.work = work
    answers = [content["status"] for content, _ in hand.answers if content["id"] == job]
    return {"pulled": pulled, "paused": paused, "resumed": resumed, "after_cancel": after, "slowest": max(slices), "more": more,
            "answers": answers, "closed": closed, "same": lab.picture == before, "busy": lab.busy}


def main():
    import anywidget
    import ipykernel
    import IPython
    import ipywidgets
    import traitlets

    planted = gw.testing.planted_generator()
    d = gw.dissect(planted.generator, planted.segmenter, layer=planted.layer, seeds=range(24), progress=False)
    lab, hand, painted = painting(planted.generator, d, planted.segmenter)
    job = sixty_steps(lab, hand)
    still = hand.ask("stroke", [png(disc(0.3, 0.3))], concept=lab.concept, tool="insert")["status"]
    gw.about()
    modules = (ipywidgets, ipykernel, traitlets, anywidget, IPython)
    print(json.dumps({
        "versions": {module.__name__: module.__version__ for module in modules},
        "enabled": len(ENABLED), "paintbox": painted, "unitbrowser": browsing(planted.generator, d), "job": job, "then": still,
        "numpy": np.__version__,
    }))


if __name__ == "__main__":
    main()
