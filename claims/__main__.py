"""`python -m claims [NAME]`: measure one claim, or all, at full size; what is measured already is not measured again."""

import importlib
import json
import sys

from claims.record import FOLDER, Claim, run

HELPERS = {"__init__", "__main__", "card", "drawn", "nets", "palette", "record", "search"}


def claims() -> dict[str, Claim]:
    """Every claim by its name."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in HELPERS)
    return {name: importlib.import_module(f"claims.{name}").CLAIM for name in names}


def main(wanted: list[str]) -> int:
    known = claims()
    for name in wanted:
        if name not in known:
            print(f"no claim {name!r}; the claims are {', '.join(known)}.", file=sys.stderr)
            return 2
    for name in wanted or known:
        print(f"== {known[name].says}", flush=True)
        print(json.dumps(run(known[name])["verdict"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
