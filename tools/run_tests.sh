#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every test that needs no GPU, then says in one line how many passed. With --sanitizers instead: the torch-free
# rooms under AddressSanitizer and UndefinedBehaviorSanitizer at once, coordinator and common under ThreadSanitizer; tests
# tagged no_sanitizers are left out by name.
set -uo pipefail
cd "$(dirname "$0")/.."

readonly TORCH_FREE=(//common/... //reward/... //rollout_log/... //objective/... //coordinator/... //cli/... //model/tokenizer/...)
readonly SANITIZED=(--build_tests_only --test_tag_filters=-no_sanitizers,-gpu)
# The kernels, NCCL, the two programs that use both, and the benchmarks for GPUs.
readonly CUDA=(//kernels:logprob_cuda //kernels:segment_objective_cuda //kernels:group_advantage_cuda //kernels:adamw_cuda
  //kernels:square_sum_cuda //model/parallel:process_group_test //learner:cohort-learner
  //rollout_worker:cohort-rollout-worker //kernels:cuda_smoke_test //kernels:cuda_benchmark
  //kernels/torch:adamw_cuda_benchmark //model:logprob_head_cuda_benchmark //learner:train_step_cuda_benchmark)
passed=0
failed=0
status=0

count() {  # adds up bazel's result lines "//pkg:test PASSED in 0.1s"
  local p f
  p=$(grep -cE '^//[^ ]+ +(\(cached\) )?PASSED' "$1")
  f=$(grep -cE '^//[^ ]+ +(\(cached\) )?(FAILED|TIMEOUT|NO STATUS)' "$1")
  passed=$((passed + p))
  failed=$((failed + f))
}

run() {  # run WHAT BAZEL_ARGUMENTS...
  local what=$1 log start=${SECONDS}
  shift
  log=$(mktemp)
  printf 'test: %s\n' "${what}"
  bazel test --noshow_progress --ui_event_filters=-info,-warning --keep_going --test_summary=short "$@" \
    2>&1 | tee "${log}" | grep -vE '\bPASSED in|^(INFO|Loading|Analyzing):'
  local rc=${PIPESTATUS[0]}
  count "${log}"
  rm -f "${log}"
  printf 'test: %s took %d s\n' "${what}" "$((SECONDS - start))"
  [ "${rc}" -eq 0 ] || status=1
}

if [ "${1:-}" = --sanitizers ]; then
  printf 'test: not under sanitizers: %s\n' "$(bazel query --noshow_progress 'attr(tags, no_sanitizers, //...)' 2>/dev/null | xargs)"
  run "torch-free rooms, address and undefined-behavior sanitizers" --config=asan_ubsan "${SANITIZED[@]}" "${TORCH_FREE[@]}"
  # The simulation has one thread.
  run "coordinator and common, thread sanitizer" --config=tsan "${SANITIZED[@]}" -- //coordinator/... //common/... -//coordinator/simulation/...
else
  run "all rooms" //...
  if [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ]; then
    printf 'test: compiling and linking with CUDA, for sm_80 and sm_90\n'
    tools/setup.sh --cuda &&
      bazel build --noshow_progress --ui_event_filters=-info,-warning --config=cuda "${CUDA[@]}" || status=1
  else
    printf 'test: nothing compiled with CUDA, no nvcc in %s\n' "${CUDA_HOME:-/usr/local/cuda}"
  fi
fi

printf '%d passed, %d failed\n' "${passed}" "${failed}"
[ "${passed}" -gt 0 ] || status=1
exit "${status}"
