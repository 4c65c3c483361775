#!/usr/bin/env bash
# Runs every example in Lua with few steps and looks at what it has written.
#   examples_test.sh WEFT FOLDER
set -euo pipefail
weft=$1
folder=$2
rm -rf "$folder"
mkdir -p "$folder"

# Each: the script, its arguments, what it writes.
try() {
  local script=$1 written=$2
  shift 2
  "$weft" lua "examples/$script" "$@" >"$folder/$script.log" 2>&1 ||
    { cat "$folder/$script.log" >&2; echo "$script failed" >&2; exit 1; }
  for file in $written; do
    [ "$(head -c 4 "$folder/$file" | tail -c 3)" = PNG ] ||
      { echo "$script wrote no $file" >&2; exit 1; }
  done
}
try custom_sampler.lua sampler.png 4 "$folder/sampler.png"
try prompt_animation.lua "animation/frame_001.png animation/frame_003.png animation/strip.png" \
  3 3 "$folder/animation"
try contact_sheet.lua sheet.png 2 "$folder/sheet.png"
try scheduled_guidance.lua guidance.png 4 "$folder/guidance.png"
try seamless_tiling.lua "tile.png tile_sheet.png" 4 "$folder/tile.png"
[ "$(ls examples/*.lua | wc -l)" -eq 5 ] || { echo "an example is not tested here" >&2; exit 1; }
