# SPDX-License-Identifier: Apache-2.0
"""box.py --bin FOLDER --standin LIBRARY

A whole box with the v4l2 source on the stand-in capture device, preloaded: it goes on air; the device is unplugged, or
its signal changes; the capture process is replaced and frames go on; the cable is pulled out, and that is told; it
delivers 10 bit. Nothing is missing in the stream meanwhile. Whether this holds on a real device is for the machine that has one.
"""
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "e2e"))
from onair import (BLOCK_HEIGHT_PX, RATE_FPS, WIDTH_PX, Stream, check, decode_numbers, on_air,  # noqa: E402
                   pts_distance, run_parts, video_stream, wait_for)

DEVICE = {"driver": "v4l2", "path": "/dev/video-castor0", "width": 640, "height": 360, "rate": 30}


def check_received(stream_path, programs, restarts):
    """Pictures from before and from after the fault: the device counts from 0 whenever it is opened. What lies between
    the slate has drawn, so that no frame is missing."""
    pictures, complaints = decode_numbers(stream_path, os.path.join(programs, "frame_numbers"), stream_path + ".ffmpeg")
    check(not complaints, f"ffmpeg complains: {complaints[:5]}")
    check(-1 not in pictures, f"{pictures.count(-1)} pictures are not the device's")
    turns = [(a, b) for a, b in zip(pictures, pictures[1:]) if b < a]
    # The next fault may strike while the box stops.
    check(min(restarts, 1) <= len(turns) <= restarts + 1 and all(b < 30 for _, b in turns),
          f"opened again {restarts} times, yet the device's numbers turn back so: {turns[:5]}")
    stream = Stream(stream_path)
    numbers = [unit.number for unit in stream.units]
    check(not stream.errors, f"transport stream: {stream.errors[:5]}")
    gaps = [f"{b} after {a}" for a, b in zip(numbers, numbers[1:]) if b != a + 1]
    check(not gaps, f"frames are missing: {gaps[:5]}")
    steps = [round(pts_distance(a.pts, b.pts) / 90 * RATE_FPS) / 1000 for a, b in zip(stream.units, stream.units[1:])]
    check(all(0.45 < step < 1.55 for step in steps), f"steps of PTS in frame intervals: {sorted(set(steps))}")
    return len(pictures)


def on_device(folder, programs, standin, name, device, fault, depth=8, ready=None):
    environment = {"LD_PRELOAD": standin, "CASTOR_STANDIN_STRICT": "1", "CASTOR_STANDIN_V4L2CAP": device,
                   "CASTOR_STANDIN_V4L2CAP_FAULTS": fault}
    return on_air(os.path.join(folder, name), programs, name, source={**DEVICE, "depth": depth},
                  environment=environment, ready=ready)


def outlives(folder, programs, standin, name, device, fault, words):
    """A box on such a device goes on after the fault, of which the log speaks in these words."""
    with on_device(folder, programs, standin, name, device, fault) as (box, receiver):
        def source():
            return box.status()["source"]
        wait_for("the signal", lambda: source()["signal"] == "present", 10)
        wait_for(f"\"{words}\" in the log", lambda: words in box.log(), 30)
        before = source()["frames"]["captured"]
        wait_for("frames after the fault", lambda: source()["frames"]["captured"] > before + 30, 20)
        restarts = source()["worker"]["restarts"]
        check(restarts >= 1, "the capture process was not replaced")
        check(not re.search("misuse|another picture size", box.log()), "in the log: misuse, or another size")
        box.stop_clean(limit_s=5)
        receiver.finish()
        frames = check_received(receiver.stream_path, programs, restarts)
    print(f"{name}: on air again after \"{words}\"; {frames} frames", flush=True)


def unplugged(folder, programs, standin):
    outlives(folder, programs, standin, "unplugged", "formats=YUYV", "gone@120", "unplugged")


def changed(folder, programs, standin):
    outlives(folder, programs, standin, "changed", "formats=NV12,dv,size=640x360,rate=30/1", "change@120:1280",
             "changed from")


