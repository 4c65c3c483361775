#!/usr/bin/env bash
# Fuzzes the readers of files from outside, with clang's libFuzzer and its sanitizers.
#   bash tests/fuzz/run.sh            every reader, a minute each
#   bash tests/fuzz/run.sh 600 gguf   ten minutes of one
# What breaks a reader is left in build/fuzz/found/. Needs clang (Debian: clang).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-60}
shift || true
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz >build/fuzz/build.log || { tail -n 40 build/fuzz/build.log; exit 1; }
build/fuzz/tests/fuzz/fuzz_seeds build/fuzz/seeds
mkdir -p build/fuzz/found
failed=()
for folder in build/fuzz/seeds/*; do
  name=$(basename "$folder")
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  mkdir -p "build/fuzz/corpus/$name"
  if "build/fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
      -malloc_limit_mb=1100 -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/corpus/$name" \
      "$folder" >"build/fuzz/$name.log" 2>&1; then
    echo "$name: $(grep -o 'Done [0-9]* runs' "build/fuzz/$name.log"), nothing found"
  else
    failed+=("$name")
    echo "$name: failed, see build/fuzz/$name.log"
  fi
done
[ ${#failed[@]} -eq 0 ]
