# SPDX-License-Identifier: Apache-2.0
"""What must hold after a campaign, and the figures.

- Faults of one encoder path or of capture: no frame missing, repeated or out of order; transport stream without an
  error; PTS and PCR without a seam; ffmpeg has nothing to complain about.
- Each picture shows its own number; only those that the box counts as drawn by the slate show that of the last live
  one, and of these there are none but while capture was hit.
- Faults that lose frames: what the box reports as lost at its destination is what the decoder did not get, but for
  what no box can know (Verdict._unknowable).
- Lateness: no frame is later at the reader than the latest of the fault-free lead-in, within one frame interval.
  A frame that would have kept this if the machine had not stood still on its way is counted apart: metronome, with
  real-time priority and nothing to do, sees when a processor lets nobody run.
"""
import bisect
import collections
import datetime
import itertools
import math
import os

from faults import LOSSY_KINDS, SOURCE_KINDS
from onair import (Failure, FRAME_S, Stream, clock_errors, decode_numbers, next_number, of_the_slate, pcr_gaps,
                   pts_distance)

TOO_BUSY_FRAMES = 15  # half a second, once in a campaign, says nothing about the machine, however short it is
LATE_READER_S = 0.3  # a receiver that the machine keeps from handing out in time
PTS_OFFSET_S = 0.284  # mux.pts_offset_ms by default: VBV (250 ms) + one frame interval + 1 ms


def counted(status):
    return {"lost": status["destinations"][0]["lost"], "capture": status["losses"]["frames"]["capture"],
            "slate": status["frames"]["slate"]}


def percentile(values, percent):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * percent / 100))] if values else None


def summary(values_ms):
    if not values_ms:
        return None
    return {"count": len(values_ms), "p50_ms": round(percentile(values_ms, 50), 2),
            "p99_ms": round(percentile(values_ms, 99), 2), "max_ms": round(max(values_ms), 2)}


class Part:
    """What one receiver got over one connection."""

    def __init__(self, path, arrivals, frame_numbers):
        self.stream_path, self.stream = path, Stream(path)
        shown, self.complaints = decode_numbers(path, frame_numbers, path + ".ffmpeg")
        self.numbers = [unit.number for unit in self.stream.units]
        self.drawn, self.wrong = [], None
        try:
            self.drawn = of_the_slate(shown, self.stream.units)
        except Failure as failure:
            self.wrong = str(failure)
        self.name = os.path.basename(path)
        self.arrivals = arrivals
        self.offsets = [offset for offset, _ in arrivals]

    @staticmethod
    def capture_s(unit, near_s):
        """When the access unit's picture was captured, on CLOCK_MONOTONIC; near_s is any time within hours."""
        ticks = int((near_s + PTS_OFFSET_S) * 90000)
        return (ticks - pts_distance(unit.pts, ticks % (1 << 33))) / 90000 - PTS_OFFSET_S

    def times_s(self, unit):
        """From capture to the arrival of the access unit's last byte at the reader; when it was captured."""
        at = bisect.bisect_left(self.offsets, unit.end)
        arrived_s = self.arrivals[min(at, len(self.arrivals) - 1)][1]
        captured_s = self.capture_s(unit, arrived_s)
        return arrived_s - captured_s, captured_s


def parts_of(receiver, egress_kills_s, latency_s, frame_numbers):
    """Each connection is a stream of its own: a receiver's file is cut where egress was killed.

    What the killed one had sent arrives within the latency; its successor is not let in for 5 s.
    """
    arrivals, begin = receiver.arrivals(), 0
    cuts = [bisect.bisect_right(arrivals, killed_s + latency_s + 0.3, key=lambda arrival: arrival[1])
            for killed_s in egress_kills_s]
    cuts = sorted({cut for cut in cuts if 0 < cut < len(arrivals)}) + [len(arrivals)]
    with open(receiver.stream_path, "rb") as stream:
        for index, cut in enumerate(cuts):
            base = arrivals[begin - 1][0] if begin else 0
            path = receiver.stream_path.replace(".ts", f".{index}.ts")
            with open(path, "wb") as part:
                part.write(stream.read(arrivals[cut - 1][0] - base))
            yield Part(path, [(offset - base, at) for offset, at in arrivals[begin:cut]], frame_numbers)
            begin = cut


