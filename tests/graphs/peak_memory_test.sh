#!/usr/bin/env bash
# The peak that `weft plan` predicts lies within 15% of what the run takes, for every graph given.
set -euo pipefail
weft=$1
out=$2
shift 2

failed=0
for graph in "$@"; do
  predicted=$("$weft" plan "$graph" --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["memory"]["peak_bytes"])')
  measured=$("$weft" run "$graph" --out "$out" --json | python3 -c '
import json, sys
for line in sys.stdin:
    event = json.loads(line)
    if event["event"] == "done":
        print(event["peak_bytes"])')
  awk -v p="$predicted" -v m="$measured" -v g="$(basename "$graph")" 'BEGIN {
    off = (p - m) / m * 100
    printf "%-24s planned %6.1f MB, took %6.1f MB, %+.1f%%\n", g, p / 1e6, m / 1e6, off
    exit off > 15 || off < -15
  }' || failed=1
done
exit $failed
