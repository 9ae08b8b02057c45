"""Mutated posts, configs, lists of feeds and requests: each is taken or refused in one line, and nothing stumbles."""

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest

from aggregator import config as configs
from aggregator import importing
from aggregator.errors import AggregatorError, ConfigError
from aggregator.hubs import Delivered
from aggregator.model import Document, Limits, Validators
from aggregator.planning import align
from aggregator.store.engine import open_store
from tests.conftest import CORPUS
from tests.faults import doors, flow
from tests.faults.amounts import much, told
from tests.faults.mutating import FEW, mutated
from tests.hub import Hub
from tests.listening import Listening, listening
from tests.planet import NOON, Planet, atom
from tests.server import Server
from tests.test_serve import Running, serving

COUNT = much(200, 5000)
TOGETHER = 200

# --- Posts ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("strict")
@pytest.mark.filterwarnings("error")
def test_mutated_posts(tmp_path: Path, template: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each is read, or is named once; the same files change from run to run."""
    bases, met, found = doors.posts(CORPUS), Counter[str](), list[str]()
    planet = Planet(tmp_path)
    planet.site |= {"items": 10_000, "max_feed_bytes": "1000MB", "formats": ["atom", "json", "post"]}
    planet.seeds(base_url="https://planet.example/blog/")
    with flow.opened(planet, template) as engine:
        for first in range(0, COUNT, TOGETHER):
            names = {}
            for number in range(first, first + TOGETHER):
                chance = Random(number)
                name = f"{number % TOGETHER}{doors.ENDINGS[number % len(doors.ENDINGS)]}"
                names[name] = number
                made = mutated(chance, bases[number % len(bases)], bases, doors.FOR_POSTS)
                (tmp_path / "seeds" / name).write_bytes(made)
            (visit,), wrong = flow.run(planet, engine, _nobody, ["seed:seeds"], met)
            found += [f"{first}: {why}" for why in wrong]
            found += [f"{names[name]}: was not read" for name in names.keys() - visit.documents.keys() - visit.broken]
            for name, said in visit.said.items():
                if (name in visit.broken and len(said) != 1) or not all(_is_a_line(line) for line in said):
                    found.append(f"{names[name]}: {said}")
                found += [f"{names[name]}: {line}" for line in said if flow.is_ours(line)]
                met["too expensive"] += sum("too expensive" in line for line in said)
            met.update(documents=len(visit.documents), broken=len(visit.broken))
            planet.now += timedelta(hours=2)
    told("mutated posts", of=COUNT, **met)
    found += [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert not found, "\n".join(found)
    assert met["too expensive"] <= COUNT // 1000
    assert met["documents"] > COUNT / 2, "most can still be read, else this says little"


async def _nobody(url: str, known: Validators, limits: Limits) -> Document:
    raise AssertionError(f"{url} is asked")


def _is_a_line(said: str) -> bool:
    """Whether it is one line of text; of what terminals obey beyond that, whoever shows it takes care."""
    return said != "" and not re.search("[\x00-\x1f\x85\u2028\u2029\ud800-\udfff]", said)


# --- Configs --------------------------------------------------------------------------------------------------------


def test_mutated_configs(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A config, which then can be used, or its problems, each a line with its place; never with what a URL hides."""
    for name in ("TOKEN", "KEY", "BASIC", "PROXY"):
        monkeypatch.setenv(name, "user:a-long-enough-secret")
    file = tmp_path / "config" / "aggregator.toml"
    file.parent.mkdir()
    (tmp_path / "seeds").mkdir()
    engine = open_store(f"sqlite:///{shutil.copy(template, tmp_path / 'store.db')}")
    met, found = Counter[str](), list[str]()
    for number in range(COUNT):
        file.write_bytes(doors.config(Random(number)))
        try:
            align(engine, configs.load(file, look=number % 2 == 0), NOON)
            met["used"] += 1
        except ConfigError as error:
            met["refused"] += 1
            said = error.problems or ("nothing is said",)
            pattern = rf"{re.escape(str(file))}:\d+: .+"
            bad = [
                each for each in said if not re.fullmatch(pattern, each) or not _is_a_line(each) or "hunter2" in each
            ]
            found += [f"{number}: {each!r}" for each in bad]
        except Exception as error:
            found.append(f"{number}: {type(error).__name__}: {error}")
    engine.dispose()
    told("mutated configs", of=COUNT, **met)
    assert not found, "\n".join(found)
    assert min(met["used"], met["refused"]) > COUNT / 20


# --- Lists of feeds -------------------------------------------------------------------------------------------------


def test_mutated_lists() -> None:
    """What is in a list, each feed with an address that may be asked, or one line."""
    bases, met, found = doors.lists(Path(__file__).parents[1] / "fixtures" / "importing"), Counter[str](), list[str]()
    for number in range(COUNT):
        data = mutated(Random(number), bases[number % len(bases)], bases, doors.FOR_LISTS)
        try:
            read = importing.read(data, "list")
            met.update({"read": 1, "feeds": len(read.feeds), read.kind: 1})
            bad = [each for each in read.feeds if not re.match(r"https?://[^/]|rsshub://", each.url)]
            bad += [each for each in read.feeds if not _is_a_line(f"{each.url} {each.title} {each.categories}")]
            found += [f"{number}: {each}" for each in bad]
        except AggregatorError as error:
            met["refused"] += 1
            found += [f"{number}: {error}"] * (not _is_a_line(str(error)))
        except Exception as error:
            found.append(f"{number}: {type(error).__name__}: {error}")
    told("mutated lists", of=COUNT, **met)
    assert not found, "\n".join(found)
    assert met["read"] > COUNT / 4


# --- Requests -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`aggregator serve` and its dashboard, with something to show."""
    planet = Planet(tmp_path_factory.mktemp("served"))
    planet.site["formats"] = ["rss", "atom", "json", "html"]
    planet.seeds()
    planet.post("a.md", "Words. " * 300, title="A post", categories=["Tech"])
    planet.run()
    with serving(planet) as running:
        yield running


@pytest.mark.parametrize("door", ["public", "dashboard"])
def test_mutated_requests(served: Running, door: str) -> None:
    """An answer that is no 500, or the end of the connection; the server goes on and its log says nothing of a bug."""
    url = served.url if door == "public" else served.dashboard
    paths = (
        ("/", "/rss.xml", "/tech/", "/index.html", "/healthz")
        if door == "public"
        else ("/", "/_/", "/_/source/1", "/_/style.css", "/metrics")
    )
    _knock(url, paths, COUNT // 3, f"requests: {door}")
    assert served.process.poll() is None
    log = served.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in log and "Exception" not in log, log[-3000:]


def test_mutated_callbacks(planet: Planet, caplog: pytest.LogCaptureFixture) -> None:
    """The same for what hubs call; what is not signed is no delivery."""
    with Server() as server, listening(planet) as daemon:
        hub = _subscribed(planet, server, daemon)
        path = urlsplit(hub.asked[-1]["hub.callback"]).path
        _knock(
            str(planet.web["public_url"]), (path, path, "/_/websub/x", "/rss.xml"), COUNT // 3, "requests: callbacks"
        )
        events = [daemon.inbox.get() for _ in range(daemon.inbox.qsize())]
        assert not [each for each in events if isinstance(each, Delivered)]
    errors = [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]
    assert not errors, [(each.getMessage(), each.exc_text) for each in errors]


def _subscribed(planet: Planet, server: Server, daemon: Listening) -> Hub:
    """A subscription that was verified."""
    hub = Hub(server)
    planet.feed(server.url("/feed"))
    server.put("/feed", atom([{"id": "urn:1", "title": "One", "date": NOON}], hub=hub.url, self=server.url("/feed")))
    daemon.poll()
    assert daemon.tend() == ()
    assert daemon.held and daemon.held.state == "active"
    return hub


def _knock(url: str, paths: tuple[str, ...], count: int, name: str) -> None:
    """So many requests, some at a time, each on a connection of its own; then a good one."""
    place = urlsplit(url)
    assert place.hostname and place.port
    bases = doors.requests(paths, f"localhost:{place.port}")
    made = [
        mutated(Random(number), bases[number % len(bases)], bases, doors.FOR_REQUESTS, FEW) for number in range(count)
    ]

    async def all_of_them() -> list[bytes]:
        room = asyncio.Semaphore(32)
        return await asyncio.gather(*(_ask(place.port or 0, each, room) for each in made))

    answers = asyncio.run(all_of_them())
    met: Counter[str] = Counter()
    for number, answer in enumerate(answers):
        statuses = re.findall(rb"HTTP/1\.1 (\d{3})", answer)
        met.update({status.decode(): 1 for status in statuses} or {"closed": 1})
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), f"{number}: {answer[:200]!r}"
        assert not [each for each in statuses if each >= b"500" and each != b"503"], f"{number}: {made[number][:300]!r}"
        assert b"Traceback" not in answer, f"{number}: {answer[-2000:]!r}"
    told(name, of=count, **met)
    assert len(met) > 3
    good = asyncio.run(_ask(place.port, bases[0], asyncio.Semaphore()))
    assert re.match(rb"HTTP/1\.1 (?:200|307|404) ", good), good[:200]


async def _ask(port: int, raw: bytes, room: asyncio.Semaphore) -> bytes:
    """All that comes back until there is silence; then we say that we are done, and the server closes."""
    answer = b""
    async with room:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(ConnectionError):
            writer.write(raw)
            await writer.drain()
            with suppress(TimeoutError):
                while chunk := await asyncio.wait_for(reader.read(65536), 0.1 if answer else 1.0):
                    answer += chunk
            if not reader.at_eof():
                writer.write_eof()
                answer += await asyncio.wait_for(reader.read(), 30)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return answer
