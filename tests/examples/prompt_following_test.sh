#!/usr/bin/env bash
# Draws the 100 held-out prompts with graphs/txt2img.json, reads the pictures back and prints the
# score: at least 90 pictures must have both colours on the right sides, and 80 both shapes right.
set -euo pipefail
weft=$1
out=$2
python=/usr/bin/python3

rm -rf "$out"
mkdir -p "$out"
$python - >"$out/prompts.txt" <<'PROMPTS'
import sys
sys.path.insert(0, "examples/train_sketch")
import scenes
for i, scene in enumerate(scenes.held_out_scenes(100)):
    print(f"{i:03}.png\t{scenes.caption(scene)}")
PROMPTS
seed=0
while IFS=$'\t' read -r name prompt; do
  seed=$((seed + 1))
  "$weft" run graphs/txt2img.json --param prompt="$prompt" --param seed=$seed --precision f32 \
    --out "$out/run" --quiet >/dev/null
  mv "$out/run/txt2img.image.png" "$out/$name"
done <"$out/prompts.txt"
$python examples/train_sketch/read_back.py "$out" --quiet --colours-at-least 90 --shapes-at-least 80
