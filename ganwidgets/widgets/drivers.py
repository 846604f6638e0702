"""Who takes the steps of a lab's work: a thread, the browser's own requests, or the caller."""

import os
import sys

PULL_SECONDS = 0.1  # a slice of work that one request of the browser carries, at most


def detect() -> str:
    """The driver that fits where we run: "pull" on single-threaded hosts, "thread" in a kernel, else "inline"."""
    if "google.colab" in sys.modules or os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return "pull"
    return "thread" if in_kernel() else "inline"


def in_kernel() -> bool:
    """Whether this process is a Jupyter kernel."""
    return getattr(_shell(), "kernel", None) is not None


def cell() -> str | None:
    """A name for the notebook cell that is being run, the same at each run; None where there is no such name."""
    shell = _shell()
    try:
        parent = shell.get_parent() if shell is not None and hasattr(shell, "get_parent") else {}
    except LookupError:
        return None
    name = (parent or {}).get("metadata", {}).get("cellId")
    return name if isinstance(name, str) else None


def _shell() -> object | None:
    """IPython's shell, without importing IPython where nobody else has."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None and hasattr(module, "get_ipython") else None
