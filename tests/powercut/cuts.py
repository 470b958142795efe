#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cuts.py - the power of a machine that records is cut, again and again.

A machine (QEMU, Debian's kernel) records onto ext4 on a virtio disk; it is killed at a random moment, with SIGKILL.
The file system is repaired as at a boot (e2fsck replays the journal), the recorder puts a copy of the folder in order,
and everything is checked: closed segments against their checksums, all files by ffmpeg, and that no frame is missing
that was handed to the recorder more than one second before the cut. The machine itself then starts again on the same
disk, goes on, and is cut again.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import folder as recording

SLACK_S = 1.0
BOOT_S = 180
DISK_MB = 96
FRAMES_APART = 120000  # a multiple of the clip's frames: each run begins with an IDR


class Cut:
    """What the console told before the power went."""

    def __init__(self):
        self.told, self.synced = {}, -1

    def take(self, text):
        words = text.split()
        if len(words) == 3 and words[0] == "told" and words[1].isdigit() and words[2].isdigit():
            self.told[int(words[1])] = int(words[2])
        elif len(words) == 3 and words[0] == "synced" and words[1].isdigit():
            self.synced = int(words[1])


def machine(arguments, kernel, feeder_words):
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine",
               "q35," + ("accel=kvm" if arguments.kvm else "accel=tcg"), "-cpu",
               "host" if arguments.kvm else "qemu64,+ssse3,+sse4.1,+sse4.2,+rdrand", "-m", "768", "-kernel", kernel,
               "-initrd", os.path.join(arguments.work, "initramfs"), "-append",
               "console=ttyS0 quiet loglevel=1 panic=-1 random.trust_cpu=on mitigations=off audit=0 "
               f"castor.feeder={feeder_words}", "-serial", "stdio", "-drive",
               f"file={os.path.join(arguments.work, 'disk')},format=raw,if=virtio,cache=writeback"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def run_until_cut(arguments, kernel, first, container, after_s):
    """Boots, lets it record for a while, pulls the plug; returns what the console said until then."""
    cut, console = Cut(), []
    process = machine(arguments, kernel, f"first={first},container={container},segment_seconds=2")
    os.set_blocking(process.stdout.fileno(), False)
    began, recording_since, rest = time.monotonic(), None, b""
    try:
        while recording_since is None or time.monotonic() - recording_since < after_s:
            chunk = process.stdout.read() or b""
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                console.append(line.decode(errors="replace").strip())
                cut.take(console[-1])
            if cut.told and recording_since is None:
                recording_since = time.monotonic()
            if process.poll() is not None or time.monotonic() - began > BOOT_S:
                raise RuntimeError("the machine does not record:\n" + "\n".join(console[-15:]))
            time.sleep(0.002)
    finally:
        process.kill()
        process.wait()
    for line in (rest + (process.stdout.read() or b"")).split(b"\n")[:-1]: # the last may be torn
        cut.take(line.decode(errors="replace"))
    return cut


def look(arguments, first, container, cut, folder):
    """Repairs and checks a copy of the disk; returns what is wrong and how many frames the cut cost."""
    image = os.path.join(folder, "disk")
    shutil.copyfile(os.path.join(arguments.work, "disk"), image)
    repaired = subprocess.run(["e2fsck", "-fy", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if repaired.returncode > 1:
        return [f"e2fsck: {repaired.stdout.decode()[-500:]}"], 0
    subprocess.run(["debugfs", "-R", f"rdump /rec {folder}", image], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    place = os.path.join(folder, "rec")
    # What was closed before the cut must be whole without any recovery.
    wrong = [f"closed and not whole: {name}" for name, line in recording.segments(place).items()
             if not os.path.exists(os.path.join(place, name)) or
             recording.sha256(os.path.join(place, name)) != line["sha256"]]
    recording.put_in_order(arguments.feeder, arguments.recorder, place, arguments.clip, container)
    wrong += recording.faults(place)
    there = sorted(number for name in recording.segments(place)
                   for number in recording.frames(os.path.join(place, name)) if number >= first)
    last_ns = max(cut.told.values())
    promised = [number for number, ns in cut.told.items() if ns < last_ns - SLACK_S * 1e9 or number <= cut.synced]
    missing = sorted(set(promised) - set(there))
    if missing:
        wrong.append(f"{len(missing)} frames are missing that were promised, from {missing[0]} on; the last that was "
                     f"told is {max(cut.told)}, synced {cut.synced}")
    if there and there != list(range(there[0], there[-1] + 1)):
        wrong.append("frames of this run are missing inside")
    return wrong, max(cut.told) - (there[-1] if there else first - 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--work", required=True, help="kernel, disk and file system of the machine")
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kvm", action="store_true", help="with hardware acceleration, where that works")
    parser.add_argument("--max-seconds", type=float, default=5, help="the longest that the machine records")
    arguments = parser.parse_args()
    os.makedirs(arguments.work, exist_ok=True)
    arguments.feeder = os.path.join(arguments.bin, "powercut_feeder")
    arguments.recorder = os.path.join(arguments.bin, "castor-record")
    arguments.clip = os.path.join(arguments.work, "clip.264")
    recording.make_clip(arguments.clip)
    here = os.path.dirname(os.path.abspath(__file__))
    made = subprocess.run(["sh", os.path.join(here, "machine.sh"), arguments.work, arguments.bin, arguments.clip],
                          stdout=subprocess.PIPE, check=True)
    kernel = made.stdout.decode().splitlines()[-1]
    rng, failed, costs = random.Random(arguments.seed), 0, []
    for number in range(arguments.cuts):
        if number % 10 == 0: # a fresh disk now and then; between them recovery and going on
            with open(os.path.join(arguments.work, "disk"), "wb") as disk:
                disk.truncate(DISK_MB << 20)
            subprocess.run(["mkfs.ext4", "-q", "-F", os.path.join(arguments.work, "disk")], check=True)
        container = "mp4" if number % 4 == 3 else "ts"
        first = number * FRAMES_APART
        after_s = rng.uniform(0, arguments.max_seconds)
        cut = run_until_cut(arguments, kernel, first, container, after_s)
        with tempfile.TemporaryDirectory(prefix="castor-powercut-") as place:
            wrong, cost = look(arguments, first, container, cut, place)
        costs.append(cost)
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number + 1}: {container}, cut after {after_s:.2f} s and {len(cut.told)} "
              f"frames, of which the last {cost} are lost{''.join('; ' + text for text in wrong)}", flush=True)
    print(f"{arguments.cuts} cuts ({'KVM' if arguments.kvm else 'emulated processor'}), {failed} with losses that were "
          f"not promised; lost at most {max(costs)} frames of 30 a second, {sum(costs) / len(costs):.1f} on average")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
