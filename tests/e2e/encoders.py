# SPDX-License-Identifier: Apache-2.0
"""encoders.py --bin FOLDER

A box that chooses its encoders itself: it tries what there is before it goes on air, drivers that crash and hang
while on trial included, tells why it chose as it did, and goes on air with what works. And castorctl selftest.
"""
import json
import os
import subprocess
import sys
import time

from onair import Stream, check, check_stream, decode_numbers, on_air, run_parts

ON_AIR_S = 2
PICTURES_MIN = 30
AUTO = [{"driver": "auto"}] * 2


def castorctl(programs, *words):
    return subprocess.run([os.path.join(programs, "castorctl"), *words], capture_output=True, text=True, check=False,
                          timeout=300)


def table(box, programs):
    run = castorctl(programs, "--socket", box.socket_path, "encoders")
    check(run.returncode == 0, f"castorctl encoders: {run.stderr}")
    return run.stdout


def chosen_box(folder, programs, name, prefer):
    return on_air(os.path.join(folder, name), programs, name, start_limit_s=60,
                  encoder={"chain": AUTO, "prefer": prefer})


def trials(box):
    """The status after some time on air, which must be that of a box that has chosen its encoders itself."""
    time.sleep(ON_AIR_S)
    status = box.status()
    check(status["encoders"]["tried"], "the status says that nothing was tried")
    check(status["losses"]["frames"]["no_path"] == 0, f"lost: {status['losses']['frames']}")
    for path in status["paths"]:
        listed = [encoder for encoder in status["encoders"]["list"] if path["path"] in encoder["paths"]]
        check([encoder["driver"] for encoder in listed] == [path["driver"]], f"path {path['path']}: {listed}")
        check(listed[0]["trial"] == "passed", f"an encoder that did not pass is in the chain: {listed}")
    return status


def of_driver(status, driver):
    return [encoder for encoder in status["encoders"]["list"] if encoder["driver"] == driver]


def bad_neighbours(folder, programs):
    """One driver crashes on trial, one hangs: neither goes on air, and what the receiver gets are real pictures."""
    prefer = [{"driver": "fake", "script": "at 3 crash"}, {"driver": "fake", "script": "at 2 hang"}]
    with chosen_box(folder, programs, "bad_neighbours", prefer) as (box, receiver):
        status = trials(box)
        bad = of_driver(status, "fake")
        check(len(bad) == 2, f"the two that were preferred are not both listed: {bad}")
        crash, hang = bad
        check(crash["trial"] == "failed" and hang["trial"] == "failed", f"the bad drivers passed: {crash} {hang}")
        check("hung in encode" in hang["reason"], f"the reason does not say that it hung: {hang['reason']}")
        check("in encode" in crash["reason"], f"the reason does not say where it crashed: {crash['reason']}")
        check("hung in encode" in table(box, programs), "the table does not say why")
        check("hung in encode" in box.log(), "the log does not say why")
        box.stop_clean()
        receiver.finish()
        check_stream(receiver.stream_path, programs, PICTURES_MIN)
    print(f"bad neighbours: on air with {[path['driver'] for path in status['paths']]} after "
          f"{status['encoders']['took_ms']} ms of trials", flush=True)


def two_kinds(folder, programs):
    """The preferred driver is on path A, another on path B; a reload leaves them alone."""
    with chosen_box(folder, programs, "two_kinds", [{"driver": "fake", "script": "delay 2ms"}]) as (box, receiver):
        status = trials(box)
        check(status["paths"][0]["driver"] == "fake", f"the preferred driver is not on path A: {status['paths'][0]}")
        check(status["paths"][1]["driver"] != "fake", "both paths have the same driver, although there is a choice")
        text = table(box, programs)
        check("shares neither device nor driver" in text, f"the table does not say why: {text}")
        reply = box.command("reload", config=box.config)  # the same automatic chain: nothing changes
        check(reply["ok"], f"the same configuration was refused: {reply}")
        other = json.loads(json.dumps(box.config))
        other["encoder"]["prefer"] = []
        reply = box.command("reload", config=other)
        check(not reply["ok"] and "only at start" in reply["error"], f"another preference on air: {reply}")
        check(box.status()["paths"][0]["driver"] == "fake", "a refused configuration changed something")
        box.stop_clean()
        receiver.finish()
        check_is_fake(receiver.stream_path, programs)
    print("two kinds: two kinds of encoder, as preferred; a reload leaves them alone", flush=True)


def check_is_fake(stream_path, programs):
    """The pictures of path A are those of the driver for tests, grey and without a number; it has begun."""
    pictures, complaints = decode_numbers(stream_path, os.path.join(programs, "frame_numbers"), stream_path + ".ffmpeg")
    units = Stream(stream_path).units
    check(not complaints, f"ffmpeg complains: {complaints[:5]}")
    check(len(pictures) >= PICTURES_MIN and units[0].path == 0, f"{len(pictures)} pictures, first path {units[0].path}")
    check([number == -1 for number in pictures] == [unit.path == 0 for unit in units],
          "the pictures are not those of the encoder that is said to be on air")


def written_out(folder, programs):
    """A chain that is written out is run as it is; nothing is tried."""
    with on_air(os.path.join(folder, "written_out"), programs, "written_out") as (box, _):
        check(box.status()["encoders"]["tried"] is False, "something was tried")
        text = table(box, programs)
        check("nothing was tried" in text, f"castorctl encoders: {text}")
        box.stop_clean()
    print("written out: nothing was tried", flush=True)


def selftest(folder, programs):
    path = os.path.join(folder, "selftest.json")
    run = castorctl(programs, "selftest", "--out", path)
    check(run.returncode == 0, f"castorctl selftest: {run.stdout}{run.stderr}")
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    x264, deep = (next(encoder for encoder in report["encoders"] if encoder["driver"] == "x264" and
                       encoder["codec"] == "h264" and encoder["depth"] == depth) for depth in (8, 10))
    check(x264["ok"] and x264["idr_on_request"] and x264["bitrate_changes"], f"x264: {x264}")
    check(deep["ok"] and deep["idr_on_request"] and deep["bitrate_changes"], f"x264 in 10 bit: {deep}")
    check(0 < x264["latency_p50_us"] <= x264["latency_p99_us"], f"latency: {x264}")
    check(any(name.startswith("libx264.so") for name in x264["libraries"]), f"libraries: {x264['libraries']}")
    check(report["system"]["kernel"] == os.uname().release, "not this kernel")
    check(os.uname().nodename not in json.dumps(report) or len(os.uname().nodename) < 4, "the report names the host")
    own = [turn for turn in report["take_overs"] if turn["from"][0] == turn["to"][0] == "x264"]
    check(own and own[0]["ok"] and own[0]["worst_us"] > 0, f"take-over: {own}")
    check("fake" not in [encoder["driver"] for encoder in report["encoders"]], "the driver for tests was measured")
    run = castorctl(programs, "selftest", "--out", os.path.join(folder, "no", "such", "folder"))
    check(run.returncode == 1 and "cannot be written" in run.stderr, f"no folder for the report: {run.stderr}")
    print(f"selftest: x264 {x264['latency_p50_us'] / 1000:.1f} ms a frame in 1080p, bitrate followed within "
          f"{x264['bitrate_frames']} frames, take-over within {own[0]['worst_us'] / 1000:.1f} ms", flush=True)


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, bad_neighbours, two_kinds, written_out, selftest))
