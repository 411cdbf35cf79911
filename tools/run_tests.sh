#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every test that needs no GPU, then says in one line how many passed. With --sanitizers instead: the torch-free
# rooms under AddressSanitizer and UndefinedBehaviorSanitizer, coordinator and common under ThreadSanitizer.
set -uo pipefail
cd "$(dirname "$0")/.."

readonly TORCH_FREE=(//common/... //reward/... //rollout_log/... //coordinator/... //cli/... //model/tokenizer/...)
readonly CUDA_KERNELS=(//kernels:logprob_cuda //kernels:segment_objective_cuda //kernels:adamw_cuda)
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
  run "torch-free rooms, address sanitizer" --config=asan "${TORCH_FREE[@]}"
  run "torch-free rooms, undefined-behavior sanitizer" --config=ubsan "${TORCH_FREE[@]}"
  run "coordinator and common, thread sanitizer" --config=tsan //coordinator/... //common/...
else
  run "all rooms" //...
  if [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ]; then
    printf 'test: compiling the CUDA kernels for sm_80 and sm_90\n'
    bazel build --noshow_progress --ui_event_filters=-info,-warning --config=cuda "${CUDA_KERNELS[@]}" || status=1
  else
    printf 'test: CUDA kernels not compiled, no nvcc in %s\n' "${CUDA_HOME:-/usr/local/cuda}"
  fi
fi

printf '%d passed, %d failed\n' "${passed}" "${failed}"
[ "${passed}" -gt 0 ] || status=1
exit "${status}"
