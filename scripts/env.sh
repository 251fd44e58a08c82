#!/usr/bin/env bash
# Makes .venv for this checkout, quickly when nothing changed.
#
# The libraries (some 7 GB) are installed once per lock file under ${LOUPE_CACHE:-~/.cache/loupe} and
# shared by every checkout; .venv itself holds only this checkout's own code, so that two checkouts
# never see each other's.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m%s\033[0m\n' "env: $*"; }
die() { echo "env: $*" >&2; exit 1; }

python="${LOUPE_PYTHON:-python3.11}"
command -v "$python" >/dev/null || die "Python 3.11 is missing: install python3.11 with its venv \
module (Debian: apt-get install python3.11-venv), or name one by LOUPE_PYTHON=/path/to/python3.11."
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
  || die "$python is not Python 3.11, for which the lock file is made: set LOUPE_PYTHON."
command -v flock >/dev/null || die "flock is missing: install util-linux."

lock=requirements/lock.txt
cache="${LOUPE_CACHE:-$HOME/.cache/loupe}"
key="$({ cat "$lock"; "$python" -VV; uname -m; } | sha256sum | cut -c1-16)"
libraries="$cache/env-$key"
mkdir -p "$cache"

install_libraries() {
  [ -e "$libraries/.complete" ] && return
  local free_kb
  free_kb="$(df -Pk "$cache" | awk 'NR==2 {print $4}')"
  [ "$free_kb" -gt 10000000 ] || die "$cache has $((free_kb / 1024)) MB free and the libraries need \
10 GB: make room, or choose another folder by LOUPE_CACHE."
  say "installing $(grep -c '==' "$lock") packages into $libraries (once; 3 to 10 minutes)"
  rm -rf "$libraries"
  "$python" -m venv "$libraries"
  local pip=("$libraries/bin/python" -m pip install --disable-pip-version-check --progress-bar on)
  say "1 of 2: torch"
  "${pip[@]}" torch==2.14.1 torchvision==0.29.1
  say "2 of 2: everything else, exactly as locked"
  "${pip[@]}" --no-deps -r "$lock"
  touch "$libraries/.complete"
}
if [ ! -e "$libraries/.complete" ]; then
  exec 8>"$libraries.lock"
  flock -n 8 || { say "another make is installing the libraries; waiting for it"; flock 8; }
  install_libraries
  exec 8>&-
fi

stamp="$key $(sha256sum pyproject.toml | cut -c1-16) $PWD"
exec 9>.venv.lock
flock 9
if [ "$(cat .venv/.stamp 2>/dev/null)" != "$stamp" ]; then
  say "making .venv for this checkout"
  rm -rf .venv
  "$libraries/bin/python" -m venv --without-pip .venv
  site="$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  shared="$("$libraries/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  echo "import site; site.addsitedir('$shared')" > "$site/loupe_libraries.pth"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --no-index --editable .
  echo "$stamp" > .venv/.stamp
fi
say "ready: .venv/bin/python"