def no_cable(folder, programs, standin):
    """A cable that is out for a while: the status says so, the log once; capture goes on by itself."""
    with on_device(folder, programs, standin, "no_cable", "formats=NV12,dv,size=640x360,rate=30/1",
                   "nocable@120:120") as (box, receiver):
        def source():
            return box.status()["source"]
        wait_for("the signal", lambda: source()["signal"] == "present", 10)
        wait_for("\"no cable\" in the status", lambda: "no cable" in (source()["signal_reason"] or ""), 15)
        wait_for("the signal's return", lambda: source()["signal"] == "present", 15)
        check(source()["signal_reason"] is None, f"a signal, and a reason for none: {source()['signal_reason']}")
        wait_for("live pictures", lambda: not box.status()["slate"]["up"], 15)
        last = box.status()["slate"]["last"]
        check(last["cause"] == "no_signal" and last["frames"] > 60, f"the slate stood in so: {last}")
        check(source()["worker"]["restarts"] == 0, "the capture process was replaced")
        check(box.log().count("no cable") == 1, f"the log tells it {box.log().count('no cable')} times")
        box.stop_clean(limit_s=5)
        receiver.finish()
        check_received(receiver.stream_path, programs, 0)
    print("no_cable: told while it was out, in the log once", flush=True)


def no_cable_at_start(folder, programs, standin):
    """No cable when the box starts: it goes on air with the slate, and is live when there is one."""
    def on_slate(box):
        wait_for("the slate on air", lambda: (status := box.status_or_none()) and status["slate"] and
                 status["slate"]["shown"] and status["destinations"][0]["sent"] > 0, 20)
    with on_device(folder, programs, standin, "no_cable_at_start", "formats=NV12,dv,size=640x360,rate=30/1",
                   "nocable@0:300", ready=on_slate) as (box, receiver):
        wait_for("live pictures", lambda: not box.status()["slate"]["up"], 30)
        before = box.status()["source"]["frames"]["captured"]
        wait_for("some more", lambda: box.status()["source"]["frames"]["captured"] > before + 30, 10)
        last = box.status()["slate"]["last"]
        box.stop_clean(limit_s=5)
        receiver.finish()
        numbers = [unit.number for unit in Stream(receiver.stream_path).units]
        check(last["cause"] == "no_signal", f"the slate stood in so: {last}")
        check(numbers == list(range(numbers[0], numbers[0] + len(numbers))), "frames are missing")
    print(f"no_cable_at_start: {len(numbers)} frames, the first {last['frames']} of the slate ({last['cause']})", flush=True)


def first_block(stream_path):
    """The samples of the first picture's number block, in 10 bit."""
    decoder = ["ffmpeg", "-nostdin", "-v", "error", "-i", stream_path, "-map", "0:v:0", "-frames:v", "1",
               "-vf", f"crop={WIDTH_PX}:{BLOCK_HEIGHT_PX}:0:0,extractplanes=y", "-f", "rawvideo", "-"]
    raw = subprocess.run(decoder, stdout=subprocess.PIPE, check=True).stdout
    return sorted(sample for (sample,) in struct.iter_unpack("<H", raw))


def ten_bits(folder, programs, standin):
    """P010 from the camera to the viewer: H.264 High 10, whose black and white are where 10 bit has them."""
    with on_device(folder, programs, standin, "ten_bits", "formats=NV12:P010,pad=64", "", 10) as (box, receiver):
        wait_for("some seconds of pictures", lambda: box.status()["source"]["frames"]["captured"] > 120, 15)
        source = box.status()["source"]
        check(source["depth"] == 10, f"the status says {source['depth']} bit")
        box.stop_clean(limit_s=5)
        receiver.finish()
        frames = check_received(receiver.stream_path, programs, 0)
        video = video_stream(receiver.stream_path)
        check(video["pix_fmt"] == "yuv420p10le" and video["codec_name"] == "h264", f"ffprobe sees {video}")
        samples = first_block(receiver.stream_path)
        middle = next(i for i, sample in enumerate(samples) if sample > 512)
        levels = samples[middle // 2], samples[(middle + len(samples)) // 2]
        check(abs(levels[0] - 64) < 16 and abs(levels[1] - 940) < 16, f"black and white are {levels}")
    print(f"ten_bits: {frames} frames, black is {levels[0]}, white {levels[1]}", flush=True)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, unplugged, changed, no_cable, no_cable_at_start, ten_bits, options=("--standin",)))
