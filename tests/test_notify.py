"""Telling systemd; with real sockets in test_daemon."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from aggregator.notify import notify, watchdog_seconds


@pytest.mark.parametrize("name", ["", "relative", "vsock:2:1234", "/there/is/no/such/socket", "/" + "long" * 100])
def test_without_a_service_manager_nothing_is_told(name: str) -> None:
    assert notify("READY=1", environment={"NOTIFY_SOCKET": name}) is False
    assert notify("READY=1", environment={}) is False


def test_a_manager_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        told = [
            notify("STATUS=" + "x" * 1000, environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}) for _ in range(5000)
        ]
    assert told[0] is True
    assert told[-1] is False


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often_the_watchdog_wants_to_hear(environment: Mapping[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environment) == seconds
