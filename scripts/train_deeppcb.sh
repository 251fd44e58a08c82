#!/usr/bin/env bash
# Trains detectors on DeepPCB on a machine with a CUDA GPU that has torch but neither Ultralytics nor
# a network (wheels of ultralytics, ultralytics-thop and ultralytics-platform lie in .whl/, or in
# WHEELS), and prints one JSON line per run; what each run is at goes to standard error and OUT/log at
# once. On a machine that has just started the first epoch takes up to a minute. DEEPPCB is the set's
# folder.
# DEADLINE, seconds since 1970, stops what still runs shortly before. PYTHON names python3.
# Usage: DEEPPCB=DIR scripts/train_deeppcb.sh OUT PLAN
#   probe    how fast composing and training are, by batch and optimiser
#   explore  variants of the recipe side by side (their times mean nothing); explore2: more
#   same     same epochs, batch and seed as plain Ultralytics, alone: SEEDS (default "0")
#   plain    plain Ultralytics, alone: SEEDS
#   default  the default recipe, alone: SEEDS
#   small    200 pictures, plain and Loupe for SECONDS_EACH, one after the other: SEEDS
#   arm      ARM, alone, with the further arguments as they are
set -euo pipefail
out=$1 plan=$2
shift 2
python=${PYTHON:-python3} seeds=${SEEDS:-0} seconds=${SECONDS_EACH:-120} wheels=${WHEELS:-.whl}
mkdir -p "$out"
touch "$out/figures.jsonl"
if [ -d "$wheels" ] && [ ! -d /tmp/site ]; then
    echo "installing $wheels/*.whl" >&2
    "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
        --target /tmp/site "$wheels"/*.whl
fi
[ -d /tmp/site ] && export PYTHONPATH=/tmp/site:$PWD:$PWD/platform
export PYTHONPATH=${PYTHONPATH:-$PWD:$PWD/platform} PYTHONUNBUFFERED=1
run=${RUNS:-/tmp/deeppcb-runs}
echo "torch is imported first: half a minute on a machine that has just started" >&2

arm() { # NAME-OF-ARM arguments…; what matters is copied to OUT
    local limit=$((${DEADLINE:-$(($(date +%s) + 3600))} - $(date +%s) - 12))
    [ "$limit" -gt 5 ] || return 0
    timeout "$limit" "$python" -m apps.defect_detection.benchmarks.deeppcb --data "$DEEPPCB" --out "$run" --arm "$@" \
        >>"$out/figures.jsonl" 2> >(tee -a "$out/log" >&2) || echo "failed: $*" | tee -a "$out/log" >&2
}

collect() { # the curves of all runs as one file, and the weights of five
    (cd "$run" && tail -n +1 -- */history.jsonl */run/history.jsonl) >"$out/curves.txt" 2>/dev/null || true
    for weights in "$run"/*/best.safetensors "$run"/*/run/best.safetensors; do
        name=${weights#"$run"/} kept=$(find "$out" -name '*.safetensors' | wc -l)
        [[ "$plan" != explore* ]] && [ -f "$weights" ] && [ "$kept" -lt 5 ] || continue
        cp "$weights" "$out/${name%%/*}.safetensors"
    done
    cat "$out/figures.jsonl"
}
trap collect EXIT

case $plan in
probe)
    arm speed --epochs 4 --set batch=32
    arm speed --epochs 4 --set 'optimizer="musgd"'
    ;;
explore)
    export OMP_NUM_THREADS=3
    short=(same_epochs --set measure_every=5)
    arm "${short[@]}" --name musgd --set 'optimizer="musgd"' --set learning_rate=0.01 &
    arm "${short[@]}" --name scale25 --set scale=0.25 &
    arm "${short[@]}" --name rate --set weight_decay=0.05 --set learning_rate=0.003 &
    arm "${short[@]}" --name thick --set thickness=0.5 --set blur=0.2 &
    arm default --name long --epochs "${LONG:-200}" --set measure_every=5 &
    wait
    ;;
explore2)
    export OMP_NUM_THREADS=3
    short=(same_epochs --set measure_every=5)
    arm "${short[@]}" --name noturns --set turns=false &
    arm "${short[@]}" --name paste --set paste=2.0 &
    arm "${short[@]}" --name average --set ema_tau=300 &
    arm "${short[@]}" --name batch32 --set batch=32 &
    arm "${short[@]}" --name cosine --set 'schedule="cosine"' --set learning_rate=0.002 &
    wait
    ;;
same | default)
    [ "$plan" = same ] && plan=same_epochs
    for seed in $seeds; do arm "$plan" --seed "$seed" "$@"; done
    ;;
plain)
    for seed in $seeds; do arm plain --seed "$seed" "$@"; done
    ;;
small)
    for seed in $seeds; do
        arm plain --name plain200 --pictures 200 --seconds "$seconds" --seed "$seed"
        arm small --name small200 --pictures 200 --seconds "$seconds" --seed "$seed" "$@"
    done
    ;;
arm)
    arm "$@"
    ;;
*)
    echo "unknown plan $plan" >&2
    exit 2
    ;;
esac
