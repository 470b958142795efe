# SPDX-License-Identifier: Apache-2.0
"""slate.py --bin FOLDER

What stands in for a lost source: capture killed and frozen, also together with encoders; a clip, a pipe whose writer
goes away, a source that is not there at the start; every kind of picture, changed on air; a slate that is killed and
frozen itself; sound that goes silent. Received by srt-live-transmit, decoded by ffmpeg, checked by castor-probe.
"""
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

from onair import (HEIGHT_PX, RATE_FPS, WIDTH_PX, Stream, active_path, check, clock_errors, decode_numbers,
                   of_the_slate, on_air, pcr_gaps, pts_distance, run_parts, wait_for)

HOLD_S = 0.5  # slate.hold_ms by default
TEXT_ROWS = range(290, 322)  # of 360, where "bottom" puts the text
PICTURE_BYTES = WIDTH_PX * HEIGHT_PX


def pid_of(box, part):
    return box.status()[part]["worker"]["pid"]


def wait_live(box):
    return wait_for("live pictures again", lambda: (status := box.status()) and not status["slate"]["up"] and status, 15)


def wait_shown(box):
    return wait_for("the slate is shown", lambda: (status := box.status())["slate"]["shown"] and status, 15)


def finish(box, receiver):
    box.stop_clean()
    receiver.finish()
    return Stream(receiver.stream_path)


def luma(stream_path):
    """The decoded pictures, luma only."""
    raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", stream_path, "-map", "0:v:0", "-fps_mode",
                          "passthrough", "-vf", "extractplanes=y", "-f", "rawvideo", "-"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout
    return [raw[at:at + PICTURE_BYTES] for at in range(0, len(raw), PICTURE_BYTES)]


def white_in(picture, rows=TEXT_ROWS):
    """How many samples of these rows are as white as the text is."""
    return sum(sample > 225 for sample in picture[rows.start * WIDTH_PX:rows.stop * WIDTH_PX])


def check_complete(stream):
    """No frame is missing, none comes twice, no error of the transport stream."""
    numbers = [unit.number for unit in stream.units]
    gaps = [f"{b} after {a}" for a, b in zip(numbers, numbers[1:]) if b != a + 1]
    check(not gaps, f"frames are missing: {gaps[:5]}")
    check(not stream.errors, f"transport stream: {stream.errors[:5]}")
    check(not pcr_gaps(stream), f"PCR: {pcr_gaps(stream)[:5]}")
    return numbers


def steps_of(stream):
    """From each frame to the next, in frame intervals."""
    return [pts_distance(a.pts, b.pts) * RATE_FPS / 90000 for a, b in zip(stream.units, stream.units[1:])]


def check_grid(stream):
    """Every frame lies on one grid."""
    check(not clock_errors(stream), f"clock: {clock_errors(stream)[:5]}")
    steps = steps_of(stream)
    check(all(0.999 < step < 1.001 for step in steps), f"steps of PTS: {min(steps):.3f} to {max(steps):.3f} intervals")


def check_steps(stream, pictures):
    """While the slate is shown frames lie on a grid; the first of a source that has a clock of its own is near it, and
    so is the slate's last where that had a live frame left out. A busy machine may keep a writer from its own grid:
    that is not ours."""
    shown = [white_in(picture) > 300 for picture in pictures]
    returns = 0
    for step, before, after, next_one in zip(steps_of(stream), shown, shown[1:], [*shown[2:], True]):
        if before and after and not next_one:
            check(0.45 < step < 1.55, f"a step of {step:.3f} intervals to the last frame of the slate")
        elif before and after:
            check(0.999 < step < 1.001, f"a step of {step:.3f} intervals while the slate is shown")
        elif before:
            check(0.45 < step < 1.55, f"a step of {step:.3f} intervals to the first live frame")
            returns += 1
        check(step > 0, "PTS does not rise")
    return returns


