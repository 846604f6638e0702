"""How many threads a kernel computes with: in a room full of kernels on one machine, each must leave some to the others."""

import functools
import os
import warnings

import torch

MOST = 4                    # threads, unless GANWIDGETS_THREADS says otherwise


@functools.cache
def limit_threads() -> int:
    """Keep torch to GANWIDGETS_THREADS threads, or to at most 4 where that is not set; answers how many it has then.

    Fewer that were set before stay. Once in a process: what is set afterwards stays too. Warns about a value that is no
    whole number from 1 up, and goes on without it.
    """
    said = os.environ.get("GANWIDGETS_THREADS", "").strip()
    if said and not (said.isascii() and said.isdigit() and int(said) > 0):
        warnings.warn(f"GANWIDGETS_THREADS is {said!r}; it should be a whole number from 1 up. Using at most {MOST}.", stacklevel=2)
        said = ""
    wanted = int(said) if said else min(MOST, torch.get_num_threads())
    if wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)
    return wanted
