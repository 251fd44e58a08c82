#!/usr/bin/env bash
# Trains the report model in three calls, each on a machine with a CUDA GPU, 16 cores, torch and
# transformers, and no network: the machine of the call before, or a bare one.
#
# Usage: scripts/train_report_gpu.sh OUT image|image-more|text|judge [START]
#   START: a stored model to begin with where this machine has none of the call before (OUT/so_far of
#          that call; an earlier version's model gives what fits and names the rest).
#   Environment: CALL_SECONDS, the whole call, 545 by default; WORK, /tmp/loupe_report by default;
#          TOY=1 runs the same argument lists on a CPU in two minutes, to find what would fail.
#
# image       Stage A for the first half of its schedule. Prints [A] lines: samples a second, every
#             loss, `settled=True` at the end. Leaves OUT/so_far.
# image-more  The second half: goes on in WORK with optimizer and phantoms, or from START.
# text        The writing (stage B, what 350 seconds leave of the call), 150 steps of C with the
#             image network held, then the judge, which needs 200 seconds: 240 phantoms calibrate,
#             320 test, 20 for each shift. Leaves OUT/model and OUT/panel.json as soon as it is
#             calibrated, and writes both anew with every part of the panel; OUT/so_far stays unless
#             the judge came to its end.
# judge       The judge alone, of WORK or START. Beside another call on a second GPU:
#             CUDA_VISIBLE_DEVICES=1 WORK=/tmp/judged scripts/train_report_gpu.sh OUT2 judge START
# OUT holds at most seven files, each under 15 MB; everything printed is in OUT/STAGE.log.
set -euo pipefail
if [ $# -lt 2 ] || [ $# -gt 3 ]; then
  sed -n '2,24p' "$0" >&2
  exit 2
fi
out=$1 stage=$2 start=${3:-}
cd "$(dirname "$0")/.."
work=${WORK:-/tmp/loupe_report} call=${CALL_SECONDS:-545} began=$SECONDS
half=$((call - 50)) # the rest is importing, fitting the verdicts and storing
writing=$((call > 410 ? call - 350 : 60))
export TORCHINDUCTOR_CACHE_DIR=$work/inductor TORCHINDUCTOR_COMPILE_THREADS=4
mkdir -p "$out" "$work"
compiled=--compiled toy=()
if [ "${TOY:-}" = 1 ]; then
  compiled=
  toy=(--toy --device cpu --producers 1 --pool 4 --pool-start 2 --validation 3 --test 3 --shifted 1
       --reports 2 --joint-steps 1)
fi
if [ -n "$start" ] && [ ! -f "$start/model.json" ]; then
  echo "$start holds no stored model; give the folder so_far of the call before." >&2
  exit 2
fi
if [ "$stage" != image ] && [ ! -f "$work/image.pt" ] && [ -z "$start" ]; then
  echo "This machine has nothing of stage A in $work; give the folder so_far of the call before." >&2
  exit 2
fi

# No call of a stage outlives this one.
train() {
  local name=$1 least=$2
  shift 2
  local left=$((call - (SECONDS - began)))
  if [ "$left" -lt "$least" ]; then
    echo "[$stage] $left seconds are left: $name is left out"
    return 1
  fi
  timeout "$left" scripts/train_report_gen.sh "$out" "$name" --work "$work" "$@" \
    ${toy[@]+"${toy[@]}"}
}

filling=(--producers 12 --pool 1200 --pool-start 100 --renewed-every 0.4 --rate 1e-3)
from=() seconds=(--image-seconds $((2 * half)) --call-seconds "$half")
if [ -n "$start" ]; then
  from=(--start "$start") # counts for what WORK does not hold
fi

# The weights of START, without a step; `toy` comes last in `train` and asks for phantoms.
take_over() {
  if [ ${#from[@]} -gt 0 ] && [ ! -f "$work/$1.pt" ]; then
    train "$1" 60 --call-seconds 0 --pool-start 0 "${from[@]}"
  fi
}

judge() {
  train judge 60 --producers 14 --validation 240 --test 320 --shifted 20 --reports 12 &&
    rm -rf "$out/so_far"
}

all() {
  case $stage in
    image)
      train image 60 "${filling[@]}" $compiled "${seconds[@]}" ${from[@]+"${from[@]}"}
      ;;
    image-more)
      # On a bare machine the schedule goes on where the first call ended, with other phantoms.
      if [ ! -f "$work/image.pt" ]; then
        from+=(--image-before "$half" --seed 9)
      fi
      train image 60 "${filling[@]}" $compiled "${seconds[@]}" ${from[@]+"${from[@]}"}
      ;;
    text)
      take_over image
      train text 60 --text-seconds "$writing" --call-seconds $((writing + 10)) \
        ${from[@]+"${from[@]}"}
      train joint 280 --image-held --joint-steps 150 --call-seconds 60 --producers 12 --pool 200 \
        --pool-start 48 --renewed-every 5 || echo "[text] no stage C: the writing is B's"
      judge
      ;;
    judge)
      take_over image
      take_over text
      judge
      ;;
    *)
      echo "$stage is no stage; say image, image-more, text or judge." >&2
      return 2
      ;;
  esac
  echo "[$stage] $((SECONDS - began)) seconds in all"
  find "$out" -type f -size +0 -exec ls -l {} +
}

all 2>&1 | tee "$out/$stage.log"
