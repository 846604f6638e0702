"""What everything with a picture can do: answer it, add it as PNG to what a notebook keeps, and close when a block ends."""

import base64
import io
from typing import Any, Self

import ipywidgets
from PIL import Image

SEEN = 256  # pixels of the page along a picture, about


class Shown:
    """A widget with a `picture` (PNG) and an `alt` text for it. Stands before the widget class among the bases."""

    picture: Any
    alt: Any
    close: Any

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def image(self) -> Image.Image:
        """The picture as it is."""
        return Image.open(io.BytesIO(self.picture)).convert("RGB")

    def snapshot(self) -> Any:
        """The picture as a plain IPython image, which needs no widget to be seen."""
        from IPython.display import Image as Plain

        return Plain(data=self.picture, format="png", alt=self.alt)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and for where no widget can run, its picture."""
        known = getattr(super(), "_repr_mimebundle_", None)
        bundle = known(**options) if known is not None else viewed(self)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if self.picture:
            data = {**data, "image/png": base64.b64encode(self.picture).decode("ascii")}
            metadata = {**metadata, "image/png": {"width": self._seen_width(), "alt": self.alt}}
        return data, metadata

    def _seen_width(self) -> int:
        """Pixels of the page along a picture that stands in for the widget: a small net's would be a stamp."""
        width = self.image.width
        return width * max(1, round(SEEN / width))

    def _display_bundle(self, **options: Any) -> None:
        """Display the same bundle."""
        from IPython.display import display

        data, metadata = self._repr_mimebundle_(**options)
        display(data, metadata=metadata, raw=True)

    if int(ipywidgets.__version__.split(".")[0]) < 8:  # there, this method outranks the bundle
        _ipython_display_ = _display_bundle


def viewed(widget: Any) -> dict[str, Any]:
    """The bundle of a widget of ipywidgets 7, which has none of its own."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"text/plain": repr(widget), "application/vnd.jupyter.widget-view+json": view}


def belongings(widget: Any) -> list[Any]:
    """The widgets of layout and style that came with a widget, which stay open when it is closed."""
    return [part for name in ("layout", "style") if (part := getattr(widget, name, None)) is not None]


def close_whole(*widgets: Any) -> None:
    """Close widgets with what came with them."""
    for widget in widgets:
        for part in (widget, *belongings(widget)):
            part.close()
