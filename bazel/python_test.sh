#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the Python file that is given with the test wheels in its path. Of python_test.bzl.
set -eu
. ../test_tools/environment.sh
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$@"
