#!/usr/bin/env bash
# Builds weft and draws a picture: installs what is missing, builds build/release/weft, runs
# graphs/txt2img.json and prints where the picture is. Running it again is quick.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash examples/dependencies.sh
echo "Building build/release/weft"
cmake --preset release >/dev/null
cmake --build --preset release
echo "Drawing: build/release/weft run graphs/txt2img.json"
build/release/weft run graphs/txt2img.json "$@"
