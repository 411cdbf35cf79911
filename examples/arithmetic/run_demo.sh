#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Trains a small model by RLVR on this machine: makes data and a model from scratch, then runs the two jobs of this folder
# through the real services. `run_demo.sh --help` lists the options; further ones go to `cohortctl local`.
set -euo pipefail

# The shipped seed: data, initial weights, order of problems and sampling are functions of it.
SEED="${SEED:-1}"
RUN_DIR=""
BIN_DIR=""

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"

usage() {
  echo "usage: run_demo.sh [--seed N] [--run_dir DIR] [--bin_dir DIR] [cohortctl local options]"
  echo "  --seed N       seed of everything (default $SEED, or the environment's SEED)"
  echo "  --run_dir DIR  run folder; one of an interrupted run goes on (default: runs/demo-seed<N>-<time>)"
  echo "  --bin_dir DIR  folder with cohortctl (default: bazel-bin/cli of this checkout)"
}

further=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seed) SEED="${2:?--seed needs a number}"; shift 2 ;;
    --run_dir) RUN_DIR="${2:?--run_dir needs a folder}"; shift 2 ;;
    --bin_dir) BIN_DIR="${2:?--bin_dir needs a folder}"; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    *) further+=("$1"); shift ;;
  esac
done
[[ "$SEED" =~ ^[0-9]+$ ]] || { echo "run_demo.sh: --seed: not a number ($SEED)" >&2; exit 2; }

BIN_DIR="${BIN_DIR:-$root/bazel-bin/cli}"
RUN_DIR="${RUN_DIR:-$root/runs/demo-seed$SEED-$(date +%Y%m%d-%H%M%S)}"
cohortctl="$BIN_DIR/cohortctl"
[ -x "$cohortctl" ] || { echo "run_demo.sh: --bin_dir: no cohortctl there, run \`make build\` ($BIN_DIR)" >&2; exit 2; }

mkdir -p "$RUN_DIR"
echo "run_demo.sh: seed $SEED, run folder $RUN_DIR" >&2
if [ ! -e "$RUN_DIR/data" ]; then
  # Written beside and renamed: an interrupted start leaves no half of it.
  rm -rf "$RUN_DIR/data.partial"
  python3 "$here/generate.py" --output "$RUN_DIR/data.partial" --seed "$SEED"
  mv "$RUN_DIR/data.partial" "$RUN_DIR/data"
fi
if [ ! -e "$RUN_DIR/model" ]; then
  rm -rf "$RUN_DIR/model.partial"
  "$cohortctl" model init --template "$here/model" --output "$RUN_DIR/model.partial" --seed "$SEED" >&2
  mv "$RUN_DIR/model.partial" "$RUN_DIR/model"
fi

exec "$cohortctl" local -f "$here/warm_start.yaml" -f "$here/grpo.yaml" --seed "$SEED" --run_dir "$RUN_DIR" \
  --data_root "$RUN_DIR" --model_root "$RUN_DIR" ${further[@]+"${further[@]}"}
