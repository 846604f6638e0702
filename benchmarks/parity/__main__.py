"""`python -m benchmarks.parity NAME [REFERENCE_FOLDER]`: print one table; exit status 0 if its bound is kept."""

import importlib
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

if __name__ == "__main__":
    name, folder = sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "references")
    sys.exit(importlib.import_module(f"benchmarks.parity.{name}").main(folder))
