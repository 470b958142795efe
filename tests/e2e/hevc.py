# SPDX-License-Identifier: Apache-2.0
"""hevc.py --bin FOLDER

A box on air with codec hevc, in 8 and in 10 bit, and with H.264 in 10 bit: received by srt-live-transmit, checked by
castor-probe, decoded by ffmpeg, frames named by frame_numbers. The encoder process on air is killed once: the other
path takes over, no frame is lost, and the recording (HEVC in MP4, H.264 in MPEG-TS) has every frame that was received, and
a segment of it is exported whole into both formats.
"""
import json
import os
import signal
import subprocess
import sys
import time

from onair import (HEIGHT_PX, RATE_FPS, WIDTH_PX, active_path, check, check_stream, decode_numbers, never_captured, on_air,
                   run_parts, video_stream, wait_for)
from gaps import export_segment, segments_of

ON_AIR_S = 5  # before and after the kill
LATENCY_MS = 2500
# Coding in software needs far more time for such a picture than for one of H.264 in 8 bit, and this test is not about
# stalls: on a busy machine nothing but the kill may move the programme to another path.
SWITCH = {"stall_budget_ms": 1000, "hang_budget_ms": 5000, "standby_budget_ms": 5000, "start_budget_ms": 20000}


def kill_encoder_on_air(box):
    path = active_path(box.status())
    os.kill(path["worker"]["pid"], signal.SIGKILL)

    def other_is_on_air():
        return any(other["state"] == "active" and other["path"] != path["path"] for other in box.status()["paths"])
    wait_for("the other path on air", other_is_on_air, 10)
    return path["path"]


def check_by_probe(programs, stream_path, numbers, codec, depth):
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    limits = [word for name in ("lost", "pictures-lost") for word in (f"--max-{name}", str(missing))]
    reply = subprocess.run([os.path.join(programs, "castor-probe"), "--json", "--quiet", "--decode", *limits,
                            "--max-lost-per-thousand", "1000", "--strict", "--fps", str(RATE_FPS), stream_path],
                           stdout=subprocess.PIPE, check=False)
    report = json.loads(reply.stdout)
    check(reply.returncode == 0, f"castor-probe finds fault: {report['broken_limits']}")
    check(report["psi"]["video_codec"] == codec, f"the codec is {report['psi']['video_codec']}")
    check(report["frames"]["lost"] == missing, f"castor-probe counts {report['frames']['lost']} lost frames")
    check(report["frames"]["changes"] == 1, f"castor-probe sees {report['frames']['changes']} changes of path")
    check(report["decode"]["numbered"] == len(numbers), "castor-probe decodes other pictures than ffmpeg")
    size = report["h264"]["width_px"], report["h264"]["height_px"]
    check(size == (WIDTH_PX, HEIGHT_PX), f"the picture size is {size}")
    check(report["h264"]["bit_depth"] == depth, f"castor-probe sees {report['h264']['bit_depth']} bits a sample")


def check_by_ffprobe(stream_path, codec, depth):
    video = video_stream(stream_path)
    pixel = "yuv420p10le" if depth == 10 else "yuv420p"
    check(video["codec_name"] == codec and video["pix_fmt"] == pixel, f"ffprobe sees {video}")


def check_recording(place, programs, received, codec, depth):
    recorded = []
    for name in sorted(os.listdir(place)):
        path = os.path.join(place, name)
        if name.endswith(("mp4", "ts")):
            check_by_ffprobe(path, codec, depth)
            numbers, complaints = decode_numbers(path, os.path.join(programs, "frame_numbers"), path + ".log")
            check(not complaints, f"ffmpeg complains about {path}: {complaints[:3]}")
            recorded += numbers
    check(recorded == sorted(set(recorded)), "recorded frames come twice or out of order")
    check(not set(received) - set(recorded), f"{len(set(received) - set(recorded))} frames are received and not recorded")


def check_export(folder, place, programs, codec, depth):
    segment = segments_of(place)[0]
    for kind in ("ts", "mp4"):
        path = os.path.join(folder, f"{codec}-{depth}-export.{kind}")
        export_segment(programs, place, segment, path)
        check_by_ffprobe(path, codec, depth)
        numbers, complaints = decode_numbers(path, os.path.join(programs, "frame_numbers"), path + ".log")
        check(not complaints and len(numbers) == segment["frames"],
              f"{path}: {len(numbers)} pictures of {segment['frames']}, ffmpeg says {complaints[:3]}")
    tag = video_stream(path)["codec_tag_string"]
    check(tag == {"hevc": "hvc1", "h264": "avc1"}[codec], f"{path} is named {tag}")


def survives_a_kill(folder, programs, codec, driver, depth):
    name = f"{codec}-{depth}"
    source = {"driver": "pattern", "width": WIDTH_PX, "height": HEIGHT_PX, "rate": RATE_FPS, "depth": depth}
    encoder = {"codec": codec, "chain": [{"driver": driver, "preset": "ultrafast", "threads": 1}] * 2}
    place = os.path.join(folder, f"{name}-recorded")
    os.makedirs(place)
    sections = {"record": {"folder": place, "container": "mp4" if codec == "hevc" else "ts", "segment_seconds": 5}}
    with on_air(os.path.join(folder, name), programs, name, latency_ms=LATENCY_MS, start_limit_s=30, source=source,
                encoder=encoder, switch=SWITCH, sections=sections) as (box, receiver):
        time.sleep(ON_AIR_S)
        killed = kill_encoder_on_air(box)
        time.sleep(ON_AIR_S)
        status = box.wait_on_air(30)
        box.stop_clean(limit_s=5)
        receiver.finish(15)
        check(status["stream"]["codec"] == codec, "the status document names another codec")
        check(status["source"]["depth"] == depth, f"the status document says {status['source']['depth']} bit")
        lost, uncaptured = status["destinations"][0]["lost"], never_captured(status)
        check(lost <= uncaptured, f"the box counts {lost} lost frames, {uncaptured} of them never captured")
        # What is in the receiver's buffer when the box stops does not come out any more.
        seconds = 2 * ON_AIR_S - LATENCY_MS / 1000
        numbers = check_stream(receiver.stream_path, programs, (seconds - 1) * RATE_FPS, uncaptured)
        check_by_probe(programs, receiver.stream_path, numbers, codec, depth)
        check_by_ffprobe(receiver.stream_path, codec, depth)
        check_recording(place, programs, numbers, codec, depth)
        check_export(folder, place, programs, codec, depth)
    print(f"{codec} in {depth} bit: {len(numbers)} frames, {numbers[0]} to {numbers[-1]}, {uncaptured} never captured, "
          f"none lost although the encoder of path {killed} was killed", flush=True)


def hevc(folder, programs):
    survives_a_kill(folder, programs, "hevc", "x265", 8)


def hevc_main_10(folder, programs):
    survives_a_kill(folder, programs, "hevc", "x265", 10)


def h264_high_10(folder, programs):
    survives_a_kill(folder, programs, "h264", "x264", 10)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, hevc, hevc_main_10, h264_high_10))
