# SPDX-License-Identifier: Apache-2.0
"""Faults beside the picture's way: of the sound worker, of the recorder, and of the disk below its folder; and what must
hold of sound and recording after a campaign. The picture's own verdict does not know of them: no frame may be missing.

- Sound: every access unit follows the one before in every part of the stream, whatever happened; and the click is within
  SOUND_LIMIT_MS of the flash wherever there are both. Clicks may be missing while the sound worker was replaced; a few
  more say that the machine did not come to it.
- Recording: every closed segment is what the index says of it (size, SHA-256, frames, an IDR first). No frame that reached
  the decoder is in two segments; one that is in none was on its way in the time of a fault of the recorder or its disk,
  and the index tells it as a gap.
"""
import collections
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "av"))

import faults
import offsets
from onair import RATE_FPS, Stream, check, next_number

SOUND_KINDS = {"sound_kill": 5, "sound_freeze": 3}
RECORD_KINDS = {"record_kill": 4, "record_freeze": 3, "disk_full": 3, "disk_broken": 3, "disk_stall": 4, "disk_gone": 3,
                "disk_readonly": 2}
FILLED_KINDS = {"disk_filled": 3}  # where the folder is a file system of its own
DISK_WORDS = {"disk_full": "full", "disk_broken": "eio", "disk_stall": "stall", "disk_gone": "gone",
              "disk_readonly": "readonly"}
DISK_STALL_S = 2.0
SOUND_LIMIT_MS = 5
TOO_BUSY_CLICKS, TOO_BUSY_SHARE = 2, 0.02  # missing for no fault, of all: at most that many, or that share
CLICKS_A_FAULT = 3  # that may be missing when the sound worker is replaced


class Injector(faults.Injector):
    """Has these faults besides."""

    recordings = None  # the recorder's folder
    disk_now = None  # the file with the word that says what is wrong with the disk (tests/standin/disk)

    def _worker_fault(self, record, section, number):
        worker = record["before"][section]["worker"]
        victim = faults.Victim(worker["pid"])
        record["hit"] = section
        self._now(record)
        victim.signal(number)
        victim.close()
        return lambda status: (status[section]["worker"]["pid"] != victim.pid and status[section]["worker"]["ready"])

    def _sound_kill(self, _fault, record):
        return self._worker_fault(record, "sound", signal.SIGKILL)

    def _sound_freeze(self, _fault, record):
        return self._worker_fault(record, "sound", signal.SIGSTOP)

    def _record_kill(self, _fault, record):
        over = self._worker_fault(record, "record", signal.SIGKILL)
        return lambda status: over(status) and self._records(status)

    def _record_freeze(self, _fault, record):
        over = self._worker_fault(record, "record", signal.SIGSTOP)
        return lambda status: over(status) and self._records(status)

    @staticmethod
    def _records(status):
        return status["record"]["state"] == "recording"

    def _disk(self, fault, record):
        record["hit"] = "the disk"
        self._now(record)
        with open(self.disk_now + ".new", "w", encoding="ascii") as file:
            file.write(DISK_WORDS[fault["kind"]])
        os.rename(self.disk_now + ".new", self.disk_now)
        time.sleep(DISK_STALL_S if fault["kind"] == "disk_stall" else 0.3 + 2 * fault["a"])
        os.unlink(self.disk_now)
        settled = time.monotonic() + 0.5  # a fault that nobody has met by then was none
        return lambda status: time.monotonic() > settled and self._records(status)

    def _disk_filled(self, fault, record):
        """Another program takes all the room that there is: a file system of its own, so that nobody else lacks it."""
        filler = os.path.join(self.recordings, "filler")
        record["hit"] = "the disk"
        self._now(record)
        with open(filler, "wb", buffering=0) as file:
            end = time.monotonic() + 0.3 + 2 * fault["a"]
            while time.monotonic() < end:
                try:
                    file.write(bytes(1 << 20))
                except OSError as error:
                    check(error.errno == errno.ENOSPC, f"{filler}: {error}")
                    time.sleep(0.01)
        os.unlink(filler)
        return self._records

    _disk_full = _disk_broken = _disk_stall = _disk_gone = _disk_readonly = _disk


# ---- verdicts ----

def windows_of(records, kinds):
    """[(first frame, frame after the last)] from before each fault of these kinds to the quiet after it."""
    return [(next_number(record["before"]), next_number(record["after"])) for record in records
            if record["kind"] in kinds]