def check_probe(stream_path, programs):
    probe = subprocess.run([os.path.join(programs, "castor-probe"), "--quiet", "--max-lost", "0", "--max-repeated", "0",
                            "--max-cc-errors", "0", "--max-pts-seams", "0", "--max-pcr-gaps", "0", stream_path],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    check(probe.returncode == 0, f"castor-probe: {probe.stdout.decode(errors='replace')[-600:]}")


def check_text(stream_path, drawn, numbers):
    """The text stands in the slate's pictures once the loss has lasted hold_ms, and in no live one."""
    pictures = luma(stream_path)
    live = max(white_in(picture) for picture, number in zip(pictures[:30], numbers) if number not in drawn)
    begin = None
    for picture, number in zip(pictures, numbers):
        if number not in drawn:
            begin = None
            check(white_in(picture) < live + 150, f"live frame {number} has a text on it")
            continue
        begin = number if begin is None else begin
        since_s = (number - begin + 1) / RATE_FPS
        if since_s > HOLD_S + 2 / RATE_FPS:
            check(white_in(picture) > live + 300, f"frame {number}, {since_s:.2f} s after the loss, has no text")
        elif since_s < HOLD_S - 2 / RATE_FPS:
            check(white_in(picture) < live + 150, f"frame {number}, {since_s:.2f} s after the loss, has a text")


def pattern(folder, programs):
    """Capture is killed and frozen, also while an encoder is; the grid goes on to the nanosecond."""
    with on_air(os.path.join(folder, "pattern"), programs, "pattern") as (box, receiver):
        wait_for("some seconds of pictures", lambda: box.status()["frames"]["captured"] > 2 * RATE_FPS, 10)
        for turn, number in enumerate((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP, signal.SIGSTOP)):
            pid = pid_of(box, "source")
            os.kill(pid, number)
            if turn % 2:  # together with the path on air
                time.sleep(0.1)
                os.kill(active_path(box.status())["worker"]["pid"], signal.SIGKILL)
            wait_for("another capture process", lambda pid=pid: pid_of(box, "source") not in (0, pid), 10)
            wait_live(box)
            time.sleep(0.7)
        box.wait_on_air()
        status = box.status()
        slate = status["slate"]
        lost = status["losses"]["frames"]
        check(lost["capture"] == lost["no_path"] == 0, f"the box counts losses: {lost}")
        check(slate["undrawn"] == 0 and slate["last"]["cause"] == "ended", f"the slate: {slate}")
        stream = finish(box, receiver)
        numbers = check_complete(stream)
        check_grid(stream)
        check_probe(receiver.stream_path, programs)
        shown, complaints = decode_numbers(receiver.stream_path, os.path.join(programs, "frame_numbers"),
                                           receiver.stream_path + ".ffmpeg")
        check(not complaints, f"ffmpeg complains: {complaints[:5]}")
        drawn = set(of_the_slate(shown, stream.units))
        check(len(drawn) == slate["frames"], f"{len(drawn)} pictures are the slate's; the box counts {slate['frames']}")
        check(len(drawn) > 50, f"only {len(drawn)} pictures are the slate's")
        check_text(receiver.stream_path, drawn, numbers)
    print(f"pattern: {len(numbers)} frames, {len(drawn)} of the slate in {slate['times']} losses, none missing", flush=True)


def clip(folder, programs):
    os.makedirs(os.path.join(folder, "clip"))
    path = os.path.join(folder, "clip", "clip.mp4")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
                    f"testsrc=size={WIDTH_PX}x{HEIGHT_PX}:rate={RATE_FPS}:duration=3", "-pix_fmt", "yuv420p", "-c:v",
                    "libx264", "-preset", "ultrafast", path], check=True, stdin=subprocess.DEVNULL)
    source = {"driver": "clip", "path": path, "options": "number=1"}
    with on_air(os.path.join(folder, "clip"), programs, "clip", source=source,
                sections={"sound": {"driver": "off"}}) as (box, receiver):
        for _ in range(3):
            os.kill(pid_of(box, "source"), signal.SIGKILL)
            time.sleep(1)
            wait_live(box)
        box.wait_on_air()
        frames = box.status()["slate"]["frames"]
        stream = finish(box, receiver)
        numbers = check_complete(stream)
        check_grid(stream)
        check_probe(receiver.stream_path, programs)
    print(f"clip: {len(numbers)} frames, {frames} of the slate, none missing", flush=True)


