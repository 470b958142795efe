# SPDX-License-Identifier: Apache-2.0
"""bad_input.py --bin FOLDER

What a box does with clips that are none, a port that is taken, a full disk, too little memory and configurations that
are wrong: each gives a clear error or a counted loss, and none takes down the box.
"""
import json
import os
import resource
import socket
import subprocess
import sys
import time

from onair import Box, Failure, check, free_udp_port, run_parts, wait_for

MEMORY_LIMIT_BYTES = 96 << 20  # a pool of 4K frames needs more
ALIVE_S = 1.0                  # long enough for a source to be started several times


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True, stdin=subprocess.DEVNULL)


def test_picture(size, seconds, path, *arguments):
    ffmpeg("-f", "lavfi", "-i", f"testsrc=size={size}:rate=30:duration={seconds}", "-pix_fmt", "yuv420p", "-c:v",
           "libx264", "-preset", "ultrafast", "-g", "15", *arguments, path)


class Bench:
    def __init__(self, folder, programs):
        os.mkdir(folder)
        self.folder, self.programs = folder, programs
        self.number = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def box(self, **arguments):
        self.number += 1
        folder = self.path(f"box{self.number}")
        os.mkdir(folder)
        return Box(folder, self.programs, free_udp_port(), **arguments)

    def run(self, name, box, examine, **start):
        """Starts the box, lets `examine` look at it, ends it; a box that is down or does not end has failed."""
        try:
            box.start(**start)
            wait_for("the control socket answers", box.status_or_none, 10)
            remark = examine(box)
            check(box.process.poll() is None, "castord ended")
            box.stop_clean()
        except Failure as failure:
            raise Failure(f"{name}: {failure}\n{box.log_tail()}") from failure
        finally:
            box.kill()
        print(f"{name}: {remark}", flush=True)


def refused(words):
    """The source is refused, in words that say what is wrong; the box lives on and tries again."""
    def examine(box):
        def told():
            source = box.status()["source"]["worker"]
            return source["failure"] if source["restarts"] >= 1 and source["failure"] else None
        text = wait_for("a reason from the source", told, 10)
        check(any(word in text for word in words), f"the reason does not name what is wrong: {text}")
        time.sleep(ALIVE_S)
        check(box.status()["frames"]["captured"] == 0, "frames out of nothing")
        return text
    return examine


def plays_on(box):
    """Frames keep coming, whatever is wrong in the clip; the loop is passed at least once."""
    before = wait_for("frames", lambda: box.status()["frames"]["emitted"] or None, 10)
    time.sleep(3)
    status = box.status()
    gained = status["frames"]["emitted"] - before
    check(gained > 45, f"{gained} frames in 3 s")
    lost = status["losses"]["frames"]["all"]
    check(status["frames"]["captured"] - status["frames"]["emitted"] - lost <= 3, "frames are missing without a cause")
    return f"{gained} frames in 3 s; {status['source']['frames']['decode_errors']} decoding errors and {lost} " \
           f"lost frames counted; {status['source']['width']}x{status['source']['height']}"


