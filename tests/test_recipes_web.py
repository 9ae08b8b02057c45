"""The recipes for what stands in front of a planet, and behind it: web servers, an intranet, RSSHub, PostgreSQL."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import feedparser
import httpx
import pytest

from tests.conftest import needs
from tests.planet import Planet, rss
from tests.postgres import PASSWORD, Postgres
from tests.recipes import CONTRIB, ROOT, text
from tests.running import until
from tests.server import Request, Response, Server


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@contextmanager
def started(command: list[str], url: str, folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """A web server, from when it answers at a URL on."""
    log = folder / "server.log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=dict(env), stdout=said, stderr=said)
    try:

        def is_up() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return httpx.get(url, verify=False, trust_env=False).status_code > 0
            except httpx.TransportError:
                return False

        until(is_up, log.read_text)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@contextmanager
def nginx(planet: Planet, daemon: Server, folder: Path, certificate: Path) -> Iterator[str]:
    """nginx with our file, but for names, ports and places; its address."""
    port, plain = free_port(), free_port()
    site = (CONTRIB / "nginx.conf").read_text()
    site = re.sub(r".*listen \[::\].*\n", "", site)
    for old, new in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "http://127.0.0.1:8080": daemon.url(""),
        "/etc/letsencrypt/live/planet.example.org/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/planet.example.org/privkey.pem": str(certificate),
        "/srv/planet/feeds": str(planet.root / "feeds"),
    }.items():
        assert old in site, old
        site = site.replace(old, new)
    (folder / "site.conf").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""
    places = "".join(f"{each}_temp_path {each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    main = f"{user} daemon off; pid pid; error_log stderr; events {{}} http {{ access_log off; {places} include site.conf; }}"
    (folder / "nginx.conf").write_text(main)
    command = [needs("nginx", "/usr/sbin/nginx"), "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with started(command, f"https://127.0.0.1:{port}/", folder, os.environ):
        moved = httpx.get(f"http://127.0.0.1:{plain}/a?b", headers={"Host": "planet.example.org"}, trust_env=False)
        assert (moved.status_code, moved.headers["location"]) == (301, "https://planet.example.org/a?b")
        yield f"https://127.0.0.1:{port}"


@contextmanager
def caddy(planet: Planet, daemon: Server, folder: Path, _certificate: Path) -> Iterator[str]:
    """Caddy with our file as it is."""
    address = f"http://127.0.0.1:{free_port()}"
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\nimport {CONTRIB / 'Caddyfile'}\n")
    env = os.environ | {
        "PLANET_HOST": address,
        "PLANET_FEEDS": str(planet.root / "feeds"),
        "PLANET_DAEMON": f"127.0.0.1:{daemon.port}",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    command = [needs("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with started(command, address, folder, env):
        yield address


@pytest.mark.parametrize("front", [nginx, caddy])
def test_a_web_server_in_front(front: object, planet: Planet, tmp_path: Path, certificate: Path) -> None:
    """Documents from the disk as they should be, the daemon's own from the daemon, and nothing hidden."""
    planet.site |= {"formats": ["rss", "atom", "json", "html", "opml"], "gzip": True}
    planet.seeds()
    planet.post("a.md", "Some words. " * 200, title="A title", categories=["Tech"])
    planet.run()
    (planet.root / "feeds" / ".half").write_text("written just now")
    folder = tmp_path / "front"
    folder.mkdir()
    with Server() as daemon:
        daemon.put("/healthz", b'{"status": "ok"}')
        daemon.script("/_/websub/token", lambda request: Response(request.body, 202))
        assert callable(front)
        with (
            front(planet, daemon, folder, certificate) as url,
            httpx.Client(
                base_url=url, verify=False, trust_env=False, headers={"accept-encoding": "identity"}
            ) as client,
        ):
            looked_at(client, planet)
        assert [(each.method, each.path) for each in daemon.log] == [("GET", "/healthz"), ("POST", "/_/websub/token")]


