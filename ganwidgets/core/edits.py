"""A stack of edits as a value: push, undo, redo, leave one out, replay on other pictures, save, load, as Python."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from ganwidgets.core.edited import Edit, Origin, edited
from ganwidgets.core.errors import EditError, GanwidgetsError, cut, cut_text, one_of
from ganwidgets.core.latent_edits import LatentEdit
from ganwidgets.core.nets import LayeredNet
from ganwidgets.core.records import field_of
from ganwidgets.core.texts import together_at_most
from ganwidgets.core.unit_edits import UnitEdit
from ganwidgets.core.weight_edits import WeightEdit

__all__ = ["Edit", "EditStack", "LatentEdit", "Origin", "UnitEdit", "WeightEdit", "edit_from_record", "edited"]

KINDS: Mapping[str, Callable[[Mapping[str, Any]], Edit]] = {
    "unit": UnitEdit.from_record, "weight": WeightEdit.from_record, "latent": LatentEdit.from_record}

FORMAT, VERSION = "ganwidgets edits", 1
MOST_BYTES = 64 << 20  # a file of edits that is larger is none
MOST_UNFOLDED = 1 << 28  # what all numbers of a file may unfold to, in bytes
MOST_EDITS, MOST_PARTS = 4096, 4_000_000

States = tuple[tuple[Edit, ...], ...]


@final
@dataclass(frozen=True)
class EditStack:
    """Edits, lowest first. Every act answers a new stack; undo and redo go through all acts since the first push.

    No weight is ever overwritten, so undo is exact: the net before an edit is still the net before it.
    """

    edits: tuple[Edit, ...] = ()
    past: States = field(default=(), repr=False, compare=False)
    future: States = field(default=(), repr=False, compare=False)

    def push(self, edit: Any) -> "EditStack":
        """One more edit on top. Errors: EditError for what is no edit."""
        if not isinstance(edit, Edit):
            raise EditError(f"a stack takes edits, such as gw.UnitEdit(...); a {type(edit).__name__} came.")
        return self._now((*self.edits, edit))

    def undo(self) -> "EditStack":
        """As it was before the last act; at the beginning, the same."""
        return EditStack(self.past[-1], self.past[:-1], (self.edits, *self.future)) if self.past else self

    def redo(self) -> "EditStack":
        """As it was before the last undo; with nothing undone, the same."""
        return EditStack(self.future[0], (*self.past, self.edits), self.future[1:]) if self.future else self

    def without(self, place: Any) -> "EditStack":
        """All but the edit at that place. Errors: EditError."""
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(self.edits):
            raise EditError(f"there is no edit number {place!r}; this stack has {len(self.edits)}, counted from 0.")
        return self._now(self.edits[:place] + self.edits[place + 1:])

    def cleared(self) -> "EditStack":
        """No edits; that can be undone."""
        return self._now(()) if self.edits else self

    def on(self, seeds: Any) -> "EditStack":
        """Replay: the same edits for those pictures; None: for every picture. What cannot move, `left_out` lists.

        Errors: SeedError.
        """
        return self._now(tuple(edit.on(seeds) if edit.replays else edit for edit in self.edits))

    @property
    def left_out(self) -> tuple[Edit, ...]:
        """The edits that belong to their own pictures, and that `on` therefore leaves as they are."""
        return tuple(edit for edit in self.edits if not edit.replays)

    def apply(self, net: Any) -> Any:
        """The net with all edits, lowest first; with none, the net itself. Errors: LayerError, UnitError, EditError."""
        return edited(net, *self.edits)

    @property
    def can_undo(self) -> bool:
        """Whether there is an act to undo."""
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone act."""
        return bool(self.future)

    def save(self, path: str | os.PathLike) -> Path:
        """Write the edits to one file, as JSON with exact numbers; a file that is there stays whole until the end.

        Errors: EditError for more than `load` would take.
        """
        path = Path(path)
        content = {"format": FORMAT, "version": VERSION, "edits": [edit.to_record() for edit in self.edits]}
        text = json.dumps(content, allow_nan=False)
        if len(self.edits) > MOST_EDITS or len(text) > MOST_BYTES or text.count(",") > MOST_PARTS:
            raise EditError(f"these {len(self.edits):,} edits are more than a file holds, {MOST_EDITS:,} of {MOST_BYTES >> 20} MB "
                            "together; save parts of them in files of their own.")
        half = path.with_name(path.name + ".part")
        half.write_text(text, encoding="utf-8")
        os.replace(half, path)
        return path

    @staticmethod
    def load(path: str | os.PathLike) -> "EditStack":
        """The edits of a file. Errors: EditError, saying what is wrong with it."""
        try:
            content = _content(Path(path))
            if not isinstance(content, dict) or content.get("format") != FORMAT:
                raise EditError("it is no file of edits; one is written by EditStack.save")
            if field_of(content, "version", "a whole number") != VERSION:
                raise EditError(f"it is of version {cut(content['version'])}; this ganwidgets reads {VERSION}")
            records = field_of(content, "edits", "a list")
            if len(records) > MOST_EDITS:
                raise EditError(f"it has {len(records):,} edits; a file has at most {MOST_EDITS:,}")
            stack = EditStack()
            with together_at_most(MOST_UNFOLDED):
                for record in records:
                    stack = stack.push(edit_from_record(record))
            return stack
        except (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError, OverflowError, GanwidgetsError) as error:
            raise EditError(f"{path} cannot be read as edits: {cut_text(str(error))}".rstrip(".") + ".") from error

    def to_script(self, g: LayeredNet | None = None) -> str:
        """The edits as a Python script that makes them anew and draws their pictures.

        `g`: the generator to name in it; left out, the one that the edits were made on, or else storybook.
        """
        names = {edit.origin.name for edit in self.edits if edit.origin}
        source = g.source if g is not None else f"gw.load({(names.pop() if len(names) == 1 else 'storybook')!r})"
        seeds = sorted({seed for edit in self.edits for seed in edit.seeds or () if seed >= 0}) or [0]
        pushes = [f"stack = stack.push({edit.to_python()})" for edit in self.edits]
        return "\n".join(["import ganwidgets as gw", "", f"g = {source}", "stack = gw.EditStack()", *pushes,
                          f"pictures = stack.apply(g).images(g.sample({seeds}))", ""])

    def __len__(self) -> int:
        return len(self.edits)

    def __iter__(self) -> Iterator[Edit]:
        return iter(self.edits)

    def __getitem__(self, place: int) -> Edit:
        return self.edits[place]

    def _now(self, edits: tuple[Edit, ...]) -> "EditStack":
        return EditStack(edits, (*self.past, self.edits), ())


def _content(path: Path) -> Any:
    """What a file says, as JSON. Errors: EditError, OSError, ValueError, RecursionError."""
    if path.stat().st_size > MOST_BYTES:
        raise EditError("it is larger than any file of edits")
    if not path.is_file():
        raise EditError("it is no file")
    text = path.read_text(encoding="utf-8")
    # each part takes far more memory than its comma; packed numbers have none
    if text.count(",") > MOST_PARTS:
        raise EditError("it has more parts than any file of edits")
    return json.loads(text)


def edit_from_record(record: Any) -> Edit:
    """An edit from its record. Errors: EditError, or what the parts say is wrong with them."""
    try:
        kind = field_of(record, "kind", "text")
        if kind not in KINDS:
            raise EditError(one_of("kind of edit", kind, KINDS))
        return KINDS[kind](record)
    except GanwidgetsError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EditError(f"this record of an edit cannot be read: {error!r}.") from error