def clips(folder, programs):
    bench = Bench(os.path.join(folder, "clips"), programs)
    with open(bench.path("empty.mp4"), "wb"):
        pass
    with open(bench.path("text.mp4"), "w", encoding="ascii") as file:
        file.write("This is not a film.\n" * 1000)
    ffmpeg("-f", "lavfi", "-i", "sine=duration=2", bench.path("sound.wav"))
    test_picture("640x360", 2, bench.path("whole.mp4"))
    with open(bench.path("whole.mp4"), "rb") as whole, open(bench.path("headless.mp4"), "wb") as part:
        part.write(whole.read(os.path.getsize(bench.path("whole.mp4")) // 2))  # its index stood at the end
    test_picture("640x360", 2, bench.path("small.ts"))
    test_picture("320x240", 1, bench.path("smaller.ts"))
    with open(bench.path("small.ts"), "rb") as small, open(bench.path("smaller.ts"), "rb") as smaller:
        first, second = small.read(), smaller.read()
    with open(bench.path("cut.ts"), "wb") as cut:
        cut.write(first[:len(first) * 2 // 3 + 77])
    with open(bench.path("resized.ts"), "wb") as both:
        both.write(first + second)
    broken = bytearray(first)
    for at in range(20000, len(broken), 7001):
        broken[at:at + 40] = bytes(40)
    with open(bench.path("broken.ts"), "wb") as file:
        file.write(broken)

    def clip(name):
        return bench.box(source={"driver": "clip", "path": bench.path(name)})
    bench.run("missing clip", clip("nowhere.mp4"), refused(("nowhere.mp4", "not found", "No such")))
    bench.run("empty clip", clip("empty.mp4"), refused(("empty.mp4", "format", "video")))
    bench.run("text as clip", clip("text.mp4"), refused(("text.mp4", "format", "video")))
    bench.run("clip without video", clip("sound.wav"), refused(("video",)))
    bench.run("clip cut before its index", clip("headless.mp4"), refused(("headless.mp4", "format", "cut", "video")))
    bench.run("folder as clip", clip("."), refused(("folder", "director", "video", "file")))
    bench.run("clip cut in the middle", clip("cut.ts"), plays_on)
    bench.run("clip that changes its size", clip("resized.ts"), plays_on)
    bench.run("clip with damage", clip("broken.ts"), plays_on)


def surroundings(folder, programs):
    bench = Bench(os.path.join(folder, "surroundings"), programs)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

        def examine(box):
            def told():
                destination = box.status()["destinations"][0]
                return destination["text"] if destination["reason"] == "local" else None
            text = wait_for("a reason from the destination", told, 10)
            check(str(port) in text or "in use" in text, f"the reason does not name the port: {text}")
            plays_on(box)
            return text
        bench.run("port in use", bench.box(url=f"srt://127.0.0.1:{port}?mode=listener"), examine)
    bench.run("full disk under the log", bench.box(), plays_on, log_path="/dev/full")

    def limit_memory():
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))

    def short_of_memory(box):
        time.sleep(ALIVE_S)
        status = box.status()
        text = " ".join(str(worker["failure"]) for worker in
                        [status["source"]["worker"], *(path["worker"] for path in status["paths"])])
        check("memory" in text or "memory" in box.log_tail(60), f"nothing says that memory is short: {text}")
        return "memory is named as the cause; the box lives"
    with open(os.path.join(bench.programs, "castord"), "rb") as program:
        sanitized = b"san_init" in program.read()
    if not sanitized:  # sanitizers reserve terabytes of addresses
        huge = {"driver": "pattern", "width": 3840, "height": 2160, "rate": 30}
        bench.run("memory limit", bench.box(source=huge), short_of_memory, before=limit_memory)


WRONG = [  # what is put into the configuration, and what the refusal must name
    ({"source": {"driver": "camera"}}, "/source/driver"),
    ({"source": {"driver": "clip"}}, "/source/path"),
    ({"encoder": {"bitrate_kbps": "fast"}}, "/encoder/bitrate_kbps"),
    ({"encoder": {"chain": []}}, "/encoder/chain"),
    ({"encoder": {"chain": [{"drvier": "x264"}]}}, "/encoder/chain/0/drvier"),
    ({"switch": {"stall_budget_ms": 240}}, "/switch/stall_budget_ms"),
    ({"destinations": [{"name": "edge", "url": "http://127.0.0.1"}]}, "/destinations/0/url"),
    ({"pool": {"slots": 3}}, "/pool/slots"),
]


def configurations(folder, programs):
    bench = Bench(os.path.join(folder, "configurations"), programs)
    box = bench.box()
    castord = os.path.join(bench.programs, "castord")

    def examine(_box):
        plays_on(box)
        for change, place in WRONG:
            config = {**box.config, **change}
            reply = box.command("reload", config=config)
            check(not reply["ok"], f"{json.dumps(change)} was accepted by a running box")
            check(place in reply["error"], f"{json.dumps(change)}: the refusal does not name {place}: {reply['error']}")
            path = bench.path("wrong.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(config, file)
            run = subprocess.run([castord, "--config", path], capture_output=True, text=True, timeout=10, check=False)
            check(run.returncode == 1 and place in run.stderr, f"castord with {json.dumps(change)}: {run.stderr}")
        for text in (b"", b"{", b"[]", b"\0\xff\xfe", b'{"command":1}', b'{"command":"reload"}', b"x" * 60000):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                s.settimeout(5)
                s.connect(box.socket_path)
                s.send(text)
                answer = s.recv(1 << 18)
                check(not answer or not json.loads(answer)["ok"], f"{text[:20]!r} was taken for a command")
        plays_on(box)
        return f"{len(WRONG)} refused with the place of the mistake, by a new and by a running box, which plays on"
    bench.run("wrong configurations", box, examine)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, clips, surroundings, configurations))
