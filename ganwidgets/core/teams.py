"""The processes that share one piece of work: which of them this one is, its part, and how all learn what each found."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import final

import torch
import torch.distributed as group

from ganwidgets.core.counting import at_least_one
from ganwidgets.core.errors import ArgumentError

Exchange = Callable[[bytes], Iterable[bytes]]


def alone(mine: bytes) -> Iterable[bytes]:
    """What a single process exchanges: its own."""
    return (mine,)


@final
@dataclass(frozen=True)
class Team:
    """The process `rank` of `size`. `exchange(mine)` answers what each of them gave, by rank, to all of them alike; all call it
    equally often, and go through the answer to its end. Errors: ArgumentError."""
    rank: int = 0
    size: int = 1
    exchange: Exchange = field(default=alone, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.rank < at_least_one("size", self.size):
            raise ArgumentError(f"a team of {self.size} has the ranks 0 to {self.size - 1}; {self.rank!r} came.")

    def part(self, first: int, last: int, batch: int) -> range:
        """The places from `first` up to `last` that are this process's: whole batches in a row, as many as the others have, or
        one more. Batches begin at the same places in a team of any size, so that each runs as it would for a single process."""
        batches = -(-(last - first) // batch)
        start, stop = (first + batches * rank // self.size * batch for rank in (self.rank, self.rank + 1))
        return range(min(start, last), min(stop, last))


def present_team() -> Team:
    """The team of torch.distributed's default group; a team of one where there is none."""
    if not (group.is_available() and group.is_initialized()):
        return Team()
    return Team(group.get_rank(), group.get_world_size(), _told_to_all)


def _told_to_all(mine: bytes) -> Iterator[bytes]:
    """Each process in turn tells the others, so that no more than one's is held beside the own."""
    device = torch.device("cuda", torch.cuda.current_device()) if group.get_backend() == "nccl" else torch.device("cpu")
    own = torch.frombuffer(bytearray(mine), dtype=torch.uint8).to(device)
    for rank in range(group.get_world_size()):
        tells = rank == group.get_rank()
        length = torch.tensor([len(mine) if tells else 0], device=device)
        group.broadcast(length, rank)
        told = own if tells else torch.empty(int(length), dtype=torch.uint8, device=device)
        group.broadcast(told, rank)
        yield told.cpu().numpy().tobytes()
