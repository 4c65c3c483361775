#!/usr/bin/env bash
# The peak that `weft plan` predicts lies within 15% of what the run takes, for every graph given,
# with all packed weights kept, with some, and with none; and no run takes more than its budget
# by more than that.
set -euo pipefail
weft=$1
out=$2
shift 2

failed=0

# A number of the plan: memory_of FIELD ARGUMENTS...
memory_of() {
  local field=$1
  shift
  "$weft" plan "$@" --json | python3 -c "import json, sys; print(json.load(sys.stdin)['memory']['$field'])"
}

# compare GRAPH ARGUMENTS...
compare() {
  local predicted measured
  predicted=$(memory_of peak_bytes "$@")
  measured=$("$weft" run "$@" --out "$out" --json | python3 -c '
import json, sys
for line in sys.stdin:
    event = json.loads(line)
    if event["event"] == "done":
        print(event["peak_bytes"])')
  awk -v p="$predicted" -v m="$measured" -v g="$(basename "$1") ${*:2}" 'BEGIN {
    off = (p - m) / m * 100
    printf "%-40s planned %6.1f MB, took %6.1f MB, %+.1f%%\n", g, p / 1e6, m / 1e6, off
    exit off > 15 || off < -15
  }' || failed=1
}

for graph in "$@"; do
  compare "$graph"
  [[ $(basename "$graph") == txt2img.json || $(basename "$graph") == txt2img_lora.json ]] || continue
  compare "$graph" --memory low
  least=$(memory_of least_bytes "$graph" --memory low)
  everything=$(memory_of everything_bytes "$graph" --memory low)
  compare "$graph" --memory $(((least + everything) / 2000000))M
done
exit $failed
