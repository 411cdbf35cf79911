#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tools/run_benchmarks.sh [learner|gpu]
# Runs every benchmark that needs no GPU, on one thread; with `learner` those of the train step and of its parts, on one
# thread and on two, in less than 8 minutes. With `gpu` those of kernels, AdamW, log-prob head and train step on the
# first GPU, in less than 8 minutes behind the build (after tools/setup.sh --cuda). One after the other; nothing else
# should run on the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

config=()
case "$#:${1-}" in
  0:)
    mapfile -t benchmarks < <(bazel query --noshow_progress 'kind(cc_binary, filter("_benchmark$", //...)) except filter("cuda_benchmark$", //...)' 2>/dev/null | sort)
    thread_counts=('')
    ;;
  1:gpu)
    [ -e /dev/nvidia0 ] || { echo 'bench: skipped, no GPU: there is no /dev/nvidia0'; exit 0; }
    # The train step last: it needs longest, and each part stops at a time of its own.
    benchmarks=(//kernels:cuda_benchmark //kernels/torch:adamw_cuda_benchmark //model:logprob_head_cuda_benchmark
      //learner:train_step_cuda_benchmark)
    thread_counts=('')
    config=(--config=cuda)
    ;;
  1:learner)
    benchmarks=(//kernels:adamw_benchmark //kernels:attention_benchmark //kernels:logprob_benchmark
      //learner:padded_step_benchmark //model:logprob_head_benchmark)
    thread_counts=(1 2)
    ;;
  *)
    echo 'usage: tools/run_benchmarks.sh [learner|gpu]' >&2
    exit 2
    ;;
esac
[ ${#benchmarks[@]} -gt 0 ] || { echo 'bench: no benchmark found' >&2; exit 1; }
bazel build --noshow_progress --ui_event_filters=-info,-warning "${config[@]}" "${benchmarks[@]}"
failed=()
for benchmark in "${benchmarks[@]}"; do
  for threads in "${thread_counts[@]}"; do
    printf '== %s\n' "${benchmark}${threads:+, threads: ${threads}}"
    OMP_NUM_THREADS="${threads:-1}" bazel run --noshow_progress --ui_event_filters=-info,-warning "${config[@]}" "${benchmark}" -- ${threads} 2>&1 |
      grep -v '^INFO: ' || failed+=("${benchmark} ${threads}")
  done
done
# A benchmark fails when results differ, or memory is above its bound; the others run all the same.
[ ${#failed[@]} -eq 0 ] || { printf 'bench: failed: %s\n' "${failed[@]}" >&2; exit 1; }
