# SPDX-License-Identifier: Apache-2.0
"""overlay.py --bin FOLDER

What is drawn over the picture is changed a hundred times on air, with items that cannot be drawn among them, and an
encoder is killed: no frame is lost, no worker starts again. The decoded pictures hold what was ordered: they are
compared with the same drawn on a decoded picture of the same stream, and the QR code is read by zbarimg.
"""
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib

from onair import (HEIGHT_PX, WIDTH_PX, Stream, active_path, check, check_stream, never_captured, on_air, run_parts,
                   wait_for)

FRAME_BYTES = WIDTH_PX * HEIGHT_PX * 3 // 2
QR_TEXT = "https://castor.example/ünï?id=0123456789"
CHANGES = 100
# x, y, width, height, clear of what moves in the pattern.
LOGO, TEXT, NUMBER, QR = (20, 280, 96, 48), (140, 250, 220, 40), (140, 300, 260, 40), (480, 200, 150, 150)


def items(logo):
    """What is on air at the end; each stands for itself."""
    return [{"kind": "logo", "file": logo, "x": 20, "y": 280, "opacity": 80},
            {"kind": "text", "text": "Größe {name}", "x": 140, "y": 250, "size": 30, "edge": "shadow", "colour": "#ffe040"},
            {"kind": "text", "text": "No {frame}", "x": 140, "y": 300, "size": 28, "font": "mono-bold"},
            {"kind": "qr", "text": QR_TEXT, "anchor": "bottom_right", "x": 8, "y": 8, "size": 4}]


