#!/usr/bin/env bash
# Sees to it that the browser tests have a Chromium: Debian's, installed here when root and missing.
set -euo pipefail
if command -v chromium >/dev/null; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The browser tests need Chromium: install the package chromium (Debian: sudo apt-get install" \
    "chromium) and run this again." >&2
  exit 1
fi
echo "browser: installing Debian's chromium"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null
