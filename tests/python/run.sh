#!/usr/bin/env bash
# Builds the wheel, installs it in a clean environment, and tries what is installed there.
#   bash tests/python/run.sh              everything
#   bash tests/python/run.sh -k tensors   what matches; arguments go to pytest
# PYTHON chooses the interpreter (with headers); the default is the system's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
if [ -z "${PYTHON:-}" ]; then
  PYTHON=python3
  [ -x /usr/bin/python3 ] && PYTHON=/usr/bin/python3
fi
tag=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
tools=build/python/$tag/tools
clean=build/python/$tag/clean
wheels=build/python/$tag/wheels
pip=(-m pip -q --disable-pip-version-check)

# What builds the wheel stays, so that the compiler's cache knows the headers again. The flags are
# those of the preset `dev`, and its folder is as deep as that one's: where that has been built (by
# tests/run.sh, which sets the same two variables), most is in the cache already.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1 CXX=${CXX:-c++}
if [ ! -e "$tools/ready" ]; then
  "$PYTHON" -m venv "$tools"
  "$tools/bin/python" "${pip[@]}" install 'scikit-build-core>=0.10' 'pybind11>=2.12'
  touch "$tools/ready"
fi
rm -rf "$wheels" "$clean"
"$tools/bin/python" "${pip[@]}" wheel . --no-build-isolation --no-deps -w "$wheels" \
  --config-settings=build-dir="build/wheel-$tag" --config-settings=cmake.build-type=RelWithDebInfo \
  --config-settings=cmake.define.CMAKE_CXX_FLAGS_RELWITHDEBINFO='-O1 -g1' --config-settings=cmake.define.WEFT_WERROR=ON

"$PYTHON" -m venv "$clean"
"$clean/bin/python" "${pip[@]}" install "$wheels"/weft-*.whl pytest mypy pillow tqdm ipython
# From a folder where nothing but what is installed can be imported.
mkdir -p "$clean/work"
cd "$clean/work"
../bin/python -m pytest -q -p no:cacheprovider --rootdir="$root/tests/python" -c /dev/null \
  "$root/tests/python" "$@"
echo "python: the wheel $(basename "$root/$wheels"/weft-*.whl) passed its tests on Python $tag"
