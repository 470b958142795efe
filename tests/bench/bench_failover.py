#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a viewer loses when the encoder is killed or freezes: Castor beside what is done with ffmpeg and GStreamer.

  bench_failover.py --bin BUILD/bin --lib BUILD/lib [--clip FRAMES.yuv | --video FILE] [--rounds N] [--faults N]
  bench_failover.py --bin BUILD/bin --lib BUILD/lib --smoke     one fault each, judges Castor only

Faults, at random moments:
kill     SIGKILL. Castor: of the encoder process on air. Others: of the program, started again at once by whoever
         watches it, with the camera still running.
nothing  what the receiver's own unsteadiness amounts to
freeze   SIGSTOP of the same. Others: nobody notices, unless a watchdog (+watchdog) kills what has used no CPU for
         half a second.

The receiver takes any number of callers and hands frames out after the SRT latency, as a player gets them. Per
fault: frames that never arrived whole, and black: by how much the longest time between two good frames exceeds
one frame interval.
"""
import collections
import contextlib
import json
import os
import random
import signal
import socket
import sys
import threading
import time

import rig

SETTLE_S = 2.5
WATCHDOG_S = 0.5
CASES = ["castor-warm:nothing", "castor-warm:kill", "castor-hot:kill", "ffmpeg:kill", "gstreamer:kill",
         "castor-warm:freeze", "castor-hot:freeze", "ffmpeg:freeze+watchdog", "gstreamer:freeze+watchdog",
         "ffmpeg:freeze", "gstreamer:freeze"]


class Respawned:
    """A program that is started again whenever it ends."""

    def __init__(self, s, name, camera, log, watchdog):
        self.arguments = (s, name, camera, log)
        self.stopping = False
        self.starts = 0
        self.process = None
        self.started = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        if watchdog:
            threading.Thread(target=self._watch, daemon=True).start()

    def _run(self):
        s, name, camera, log = self.arguments
        while not self.stopping:
            with camera.reader() as pipe:
                self.process = rig.start_program(s, name, pipe, log)
            self.starts += 1
            self.started.set()
            self.process.wait()

    def _watch(self):
        used, since, watched = -1, time.monotonic(), None
        while not self.stopping:
            time.sleep(0.02)
            process = self.process
            now = sum(rig.thread_cpu_ns(process.pid).values()) if process else 0
            if now != used or process is not watched:
                used, since, watched = now, time.monotonic(), process
            elif time.monotonic() - since > WATCHDOG_S:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

    def victim(self):
        return self.process.pid

    def stop(self):
        self.stopping = True
        rig.end_tree(self.process)
        self.thread.join(5)


class Box:
    """Castor: it looks after itself."""

    def __init__(self, s, name, camera, log):
        with camera.reader() as pipe:
            self.process = rig.start_program(s, name, pipe, log)
        self.socket_path = rig.castor_socket(s)
        self.starts = 1

    def victim(self):
        """The encoder process on air."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(5)
            s.connect(self.socket_path)
            s.send(b'{"command": "status"}')
            status = json.loads(s.recv(1 << 18))["status"]
        on_air = status["on_air"]["path"]
        return next(path["worker"]["pid"] for path in status["paths"] if path["path"] == on_air)

    def stop(self):
        rig.end_tree(self.process)


def run(s, case, faults, apart_s):
    """One run with several faults; a dictionary for each."""
    name, fault = case.split(":")
    kind, _, watchdog = fault.partition("+")
    s.port = rig.free_udp_port()
    receiver, camera = rig.Receiver(s, False), rig.Camera(s)
    times = []
    with open(os.path.join(s.folder, "errors"), "w", encoding="utf-8") as log:
        if name.startswith("castor"):
            program = Box(s, name, camera, log)
        else:
            program = Respawned(s, name, camera, log, bool(watchdog))
        time.sleep(SETTLE_S)
        for _ in range(faults):
            time.sleep(random.random() / s.fps)
            victim = program.victim()
            times.append(time.monotonic_ns())
            if kind != "nothing":
                os.kill(victim, signal.SIGKILL if kind == "kill" else signal.SIGSTOP)
            time.sleep(apart_s)
        program.stop()
    beats = camera.stop()
    units, events = receiver.stop()
    return [{"case": case, **judge(s, at_ns, apart_s, beats, units),
             "callers": sum(kind == "connected" for kind, _, _ in events)} for at_ns in times]


def judge(s, at_ns, apart_s, beats, units):
    """What of the frames around one fault arrived, and when."""
    if not beats:
        return {"lost": None, "black_ms": None, "recovered": False}
    number, beat_ns = min(beats.items())
    interval_ns = 1e9 / s.fps
    first = number + int((at_ns - 0.5e9 - beat_ns) / interval_ns)
    last = number + int((at_ns + (apart_s - 0.8) * 1e9 - beat_ns) / interval_ns)
    good = {}
    for unit in units:
        if unit.number >= 0 and unit.continuity_errors == 0:
            good.setdefault(unit.number, unit.arrival_ns)
    numbers = range(first, last + 1)
    arrivals = sorted(good[n] for n in numbers if n in good)
    gaps = [b - a for a, b in zip(arrivals, arrivals[1:])]
    recovered = last in good or last - 1 in good
    return {"lost": sum(n not in good for n in numbers), "recovered": recovered,
            "black_ms": max(0, max(gaps, default=0) - interval_ns) / 1e6 if recovered else None}


def print_results(results, seconds):
    for case, group in results.items():
        recovered = [fault for fault in group if fault["recovered"]]
        lost, black = [f["lost"] for f in recovered], [f["black_ms"] for f in recovered]
        text = f"  {case:26} recovered {len(recovered)} of {len(group)}"
        if recovered:
            text += f"   lost {rig.spread(lost, 0)} frames   black {rig.spread(black, 0)} ms"
        else:
            text += f"   black for the whole {seconds:g} s"
        print(text)


def parse():
    parser = rig.parser(__doc__, cases=",".join(CASES), rounds=3, threads=1)
    parser.add_argument("--faults", type=int, default=4, help="in each run; one where nothing recovers")
    parser.add_argument("--apart", type=float, default=4.0, help="seconds between faults")
    parser.add_argument("--latency", type=int, default=160, help="SRT latency in ms")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main():
    options = parse()
    seed = options.seed or time.time_ns() % 1000000
    random.seed(seed)
    names = rig.available()
    cases = [case for case in options.cases.split(",") if case.split(":")[0] in names]
    if options.smoke:
        options.rounds, options.faults = 1, 1
        cases = [case for case in cases if case.startswith("castor-warm") or case.endswith(":kill")]
    results = collections.defaultdict(list)
    with rig.workplace(options, latency_ms=options.latency) as s:
        for _, case in rig.interleaved(cases, options.rounds):
            once = case.endswith(":freeze") and not case.startswith("castor")
            faults = run(s, case, 1 if once else options.faults, options.apart)
            results[case] += faults
            rig.note(options, *faults)
    print(f"\n{s.width}x{s.height} at {s.fps} fps, x264 {s.preset}, {s.threads} thread(s), "
          f"SRT latency {s.latency_ms} ms, seed {seed}; median [least .. most]")
    print_results({case: results[case] for case in cases}, options.apart)
    print(rig.hardware())
    lost = sum(fault["lost"] or 0 for case, group in results.items() if case.startswith("castor") for fault in group)
    if lost:
        sys.exit(f"Castor lost {lost} frames")


if __name__ == "__main__":
    rig.run(main)
