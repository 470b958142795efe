# SPDX-License-Identifier: Apache-2.0
"""smoke.py --bin FOLDER

A box goes on air, loses nothing, stops within a second and leaves nothing behind; nor does one that is killed.
Received by srt-live-transmit, decoded by ffmpeg, frames named by frame_numbers.
"""
import functools
import signal
import sys
import time

from onair import RATE_FPS, Stream, check, check_stream, never_captured, on_air, run_parts

ON_AIR_S = 6


def lives_until(end_signal, folder, programs):
    name = signal.Signals(end_signal).name
    with on_air(folder, programs, name) as (box, receiver):
        time.sleep(ON_AIR_S)
        status = box.status()
        lost, uncaptured = status["destinations"][0]["lost"], never_captured(status)
        seconds = box.stop_clean(end_signal)
        receiver.finish()
        numbers = check_stream(receiver.stream_path, programs, (ON_AIR_S - 1) * RATE_FPS, uncaptured)
        check(Stream(receiver.stream_path).units[0].idr, "the stream does not begin with an IDR")
        check(lost <= uncaptured, f"the box counts {lost} lost frames, {uncaptured} of them never captured")
    print(f"{name}: {len(numbers)} frames, {numbers[0]} to {numbers[-1]}, {uncaptured} never captured; "
          f"gone {seconds * 1000:.0f} ms later", flush=True)


if __name__ == "__main__":
    # In this order, in one folder: the second finds the socket of a dead one.
    sys.exit(run_parts(__doc__, functools.partial(lives_until, signal.SIGKILL),
                       functools.partial(lives_until, signal.SIGTERM)))
