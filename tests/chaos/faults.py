# SPDX-License-Identifier: Apache-2.0
"""What can be done to a box, and how to see that it has got over it."""
import os
import random
import signal
import time

import vendor
from onair import Receiver, active_path, check, is_quiet, standby_path, wait_for

# How often each kind comes, relative to the others. `loses`: it must lose frames, or may.
ENCODER_KINDS = {
    "kill": 16,            # SIGKILL of the path on air
    "freeze": 10,          # SIGSTOP of it
    "freeze_thaw": 8,      # SIGSTOP, and SIGCONT of the same process 0 to 140 ms later: before, while and after it
                           # is replaced
    "standby_kill": 7,
    "standby_freeze": 3,
    "drop": 6,             # one to three frames swallowed and reported
    "swallow": 6,          # the same without a word
    "garbage": 6,
    "silence": 6,
    "slow": 3,             # three times as long: harmless here, one frame takes 2 ms
    "crawl": 4,            # sixty times as long: more than a frame interval
    "crash": 6,
    "hang": 6,
    "bad_message": 6,
    "planned": 7,
    "double": 8,           # the path on air, and 0 to 60 ms later the one that takes over
}
# They take seconds: srt-live-transmit listens again only when it has given up the connection before, which
# libsrt does after 5 s of silence at the earliest.
LOSSY_KINDS = {"egress_kill": 3, "peer_kill": 3}
# The slate stands in: no frame is missing, and those that it draws show the number of the last live one.
SOURCE_KINDS = {
    "capture_kill": 3,
    "capture_freeze": 1,   # SIGSTOP: noticed after more than a second
}
KINDS = {**ENCODER_KINDS, **SOURCE_KINDS, **LOSSY_KINDS}
# Where drivers run against stand-ins: what only a vendor's interface can do (vendor.py), on air and on standby, and
# enough of the others to mix with it.
PAIR_KINDS = {
    "vendor": 24,
    "vendor_standby": 7,
    "vendor_bitrate": 2,   # a change of bitrate that the path on air cannot do
    "vendor_restart": 3,   # the path on air is killed, and who is started next cannot be opened
    "trap": 4,             # the path on air is killed when the standby is about to fail in its vendor's way
    "kill": 3,
    "freeze": 2,
    "planned": 2,
    "bad_message": 1,
    "double": 1,
}
VENDOR_KINDS = ("vendor", "vendor_standby", "vendor_bitrate", "vendor_restart", "trap")
CONTROL_KINDS = ("drop", "swallow", "garbage", "silence", "slow", "crash", "hang", "bad_message")

RECOVERY_LIMIT_S = 30
VENDOR_LIMIT_S = 10  # a fault of a vendor's interface that is noticed later than this is not noticed


