# SPDX-License-Identifier: Apache-2.0
"""What the tests with a whole box share: the main program, a box in a temporary folder, a receiver that is not ours
(srt-live-transmit), a decoder that is not ours (ffmpeg), and a look at the transport stream.

Standard library only.
"""
import argparse
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

WIDTH_PX, HEIGHT_PX, RATE_FPS = 640, 360, 30
FRAME_S = 1 / RATE_FPS
BLOCK_HEIGHT_PX = 40  # two rows of cells of WIDTH_PX / 32
IDENTITY_UUID = b"castor-frame-id1"
PMT_PID, VIDEO_PID = 0x1000, 0x100
SHARED_MEMORY = "/dev/shm"
# "misuse": a stand-in's word for a client that breaks the vendor's contract.
COMPLAINT = re.compile(r"runtime error:|Sanitizer: (?!SEGV|DEADLYSIGNAL)|Assertion|stand-?in.*misuse")


class Failure(Exception):
    """A check that did not hold, in words."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def wait_for(what, condition, timeout_s, step_s=0.02):
    """Waits until condition() is true and returns its value; a Failure that says `what` after timeout_s."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {timeout_s} s")
        time.sleep(step_s)


def hardware():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    uname = os.uname()
    return f"{len(os.sched_getaffinity(0))} x {model}, {uname.sysname} {uname.release} {uname.machine}"


