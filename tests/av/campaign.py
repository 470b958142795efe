# SPDX-License-Identifier: Apache-2.0
"""campaign.py --bin FOLDER [--start S] [--failovers N] [--sound-faults N] [--losses N] [--drift S] [--limit MS]
            [--jitter-us US] [--quiet-clicks N] [--standins FOLDER] [--json FILE] [--keep]

One box on air with pattern and tone; picture and sound are measured against each other at an independent decoder
(av_offset) in each part: at the start, over failovers of the encoder paths, over kills and freezes of the sound worker,
over losses and returns of the source. With --drift the sound is a card whose clock is 200 ppm off, for so many seconds
before all that; the card is simulated (tests/standin/card), so the stand-ins of a build are needed.

The offset must be within the limit in every second that has flash and click. A second may lack its click while the
sound worker is replaced, and its flash while the source is away; nowhere else. The sound's own time line must be
whole: every access unit follows the one before.
"""
import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "chaos"))

import offsets  # noqa: E402 - needs the path above
from faults import Victim  # noqa: E402
from onair import (Failure, RATE_FPS, Stream, active_path, check, hardware, never_captured,  # noqa: E402
                   next_number, on_air, wait_for)

RECOVERY_LIMIT_S = 30
SETTLE_S = 3.5   # between two faults: three whole seconds are measured
THROUGH_S = 0.5  # the sound of a part's last frames is out before the next part's first fault
QUIET_CLICKS = 3  # that a lost source may cost


class Campaign:
    def __init__(self, box, seed):
        self.box, self.rng = box, random.Random(seed)
        self.parts = []

    def status(self):
        return self.box.wait_on_air(RECOVERY_LIMIT_S)

    def part(self, name, may_miss, work):
        """`work` on air; may_miss: seconds that may lack click or flash."""
        before = self.status()
        work()
        after = self.status()
        # A frame that the machine did not let capture take may have been the one that flashes.
        self.parts.append({"name": name, "first": next_number(before), "end": next_number(after),
                           "may_miss": may_miss + never_captured(after) - never_captured(before)})
        time.sleep(THROUGH_S)
        print(f"{name}: done", flush=True)

    def failovers(self, count):
        for _ in range(count):
            path = active_path(self.status())
            victim = Victim(path["worker"]["pid"])
            victim.signal(signal.SIGKILL if self.rng.random() < 0.7 else signal.SIGSTOP)
            wait_for("another path on air", lambda: active_path_of(self.box) != (path["path"], victim.pid),
                     RECOVERY_LIMIT_S)
            victim.close()
            self.status()
            time.sleep(self.rng.uniform(0.5, 1.5))

    def sound_faults(self, count):
        for number in range(count):
            victim = Victim(sound_worker(self.status())["pid"])
            victim.signal(signal.SIGKILL if number % 2 == 0 else signal.SIGSTOP)
            wait_for("another sound worker", lambda: replaced(self.box, victim.pid), RECOVERY_LIMIT_S, 0.05)
            victim.close()
            time.sleep(SETTLE_S)

    def losses(self, count):
        for number in range(count):
            victim = Victim(self.status()["source"]["worker"]["pid"])
            victim.signal(signal.SIGKILL if number % 2 == 0 else signal.SIGSTOP)
            wait_for("the source again", lambda: source_is_back(self.box, victim.pid), RECOVERY_LIMIT_S, 0.05)
            victim.close()
            time.sleep(SETTLE_S)


def active_path_of(box):
    status = box.status()
    path = next((path for path in status["paths"] if path["state"] == "active"), None)
    return path and (path["path"], path["worker"]["pid"])


def sound_worker(status):
    return status["sound"]["worker"]


def replaced(box, pid):
    worker = sound_worker(box.status())
    return worker["pid"] != pid and worker["ready"]


def source_is_back(box, pid):
    worker = box.status()["source"]["worker"]
    return worker["pid"] != pid and worker["ready"]


