#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every benchmark that needs no GPU, one after the other. Nothing else should run on the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t benchmarks < <(bazel query --noshow_progress 'kind(cc_binary, filter("_benchmark$", //...)) except //kernels:cuda_benchmark' 2>/dev/null | sort)
[ ${#benchmarks[@]} -gt 0 ] || { echo 'bench: no benchmark found' >&2; exit 1; }
bazel build --noshow_progress --ui_event_filters=-info,-warning "${benchmarks[@]}"
for benchmark in "${benchmarks[@]}"; do
  printf '== %s\n' "${benchmark}"
  OMP_NUM_THREADS=1 bazel run --noshow_progress --ui_event_filters=-info,-warning "${benchmark}" 2>&1 | grep -v '^INFO: '
done
