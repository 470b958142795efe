# SPDX-License-Identifier: Apache-2.0
"""sound.py --bin FOLDER

Sound of a box on air, judged by ffprobe, ffmpeg and av_offset: tracks of every kind with what is announced of them;
a sound worker that is killed, frozen, crashes and talks nonsense, while the picture stays complete, the sound's time
line has no hole and sound and picture stay together; changes on air that start nothing anew, and delays that are heard
as they were set; a source that is not there; the sound of a clip; a card that is busy, pulled out, and whose driver
hangs. Received by srt-live-transmit.
"""
import array
import json
import math
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "av"))

from offsets import Offsets  # noqa: E402 - needs the path above
from onair import (HEIGHT_PX, RATE_FPS, WIDTH_PX, check, check_stream, never_captured, next_number,  # noqa: E402
                   on_air, run_parts, wait_for)

TRACKS = [
    {"name": "main", "language": "eng"},
    {"name": "surround", "language": "deu", "layout": "5.1", "bitrate_kbps": 320,
     "map": "L=1 R=2 C=1@-6+2@-6 Ls=1 Rs=2"},
    {"name": "talk", "language": "fra", "codec": "opus", "layout": "mono"},
    {"name": "wide", "codec": "opus", "layout": "5.1"},
]
# codec_name, profile, channels, channel_layout, language
ANNOUNCED = [("aac", "LC", 2, "stereo", "eng"), ("aac", "LC", 6, "5.1", "deu"), ("opus", None, 1, "mono", "fra"),
             ("opus", None, 6, "5.1", None)]
TONE = ("--tone", "0.01")  # as loud as driver tone is: a click that follows silence lost its beginning in a hole
TICKS = {"aac": 1920, "opus": 1800}  # of 90 kHz, an access unit


def probe(path, *arguments):
    reply = subprocess.run(["ffprobe", "-v", "error", *arguments, "-of", "json", path], stdout=subprocess.PIPE,
                           check=True)
    return json.loads(reply.stdout)


def sound_streams(path):
    return [s for s in probe(path, "-show_streams")["streams"] if s["codec_type"] == "audio"]


def check_announced(path, announced):
    found = [(s["codec_name"], s.get("profile") if s["codec_name"] == "aac" else None, s["channels"],
              s["channel_layout"], s.get("tags", {}).get("language")) for s in sound_streams(path)]
    check(found == announced, f"ffprobe finds {found} instead of {announced}")
    rates = {s["sample_rate"] for s in sound_streams(path)}
    check(rates == {"48000"}, f"not at 48 kHz: {rates}")


def check_time_line(path, index, codec, least_s):
    """Every access unit follows the one before at the distance of its samples, from the first to the last."""
    packets = probe(path, "-select_streams", f"a:{index}", "-show_entries", "packet=pts,size")["packets"]
    pts = [int(p["pts"]) for p in packets]
    steps = {b - a for a, b in zip(pts, pts[1:])}
    check(steps == {TICKS[codec]}, f"track {index}: steps of {sorted(steps)} ticks instead of {TICKS[codec]}")
    seconds = len(pts) * TICKS[codec] / 90000
    check(seconds >= least_s, f"track {index}: only {seconds:.2f} s of sound")
    return seconds