class Verdict:
    def __init__(self, records, states, receivers, frame_numbers, latency_ms, metronomes, judge_lateness,
                 too_busy_share):
        self.records, self.states, self.latency_ms = records, states, latency_ms
        self.judge_lateness, self.too_busy_share = judge_lateness, too_busy_share
        kills = [record["monotonic_s"] for record in records if record["kind"] == "egress_kill"]
        self.parts = [part for receiver in receivers
                      for part in parts_of(receiver, kills, latency_ms / 1000, frame_numbers)]
        self.stops = standstills(metronomes)
        self.failures = []
        # Each reaches from the quiet after the one before to the quiet after it.
        self.windows = [{"kind": "lead_in", "hit": "nothing", "after": states["lead"]}, *records]

    def judge(self):
        numbers = [number for part in self.parts for number in part.numbers]
        latency = self._lateness()
        losses = self._losses(numbers, latency["lead_in"]["p50_ms"] / 1000)
        self._order(numbers)
        for part in self.parts:
            self._stream(part)
        return {
            "kinds": dict(collections.Counter(record["kind"] for record in self.records)),
            "frames": {"decoded": len(numbers), "first": numbers[0], "last": numbers[-1]},
            "losses": losses,
            "take_over": self._take_over(),
            "latency": latency,
            "latency_the_box_tells": {stage: values["since_start"] for stage, values in
                                      self.states["end"]["latency"].items()},
            "stop_ms": round(self.states["stop_s"] * 1000),
            "failures": self.failures,
        }

    def _fail(self, text):
        if len(self.failures) < 40:
            self.failures.append(text)

    def _window(self, number):
        """The fault in whose time a frame was captured: after the one before was over."""
        for index, record in enumerate(self.windows, -1):
            if number < next_number(record["after"]):
                return f"fault {index} ({record['kind']} of {record['hit']})"
        return "the end"

    def _order(self, numbers):
        for before, after in zip(numbers, numbers[1:]):
            if after <= before:
                self._fail(f"frame {after} after {before}, in the time of {self._window(after)}")

    def _losses(self, numbers, latency_s):
        """By fault: what the box says against what the decoder misses."""
        first, last = min(numbers), max(numbers)
        missing = sorted(set(range(first, last + 1)) - set(numbers))
        table, begin, beyond, too_busy = [], first, [0, 0], 0
        before = {"lost": 0, "capture": 0, "slate": 0}
        drawn = sorted(number for part in self.parts for number in part.drawn)
        for index, record in enumerate(self.windows, -1):
            kind, end, after = record["kind"], next_number(record["after"]), counted(record["after"])
            reported, uncaptured = after["lost"] - before["lost"], after["capture"] - before["capture"]
            seen = bisect.bisect_left(missing, end) - bisect.bisect_left(missing, begin)
            slate, shown = after["slate"] - before["slate"], bisect.bisect_left(drawn, end) - bisect.bisect_left(drawn,
                                                                                                              begin)
            least, most = self._unknowable(record, [n for n in missing if begin <= n < end], latency_s)
            begin, before = end, after
            beyond = [beyond[0] + least, beyond[1] + most]
            if reported or seen or slate or shown or kind in LOSSY_KINDS:
                table.append({"fault": index, "kind": kind, "reported": reported, "seen": seen, "slate": slate,
                              "never_captured": uncaptured, "unknowable": [least, most]})
            if not (shown <= slate if kind in LOSSY_KINDS else shown == slate):
                self._fail(f"fault {index} ({kind}): the box counts {slate} frames of the slate, {shown} pictures show "
                           "the number of the last live one")
            if not reported + least <= seen <= reported + most:
                self._fail(f"fault {index} ({kind}): the box reports {reported} lost frames, the decoder misses {seen}" +
                           (f", of which it cannot know {least} to {most}" if most else ""))
            if kind in LOSSY_KINDS:
                continue
            too_busy += uncaptured + (0 if kind in SOURCE_KINDS else slate)
            if seen != uncaptured or (kind in SOURCE_KINDS and seen):
                self._fail(f"fault {index} ({kind} of {record['hit']}): {seen} frames missing, {uncaptured} of them "
                           "never captured")
        reported = self.states["end"]["destinations"][0]["lost"]
        seen = bisect.bisect_left(missing, next_number(self.states["end"]))
        if not reported + beyond[0] <= seen <= reported + beyond[1]:
            self._fail(f"in all the box reports {reported} lost frames, the decoder misses {seen}, of which "
                       f"it cannot know {beyond[0]} to {beyond[1]}")
        # No fault of an encoder keeps capture from delivering; a machine that does something else can. So many, and
        # the machine is no place for this test.
        if too_busy > max((last - first) * self.too_busy_share, TOO_BUSY_FRAMES):
            self._fail(f"{too_busy} frames were never captured although capture was left alone: too busy a machine?")
        return {"reported": reported, "seen": seen, "of_the_slate": len(drawn), "unknowable": beyond,
                "never_captured_without_cause": too_busy, "faults": table}

    def _unknowable(self, record, missing, latency_s):
        """How many of the frames missing in the time of a fault the box cannot know of: at least, at most.

        A killed egress was, at most, at one frame: handed to the SRT library and called sent, but not yet on the wire;
        or on the wire, and not yet called sent. A killed receiver takes with it what it had acknowledged and not yet
        handed out: from the first that is missing to those of the moment of the kill, of which the newest may not have
        been encoded, sent or acknowledged (every 10 ms).
        """
        if record["kind"] == "egress_kill":
            return -1, 1
        if record["kind"] != "peer_kill" or not missing:
            return 0, 0
        killed_s = record["monotonic_s"]
        unit = self.parts[0].stream.units[0]
        captured_s = self.parts[0].capture_s(unit, killed_s)

        def frames_until(time_s):
            return math.floor((time_s - captured_s) / FRAME_S) + unit.number

        if missing[0] <= frames_until(killed_s - latency_s - LATE_READER_S):
            self._fail(f"frame {missing[0]} was due long before the peer was killed")
            return 0, 0
        return frames_until(killed_s - 0.03) + 1 - missing[0], frames_until(killed_s) + 1 - missing[0]

    def _stream(self, part):
        if part.wrong:
            self._fail(f"{part.name}: {part.wrong}")
        for complaint in part.complaints:
            self._fail(f"{part.name}: ffmpeg: {complaint}")
        for offset, error in part.stream.errors:
            self._fail(f"{part.name}: {error} near frame {self._near(part, offset)}")
        for error in clock_errors(part.stream):
            self._fail(f"{part.name}: {error}")
        for offset, gap_ms in pcr_gaps(part.stream):
            self._fail(f"{part.name}: PCR moves by {gap_ms:.1f} ms near frame {self._near(part, offset)}")

    def _near(self, part, offset):
        at = bisect.bisect_right([unit.offset for unit in part.stream.units], offset) - 1
        number = part.stream.units[max(at, 0)].number
        return f"{number}, in the time of {self._window(number)}"

    def _take_over(self):
        """Times by kind of fault: `noticed to emitted` as the box tells, and from the fault itself; by drivers too."""
        own, whole, recovery, turns = (collections.defaultdict(list) for _ in range(4))
        for record in self.records:
            changes = self._changes_of(record)
            recovery[record["kind"]].append(record["recovery_s"] * 1000)
            drivers = {path["path"]: path["driver"] for path in record["before"]["paths"]}
            for change in changes:
                own[f"cause {change['cause']}"].append(change["duration_ms"])
                turns[f"{drivers.get(change['from'])} to {drivers[change['to']]}"].append(change["duration_ms"])
            if changes and record["kind"] not in LOSSY_KINDS:
                last = changes[-1]
                whole[record["kind"]].append((utc_s(last["time"]) - record["utc_s"]) * 1000 + last["duration_ms"])
        return {"noticed_to_first_frame": {name: summary(values) for name, values in sorted(own.items())},
                "noticed_to_first_frame_by_drivers": {name: summary(values) for name, values in sorted(turns.items())},
                "fault_to_all_well_again": {name: summary(values) for name, values in sorted(recovery.items())},
                "fault_to_first_frame": {name: summary(values) for name, values in sorted(whole.items())}}

    @staticmethod
    def _changes_of(record):
        """Changes of path during a fault, oldest first; those to no path at all are only a step."""
        new = record["after"]["switches"]["count"] - record["before"]["switches"]["count"]
        changes = record["after"]["switches"]["last"][:new]
        return [change for change in reversed(changes) if change["to"] and change["duration_ms"] is not None]

    def _lateness(self):
        """Capture to reader. Frames after a fault that interrupts the stream itself are listed apart."""
        groups = {"lead_in": [], "encoder": [], "lossy": []}
        ends = [next_number(record["after"]) for record in self.windows]
        for part in self.parts:
            for unit in part.stream.units[15:]:  # the receiver settles
                at = min(bisect.bisect_right(ends, unit.number), len(ends) - 1)
                kind = self.windows[at]["kind"]
                group = "lead_in" if at == 0 else "lossy" if kind in LOSSY_KINDS else "encoder"
                latency_s, captured_s = part.times_s(unit)
                groups[group].append((latency_s * 1000, unit.number, captured_s))
        limit_ms = max(groups["lead_in"])[0] + FRAME_S * 1000
        late = [frame for frame in groups["encoder"] if frame[0] > limit_ms]
        ours = [frame for frame in late if not self._machine_did_it(frame, limit_ms)]
        for ms, number, _ in ours if self.judge_lateness else ():
            self._fail(f"frame {number} arrives {ms:.1f} ms after capture; limit {limit_ms:.1f} ms; in the time of "
                       f"{self._window(number)}")
        figures = {name: summary([frame[0] for frame in group]) for name, group in groups.items()}
        return {**figures, "limit_ms": round(limit_ms, 1), "late_frames": len(late),
                "late_because_the_machine_stood_still": len(late) - len(ours),
                "machine_standstills": summary([(end - begin) * 1000 for begin, end in self.stops])}

    def _machine_did_it(self, frame, limit_ms):
        """Whether a frame would have kept the limit, had the machine not stood still on its way."""
        ms, _, captured_s = frame
        arrived_s = captured_s + ms / 1000
        first = max(0, bisect.bisect_left(self.stops, (captured_s, 0)) - 20)
        stood_s = sum(max(0, min(end, arrived_s) - max(begin, captured_s)) for begin, end in
                      itertools.takewhile(lambda stop: stop[0] < arrived_s, self.stops[first:]))
        return stood_s * 1000 >= ms - limit_ms


def standstills(paths):
    """[(begin, end)] in seconds on CLOCK_MONOTONIC, in order, when at least one processor let nothing run that
    was due on it, whatever its priority: what metronome saw."""
    stops = []
    for path in paths:
        with open(path, encoding="ascii") as lines:
            stops += [(int(due) / 1e9, (int(due) + int(delay)) / 1e9) for due, delay in map(str.split, lines)]
    merged = []
    for begin, end in sorted(stops):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def utc_s(text):
    """Seconds since 1970 of "2026-01-31T12:00:00.123Z"."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
