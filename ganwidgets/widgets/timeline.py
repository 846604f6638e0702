"""A present value, and those before and after it that undo and redo go to."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Timeline(Generic[T]):
    """What is now, what was before, the last of it first to come back, and what was undone. Answers new ones."""

    now: T
    past: tuple[T, ...] = field(default=(), repr=False)
    future: tuple[T, ...] = field(default=(), repr=False)

    def turned(self, value: T, *, on: bool = False) -> "Timeline[T]":
        """This value now. The same again is no step, nor is one that goes `on` with the last."""
        if value == self.now:
            return self
        return Timeline(value, self.past if on and self.past else (*self.past, self.now), ())

    def undone(self) -> "Timeline[T]":
        """One step back; at the beginning, the same."""
        return Timeline(self.past[-1], self.past[:-1], (self.now, *self.future)) if self.past else self

    def redone(self) -> "Timeline[T]":
        """One step forward; at the end, the same."""
        return Timeline(self.future[0], (*self.past, self.now), self.future[1:]) if self.future else self
