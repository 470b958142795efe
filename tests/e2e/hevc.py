# SPDX-License-Identifier: Apache-2.0
"""hevc.py --bin FOLDER

A box on air with codec hevc: received by srt-live-transmit, checked by castor-probe, decoded by ffmpeg, frames
named by frame_numbers. The encoder process on air is killed once: the other path takes over, no frame is lost.
"""
import json
import os
import signal
import subprocess
import sys
import time

from onair import HEIGHT_PX, RATE_FPS, WIDTH_PX, active_path, check, check_stream, on_air, run_parts, wait_for

ON_AIR_S = 5  # before and after the kill
LATENCY_MS = 2500
ENCODER = {"codec": "hevc", "chain": [{"driver": "x265", "preset": "ultrafast", "threads": 1}] * 2}
# HEVC in software needs far more time for a picture than H.264 does, and this test is not about stalls: on a busy
# machine nothing but the kill may move the programme to another path.
SWITCH = {"stall_budget_ms": 1000, "hang_budget_ms": 5000, "standby_budget_ms": 5000, "start_budget_ms": 20000}


def kill_encoder_on_air(box):
    path = active_path(box.status())
    os.kill(path["worker"]["pid"], signal.SIGKILL)

    def other_is_on_air():
        return any(other["state"] == "active" and other["path"] != path["path"] for other in box.status()["paths"])
    wait_for("the other path on air", other_is_on_air, 5)
    return path["path"]


def check_by_probe(programs, stream_path, pictures):
    reply = subprocess.run([os.path.join(programs, "castor-probe"), "--json", "--quiet", "--decode", "--strict",
                            "--fps", str(RATE_FPS), stream_path], stdout=subprocess.PIPE, check=False)
    report = json.loads(reply.stdout)
    check(reply.returncode == 0, f"castor-probe finds fault: {report['broken_limits']}")
    check(report["psi"]["video_codec"] == "hevc", f"the codec is {report['psi']['video_codec']}")
    check(report["frames"]["lost"] == 0, f"castor-probe counts {report['frames']['lost']} lost frames")
    check(report["frames"]["changes"] == 1, f"castor-probe sees {report['frames']['changes']} changes of path")
    check(report["decode"]["numbered"] == pictures, "castor-probe decodes other pictures than ffmpeg")
    size = report["h264"]["width_px"], report["h264"]["height_px"]
    check(size == (WIDTH_PX, HEIGHT_PX), f"the picture size is {size}")


def survives_a_kill(folder, programs):
    with on_air(folder, programs, "hevc", latency_ms=LATENCY_MS, start_limit_s=30, encoder=ENCODER,
                switch=SWITCH) as (box, receiver):
        time.sleep(ON_AIR_S)
        killed = kill_encoder_on_air(box)
        time.sleep(ON_AIR_S)
        status = box.wait_on_air(30)
        box.stop_clean(limit_s=5)
        receiver.finish(15)
        check(status["stream"]["codec"] == "hevc", "the status document names another codec")
        lost = status["destinations"][0]["lost"]
        check(lost == 0, f"the box counts {lost} lost frames")
        # What is in the receiver's buffer when the box stops does not come out any more.
        seconds = 2 * ON_AIR_S - LATENCY_MS / 1000
        numbers = check_stream(receiver.stream_path, programs, (seconds - 1) * RATE_FPS)
        check_by_probe(programs, receiver.stream_path, len(numbers))
    print(f"HEVC: {len(numbers)} frames, {numbers[0]} to {numbers[-1]}, none missing although the encoder of path "
          f"{killed} was killed", flush=True)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, survives_a_kill))
