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
fail() { echo "run_demo.sh: $1" >&2; exit "${2:-1}"; }
[[ "$SEED" =~ ^[0-9]+$ ]] || fail "--seed: not a number ($SEED)" 2

BIN_DIR="${BIN_DIR:-$root/bazel-bin/cli}"
cohortctl="$BIN_DIR/cohortctl"
[ -x "$cohortctl" ] || fail "--bin_dir: no cohortctl there, run \`make build\` ($BIN_DIR)" 2

if [ -n "$RUN_DIR" ]; then
  mkdir -p "$RUN_DIR" || fail "--run_dir: cannot be made ($RUN_DIR)" 2
else
  mkdir -p "$root/runs" || fail "the folder for runs cannot be made ($root/runs)"
  RUN_DIR="$root/runs/demo-seed$SEED-$(date +%Y%m%d-%H%M%S)"
  # A second run of the same second gets a folder of its own.
  mkdir "$RUN_DIR" 2>/dev/null || RUN_DIR="$(mktemp -d "$RUN_DIR-XXXX")" || fail "no folder can be made in $root/runs"
fi
echo "run_demo.sh: seed $SEED, run folder $RUN_DIR" >&2

# make_once WHAT COMMAND...: runs the command with a folder to write, beside the real one and renamed at the end, so that
# an interrupted start leaves no half of it.
make_once() {
  local target="$RUN_DIR/$1" partial="$RUN_DIR/$1.partial"
  shift
  [ ! -e "$target" ] || return 0
  rm -rf "$partial"
  "$@" --seed "$SEED" --output "$partial" >&2 && mv "$partial" "$target" || { rm -rf "$partial"; fail "cannot make $target"; }
}
make_once data python3 "$here/generate.py"
make_once model "$cohortctl" model init --template "$here/model"

exec "$cohortctl" local -f "$here/warm_start.yaml" -f "$here/grpo.yaml" --seed "$SEED" --run_dir "$RUN_DIR" \
  --data_root "$RUN_DIR" --model_root "$RUN_DIR" ${further[@]+"${further[@]}"}
