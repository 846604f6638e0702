#!/usr/bin/env bash
# lab.sh NOTEBOOK ARGUMENTS...: JupyterLab on a lesson; as root (containers) it needs to be told that this is meant.
set -euo pipefail
lesson=$1; shift
root=()
if [ "$(id -u)" = 0 ]; then root=(--allow-root); fi
exec jupyter lab "${root[@]}" --LabApp.news_url= "$@" "$lesson"
