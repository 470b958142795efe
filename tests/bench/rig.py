# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks beside other programs share: the programs that are compared and their settings, the
camera they read from, the receiver they send to, and measuring a tree of processes from outside.

Standard library only.
"""
import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from onair import free_udp_port, hardware  # noqa: E402,F401

PRIORITY_BELOW_CAMERA = 10
STARTED = []  # every process, so that none outlives the benchmark


@dataclasses.dataclass
class Settings:
    """One encode, the same for everybody."""
    bin: str = ""
    lib: str = ""
    folder: str = ""
    clip: str = ""  # raw I420
    width: int = 1280
    height: int = 720
    fps: int = 30
    preset: str = "superfast"
    threads: int = 2
    kbps: int = 4000
    vbv_ms: int = 250
    gop: int = 60
    latency_ms: int = 160
    realtime: bool = False
    port: int = 0

    @property
    def frame_bytes(self):
        return self.width * self.height * 3 // 2


# ---- the command line of a benchmark ----

def parser(doc, **defaults):
    """The options that all have; more may be added."""
    options = argparse.ArgumentParser(description=doc.split("\n", 1)[0])
    options.add_argument("--bin", required=True)
    options.add_argument("--lib", required=True)
    options.add_argument("--clip", default="", help="raw I420 frames")
    options.add_argument("--video", default="", help="a media file to take frames from")
    options.add_argument("--cases")
    options.add_argument("--rounds", type=int)
    options.add_argument("--threads", type=int)
    options.add_argument("--realtime", action="store_true", help="the same real-time priority for everybody compared")
    options.add_argument("--smoke", action="store_true")
    options.add_argument("--json", default="", help="append every result to this file")
    options.set_defaults(**defaults)
    return options


@contextlib.contextmanager
def workplace(options, **settings):
    """Settings as the options want them, with the clip and a folder that lives as long, in memory if possible."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        s = Settings(bin=os.path.abspath(options.bin), lib=os.path.abspath(options.lib), folder=folder,
                     clip=options.clip, threads=options.threads, realtime=options.realtime, **settings)
        make_clip(s, options.video, 300)
        yield s


