#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""record.py - boxes on air that record, while encoders, the recorder and the disk come to harm.

The stream on air is received by a program that is not ours and must not have lost a frame, whatever the recording
suffers. Recorded files are played, probed and sought by ffmpeg and by GStreamer; the numbers in their pictures tell
which frames they hold.
"""
import os
import shutil
import signal
import subprocess
import sys
import time

from onair import (active_path, check, check_stream, decode_numbers, never_captured, on_air, run_parts,
                   wait_for)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "powercut"))
import folder as recording  # noqa: E402


def record_section(place, **keys):
    os.makedirs(place, exist_ok=True)
    return {"record": {"folder": place, "segment_seconds": 2, "free_mb": 1, **keys}}


def state(box):
    return box.status()["record"]


def wait_state(box, what, holds, timeout_s):
    """The part of the status on the recording, as soon as it is so."""
    def look():
        record = state(box)
        return record if holds(record) else None
    return wait_for(what, look, timeout_s)


def wait_failing(box, what, timeout_s=15):
    return wait_state(box, what, lambda record: record["state"] == "failing", timeout_s)


def wait_recording(box, what):
    return wait_state(box, what, lambda record: record["state"] == "recording" and record["file"], 30)


def order(box, action, **arguments):
    """A command and what came of it."""
    reply = box.command("record", action=action, **arguments)
    check(reply["ok"], f"record {action}: {reply}")
    wanted = state(box)["last_order"]
    done = wait_state(box, f"the answer to record {action}", lambda record: record["answered"] >= wanted, 5)
    return done["answer_ok"], done["answer"]


def wait_closed(box, count, timeout_s=20):
    wait_for(f"{count} closed segments", lambda: state(box)["closed"] >= count, timeout_s, 0.1)


def files(place):
    return [os.path.join(place, name) for name in sorted(recording.segments(place))]


def finish(box, receiver, programs, least):
    missing = never_captured(box.status())
    losses = box.status()["losses"]["frames"]
    box.stop_clean(limit_s=2)
    receiver.finish()
    check_stream(receiver.stream_path, programs, least, may_miss=missing)
    check(losses["no_path"] == 0, f"frames were lost by the encoders: {losses}")


def gst_discovers(path):
    """gst-discoverer finds the video in it."""
    found = subprocess.run(["gst-discoverer-1.0", "-v", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           check=False, timeout=60)
    text = found.stdout.decode()
    check(found.returncode == 0 and "video/x-h264" in text and "Width: 640" in text,
          f"gst-discoverer cannot make anything of {path}: {text[-400:]}")


def gst_plays(path, frames):
    """GStreamer decodes all of it without an error."""
    raw = path + ".raw"
    played = subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={path}", "!", "decodebin", "!", "videoscale",
                             "!", "videoconvert", "!", "video/x-raw,format=GRAY8,width=64,height=36", "!", "filesink",
                             f"location={raw}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            timeout=60)
    pictures = os.path.getsize(raw) // (64 * 36)
    os.remove(raw)
    check(played.returncode == 0 and b"ERROR" not in played.stdout, f"GStreamer: {path}: {played.stdout[-400:]}")
    check(pictures == frames, f"{path}: GStreamer shows {pictures} pictures of {frames}")


def gst_seeks(path, at_s):
    """A player of GStreamer goes to the middle and on to the end."""
    script = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
pipe = Gst.parse_launch(f"filesrc location={sys.argv[1]} ! decodebin ! appsink name=out sync=false max-buffers=1")
out, at_ns = pipe.get_by_name("out"), int(float(sys.argv[2]) * Gst.SECOND)
pipe.set_state(Gst.State.PAUSED)
pipe.get_state(10 * Gst.SECOND)
assert pipe.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE, at_ns), "no seek"
pipe.get_state(10 * Gst.SECOND)
sample = out.emit("pull-preroll")
pts = sample.get_segment().to_stream_time(Gst.Format.TIME, sample.get_buffer().pts)
print(pts / Gst.SECOND)
pipe.set_state(Gst.State.NULL)
"""
    sought = subprocess.run(["/usr/bin/python3", "-c", script, path, str(at_s)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, check=False, timeout=60)
    check(sought.returncode == 0 and abs(float(sought.stdout) - at_s) < 0.05,
          f"GStreamer cannot seek to {at_s} s in {path}: {sought.stdout} {sought.stderr.decode()[-400:]}")


def ffmpeg_seeks(path, at_s):
    """A picture can be had from the middle."""
    sought = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-ss", str(at_s), "-i", path, "-frames:v", "1",
                             "-f", "rawvideo", "-pix_fmt", "gray", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    check(sought.returncode == 0 and sought.stdout, f"ffmpeg cannot seek in {path}: {sought.stderr.decode()[-300:]}")


def check_files(place, programs, least_segments):
    """Every file by itself; returns the frame numbers of all of them, as their pictures show them."""
    wrong = recording.faults(place)
    check(not wrong, f"{wrong[:3]}")
    found = files(place)
    check(len(found) >= least_segments, f"only {len(found)} segments; {least_segments} were expected")
    numbers = []
    for path in found:
        seen, complaints = decode_numbers(path, os.path.join(programs, "frame_numbers"), path + ".ffmpeg")
        os.remove(path + ".ffmpeg")
        check(not complaints, f"ffmpeg complains about {path}: {complaints[:3]}")
        line = recording.segments(place)[os.path.basename(path)]
        check(seen[0] == line["first_sequence"] and seen[-1] == line["last_sequence"],
              f"{path}: pictures {seen[0]} to {seen[-1]}, index {line['first_sequence']} to {line['last_sequence']}")
        numbers += seen
    return numbers


def check_sound(path, programs):
    """Click and flash of a segment are together."""
    measured = subprocess.run([os.path.join(programs, "av_offset"), "--least", "1", "--may-miss", "2", path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    check(measured.returncode == 0, f"sound and picture in {path}: {measured.stdout.decode()[-300:]}")


def check_players(place, programs):
    path = files(place)[1]
    line = recording.segments(place)[os.path.basename(path)]
    check_sound(path, programs)
    gst_discovers(path)
    gst_plays(path, line["frames"])
    ffmpeg_seeks(path, line["frames"] / 30 / 2)
    if path.endswith(".mp4"): # GStreamer 1.22 seeks in no transport stream this short
        gst_seeks(path, 1)


def whole(numbers, missing):
    check(numbers == sorted(set(numbers)), "frames come twice or out of order across segments")
    holes = sum(b - a - 1 for a, b in zip(numbers, numbers[1:]))
    check(holes <= missing, f"{holes} frames are missing in the recording")


def failovers(folder, programs, container):
    """The encoder on air is killed again and again; recording goes on across segments and failovers."""
    place = os.path.join(folder, f"rec-{container}")
    with on_air(os.path.join(folder, container), programs, container,
                sections=record_section(place, container=container)) as (box, receiver):
        for _ in range(3):
            time.sleep(1.2)
            os.kill(active_path(box.status())["worker"]["pid"], signal.SIGKILL)
            box.wait_on_air()
        wait_closed(box, 4)
        kept = state(box)
        missing = never_captured(box.status())
        check(kept["left_out"] == 0 and kept["not_relayed"] == 0, f"the recorder did not take everything: {kept}")
        ok, answer = order(box, "mark", text="Tor 1:0")
        check(ok and "frame" in answer, f"mark: {answer}")
        finish(box, receiver, programs, 200)
    numbers = check_files(place, programs, 4)
    whole(numbers, missing)
    check(numbers[0] < 15, f"the recording begins with frame {numbers[0]}")
    marks = [line for line in recording.index(place)[0] if line["type"] == "mark"]
    check(len(marks) == 1 and marks[0]["text"] == "Tor 1:0" and marks[0]["sequence"] in numbers, f"marks: {marks}")
    check_players(place, programs)
    if container == "ts": # one behind the other they are one stream, with the counters and clocks of one
        joined = os.path.join(folder, "joined.ts")
        with open(joined, "wb") as out:
            for path in files(place):
                with open(path, "rb") as part:
                    shutil.copyfileobj(part, out)
        check_stream(joined, programs, len(numbers), may_miss=missing)
    print(f"{container}: {len(numbers)} frames in {len(files(place))} segments over 3 failovers", flush=True)


def failovers_ts(folder, programs):
    failovers(folder, programs, "ts")


def failovers_mp4(folder, programs):
    failovers(folder, programs, "mp4")


def check_told(place, numbers):
    """Each frame that is in no segment is in a gap of the index, and no other; the gaps."""
    gaps = [line for line in recording.index(place)[0] if line["type"] == "gap"]
    check(all(line["text"] for line in gaps), f"a gap without a reason: {gaps}")
    missing = set(range(numbers[0], numbers[-1] + 1)) - set(numbers)
    told = {n for line in gaps for n in range(line["first_sequence"], line["last_sequence"] + 1)}
    check(not missing - told, f"no gap tells of {len(missing - told)} frames that are missing: {sorted(missing - told)[:5]}")
    check(not told & set(numbers), f"gaps tell of frames that are there: {sorted(told & set(numbers))[:5]}")
    return gaps


def recorder_harmed(folder, programs):
    """The recorder is killed, frozen, restarted; its folder vanishes and comes back."""
    place = os.path.join(folder, "rec-harm")
    with on_air(os.path.join(folder, "harm"), programs, "harm", sections=record_section(place)) as (box, receiver):
        wait_closed(box, 1)
        time.sleep(1) # so that something of the open segment is on the disk
        os.kill(state(box)["worker"]["pid"], signal.SIGKILL)
        wait_state(box, "the recorder is back", lambda record: record["recovered"] == 1 and record["file"], 20)
        wait_closed(box, 1)
        before = state(box)["worker"]["pid"]
        os.kill(before, signal.SIGSTOP)
        wait_for("a frozen recorder is replaced", lambda: state(box)["worker"]["pid"] not in (0, before), 10)
        wait_closed(box, 1)
        os.rename(place, place + "-away")
        told = wait_failing(box, "the folder is missed")
        check("vanished" in told["text"] or "not there" in told["text"], f"text: {told['text']}")
        os.rename(place + "-away", place)
        wait_recording(box, "recording goes on")
        wait_closed(box, 2)
        finish(box, receiver, programs, 300)
    numbers = check_files(place, programs, 5)
    check(numbers == sorted(set(numbers)), "frames come twice or out of order")
    gaps = check_told(place, numbers)
    check(len(gaps) == 3, f"three interruptions, and these gaps: {gaps}")
    print(f"harm: {len(numbers)} frames recorded, {len(gaps)} gaps, none lost on air", flush=True)


def disk_faults(folder, programs):
    """Full, broken, stalled, read-only, pulled: what the stand-in for disks does to the recorder alone."""
    place = os.path.join(folder, "rec-disk")
    word = os.path.join(folder, "disk-now")
    disk = os.path.join(programs, "..", "lib", "castor-standin-disk.so")
    environment = {"LD_PRELOAD": disk, "CASTOR_STANDIN_DISK": place, "CASTOR_STANDIN_DISK_NOW": word}
    with on_air(os.path.join(folder, "disk"), programs, "disk", sections=record_section(place),
                environment=environment) as (box, receiver):
        wait_closed(box, 1)
        for what, words in (("full", "full"), ("eio", "fails"), ("readonly", "read-only"), ("gone", "")):
            with open(word, "w", encoding="ascii") as file:
                file.write(what)
            told = wait_failing(box, f"{what} is noticed")
            check(words in told["text"], f"{what}: \"{told['text']}\"")
            os.remove(word)
            wait_recording(box, f"recording after {what}")
        left_out = state(box)["left_out"]
        with open(word, "w", encoding="ascii") as file:
            file.write("stall")
        time.sleep(2)
        os.remove(word)
        wait_closed(box, state(box)["closed"] + 2)
        check(state(box)["left_out"] == left_out, "a stall of 2 s cost frames of the recording")
        gaps = state(box)["gaps"]
        finish(box, receiver, programs, 300)
    numbers = check_files(place, programs, 4)
    check(numbers == sorted(set(numbers)), "frames come twice or out of order")
    told = check_told(place, numbers)
    check(len(told) == gaps, f"{gaps} gaps, in the index {told}")
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    print(f"disk: {len(numbers)} frames recorded, {missing} not, {len(told)} gaps; none lost on air", flush=True)


def keeping(folder, programs):
    """Retention by size, protection, pre-roll that is saved, start and stop by command, and a reload on air."""
    place = os.path.join(folder, "rec-keep")
    with on_air(os.path.join(folder, "keep"), programs, "keep",
                sections=record_section(place, mode="preroll", segment_seconds=1, preroll_minutes=1)
                ) as (box, receiver):
        wait_closed(box, 3)
        check(state(box)["state"] == "preroll", f"state {state(box)['state']}")
        ok, answer = order(box, "save", text="goal")
        check(ok and "saved" in answer, f"save: {answer}")
        saved = [line for line in recording.index(place)[0] if line["type"] == "saved"]
        check(len(saved) >= 3 and all(line["recording"] == "goal" for line in saved), f"saved: {saved}")
        ok, answer = order(box, "start", text="second-half")
        check(ok, f"start: {answer}")
        wait_for("a named segment", lambda: (state(box)["file"] or "").startswith("second-half-"), 10)
        closed = state(box)["closed"]
        wait_closed(box, closed + 2)
        check(order(box, "stop")[0], "stop")
        check(not order(box, "protect", text="nothing")[0], "what is not there was protected")
        check(order(box, "protect", text="second-half")[0], "protect")
        encoders = [path["worker"]["pid"] for path in box.status()["paths"]]
        # More free space than there can be: all that may go goes, and then recording has to wait.
        change = {"mode": "continuous", "free_mb": 100000000}
        reply = box.command("reload", config={**box.config, "record": {**box.config["record"], **change}})
        check(reply["ok"], f"reload: {reply}")
        now = [path["worker"]["pid"] for path in box.status()["paths"]]
        check(encoders == now, "the reload started encoders again")
        told = wait_failing(box, "no room is left")
        check("protected" in told["text"] and told["removed"] >= 2, f"no room: {told}")
        reply = box.command("reload", config={**box.config, "record": {**box.config["record"], "mode": "continuous"}})
        check(reply["ok"], f"reload: {reply}")
        wait_recording(box, "recording with room")
        kept = recording.segments(place)
        named = [name for name in kept if name.startswith("second-half-")]
        check(len(named) >= 2, f"protected segments are gone: {sorted(kept)}")
        finish(box, receiver, programs, 300)
    wrong = recording.faults(place)
    check(not wrong, f"{wrong[:3]}")
    print("keeping: saved, protected and removed as asked", flush=True)


def bad_folders(folder, programs):
    """Folders that cannot be recorded to: the box says why, and is on air."""
    plain = os.path.join(folder, "a-file")
    with open(plain, "wb"):
        pass
    for place, words in ((plain, "a file and no folder"), (os.path.join(folder, "missing"), "not there")):
        name = os.path.basename(place)
        with on_air(os.path.join(folder, f"bad-{name}"), programs, name,
                    sections={"record": {"folder": place, "free_mb": 1}}) as (box, receiver):
            told = wait_failing(box, "the fault is told")
            check(words in told["text"], f"{name}: \"{told['text']}\"")
            time.sleep(2)
            finish(box, receiver, programs, 30)
    print("folders that do not do: told, and nothing lost on air", flush=True)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, failovers_ts, failovers_mp4, recorder_harmed, disk_faults, keeping, bad_folders))
