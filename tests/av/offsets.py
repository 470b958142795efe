# SPDX-License-Identifier: Apache-2.0
"""What the tests of sound look for in a received stream: how far it is from the picture (av_offset, which shares
nothing with the firmware), by the frame of each flash, and whether its own time line is whole (ffprobe).

Standard library only.
"""
import bisect
import collections
import os
import statistics
import subprocess

import onair

Second = collections.namedtuple("Second", "frame offset_ms")  # of the flash; None: no click
TONE_PEAK = 0.01  # driver tone, 40 dB below full scale (drivers/sound/tone.c)
UNIT_TICKS = 1920  # an access unit of AAC at 48 kHz, in 90 kHz


class Offsets:
    """Flashes and clicks of a stream, and the numbers of the frames that flash."""

    def __init__(self, programs, stream_path, stream=None, track=0):
        list_path = f"{stream_path}.track{track}.seconds"
        reply = subprocess.run([os.path.join(programs, "av_offset"), "--list", list_path, "--track", str(track),
                                "--tone", str(TONE_PEAK), stream_path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
        onair.check(reply.returncode in (0, 1), f"av_offset cannot measure {stream_path}: {reply.stdout}")
        self.text = reply.stdout
        stream = stream or onair.Stream(stream_path)
        numbers = {unit.pts: unit.number for unit in stream.units}
        self.seconds, self.stray_clicks = [], 0
        with open(list_path, encoding="ascii") as lines:
            for flash, click in map(str.split, lines):
                if flash == "-":
                    self.stray_clicks += 1
                    continue
                frame = numbers.get(round(int(flash) * 9 / 100000) % (1 << 33))
                onair.check(frame is not None, f"a flash at {flash} ns belongs to no access unit")
                offset_ms = None if click == "-" else (int(click) - int(flash)) / 1e6
                self.seconds.append(Second(frame, offset_ms))

    def between(self, first, end):
        """The seconds whose flash is in frames first..end-1."""
        frames = [second.frame for second in self.seconds]
        return self.seconds[bisect.bisect_left(frames, first):bisect.bisect_left(frames, end)]


def summary(seconds):
    """Figures of some seconds."""
    found = [second.offset_ms for second in seconds if second.offset_ms is not None]
    if not found:
        return {"seconds": 0, "without_click": len(seconds)}
    return {"seconds": len(found), "without_click": len(seconds) - len(found), "min_ms": round(min(found), 3),
            "median_ms": round(statistics.median(found), 3), "max_ms": round(max(found), 3)}


def unit_times(stream_path, track=0):
    """When each access unit of a sound track is to be heard, in 90 kHz, as ffprobe reads it."""
    reply = subprocess.run(["ffprobe", "-v", "error", "-select_streams", f"a:{track}", "-show_entries", "packet=pts",
                            "-of", "csv=p=0", stream_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
                           text=True)
    return [int(line.rstrip(",")) for line in reply.stdout.split() if line.rstrip(",").isdigit()]


def seams(times, unit_ticks=UNIT_TICKS):
    """[(time, ticks)] where an access unit does not follow the one before at once: longer is a hole, shorter an
    overlap. Ticks are rounded, so that one is no seam."""
    return [(before, onair.pts_distance(before, after)) for before, after in zip(times, times[1:])
            if abs(onair.pts_distance(before, after) - unit_ticks) > 1]
