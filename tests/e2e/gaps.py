# SPDX-License-Identifier: Apache-2.0
"""gaps.py --bin FOLDER

The network between a box and its edge goes away several times, for less than the latency and for longer than the
connection lives, and the sender is killed once. The gaps that castorctl lists are what the edge misses; each is
exported, and what the edge has, cut where castorctl says, and the exports make every frame once, bit for bit as it
was recorded, for ffmpeg too. A second receiver, whose network stays, has what the first one's exports are compared
with.
"""
import collections
import contextlib
import glob
import json
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time

from onair import (Box, Failure, Receiver, Stream, check, decode_numbers, free_udp_port, of_the_slate, pts_distance,
                   run_parts, wait_for)
from sound import check_announced, decode, level_db

LATENCY_MS = 250
GOP_S = 1
CALM_S = 2  # between two outages: more than a GOP and the latency
# Each channel of the second is 6 dB below the one before it.
TRACKS = [{"name": "main", "language": "eng"},
          {"name": "wide", "language": "deu", "codec": "opus", "layout": "5.1",
           "map": "L=1 R=1@-6 C=1@-12 LFE=1@-18 Ls=1@-24 Rs=1@-30"}]
ANNOUNCED = [("aac", "LC", 2, "stereo", "eng"), ("opus", None, 6, "5.1", "deu")]


class Relay:
    """Datagrams between a box and its edge, both ways, while `cut` is not set."""

    def __init__(self, port):
        self.cut = threading.Event()
        self.edge = ("127.0.0.1", port)
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.backs = {}  # socket towards the edge: the box's address
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping:
            for ready in select.select([self.front, *self.backs], [], [], 0.1)[0]:
                try:
                    data, address = ready.recvfrom(2048)
                    if self.cut.is_set():
                        continue
                    if ready is self.front:
                        self._back(address).sendto(data, self.edge)
                    else:
                        self.front.sendto(data, self.backs[ready])
                except OSError:  # nobody there just now
                    continue

    def _back(self, address):
        for back, known in self.backs.items():
            if known == address:
                return back
        back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        back.bind(("127.0.0.1", 0))
        self.backs[back] = address
        return back

    def stop(self):
        self.stopping = True
        self.thread.join()
        for one in [self.front, *self.backs]:
            one.close()


Unit = collections.namedtuple("Unit", "number pts data")


class Units(Stream):
    """A transport stream with the bytes of its access units."""

    def __init__(self, path):
        self.bytes = []
        super().__init__(path)

    def _finish_unit(self):
        if self.units:
            self.bytes.append(bytes(self._payload))
        super()._finish_unit()

    def numbered(self):
        """[Unit]"""
        return [Unit(unit.number, unit.pts, data) for unit, data in zip(self.units, self.bytes)
                if unit.number is not None]


@contextlib.contextmanager
def box_behind_relay(folder, programs, name, container, beside=None, sections=None):
    """`beside` is the port of a second receiver, with its network for itself."""
    os.makedirs(folder, exist_ok=True)
    recording = os.path.join(folder, "recording")
    os.makedirs(recording)
    os.chmod(folder, 0o755)
    edge_port = free_udp_port()
    receiver = Receiver(folder, name, edge_port, os.path.join(programs, "tap"), LATENCY_MS)
    relay = Relay(edge_port)
    record = {"folder": recording, "container": container, "segment_seconds": 2}
    urls = {"edge": f"srt://127.0.0.1:{relay.port}?peeridletimeo=2000"}
    if beside:
        urls["beside"] = f"srt://127.0.0.1:{beside}"
    destinations = [{"name": name, "url": url, "latency_ms": LATENCY_MS} for name, url in urls.items()]
    box = Box(folder, programs, relay.port, encoder={"gop_frames": 30 * GOP_S},
              sections={"destinations": destinations, "record": record, **(sections or {})})
    try:
        box.start()
        box.wait_on_air()
        yield box, receiver, relay, recording
    except Failure as failure:
        raise Failure(f"{name}: {failure}\n{box.log_tail(30)}") from failure
    finally:
        box.kill()
        relay.stop()
        receiver.stop()