def run(main):
    """A benchmark as a program: however it ends, it takes down what it started; a failure is one line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
    finally:
        for process in STARTED:
            if process.poll() is None:
                end_tree(process)


def start(command, **how):
    process = subprocess.Popen([str(word) for word in command], **how)
    STARTED.append(process)
    return process


def print_heading(s, options):
    print(f"\n{s.width}x{s.height} at {s.fps} fps, x264 {s.preset}, {s.threads} threads, {s.kbps} kbit/s, "
          f"{options.rounds} rounds of {options.seconds:g} s"
          + (", everybody with real-time priority" if s.realtime else ""))


def require_frames(runs):
    """Fails with the cases of which a run brought nothing."""
    broken = [name for name, group in runs.items() if not all(one["frames"] for one in group)]
    if broken:
        sys.exit(f"nothing arrived from {', '.join(broken)}")


def interleaved(cases, rounds):
    """(round, case): every case once a round, beginning with another one each time."""
    for number in range(rounds):
        turn = number % len(cases)
        for case in cases[turn:] + cases[:turn]:
            yield number, case


def note(options, *results):
    """Shows that it goes on, and keeps the results where the options want them."""
    if options.json:
        with open(options.json, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(result) + "\n" for result in results)
    print(".", end="", file=sys.stderr, flush=True)


# ---- the programs ----

def floor_command(s):
    return [f"{s.bin}/bench_floor", s.width, s.height, s.fps, s.preset, s.threads, s.kbps, s.vbv_ms, s.gop,
            s.port, s.latency_ms]


def ffmpeg_command(s):
    # Tuned for latency: no probing, no muxer delay, every packet sent at once.
    return ["ffmpeg", "-hide_banner", "-v", "error", "-nostats", "-fflags", "nobuffer", "-probesize", 32,
            "-analyzeduration", 0, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size",
            f"{s.width}x{s.height}", "-framerate", s.fps, "-blocksize", 1 << 20, "-i", "pipe:0",
            "-an", "-fps_mode", "passthrough",
            "-c:v", "libx264", "-preset", s.preset, "-tune", "zerolatency", "-b:v", f"{s.kbps}k",
            "-maxrate", f"{s.kbps}k", "-bufsize", f"{s.kbps * s.vbv_ms // 1000}k", "-g", s.gop,
            "-keyint_min", s.gop, "-sc_threshold", 0, "-threads", s.threads, "-aud", 1,
            "-f", "mpegts", "-flush_packets", 1, "-muxdelay", 0, "-muxpreload", 0, "-max_delay", 0,
            "-pes_payload_size", 0, "-mpegts_flags", "+resend_headers",
            f"srt://127.0.0.1:{s.port}?mode=caller&transtype=live&latency={s.latency_ms * 1000}&pkt_size=1316"]


def gstreamer_command(s):
    return ["gst-launch-1.0", "-q", "fdsrc", "fd=0", f"blocksize={s.frame_bytes}", "!", "rawvideoparse",
            "format=i420", f"width={s.width}", f"height={s.height}", f"framerate={s.fps}/1", "!", "queue",
            "max-size-buffers=2", "max-size-bytes=0", "max-size-time=0", "!", "x264enc",
            f"speed-preset={s.preset}", "tune=zerolatency", f"bitrate={s.kbps}",
            f"vbv-buf-capacity={s.vbv_ms}", f"key-int-max={s.gop}", f"threads={s.threads}",
            f"option-string=keyint-min={s.gop}:scenecut=0", "!", "mpegtsmux", "alignment=-1", "latency=0",
            "!", "srtsink", f"uri=srt://127.0.0.1:{s.port}", "mode=caller", f"latency={s.latency_ms}",
            "sync=false", "wait-for-connection=false"]


def castor_command(s, standby, more=None):
    """`more`: further sections of the configuration, and members of those that are here."""
    encoder = {"driver": "x264", "preset": s.preset, "threads": s.threads}
    config = {
        "source": {"driver": "pipe", "path": "-", "width": s.width, "height": s.height, "rate": s.fps},
        "encoder": {"bitrate_kbps": s.kbps, "gop_frames": s.gop, "vbv_ms": s.vbv_ms,
                    "chain": [encoder, encoder]},
        "switch": {"standby": standby, "allow_late": True},
        "destinations": [{"name": "receiver", "url": f"srt://127.0.0.1:{s.port}?latency={s.latency_ms}"}],
        "control": {"socket": castor_socket(s)},
    }
    if s.realtime:  # given from outside, as to everybody
        config["realtime"] = "off"
    for section, members in (more or {}).items():
        config[section] = {**config.get(section, {}), **members} if isinstance(members, dict) else members
    path = os.path.join(s.folder, "box.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return [f"{s.bin}/castord", "--config", path]


def castor_socket(s):
    return os.path.join(s.folder, "box.sock")


COMMANDS = {
    "floor": floor_command,
    "castor-off": lambda s: castor_command(s, "off"),
    "castor-warm": lambda s: castor_command(s, "warm"),
    "castor-hot": lambda s: castor_command(s, "hot"),
    "ffmpeg": ffmpeg_command,
    "gstreamer": gstreamer_command,
}


def available():
    """The cases whose programs this machine has."""
    missing = {name for name, program in (("ffmpeg", "ffmpeg"), ("gstreamer", "gst-launch-1.0"))
               if not shutil.which(program)}
    return [name for name in COMMANDS if name not in missing]


def take_priority():
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY_BELOW_CAMERA))


def start_program(s, name, stdin, log):
    """Starts a compared program, metered. Its process group is its own."""
    meters = meter_folder(s)
    shutil.rmtree(meters, ignore_errors=True)
    os.makedirs(meters)
    env = {**os.environ, "LD_PRELOAD": f"{s.lib}/bench_meter.so", "CASTOR_BENCH_METER": meters}
    return start(COMMANDS[name](s), stdin=stdin, stdout=subprocess.DEVNULL, stderr=log, env=env,
                 start_new_session=True, preexec_fn=take_priority if s.realtime else None)


def end_tree(process):
    """Ends a program and everything below it."""
    for pid in tree(process.pid)[::-1]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


# ---- what is around them ----

class Camera:
    """Frames on a steady beat. reader() gives the end of a pipe to read them from."""

    def __init__(self, s):
        self.socket_path = os.path.join(s.folder, "camera.sock")
        self.log_path = os.path.join(s.folder, "camera.csv")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket_path)
        self.process = start([f"{s.bin}/bench_camera", s.clip, s.width, s.height, s.fps, self.socket_path,
                              self.log_path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        wait_until_ready(self.process, "camera")

    def reader(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(self.socket_path)
            return os.fdopen(socket.recv_fds(s, 1, 1)[1][0], "rb")

    def stop(self):
        """{number: beat in ns} of all frames that some reader has taken."""
        stop_helper(self.process)
        beats = {}
        with open(self.log_path, encoding="ascii") as file:
            for line in file:
                _, number, beat_ns, _ = line.split(",")
                beats[int(number)] = int(beat_ns)
        return beats


@dataclasses.dataclass
class Unit:
    connection: int
    number: int
    arrival_ns: int
    size_bytes: int
    idr: bool
    pts: int
    continuity_errors: int


class Receiver:
    """Notes what arrives. on_wire: as it comes by, seen by a relay in front of the receiver; otherwise when SRT
    hands it to the reader, that is, later by the SRT latency."""

    def __init__(self, s, on_wire):
        self.bin = s.bin
        self.capture_path = os.path.join(s.folder, "capture")
        self.processes = []
        port = free_udp_port() if on_wire else s.port
        self._start("receiver", port, s.latency_ms, os.devnull if on_wire else self.capture_path)
        if on_wire:
            self._start("relay", s.port, port, self.capture_path)

    def _start(self, name, *arguments):
        process = start([f"{self.bin}/bench_{name}", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.processes.append(process)
        wait_until_ready(process, name)

    @property
    def pids(self):
        return [process.pid for process in self.processes]

    def stop(self):
        """Access units in order of arrival on each connection, and connection events (kind, connection, ns)."""
        for process in self.processes[::-1]:
            stop_helper(process)
        units, events = [], []
        output = subprocess.run([f"{self.bin}/bench_units", self.capture_path], stdout=subprocess.PIPE,
                                check=True, text=True).stdout
        for line in output.splitlines():
            words = line.split(",")
            if line.startswith("#"):
                events.append((words[0][1:], int(words[1]), int(words[2])))
            else:
                units.append(Unit(*(int(word) for word in words)))
        return units, events


def wait_until_ready(process, what):
    if process.stdout.readline().strip() != b"ready":
        process.kill()
        raise RuntimeError(f"{what} does not start")


def stop_helper(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


# ---- measuring ----

def tree(pid):
    """The process and all below it, parents first."""
    found, todo = [], [pid]
    while todo:
        pid = todo.pop(0)
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                    todo += [int(word) for word in file.read().split()]
            found.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def program_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return "?"


def thread_cpu_ns(pid):
    """{thread: CPU so far}, of the threads that live."""
    times = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                    times[int(thread)] = int(file.read().split()[0])
    return times


def meter_folder(s):
    return os.path.join(s.folder, "meter")


def read_meter(s, pid):
    """(frames, caller's CPU in the library, the library's threads) of one process, or None."""
    try:
        with open(os.path.join(meter_folder(s), str(pid)), "rb") as file:
            frames, caller_ns, _, count, *threads = struct.unpack("<QQII60i", file.read(264))
        return frames, caller_ns, threads[:count]
    except (FileNotFoundError, struct.error):
        return None


@dataclasses.dataclass
class Snapshot:
    at_ns: int
    threads: dict  # (process, thread) -> CPU ns
    programs: dict  # process -> name
    x264_ns: dict  # process -> CPU in libx264, its threads and its caller
    foreign_ns: int  # CPU of everything else on the machine, plus a constant


def machine_busy_ns():
    with open("/proc/stat", encoding="ascii") as file:
        words = [int(word) for word in file.readline().split()[1:]]
    return (words[0] + words[1] + words[2] + words[5] + words[6]) * (10**9 // os.sysconf("SC_CLK_TCK"))


def snapshot(s, pid, helpers=()):
    threads, programs, x264 = {}, {}, {}
    for member in tree(pid):
        programs[member] = program_of(member)
        own = thread_cpu_ns(member)
        threads.update({(member, thread): ns for thread, ns in own.items()})
        meter = read_meter(s, member)
        if meter:
            x264[member] = meter[1] + sum(own.get(thread, 0) for thread in meter[2])
    ours = sum(threads.values()) + sum(sum(thread_cpu_ns(helper).values()) for helper in helpers)
    return Snapshot(time.monotonic_ns(), threads, programs, x264, machine_busy_ns() - ours)


def cpu_between(a, b):
    """CPU in ns between two snapshots: all, in libx264, and by program outside of it. Threads that ended
    in between are not in it; steady programs have none."""
    total, x264, programs = 0, 0, {}
    for (process, thread), ns in b.threads.items():
        used = ns - a.threads.get((process, thread), 0)
        total += used
        programs[b.programs[process]] = programs.get(b.programs[process], 0) + used
    for process, ns in b.x264_ns.items():
        used = ns - a.x264_ns.get(process, 0)
        x264 += used
        programs[b.programs[process]] -= used
    return total, x264, programs


def memory_kb(pid):
    """(PSS of everything but the frame pool, PSS of the pool) over the tree."""
    rest, pool = 0, 0
    for member in tree(pid):
        in_pool = False
        try:
            with open(f"/proc/{member}/smaps", encoding="utf-8", errors="replace") as file:
                for line in file:
                    if line.startswith("Pss:"):
                        kb = int(line.split()[1])
                        pool, rest = (pool + kb, rest) if in_pool else (pool, rest + kb)
                    elif "-" in line.split(" ", 1)[0] and not line.split(" ", 1)[0].endswith(":"):
                        in_pool = "memfd:castor-pool" in line
        except (FileNotFoundError, ProcessLookupError):
            continue
    return rest, pool


# ---- figures ----

def percentile(values, percent):
    if not values:
        return float("nan")
    values = sorted(values)
    at = (len(values) - 1) * percent / 100
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def spread(values, digits=2):
    """Median and range over rounds."""
    values = [value for value in values if value is not None and value == value]
    if not values:
        return "-"
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f} .. {max(values):.{digits}f}]"


def median(values):
    values = [value for value in values if value is not None and value == value]
    return statistics.median(values) if values else float("nan")


def wake_us(s):
    """What a wake-up costs, with the priority of the programs compared."""
    return float(subprocess.run([f"{s.bin}/bench_wake"], stdout=subprocess.PIPE, check=True, text=True,
                                preexec_fn=take_priority if s.realtime else None).stdout)


def others(own):
    """The busiest programs that are not ours, from the process list."""
    output = subprocess.run(["ps", "-eo", "pid,pcpu,comm", "--sort=-pcpu", "--no-headers"],
                            stdout=subprocess.PIPE, check=False, text=True).stdout
    busy = []
    for line in output.splitlines():
        pid, percent, name = line.split(None, 2)
        if int(pid) not in own and float(percent) >= 5 and name != "ps":
            busy.append(f"{name} {percent} %")
    return busy[:6]


def make_clip(s, video, frames):
    """Raw frames of a media file, or of ffmpeg's test picture where none is given."""
    if s.clip:
        return
    s.clip = os.path.join(s.folder, "clip.yuv")
    source = ["-i", video] if video else ["-f", "lavfi", "-i", f"testsrc2=size={s.width}x{s.height}:rate={s.fps}"]
    subprocess.run(["ffmpeg", "-hide_banner", "-v", "error", "-y", *source, "-an", "-vf",
                    f"scale={s.width}:{s.height}:flags=bicubic,setpts=N/{s.fps}/TB", "-r", str(s.fps),
                    "-frames:v", str(frames), "-pix_fmt", "yuv420p", "-f", "rawvideo", s.clip], check=True)
