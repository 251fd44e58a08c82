#!/usr/bin/env bash
# The kernels on a machine with a GPU; each call fits ten minutes there.
#   tests/gpu.sh correctness   every operation's tests, compiled instead of interpreted
#   tests/gpu.sh bench         the whole table against its peers; results under $OUT (default ./out)
#   tests/gpu.sh sanitizer     compute-sanitizer over one small run of every operation
#   tests/gpu.sh engine        the engine under load against a plain server
#   tests/gpu.sh report        a CT study to its draft and a report's tokens; more studies by --study
#   tests/gpu.sh compile       everything compiled for an H100, on a machine without one
# Needs python with torch, triton, numpy and pytest; PYTHON names it (default python3).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
out=${OUT:-out}
mkdir -p "$out"
export PYTHONPATH="$PWD:$PWD/platform${PYTHONPATH:+:$PYTHONPATH}" LOUPE_KERNEL_CACHE="$out/tuned"
kernels() { # every operation with a kernel and a benchmark into `operations`
  for path in core_kernels/triton_ops/*.py; do
    name=$(basename "$path" .py)
    [ "$name" != __init__ ] && [ -e "core_kernels/benchmarks/$name.py" ] && operations+=("$name")
  done
  return 0
}
case "${1:-}" in
  correctness)
    shift
    "$python" -m pytest tests/kernels -q -p no:cacheprovider -p no:benchmark -c /dev/null --rootdir=. \
      --confcutdir=tests/kernels --import-mode=importlib "$@" 2>&1 | tee "$out/correctness.log"
    ;;
  bench)
    shift
    "$python" -m core_kernels.benchmarks --out "$out/results" "$@" 2>&1 | tee "$out/bench.log"
    ;;
  sanitizer)
    shift
    operations=("$@")
    [ ${#operations[@]} -gt 0 ] || kernels
    compute-sanitizer --tool memcheck --error-exitcode 9 \
      "$python" -m core_kernels.benchmarks "${operations[@]}" --quick --alone --seconds 0.01 2>&1 |
      tee "$out/sanitizer.log"
    ;;
  engine)
    shift
    # An app is found by its entry point: this one is made known without installing the checkout.
    known=$(mktemp -d)
    trap 'rm -rf "$known"' EXIT
    "$python" tests/entry_points.py "$known" defect_detection
    export PYTHONPATH="$known:$PYTHONPATH"
    PYTHONUNBUFFERED=1 "$python" -m apps.defect_detection.benchmarks.engine \
      --rates 20,40,60,80,100,150,200,300,400,600,800,1000,1200,1500 --seconds 5 \
      --line-rate 30 --line-seconds 20 "$@" 2>&1 | tee "$out/engine.log"
    ;;
  report)
    shift
    "$python" tests/wheels.py torch triton transformers safetensors numpy numba scipy \
      pydicom nibabel pylibjpeg pylibjpeg-openjpeg
    "$python" -m apps.report_gen.benchmarks.report --parts study raw text --times 9 \
      --model apps/report_gen/models_shipped/chest "$@" 2>&1 | tee "$out/report.log"
    ;;
  compile)
    shift
    operations=("$@")
    [ ${#operations[@]} -gt 0 ] || kernels
    TRITON_INTERPRET=0 CUDA_VISIBLE_DEVICES= "$python" tests/kernels/compiled_for_hopper.py \
      "${operations[@]}" | tee "$out/compile.json"
    ;;
  *)
    sed -n '2,10p' "$0" >&2
    exit 2
    ;;
esac