def castorctl(box, *words, status=0, before=None):
    reply = subprocess.run([os.path.join(box.programs, "castorctl"), "--socket", box.socket_path, *words],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False, text=True,
                           preexec_fn=before, restore_signals=before is None)
    check(reply.returncode == status, f"castorctl {' '.join(words)}: {reply.returncode}, {reply.stderr}{reply.stdout}")
    return reply.stdout if status == 0 else reply.stderr


def listed(box):
    return json.loads(castorctl(box, "gaps", "--json"))


def outage(box, relay, seconds):
    relay.cut.set()
    time.sleep(seconds)
    relay.cut.clear()
    wait_for("the connection again", lambda: box.status()["destinations"][0]["state"] == "connected", 20)
    time.sleep(CALM_S)


def kill_egress(box):
    before = box.status()["egress"]["worker"]["pid"]
    castorctl(box, "kill", "egress")
    wait_for("another egress that is connected",
             lambda: box.status()["egress"]["worker"]["pid"] not in (0, before) and
             box.status()["destinations"][0]["state"] == "connected", 20)
    time.sleep(CALM_S)


def recorded_units(recording):
    """number: (pts, bytes) of everything in the folder, whatever its container, in Annex B by ffmpeg."""
    units = {}
    for path in sorted(glob.glob(os.path.join(recording, "*.ts"))):
        for number, pts, data in Units(path).numbered():
            units[number] = (pts, data)
    return units


def check_list(gaps, received, recorded):
    """What is missing is listed, and what is listed for certain is missing."""
    got = {number for number, _, data in received if recorded.get(number, (0, data))[1] == data}
    first, last = min(got), max(got)
    in_gaps = set()
    for gap in gaps:
        # On a busy machine some were never captured; before the recorder runs nobody knows which.
        numbers = {number for number in range(gap["first_sequence"], gap["last_sequence"] + 1)
                   if number in recorded or number < min(recorded)}
        missing = numbers - got
        in_gaps |= numbers
        certain = gap["frames"] - gap["possible"]
        print(f"  gap {gap['name']}: {gap['first_sequence']} to {gap['last_sequence']}, {gap['frames']} frames "
              f"({gap['possible']} perhaps), {len(missing)} missing at the edge, {gap['causes']}", flush=True)
        check(gap["frames"] == len(numbers), f"gap {gap['name']} has {gap['frames']} frames of {len(numbers)}")
        check(len(missing) >= certain, f"gap {gap['name']}: {certain} are certain, {len(missing)} missing")
        check(gap["recorded"] == "yes" or gap["first_sequence"] < min(recorded), f"gap {gap['name']} was not recorded")
        check(not gap["open"], f"gap {gap['name']} is still open")
    unlisted = {number for number in recorded if first <= number <= last} - got - in_gaps
    check(not unlisted, f"missing at the edge and in no gap: {sorted(unlisted)[:20]}")
    return first, last


def export_all(box, folder, gaps, start_sequence):
    """[(what castorctl says, units)] of the gaps that end after the edge got its first frame."""
    exports = []
    for gap in gaps:
        if gap["last_sequence"] < start_sequence:
            continue
        path = os.path.join(folder, f"gap-{gap['name']}.ts")
        said = json.loads(castorctl(box, "gaps", "export", gap["name"], "--to", path, "--json"))
        units = Units(path).numbered()
        check(units[0][0] == said["begins"]["frame"] and units[0][1] == said["begins"]["pts"],
              f"{path} begins with {units[0][:2]}, not with {said['begins']}")
        check(units[-1][0] == gap["last_sequence"] and units[-1][1] == said["ends"]["pts"],
              f"{path} ends with {units[-1][:2]}, not with {said['ends']}")
        check(said["begins"]["frame"] <= gap["first_sequence"], f"{path} begins after its gap")
        check(gap["first_sequence"] - said["begins"]["frame"] < 30 * GOP_S + 1, f"{path} begins too early")
        exports.append((said, units))
    return exports


