"""A kernel takes at most 4 threads, or what the environment says; what is set afterwards stays."""

import os
import subprocess
import sys

import pytest

ASK = """
import torch, warnings
torch.set_num_threads({before})
from ganwidgets.core.threads import limit_threads
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    limit_threads()
first = torch.get_num_threads()
torch.set_num_threads(7)
limit_threads()
print(first, torch.get_num_threads(), *(str(each.message) for each in warned))
"""


@pytest.mark.parametrize("before, said, first, warning", [
    (6, "", 4, ""), (2, "", 2, ""), (2, "5", 5, ""), (6, " 3 ", 3, ""), (6, "many", 4, "'many'"), (6, "0", 4, "'0'"),
])
def test_threads(before, said, first, warning):
    env = {**os.environ, "GANWIDGETS_THREADS": said}
    done = subprocess.run([sys.executable, "-c", ASK.format(before=before)], env=env, capture_output=True, text=True, check=True)
    threads, afterwards, *words = done.stdout.split(maxsplit=2)
    assert (int(threads), int(afterwards)) == (first, 7)
    assert warning in "".join(words) and bool(words) == bool(warning)
