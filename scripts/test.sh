#!/usr/bin/env bash
# Lint, then every test: two at a time where that is safe, then those that need the machine alone,
# then those in a browser.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
failed=0
scripts/browser.sh || exit 1
scripts/dicom_tools.sh || exit 1
scripts/lint.sh || failed=1
echo "test: side by side"
"$python" -m pytest -n 2 --dist loadscope -m "not serial and not e2e" --durations 10 || failed=1
echo "test: one after another, with real processes"
"$python" -m pytest -m "serial and not e2e" --durations 10 || failed=1
# In a process of its own: Playwright keeps an event loop running, in which no other one can start.
echo "test: in a browser"
"$python" -m pytest -m e2e --durations 10 || failed=1
exit "$failed"
