#!/usr/bin/env bash
# bundle_is_current.sh: builds the front end again and compares it, byte for byte, with what ganwidgets/static holds.
set -euo pipefail
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
cp -r ganwidgets/static "$before/"
npm run -s build --prefix js
if ! diff -r "$before/static" ganwidgets/static >/dev/null; then
    diff -rq "$before/static" ganwidgets/static || true
    echo "ganwidgets/static is not what js/ builds; it has been built now: commit it." >&2
    exit 1
fi
