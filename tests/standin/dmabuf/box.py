# SPDX-License-Identifier: Apache-2.0
"""box.py --bin FOLDER --dmabuf LIBRARY --camera LIBRARY --encoder LIBRARY --va LIBRARY

A whole box whose camera and encoder reach the pool themselves: no raw frame is copied between them, as the status
counts; an encoder in software beside them copies once, and takes over. Without an allocator, or with devices that
refuse, every stage copies once and the box is on air all the same. Everything but the box is a stand-in: what devices
do with real DMA-BUFs is for tests/qemu and for machines that have some.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "e2e"))
from onair import check, decode_numbers, on_air, run_parts, wait_for  # noqa: E402

DEVICE = {"driver": "v4l2", "path": "/dev/video-castor0", "width": 640, "height": 360, "rate": 30}
# Time enough for a busy machine: what is judged here is not speed.
LATENCY_MS = 1500
BUDGETS = {"stall_budget_ms": 900, "hang_budget_ms": 5000, "standby_budget_ms": 5000}
SOFTWARE = {"driver": "x264", "preset": "superfast", "threads": 1}


def box_of(folder, programs, name, libraries, allocator="", pixels="NV12", camera="", fault="", encoder="",
           dmabuf="auto", driver="v4l2m2m", va_words=""):
    *others, va = libraries  # the nodes of VA-API first: not all of them pass on what is not theirs
    environment = {"LD_PRELOAD": ":".join([va, *others]), "LIBVA_DRIVERS_PATH": os.path.dirname(va),
                   "CASTOR_STANDIN_STRICT": "1", "CASTOR_STANDIN_DMABUF": allocator,
                   "CASTOR_STANDIN_V4L2CAP": f"formats=YUYV:{pixels},size=640x360,rate=30/1{camera}",
                   "CASTOR_STANDIN_V4L2CAP_FAULTS": fault,
                   "CASTOR_STANDIN_V4L2M2M": "i420,nv12" + encoder, "CASTOR_STANDIN_VA": va_words}
    return on_air(os.path.join(folder, name), programs, name, source=DEVICE,
                  encoder={"chain": [{"driver": driver}, SOFTWARE]}, switch=BUDGETS, latency_ms=LATENCY_MS,
                  environment=environment, pool={"dmabuf": dmabuf})


def copies(status):
    return [status["source"]["cpu_copies_per_frame"]] + [path["cpu_copies_per_frame"] for path in status["paths"]]


def dmabufs_of(pid):
    """DMA-BUFs that a process holds."""
    folder = f"/proc/{pid}/fd"
    links = [os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)]
    return sum("castor-udmabuf" in link or "castor-heap" in link for link in links)


def is_told(box, expected):
    wait_for(f"copies {expected}", lambda: copies(box.status()) == expected, 15)


def check_received(box, receiver, programs):
    """Pictures of the camera, in order, none twice but those that the slate shows again. What the receiver still holds back when the box stops is lost."""
    least, held_back = 40, LATENCY_MS * DEVICE["rate"] // 1000
    wait_for("frames enough", lambda: box.status()["frames"]["sent"] > least + 2 * held_back, 20)
    again = box.status()["frames"]["slate"] + held_back
    box.stop_clean(limit_s=5)
    receiver.finish()
    numbers, complaints = decode_numbers(receiver.stream_path, os.path.join(programs, "frame_numbers"),
                                         receiver.stream_path + ".ffmpeg")
    gaps = [f"{b} after {a}" for a, b in zip(numbers, numbers[1:]) if b < a]
    check(not complaints, f"ffmpeg complains: {complaints[:5]}")
    check(len(numbers) >= least and -1 not in numbers, f"{len(numbers)} pictures, {numbers.count(-1)} without a name")
    repeats = sum(b == a for a, b in zip(numbers, numbers[1:]))
    check(not gaps and repeats <= again, f"not in order: {gaps[:5]}, or {repeats} pictures again; at most {again}")
    return len(numbers)


def device_to_device(folder, programs, libraries, name, dmabuf, kind, held_by_reader, pixels, **made):
    with box_of(folder, programs, name, libraries, dmabuf=dmabuf, pixels=pixels, **made) as (box, receiver):
        is_told(box, [0, 0, 1])
        status = box.status()
        slots = status["pool"]["slots"]
        held = [dmabufs_of(path["worker"]["pid"]) for path in status["paths"]]
        check(status["pool"]["dmabuf"] == kind, f"the pool's memory: {status['pool']}")
        check(held == [slots, slots if held_by_reader else 0], f"DMA-BUFs of the encoders: {held}, of {slots} slots")
        check(dmabufs_of(status["source"]["worker"]["pid"]) == slots, "capture does not hold every slot")
        # What the device wrote the processor reads: the standby goes on where the device stopped.
        os.kill(status["paths"][0]["worker"]["pid"], signal.SIGKILL)
        wait_for("path B on air", lambda: box.status()["on_air"]["path"] == "B", 10)
        wait_for("path A again", lambda: box.status()["paths"][0]["cpu_copies_per_frame"] == 0, 15)
        lost = box.status()["losses"]["frames"]["no_path"]
        check(lost == 0, f"{lost} frames were lost by the encoders")
        check("copied" not in box.log(), "the log speaks of copies")
        print(f"{name}: {check_received(box, receiver, programs)} frames, 0 copies from camera to encoder, 1 to x264",
              flush=True)


def shared_memory(folder, programs, *libraries):
    device_to_device(folder, programs, libraries, "shared_memory", "auto", "udmabuf", False, "NV12")


def vaapi(folder, programs, *libraries):
    device_to_device(folder, programs, libraries, "vaapi", "auto", "udmabuf", False, "NV12", driver="vaapi")
    with box_of(folder, programs, "vaapi_refuses", libraries, driver="vaapi", va_words="badprime") as (box, receiver):
        is_told(box, [0, 1, 1])
        check("frames are copied, not imported: vaCreateSurfaces" in box.log(), "the log does not tell why")
        print(f"vaapi_refuses: {check_received(box, receiver, programs)} frames, 1 copy to each encoder", flush=True)


def unplugged(folder, programs, *libraries):
    """The camera goes and comes back: the next capture process is given the same slots, whatever they hold."""
    with box_of(folder, programs, "unplugged", libraries, fault="gone@60") as (box, receiver):
        wait_for("\"unplugged\" in the log", lambda: "unplugged" in box.log(), 20)
        before = box.status()["source"]["frames"]["captured"]
        wait_for("frames after it", lambda: box.status()["source"]["frames"]["captured"] > before + 20, 20)
        is_told(box, [0, 0, 1])
        check(box.status()["source"]["worker"]["restarts"] >= 1, "the capture process was not replaced")
        box.stop_clean(limit_s=5)
        receiver.finish()
        numbers, complaints = decode_numbers(receiver.stream_path, os.path.join(programs, "frame_numbers"),
                                             receiver.stream_path + ".ffmpeg")
        check(not complaints and -1 not in numbers, f"{complaints[:5]}; {numbers.count(-1)} pictures without a name")
        print(f"unplugged: {len(numbers)} frames, 0 copies before and after", flush=True)


def heap(folder, programs, *libraries):
    device_to_device(folder, programs, libraries, "heap", "/dev/dma_heap/castor", "heap", True, "YU12")


def copying(folder, programs, libraries, name, kind, words, **made):
    """A box that cannot do without copies is on air with one in each stage, and tells why."""
    with box_of(folder, programs, name, libraries, **made) as (box, receiver):
        is_told(box, [1, 1, 1])
        check(box.status()["pool"]["dmabuf"] == kind, f"the pool's memory: {box.status()['pool']}")
        told = box.log() + str(box.status()["pool"]["dmabuf_reason"])
        check(all(word in told for word in words), f"not told: {[word for word in words if word not in told]}")
        print(f"{name}: {check_received(box, receiver, programs)} frames, 1 copy in each stage", flush=True)


def without(folder, programs, *libraries):
    copying(folder, programs, libraries, "no_allocator", "none", ["/dev/udmabuf: No such file"],
            allocator="no_udmabuf")
    copying(folder, programs, libraries, "off", "none", [], dmabuf="off")
    copying(folder, programs, libraries, "devices_refuse", "udmabuf",
            ["cannot write itself: Bad address", "frames are copied, not imported: Invalid argument"],
            camera=",refuse=0", encoder=",no_import")


if __name__ == "__main__":
    sys.exit(run_parts(__doc__, shared_memory, vaapi, unplugged, heap, without,
                       options=("--dmabuf", "--encoder", "--camera", "--va")))
