# SPDX-License-Identifier: Apache-2.0
"""chaos.py --faults N --seed S --bin FOLDER [--standby warm|hot] [--latency MS] [--json FILE]
         [--chain DRIVER,DRIVER,DRIVER --standins FOLDER] [--codec h264|hevc] [--sound] [--record ts]

One box with three encoder paths on air all the time while faults happen to it at random moments: what faults.py
lists. Frames carry their number in the picture; srt-live-transmit receives them, ffmpeg decodes them, frame_numbers
names them. verdict.py says what must hold.

200 faults take about three minutes. The long mode is --faults 2000, half an hour.

With --chain the paths are of these drivers, the third a spare, and faults are mostly those that only a vendor's
interface can do (vendor.py); hardware drivers run against the stand-ins in the folder --standins of a build. All pairs
of drivers: pairs.py.

With --sound and --record there are faults of the sound worker, of the recorder and of its disk too, and both are judged
(sides.py).
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import faults  # noqa: E402 - needs the path above
import sides  # noqa: E402
from onair import Box, Failure, end_with_parent, free_udp_port, hardware  # noqa: E402
from vendor import Standins  # noqa: E402
from verdict import Verdict  # noqa: E402

LEAD_OUT_S = 2
SETTLE_LIMIT_S = 60  # a box that chooses its encoders itself tries them first
# HEVC in software needs far more time for a picture than H.264: budgets as in tests/e2e/hevc.py.
SLOW_LATENCY_MS = 2500
# How many frames may be never captured, since the processor did not come to it. A slow codec takes most of it.
TOO_BUSY_SHARE, SLOW_TOO_BUSY_SHARE = 0.005, 0.2
SLOW_SWITCH = {"stall_budget_ms": 1000, "hang_budget_ms": 5000, "standby_budget_ms": 5000, "start_budget_ms": 20000}
SOFTWARE = {"x264": {"preset": "superfast", "threads": 1}, "x265": {"preset": "ultrafast", "threads": 1}}


def is_slow(arguments):
    return arguments.codec == "hevc"


def box_options(arguments):
    """What the configuration says of encoders and switching."""
    if not arguments.chain:
        return {"paths": 3}
    chain = [{"driver": driver, **SOFTWARE.get(driver, {})} for driver in arguments.chain]
    return {"encoder": {"codec": arguments.codec, "chain": chain}, "switch": SLOW_SWITCH if is_slow(arguments) else {}}


class Campaign:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.records = []
        self.metronomes = []
        self.recordings = None
        port = free_udp_port()
        programs = os.path.abspath(arguments.bin)
        self.frame_numbers = os.path.join(programs, "frame_numbers")
        self.metronome = os.path.join(programs, "metronome")
        standins = None
        if arguments.chain:
            standins = Standins(os.path.abspath(arguments.standins), arguments.chain, folder,
                                random.Random(arguments.seed))
        environment = dict(standins.environment) if standins else {}
        self.box = Box(folder, programs, port, latency_ms=arguments.latency, standby=arguments.standby,
                       sections=self._sides(programs, environment), environment=environment, **box_options(arguments))
        self.injector = sides.Injector(self.box, folder, port, os.path.join(programs, "tap"), arguments.latency, standins)
        self.injector.recordings = self.recordings
        self.injector.disk_now = os.path.join(folder, "disk-now")

    def _sides(self, programs, environment):
        """Sections of sound and recording, and what the box's environment needs for the disk that fails."""
        sections = {}
        if self.arguments.sound:
            sections["sound"] = {"driver": "tone"}
        if self.arguments.record:
            self.recordings = os.path.join(self.folder, "recordings")
            os.mkdir(self.recordings)
            if self.arguments.disk_mb:
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.arguments.disk_mb}m", "castor-recordings",
                                self.recordings], check=True)
            sections["record"] = {"folder": self.recordings, "container": self.arguments.record, "segment_seconds": 5,
                                  "free_mb": 1}
            disk = os.path.join(programs, "..", "lib", "castor-standin-disk.so")
            environment["LD_PRELOAD"] = ":".join(filter(None, (environment.get("LD_PRELOAD"), disk)))
            environment["CASTOR_STANDIN_DISK"] = self.recordings
            environment["CASTOR_STANDIN_DISK_NOW"] = os.path.join(self.folder, "disk-now")
        return sections

    def _shares(self):
        shares = dict(faults.PAIR_KINDS if self.arguments.chain else faults.KINDS)
        if self.arguments.sound:
            shares.update(sides.SOUND_KINDS)
        if self.arguments.record:
            shares.update(sides.RECORD_KINDS)
            if self.arguments.disk_mb:
                shares.update(sides.FILLED_KINDS)
        return shares

    def judge_sides(self, verdict):
        """Figures of sound and recording; what does not hold becomes a failure of the verdict."""
        figures = {}
        if self.arguments.sound:
            figures["sound"] = sides.judge_sound(verdict.parts, self.records, verdict.states["end"],
                                                 os.path.dirname(self.frame_numbers), verdict.failures.append)
        if self.arguments.record:
            numbers = {number for part in verdict.parts for number in part.numbers}
            figures["recording"] = sides.judge_recording(self.recordings, self.records, numbers, verdict.failures.append)
        return figures

    def _start_metronomes(self):
        """One a processor: they see when the machine itself stands still."""
        for cpu in sorted(os.sched_getaffinity(0)):
            path = os.path.join(self.folder, f"metronome{cpu}")
            self.metronomes.append((path, subprocess.Popen([self.metronome, path, str(cpu)],
                                                             preexec_fn=end_with_parent)))

    def run(self):
        plan = faults.plan(self.arguments.seed, self.arguments.faults, self._shares())
        try:
            self._start_metronomes()
            self.injector.new_receiver()
            self.box.start()
            start = self.box.wait_on_air(SETTLE_LIMIT_S)
            time.sleep(self.arguments.lead_in)
            lead = self.box.wait_on_air(SETTLE_LIMIT_S)
            for number, fault in enumerate(plan):
                time.sleep(fault["wait_s"])
                self.records.append(self.injector.inject(fault))
                if (number + 1) % 50 == 0:
                    print(f"{number + 1} faults", flush=True)
            time.sleep(LEAD_OUT_S)
            end = self.box.wait_on_air(SETTLE_LIMIT_S)
            time.sleep(self.arguments.latency / 1000)  # what the receiver still holds back at the stop is lost
            stop_s = self.box.stop()
            time.sleep(self.arguments.latency / 1000 + 0.5)
        except BaseException:
            sys.stderr.write(self.box.log_tail(30))
            raise
        finally:
            self.box.kill()
            for _, process in self.metronomes:
                process.terminate()
                process.wait()
            if self.injector.receivers:
                self.injector.receivers[-1].stop()
        return {"start": start, "lead": lead, "end": end, "stop_s": stop_s}


