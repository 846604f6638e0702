#!/usr/bin/env bash
# browser.sh: Chromium for the browser tests, from apt where that is possible.
set -euo pipefail
for name in "${CHROMIUM:-}" /usr/bin/chromium; do
    if [ -n "$name" ] && [ -x "$name" ]; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "== chromium"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
    echo "the browser tests need Chromium at /usr/bin/chromium: install it, or say CHROMIUM=/path/to/chromium" >&2
    exit 1
fi
