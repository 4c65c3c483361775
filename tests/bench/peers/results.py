"""What peers.py has measured on this machine: kept in results.json, shown as text, Markdown and bars.

Every peer's seconds stand beside weft's of the same rounds, so that a case may be measured again with one
peer alone and the others' numbers stay what they were.
"""

import json
import os
import platform
import statistics

from cases import CASES


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


class Results:
    """`cases`: {case: {"peers": {peer: entry}, "roofline": …}}; an entry is {"missing": why} or has
    "seconds", "peak_bytes", "loaded_seconds" and, but for weft's own, "weft_seconds"."""

    def __init__(self, folder, threads):
        self.folder = folder
        self.machine = {"processor": processor(), "threads": threads}
        self.cases = {}
        try:
            with open(self.path()) as file:
                stored = json.load(file)
            if stored.get("machine") == self.machine:  # another machine's numbers are no neighbours
                self.cases = stored["cases"]
        except (OSError, ValueError):
            pass

    def path(self):
        return os.path.join(self.folder, "results.json")

    def record(self, name, measured, roofline, date):
        """Puts what was measured in place of what was known of these peers."""
        case = self.cases.setdefault(name, {"peers": {}})
        ours = measured.get("weft", {}).get("seconds")
        for peer, entry in measured.items():
            kept = dict(entry, date=date)
            if peer != "weft" and ours and "seconds" in entry:
                kept["weft_seconds"] = ours[: len(entry["seconds"])]
            case["peers"][peer] = kept
        case["roofline"] = roofline
        with open(self.path() + ".new", "w") as file:
            json.dump({"machine": self.machine, "cases": self.cases}, file, indent=1)
        os.replace(self.path() + ".new", self.path())


def ratio(entry):
    """weft's seconds over the peer's, round by round: (least, median, greatest); None where there are none."""
    if not entry or not entry.get("weft_seconds"):
        return None
    each = [ours / theirs for ours, theirs in zip(entry["weft_seconds"], entry["seconds"])]
    return min(each), statistics.median(each), max(each)


def text(name, case):
    lines = [f"\n{name}", f"  {'peer':22} {'least':>8} {'median':>8} {'memory':>9} {'cosine':>9}"
             "   weft / peer (least, median, greatest), rounds"]
    for peer, entry in case["peers"].items():
        if "missing" in entry:
            lines.append(f"  {peer:22} missing: {entry['missing']}")
            continue
        seconds, similar = entry["seconds"], entry.get("cosine_to_pytorch")
        line = f"  {peer:22} {min(seconds):7.3f}s {statistics.median(seconds):7.3f}s {entry['peak_bytes'] / 1e9:6.2f} GB"
        line += f" {similar:9.6f}" if similar is not None else " " * 10
        if ratio(entry):
            line += "   " + "  ".join(f"{value:.3f}" for value in ratio(entry)) + f"  {len(seconds)}"
        lines.append(line)
    kernels = (case.get("roofline") or {}).get("kernels")
    if kernels:
        total = sum(kernel["seconds"] for kernel in kernels)
        limit = sum(kernel["limit_seconds"] for kernel in kernels)
        lines.append(f"  weft's kernels: {100 * limit / total:.0f}% of what arithmetic and memory allow here; the slowest:")
        for kernel in kernels[:6]:
            share = 100 * kernel["seconds"] / total
            of_limit = 100 * kernel["limit_seconds"] / kernel["seconds"]
            lines.append(f"    {share:4.1f}%  {kernel['kernel']}  {kernel['shape']}: {of_limit:.0f}% of its limit")
    return "\n".join(lines)


def markdown(cases, peers):
    """One row a case: seconds and memory of each, then weft's time over each peer's with the rounds."""

    def cell(entry):
        if not entry:
            return ""
        if "missing" in entry:
            return "missing"
        least = min(entry["seconds"])
        digits = 3 if least < 0.2 else 2 if least < 10 else 1
        return f"{least:.{digits}f} s, {entry['peak_bytes'] / 1e9:.1f} GB"

    def against(entry):
        found = ratio(entry)
        return f"{found[0]:.2f}, **{found[1]:.2f}**, {found[2]:.2f} ({len(entry['seconds'])})" if found else ""

    others = [peer for peer in peers if peer != "weft"]
    header = ["", "weft", *others, *(f"weft / {peer}" for peer in others)]
    rows = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for name in [case for case in CASES if case in cases]:
        known = cases[name]["peers"]
        cells = [CASES[name].title, *(cell(known.get(peer)) for peer in peers), *(against(known.get(peer)) for peer in others)]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def plot(cases, peers, path):
    """Bars of the medians, with the least and the greatest ratio; logarithmic, for they differ tenfold."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in CASES if name in cases]
    others = [peer for peer in peers if peer != "weft"]
    figure, axes = pyplot.subplots(figsize=(7.5, 0.8 + 0.65 * len(names)))
    axes.set_xscale("log")
    for number, peer in enumerate(others):
        found = {row: ratio(cases[name]["peers"].get(peer)) for row, name in enumerate(names)}
        found = {row: value for row, value in found.items() if value}
        if found:
            least, median, greatest = zip(*found.values())
            errors = [[m - low for m, low in zip(median, least)], [high - m for high, m in zip(greatest, median)]]
            # From 1 to the left: how far weft is ahead.
            axes.barh([row + 0.25 * number for row in found], [m - 1 for m in median], 0.22, left=1,
                      color=f"C{number}", xerr=errors, label=peer)
    axes.axvline(1, color="black", linewidth=0.8)
    ticks = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks([row + 0.25 for row in range(len(names))], [CASES[name].title for name in names])
    axes.invert_yaxis()
    axes.set_xlabel("time of weft / time of the peer (left of 1: weft is faster)")
    axes.legend(loc="upper left", fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
