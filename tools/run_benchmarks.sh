#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tools/run_benchmarks.sh [learner]
# Runs every benchmark that needs no GPU, on one thread; with `learner` those of the train step and of its parts, on one
# thread and on two, in less than 8 minutes. One after the other; nothing else should run on the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

case "$#:${1-}" in
  0:)
    mapfile -t benchmarks < <(bazel query --noshow_progress 'kind(cc_binary, filter("_benchmark$", //...)) except //kernels:cuda_benchmark' 2>/dev/null | sort)
    thread_counts=('')
    ;;
  1:learner)
    benchmarks=(//kernels:adamw_benchmark //kernels:attention_benchmark //kernels:logprob_benchmark
      //learner:padded_step_benchmark //model:logprob_head_benchmark)
    thread_counts=(1 2)
    ;;
  *)
    echo 'usage: tools/run_benchmarks.sh [learner]' >&2
    exit 2
    ;;
esac
[ ${#benchmarks[@]} -gt 0 ] || { echo 'bench: no benchmark found' >&2; exit 1; }
bazel build --noshow_progress --ui_event_filters=-info,-warning "${benchmarks[@]}"
failed=()
for benchmark in "${benchmarks[@]}"; do
  for threads in "${thread_counts[@]}"; do
    printf '== %s\n' "${benchmark}${threads:+, threads: ${threads}}"
    OMP_NUM_THREADS="${threads:-1}" bazel run --noshow_progress --ui_event_filters=-info,-warning "${benchmark}" -- ${threads} 2>&1 |
      grep -v '^INFO: ' || failed+=("${benchmark} ${threads}")
  done
done
# A benchmark fails when results differ, or memory is above its bound; the others run all the same.
[ ${#failed[@]} -eq 0 ] || { printf 'bench: failed: %s\n' "${failed[@]}" >&2; exit 1; }