def join(received, exports):
    """As castorctl says: what the edge has, with each export in its place. By PTS alone."""
    joined = received
    for said, units in exports:
        begins, ends = said["begins"]["pts"], said["ends"]["pts"]
        joined = ([unit for unit in joined if pts_distance(begins, unit[1]) < 0] + units +
                  [unit for unit in received if pts_distance(ends, unit[1]) > 0])
    return joined


def check_pictures(shown, units, drawn, what):
    """ffmpeg sees a picture of each access unit, in order, with its own number; but for what the slate drew, on a
    busy machine, which is no more than the box counted."""
    slate = of_the_slate(shown, units)
    check(len(slate) <= drawn, f"{what}: pictures of the slate {slate[:5]}, the box counted {drawn}")


def check_joined(folder, programs, joined, recorded, last, drawn):
    numbers = [number for number, _, _ in joined]
    joined = joined[:numbers.index(last) + 1]
    numbers = numbers[:len(joined)]
    complete = sorted({number for number in recorded if numbers[0] <= number <= last} | set(numbers))
    check(numbers == complete, "joined, the frames are not complete and in order: missing "
          f"{sorted(set(complete) - set(numbers))[:9]}, out of order "
          f"{[pair for pair in zip(numbers, numbers[1:]) if pair[1] <= pair[0]][:5]}")
    for number, pts, data in joined:
        if number in recorded:
            check(recorded[number][1] == data, f"frame {number} is not what was recorded")
            check(recorded[number][0] == pts, f"frame {number} has PTS {pts}, not {recorded[number][0]}")
    path = os.path.join(folder, "joined.h264")
    with open(path, "wb") as file:
        for _, _, data in joined:
            file.write(data)
    decoded, complaints = decode_numbers(path, os.path.join(programs, "frame_numbers"), path + ".log")
    complaints = [line for line in complaints if "Timestamps are unset" not in line]
    check(not complaints, f"ffmpeg: {complaints[:3]}")
    check_pictures(decoded, joined, drawn, path)
    return numbers


def check_journal(box, gaps, recording):
    """After the box has ended its recording still tells them, under the name of that run."""
    later = json.loads(castorctl(box, "gaps", "--json", "--folder", recording))
    check([gap["first_sequence"] for gap in later] == [gap["first_sequence"] for gap in gaps] and
          [gap["last_sequence"] for gap in later] == [gap["last_sequence"] for gap in gaps],
          f"the journal tells {len(later)} gaps, the box told {len(gaps)}")
    check(all(gap["name"].endswith(f"-{number['name']}") for gap, number in zip(later, gaps)),
          f"names in the journal: {[gap['name'] for gap in later]}")
    return later


def network_goes_away(folder, programs):
    folder = os.path.join(folder, "ts")
    with box_behind_relay(folder, programs, "ts", "ts") as (box, receiver, relay, recording):
        time.sleep(CALM_S)
        for seconds in (0.4, 1.5, 3.5):
            outage(box, relay, seconds)
        kill_egress(box)
        gaps = wait_for("the end of all gaps",
                        lambda: (found := listed(box)) and not any(gap["open"] for gap in found) and found, 5)
        time.sleep(2)  # the segment is closed
        start = Units(receiver.stream_path).numbered()[0][0]
        exports = export_all(box, folder, gaps, start)
        check_refusals(box, folder, gaps, recording)
        drawn = box.status()["frames"]["slate"]
        box.stop_clean()
        receiver.finish()
        recorded, received = recorded_units(recording), Units(receiver.stream_path).numbered()
        _, last = check_list(gaps, received, recorded)
        numbers = check_joined(folder, programs, join(received, exports), recorded, last, drawn)
        later = check_journal(box, gaps, recording)
        check_damage(box, folder, later, recording)
    print(f"ts: {len(gaps)} gaps, {len(exports)} exported; joined {len(numbers)} frames, {numbers[0]} to {numbers[-1]}",
          flush=True)