def judge(parts, measured, times, limit_ms):
    """(figures, failures)"""
    failures, table = [], []
    for part in parts:
        seconds = measured.between(part["first"], part["end"])
        figures = {"part": part["name"], **offsets.summary(seconds)}
        expected = (part["end"] - 1) // RATE_FPS - (part["first"] - 1) // RATE_FPS
        figures["without_flash"] = expected - len(seconds)
        table.append(figures)
        far = [second for second in seconds if second.offset_ms is not None and abs(second.offset_ms) > limit_ms]
        if far:
            failures.append(f"{part['name']}: {len(far)} seconds are off by more than {limit_ms} ms: {far[:5]}")
        missed = figures["without_click"] + figures["without_flash"]
        if missed > part["may_miss"]:
            failures.append(f"{part['name']}: {missed} seconds lack click or flash; {part['may_miss']} may: {figures}")
        if not figures["seconds"]:
            failures.append(f"{part['name']}: nothing could be measured")
    broken = offsets.seams(times)
    if broken:
        failures.append(f"the sound's time line has {len(broken)} seams: {broken[:5]}")
    return {"parts": table, "stray_clicks": measured.stray_clicks, "sound_units": len(times)}, failures


def run(arguments, folder):
    programs = os.path.abspath(arguments.bin)
    sections, environment = {}, {}
    if arguments.drift:
        speed = f"{'slow' if arguments.ppm > 0 else 'fast'}={abs(arguments.ppm)}"
        sections = {"sound": {"driver": "alsa", "options": f"{speed},jitter_us={arguments.jitter_us}"}}
        environment = {"CASTOR_MODULE_DIR": os.path.join(os.path.abspath(arguments.standins), "card")}
    with on_air(folder, programs, "campaign", sections=sections, environment=environment) as (box, receiver):
        wait_for("sound", lambda: sound_worker(box.status())["ready"], RECOVERY_LIMIT_S)
        time.sleep(5 if arguments.drift else 2)  # the clock of a card whose stamps jitter is known after 3 s
        campaign = Campaign(box, arguments.seed)
        campaign.part("start", 0, lambda: time.sleep(arguments.start))
        if arguments.drift:
            campaign.part("drift", 0, lambda: time.sleep(arguments.drift))
            campaign.part("after drift", 0, lambda: time.sleep(arguments.start))
        for name, count, may_miss in (("failovers", arguments.failovers, 0),
                                      ("sound_faults", arguments.sound_faults, arguments.quiet_clicks * arguments.sound_faults),
                                      ("losses", arguments.losses, QUIET_CLICKS * arguments.losses)):
            if count:
                campaign.part(name, may_miss, lambda: getattr(campaign, name)(count))
                campaign.part(f"after {name}", 0, lambda: time.sleep(arguments.start))
        status = box.status()
        time.sleep(1)
        box.stop_clean(limit_s=2)
        receiver.finish()
    stream = Stream(receiver.stream_path)
    check(not stream.errors, f"transport stream: {stream.errors[:5]}")
    figures, failures = judge(campaign.parts, offsets.Offsets(programs, receiver.stream_path, stream),
                              offsets.unit_times(receiver.stream_path), arguments.limit)
    figures["sound"] = status["sound"]
    return figures, failures


def arguments_of_command_line():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--start", type=float, default=10, help="seconds measured at the start and after each part")
    parser.add_argument("--failovers", type=int, default=50)
    parser.add_argument("--sound-faults", type=int, default=10)
    parser.add_argument("--losses", type=int, default=10)
    parser.add_argument("--drift", type=float, default=0, help="seconds with a card whose clock is off")
    parser.add_argument("--ppm", type=int, default=200, help="by so much too slow; negative: too fast")
    parser.add_argument("--jitter-us", type=int, default=500, help="how late that card's time stamps are at most")
    parser.add_argument("--quiet-clicks", type=int, default=3, help="that a replaced sound worker may cost")
    parser.add_argument("--standins", help="folder of the stand-ins that were built; for --drift")
    parser.add_argument("--limit", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="where the result goes")
    parser.add_argument("--keep", action="store_true", help="keep the folder with stream and log")
    arguments = parser.parse_args()
    if arguments.drift and not arguments.standins:
        parser.error("--drift needs --standins")
    return arguments


def main():
    arguments = arguments_of_command_line()
    folder = tempfile.mkdtemp(prefix="castor-av-")
    result = {"hardware": hardware()}
    try:
        figures, failures = run(arguments, folder)
        result.update(figures, failures=failures)
    except Failure as failure:
        result["failures"] = [str(failure)]
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    print(json.dumps(result, indent=1))
    if result["failures"] or arguments.keep:
        print(f"log and stream: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return 1 if result["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
