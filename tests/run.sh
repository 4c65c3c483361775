#!/usr/bin/env bash
# Builds weft with its tests and runs them all. Works on a bare Debian 12 machine.
#   bash tests/run.sh                 everything
#   bash tests/run.sh -R Scheduler    what matches; further arguments go to ctest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The wheel of the Python module is built from the same sources in another folder: the compiler's
# cache shall know them again.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1
bash examples/dependencies.sh --tests
cmake --preset dev >/dev/null
cmake --build --preset dev
# Broken files of every format once more, under AddressSanitizer and UndefinedBehaviorSanitizer.
cmake --preset hostile >/dev/null
cmake --build --preset hostile
ctest --preset hostile -j "$(nproc)"
ctest --preset dev -j "$(nproc)" "$@"
