"""A PaintBox as it stands on the page: hands for mouse and keyboard, and eyes for its canvases."""

import base64
import io

import numpy as np
from PIL import Image

ROOT, PICTURE, INK = ".gw-paintbox", ".gw-picture", ".gw-ink"
WATCH = """() => {
  const canvas = document.querySelector('.gw-picture');
  window.gwTimes = {up: 0, frames: []};
  document.addEventListener('pointerup', () => { gwTimes.up = performance.now(); gwTimes.frames = []; }, true);
  const seen = new MutationObserver(() => gwTimes.frames.push(performance.now()));
  seen.observe(canvas, {attributes: true, attributeFilter: ['data-gw-frame']});
}"""
FIRST_INK = """() => {
  const ink = document.querySelector('.gw-ink');
  window.gwInk = {};
  document.querySelector('.gw-picture').addEventListener('pointerdown', event => {
    const began = event.timeStamp, place = ink.getBoundingClientRect(), scale = ink.width / place.width;
    const [x, y] = [(event.clientX - place.left) * scale, (event.clientY - place.top) * scale].map(Math.round);
    let frames = 0;
    const look = () => {
      frames += 1;
      const inked = ink.getContext('2d').getImageData(x, y, 1, 1).data[3] > 0;
      if (inked) window.gwInk = {ms: performance.now() - began, frames};
      else if (frames < 300) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, {capture: true, once: true});
}"""


class OnPage:
    """One lab on the page, called `lab` in the kernel."""

    def __init__(self, notebook):
        self.notebook, self.page = notebook, notebook.page

    def ready(self):
        self.page.wait_for_selector(f"{ROOT}[data-gw-ready='true']", timeout=60_000)
        self.page.wait_for_selector(f"{PICTURE}[data-gw-frame]")
        return self.settled()

    def settled(self):
        """Wait until every request is answered, the kernel has done everything, and the screen shows its picture."""
        self.page.wait_for_function(
            "root => [...document.querySelectorAll(root)].every(each => each.dataset.gwBusy !== 'true')", arg=ROOT
        )
        assert self.notebook.value("lab.wait(30)") is True
        expected = self.kernel_pixels()
        for _ in range(100):
            shown = self.pixels()
            if shown.shape == expected.shape and np.array_equal(shown, expected):
                return self
            self.page.wait_for_timeout(50)
        apart = np.abs(shown.astype(int) - expected).max() if shown.shape == expected.shape else expected.shape
        raise AssertionError(f"the screen {shown.shape} is not the kernel's picture: {apart}; {self.notebook.console}")

    def pixels(self, selector=PICTURE):
        """The canvas, (height, width, 3) bytes."""
        url = self.page.eval_on_selector(selector, "canvas => canvas.toDataURL('image/png')")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))

    def kernel_pixels(self):
        """The picture of the edited generator, drawn anew in the kernel: not what the lab sent."""
        code = (
            "import base64 as _b; from ganwidgets.core.images import encode_png as _e; "
            "print(_b.b64encode(_e(lab.generator.images(lab.generator.sample([lab.seed]))[0])).decode())"
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(self.notebook.ask(code)))).convert("RGB"))

    def edits(self):
        """The edits in the kernel: concept, mode, whether on, units, and the part of the picture each covers."""
        return self.notebook.value(
            "[[s['concept'], s['mode'], s['on'], list(map(int, e.units)), e.region.area, list(e.seeds or [])] "
            "for s, e in zip([s for s in lab.history if s['on']], lab.edits)]"
        )

    def at(self, x, y):
        """A point of the page from fractions of the picture."""
        box = self.page.locator(PICTURE).first.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def stroke(self, *points, steps=6):
        """Draw with the mouse through the points, fractions of the picture."""
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=steps)
        self.page.mouse.up()

    def finger(self, *points):
        """Draw with a finger through the points, fractions of the picture."""
        touch(self.page, *[self.at(*point) for point in points])

    def drag_chip(self, concept, x, y):
        chip = self.page.locator(f".gw-chip[data-concept='{concept}']").bounding_box()
        self.page.mouse.move(chip["x"] + chip["width"] / 2, chip["y"] + chip["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(*self.at(x, y), steps=8)
        self.page.mouse.up()

    def act(self, name):
        self.page.locator(f"{ROOT} [data-act='{name}']").first.click()

    def chip(self, concept):
        self.page.click(f".gw-chip[data-concept='{concept}']")

    def said(self):
        return self.page.inner_text(".gw-status")


def touch(page, *points):
    """Put a finger on the page, move it through the points, and take it off."""
    hand = page.context.new_cdp_session(page)
    hand.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    kinds = ["touchStart", *["touchMove"] * (len(points) - 1), "touchEnd"]
    for kind, point in zip(kinds, [*points, None], strict=True):
        at = [] if point is None else [dict(zip("xy", point, strict=True))]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    hand.detach()


def difference(one, two):
    """How much each pixel differs, 0..255."""
    return np.abs(one.astype(int) - two.astype(int)).max(2)


def within(changed, x0, y0, x1, y1):
    """The part of a map between fractions of its sides."""
    height, width = changed.shape
    return changed[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]
