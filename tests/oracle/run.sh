#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares every supported architecture and a checkpoint with transformers, and the events file of the checkpoint's run
# with TensorBoard: `run.sh [CHECKPOINT]`, by default the newest one under runs/. Makes a Python environment with torch,
# transformers and tensorboard from PyPI (about 5 GB) in ~/.cache/cohort the first time.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly ENVIRONMENT="${COHORT_ORACLE_ENV:-${HOME}/.cache/cohort/oracle-2}"
checkpoint=${1:-$({ find runs -path '*/checkpoints/step-*' -name manifest.json -printf '%T@ %h\n' 2>/dev/null || true; } |
  sort -n | tail -n 1 | cut -d' ' -f2-)}
[ -n "${checkpoint}" ] || { echo 'oracle: no checkpoint under runs/: run `make demo` first or name one' >&2; exit 2; }

if [ ! -e "${ENVIRONMENT}/complete" ]; then
  echo "oracle: installing torch and transformers into ${ENVIRONMENT}"
  rm -rf "${ENVIRONMENT}"
  python3 -m venv "${ENVIRONMENT}"
  "${ENVIRONMENT}/bin/pip" install --quiet torch==2.11.0 transformers==5.24.0
  touch "${ENVIRONMENT}/complete"
fi
if [ ! -e "${ENVIRONMENT}/complete-tensorboard" ]; then
  "${ENVIRONMENT}/bin/pip" install --quiet tensorboard==2.21.0
  touch "${ENVIRONMENT}/complete-tensorboard"
fi
"${ENVIRONMENT}/bin/python" tests/oracle/tensorboard_events.py "$(dirname "$(dirname "${checkpoint}")")"
"${ENVIRONMENT}/bin/python" tests/oracle/architectures.py --worker bazel-bin/rollout_worker/cohort-rollout-worker \
  --cohortctl bazel-bin/cli/cohortctl
"${ENVIRONMENT}/bin/python" tests/oracle/checkpoint_logits.py --checkpoint "${checkpoint}" \
  --worker bazel-bin/rollout_worker/cohort-rollout-worker --text '123+989=' --text '>1112'