def run_parts(doc, *parts, options=()):
    """A test's main program: runs every part(folder, programs, *paths), tells what failed, and returns the exit status.
    `doc` is the test's own text, `options` are paths that the parts get besides the programs' folder."""
    parser = argparse.ArgumentParser(description=doc.split("\n\n")[1])
    for option in ("--bin", *options):
        parser.add_argument(option, required=True)
    parser.add_argument("--keep", action="store_true", help="keep the folder with streams and logs")
    parser.add_argument("--without", action="append", default=[], metavar="PART",
                        help="leave out the part of this name")
    arguments = vars(parser.parse_args())
    paths = [os.path.abspath(arguments[option.lstrip("-")]) for option in ("--bin", *options)]
    print(f"hardware: {hardware()}", flush=True)
    folder = tempfile.mkdtemp(prefix=f"castor-{os.path.splitext(os.path.basename(sys.argv[0]))[0]}-")
    failed = False
    for part in parts:
        if getattr(part, "__name__", "") in arguments["without"]:
            continue
        try:
            part(folder, *paths)
        except Failure as failure:
            print(f"FAILED: {failure}", file=sys.stderr, flush=True)
            failed = True
    if failed or arguments["keep"]:
        print(f"logs and streams: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return int(failed)


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Box:
    """castord with the pattern source, its control socket and log in `folder`. `encoder`, `switch` and `pool`
    replace members of these sections of the configuration, `sections` are further ones; `environment` is for the box
    alone."""

    def __init__(self, folder, programs, port, *, latency_ms=250, paths=2, standby="warm", source=None, url=None,
                 encoder=None, switch=None, pool=None, sections=None, environment=None):
        self.socket_path = os.path.join(folder, "box.sock")
        self.log_path = os.path.join(folder, "castord.log")
        self.config_path = os.path.join(folder, "box.json")
        self.programs = programs
        # Workers inherit it: that is how what is left behind is found, whatever its parent is by then.
        self.mark = f"CASTOR_TEST_BOX={folder}"
        self.environment = environment or {}
        self.memory_before = shared_memory()
        self.process = None
        x264 = {"driver": "x264", "preset": "superfast", "threads": 1}
        self.config = {
            "source": source or {"driver": "pattern", "width": WIDTH_PX, "height": HEIGHT_PX, "rate": RATE_FPS},
            "encoder": {"bitrate_kbps": 1000, "chain": [x264] * paths, **(encoder or {})},
            "switch": {"standby": standby, **(switch or {})},
            "pool": pool or {},
            "destinations": [{"name": "edge", "url": url or f"srt://127.0.0.1:{port}", "latency_ms": latency_ms}],
            "control": {"socket": self.socket_path, "allow_faults": True},
            **(sections or {}),
        }
        with open(self.config_path, "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=1)

    def start(self, log_path=None, before=None):
        """`before` runs in castord's process before castord does, for example to take rights or memory away."""
        name, value = self.mark.split("=", 1)

        def prepare():
            end_with_parent()
            if before:
                before()
        with open(log_path or self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(self.programs, "castord"), "--config", self.config_path], preexec_fn=prepare,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, name: value, **self.environment})

    def command(self, command, timeout_s=5, **arguments):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(timeout_s)
            s.connect(self.socket_path)
            s.send(json.dumps({"command": command, **arguments}).encode())
            return json.loads(s.recv(1 << 18))

    def status(self):
        reply = self.command("status")
        check(reply.get("ok"), f"castord refuses to tell its status: {reply}")
        return reply["status"]

    def status_or_none(self):
        try:
            return self.status()
        except OSError:
            return None

    def wait_on_air(self, timeout_s=15):
        """Until a path is on air, another stands by and the destination takes the stream."""
        def ready():
            check(self.process.poll() is None, f"castord ended: {self.log_tail()}")
            status = self.status_or_none()
            return status if status and is_quiet(status) else None
        return wait_for("on air with a standby", ready, timeout_s, 0.05)

    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def log_tail(self, lines=15):
        return "".join(self.log().splitlines(keepends=True)[-lines:]) or "there is no log\n"

    def complaints(self):
        """Lines of the log that no fault explains: sanitizers (a crash on purpose apart) and assertions."""
        return [line.strip() for line in self.log().splitlines() if COMPLAINT.search(line)]

    def pids(self):
        """Every process that carries the mark: castord and its workers, orphaned or not."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as environ:
                    marked = self.mark.encode() in environ.read().split(b"\0")
                # A process that has ended and only waits to be reaped has no memory and no descriptors any more.
                with open(f"/proc/{entry}/stat", "rb") as stat:
                    zombie = stat.read().rsplit(b")", 1)[1].split()[0] == b"Z"
            except OSError:
                continue
            if marked and not zombie:
                found.append(int(entry))
        return found

    def stop(self, signal_number=signal.SIGTERM, timeout_s=5):
        """Ends castord; returns the seconds until it and all its workers were gone."""
        start = time.monotonic()
        self.process.send_signal(signal_number)
        self.process.wait(timeout_s)
        wait_for("the end of all workers", lambda: not self.pids(), timeout_s, 0.005)
        return time.monotonic() - start

    def stop_clean(self, signal_number=signal.SIGTERM, limit_s=1.0):
        """stop(), within the limit; nothing is left behind and nothing stands in the log that must not."""
        seconds = self.stop(signal_number)
        check(seconds < limit_s, f"stopping took {seconds:.2f} s; the limit is {limit_s} s")
        if signal_number != signal.SIGKILL:
            check(not os.path.exists(self.socket_path), "the control socket is still there")
        check(not self.complaints(), f"in the log: {self.complaints()[:3]}")
        left = sorted(shared_memory() - self.memory_before)
        check(not left, f"left in {SHARED_MEMORY}: {left}")
        return seconds

    def kill(self):
        """For clean-up after a failed test."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)


def shared_memory():
    """Names of shared memory; folders are none."""
    return {entry.name for entry in os.scandir(SHARED_MEMORY) if not entry.is_dir()}


def is_quiet(status):
    """Nothing is being repaired: a path on air, a standby ready, capture and egress up, the peer connected."""
    states = [path["state"] for path in status["paths"]]
    return ("active" in states and "standby" in states and "starting" not in states and
            status["source"]["worker"]["ready"] and not status["slate"]["up"] and status["egress"]["worker"]["ready"] and
            status["destinations"][0]["state"] == "connected" and status["destinations"][0]["sent"] > 0 and
            not any(change["duration_ms"] is None and change["to"] for change in status["switches"]["last"][:1]))


def active_path(status):
    return next(path for path in status["paths"] if path["state"] == "active")


def standby_path(status):
    return next((path for path in status["paths"] if path["state"] == "standby"), None)


PR_SET_PDEATHSIG = 1
MEASURING_PRIORITY = 20  # above everything in the box; metronome.c has the same