def decode(path, index, channels):
    """Samples of one track, [channel][sample], decoded by ffmpeg, which has nothing to say against it."""
    run = subprocess.run(["ffmpeg", "-nostdin", "-v", "warning", "-i", path, "-map", f"0:a:{index}", "-f", "f32le", "-"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    complaints = run.stderr.decode(errors="replace").strip()
    check(run.returncode == 0 and not complaints, f"track {index}: ffmpeg says {complaints[:300]}")
    samples = array.array("f")
    samples.frombytes(run.stdout)
    return [samples[c::channels] for c in range(channels)]


def probe_tracks(path, programs, folder):
    """What castor-probe says of the tracks; it finds no fault with them."""
    report = os.path.join(folder, "probe.json")
    run = subprocess.run([os.path.join(programs, "castor-probe"), "--strict", "--quiet", "--json-file", report, path],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(run.returncode == 0, f"castor-probe: {run.stdout[-600:]}")
    with open(report, encoding="utf-8") as file:
        return json.load(file)["sound_tracks"]


def level_db(samples):
    power = sum(s * s for s in samples) / max(1, len(samples))
    return 10 * math.log10(power) if power > 0 else -200


def offset(path, programs, may_miss, *more):
    """Median of what av_offset measures, in ms; every second with both a click and a flash within 5 ms."""
    run = subprocess.run([os.path.join(programs, "av_offset"), "--may-miss", str(may_miss), *more, path],
                         stdout=subprocess.PIPE, text=True, check=False)
    check(run.returncode == 0, f"av_offset: {run.stdout[-1200:]}")
    return float(run.stdout.split("median")[-1].split()[0])


def sound_pid(box):
    return wait_for("a sound worker", lambda: box.status()["sound"]["worker"]["ready"] and
                    box.status()["sound"]["worker"]["pid"], 8)


def sound_when(box, what, holds):
    """The status of the sound as soon as it `holds`."""
    return wait_for(what, lambda: (lambda s: s if holds(s) else None)(box.status()["sound"]), 15)


def wait_until_heard(box):
    """Picture is on air without waiting for sound, whose libraries may come from a slow disk first."""
    sound_when(box, "sound from its source", lambda s: s["source"] == "running")


def silences(box):
    return [t["sent"]["silences"] for t in box.status()["sound"]["tracks"]]


def every_kind_of_track(folder, programs):
    with on_air(folder, programs, "tracks", sections={"sound": {"tracks": TRACKS}}) as (box, receiver):
        wait_until_heard(box)
        time.sleep(5)
        status = box.status()
        box.stop_clean(signal.SIGTERM)
        receiver.finish()
    path = receiver.stream_path
    check_announced(path, ANNOUNCED)
    for i, (codec, _, channels, _, _) in enumerate(ANNOUNCED):
        check_time_line(path, i, codec, 4)
        levels = [level_db(c) for c in decode(path, i, channels)]
        # The tone has 40 dB below full scale, the clicks more; the map leaves the LFE out, the standard map all but two.
        loud = {"main": [0, 1], "surround": [0, 1, 2, 4, 5], "talk": [0], "wide": [0, 1]}[TRACKS[i]["name"]]
        quiet = [c for c in range(channels) if c not in loud]
        check(min(levels[c] for c in loud) > -50, f"track {i}: {levels} dB, loud should be {loud}")
        check(all(levels[c] < -70 for c in quiet), f"track {i}: {levels} dB, silent should be {quiet}")
        told = status["sound"]["tracks"][i]
        check(told["momentary_lufs"] is not None and told["true_peak_dbtp"] > -12, f"meters of track {i}: {told}")
    check(status["sound"]["source"] == "running" and status["sound"]["driver"] == "tone", f"{status['sound']}")
    probed = [(t["codec"], t["channels"], t["language"], t["rate_hz"]) for t in probe_tracks(path, programs, folder)]
    check(probed == [(c, n, language, 48000) for c, _, n, _, language in ANNOUNCED], f"castor-probe finds {probed}")
    numbers = check_stream(path, programs, 4 * RATE_FPS, never_captured(status))
    print(f"tracks: {len(ANNOUNCED)} of them, {len(numbers)} pictures, "
          f"sound {offset(path, programs, 2, *TONE):+.3f} ms late", flush=True)


def faults(folder, programs):
    with on_air(folder, programs, "faults") as (box, receiver):
        first = sound_pid(box)
        pid = first
        for fault in (signal.SIGKILL, signal.SIGSTOP, "bad_message", "crash", signal.SIGKILL):
            time.sleep(1.6)
            if isinstance(fault, str):
                check(box.command("fault", path="sound", kind=fault)["ok"], f"fault {fault} is refused")
            else:
                os.kill(pid, fault)
            wait_for(f"another sound worker after {fault}", lambda: sound_pid(box) != pid, 10)
            pid = sound_pid(box)
        time.sleep(3.2)
        status = box.status()
        filled = silences(box)[0]
        box.stop_clean(signal.SIGTERM)
        receiver.finish()
    path = receiver.stream_path
    numbers = check_stream(path, programs, 8 * RATE_FPS, never_captured(status))
    check(status["destinations"][0]["lost"] <= never_captured(status), "pictures were lost")
    # A busy machine may stall an encoder; a sound worker may do nothing to it.
    check(all(c["cause"] in ("start", "stall") for c in status["switches"]["last"]),
          f"the encoders changed: {status['switches']}")
    seconds = check_time_line(path, 0, "aac", 8)
    decode(path, 0, 2)
    probe_tracks(path, programs, folder)
    check(status["sound"]["worker"]["restarts"] == 5 and filled > 10, f"{filled} silences, {status['sound']}")
    # Of the one before, although another has been at work for long; and who did it was not the supervisor.
    check("signal 9" in status["sound"]["worker"]["failure"], f"what became of the last: {status['sound']['worker']}")
    print(f"faults: 5 sound workers lost in {len(numbers)} pictures and {seconds:.1f} s of sound, {filled} units of "
          f"silence; sound {offset(path, programs, 9, *TONE):+.3f} ms late", flush=True)


def changes_on_air(folder, programs):
    tone = {"options": "click=0,level=6"}
    # Room for sound that comes half a second before its picture, so that all of the range can be set on air.
    sections = {"sound": tone, "mux": {"pts_offset_ms": 700}}
    with on_air(folder, programs, "changes", sections=sections) as (box, receiver):
        wait_until_heard(box)
        pids = {w: box.status()[w]["worker"]["pid"] for w in ("sound", "egress", "source")}

        def change(**keys):
            reply = box.command("sound", track="1", change=keys)
            check(reply["ok"], f"{keys}: {reply}")
            time.sleep(1.5)
            return box.status()["sound"]["tracks"][0]
        check(change(gain_db=3)["gain_db"] == 3, "the gain is not told")
        change(mute=True)
        time.sleep(0.8)
        muted = box.status()["sound"]["tracks"][0]
        check(muted["peak_dbfs"] is None, f"not silent: {muted}")
        change(mute=False, gain_db=0)
        change(map="L=2 R=1")
        filled = silences(box)
        change(delay_ms=500)
        change(delay_ms=-500)
        for keys, words in (({"delay_ms": -501}, "-500"), ({"map": "L=9"}, "channel 9"), ({"gain_db": 99}, "24"),
                            ({"codec": "opus"}, "cannot be changed on air"), ({}, "must be an object")):
            reply = box.command("sound", track="1", change=keys)
            check(not reply["ok"] and words in reply["error"], f"{keys}: {reply}")
        check("there is 1" in box.command("sound", track="2", change={"mute": True})["error"], "a track too many")
        quieter = {**box.config, "sound": {**tone, "tracks": [{"gain_db": -6.5}]}}
        check(box.command("reload", config=quieter)["ok"], "the new configuration is refused")
        time.sleep(1)
        status = box.status()
        # A machine that lets nobody run for a moment costs some; a delay that is not kept costs half a second each.
        check(silences(box)[0] - filled[0] < 12, f"delays cost {silences(box)[0] - filled[0]} units of sound")
        check({w: status[w]["worker"]["pid"] for w in pids} == pids, "a change on air started something anew")
        check(status["sound"]["tracks"][0]["gain_db"] == -6.5, f"the reload changed nothing: {status['sound']}")
        box.stop_clean(signal.SIGTERM)
        receiver.finish()
    path = receiver.stream_path
    check_stream(path, programs, 8 * RATE_FPS, never_captured(status))
    seconds = check_time_line(path, 0, "aac", 8)
    left, right = decode(path, 0, 2)
    # A gap or a step of the level would be a jump; the tone itself, 300 and 400 Hz at 3 dB more, has steps of 0.04.
    steepest = max(max(abs(b - a) for a, b in zip(c, c[1:])) for c in (left, right))
    check(steepest < 0.08, f"a jump of {steepest:.3f} from one sample to the next")
    print(f"changes: {seconds:.1f} s, steepest step {steepest:.3f} of full scale", flush=True)


def delays_on_air(folder, programs):
    """A delay that is set on air is what is heard: click against flash, either way and back."""
    spans = []
    with on_air(folder, programs, "delays", sections={"sound": {}, "mux": {"pts_offset_ms": 700}}) as (box, receiver):
        wait_until_heard(box)
        for delay_ms in (0, 450, -450, 0):
            reply = box.command("sound", track="1", change={"delay_ms": delay_ms})
            check(reply["ok"], f"{delay_ms} ms: {reply}")
            time.sleep(1.5)  # until it is in force in what is made, and a whole second of it
            first = next_number(box.status())
            time.sleep(2.1)
            spans.append((delay_ms, first, next_number(box.status())))
            time.sleep(0.6)  # sound that is heard early is made late: the next change must not reach what was counted
        box.stop_clean(signal.SIGTERM)
        receiver.finish()
    check_time_line(receiver.stream_path, 0, "aac", 14)
    measured, told = Offsets(programs, receiver.stream_path), []
    for delay_ms, first, end in spans:
        offsets_ms = [second.offset_ms for second in measured.between(first, end) if second.offset_ms is not None]
        # A frame that the machine did not let capture take may have been one that flashes.
        check(offsets_ms and all(abs(offset_ms - delay_ms) < 5 for offset_ms in offsets_ms),
              f"set to {delay_ms} ms and measured {offsets_ms}")
        told.append(f"{delay_ms}: {min(offsets_ms):+.3f} to {max(offsets_ms):+.3f}")
    print(f"delays in ms, set and measured: {'; '.join(told)}", flush=True)


def nothing_to_hear(folder, programs):
    """A card that does not exist: silence, and words why."""
    sections = {"sound": {"driver": "clip", "path": os.path.join(folder, "absent.wav")}}
    with on_air(folder, programs, "absent", sections=sections) as (box, receiver):
        waiting = sound_when(box, "the reason", lambda s: s["reason"])
        check(waiting["source"] in ("waiting", "opening"), f"{waiting}")
        # A second more than is asked for below: sound and picture do not begin and end in the same moment.
        time.sleep(4)
        check(sound_pid(box) == waiting["worker"]["pid"], "the sound worker did not wait for its source")
        reply = box.command("sound", track="1", change={"delay_ms": -500})
        check(not reply["ok"] and "685" in reply["error"], f"sound before it can be there is not refused: {reply}")
        status = box.status()
        box.stop_clean(signal.SIGTERM)
        receiver.finish()
    check_time_line(receiver.stream_path, 0, "aac", 3)
    check(level_db(decode(receiver.stream_path, 0, 2)[0]) < -90, "there is something to hear")
    check_stream(receiver.stream_path, programs, 3 * RATE_FPS, never_captured(status))
    print(f"absent: silence; \"{status['sound']['reason']}\"", flush=True)


def make_clip(path, seconds):
    """Flashes where the pattern has them, and a click with each."""
    box = f"x={WIDTH_PX * 12 // 16}:y={HEIGHT_PX * 4 // 16}:w={WIDTH_PX * 3 // 16}:h={HEIGHT_PX * 3 // 16}:t=fill"
    pictures = f"color=gray:size={WIDTH_PX}x{HEIGHT_PX}:rate={RATE_FPS}:duration={seconds}," \
               f"drawbox={box}:color=black,drawbox={box}:color=white:enable='not(mod(n\\,{RATE_FPS}))'"
    click = "0.5*cos(2*PI*2000*mod(t\\,1))*lt(mod(t\\,1)\\,0.01)"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i",
                    f"aevalsrc={click}|{click}:s=44100:d={seconds}", "-c:v", "libx264", "-preset", "ultrafast",
                    "-c:a", "aac", "-b:a", "192k", "-y", path], check=True)


def clip_in_step(folder, programs):
    """The sound of a clip that goes round, through the loss of the sound worker and of capture."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "clip.mp4")
    make_clip(path, 3)
    source = {"driver": "clip", "path": path, "options": "number=1", "rate": RATE_FPS}
    with on_air(folder, programs, "clip", source=source,
                sections={"sound": {"driver": "clip", "path": path}}) as (box, receiver):
        wait_until_heard(box)
        time.sleep(5)
        os.kill(sound_pid(box), signal.SIGKILL)
        time.sleep(5)
        os.kill(box.status()["source"]["worker"]["pid"], signal.SIGKILL)
        time.sleep(5)
        status = box.status()
        box.stop_clean(signal.SIGTERM)
        receiver.finish()
    check(status["sound"]["driver"] == "clip" and status["sound"]["source"] == "running", f"{status['sound']}")
    check_time_line(receiver.stream_path, 0, "aac", 14)
    # A second without both for each loss, and those at the ends.
    print(f"clip: sound {offset(receiver.stream_path, programs, 6):+.3f} ms late", flush=True)


def card(folder, programs):
    """A card of another clock (a stand-in under the real libasound) that is busy at first, is pulled out, and comes
    back; then a call into its driver does not return."""
    os.makedirs(folder, exist_ok=True)
    pulled, configuration = os.path.join(folder, "pulled"), os.path.join(folder, "asound.conf")
    hangs = os.path.join(folder, "hangs")
    library = os.path.join(programs, "..", "lib", "libcastor-standin-alsa.so")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(f'pcm_type.standin {{ lib "{library}" }}\n'
                   f'pcm.castor0 {{ type standin ppm 200 busy_opens 3 gone_while "{pulled}" '
                   f'hang_once "{hangs}" }}\n')
    sections = {"sound": {"driver": "alsa", "path": "castor0"}}

    with on_air(folder, programs, "card", sections=sections,
                environment={"ALSA_CONFIG_PATH": configuration}) as (box, receiver):
        sound_when(box, "a card that is in use", lambda s: "in use by another program" in (s["reason"] or ""))
        sound_when(box, "the card", lambda s: s["source"] == "running" and s["openings"] == 1)
        time.sleep(4)
        ppm = box.status()["sound"]["drift_ppm"]
        check(abs(ppm - 200) < 20, f"the card's clock is said to be {ppm} ppm off")
        with open(pulled, "w", encoding="ascii"):
            pass
        sound_when(box, "the card's loss", lambda s: s["source"] == "waiting" and s["reason"])
        os.remove(pulled)
        sound_when(box, "the card's return", lambda s: s["source"] == "running" and s["openings"] == 2)
        time.sleep(2)
        check(box.status()["sound"]["worker"]["restarts"] == 0, "the sound worker was lost with the card")
        with open(hangs, "w", encoding="ascii"):
            pass
        failure = sound_when(box, "the driver that hangs", lambda s: "driver hangs" in (s["worker"]["failure"] or ""))
        check("sound.path" in failure["worker"]["failure"], f"nothing says what to do: {failure['worker']}")
        sound_when(box, "the card after its driver hung",
                   lambda s: s["source"] == "running" and s["worker"]["restarts"] > 0)
        time.sleep(1)
        status = box.status()
        box.stop_clean(signal.SIGTERM)
        receiver.finish()
    seconds = check_time_line(receiver.stream_path, 0, "aac", 6)
    check_stream(receiver.stream_path, programs, 6 * RATE_FPS, never_captured(status))
    print(f"card: {ppm:+.1f} ppm found, pulled out and back in {seconds:.1f} s of sound without a hole", flush=True)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, every_kind_of_track, faults, changes_on_air, delays_on_air, nothing_to_hear, clip_in_step,
                       card))
