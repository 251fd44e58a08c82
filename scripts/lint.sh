#!/usr/bin/env bash
# Style, types and import rules; runs every check before it fails.
set -uo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
failed=()
check() {
  local name="$1"
  shift
  echo "lint: $name"
  "$@" || failed+=("$name")
}
check "ruff" "$python" -m ruff check --quiet .
check "ruff format" "$python" -m ruff format --check --quiet .
check "import rules" "$python" -c \
  'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())'
check "types (mypy, strict)" "$python" -m mypy --no-error-summary
if [ "${#failed[@]}" -gt 0 ]; then
  printf 'lint: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "lint: all checks passed"