def write_png(path, width, height):
    """RGBA, a ring of opaque blue that fades out inwards."""
    rows = b"".join(b"\0" + b"".join(bytes((30, 60, 230, min(255, 12 * abs(x - width // 2))))
                                     for x in range(width)) for _ in range(height))
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def states(box):
    return [(item["state"], item["reason"]) for item in box.status()["overlay"]]


def set_item(box, index, **changes):
    reply = box.command("overlay", index=index, item=changes)
    check(reply["ok"], f"item {index}, {changes}: {reply}")


def change_often(box, folder, wanted):
    """A hundred changes; every tenth cannot be drawn, every tenth is a reload. Returns how many said why not."""
    refused = 0
    with open(os.path.join(folder, "broken.png"), "wb") as file, open(wanted[0]["file"], "rb") as whole:
        file.write(whole.read()[:90])
    bad = [(0, {"file": os.path.join(folder, "broken.png")}, "broken PNG"), (1, {"font": "/nowhere.ttf"}, "there is no"),
           (3, {"text": "x" * 500, "level": "high"}, "more than the picture"), (2, {"text": "{when}"}, "unknown placeholder")]
    for i in range(CHANGES):
        index = i % len(wanted)
        if i % 10 == 7:
            place, change, words = bad[i // 10 % len(bad)]
            set_item(box, place, **wanted[place])
            wait_for(f"item {place} is shown", lambda: states(box)[place][0] == "shown", 10)
            set_item(box, place, **change)
            wait_for(f"item {place} is kept, {words}", lambda: states(box)[place][0] == "kept" and
                     words in states(box)[place][1], 10)
            refused += 1
            set_item(box, place, kind="off")  # begins anew, with the defaults
            set_item(box, place, **wanted[place])
        elif i % 10 == 9:
            reply = box.command("reload", config={**box.config, "overlay": wanted[:1 + i % len(wanted)]})
            check(reply["ok"], f"reload: {reply}")
        elif i % 3 == 0:
            set_item(box, index, kind="off")
        else:
            set_item(box, index, **{**wanted[index], "x": 4 * (i % 9), "opacity": 30 + i % 50})
        time.sleep(0.03)
    for index, item in enumerate(wanted):
        set_item(box, index, kind="off")
        set_item(box, index, **item)
    wait_for("all items are shown", lambda: [state for state, _ in states(box)] == ["shown"] * len(wanted), 10)
    return refused


def pictures(stream_path, numbers, wanted):
    """{number: raw I420} of some frames, decoded by ffmpeg."""
    places = sorted(numbers.index(number) for number in wanted)
    choice = "+".join(f"eq(n\\,{place})" for place in places)
    raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", stream_path, "-map", "0:v:0", "-vf", f"select={choice}",
                          "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"],
                         stdout=subprocess.PIPE, check=True).stdout
    check(len(raw) == FRAME_BYTES * len(places), f"ffmpeg gives {len(raw)} bytes for {len(places)} pictures")
    return {numbers[place]: raw[i * FRAME_BYTES:(i + 1) * FRAME_BYTES] for i, place in enumerate(places)}


def luma(picture, region):
    x, y, width, height = region
    return b"".join(picture[row * WIDTH_PX + x:row * WIDTH_PX + x + width] for row in range(y, y + height))


def difference(a, b, region):
    """Mean of the luma's differences."""
    one, other = luma(a, region), luma(b, region)
    return sum(abs(p - q) for p, q in zip(one, other)) / len(one)


def check_picture(programs, folder, bare, picture, number, wanted):
    drawn = subprocess.run([os.path.join(programs, "overlay_reference"), str(WIDTH_PX), str(HEIGHT_PX), str(number),
                            *[json.dumps(item).replace("{name}", "castor") for item in wanted]], input=bare,
                           stdout=subprocess.PIPE, check=True).stdout
    worst = 0
    for name, region in (("logo", LOGO), ("text", TEXT), ("number", NUMBER), ("QR code", QR)):
        is_there, beside = difference(bare, picture, region), difference(drawn, picture, region)
        check(is_there > 5, f"frame {number}: there is no {name}; the picture differs by {is_there:.1f} only")
        check(beside < 4, f"frame {number}: the {name} is not what was ordered; it differs by {beside:.1f}")
        worst = max(worst, beside)
    other = subprocess.run([os.path.join(programs, "overlay_reference"), str(WIDTH_PX), str(HEIGHT_PX), str(number + 11),
                            json.dumps(wanted[2])], input=bare, stdout=subprocess.PIPE, check=True).stdout
    check(difference(other, picture, NUMBER) > difference(drawn, picture, NUMBER) + 0.5,
          f"frame {number} shows the number of another")
    path = os.path.join(folder, "qr.pgm")
    with open(path, "wb") as file:
        file.write(f"P5 {QR[2]} {QR[3]} 255\n".encode() + luma(picture, QR))
    read = subprocess.run(["zbarimg", "--quiet", "--raw", path], stdout=subprocess.PIPE, check=False).stdout.decode().strip()
    check(read == QR_TEXT, f"frame {number}: zbarimg reads \"{read}\"")
    return worst


def changed_on_air(folder, programs):
    logo = os.path.join(folder, "logo.png")
    write_png(logo, 96, 48)
    wanted = items(logo)
    with on_air(folder, programs, "overlay", latency_ms=500, encoder={"bitrate_kbps": 3000},
                switch={"stall_budget_ms": 250}) as (box, receiver):
        time.sleep(0.7)  # pictures with nothing over them
        before = box.status()
        refused = change_often(box, folder, wanted)
        time.sleep(1)
        killed = active_path(box.status())
        os.kill(killed["worker"]["pid"], signal.SIGKILL)
        wait_for("the other path is on air", lambda: active_path(box.status())["path"] != killed["path"], 10)
        time.sleep(1.5)
        after = box.status()
        check(after["source"]["worker"]["pid"] == before["source"]["worker"]["pid"], "capture has started again")
        check(after["egress"]["worker"]["pid"] == before["egress"]["worker"]["pid"], "egress has started again")
        stalls = after["switches"]["count"] - before["switches"]["count"] - 1  # of a busy machine
        uncaptured = never_captured(after)
        box.stop_clean()
        receiver.finish()
        numbers = check_stream(receiver.stream_path, programs, 150, uncaptured)
        units = [unit for unit in Stream(receiver.stream_path).units]
        taken_over = next(i for i in range(len(units) - 1, 0, -1) if units[i].path != units[i - 1].path)
        shown = [units[taken_over - 10].number, units[taken_over - 1].number, units[taken_over + 10].number, numbers[-3]]
        bare = numbers[12]
        found = pictures(receiver.stream_path, numbers, [bare, *shown])
        worst = max(check_picture(programs, folder, found[bare], found[number], number, wanted) for number in shown)
    print(f"{len(numbers)} frames, {CHANGES} changes, {refused} of them refused; {stalls} stalls, {uncaptured} never captured; the picture "
          f"differs from what was ordered by {worst:.2f} of 255 at most", flush=True)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, changed_on_air))
