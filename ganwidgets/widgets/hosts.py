"""Where the labs run, in one line: for the first cell of a notebook."""

import os
import sys

from ganwidgets.widgets import drivers
from ganwidgets.widgets.base import STATIC

WORK = {
    "pull": "work is pulled by the browser",
    "thread": "work is done beside the cells",
    "inline": "work is done at once",
}


def host() -> str:
    """The name of what shows the notebook, as far as the kernel can tell; "Jupyter" for JupyterLab, Notebook 7 and VS Code."""
    if "google.colab" in sys.modules:
        return "Colab"
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return "Voila"
    marimo = sys.modules.get("marimo")
    if marimo is not None and marimo.running_in_notebook():
        return "marimo"
    return "Jupyter" if drivers.in_kernel() else "plain Python"


def about() -> None:
    """Print one line that says what was found: the version, the host, the front end, who takes the steps, torch's device."""
    import torch

    version = getattr(sys.modules["ganwidgets"], "__version__", "")
    built = all((STATIC / f"{name}.js").is_file() for name in ("paintbox", "unitbrowser"))
    front = "front end in the package (no Node needed)" if built else "the front end is not built (run: make js)"
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    print(f"ganwidgets {version} on {host()}: {front}, {WORK[drivers.detect()]}, torch on {device}")
