"""What follows from a lab's picture and its edits, whichever lab it is."""

import io
from pathlib import Path
from typing import Any

from PIL import Image

from ganwidgets.core.edits import EditStack
from ganwidgets.core.nets import LayeredGenerator


class Pictured:
    """A lab's generator under its edits, its picture, and its edits as a file and as Python."""

    picture: Any
    alt: Any
    acting: Any
    _owner: Any

    @property
    def edits(self) -> EditStack:
        """The edits that are on, as a value."""
        return EditStack()

    @property
    def generator(self) -> LayeredGenerator:
        """The generator under the edits; the one that came is untouched."""
        with self.acting():
            return self.edits.apply(self._owner)

    @property
    def image(self) -> Image.Image:
        """The picture as it is."""
        return Image.open(io.BytesIO(self.picture)).convert("RGB")

    def snapshot(self) -> Any:
        """The picture as a plain IPython image, which needs no widget to be seen."""
        from IPython.display import Image as Shown

        return Shown(data=self.picture, format="png", alt=self.alt)

    def save(self, path: str | Path) -> None:
        """Save the edits."""
        self.edits.save(path)

    def to_script(self) -> str:
        """The edits, as Python."""
        return self.edits.to_script(self._owner)
