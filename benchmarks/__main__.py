"""`python -m benchmarks [NAME ...]`: print every ratio, or those named; exit status 0 if all bounds are kept."""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")


def main(names: list[str]) -> int:
    """Measure and print; 0 if every bound is kept."""
    import torch

    from benchmarks.ratios import RATIOS

    unknown = [name for name in names if name not in RATIOS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are {', '.join(RATIOS)}")
        return 2
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    kept = True
    for name in names or RATIOS:
        ratio = RATIOS[name]()
        print(ratio, flush=True)
        kept = kept and ratio.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
