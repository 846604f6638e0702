#!/usr/bin/env bash
# colab_venv.sh FOLDER FIRST: an environment at the versions that Colab has; what is heavy it shares with the FIRST environment.
set -euo pipefail
venv=$1; first=$2
"$first/bin/python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install -q "ipywidgets==7.7.1" "ipykernel==6.17.1" "traitlets==5.7.1" "anywidget==0.9.21" \
    "ipython==7.34.0" "widgetsnbextension<4" "jupyterlab_widgets<2" "jupyter_client<8" "setuptools<81"
# a path file comes after the environment's own packages: torch, numpy and the like are found there, and only those
"$first/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
    >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth"
