#!/usr/bin/env bash
# Trains the report model on phantoms, on a machine with a CUDA GPU that has torch and transformers
# and needs no network. A call works for about 420 seconds, keeps its state on that machine's disk
# and goes on from there when called again with the same stage.
# Usage: scripts/train_report_gen.sh OUT STAGE [more arguments of apps.report_gen.training]
#   STAGE: image (twice, 820 s in all), text, joint, judge; or all, with --call-seconds
set -euo pipefail
if [ $# -lt 2 ]; then
  sed -n '2,7p' "$0" >&2
  exit 2
fi
out=$1 stage=$2
shift 2
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD:$PWD/platform" PYTHONUNBUFFERED=1
export PYTORCH_CUDA_ALLOC_CONF=${PYTORCH_CUDA_ALLOC_CONF:-expandable_segments:True}
exec "${PYTHON:-python3}" -m apps.report_gen.training "$out" "$stage" "$@"
