"""What a request costs: our client beside stock httpx and, where they are installed, aiohttp and pycurl.

    python benchmarks/fetch.py                 1,000 hosts, 5 rounds: some minutes
    python benchmarks/fetch.py --quick         100 hosts, 1 round: seconds, and rough figures
    python benchmarks/fetch.py --json          the same as JSON, for machines

One server in a process of its own is many hosts: 127.1.0.1, 127.1.0.2 ... Each is asked once, over plain HTTP, 50 at
once, as an hourly run does; so neither keep-alive nor the spacing between two requests to one host plays a part. Each
measurement is a fresh process with a new client, and rounds are interleaved, so that a busy minute of the machine hits
all alike. Every answer is checked.

How to read it. `cold` is a 200 with a gzip body of about 15 KB, decoded; `304` is a conditional request and its answer.
Both are milliseconds of CPU (user and system) of the client's process per request, imports left out, the median of the
rounds; `x` is the ratio to stock httpx (below 1 is cheaper). Ratios travel to other machines, milliseconds do not. Ours
resolves and checks each address, bounds bodies, spaces requests and remembers hosts; the others do none of that.

The second table is about waiting: each host answers after 200 ms, but 2 % take the request and never answer. No run
ends before its floor: the time after which a silent host is given up (the quickest of them), or all the waiting
shared among 50 places, whichever is more. "slowest first" is the order of a run that remembers the one before.
"""

import argparse
import asyncio
import gzip
import json
import os
import platform
import random
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module, metadata
from importlib.util import find_spec
from ipaddress import IPv4Address
from statistics import median
from typing import IO, Any, cast

AT_ONCE = 50
ANSWER_SECONDS = 0.2  # of a host in the second table
HANGS = 50  # every so manieth host never answers: 2 %
ETAG = '"5d8c72a5edda8d6a"'
CONTENDERS = {
    # the name in the table: the libraries that it needs beyond ours
    "aggregator": (),
    "aggregator, uvloop": ("uvloop",),
    "httpx": (),
    "aiohttp": ("aiohttp",),
    "pycurl": ("pycurl",),
}
CASES = {"cold": 200, "304": 304}


# --- The hosts ------------------------------------------------------------------------------------------------------


def feed() -> bytes:
    """An RSS document of about 50 KB, always the same, that gzip makes about 15 KB of."""
    chance = random.Random(20)  # noqa: S311 (nothing to guess)
    words = ["".join(chance.choices("abcdefghilmnoprstu", k=chance.randint(2, 9))) for _ in range(1500)]
    items = (
        f"<item><title>{' '.join(chance.choices(words, k=8))}</title><link>https://news.example/{number}</link>"
        f"<description>{' '.join(chance.choices(words, k=225))}</description></item>"
        for number in range(24)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{"".join(items)}</channel></rss>'.encode()


class Host(asyncio.Protocol):
    """HTTP/1.1, as little as the clients need: /feed at once, /slow after a while, /hang never."""

    packed = gzip.compress(feed(), mtime=0)
    full = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Encoding: gzip\r\nETag: %s\r\n"
        b"Cache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n%s"
    ) % (ETAG.encode(), len(packed), packed)
    unchanged = b"HTTP/1.1 304 Not Modified\r\nETag: %s\r\nCache-Control: max-age=600\r\n\r\n" % ETAG.encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.head = b""

    def data_received(self, data: bytes) -> None:
        self.head += data
        if not self.head.endswith(b"\r\n\r\n"):
            return
        head, self.head = self.head.lower(), b""
        answer = self.unchanged if b"\r\nif-none-match: " + ETAG.encode() in head else self.full
        if head.startswith(b"get /feed "):
            self.transport.write(answer)
        elif head.startswith(b"get /slow "):
            asyncio.get_running_loop().call_later(ANSWER_SECONDS, self.transport.write, answer)


async def serve() -> None:
    """Be all hosts until killed; the port is the first line of the output."""
    server = await asyncio.get_running_loop().create_server(Host, "0.0.0.0", 0, backlog=1024)  # noqa: S104
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def served() -> Iterator[int]:
    """The port of a server in its own process."""
    with subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield int(cast("IO[str]", process.stdout).readline())
        finally:
            process.kill()


def url(number: int, port: int, path: str) -> str:
    """The URL of a path on one of the hosts."""
    return f"http://{IPv4Address('127.1.0.1') + number}:{port}{path}"


# --- The contenders: each asks all URLs and gives (status, length of the decoded body) of every answer ---------------

Answers = Sequence[tuple[int, int]]


async def side_by_side(urls: Sequence[str], one: Callable[[str], Awaitable[tuple[int, int]]]) -> Answers:
    """Ask all, 50 at once."""
    places = asyncio.Semaphore(AT_ONCE)

    async def in_turn(address: str) -> tuple[int, int]:
        async with places:
            return await one(address)

    return await asyncio.gather(*map(in_turn, urls))