def plan(seed, count, shares):
    """`count` faults in an order that the seed decides; every kind comes in its share, at least once."""
    rng = random.Random(seed)
    total = sum(shares.values())
    kinds = [kind for kind, share in shares.items() for _ in range(max(1, count * share // total))]
    fillers = {kind: share for kind, share in shares.items()
               if kind not in LOSSY_KINDS and kind not in SOURCE_KINDS}
    while len(kinds) < count:
        kinds.append(rng.choices(list(fillers), fillers.values())[0])
    rng.shuffle(kinds)
    return [{"kind": kind, "wait_s": rng.uniform(0.08, 0.4), "a": rng.random(), "b": rng.random()}
            for kind in kinds[:count]]


class Victim:
    """A worker process, named by a descriptor so that a signal never hits a successor with the same number."""

    def __init__(self, pid):
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def signal(self, number):
        try:
            signal.pidfd_send_signal(self.fd, number)
            return True
        except ProcessLookupError:
            return False

    def close(self):
        os.close(self.fd)


def path_by_letter(status, letter):
    return next(path for path in status["paths"] if path["path"] == letter)


def replaced(status, letter, pid):
    return path_by_letter(status, letter)["worker"]["pid"] != pid


class Injector:
    """Makes faults happen to one box and waits until it stands as before."""

    def __init__(self, box, folder, port, tap, latency_ms, standins=None):
        self.box, self.folder, self.port, self.tap, self.latency_ms = box, folder, port, tap, latency_ms
        self.standins = standins
        self.receivers = []

    def new_receiver(self):
        receiver = Receiver(self.folder, f"peer{len(self.receivers)}", self.port, self.tap, self.latency_ms)
        self.receivers.append(receiver)
        return receiver

    def inject(self, fault):
        """Does it. Returns a record: before and after (status documents), when (UTC seconds), what was hit."""
        if fault["kind"] == "peer_kill":
            time.sleep(self.latency_ms / 1000 + 0.1)  # what it takes with it was captured after the fault before
        # On a machine that does other things too a path may have stalled by itself since the fault before.
        before = self.box.wait_on_air(RECOVERY_LIMIT_S)
        record = {"kind": fault["kind"], "before": before, "hit": active_path(before)["path"]}
        over = getattr(self, "_" + fault["kind"], self._control)(fault, record)
        begun_s = time.monotonic()
        record["after"] = wait_for(f"recovery from {fault['kind']}", lambda: self._quiet_and(over),
                                   VENDOR_LIMIT_S if fault["kind"] in VENDOR_KINDS else RECOVERY_LIMIT_S, 0.05)
        record["recovery_s"] = time.monotonic() - begun_s
        return record

    def _quiet_and(self, over):
        check(self.box.process.poll() is None, f"castord ended: {self.box.log_tail()}")
        status = self.box.status()
        return status if is_quiet(status) and over(status) else None

    def _victim(self, record, path):
        record["hit"] = path["path"]
        return Victim(path["worker"]["pid"])

    @staticmethod
    def _now(record):
        record["utc_s"], record["monotonic_s"] = time.time(), time.monotonic()

    def _signal_path(self, record, path, number):
        victim = self._victim(record, path)
        self._now(record)
        victim.signal(number)
        victim.close()
        return lambda status: replaced(status, path["path"], victim.pid)

    # ---- faults of an encoder path ----

    def _kill(self, _fault, record):
        return self._signal_path(record, active_path(record["before"]), signal.SIGKILL)

    def _freeze(self, _fault, record):
        return self._signal_path(record, active_path(record["before"]), signal.SIGSTOP)

    def _standby_kill(self, _fault, record):
        return self._signal_path(record, standby_path(record["before"]), signal.SIGKILL)

    def _standby_freeze(self, _fault, record):
        return self._signal_path(record, standby_path(record["before"]), signal.SIGSTOP)

    def _freeze_thaw(self, fault, record):
        path = active_path(record["before"])
        victim = self._victim(record, path)
        self._now(record)
        victim.signal(signal.SIGSTOP)
        time.sleep(0.14 * fault["a"])
        record["thawed_alive"] = victim.signal(signal.SIGCONT)
        victim.close()
        settled = time.monotonic() + 0.3  # what the budget has to decide is decided
        return lambda status: time.monotonic() > settled

    def _fault_command(self, letter, kind, count=1, factor=3):
        reply = self.box.command("fault", path=letter, kind=kind, count=count, factor=factor)
        check(reply.get("ok"), f"castord refuses the fault {kind}: {reply}")

    def _control(self, fault, record):
        path = active_path(record["before"])
        pid = path["worker"]["pid"]
        self._now(record)
        self._fault_command(path["path"], fault["kind"], 1 + int(fault["a"] * 3))
        if fault["kind"] == "slow":
            settled = time.monotonic() + 0.3
            return lambda status: time.monotonic() > settled
        return lambda status: replaced(status, path["path"], pid)

    def _crawl(self, fault, record):
        path = active_path(record["before"])
        pid = path["worker"]["pid"]
        self._now(record)
        self._fault_command(path["path"], "slow", 1, 60)
        return lambda status: replaced(status, path["path"], pid)

    def _planned(self, _fault, record):
        target = standby_path(record["before"])["path"]
        self._now(record)
        reply = self.box.command("switch", path=target)
        check(reply.get("ok"), f"castord refuses a planned switch: {reply}")
        # On a machine that does other things too the target may have stalled since.
        return lambda status: status["switches"]["count"] > record["before"]["switches"]["count"]

    def _double(self, fault, record):
        first, second = active_path(record["before"]), standby_path(record["before"])
        one, two = self._victim(record, first), Victim(second["worker"]["pid"])
        self._now(record)
        one.signal(signal.SIGKILL if fault["b"] < 0.5 else signal.SIGSTOP)
        time.sleep(0.06 * fault["a"])
        two.signal(signal.SIGKILL if fault["b"] * 2 % 1 < 0.7 else signal.SIGSTOP)
        one.close()
        two.close()
        return lambda status: (replaced(status, first["path"], one.pid) and
                               replaced(status, second["path"], two.pid))

    # ---- faults of a vendor's interface ----

    def _tell(self, path, record, role, kinds=vendor.KINDS):
        """Has the stand-in of a path's vendor fail; gives what tells that it did and what came of it."""
        driver, pid = path["driver"], path["worker"]["pid"]
        kind = self.standins.next_kind(driver, role, kinds)
        word, outcome = kinds[driver][kind]
        record["kind"] = f"{driver} {kind}" + ("" if role == "on air" else f", {role}")
        self.standins.tell(pid, word)
        must_end = outcome in vendor.MUST_END[role]
        settled = []

        def over(status):
            if replaced(status, path["path"], pid):
                self.standins.forget(pid)
                return True
            if not settled and self.standins.took(pid):
                settled.append(time.monotonic() + 0.4)
            return not must_end and settled and time.monotonic() > settled[0]
        return over

    def _vendor(self, fault, record):
        path = active_path(record["before"])
        if path["driver"] not in vendor.KINDS:  # software: what the worker itself can do
            fault["kind"] = record["kind"] = CONTROL_KINDS[int(fault["b"] * len(CONTROL_KINDS))]
            return self._control(fault, record)
        self._now(record)
        return self._tell(path, record, "on air")

    def _vendor_standby(self, fault, record):
        path = standby_path(record["before"])
        if path["driver"] not in vendor.KINDS:
            record["kind"] = "standby_kill"
            return self._standby_kill(fault, record)
        record["hit"] = path["path"]
        self._now(record)
        return self._tell(path, record, self.box.config["switch"]["standby"] + " standby")

    def _vendor_bitrate(self, fault, record):
        path = active_path(record["before"])
        encoder = self.box.config["encoder"]
        encoder["bitrate_kbps"] = 1300 if encoder["bitrate_kbps"] == 1000 else 1000
        over = lambda status: True  # noqa: E731 - a driver that has no call of its own for it
        record["kind"] = "bitrate"
        if path["driver"] in vendor.BITRATE:
            over = self._tell(path, record, "bitrate", vendor.BITRATE)
        self._now(record)
        reply = self.box.command("reload", config=self.box.config)
        check(reply["ok"], f"castord refuses another bitrate: {reply}")
        return over

    def _vendor_restart(self, fault, record):
        # Of three paths two run; the third is started when one of them has ended.
        spare = next((path for path in record["before"]["paths"] if path["state"] == "startable"), None)
        if not spare or spare["driver"] not in vendor.OPENING:
            record["kind"] = "kill"
            return self._kill(fault, record)
        driver, failures = spare["driver"], sum(spare["failures"].values())
        kind = self.standins.next_kind(driver, "opening", vendor.OPENING)
        self.standins.tell(driver, vendor.OPENING[driver][kind])
        over = self._kill(fault, record)
        record["kind"] = f"{driver} {kind}, next"
        return lambda status: (over(status) and
                               sum(path_by_letter(status, spare["path"])["failures"].values()) > failures)

    def _trap(self, fault, record):
        path = standby_path(record["before"])
        if path["driver"] not in vendor.KINDS:
            record["kind"] = "kill"
            return self._kill(fault, record)
        over_standby = self._tell(path, record, "trap")
        over_active = self._kill(fault, record)
        return lambda status: over_active(status) and over_standby(status)

    # ---- faults of the source ----

    def _capture_kill(self, _fault, record):
        return self._signal_capture(record, signal.SIGKILL)

    def _capture_freeze(self, _fault, record):
        return self._signal_capture(record, signal.SIGSTOP)

    def _signal_capture(self, record, number):
        victim = Victim(record["before"]["source"]["worker"]["pid"])
        captured = record["before"]["frames"]["captured"]
        record["hit"] = "capture"
        self._now(record)
        victim.signal(number)
        victim.close()
        return lambda status: (status["source"]["worker"]["pid"] != victim.pid and
                               status["frames"]["captured"] > captured + 5)

    # ---- faults that lose frames ----

    def _egress_kill(self, _fault, record):
        victim = Victim(record["before"]["egress"]["worker"]["pid"])
        record["hit"] = "egress"
        self._now(record)
        victim.signal(signal.SIGKILL)
        victim.close()
        return lambda status: (status["egress"]["worker"]["pid"] != victim.pid and
                               still_flowing(record["before"], status))

    def _peer_kill(self, fault, record):
        connections = record["before"]["destinations"][0]["connections"]
        record["hit"] = "peer"
        self._now(record)
        self.receivers[-1].stop(signal.SIGKILL)
        time.sleep(fault["a"])
        self.new_receiver()
        return lambda status: (status["destinations"][0]["connections"] > connections and
                               still_flowing(record["before"], status))


def still_flowing(before, after):
    """Whether the destination takes frames again: a few more than were under way."""
    return after["destinations"][0]["sent"] > before["destinations"][0]["sent"] + 5
