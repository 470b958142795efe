# SPDX-License-Identifier: Apache-2.0
"""test_av_offset.py --bin FOLDER

av_offset measures what it is meant to: files that ffmpeg has made with an offset that is known, in the codecs, rates
and shapes of click that it meets, a tone below the clicks, seconds without one or the other, and what it cannot read.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from onair import check, run_parts  # noqa: E402 - needs the path above

TOLERANCE_MS = 0.3
SECONDS = 8
SINE = "sin(2*PI*1000*{t})*lt({t},0.005)"  # at time {t} after the click began
COSINE = "0.6*cos(2*PI*2000*{t})*lt({t},0.010)"  # the tone's own, in outline
BURST = "0.8*lt({t},0.002)"
AAC = ["-c:a", "aac", "-b:a", "128k"]
OPUS = ["-c:a", "libopus", "-b:a", "128k"]


def make(path, offset_ms, *, click=SINE, tone="0", rate_hz=48000, sound=(), fps="30", without=(), dark=(), more="0",
         hole="0"):
    """Pattern's flash and a click `offset_ms` after it, each second; without: seconds that have no click, dark: none of
    them has a flash; more: further frames n that have one; hole: when there is no sound at all."""
    t = f"mod(t+1-({offset_ms / 1000}),1)"
    mute = "".join(f"*not(eq(floor(t+0.5),{second}))" for second in without)
    sound_of = f"({click.format(t=t)})*0.8{mute}+({tone})*sin(2*PI*440*t)"
    sound_of = f"({sound_of})*not({hole})"
    frames = "30" if fps in ("30", "30000/1001") else fps
    lit = f"eq(mod(n,{frames}),0)" + "".join(f"*not(eq(floor(n/{frames}),{second}))" for second in dark)
    lit = f"{lit}+{more}"
    box = "x=iw*12/16:y=ih*4/16:w=iw*3/16:h=ih*3/16:t=fill"
    subprocess.run(["ffmpeg", "-hide_banner", "-v", "error", "-y",
                    "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate={fps}:duration={SECONDS}",
                    "-f", "lavfi", "-i", f"aevalsrc=exprs='{sound_of}':s={rate_hz}:d={SECONDS}",
                    "-vf", f"drawbox={box}:color=black,drawbox={box}:color=white:enable='{lit}'",
                    "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "1M", "-pix_fmt", "yuv420p",
                    *(sound or AAC), "-f", "mpegts", path], check=True)


def run(programs, *arguments):
    """(status, all it says)"""
    reply = subprocess.run([os.path.join(programs, "av_offset"), *arguments], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False, text=True)
    return reply.returncode, reply.stdout


def offsets(text):
    return [float(ms) for ms in re.findall(r" s  ([+-][\d.]+) ms$", text, re.MULTILINE)]


def count(text, what):
    return int(re.search(rf"without {what} (\d+)", text).group(1))


def known_offsets(folder, programs):
    cases = {"in time": (0, {}), "late": (3.2, {}), "early": (-17, {}), "opus": (3.2, {"sound": OPUS}),
             "44.1 kHz": (3.2, {"rate_hz": 44100}), "a burst": (-17, {"click": BURST}),
             "a cosine": (3.2, {"click": COSINE, "tone": "0.01"}), "a tone": (3.2, {"tone": "0.1"}),
             "half a frame": (16.7, {"fps": "25"})}
    for name, (offset_ms, rest) in cases.items():
        path = os.path.join(folder, "known.ts")
        make(path, offset_ms, **rest)
        status, text = run(programs, path, "--limit", "5", "--may-miss", "1")  # the first click may lie before the start
        found = offsets(text)
        worst = max((abs(ms - offset_ms) for ms in found), default=None)
        print(f"{name}: {offset_ms:+.1f} ms, {len(found)} seconds, off by {worst} ms at most", flush=True)
        check(len(found) >= SECONDS - 2, f"{name}: only {len(found)} seconds are measured:\n{text}")
        check(worst <= TOLERANCE_MS, f"{name}: {offset_ms} ms is measured as {found}")
        check(status == (0 if abs(offset_ms) < 5 else 1), f"{name}: ends with {status}:\n{text}")


def missing(folder, programs):
    path = os.path.join(folder, "missing.ts")
    make(path, 0, without=(4,))
    status, text = run(programs, path)
    check(status == 1 and (count(text, "click"), count(text, "flash"), count(text, "either")) == (1, 0, 0),
          f"a missing click is not told: {status}\n{text}")
    status, text = run(programs, path, "--may-miss", "1")
    check(status == 0, f"a click may be missing: {status}\n{text}")
    make(path, 0, more="eq(n,116)")  # 133 ms before the flash that has the click
    status, text = run(programs, path, "--may-miss", "1")
    check(status == 0 and (count(text, "click"), count(text, "flash")) == (1, 0) and max(map(abs, offsets(text))) < 1,
          f"a click goes to a flash that is not the nearest: {status}\n{text}")
    make(path, 0, dark=(3,))
    status, text = run(programs, path)
    check(status == 1 and (count(text, "click"), count(text, "flash"), count(text, "either")) == (0, 1, 0),
          f"a missing flash is not told: {status}\n{text}")
    make(path, 0, dark=(3,), without=(3,))
    status, text = run(programs, path)
    check(status == 1 and (count(text, "click"), count(text, "flash"), count(text, "either")) == (0, 0, 1),
          f"a second with neither is not told: {status}\n{text}")
    make(path, 0, click=COSINE, tone="0.01", hole="between(t,3.8,4.006)")  # the click's first 6 ms are in it
    status, text = run(programs, path)
    check(max(offsets(text)) > 5, f"a click without its beginning is not late: the case shows nothing\n{text}")
    status, text = run(programs, path, "--tone", "0.01")
    check(status == 1 and count(text, "click") == 1 and max(map(abs, offsets(text))) < 1,
          f"a click without its beginning is measured: {status}\n{text}")
    make(path, 0, click="0.0*{t}", tone="0.3*mod(floor(t*4),2)")
    status, text = run(programs, path)
    check(status == 1 and not offsets(text), f"tones of a quarter of a second are taken for clicks: {status}\n{text}")


def unreadable(folder, programs):
    path = os.path.join(folder, "noise")
    with open(path, "wb") as file:
        file.write(os.urandom(100000))
    for arguments in ((path,), (path + "-none",), ("--nonsense",), ()):
        status, text = run(programs, *arguments)
        check(status == 2 and text, f"{arguments}: status {status}: {text}")


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, known_offsets, missing, unreadable))