async def ours(urls: Sequence[str], etag: str, seconds: float = 30, given_up: list[float] | None = None) -> Answers:
    """aggregator.fetching; a host that is silent is (0, 0), and after how many seconds goes into `given_up`."""
    from aggregator.errors import FetchError
    from aggregator.fetching.client import open_client
    from aggregator.model import Limits, Validators

    known, limits = Validators(etag=etag), Limits(timeout=timedelta(seconds=seconds))
    async with open_client(
        contact="", allow_networks=("127.0.0.0/8",), concurrency=AT_ONCE, hosts={}, now=datetime.now(UTC)
    ) as fetch:

        async def one(address: str) -> tuple[int, int]:
            start = time.monotonic()
            try:
                document = await fetch(address, known, limits)
            except FetchError as error:
                if error.kind != "timeout" or given_up is None:
                    raise
                given_up.append(time.monotonic() - start)
                return 0, 0
            return 304 if document.not_modified else 200, len(document.body)

        return await side_by_side(urls, one)


async def stock_httpx(urls: Sequence[str], etag: str) -> Answers:
    """httpx.AsyncClient as it comes."""
    import httpx

    headers = {"If-None-Match": etag} if etag else {}
    async with httpx.AsyncClient() as client:

        async def one(address: str) -> tuple[int, int]:
            response = await client.get(address, headers=headers)
            return response.status_code, len(response.content)

        return await side_by_side(urls, one)


async def with_aiohttp(urls: Sequence[str], etag: str) -> Answers:
    """aiohttp.ClientSession as it comes."""
    aiohttp: Any = import_module("aiohttp")
    headers = {"If-None-Match": etag} if etag else {}
    async with aiohttp.ClientSession() as session:

        async def one(address: str) -> tuple[int, int]:
            async with session.get(address, headers=headers) as response:
                return response.status, len(await response.read())

        return await side_by_side(urls, one)


def with_pycurl(urls: Sequence[str], etag: str) -> Answers:
    """A CurlMulti with 50 handles that are used again and again."""
    pycurl: Any = import_module("pycurl")
    from io import BytesIO

    multi, waiting, answers = pycurl.CurlMulti(), list(reversed(urls)), []
    free, busy = [pycurl.Curl() for _ in range(AT_ONCE)], 0
    bodies: dict[Any, BytesIO] = {}
    for handle in free:
        handle.setopt(pycurl.NOSIGNAL, 1)
        handle.setopt(pycurl.ACCEPT_ENCODING, "gzip, deflate")
        handle.setopt(pycurl.HTTPHEADER, [f"If-None-Match: {etag}"] if etag else [])
    while waiting or busy:
        while waiting and free:
            handle = free.pop()
            bodies[handle] = BytesIO()
            handle.setopt(pycurl.URL, waiting.pop())
            handle.setopt(pycurl.WRITEDATA, bodies[handle])
            multi.add_handle(handle)
            busy += 1
        while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
            pass
        left = 1
        while left:
            left, done, failed = multi.info_read()
            for handle in done:
                answers.append((handle.getinfo(pycurl.RESPONSE_CODE), len(bodies[handle].getvalue())))
                multi.remove_handle(handle)
                free.append(handle)
                busy -= 1
            if failed:
                raise SystemExit(f"pycurl: {failed[0][1:]}")
        if busy:
            multi.select(1.0)
    return answers


# --- One measurement, in a process of its own -----------------------------------------------------------------------


def measure(name: str, case: str, hosts: int, port: int) -> dict[str, float]:
    """Milliseconds of CPU per request, seconds of wall clock, peak memory in MB."""
    for library in CONTENDERS[name]:
        import_module(library)
    import_module("aggregator.fetching.client" if name.startswith("aggregator") else name)
    urls = [url(number, port, "/feed") for number in range(hosts)]
    etag = ETAG if case == "304" else ""
    clients: dict[str, Callable[..., Any]] = {"httpx": stock_httpx, "aiohttp": with_aiohttp}
    loop_factory = import_module("uvloop").new_event_loop if "uvloop" in name else None
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    if name == "pycurl":
        answers = with_pycurl(urls, etag)
    else:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            answers = runner.run(clients.get(name, ours)(urls, etag))
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    expected = (CASES[case], 0 if case == "304" else len(feed()))
    if wrong := [answer for answer in answers if answer != expected] or len(answers) != hosts:
        raise SystemExit(f"{name}, {case}: not every answer is {expected}: {wrong}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_ms": 1000 * cpu / hosts, "wall": wall, "rss_mb": after.ru_maxrss / 1024}


