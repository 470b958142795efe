# SPDX-License-Identifier: Apache-2.0
"""pairs.py --bin FOLDER --standins FOLDER [--faults N] [--seed S] [--only CHAIN;CHAIN…] [--json FILE]

The long mode of the campaign with vendors' faults: chaos.py for each ordered pair of drivers, for HEVC and for a box
that chooses its encoders itself; at the end the figures of all. 40 faults a pair take about ten minutes.
"""
import argparse
import collections
import itertools
import json
import os
import subprocess
import sys
import tempfile

CHAOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chaos.py")
H264 = ("nvenc", "vaapi", "v4l2m2m", "x264")
# The spare is the first again, so that every take-over is one between the two of the pair.
CHAINS = [("h264", f"{a},{b},{a}") for a, b in itertools.permutations(H264, 2)]
CHAINS += [("h264", "nvenc,vaapi,v4l2m2m"), ("h264", "auto,auto,auto")]
CHAINS += [("hevc", "x265,x265,x265"), ("hevc", "nvenc,x265,nvenc"), ("hevc", "nvenc,v4l2m2m,nvenc"),
           ("hevc", "vaapi,nvenc,vaapi"), ("hevc", "v4l2m2m,vaapi,v4l2m2m")]


def campaign(arguments, codec, chain, path):
    command = [sys.executable, CHAOS, "--bin", arguments.bin, "--standins", arguments.standins, "--chain", chain,
               "--codec", codec, "--faults", str(arguments.faults), "--seed", str(arguments.seed), "--lead-in", "3",
               "--lateness", "report", "--json", path]
    log = path.replace(".json", ".log")
    with open(log, "wb") as file:
        status = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=file, check=False).returncode
    if not os.path.exists(path):
        return {"failures": [f"chaos.py ended with status {status}; {log}"]}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def line(name, figures):
    return f"  {name:<44} {figures['count']:>4}  {figures['p50_ms']:>8} {figures['p99_ms']:>8} {figures['max_ms']:>8}"


def print_one(name, result):
    losses = result.get("losses")
    print(f"{name}: " + (f"{sum(result['kinds'].values())} faults, {result['frames']['decoded']} frames decoded, "
                          f"{losses['seen']} missing of which {losses['never_captured_without_cause']} never captured"
                          if losses else "no verdict"), flush=True)
    for turn, figures in result.get("take_over", {}).get("noticed_to_first_frame_by_drivers", {}).items():
        print(line(turn, figures), flush=True)
    for failure in result["failures"]:
        print(f"  FAILED: {failure}", flush=True)


def print_kinds(results):
    kinds, times = collections.Counter(), collections.defaultdict(list)
    for result in results.values():
        kinds.update(result.get("kinds", {}))
        for kind, figures in result.get("take_over", {}).get("fault_to_first_frame", {}).items():
            times[kind].append(figures)
    print("from the fault to the first frame of the other path (number of faults; ms: median of the medians, worst)")
    for kind, count in sorted(kinds.items()):
        medians = sorted(figures["p50_ms"] for figures in times[kind])
        worst = max((figures["max_ms"] for figures in times[kind]), default="-")
        print(f"  {kind:<44} {count:>4}  {medians[len(medians) // 2] if medians else '-':>8} {worst:>8}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--standins", required=True)
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="chains, separated by semicolons")
    parser.add_argument("--json", help="where all results go")
    arguments = parser.parse_args()
    folder, results = tempfile.mkdtemp(prefix="castor-pairs-"), {}
    for codec, chain in CHAINS:
        if arguments.only and chain not in arguments.only.split(";"):
            continue
        name = f"{chain} {codec}"
        results[name] = campaign(arguments, codec, chain,
                                 os.path.join(folder, name.replace(",", "_").replace(" ", "_") + ".json"))
        print_one(name, results[name])
    print_kinds(results)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    return int(any(result["failures"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