def check_refusals(box, folder, gaps, recording):
    last = gaps[-1]["name"]
    path = os.path.join(folder, f"gap-{last}.ts")
    check("exists already" in castorctl(box, "gaps", "export", last, "--to", path, status=1), "a file was overwritten")
    check("no gap" in castorctl(box, "gaps", "export", "999", "--to", path, status=1), "a gap that does not exist")
    full = "/dev/full/x"
    check("cannot be made" in castorctl(box, "gaps", "export", last, "--to", full, status=1), "a folder that is none")
    check(not glob.glob(os.path.join(folder, "*.part-*")), "a half file is left")
    check(os.path.isdir(recording), "the recording is gone")


def no_room():
    """In a child: no file may become larger than 20 kB. SIGXFSZ is ignored in Python, and is to stay so."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))


def check_damage(box, folder, gaps, recording):
    """No room for the file, a byte that a disk has spoiled, and a segment that is gone: in words, and nothing is
    exported."""
    gap = gaps[-1]
    path = os.path.join(folder, "damaged.ts")
    words = ["gaps", "export", gap["name"], "--to", path, "--folder", recording]
    check("cannot be written" in castorctl(box, *words, status=1, before=no_room), "a file without room")
    check(not glob.glob(path + "*"), "a half file is left where there was no room")
    said = json.loads(castorctl(box, *words, "--json"))
    os.remove(path)
    segment = os.path.join(recording, said["segments"][0]["file"])
    with open(segment, "r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))
    check("checksum" in castorctl(box, *words, status=1), "a damaged segment was exported")
    os.remove(segment)
    check("not in the folder" in castorctl(box, *words, status=1), "a segment that is gone was exported")
    check(not glob.glob(path + "*"), "a half file is left")


def check_sound(path, pictures):
    """The tracks of an export are those of the programme, and lie beside its pictures from the first to the last; how
    many units each stream has."""
    shown = json.loads(subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", "-show_entries", "packet=codec_type,stream_index,pts_time", path],
        stdout=subprocess.PIPE, timeout=60, check=True).stdout)["packets"]
    times = collections.defaultdict(list)
    for packet in shown:
        times[packet["stream_index"]].append(float(packet["pts_time"]))
    video = next(packet["stream_index"] for packet in shown if packet["codec_type"] == "video")
    check(len(times[video]) == pictures, f"{path}: ffprobe sees {len(times[video])} pictures of {pictures}")
    check_announced(path, ANNOUNCED)
    for stream, sound in times.items():
        begins, ends = min(sound) - min(times[video]), max(sound) - max(times[video])
        # No more than an access unit of sound (21.3 ms) fits between; a time of an MP4 file is of whole milliseconds.
        check(abs(begins) < 0.025 and abs(ends) < 0.025,
              f"{path}: stream {stream} begins {begins:.3f} s and ends {ends:.3f} s after the pictures")
    return sorted(len(sound) for sound in times.values())


def check_surround(path):
    """Each channel of Opus in 5.1 is where it belongs, from 80 ms on: up to then a decoder that joins may be wrong
    (RFC 7845 4.6)."""
    levels = [level_db(channel[48 * 80:]) for channel in decode(path, 1, 6)]
    steps = [before - after for before, after in zip(levels, levels[1:])]
    check(all(abs(step - 6) < 1 for step in steps), f"{path}: the channels have {levels} dB, not 6 dB less each")


def segments_of(recording):
    with open(os.path.join(recording, "index.jsonl"), encoding="utf-8") as index:
        return [line for line in map(json.loads, index) if line["type"] == "segment"]


def export_segment(programs, recording, segment, path):
    """As if all that the segment holds were a gap."""
    reply = subprocess.run([os.path.join(programs, "castor-export"), "--folder", recording, "--session",
                            segment["session"], "--first", str(segment["first_sequence"]), "--last",
                            str(segment["last_sequence"]), "--frames", str(segment["frames"]), "--to", path,
                            *(["--mp4"] if path.endswith("mp4") else [])],
                           stdout=subprocess.PIPE, timeout=60, check=True)
    said = json.loads(reply.stdout)
    check(said["ok"] and said["start_sequence"] == segment["first_sequence"] and
          said["frames"] == said["missing_frames"] == segment["frames"], f"castor-export says {said}")


def check_whole_segment(folder, programs, recording):
    """A gap that begins with the IDR that begins a segment and ends with its last frame: nothing before it is needed,
    and the last of its sound lies in the next segment."""
    segments = segments_of(recording)
    check(len(segments) > 2, f"only {len(segments)} segments")
    segment = segments[1]
    check_surround(os.path.join(recording, segment["file"]))
    units = []
    for kind in ("ts", "mp4"):
        path = os.path.join(folder, f"segment.{kind}")
        export_segment(programs, recording, segment, path)
        units.append(check_sound(path, segment["frames"]))
    check(units[0] == units[1], f"the exports of a segment have {units[0]} units in one format, {units[1]} in the other")


def compare(exported, received, gaps):
    """What was exported is what the receiver beside has got, but for what the box knows that it has not; how many."""
    compared = 0
    for number, pts, data in exported:
        if number not in received:
            check(any(gap["first_sequence"] <= number <= gap["last_sequence"] for gap in gaps),
                  f"frame {number} is missing at the receiver beside, and no gap tells of it")
            continue
        check(abs(pts_distance(pts, received[number][0])) <= 1, f"frame {number}: PTS {pts}, on air "
              f"{received[number][0]}")
        check(data == received[number][1], f"frame {number} is not what was on air")
        compared += 1
    check(compared, "the export and the receiver beside have nothing in common")
    return compared


def gaps_of(box, destination):
    gaps = json.loads(castorctl(box, "gaps", "--json", "--destination", destination))
    check({gap["destination"] for gap in gaps} <= {destination}, f"gaps of {destination} alone: {gaps}")
    return gaps


def from_mp4(folder, programs):
    """The same from a recording in MP4, into both formats, with sound."""
    folder = os.path.join(folder, "mp4")
    os.makedirs(folder)
    port = free_udp_port()
    beside = Receiver(folder, "beside", port, os.path.join(programs, "tap"), LATENCY_MS)
    try:
        with box_behind_relay(folder, programs, "mp4", "mp4", port,
                              {"sound": {"tracks": TRACKS}}) as (box, receiver, relay, recording):
            time.sleep(CALM_S)
            outage(box, relay, 1.5)
            time.sleep(1.5)  # what the recorder still has of it is on the disk
            gap = gaps_of(box, "edge")[-1]
            ts, mp4 = (os.path.join(folder, f"export.{kind}") for kind in ("ts", "mp4"))
            said = json.loads(castorctl(box, "gaps", "export", gap["name"], "--to", ts, "--json"))
            castorctl(box, "gaps", "export", gap["name"], "--to", mp4, "--format", "mp4")
            drawn, others = box.status()["frames"]["slate"], gaps_of(box, "beside")
            box.stop_clean()
            receiver.finish()
            beside.finish()
    finally:
        beside.stop()
    units, received = Units(ts).numbered(), {number: (pts, data) for number, pts, data in
                                             Units(beside.stream_path).numbered()}
    check(units[0][0] == said["begins"]["frame"] and units[-1][0] == gap["last_sequence"] and
          len(units) == said["frames"], f"{ts} has {len(units)} frames, {units[0][0]} to {units[-1][0]}")
    missing = {unit.number for unit in units} - {unit.number for unit in Units(receiver.stream_path).numbered()}
    check(len(missing) >= gap["frames"] - gap["possible"], f"the edge misses {len(missing)} frames of {gap}")
    compared = compare(units, received, others)
    for path in (ts, mp4):
        numbers, complaints = decode_numbers(path, os.path.join(programs, "frame_numbers"), path + ".log")
        check_pictures(numbers, units, drawn, path)
        check(not complaints, f"{path}: ffmpeg says {complaints[:3]}")
        check_sound(path, len(units))
    check_surround(mp4)
    check_whole_segment(folder, programs, recording)
    print(f"mp4: gap of {gap['frames']} frames exported as {len(units)}, {compared} of them compared", flush=True)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, network_goes_away, from_mp4))