class Writer:
    """Writes grey pictures into a FIFO, in the frame rate, until it is told to stop."""

    def __init__(self, path):
        self.path, self.stop = path, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        picture = bytes([120]) * (PICTURE_BYTES * 3 // 2)
        with contextlib.suppress(BrokenPipeError), open(self.path, "wb", buffering=0) as fifo:
            due_s = time.monotonic()
            while not self.stop.is_set():
                view = memoryview(picture)
                while view:
                    view = view[fifo.write(view):]
                due_s = max(due_s + 1 / RATE_FPS, time.monotonic())
                time.sleep(max(0, due_s - time.monotonic()))

    def end(self):
        self.stop.set()
        self.thread.join()


def pipe(folder, programs):
    """Nobody writes at the start: the box goes on air all the same. The writer comes, goes away, and comes again."""
    os.makedirs(os.path.join(folder, "pipe"))
    path = os.path.join(folder, "pipe", "frames")
    source = {"driver": "pipe", "path": path, "width": WIDTH_PX, "height": HEIGHT_PX, "rate": RATE_FPS}
    with on_air(os.path.join(folder, "pipe"), programs, "pipe", source=source,
                ready=lambda box: wait_for("on air without a source", lambda: (status := box.status_or_none()) and
                                           status["slate"] and status["slate"]["shown"] and
                                           status["destinations"][0]["sent"] > 0, 20)) as (box, receiver):
        check(box.status()["slate"]["last"]["cause"] in ("ended", "start"), f"{box.status()['slate']}")
        os.mkfifo(path)
        for _ in range(2):
            writer = Writer(path)
            wait_live(box)
            time.sleep(1)
            writer.end()
            wait_shown(box)
        frames = box.status()["slate"]["frames"]
        stream = finish(box, receiver)
        numbers, pictures = check_complete(stream), luma(receiver.stream_path)
        returns = check_steps(stream, pictures)
        check(returns == 2, f"the writer came twice, the picture {returns} times")
        grey = [picture for picture in pictures if abs(picture[5000] - 120) < 4]
        check(len(grey) > 40, f"only {len(grey)} pictures are the writer's")
    print(f"pipe: {len(numbers)} frames, {frames} of the slate, from before the first writer on", flush=True)


def check_untouched(status):
    """No encoder was started anew, but for one that stalled on a busy machine."""
    for path in status["paths"]:
        others = {cause: count for cause, count in path["failures"].items() if count and cause != "stall"}
        check(not others and path["worker"]["restarts"] <= path["failures"].get("stall", 0),
              f"encoder {path['path']} was started anew: {path['failures']}, {path['worker']}")


def mean(picture, x, y, size=16):
    rows = [picture[(y + row) * WIDTH_PX + x:(y + row) * WIDTH_PX + x + size] for row in range(size)]
    return sum(map(sum, rows)) / size / size


def looks(folder, programs):
    """Bars, black and a still, each by reload while the slate is on air: no encoder starts anew. Then the slate itself
    is killed and frozen."""
    os.makedirs(os.path.join(folder, "looks"))
    still = os.path.join(folder, "looks", "still.png")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "color=0x808080:size=320x180",
                    "-frames:v", "1", still], check=True, stdin=subprocess.DEVNULL)
    path = os.path.join(folder, "looks", "frames")
    os.mkfifo(path)
    source = {"driver": "pipe", "path": path, "width": WIDTH_PX, "height": HEIGHT_PX, "rate": RATE_FPS}
    writer = Writer(path)
    with on_air(os.path.join(folder, "looks"), programs, "looks", source=source,
                sections={"slate": {"picture": "last", "text": ""}}) as (box, receiver):
        writer.end()
        wait_shown(box)
        for picture in ("bars", "black", "still", "last"):
            box.config["slate"] = {"picture": picture, "text": "", "file": still}
            reply = box.command("reload", config=box.config)
            check(reply["ok"], f"castord refuses \"{picture}\": {reply}")
            time.sleep(0.8)
        check_untouched(box.status())
        undrawn = box.status()["slate"]["undrawn"]
        check(undrawn == 0, f"{undrawn} frames of the slate were not drawn")
        seen = [(round(mean(picture, 20, 100)), round(mean(picture, 200, 100))) for picture in
                luma_so_far(box, receiver)]
        for what, wanted in (("live", (120, 120)), ("bars", (180, 145)), ("black", (16, 16)), ("still", (126, 126))):
            check(any(abs(a - wanted[0]) < 6 and abs(b - wanted[1]) < 6 for a, b in seen),
                  f"no picture is {what}: {sorted(set(seen))[:12]}")
        before = box.status()["slate"]["frames"]
        for number in (signal.SIGKILL, signal.SIGSTOP):
            pid, frames = pid_of(box, "slate"), box.status()["slate"]["frames"]
            os.kill(pid, number)
            wait_for("another slate", lambda pid=pid: pid_of(box, "slate") not in (0, pid), 10)
            wait_for("frames of it", lambda frames=frames: box.status()["slate"]["frames"] > frames + 20, 10)
        status = box.status()
        slate, lost = status["slate"], status["losses"]["frames"]
        check(lost["capture"] == lost["no_path"] == slate["undrawn"] == 0, f"the box counts losses: {lost}, {slate}")
        check(slate["repeated"] > 2, f"nothing stood in for a killed and a frozen slate: {slate}")
        check_untouched(status)
        stream = finish(box, receiver)
        check_complete(stream)
        steps = steps_of(stream)[before - slate["frames"]:]
        check(all(0.999 < step < 1.001 for step in steps), f"steps of PTS: {min(steps):.3f} to {max(steps):.3f} intervals")
    print(f"looks: bars, black, still and last on air; {slate['repeated']} pictures repeated for a killed and a frozen "
          "slate, none missing", flush=True)


def luma_so_far(box, receiver):
    """The pictures received until now, from a copy of the stream."""
    time.sleep(0.5)
    copy = receiver.stream_path + ".copy"
    with open(receiver.stream_path, "rb") as stream, open(copy, "wb") as file:
        data = stream.read()
        file.write(data[:len(data) // 188 * 188])
    return luma(copy)


def silence(folder, programs):
    """With "sound": "silence" the sound fades out when the slate is shown, and is there again with the picture."""
    with on_air(os.path.join(folder, "silence"), programs, "silence",
                sections={"slate": {"sound": "silence"}}) as (box, _):
        def peak():
            return box.status()["sound"]["tracks"][0]["peak_dbfs"]
        wait_for("the tone", lambda: peak() is not None, 10)
        # It starts anew as often as it is killed: so long that the meters' second is over.
        ends = time.monotonic() + 12
        silent = False
        while not silent and time.monotonic() < ends:
            pid = pid_of(box, "source")
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
            silent = peak() is None
        check(silent, "the sound did not go silent with the slate")
        wait_live(box)
        wait_for("the tone again", lambda: peak() is not None, 10)
        box.stop_clean()
    print("silence: with the slate, and sound again with the picture", flush=True)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, pattern, clip, pipe, looks, silence))
