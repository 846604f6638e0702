"""What follows from a lab's edits, whichever lab it is."""

import io
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganwidgets.core.edits import EditStack
from ganwidgets.core.nets import LayeredGenerator

if TYPE_CHECKING:
    from ganwidgets.widgets.pages import Page


class Pictured:
    """A lab's generator under its edits, and its edits as a file and as Python."""

    picture: Any
    seed: Any
    model: Any
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

    def save(self, path: str | Path) -> None:
        """Save the edits."""
        self.edits.save(path)

    def to_html(self, path: str | Path | None = None, *, seeds: Sequence[int] | None = None) -> "Page":
        """The lab as one HTML page of at most 4 MB that needs neither kernel nor network, saved where `path` says.

        The page holds what can be looked at; nothing can be computed in it. Shown in a notebook it works there as well, also
        after nbconvert. `seeds`: its pictures, left out twelve. Errors: ArgumentError for more than fits, SeedError.
        """
        with self.acting():
            page = self.recorded(seeds)
        if path is not None:
            page.save(path)
        return page

    def recorded(self, seeds: Sequence[int] | None) -> "Page":
        """The page of this kind of lab."""
        raise NotImplementedError

    def to_script(self) -> str:
        """The edits, as Python."""
        return self.edits.to_script(self._owner)

    def hand_in(self, path: str | Path = ".") -> Path:
        """Write the edits and the picture into one zip: edits.gwe, picture.png and edits.py; answers where it is.

        `path`: its name, or a folder, in which it is called by the model and the picture's number.
        """
        target = Path(path)
        target = target / self.handed_in_as if target.is_dir() else target
        target.write_bytes(self.handed_in())
        return target

    @property
    def handed_in_as(self) -> str:
        """The name of the zip to hand in: the model and the picture's number, with nothing that a folder's name has."""
        return f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', self.model).strip('.') or 'model'}-{self.seed}.zip"

    def handed_in(self) -> bytes:
        """The zip to hand in, as bytes."""
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive, tempfile.TemporaryDirectory() as folder:
            self.save(Path(folder) / "edits.gwe")
            archive.write(Path(folder) / "edits.gwe", "edits.gwe")
            archive.writestr("picture.png", bytes(self.picture))
            archive.writestr("edits.py", self.to_script())
        return held.getvalue()