def looked_at(client: httpx.Client, planet: Planet) -> None:
    types = {
        "/": "text/html; charset=utf-8",
        "/tech/": "text/html; charset=utf-8",
        "/rss.xml": "application/xml; charset=utf-8",
        "/tech/atom.xml": "application/xml; charset=utf-8",
        "/feed.json": "application/feed+json; charset=utf-8",
        "/subscriptions.opml": "text/x-opml; charset=utf-8",
    }
    for path, kind in types.items():
        got = client.get(path)
        assert (got.status_code, got.headers["content-type"]) == (200, kind), path
        assert got.content == planet.files()[path.lstrip("/") + ("index.html" if path.endswith("/") else "")]
        assert got.headers["cache-control"] == "public, max-age=3600"
        again = {"if-none-match": got.headers["etag"]}
        assert client.get(path, headers=again).status_code == 304
    packed = client.get("/atom.xml", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-type"] == "application/xml; charset=utf-8"
    assert int(packed.headers["content-length"]) == len(planet.files()["atom.xml.gz"])
    assert feedparser.parse(packed.content).entries[0].title == "A title"
    for absent in ("/.half", "/nothing.xml", "/tech/.half", "/%2ehalf"):
        assert client.get(absent).status_code == 404, absent
    assert client.get("/healthz").json() == {"status": "ok"}
    delivered = client.post("/_/websub/token", content=b"<feed/>")
    assert (delivered.status_code, delivered.content) == (202, b"<feed/>")


def once(folder: Path, config: str, **env: str) -> str:
    """`aggregator once` for a config, in an environment with little else; what it says of trouble."""
    file = folder / "config" / "aggregator.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "aggregator", "once"]
    env = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **env}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.stderr


def titles(folder: Path) -> list[str]:
    return [each.title for each in feedparser.parse(folder / "feeds" / "atom.xml").entries]


def test_an_intranet_with_an_authority_of_its_own(tmp_path: Path, https: Server, certificate: Path) -> None:
    def guarded(request: Request) -> Response:
        if request.headers.get("authorization") != "Basic bWU6c2VjcmV0":  # me:secret
            return Response(status=401)
        return Response(rss([{"guid": "1", "title": "Minutes", "link": "https://wiki.intra.example/1"}]))

    https.script("/feed.xml", guarded)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "wiki").write_text("me:secret\n")
    places = {"https://wiki.intra.example": f"https://localhost:{https.port}", '"wiki.intra.example"': '"localhost"'}
    config = text("intranet", places) + '\n[[host]]\nname = "localhost"\nspacing = "0s"\n'
    assert "certificate" in once(tmp_path, config)
    strict = config.replace(', "localhost"]', "]")
    assert strict != config
    trusted = {"SSL_CERT_FILE": str(certificate)}
    (tmp_path / "var" / "aggregator.db").unlink()
    assert "private address" in once(tmp_path, strict, **trusted)
    (tmp_path / "var" / "aggregator.db").unlink()
    assert once(tmp_path, config, **trusted) == ""
    assert titles(tmp_path) == ["Minutes"]


def test_rsshub_of_ones_own(tmp_path: Path) -> None:
    with Server() as own:
        own.put("/github/issue/DIYgod/RSSHub", rss([{"guid": "1", "title": "An issue", "link": "https://g.example/1"}]))
        here = f"127.0.0.1:{own.port}"
        config = text("rsshub", {"http://rsshub:1200": f"http://{here}", "rsshub:1200": here})
        assert once(tmp_path, config, HTTP_PROXY="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9") == ""
        assert [each.path for each in own.log if each.path != "/robots.txt"] == ["/github/issue/DIYgod/RSSHub"]
    assert titles(tmp_path) == ["An issue"]
    assert (tmp_path / "feeds" / "tech" / "rsshub" / "atom.xml").exists()


def test_the_store_of_compose_has_its_password_from_the_environment(tmp_path: Path, postgresql: Postgres) -> None:
    url = postgresql.empty()
    store = re.sub(r":[^:@]*@", "@", url, count=1)
    config = text("compose", {"postgresql+psycopg://planet@database/planet": store})
    config += '\n[[source]]\nkind = "seed"\npath = "seeds"\n'
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "a.md").write_text("---\ntitle: In PostgreSQL\n---\nText.\n")
    assert store in config and PASSWORD not in config
    assert "password" in once(tmp_path, config)
    assert once(tmp_path, config, PGPASSWORD=PASSWORD) == ""
    assert titles(tmp_path) == ["In PostgreSQL"]
    assert not list(tmp_path.rglob("*.db"))
    postgresql.drop(url)
