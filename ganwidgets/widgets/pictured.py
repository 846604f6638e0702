"""What follows from a lab's edits, whichever lab it is."""

from pathlib import Path
from typing import Any

from ganwidgets.core.edits import EditStack
from ganwidgets.core.nets import LayeredGenerator


class Pictured:
    """A lab's generator under its edits, and its edits as a file and as Python."""

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

    def to_script(self) -> str:
        """The edits, as Python."""
        return self.edits.to_script(self._owner)
