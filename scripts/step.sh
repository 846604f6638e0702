#!/usr/bin/env bash
# step.sh NAME COMMAND...: runs a command, and says how long it took and whether it failed.
set -euo pipefail
name=$1; shift
echo "== $name"
begin=$(date +%s)
code=0
"$@" || code=$?
took="$(( $(date +%s) - begin )) s"
if [ "$code" -ne 0 ]; then
    echo "== $name FAILED after $took (exit $code)" >&2
    exit "$code"
fi
echo "== $name: done in $took"
