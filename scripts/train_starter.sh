#!/usr/bin/env bash
# Trains the starter model on a machine with a CUDA GPU that has torch but neither Ultralytics nor a
# network: wheels of ultralytics, ultralytics-thop and ultralytics-platform lie in .whl/.
# Usage: scripts/train_starter.sh OUT [arguments of the starter script…]
set -euo pipefail
out=$1
shift
if [ -d .whl ]; then
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
        --target /tmp/site .whl/*.whl
fi
export PYTHONPATH=/tmp/site:$PWD:$PWD/platform PYTHONUNBUFFERED=1
python3 -m apps.defect_detection.training.starter --out "$out" --data /tmp/starter-data --cache ram "$@"
