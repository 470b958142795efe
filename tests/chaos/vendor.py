# SPDX-License-Identifier: Apache-2.0
"""What only one vendor's interface can do to an encoder path, told to its stand-in while the box runs.

tests/standin/now.h: a file named after the process, with the fault in the words of that stand-in.
"""
import collections
import os

# What must come of it. ENDS: the path is replaced, on air or not. SPOILS: one picture is lost, so the path is replaced
# if it is on air; a standby may live on. UNREADY: a standby is replaced, a warm one with its canary, a hot one with its
# GOP; the driver of a path on air copes. UNREADY_ONCE: the same, unless a hot one was not asked. HARMLESS: the driver
# copes.
ENDS, SPOILS, UNREADY, UNREADY_ONCE, HARMLESS = "ends", "spoils", "unready", "unready_once", "harmless"
MUST_END = {"on air": (ENDS, SPOILS), "bitrate": (ENDS,), "trap": (ENDS,),
            "warm standby": (ENDS, UNREADY, UNREADY_ONCE), "hot standby": (ENDS, UNREADY)}
FOR_EVER = 1000000

NVENC = {
    **{f"hang_{call}": (f"{call}:hang", ENDS) for call in ("encode", "lock", "unlock", "map")},
    **{f"lost_{call}": (f"{call}:lost", ENDS) for call in ("encode", "lock", "unlock")},
    "encoder_busy_for_ever": (f"encode:busy@1:{FOR_EVER}", ENDS),
    "lock_busy_for_ever": (f"lock:busy@1:{FOR_EVER}", ENDS),
    "encoder_busy_twice": ("encode:busy@1:2", HARMLESS),
    "lock_busy_twice": ("lock:busy@1:2", HARMLESS),
    "out_of_memory": ("encode:oom", ENDS),
    "lock_fails": ("lock:fail", ENDS),
    "garbage": ("garbage@1", SPOILS),
    "silent_drop": ("drop@1", SPOILS),
    "slow": ("slow@1:1500", SPOILS),
    "slow_a_little": ("slow@1:15", HARMLESS),
    "other_time_stamp": ("stamp@1", ENDS),
    "no_idr": ("not_idr@1", UNREADY_ONCE),
    "never_idr": (f"not_idr@1:{FOR_EVER}", UNREADY),
}
VAAPI = {
    **{f"hang_{call}": (f"hang:va{call}@1", ENDS) for call in ("BeginPicture", "RenderPicture", "EndPicture",
                                                              "SyncBuffer", "MapBuffer", "CreateBuffer")},
    "busy_for_ever": ("busy:vaBeginPicture@1+0", SPOILS),
    "busy_twice": ("busy:vaBeginPicture@1+2", HARMLESS),
    "end_picture_busy": ("busy:vaEndPicture@1", SPOILS),
    "out_of_memory": ("memory:vaCreateBuffer@1", ENDS),
    "sync_fails": ("fail:vaSyncBuffer@1", ENDS),
    "map_fails": ("fail:vaMapBuffer@1", ENDS),
    "device_lost": ("lost@1", ENDS),
    "context_banned": ("banned@1", ENDS),
    "sync_times_out": ("stall@1", ENDS),
    "bad_bitstream": ("bad@1", SPOILS),
    "slice_overflow": ("overflow@1", SPOILS),
    "garbage": ("garbage@1", SPOILS),
    "silent_drop": ("drop@1", SPOILS),
    "slow": ("slow@1=1500", SPOILS),
    "slow_a_little": ("slow@1=15", HARMLESS),
    "no_parameter_sets": ("noheaders@1", HARMLESS),
    "no_idr": ("plain@1", UNREADY_ONCE),
    "never_idr": ("plain@1+0", UNREADY),
}
V4L2M2M = {
    "nothing_comes": ("hang@1", ENDS),
    "ioctl_hangs": ("stuck@1", ENDS),
    "poll_never_ready": ("deaf@1", HARMLESS),
    "eio": ("eio@1", ENDS),
    "source_change": ("source_change@1", ENDS),
    "last_unasked": ("last@1", ENDS),
    "same_time_stamp": ("same_time@1", ENDS),
    "bad_time_stamp": ("bad_time@1", ENDS),
    "error_flag": ("error@1", SPOILS),
    "empty": ("empty@1", SPOILS),
    "garbage": ("garbage@1", SPOILS),
    "silent_drop": ("drop@1", SPOILS),
    "slow": ("slow=1500@1", SPOILS),
    "slow_a_little": ("slow=15@1", HARMLESS),
    "never_idr": ("no_key@0+", UNREADY),
}
# Of a change of bitrate, which has to happen for it.
BITRATE = {
    "nvenc": {
        "reconfigure_hangs": ("reconfigure:hang", ENDS),
        "reconfigure_needs_a_reset": ("reconfigure:fail", HARMLESS),
        "reconfigure_fails": ("reconfigure:fail@1,reconfigure:fail@2", ENDS),
        "reconfigure_ignored": ("reconfigure:ignore", HARMLESS),
        "lost_in_reconfigure": ("reconfigure:lost", ENDS),
    },
}
# Of the process that is started next.
OPENING = {
    "nvenc": {"session_limit": "open:limit", "hang_open": "open:hang", "initialize_fails": "initialize:oom"},
    "vaapi": {"no_memory_for_context": "memory:vaCreateContext@1", "initialize_fails": "fail:vaInitialize@1",
              "hang_open": "hang:vaCreateContext@1"},
    "v4l2m2m": {"first_picture_hangs": "stuck@0", "first_picture_eio": "eio@0"},
}
KINDS = {"nvenc": NVENC, "vaapi": VAAPI, "v4l2m2m": V4L2M2M}