def arguments_of_command_line():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--bin", required=True, help="folder of castord, its workers, tap and frame_numbers")
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--standby", choices=("warm", "hot"), default="warm")
    parser.add_argument("--latency", type=int, help="SRT latency in ms")
    parser.add_argument("--chain", type=lambda text: text.split(","), help="drivers of the paths, or auto,auto,auto")
    parser.add_argument("--standins", help="folder of the stand-ins that were built")
    parser.add_argument("--codec", choices=("h264", "hevc"), default="h264")
    parser.add_argument("--sound", action="store_true", help="with a tone, and faults of the sound worker")
    parser.add_argument("--record", choices=("ts", "mp4"), help="with the recorder, and faults of it and of its disk")
    parser.add_argument("--disk-mb", type=int, help="the recordings are on a file system of their own, of this size, which "
                        "gets full; needs root")
    parser.add_argument("--lead-in", type=float, default=10,
                        help="seconds without a fault, which the rest is compared with")
    parser.add_argument("--lateness", choices=("judge", "report"), default="judge",
                        help="whether a late frame fails the run; where other work shares the machine, only report it")
    parser.add_argument("--json", help="where the result goes")
    parser.add_argument("--keep", action="store_true", help="keep the folder with streams and logs")
    arguments = parser.parse_args()
    if arguments.chain and not arguments.standins:
        parser.error("--chain needs --standins")
    if arguments.disk_mb and not arguments.record:
        parser.error("--disk-mb needs --record")
    if arguments.latency is None:
        arguments.latency = SLOW_LATENCY_MS if is_slow(arguments) else 250
    return arguments


def main():
    arguments = arguments_of_command_line()
    print(f"hardware: {hardware()}", flush=True)
    folder = tempfile.mkdtemp(prefix="castor-chaos-")
    campaign = Campaign(arguments, folder)
    result = {"hardware": hardware(), "faults": arguments.faults, "seed": arguments.seed,
              "chain": arguments.chain, "standby": arguments.standby, "latency_ms": arguments.latency}
    began = time.monotonic()
    try:
        states = campaign.run()
        verdict = Verdict(campaign.records, states, campaign.injector.receivers, campaign.frame_numbers,
                          arguments.latency, [path for path, _ in campaign.metronomes],
                          arguments.lateness == "judge",
                          SLOW_TOO_BUSY_SHARE if is_slow(arguments) else TOO_BUSY_SHARE)
        for complaint in campaign.box.complaints():
            verdict.failures.append(f"in the log: {complaint}")
        result.update(verdict.judge(), **campaign.judge_sides(verdict), duration_s=round(time.monotonic() - began, 1))
    except Failure as failure:
        result["failures"] = [str(failure)]
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    print(json.dumps(result, indent=1))
    keep = result["failures"] or arguments.keep
    if arguments.disk_mb:
        if keep:
            shutil.copytree(campaign.recordings, campaign.recordings + "-kept")
        subprocess.run(["umount", campaign.recordings], check=True)
    if keep:
        print(f"logs and streams: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