def wait(order: str, hosts: int, port: int, seconds: float) -> dict[str, float]:
    """Seconds of wall clock when some hosts hang, with the floor of that."""
    import_module("aggregator.fetching.client")
    paths = ["/hang" if number % HANGS == HANGS // 2 else "/slow" for number in range(hosts)]
    if order == "slowest first":
        paths.sort()
    urls = [url(number, port, path) for number, path in enumerate(paths)]
    start = time.monotonic()
    given_up: list[float] = []
    answers = asyncio.run(ours(urls, "", seconds, given_up))
    wall = time.monotonic() - start
    hung = paths.count("/hang")
    if answers != [(0, 0) if path == "/hang" else (200, len(feed())) for path in paths]:
        raise SystemExit(f"{order}: {hung} hosts should have hung, and all others answered")
    silence = min(given_up, default=ANSWER_SECONDS)
    shared = (hung * silence + (hosts - hung) * ANSWER_SECONDS) / AT_ONCE
    return {"wall": wall, "floor": max(silence, shared)}


def child(*arguments: object) -> dict[str, float]:
    """Have a fresh process measure."""
    command = [sys.executable, __file__, "--child", json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    result: dict[str, float] = json.loads(done.stdout)
    return result


# --- The whole ------------------------------------------------------------------------------------------------------


def machine() -> str:
    """What this was measured on."""
    names = ("aggregator", "httpx", "httpcore", "anyio", "sniffio", "uvloop", "aiohttp", "pycurl")
    versions = (f"{name} {metadata.version(name)}" for name in names if find_spec(name))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores} cores, {platform.system()} {platform.machine()}, {python}, {', '.join(versions)}"


def run(hosts: int, rounds: int, seconds: float) -> dict[str, Any]:
    """All measurements; lists have one value a round."""
    missing = {name: [each for each in needs if not find_spec(each)] for name, needs in CONTENDERS.items()}
    present = [name for name in CONTENDERS if not missing[name]]
    requests: dict[str, dict[str, list[dict[str, float]]]] = {name: {case: [] for case in CASES} for name in present}
    waits: dict[str, list[dict[str, float]]] = {"as they come": [], "slowest first": []}
    with served() as port:
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for case in CASES:
                for name in present:
                    requests[name][case].append(child("measure", name, case, hosts, port))
        for order, results in waits.items():
            print(f"hanging hosts, {order}", file=sys.stderr)
            results.append(child("wait", order, hosts, port, seconds))
    return {
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "hosts": hosts,
        "rounds": rounds,
        "timeout": seconds,
        "requests": requests,
        "waits": waits,
        "missing": {name: needs for name, needs in missing.items() if needs},
    }


def tables(found: dict[str, Any]) -> str:
    """The results for people."""

    def middle(name: str, case: str, what: str) -> float:
        return float(median(each[what] for each in found["requests"][name][case]))

    lines = [
        f"{found['date']}: {found['machine']}",
        f"{found['hosts']} hosts, each asked once, {AT_ONCE} at once; the median of {found['rounds']} rounds",
        "",
        f"{'CPU ms per request':20}{'cold':>8}{'x':>7}{'304':>8}{'x':>7}{'peak MB':>10}",
    ]
    for name in found["requests"]:
        figures = ""
        for case in CASES:
            cpu = middle(name, case, "cpu_ms")
            figures += f"{cpu:8.2f}{cpu / middle('httpx', case, 'cpu_ms'):7.2f}"
        lines.append(f"{name:20}{figures}{middle(name, 'cold', 'rss_mb'):10.0f}")
    lines += [
        f"{name:20}  not measured: {', '.join(needs)} is not installed" for name, needs in found["missing"].items()
    ]
    hung = found["hosts"] // HANGS
    lines += [
        "",
        f"{hung} hosts hang (time-out {found['timeout']:g} s), the others take {1000 * ANSWER_SECONDS:.0f} ms",
    ]
    lines += [f"{'wall clock, s':20}{'ours':>8}{'floor':>7}{'x':>8}"]
    for order, (each,) in found["waits"].items():
        lines.append(f"{order:20}{each['wall']:8.2f}{each['floor']:7.2f}{each['wall'] / each['floor']:8.2f}")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, help="how many hosts (1000)")
    parser.add_argument("--rounds", type=int, help="how often each is measured (5)")
    parser.add_argument("--timeout", type=float, help="seconds until a host that hangs is given up (5)")
    parser.add_argument("--quick", action="store_true", help="100 hosts, 1 round, 1 second")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        asyncio.run(serve())
    elif asked.child:
        what, *arguments = json.loads(asked.child)
        print(json.dumps(measure(*arguments) if what == "measure" else wait(*arguments)))
    else:
        hosts, rounds, seconds = (100, 1, 1.0) if asked.quick else (1000, 5, 5.0)
        found = run(asked.hosts or hosts, asked.rounds or rounds, asked.timeout or seconds)
        print(json.dumps(found, indent=1) if asked.json else tables(found))


if __name__ == "__main__":
    main()
