"""What follows from a lab's edits, whichever lab it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganwidgets.core.edits import EditStack
from ganwidgets.core.nets import LayeredGenerator

if TYPE_CHECKING:
    from ganwidgets.widgets.pages import Page


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
