#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""explore.py - one recording, and what would be left of it if the power went after any of its calls.

The recorder runs on a folder that notes every call (forgetful.c). From the notes the disk is made as it would be after
a cut: what was synced is there; of what was written since, a random part; of names that were given, removed or changed
since the folder was synced, a random first part. The recorder then puts that folder in order, and everything is checked
as in cuts.py, with no frame missing that was handed over more than one second before.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

import folder as recording

SLACK_NS = 1_000_000_000


class Disk:
    """The files of a folder after some calls: content by inode, names as they are and as they are on the disk."""

    def __init__(self):
        self.size, self.safe = {}, {}         # of each inode: bytes written, bytes on the disk
        self.names, self.safe_names = {}, {}  # name: inode
        self.pending = []                     # changes of names since the folder was synced
        self.count = 0

    def apply(self, call, words):
        if call == "create":
            self.names[words[0]] = self.count
            self.size[self.count] = self.safe[self.count] = 0
            self.pending.append(("set", words[0], self.count))
            self.count += 1
        elif call == "write":
            self.size[self.names[words[0]]] = int(words[1]) + int(words[2])
        elif call == "rename":
            inode = self.names.pop(words[0])
            self.names[words[1]] = inode
            self.pending.append(("move", words[0], words[1], inode))
        elif call == "remove":
            self.pending.append(("drop", words[0], self.names.pop(words[0])))
        elif call == "sync" and words[0] == ".":
            self.safe_names, self.pending = dict(self.names), []
        elif call == "sync":
            inode = self.names[words[0]]
            self.safe[inode] = self.size[inode]

    def after_cut(self, rng):
        """{name: (inode, bytes)} of what is left."""
        names = dict(self.safe_names)
        for change in self.pending[:rng.randint(0, len(self.pending))]:
            if change[0] == "set":
                names[change[1]] = change[2]
            elif change[0] == "move":
                names.pop(change[1], None)
                names[change[2]] = change[3]
            else:
                names.pop(change[1], None)
        return {name: (inode, rng.choice((self.safe[inode], self.size[inode],
                                          rng.randint(self.safe[inode], self.size[inode]))))
                for name, inode in names.items()}


def record(arguments, place, log, container, seconds):
    """Runs the recorder; returns {sequence: ns} of what it was handed, and its calls."""
    environment = {**os.environ, "LD_PRELOAD": arguments.forgetful, "CASTOR_FORGETFUL": place,
                   "CASTOR_FORGETFUL_LOG": log}
    done = subprocess.run([arguments.feeder, arguments.recorder, place, arguments.clip, str(seconds),
                           f"container={container}", "segment_seconds=3"], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=seconds + 60)
    if done.returncode != 0:
        raise RuntimeError(f"{done.stdout[-300:]} {done.stderr[-300:]}")
    told = {int(words[1]): int(words[2]) for words in map(str.split, done.stdout.decode().splitlines())
            if words[0] == "told"}
    with open(log, encoding="ascii") as lines:
        return told, [line.split() for line in lines]


def contents_of(place, calls):
    """The bytes of each inode. Segments are only added to, so the end shows all that ever stood in them."""
    disk, bytes_of = Disk(), {}
    for call, *words in calls:
        disk.apply(call, words[:-1])
    for name, inode in disk.names.items():
        with open(os.path.join(place, name), "rb") as file:
            bytes_of[inode] = file.read()
    return bytes_of


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--cuts", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.feeder = os.path.join(arguments.bin, "powercut_feeder")
    arguments.recorder = os.path.join(arguments.bin, "castor-record")
    arguments.forgetful = os.path.realpath(os.path.join(arguments.bin, "..", "lib", "castor-forgetful.so"))
    rng, failed, total = random.Random(arguments.seed), 0, 0
    with tempfile.TemporaryDirectory(prefix="castor-explore-") as top:
        arguments.clip = os.path.join(top, "clip.264")
        recording.make_clip(arguments.clip)
        for container in ("ts", "mp4"):
            place, log = os.path.join(top, container), os.path.join(top, container + ".log")
            os.mkdir(place)
            told, calls = record(arguments, place, log, container, arguments.seconds)
            contents = contents_of(place, calls)
            for point in sorted(rng.choices(range(1, len(calls) + 1), k=arguments.cuts // 2)):
                wrong = cut(arguments, rng, container, told, calls[:point], contents, top)
                total += 1
                failed += bool(wrong)
                if wrong:
                    print(f"not ok: {container}, after call {point} ({' '.join(calls[point - 1])}): {wrong[:3]}",
                          flush=True)
    print(f"{total} cuts, {failed} with losses that were not promised")
    return int(failed > 0 or total == 0)


def cut(arguments, rng, container, told, calls, contents, top):
    disk = Disk()
    for call, *words in calls:
        disk.apply(call, words[:-1])
    with tempfile.TemporaryDirectory(dir=top) as place:
        for name, (inode, size) in disk.after_cut(rng).items():
            with open(os.path.join(place, name), "wb") as file:
                file.write(contents[inode][:size])
        # What was closed before the cut is whole without any recovery.
        wrong = [f"closed and not whole: {name}" for name, line in recording.segments(place).items()
                 if not os.path.exists(os.path.join(place, name)) or
                 recording.sha256(os.path.join(place, name)) != line["sha256"]]
        recording.put_in_order(arguments.feeder, arguments.recorder, place, arguments.clip, container)
        wrong += recording.faults(place, decode=rng.random() < 0.1)
        there = {number for name in recording.segments(place) if os.path.exists(os.path.join(place, name))
                 for number in recording.frames(os.path.join(place, name))}
    promised = {number for number, ns in told.items() if ns < int(calls[-1][-1]) - SLACK_NS}
    if promised - there:
        wrong.append(f"{len(promised - there)} frames are missing that were promised, from {min(promised - there)} on")
    if there and there != set(range(min(there), max(there) + 1)):
        wrong.append("frames are missing inside")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
