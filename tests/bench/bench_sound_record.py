#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What sound, burn-in and recording cost over the plain pipeline, in Castor and in ffmpeg.

  bench_sound_record.py --bin BUILD/bin --lib BUILD/lib [--rounds N] [--seconds S] [--cases castor-all,ffmpeg-all]
  bench_sound_record.py --bin BUILD/bin --lib BUILD/lib --smoke     some seconds, judges nothing but that it runs

Both read the same raw frames from the same camera, encode them once with the same libx264 and settings, and send by
SRT to the same receiver; the wholes are measured as bench_peers.py does it. On top of `plain`:

sound    pink noise of the same WAV file, AAC-LC stereo of 128 kbit/s in the same transport stream. It is the same
         because the signal decides what the AAC encoder costs: for Castor's test tone (300 and 400 Hz at -40 dB, and
         clicks) libavcodec's takes 2.4 times the CPU of ffmpeg's own sine in both channels
burn     the time as text, and a PNG, drawn into the picture before it is encoded (ffmpeg: drawtext, overlay)
record   the coded stream into MPEG-TS segments of 5 s on the same file system (ffmpeg: tee and segment). Castor syncs
         once a second and keeps an index with checksums, ffmpeg does neither
all      the three together

Castor has one encoder path here, as ffmpeg has. Rounds are interleaved; ratios are of the same round.
"""
import functools
import os
import shutil
import struct
import subprocess
import zlib

import bench_peers
import rig

PARTS = {"plain": (), "sound": ("sound",), "burn": ("burn",), "record": ("record",),
         "all": ("sound", "burn", "record")}
SOUND_KBPS = 128
SEGMENT_S = 5
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def logo(s):
    """A PNG of 160x90 with a soft edge to the left."""
    path = os.path.join(s.folder, "logo.png")
    if not os.path.exists(path):
        width, height = 160, 90
        row = b"\0" + b"".join(bytes((255, 160, 0, min(255, x * 4))) for x in range(width))

        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) +
                       chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b""))
    return path


def noise(s):
    """A WAV file of stereo pink noise."""
    path = os.path.join(s.folder, "noise.wav")
    if not os.path.exists(path):
        channels = [word for seed in (3, 5) for word in
                    ("-f", "lavfi", "-i", f"anoisesrc=color=pink:sample_rate=48000:amplitude=0.2:duration=20:seed={seed}")]
        subprocess.run(["ffmpeg", "-v", "error", *channels, "-filter_complex", "amerge=inputs=2", "-y", path],
                       check=True)
    return path


def recordings(s):
    """An empty folder."""
    path = os.path.join(s.folder, "recordings")
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


# ---- ffmpeg ----

def ffmpeg(parts, s):
    plain = rig.ffmpeg_command(s)
    inputs, encoding, target = split(plain)
    filters, maps, sound = [], ["-map", "0:v"], ["-an"]
    if "sound" in parts:
        inputs += ["-re", "-stream_loop", "-1", "-i", noise(s)]
        maps += ["-map", "1:a"]
        sound = ["-c:a", "aac", "-b:a", f"{SOUND_KBPS}k"]
    if "burn" in parts:
        number = 1 + ("sound" in parts)
        inputs += ["-i", logo(s)]
        filters = ["-filter_complex",
                   f"[0:v]drawtext=fontfile={FONT}:text='%{{gmtime\\:%T}}':x=32:y=h-96:fontsize=48:"
                   f"fontcolor=white[text];[text][{number}:v]overlay=x=W-w-32:y=H-h-32[out]"]
        maps[1] = "[out]"
    if "record" in parts:
        target = ["-f", "tee", "[f=mpegts:flush_packets=1:max_delay=0:pes_payload_size=0:mpegts_flags=+resend_headers]"
                  f"{plain[-1]}|[f=segment:segment_format=mpegts:segment_time={SEGMENT_S}]{recordings(s)}/%03d.ts"]
    return [*inputs, *filters, *maps, *sound, *encoding, *target]


def split(command):
    """(up to the input, what encodes, the target) of rig's command of ffmpeg."""
    first, last = command.index("-an"), command.index("mpegts") - 1
    return command[:first], command[first + 1:last], command[last:]


# ---- Castor ----

