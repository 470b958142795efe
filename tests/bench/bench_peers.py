#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Castor beside ffmpeg, GStreamer and the floor: CPU, latency, memory, start-up.

  bench_peers.py --bin BUILD/bin --lib BUILD/lib [--clip FRAMES.yuv | --video FILE] [--rounds N] [--seconds S]
  bench_peers.py --bin BUILD/bin --lib BUILD/lib --smoke     some seconds, judges nothing but that it runs

All of them read the same raw frames from the same camera, encode them with the same libx264 and settings and
send by SRT to the same receiver. Rounds are interleaved: what else happens on the machine meets everybody.

CPU         of the whole tree of processes (schedstat of every thread), per frame, in the steady part
outside     the same without libx264: a preloaded library tells the CPU of the caller of
            x264_encoder_encode() while it is in there, and which threads libx264 has started
latency     from the beat at which the camera began to hand over a frame to the arrival of its last byte:
            on the wire (seen by a relay in front of the receiver), and at the reader (behind SRT's own delay,
            which is subtracted; what sends with the capture time as SRT's source time gets about 0 there)
memory      PSS of the whole tree, Castor's frame pool apart
start       from starting the program to the arrival of the first whole IDR picture; the camera runs already

--realtime runs everybody compared with the same real-time priority, below camera and receiver, so that what
else the machine does is not measured; Castor's own use of real-time priority is off then.
"""
import collections
import os
import time

import rig

SETTLE_S = 2.0  # until the first figures are taken


def run_steady(s, name, seconds, on_wire):
    """One run; a dictionary of figures."""
    s.port = rig.free_udp_port()
    receiver, camera = rig.Receiver(s, on_wire), rig.Camera(s)
    helpers = (*receiver.pids, camera.process.pid, os.getpid())
    with open(os.path.join(s.folder, "errors"), "w+", encoding="utf-8", errors="replace") as log:
        with camera.reader() as pipe:
            program = rig.start_program(s, name, pipe, log)
        time.sleep(SETTLE_S)
        before = rig.snapshot(s, program.pid, helpers)
        time.sleep(seconds)
        after = rig.snapshot(s, program.pid, helpers)
        memory, pool = rig.memory_kb(program.pid)
        others = rig.others({*rig.tree(program.pid), *helpers})
        ended = program.poll() is not None
        rig.end_tree(program)
        log.seek(0)
        errors = log.read()
    beats = camera.stop()
    units, _ = receiver.stop()
    if ended:
        raise RuntimeError(f"{name} ended early:\n{errors}")
    return {"case": name, "errors": errors, "others": others, "memory_mb": memory / 1024, "pool_mb": pool / 1024,
            **cpu_figures(before, after), **arrival_figures(s, before, after, beats, units, on_wire)}


def cpu_figures(before, after):
    total, x264, programs = rig.cpu_between(before, after)
    seconds = (after.at_ns - before.at_ns) / 1e9
    return {"seconds": seconds, "total_ns": total, "x264_ns": x264, "programs_ns": programs,
            "foreign": (after.foreign_ns - before.foreign_ns) / 1e9 / seconds}


def arrival_figures(s, before, after, beats, units, on_wire):
    delay_ns = 0 if on_wire else s.latency_ms * 1_000_000
    window = [unit for unit in units if before.at_ns <= unit.arrival_ns - delay_ns < after.at_ns]
    latencies = [(unit.arrival_ns - delay_ns - beats[unit.number]) / 1e6 for unit in window if unit.number in beats]
    numbers = {unit.number for unit in units}
    seen = [number for number in beats if before.at_ns <= beats[number] < after.at_ns - 500_000_000]
    return {"frames": len(window), "bytes": sum(unit.size_bytes for unit in window),
            "latency_p50": rig.percentile(latencies, 50), "latency_p99": rig.percentile(latencies, 99),
            "missing": sum(number not in numbers for number in seen),
            "skipped": (after.at_ns - before.at_ns) * s.fps // 10**9 - 15 - len(seen) > 1}


def run_start(s, name):
    """ms from start to the first IDR at the receiver."""
    s.port = rig.free_udp_port()
    receiver, camera = rig.Receiver(s, True), rig.Camera(s)
    time.sleep(0.2)
    with open(os.path.join(s.folder, "errors"), "w", encoding="utf-8") as log:
        with camera.reader() as pipe:
            begin_ns = time.monotonic_ns()
            program = rig.start_program(s, name, pipe, log)
        time.sleep(1.5)
        rig.end_tree(program)
    camera.stop()
    units, events = receiver.stop()
    first = [unit.arrival_ns for unit in units if unit.idr][:1]
    connected = [at_ns for kind, _, at_ns in events if kind == "connected"][:1]
    return {"case": name, "start_ms": (first[0] - begin_ns) / 1e6 if first else float("nan"),
            "connected_ms": (connected[0] - begin_ns) / 1e6 if connected else float("nan")}


def per_frame(run, ns):
    return ns / 1e6 / max(1, run["frames"])


def outside(run):
    return per_frame(run, run["total_ns"] - run["x264_ns"])


def print_steady(runs, floor):
    print("\nCPU in ms per frame, median of the rounds [lowest .. highest]; ratio to the floor of the same round")
    for name, group in runs.items():
        ratios = [per_frame(run, run["total_ns"]) / per_frame(base, base["total_ns"])
                  for run, base in zip(group, floor)]
        print(f"  {name:12} all {rig.spread([per_frame(run, run['total_ns']) for run in group])}"
              f"   x floor {rig.spread(ratios)}   outside libx264 {rig.spread([outside(run) for run in group], 3)}")
        programs = sorted({program for run in group for program in run["programs_ns"]})
        if len(programs) > 1:
            for program in programs:
                values = [per_frame(run, run["programs_ns"].get(program, 0)) for run in group]
                print(f"      {program:16} {rig.spread(values, 3)}")
    for name in (name for name in runs if name.startswith("castor")):
        values = [run["programs_ns"].get("castor-egress", 0) / 1e6 / (run["bytes"] * 8 / 1e6)
                  for run in runs[name]]
        print(f"  {name}: mux and SRT (castor-egress) {rig.spread(values, 3)} ms of CPU per Mbit")


def print_latency(title, runs):
    print(f"\n{title}, ms: p50, p99, frames missing")
    for name, group in runs.items():
        print(f"  {name:12} {rig.spread([run['latency_p50'] for run in group])}"
              f"   {rig.spread([run['latency_p99'] for run in group])}   {sum(run['missing'] for run in group)}")


def print_rest(runs, starts):
    print("\nmemory, PSS in MB: all but the frame pool; the pool")
    for name, group in runs.items():
        print(f"  {name:12} {rig.spread([run['memory_mb'] for run in group], 1)}"
              f"   {rig.spread([run['pool_mb'] for run in group], 1)}")
    print("\nstart to first IDR received, ms; start to SRT connection, ms")
    for name, group in starts.items():
        print(f"  {name:12} {rig.spread([run['start_ms'] for run in group], 0)}"
              f"   {rig.spread([run['connected_ms'] for run in group], 0)}")


def print_surroundings(s, runs):
    print(f"\n{rig.hardware()}")
    wake = rig.wake_us(s)
    print(f"a wake-up by a message costs {wake:.0f} us of CPU here; castor-off has 4 of them for each frame that a "
          f"single process has not, that is {4 * wake / 1000:.2f} ms")
    foreign = [run["foreign"] for group in runs.values() for run in group]
    print(f"load by others meanwhile, cores: {rig.spread(foreign)}")
    names = collections.Counter(other.rsplit(" ", 2)[0] for group in runs.values() for run in group
                                for other in run["others"])
    print("others seen:", ", ".join(f"{name} ({count})" for name, count in names.most_common(8)) or "nobody")


def parse():
    parser = rig.parser(__doc__, cases="", rounds=5, threads=2)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--kbps", type=int, default=4000)
    parser.add_argument("--preset", default="superfast")
    parser.add_argument("--starts", type=int, default=0, help="rounds of start-up; default twice --rounds")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--parts", default="wire,reader,start")
    return parser.parse_args()


def rounds(s, options, cases, part, run):
    found = {name: [] for name in cases}
    count = options.rounds if part != "start" else options.starts or 2 * options.rounds
    for number, name in rig.interleaved(cases, count if part in options.parts.split(",") else 0):
        found[name].append(run(s, name))
        rig.note(options, {"part": part, "round": number, **found[name][-1]})
    return found


def main():
    options = parse()
    if options.smoke:
        options.rounds, options.starts, options.seconds, options.parts = 1, 1, 1.0, "wire,start"
        options.cases = options.cases or "floor,castor-off,castor-warm"
    width, height = (int(word) for word in options.size.split("x"))
    cases = options.cases.split(",") if options.cases else [name for name in rig.available() if name != "castor-hot"]
    with rig.workplace(options, width=width, height=height, preset=options.preset, kbps=options.kbps) as s:
        wire = rounds(s, options, cases, "wire", lambda s, name: run_steady(s, name, options.seconds, True))
        reader = rounds(s, options, cases, "reader", lambda s, name: run_steady(s, name, options.seconds, False))
        starts = rounds(s, options, cases, "start", run_start)
    rig.print_heading(s, options)
    steady = {name: wire[name] + reader[name] for name in cases}
    if any(steady.values()):
        print_steady(steady, steady.get("floor", []))
    if any(wire.values()):
        print_latency("capture to arrival on the wire", wire)
    if any(reader.values()):
        print_latency(f"capture to the reader, less the SRT latency of {s.latency_ms} ms", reader)
    print_rest(steady, starts)
    print_surroundings(s, steady)
    rig.require_frames(steady)


if __name__ == "__main__":
    rig.run(main)
