# SPDX-License-Identifier: Apache-2.0
"""A recording folder, looked at by nothing of ours: its index, its segments, the frames in them.

Standard library and ffmpeg only.
"""
import hashlib
import json
import os
import subprocess
import zlib

TIME_UUID = b"MISPmicrosectime"
IDENTITY_UUID = b"castor-frame-id1"


def make_clip(path, seconds=4, rate=30):
    """Access units with delimiters, an IDR each second."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
                    f"testsrc2=s=320x180:r={rate}:d={seconds}", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0",
                    "-x264-params", f"keyint={rate}:scenecut=0:aud=1", "-b:v", "600k", "-pix_fmt", "yuv420p", "-f",
                    "h264", path], check=True)


def index(folder):
    """(lines that are whole, how many are not), as the recorder's documentation says how they are made."""
    path = os.path.join(folder, "index.jsonl")
    if not os.path.exists(path):
        return [], 0
    with open(path, "rb") as file:
        texts = file.read().split(b"\n")
    lines, bad = [], 0
    for text in texts[:-1]:
        head, _, tail = text.rpartition(b',"crc":"')
        if tail == b'%08x"}' % zlib.crc32(head):
            lines.append(json.loads(text))
        else:
            bad += 1
    return lines, bad + (texts[-1] != b"")


def segments(folder):
    """{file: its line} of the segments that the index lists as closed and not removed."""
    found = {}
    for line in index(folder)[0]:
        if line["type"] == "segment":
            found[line["file"]] = line
        elif line["type"] == "removed":
            found.pop(line["file"], None)
    return found


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def video_bytes(path):
    """The video of a segment: of a transport stream the payloads of PID 0x100, else the file as it is."""
    with open(path, "rb") as file:
        data = file.read()
    if not path.endswith(".ts"):
        return data
    video = bytearray()
    for at in range(0, len(data) - 187, 188):
        if data[at] != 0x47 or (data[at + 1] & 0x1f) << 8 | data[at + 2] != 0x100 or not data[at + 3] & 0x10:
            continue
        payload = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
        video += data[payload:at + 188]
    return bytes(video)


def frames(path):
    """Sequences of the frames in a segment, by the identity that stands before each."""
    video, found, at = video_bytes(path), [], 0
    while (at := video.find(IDENTITY_UUID, at)) >= 0:
        body = video[at + 16:at + 64].replace(b"\0\0\3", b"\0\0")
        found.append(int.from_bytes(body[8:16], "big"))
        at += 16
    return found


def pictures(path):
    """(pictures that ffmpeg decodes, what it complains about)"""
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", path, "-map", "0:v:0", "-f", "null",
                           "-progress", "-", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    counts = [int(line[6:]) for line in done.stdout.decode().splitlines() if line.startswith("frame=")]
    return counts[-1] if counts else 0, done.stderr.decode().strip()


def faults(folder, decode=True):
    """What is wrong with the segments of a folder that has been put in order, in words."""
    wrong = []
    lines, bad = index(folder)
    if bad:
        wrong.append(f"{bad} spoiled lines in the index")
    closed = segments(folder)
    there = {name for name in os.listdir(folder) if name.endswith((".ts", ".mp4", ".part"))}
    if there != set(closed):
        wrong.append(f"files and index differ: {sorted(there ^ set(closed))}")
    for name in sorted(there & set(closed)):
        line, path = closed[name], os.path.join(folder, name)
        if sha256(path) != line["sha256"] or os.path.getsize(path) != line["bytes"]:
            wrong.append(f"{name} is not what the index says")
            continue
        numbers = frames(path)
        if numbers != list(range(line["first_sequence"], line["last_sequence"] + 1)) and line["missing"] == 0:
            wrong.append(f"{name}: frames are missing inside: {line}")
        if len(numbers) != line["frames"]:
            wrong.append(f"{name}: {len(numbers)} frames, {line['frames']} in the index")
        if decode:
            count, complaints = pictures(path)
            if count != len(numbers) or complaints:
                wrong.append(f"{name}: ffmpeg decodes {count} of {len(numbers)} pictures; {complaints[:200]}")
    return wrong


def put_in_order(feeder, recorder, folder, clip, container="ts"):
    """Lets the recorder close what was open; returns what the feeder printed."""
    done = subprocess.run([feeder, recorder, folder, clip, "0", f"container={container}"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=60)
    if done.returncode != 0 or b"state idle" not in done.stdout:
        raise RuntimeError(f"recovery ended with {done.returncode}: {done.stdout[-300:]} {done.stderr[-600:]}")
    return done.stdout.decode()
