#!/usr/bin/env bash
# Writes requirements/lock.txt from an environment in which requirements/*.in are installed:
#   scripts/lock.sh path/to/python
# Left out: Loupe itself, probe apps of the tests, and opencv-python, whose cv2 needs libGL and Qt:
# opencv-python-headless is the one provider of cv2; and openvino-telemetry, without which OpenVINO
# cannot report its use. The lock is installed without resolving.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${1:?Give the python of an environment in which requirements/*.in are installed.}"
{
  echo "# Every package Loupe runs and is tested with, written by scripts/lock.sh; do not edit."
  "$python" -m pip freeze --all --exclude-editable \
    | grep -viE '^(pip|wheel|loupe[a-z-]*|opencv-python|openvino-telemetry)==' | grep -viE ' @ |^#|^-e' | sort -f
} > requirements/lock.txt.new
if grep -qiE '^crontab==' requirements/lock.txt.new; then
  echo "The package crontab shadows python-crontab, which django-celery-beat needs: uninstall it." >&2
  exit 1
fi
mv requirements/lock.txt.new requirements/lock.txt