class Standins:
    """The vendors' sides for the drivers of a chain: the box's environment, and how to spoil what it does."""

    def __init__(self, build, drivers, folder, rng):
        self.folder = os.path.join(folder, "now")
        os.mkdir(self.folder)
        self._rng = rng
        self._left = collections.defaultdict(list)
        wanted = set(KINDS) if "auto" in drivers else set(drivers)
        preload = []
        self.environment = {"CASTOR_STANDIN_NOW": self.folder, "CASTOR_STANDIN_STRICT": "1"}
        if "nvenc" in wanted:
            self.environment["LD_LIBRARY_PATH"] = os.path.join(build, "nvenc")
        if "vaapi" in wanted:
            self.environment["LIBVA_DRIVERS_PATH"] = os.path.join(build, "va")
            preload.append(os.path.join(build, "va", "preload.so"))
        if "v4l2m2m" in wanted:
            preload.append(os.path.join(build, "libcastor-standin-v4l2m2m.so"))
            self.environment["CASTOR_STANDIN_V4L2M2M"] = "hevc"  # beside H.264
            # Its pictures are the pool's own slots, so that what a fault does to those in the device shows. (The VA
            # driver's stand-in does not know such memory.)
            if "vaapi" not in wanted:
                preload.insert(0, os.path.join(build, "..", "lib", "castor-standin-dmabuf.so"))
        if preload:
            self.environment["LD_PRELOAD"] = ":".join(preload)

    def next_kind(self, driver, role, kinds):
        """Every kind of a driver comes once before any comes again, for paths on air and others apart."""
        left = self._left[driver, role]
        if not left:
            left.extend(sorted(kinds[driver]))
            self._rng.shuffle(left)
        return left.pop()

    def _path(self, whom):
        return os.path.join(self.folder, str(whom))

    def tell(self, whom, word):
        """`whom` is a process, or the driver of the one that is started next."""
        with open(self._path(whom) + ".new", "w", encoding="ascii") as file:
            file.write(word)
        os.rename(self._path(whom) + ".new", self._path(whom))

    def took(self, whom):
        """Whether the stand-in knows what it was told."""
        return not os.path.exists(self._path(whom))

    def forget(self, whom):
        """For a process that ended before it took what it was told; a successor with its number must not."""
        if not self.took(whom):
            os.unlink(self._path(whom))