def judge_sound(parts, records, end, programs, fail):
    """Figures; `end` is the last status, `fail` is called with what does not hold."""
    quiet = windows_of(records, SOUND_KINDS)
    seconds, missing, alone, units = [], 0, [], 0
    for part in parts:
        path = part.stream_path
        times = offsets.unit_times(path)
        units += len(times)
        for at, ticks in offsets.seams(times)[:3]:
            fail(f"{part.name}: the sound goes on {ticks} ticks after {at} instead of {offsets.UNIT_TICKS}")
        if len(part.numbers) < 3 * RATE_FPS:
            continue
        for second in offsets.Offsets(programs, path, part.stream).seconds[1:-1]:  # sound may begin after the picture
            seconds.append(second)
            if second.offset_ms is None:
                missing += 1
                if not any(first - RATE_FPS <= second.frame < end + RATE_FPS for first, end in quiet):
                    alone.append(second.frame)
            elif abs(second.offset_ms) > SOUND_LIMIT_MS:
                fail(f"{part.name}: at frame {second.frame} sound is {second.offset_ms:+.2f} ms off")
    if missing - len(alone) > CLICKS_A_FAULT * len(quiet):
        fail(f"{missing - len(alone)} clicks are missing in {len(quiet)} faults of the sound worker")
    if len(alone) > max(TOO_BUSY_CLICKS, TOO_BUSY_SHARE * len(seconds)):
        fail(f"frames {alone[:5]} have no click, and the sound worker was left alone: too busy a machine?")
    if not seconds:
        fail("the sound could not be measured")
    told = {name: end["sound"][name] for name in ("silence_s", "late_s", "openings", "repeated", "skipped_units")}
    return {"told": {**told, "sent": end["sound"]["tracks"][0]["sent"]}, "units": units, "clicks_missing": missing,
            "of_them_for_no_fault": len(alone), **offsets.summary(seconds)}


def as_transport_stream(path):
    """What ffmpeg makes of a file of MP4, and one of MPEG-TS as it is."""
    if not path.endswith(".mp4"):
        return Stream(path)
    remuxed = path + ".mpegts"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", path, "-map", "0:v", "-c", "copy", "-f", "mpegts", remuxed],
                   check=True)
    try:
        return Stream(remuxed)
    finally:
        os.remove(remuxed)


class Recording:
    """A recording folder, as its index tells and as it is."""

    def __init__(self, folder):
        self.folder = folder
        self.segments, self.removed, self.gaps, self.bad_lines = {}, [], [], 0
        with open(os.path.join(folder, "index.jsonl"), encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    self._line(json.loads(line))
                except ValueError:
                    self.bad_lines += 1

    def _line(self, line):
        if line["type"] == "segment":
            self.segments[line["file"]] = line
        elif line["type"] == "removed":
            segment = self.segments.pop(line["file"], None)
            if segment:
                self.removed.append((segment["first_sequence"], segment["last_sequence"] + 1))
        elif line["type"] == "gap":
            self.gaps.append((line["first_sequence"], line["last_sequence"] + 1, line["text"]))

    def frames(self, fail):
        """Numbers of all frames in closed segments, each as often as it is there."""
        found = collections.Counter()
        for name, segment in sorted(self.segments.items()):
            path = os.path.join(self.folder, name)
            if not os.path.exists(path):
                fail(f"{name}: the index has it, the folder does not")
                continue
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            stream = as_transport_stream(path)
            numbers = [unit.number for unit in stream.units]
            found.update(numbers)
            for what, seen, told in (("bytes", os.path.getsize(path), segment["bytes"]),
                                     ("SHA-256", digest, segment["sha256"]), ("frames", len(numbers), segment["frames"]),
                                     ("first frame", numbers[0], segment["first_sequence"]),
                                     ("last frame", numbers[-1], segment["last_sequence"])):
                if seen != told:
                    fail(f"{name}: {what}: {seen}; the index says {told}")
            if not stream.units[0].idr:
                fail(f"{name}: does not begin with an IDR")
            for error in stream.errors[:3]:
                fail(f"{name}: {error}")
        return found


def near(number, windows):
    """Whether a fault may have cost the frame: what was not yet synced is up to a second older than the fault, and a
    segment begins with an IDR."""
    return any(begin - 2 * RATE_FPS <= number < end + 3 * RATE_FPS for begin, end in windows)


def judge_recording(folder, records, received, fail):
    """`received`: frames that have reached the decoder. Figures."""
    recording = Recording(folder)
    frames = recording.frames(fail)
    troubled = windows_of(records, {**RECORD_KINDS, **FILLED_KINDS})
    twice = [number for number, count in frames.items() if count > 1]
    if twice:
        fail(f"{len(twice)} frames are recorded twice: {sorted(twice)[:5]}")
    told = {number for begin, end, _ in recording.gaps for number in range(begin, end)}
    removed = {number for begin, end in recording.removed for number in range(begin, end)}
    both = sorted(told & set(frames))
    if both:
        fail(f"{len(both)} frames are recorded and told as a gap: {both[:5]}")
    # The recorder begins after the picture and ends before it. What it had to remove was the oldest.
    first = next_number(records[0]["before"])
    if windows_of(records, FILLED_KINDS):
        first = max(first, min(frames))
    absent = sorted(number for number in received if first <= number < max(frames) and number not in frames and
                    number not in removed)
    untold = [number for number in absent if number not in told]
    if untold:
        fail(f"{len(untold)} frames are not recorded, and the index tells no gap there: {untold[:5]}")
    unexplained = [number for number in absent if not near(number, troubled)]
    if unexplained:
        fail(f"{len(unexplained)} frames are not recorded, and nothing was done to the recorder then: {unexplained[:5]}")
    return {"segments": len(recording.segments), "frames": sum(frames.values()), "absent": len(absent),
            "removed": len(recording.removed),
            "gaps": len(recording.gaps), "bad_index_lines": recording.bad_lines}
