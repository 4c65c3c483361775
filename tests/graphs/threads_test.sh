#!/usr/bin/env bash
# The same graph, seed and precision give the same pixels whatever the number of threads.
set -euo pipefail
weft=$1
out=$2

failed=0
for graph in txt2img inpaint; do
  for precision in f32 bf16; do
    for threads in 1 2 3 8; do
      folder=$out/$graph-$precision-$threads
      "$weft" run "graphs/$graph.json" --param steps=4 --precision "$precision" \
        --threads "$threads" --out "$folder" --quiet >/dev/null
      if ! cmp "$folder/$graph.image.png" "$out/$graph-$precision-1/$graph.image.png"; then
        echo "$graph in $precision differs between 1 and $threads threads"
        failed=1
      fi
    done
  done
done
exit $failed
