"""`torchrun --nproc-per-node N -m benchmarks.shared PICTURES`: the seconds that N processes take to dissect a layer together."""

import sys
import time

import torch

from benchmarks.models import nets


def main(pictures: int) -> None:
    """Dissect; the first process prints the seconds, from when all have loaded to when all know the result."""
    from ganwidgets.core.jobs import finish
    from ganwidgets.core.teams import present_team
    from ganwidgets.methods.dissect_sharded import dissect_sharded
    from ganwidgets.processes import joined

    torch.set_num_threads(1)
    g, segmenter = nets()
    with joined(torch.device("cpu")) as rank:
        list(present_team().exchange(b"here"))
        start = time.perf_counter()
        finish(dissect_sharded.steps(g, segmenter, layer=g.layer_at(16), seeds=range(pictures)))
        if rank == 0:
            print(f"{time.perf_counter() - start:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
