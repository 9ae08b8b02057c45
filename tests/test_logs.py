"""The log of a service: whatever is logged is one line, without passwords."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.logs import say, set_up

LOG = logging.getLogger("aggregator.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(human: bool, *said: tuple[str, str], verbose: int = 0, quiet: bool = False) -> list[str]:
    stream = io.StringIO()
    set_up(stream, human=human, verbose=verbose, quiet=quiet)
    for name, message in said:
        say(LOG, name, message, source=message, number=3, left_out=None)
    return stream.getvalue().splitlines()


@given(st.text())
@settings(max_examples=100)
def test_an_event_is_one_line_that_no_terminal_obeys(text: str) -> None:
    text = f"{text} https://user:geheim@example.org/ {text}"
    for human in (True, False):
        (line,) = lines(human, ("visit", text))
        assert "geheim" not in line
        assert not [char for char in line if ord(char) < 32 or 127 <= ord(char) < 160]
    found = json.loads(line)
    assert (found["event"], found["level"], found["number"]) == ("visit", "info", 3)
    assert found["time"].endswith("Z")
    assert "left_out" not in found


@pytest.mark.parametrize("human", [True, False])
def test_a_trace_is_on_the_line_of_its_event(human: bool) -> None:
    stream = io.StringIO()
    set_up(stream, human=human)
    try:
        raise ValueError("https://user:geheim@example.org/\nbroken")
    except ValueError:
        LOG.exception("a mistake")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError" in line
    assert "geheim" not in line


@pytest.mark.parametrize(
    ("verbose", "quiet", "heard"),
    [
        (0, False, {"aggregator.test", "warning"}),
        (1, False, {"aggregator.test", "aggregator.fetching.client", "warning"}),
        (2, False, {"aggregator.test", "aggregator.fetching.client", "apscheduler", "warning"}),
        (0, True, {"warning"}),
    ],
)
def test_how_much_is_said(verbose: int, quiet: bool, heard: set[str]) -> None:
    stream = io.StringIO()
    set_up(stream, human=False, verbose=verbose, quiet=quiet)
    for name in ("aggregator.test", "aggregator.fetching.client", "apscheduler"):
        logging.getLogger(name).info(name)
    LOG.warning("warning")
    assert {json.loads(line)["message"] for line in stream.getvalue().splitlines()} == heard
