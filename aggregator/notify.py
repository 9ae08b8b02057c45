"""Telling systemd how a service is: sd_notify(3) by its plain protocol, datagrams to the socket that it names.

Without `NOTIFY_SOCKET` in the environment (no systemd, or another Type=) nothing is told.
"""

import os
import socket
import time
from collections.abc import Mapping


def notify(*lines: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell these assignments, such as `READY=1` and `STATUS=visiting`. Whether they went out: that never raises.

    A socket whose name begins with @ is in Linux's abstract namespace.
    """
    name = environment.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return False
    address = "\0" + name[1:] if name.startswith("@") else name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)  # a service manager that does not read must not hold us up
            sender.sendto("\n".join(lines).encode(), address)
    except OSError:
        return False
    return True


def reloading() -> str:
    """What Type=notify-reload wants with RELOADING=1: the moment, by the monotonic clock."""
    return f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"


def watchdog_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often the watchdog wants a sign of life, at half of its limit (sd_watchdog_enabled(3)); None for never."""
    limit, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not limit.isdecimal() or not int(limit) or (pid and pid != str(os.getpid())):
        return None
    return int(limit) / 2_000_000
