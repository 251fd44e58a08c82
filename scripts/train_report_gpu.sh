#!/usr/bin/env bash
# Trains the report model in three calls, each on a machine with one CUDA GPU, 16 cores, torch and
# transformers, and no network: the machine of the call before, or a bare one.
#
# Usage: scripts/train_report_gpu.sh OUT image|image-more|text [START]
#   START: a stored model to begin with where this machine has none of the call before (OUT/so_far of
#          that call; an earlier version's model gives what fits and names the rest).
#   Environment: CALL_SECONDS, the whole call, 545 by default; WORK, /tmp/loupe_report by default;
#          TOY=1 runs the same argument lists on a CPU in two minutes, to find what would fail.
#
# image       Stage A for the first half of its time. Prints [A] lines: samples a second, every loss
#             (states and peaks fall after masks do), `settled=True` at the end. Leaves OUT/so_far.
# image-more  The second half: goes on in WORK with optimizer and phantoms, or from START.
# text        The writing (stage B, 240 s, 5 steps a second or more), 150 steps of C with the image
#             network held, then the judge: 240 phantoms calibrate, 320 test, 20 for each shift.
#             Leaves OUT/model and OUT/panel.json; a model stands there as soon as it is calibrated.
#             WORK must hold stage A, or START be given.
# OUT holds at most seven files, each under 15 MB; everything printed is in OUT/STAGE.log.
set -euo pipefail
if [ $# -lt 2 ] || [ $# -gt 3 ]; then
  sed -n '2,21p' "$0" >&2
  exit 2
fi
out=$1 stage=$2 start=${3:-}
cd "$(dirname "$0")/.."
work=${WORK:-/tmp/loupe_report} call=${CALL_SECONDS:-545} began=$SECONDS
half=$((call - 50)) # the rest is importing, fitting the verdicts and storing
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
    return 0
  fi
  timeout "$left" scripts/train_report_gen.sh "$out" "$name" --work "$work" "$@" \
    ${toy[@]+"${toy[@]}"}
}

filling=(--producers 12 --pool 850 --pool-start 100 --renewed-every 0.8)
from=() seconds=(--image-seconds $((2 * half)) --call-seconds "$half")
if [ -n "$start" ] && [ ! -f "$work/image.pt" ]; then
  from=(--start "$start")
fi

all() {
  case $stage in
    image)
      train image 60 "${filling[@]}" $compiled "${seconds[@]}" ${from[@]+"${from[@]}"}
      ;;
    image-more)
      # On a bare machine the schedule goes on where the first call ended, with other phantoms.
      if [ ${#from[@]} -gt 0 ]; then
        from+=(--image-before "$half" --seed 8)
      fi
      train image 60 "${filling[@]}" $compiled "${seconds[@]}" ${from[@]+"${from[@]}"}
      ;;
    text)
      if [ ${#from[@]} -gt 0 ]; then
        # Takes the image network over, without a step. `toy` comes last and asks for phantoms.
        train image 60 --call-seconds 0 --pool-start 0 "${from[@]}"
      fi
      train text 60 --text-seconds 240 --call-seconds 250
      train joint 230 --image-held --joint-steps 150 --call-seconds 60 --producers 12 --pool 200 \
        --pool-start 48 --renewed-every 5 || echo "[text] stage C failed: the writing is B's"
      train judge 60 --producers 14 --validation 240 --test 320 --shifted 20 --reports 12
      rm -rf "$out/so_far"
      ;;
    *)
      echo "$stage is no stage; say image, image-more or text." >&2
      return 2
      ;;
  esac
  echo "[$stage] $((SECONDS - began)) seconds in all"
  find "$out" -type f -size +0 -exec ls -l {} +
}

all 2>&1 | tee "$out/$stage.log"