def end_with_parent():
    """In a child, before it becomes another program: a test that is killed leaves nothing running."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def become_measuring():
    """The receiving side measures; it should not wait behind whatever else the machine does, if permitted."""
    end_with_parent()
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(MEASURING_PRIORITY))
    except OSError:
        pass


class Receiver:
    """srt-live-transmit, listening, its output stamped and written to a file by tap."""

    def __init__(self, folder, name, port, tap, latency_ms=250):
        self.stream_path = os.path.join(folder, f"{name}.ts")
        self.arrivals_path = os.path.join(folder, f"{name}.arrivals")
        self.error_path = os.path.join(folder, f"{name}.log")
        # stdbuf: srt-live-transmit otherwise keeps up to 4 KiB to itself, which would spoil arrival times and
        # lose the end.
        url = f"srt://127.0.0.1:{port}?mode=listener&latency={latency_ms}"
        with open(self.error_path, "wb") as log:
            self.process = subprocess.Popen(["stdbuf", "-o0", "srt-live-transmit", "-q", url, "file://con"],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            preexec_fn=become_measuring)
        self.tap = subprocess.Popen([tap, self.stream_path, self.arrivals_path], stdin=self.process.stdout,
                                    preexec_fn=become_measuring)
        self.process.stdout.close()
        wait_for("srt-live-transmit listens", lambda: udp_port_is_bound(port), 5)

    def stop(self, signal_number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.tap.wait(5)

    def finish(self, timeout_s=5):
        """Once the box has stopped: waits for the last frame, which comes out one latency later, and ends."""
        wait_for("the receiver's last frame", lambda: not self._grows(), timeout_s)
        self.stop()

    def _grows(self):
        size_bytes = os.path.getsize(self.stream_path)
        time.sleep(0.5)
        return os.path.getsize(self.stream_path) != size_bytes

    def arrivals(self):
        """[(offset of the end, seconds on CLOCK_MONOTONIC)]"""
        with open(self.arrivals_path, encoding="ascii") as lines:
            return [(int(offset), int(ns) / 1e9) for offset, ns in map(str.split, lines)]


@contextlib.contextmanager
def on_air(folder, programs, name, *, latency_ms=250, start_limit_s=15, ready=None, **box_arguments):
    """(box, receiver): a box on air, or as `ready(box)` waits for, and what receives it. Nothing of them runs any more afterwards; a Failure gets the
    name and the end of the log."""
    os.makedirs(folder, exist_ok=True)
    port = free_udp_port()
    receiver = Receiver(folder, name, port, os.path.join(programs, "tap"), latency_ms)
    box = Box(folder, programs, port, latency_ms=latency_ms, **box_arguments)
    try:
        box.start()
        if ready:
            ready(box)
        else:
            box.wait_on_air(start_limit_s)
        yield box, receiver
    except Failure as failure:
        raise Failure(f"{name}: {failure}\n{box.log_tail(30)}") from failure
    finally:
        box.kill()
        receiver.stop()


def udp_port_is_bound(port):
    with open("/proc/net/udp", encoding="ascii") as table:
        return any(line.split()[1].endswith(f":{port:04X}") for line in table.readlines()[1:])


def decode_numbers(stream_path, frame_numbers, error_path):
    """Frame numbers of all pictures that ffmpeg gets out of the stream, and what it complained about."""
    decoder = ["ffmpeg", "-nostdin", "-v", "warning", "-i", stream_path, "-map", "0:v:0",
               "-vf", f"crop={WIDTH_PX}:{BLOCK_HEIGHT_PX}:0:0", "-fps_mode", "passthrough",
               "-pix_fmt", "gray", "-f", "rawvideo", "-"]
    with open(error_path, "wb") as errors:
        ffmpeg = subprocess.Popen(decoder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        reader = subprocess.run([frame_numbers, str(WIDTH_PX), str(BLOCK_HEIGHT_PX)], stdin=ffmpeg.stdout,
                                stdout=subprocess.PIPE, check=False)
        ffmpeg.stdout.close()
        status = ffmpeg.wait()
    check(reader.returncode == 0, f"frame_numbers ended with status {reader.returncode}")
    with open(error_path, encoding="utf-8", errors="replace") as errors:
        complaints = [line.strip() for line in errors if line.strip()]
    if status != 0:
        complaints.append(f"ffmpeg ended with status {status}")
    return [int(line) for line in reader.stdout.split()], complaints


def video_stream(stream_path):
    """What ffprobe says of the video: codec_name, pix_fmt, profile and so on."""
    reply = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_streams", "-of", "json",
                            stream_path], stdout=subprocess.PIPE, check=True)
    return json.loads(reply.stdout)["streams"][0]


class AccessUnit:
    __slots__ = ("offset", "end", "pts", "pcr", "idr", "number", "path", "first_of_path", "epoch")


class Stream:
    """A transport stream taken apart: access units with PTS, PCR and identity; errors of sync and continuity.

    Written for the tests: it shares nothing with the multiplexer or castor-probe.
    """

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        self.units = []
        self.errors = []  # (offset, text)
        self.pcrs = []    # (offset, 27 MHz ticks)
        self._counters = {}
        self._payload = bytearray()
        size = len(data) - len(data) % 188
        for offset in range(0, size, 188):
            self._packet(data, offset)
        self._finish_unit()
        if size != len(data):
            self.errors.append((size, f"{len(data) - size} bytes after the last whole packet"))

    def _packet(self, data, at):
        if data[at] != 0x47:
            self.errors.append((at, "no sync byte"))
            return
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        flags, counter = data[at + 3] >> 4 & 3, data[at + 3] & 15
        if data[at + 1] & 0x80:
            self.errors.append((at, "transport_error_indicator"))
        if pid == 0x1FFF:
            return
        before = self._counters.get(pid)
        expected = counter if before is None else (before + (1 if flags & 1 else 0)) & 15
        if counter != expected:
            self.errors.append((at, f"continuity of PID {pid:#x}: {counter} after {before}"))
        self._counters[pid] = counter
        payload = at + 4
        if flags & 2:
            payload += 1 + data[at + 4]
            if data[at + 4] > 0:
                self._adaptation(data, at, pid)
        if pid == VIDEO_PID and flags & 1:
            if data[at + 1] & 0x40:
                self._begin_unit(data, at, payload)
            else:
                self._payload += data[payload:at + 188]
            if self.units:
                self.units[-1].end = at + 188

    def _adaptation(self, data, at, pid):
        bits = data[at + 5]
        if bits & 0x80:
            self.errors.append((at, f"discontinuity_indicator on PID {pid:#x}"))
        if bits & 0x10:
            base = int.from_bytes(data[at + 6:at + 11], "big") >> 7
            extension = (data[at + 10] & 1) << 8 | data[at + 11]
            self.pcrs.append((at, base * 300 + extension))

    def _begin_unit(self, data, at, payload):
        self._finish_unit()
        if data[payload:payload + 3] != b"\0\0\1" or not data[payload + 7] & 0x80:
            self.errors.append((at, "PES without start code or PTS"))
            return
        pts = data[payload + 9:payload + 14]
        unit = AccessUnit()
        unit.offset = at
        unit.pts = (pts[0] >> 1 & 7) << 30 | pts[1] << 22 | (pts[2] >> 1) << 15 | pts[3] << 7 | pts[4] >> 1
        unit.pcr = self.pcrs[-1][1] if self.pcrs and self.pcrs[-1][0] == at else None
        self.units.append(unit)
        self._payload += data[payload + 9 + data[payload + 8]:at + 188]

    def _finish_unit(self):
        payload = bytes(self._payload)
        self._payload.clear()
        if not self.units:
            if payload:
                self.errors.append((0, "video before the first PES header"))
            return
        unit = self.units[-1]
        unit.idr = b"\0\0\1\x65" in payload
        unit.number = unit.path = unit.epoch = None
        unit.first_of_path = False
        found = payload.find(IDENTITY_UUID)
        if found >= 0:
            body = payload[found + len(IDENTITY_UUID):found + 64].replace(b"\0\0\3", b"\0\0")
            unit.path, unit.first_of_path = body[0], bool(body[1] & 1)
            unit.epoch = int.from_bytes(body[4:8], "big")
            unit.number = int.from_bytes(body[8:16], "big")


def pts_distance(a, b):
    """b - a in 90 kHz ticks, across the wrap at 33 bits."""
    return (b - a + (1 << 32)) % (1 << 33) - (1 << 32)


def clock_errors(stream):
    """Seams in PTS and PCR: both follow the frame number and nothing else, whatever path a frame came from."""
    errors = []
    units = [unit for unit in stream.units if unit.number is not None]
    if len(units) != len(stream.units):
        errors.append(f"{len(stream.units) - len(units)} access units do not carry their number")
    for unit in units:
        ticks = round((unit.number - units[0].number) * 90000 / RATE_FPS)
        # The grid is exact in nanoseconds; ticks are rounded.
        if abs(pts_distance(units[0].pts, unit.pts) - ticks) > 1:
            errors.append(f"frame {unit.number}: its PTS is {pts_distance(units[0].pts, unit.pts) - ticks} ticks "
                          "beside the grid")
        if unit.pcr is None:
            errors.append(f"frame {unit.number}: no PCR")
        elif abs((unit.pts - units[0].pts) * 300 - (unit.pcr - units[0].pcr)) > 300:
            errors.append(f"frame {unit.number}: PCR and PTS have moved against each other")
    return errors


def pcr_gaps(stream, limit_ms=40):
    """(offset, ms) where PCR goes back (negative) or pauses longer than a transport stream may."""
    gaps = []
    for (_, before), (offset, after) in zip(stream.pcrs, stream.pcrs[1:]):
        ms = (after - before) / 27000
        if ms < 0 or ms > limit_ms + 0.001:
            gaps.append((offset, ms))
    return gaps


def never_captured(status):
    """Frames for which the machine did not let capture run. Nothing behind capture can bring them back, and no test
    of what is behind it may fail for them; each of them must be counted: as lost, or as drawn by the slate."""
    return status["losses"]["frames"]["capture"] + status["frames"]["slate"]


def next_number(status):
    """The number of the frame that comes next: every number was captured, drawn by the slate, or is counted as
    never captured."""
    return status["frames"]["captured"] + status["frames"]["slate"] + status["losses"]["frames"]["capture"]


def of_the_slate(numbers, units):
    """Which frames the slate has drawn, by what the pictures show: not their own number but that of the live picture
    before. `numbers` are those in the pictures, `units` the access units that they came in. What shows anything else
    is a Failure."""
    live, drawn = None, []
    check(len(numbers) == len(units), f"{len(numbers)} pictures, but {len(units)} access units")
    for number, unit in zip(numbers, units):
        if number == unit.number:
            live = number
            continue
        check(live is None or number == live, f"frame {unit.number} shows number {number}; the last live one was {live}")
        drawn.append(unit.number)
    return drawn


def check_stream(stream_path, programs, least, may_miss=0):
    """Numbers of the frames in what was received: at least that many, all decodable, in order and none missing or drawn
    by the slate but for `may_miss`; each picture shows the number that the identity beside it says, or is the slate's;
    no seam in the transport stream or in its clocks."""
    shown, complaints = decode_numbers(stream_path, os.path.join(programs, "frame_numbers"), stream_path + ".ffmpeg")
    stream = Stream(stream_path)
    numbers = [unit.number for unit in stream.units]
    drawn = of_the_slate(shown, stream.units)
    gaps = [f"{b} after {a}" for a, b in zip(numbers, numbers[1:]) if b != a + 1]
    missing = sum(b - a - 1 for a, b in zip(numbers, numbers[1:]))
    check(not complaints, f"ffmpeg complains: {complaints[:5]}")
    check(len(numbers) >= least, f"only {len(numbers)} pictures; {least} were expected")
    check(numbers == sorted(set(numbers)) and missing + len(drawn) <= may_miss,
          f"not in order, or {missing} missing: {gaps[:5]}, or {len(drawn)} of the slate: {drawn[:5]}")
    check(not stream.errors, f"transport stream: {stream.errors[:5]}")
    check(not clock_errors(stream), f"clock: {clock_errors(stream)[:5]}")
    check(not pcr_gaps(stream), f"PCR: {pcr_gaps(stream)[:5]}")
    return numbers
