"""The README's moving picture, recorded while a hand drops, moves, paints, compares and undoes."""

import io

import pytest
from PIL import Image, ImageDraw

from .conftest import SCREENSHOTS
from .on_page import ROOT, OnPage
from .test_paintbox import BRIGHT_MEADOW, LAB, STORYBOOK

pytestmark = pytest.mark.browser

WIDE = 840        # pixels of the moving picture
MOST = 1_500_000  # bytes of it


class Recorder:
    """Pictures of the lab with the pointer drawn in, and for how long each stays."""

    def __init__(self, lab):
        self.lab, self.frames, self.stays, self.at = lab, [], [], None

    def shot(self, stay=80):
        image = Image.open(io.BytesIO(self.lab.page.locator(ROOT).screenshot())).convert("RGB")
        if self.at:
            box = self.lab.page.locator(ROOT).bounding_box()
            x, y = self.at[0] - box["x"], self.at[1] - box["y"]
            ImageDraw.Draw(image).polygon([(x, y), (x, y + 20), (x + 5, y + 15), (x + 14, y + 15)], fill="white", outline="black")
        self.frames.append(image.resize((WIDE, round(WIDE * image.height / image.width)), Image.Resampling.LANCZOS))
        self.stays.append(stay)

    def go(self, *place, shots=4, stay=80):
        """Move the pointer, on the page, with a picture at each step."""
        start = self.at or place
        for i in range(1, shots + 1):
            self.at = tuple(a + (b - a) * i / shots for a, b in zip(start, place, strict=True))
            self.lab.page.mouse.move(*self.at)
            self.lab.page.wait_for_timeout(60)
            self.shot(stay)

    def save(self, path):
        """All frames as high as the highest: the lab grows by its meter at the first edit."""
        high = max(frame.height for frame in self.frames)
        frames = [Image.new("RGB", (WIDE, high), frame.getpixel((WIDE // 2, frame.height - 2))) for frame in self.frames]
        for whole, frame in zip(frames, self.frames, strict=True):
            whole.paste(frame)
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=self.stays, loop=0, quality=72, method=4)


def test_the_readmes_picture_is_recorded(notebook, figure):
    notebook.open(STORYBOOK, LAB)
    lab = OnPage(notebook).ready()
    x, y = notebook.value(f"(lambda spot: [lab.show(spot[0]), spot[1:]][1])({BRIGHT_MEADOW})")
    lab.settled()
    lab.page.wait_for_timeout(1500)  # the palette's pictures
    record, mouse = Recorder(lab), lab.page.mouse
    chip = lab.page.locator(".gw-chip[data-concept='tree']").bounding_box()
    record.shot(900)
    record.go(chip["x"] + 30, chip["y"] + 30, shots=1)
    mouse.down()
    record.go(*lab.at(x, y - 0.1), shots=6)
    mouse.up()
    lab.settled()
    record.shot(700)
    lab.act("select")
    mouse.move(*record.at)
    mouse.down()
    record.go(*lab.at(x + 0.1, y - 0.15), shots=5)
    mouse.up()
    lab.settled()
    record.shot(600)
    lab.act("brush")
    lab.chip("water")
    record.at = lab.at(0.15, 0.93)
    mouse.move(*record.at)
    mouse.down()
    record.go(*lab.at(0.85, 0.93), shots=7)
    mouse.up()
    lab.settled()
    record.shot(900)
    lab.act("split")
    line = lab.page.locator(".gw-split-line").bounding_box()
    record.at = (line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)
    mouse.move(*record.at)
    mouse.down()
    for across in (0.2, 0.85, 0.5):
        record.go(lab.at(across, 0.5)[0], record.at[1], shots=4)
    mouse.up()
    lab.act("split")
    record.at = None
    for _ in range(3):
        lab.act("undo")
        lab.settled()
        record.shot(450)
    record.save(SCREENSHOTS / "paintbox.webp")
    size = (SCREENSHOTS / "paintbox.webp").stat().st_size
    figure(f"the README's picture: {len(record.frames)} frames, {sum(record.stays) / 1000:.0f} s, {size / 1e6:.2f} MB")
    assert size <= MOST and len({frame.tobytes() for frame in record.frames}) > 20
    assert notebook.value("len(lab.edits)") == 0
