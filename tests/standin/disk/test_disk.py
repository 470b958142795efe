# SPDX-License-Identifier: Apache-2.0
"""test_disk.py LIBRARY

The stand-in disk does what its words say to what is on it, to nothing else, and only as long as the word is there. The
program that uses the disk is this one again, with the library preloaded.
"""
import errno
import os
import select
import subprocess
import sys
import tempfile

STALL_S = 0.5


def attempt(call):
    """The name of the error that a call ends with, "" when it does not."""
    try:
        call()
        return ""
    except OSError as error:
        return errno.errorcode[error.errno]


def user(disk, word_path):
    """With the library: tells what each call comes to under each word, as "WORD CALL ERROR"."""
    held = os.open(os.path.join(disk, "held"), os.O_RDWR | os.O_CREAT)
    beside = os.open(word_path + ".beside", os.O_RDWR | os.O_CREAT)
    os.write(held, b"there")

    def make():
        os.close(os.open(os.path.join(disk, "made"), os.O_WRONLY | os.O_CREAT))
        os.unlink(os.path.join(disk, "made"))
    calls = {"write": lambda: os.write(held, b"x"), "sync": lambda: os.fsync(held), "make": make,
             "read": lambda: os.pread(held, 1, 0), "folder": lambda: os.close(os.open(disk, os.O_RDONLY)),
             "rename": lambda: os.rename(os.path.join(disk, "held"), os.path.join(disk, "held")),
             "beside": lambda: os.write(beside, b"x")}
    for word in ("well", "full", "eio", "readonly", "gone", "well"):
        if word != "well":
            with open(word_path, "w", encoding="ascii") as file:
                file.write(word)
        for name, call in calls.items():
            print(word, name, attempt(call))
        print(word, "free", 0 if attempt(lambda: os.statvfs(disk)) else int(os.statvfs(disk).f_bavail > 0))
        if word != "well":
            os.unlink(word_path)
    with open(word_path, "w", encoding="ascii") as file:
        file.write("stall")
    print("stalling", flush=True)
    os.write(held, b"x")
    print("stalled", flush=True)


def expected():
    errors = {"well": {}, "full": {"write": "ENOSPC", "make": "ENOSPC"}, "eio": dict.fromkeys(("write", "sync", "make", "rename"), "EIO"),
              "readonly": {"write": "EROFS", "make": "EROFS"},
              "gone": {**dict.fromkeys(("write", "sync", "read"), "EIO"),
                       **dict.fromkeys(("make", "folder", "rename"), "ENOENT")}}
    for word in ("well", "full", "eio", "readonly", "gone", "well"):
        for name in ("write", "sync", "make", "read", "folder", "rename", "beside"):
            yield f"{word} {name} {errors[word].get(name, '')}"
        yield f"{word} free {int(word not in ('full', 'gone'))}"


def main():
    if len(sys.argv) == 4:
        return user(sys.argv[2], sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="castor-disk-") as folder:
        disk, word = os.path.join(folder, "disk"), os.path.join(folder, "now")
        os.mkdir(disk)
        process = subprocess.Popen([sys.executable, __file__, sys.argv[1], disk, word], stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, "LD_PRELOAD": sys.argv[1], "CASTOR_STANDIN_DISK": disk,
                                        "CASTOR_STANDIN_DISK_NOW": word})
        seen = [process.stdout.readline().rstrip("\n") for _ in expected()]
        wrong = [f"{line!r} instead of {want!r}" for line, want in zip(seen, expected()) if line != want]
        if process.stdout.readline().strip() != "stalling":
            wrong.append("it does not come to the stall")
        if select.select([process.stdout], [], [], STALL_S)[0]:
            wrong.append("a call that should stall returns")
        os.unlink(word)
        if process.stdout.readline().strip() != "stalled" or process.wait(10):
            wrong.append("the stalled call does not go on")
        if wrong:
            sys.exit("\n".join(wrong))
    print(f"{len(seen)} calls as they should be")


if __name__ == "__main__":
    main()
