#!/usr/bin/env bash
# venv.sh FOLDER: a virtual environment with a torch in it, on the newest tested Python that is here.
set -euo pipefail
venv=$1
if [ ! -x "$venv/bin/python" ]; then
    found=""
    for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            found=$name; break
        fi
    done
    if [ -z "$found" ]; then
        echo "no Python 3.11 or newer with venv was found; install python3 and python3-venv, or say PYTHON=/path/to/python3" >&2
        exit 1
    fi
    echo "== virtual environment $venv with $("$found" --version)"
    "$found" -m venv "$venv"
fi
if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
    echo "== torch"
    if [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1; then
        # without a GPU: the one release that the tests were run on
        "$venv/bin/python" -m pip install -q "torch==2.13.0"
    else
        "$venv/bin/python" -m pip install -q "torch>=2.4"
    fi
fi
