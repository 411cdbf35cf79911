#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the given targets and says how long it took, if it took long.
set -euo pipefail
cd "$(dirname "$0")/.."
start=${SECONDS}
printf 'build: %s\n' "$*"
bazel build --noshow_progress --ui_event_filters=-info,-warning "$@"
printf 'build: done in %d s\n' "$((SECONDS - start))"
