#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Trains the warm-started model under every objective of this folder, each for several seeds, through the real services,
# then prints the accuracies. Takes about five jobs' time per seed; a run that is there already is not repeated.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
OUTPUT="${1:-$root/runs/objectives}"
SEEDS="${SEEDS:-1 2 3}"
OBJECTIVES="${OBJECTIVES:-grpo gspo sspo dhpo dhpo_entropy}"

for seed in $SEEDS; do
  run="$OUTPUT/seed$seed"
  [ -e "$run/done" ] && continue
  mkdir -p "$run"
  further=()
  for objective in $OBJECTIVES; do
    [ "$objective" = grpo ] || further+=(-f "$here/$objective.yaml")
  done
  # run_demo.sh makes data and model and runs warm_start.yaml and grpo.yaml; further job files follow them.
  "$here/run_demo.sh" --seed "$seed" --run_dir "$run" "${further[@]}"
  touch "$run/done"
done
