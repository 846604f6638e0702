"""What a PaintBox shows beside its picture, drawn once nothing else is to be done."""

from collections.abc import Generator
from typing import Any

from ganwidgets.core.images import encode_png
from ganwidgets.widgets.frames import Frame
from ganwidgets.widgets.gallery import chip_sheet, concepts_seen, step_sheet, strip_sheet
from ganwidgets.widgets.meter import told

Pauses = Generator[Any, None, None]


class Beside:
    """The picture before all edits, the chips, the history's and the strip's small pictures, the picture in words, the meter."""

    acting: Any
    later: Any
    picture: Any
    post: Any
    say: Any
    show_frame: Any
    strip: Any
    count: Any
    _views: Any
    _words: Any
    _seed: Any
    _easel: Any
    _history: Any
    _paints: Any
    _chips: Any
    _meter: Any
    meter: Any
    _segmenter: Any
    _thumbnails: Any
    _small: Any

    def _background(self, shown: bool) -> None:
        """What follows a change once nothing else is to be done."""
        if self._segmenter is not None:
            self.later("words", self._describe)
        if not self._views:
            return
        known = self._meter.known is not None  # then it takes a part of a run, and comes first
        if known:
            self._watch_meter()
        if shown:
            self._post_original()
        self.later("steps", self._draw_steps)
        self.later("thumbs", self._draw_thumbs)
        if not known:
            self._watch_meter()

    def greet(self) -> None:
        """Send a new view the picture, the one before all edits, and the small ones."""
        self.later("greeting", self._greeting)
        self.later("chips", self._draw_chips, "drawing the palette")
        self.later("steps", self._draw_steps)
        self.later("thumbs", self._draw_thumbs)
        self._watch_meter()

    def _greeting(self) -> Pauses:
        with self.acting():
            self._post_original()
            self.show_frame(Frame(self.picture, "png", self._seed))
        yield

    def _post_original(self) -> None:
        self.post({"kind": "original", "seed": self._seed}, [encode_png(self._easel.image(self._seed)[0])])

    def _draw_chips(self) -> Pauses:
        edits = {name: self._paints.edit(name, "insert", n=self.count) for name in self._chips}
        self.post(*(yield from chip_sheet(self._easel.generator, edits, segmenter=self._segmenter)))

    def _draw_steps(self) -> Pauses:
        self.post(*(yield from step_sheet(self._easel, self._history, self._seed, self._thumbnails)))

    def _draw_thumbs(self) -> Pauses:
        self.post(*(yield from strip_sheet(self._easel, list(self.strip), self._history.edits, self._small)))

    def _describe(self) -> Pauses:
        assert self._segmenter is not None
        self.say(alt=self._words((yield from concepts_seen(self._easel, self._segmenter, self._seed, self._history.edits))))

    def _watch_meter(self) -> None:
        """Let the meter say how usual the picture is: from the first edit on, and unless it was switched off."""
        if self.meter == "off":
            self.say(reading=told("off"))
        elif self._history.entries or self._meter.known is not None:
            self.later("meter", self._read_meter)

    def _read_meter(self) -> Pauses:
        for reading in self._meter.learning(asked=self.meter == "on"):
            self.say(reading=reading)
            yield
            if self.meter == "off":
                break
        if self.meter != "off":
            with self.acting():
                self.say(reading=self._meter.record(self._seed, self._history.edits))
