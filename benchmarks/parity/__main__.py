"""`python -m benchmarks.parity NAME [REFERENCE_FOLDER]`: print a format's table; exit status 0 if every bound is kept.

A module of this package with a function `main(folder)`, which answers the exit status, is a NAME; it says which references
at which commits it wants. REFERENCE_FOLDER holds them; left out, it is the folder `references`.
"""

import importlib
import os
import pkgutil
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")


def names() -> list[str]:
    """What can be compared."""
    found = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if not module.name.startswith("_")]
    return [name for name in found if hasattr(importlib.import_module(f"benchmarks.parity.{name}"), "main")]


def main(arguments: list[str]) -> int:
    """Compare and print; 0 if every bound is kept."""
    if not arguments or len(arguments) > 2 or arguments[0] not in names():
        print(f"usage: python -m benchmarks.parity NAME [REFERENCE_FOLDER]; names are {', '.join(names())}")
        return 2
    folder = Path(arguments[1] if len(arguments) == 2 else "references")
    return importlib.import_module(f"benchmarks.parity.{arguments[0]}").main(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