def castor(parts, s):
    more = {"sound": {"driver": "off"}}
    if "sound" in parts:
        more["sound"] = {"driver": "clip", "path": noise(s),
                         "tracks": [{"layout": "stereo", "bitrate_kbps": SOUND_KBPS}]}
    if "burn" in parts:
        more["overlay"] = [
            {"kind": "clock", "anchor": "bottom_left", "x": 32, "y": 48, "size": 48, "font": FONT, "edge": "none"},
            {"kind": "logo", "anchor": "bottom_right", "x": 32, "y": 32, "file": logo(s)}]
    if "record" in parts:
        more["record"] = {"folder": recordings(s), "segment_seconds": SEGMENT_S, "free_mb": 1}
    return rig.castor_command(s, "off", more)


# ---- figures ----

def per_frame(run):
    return bench_peers.per_frame(run, run["total_ns"])


def print_costs(runs):
    print("\nCPU in ms per frame, of the whole tree, median of the rounds [lowest .. highest]; x plain: the same round's "
          "ratio to the same program's plain; x ffmpeg: to ffmpeg doing the same; + plain: the difference in ms")
    for name, group in runs.items():
        program, what = name.split("-", 1)
        line = f"  {name:14} {rig.spread([per_frame(run) for run in group])}"
        for title, other in (("x plain", f"{program}-plain"), ("x ffmpeg", f"ffmpeg-{what}")):
            if other in runs and other != name:
                ratios = [per_frame(run) / per_frame(base) for run, base in zip(group, runs[other])]
                line += f"   {title} {rig.spread(ratios)}"
        if what != "plain" and f"{program}-plain" in runs:
            more = [per_frame(run) - per_frame(base) for run, base in zip(group, runs[f"{program}-plain"])]
            line += f"   + plain {rig.spread(more)}"
        print(line)
        programs = sorted({one for run in group for one in run["programs_ns"]})
        for one in programs if len(programs) > 1 else ():
            print(f"      {one:16} {rig.spread([bench_peers.per_frame(run, run['programs_ns'].get(one, 0)) for run in group], 3)}"
                  " outside libx264")


def print_rest(runs):
    print("\nmemory, PSS in MB: all but the frame pool; the pool")
    for name, group in runs.items():
        print(f"  {name:14} {rig.spread([run['memory_mb'] for run in group], 1)}"
              f"   {rig.spread([run['pool_mb'] for run in group], 1)}")
    print("\nreceived and recorded, kbit/s; frames missing")
    for name, group in runs.items():
        print(f"  {name:14} video {rig.spread([run['bytes'] * 8 / run['seconds'] / 1000 for run in group], 0)}"
              f"   recorded {rig.spread([run['recorded'] * 8 / run['ran_s'] / 1000 for run in group], 0)}"
              f"   {sum(run['missing'] for run in group)}")


def recorded_bytes(s):
    folder = os.path.join(s.folder, "recordings")
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def run_case(s, name, seconds):
    shutil.rmtree(os.path.join(s.folder, "recordings"), ignore_errors=True)
    run = bench_peers.run_steady(s, name, seconds, True)
    run["recorded"], run["ran_s"] = recorded_bytes(s), bench_peers.SETTLE_S + seconds
    if "record" in PARTS[name.split("-", 1)[1]] and not run["recorded"]:
        raise RuntimeError(f"{name} has recorded nothing:\n{run['errors']}")
    return run


def main():
    parser = rig.parser(__doc__, cases="", rounds=5, threads=2)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    makers = {"castor": castor, "ffmpeg": ffmpeg}
    for program, make in makers.items():
        for what, parts in PARTS.items():
            rig.COMMANDS[f"{program}-{what}"] = functools.partial(make, parts)
    cases = options.cases.split(",") if options.cases else [f"{program}-{what}" for program in makers for what in PARTS]
    if options.smoke:
        options.rounds, options.seconds = 1, 1.0
        cases = options.cases.split(",") if options.cases else ["castor-plain", "castor-all", "ffmpeg-all"]
    runs = {name: [] for name in cases}
    with rig.workplace(options) as s:
        for number, name in rig.interleaved(cases, options.rounds):
            runs[name].append(run_case(s, name, options.seconds))
            rig.note(options, {"round": number, **runs[name][-1]})
        rig.print_heading(s, options)
        print_costs(runs)
        print_rest(runs)
        bench_peers.print_surroundings(s, runs)
    rig.require_frames(runs)


if __name__ == "__main__":
    rig.run(main)
