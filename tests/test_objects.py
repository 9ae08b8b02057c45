"""An `output` in an object store: the same bytes as in a folder, nothing sent twice, nothing of anybody else's touched."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from aggregator import media, objects, rehearsal
from aggregator.errors import AggregatorError, ConfigError
from aggregator.objects import Bucket
from aggregator.web import app, server
from aggregator.web.documents import Shelf
from tests.buckets import SECRET, Objects
from tests.planet import NOON, Planet, once, started
from tests.running import running, until
from tests.server import Raw, Request, Response, Server

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OURS = b"<generator>aggregator</generator>"


@pytest.fixture(params=["rclone", "moto"])
def both(request: pytest.FixtureRequest) -> Objects:
    """Each of the servers in turn."""
    found: Objects = request.getfixturevalue(request.param)
    return found


def use(store: Objects, monkeypatch: pytest.MonkeyPatch, *, secret: str = SECRET) -> None:
    """Have this process use a server."""
    for name, value in store.environment(secret).items():
        monkeypatch.setenv(name, value)


def published(planet: Planet, bucket: str) -> Planet:
    """A planet whose output is in a bucket."""
    planet.site["output"] = f"s3://{bucket}/site"
    return planet


def made(root: Path) -> Planet:
    """A planet in a folder of its own."""
    root.mkdir()
    return Planet(root)


def post(planet: Planet, number: int, *path: str) -> None:
    categories = [list(path)] if path else []
    planet.post(f"{number}.md", title=f"Post {number}", date=str(NOON - number * DAY), categories=categories)


def filled(planet: Planet) -> Planet:
    """A planet with a few posts."""
    planet.seeds()
    for number in (1, 2, 3):
        post(planet, number, "tech")
    post(planet, 4, "新媒体", "c++ & 100%")
    return planet


# --- The same as in a folder ----------------------------------------------------------------------------------------


def test_the_same_bytes_as_in_a_folder(tmp_path: Path, both: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    use(both, monkeypatch)
    bucket = both.bucket()
    twins = (made(tmp_path / "folder"), published(made(tmp_path / "objects"), bucket))
    for twin in twins:
        twin.site |= {"formats": ["rss", "atom", "json", "html", "opml"], "gzip": True, "failures": "failures.xml"}
        twin.site |= {"items": 2, "archive": 1}
        filled(twin)

    def step(**options: bool) -> None:
        reports = [twin.run(later=HOUR, **options) for twin in twins]
        assert both.files(bucket, "site") == twins[0].files()
        assert reports[0].published == reports[1].published
        assert reports[1].is_well

    step()
    assert len(twins[0].files()) > 40
    for twin in twins:
        post(twin, 5, "tech")
        post(twin, 6, "new")
    step()
    for twin in twins:
        (twin.root / "seeds" / "6.md").unlink()
        twin.site["gzip"] = False
    step()
    for twin in twins:
        twin.site["gzip"] = True
    step(force=True)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(("s3", "site"))], "no folder of that name"


def test_objects_are_sent_as_serve_sends_files(tmp_path: Path, both: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    use(both, monkeypatch)
    bucket = both.bucket()
    here, there = filled(made(tmp_path / "folder")), filled(published(made(tmp_path / "objects"), bucket))
    for twin in (here, there):
        twin.site |= {"formats": ["rss", "atom", "json", "html", "opml"], "gzip": True, "failures": "failures.xml"}
        twin.fetch["interval"] = "2h"
        twin.run()
    terms, shelf = app.terms(here.load()), Shelf()
    seen = set()
    for path, stored in both.all(bucket).items():
        plain = path.removeprefix("site/").removesuffix(".gz")
        answer = app.respond(here.root / "feeds", shelf, terms, quote("/" + plain).encode(), {})
        told = {name: answer.headers[name] for name in ("Content-Type", "Cache-Control")}
        assert stored.headers == told | ({"Content-Encoding": "gzip"} if path.endswith(".gz") else {}), path
        seen.add(answer.headers["Content-Type"])
    assert {"application/rss+xml; charset=utf-8", "application/feed+json; charset=utf-8"} <= seen
    assert {"text/css; charset=utf-8", "image/svg+xml; charset=utf-8", "application/xml; charset=utf-8"} & seen
    assert answer.headers["Cache-Control"] == "public, max-age=7200"


NAMES = ["a.xml", "新媒体/r s.xml", "a+b&c/#1?.xml", "100%/%41.xml", "~/'(x)*!.xml", "e\u0301/é.xml", "a=b;c:d@e,f.xml"]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_found_again(name: str, both: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    use(both, monkeypatch)
    bucket = both.bucket()
    opened = objects.opened(f"s3://{bucket}/a b/ü", {}, "no-store")
    assert objects.write(opened, name, OURS)
    again = objects.opened(opened.url, {}, "no-store")
    assert [*again.known.there] == [name]
    assert objects.read(again, name) == OURS
    assert not objects.is_foreign(again, name, b"")
    again.known.sent.update(opened.known.sent)
    assert not objects.write(again, name, OURS)
    assert objects.remove(again, [name]) == {}
    assert both.all(bucket) == {}


# --- Nothing is sent twice ------------------------------------------------------------------------------------------


@pytest.mark.both_stores
def test_only_what_differs_is_sent(planet: Planet, moto: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    use(moto, monkeypatch)
    bucket = moto.bucket()
    published(planet, bucket)
    filled(planet).site |= {"items": 2, "archive": 1}

    def sent(*, force: bool = False) -> list[str]:
        before = [len(moto.asked(method, bucket)) for method in ("PUT", "GET")]
        report = planet.run(later=HOUR, force=force)
        put, got = (moto.asked(method, bucket)[n:] for method, n in zip(("PUT", "GET"), before, strict=True))
        assert len(got) == 1, "one list, and not one look at an object"
        assert sorted(map(unquote, put)) == sorted(f"site/{path}" for path in report.published.written)
        return sorted(report.published.written)

    assert len(sent()) > 10
    assert sent() == []
    assert sent(force=True) == []
    post(planet, 7, "tech")
    assert {path.partition("/")[0] for path in sent()} <= {"atom.xml", "rss.xml", "tech", "archive-3"}
    planet.fetch["interval"] = "2h"
    assert {"atom.xml", "rss.xml", "tech/atom.xml", "tech/rss.xml"} <= {*sent()}, "they are sent in another way"
    assert {each.headers["Cache-Control"] for path, each in moto.all(bucket).items() if "archive" not in path} == {
        "public, max-age=7200"
    }
    moto.drop(bucket, "site/tech/rss.xml")
    assert sent() == ["tech/rss.xml"], "what is lost is sent again"
    archive = next(path for path in moto.all(bucket) if "archive-1/rss.xml" in path)
    moto.drop(bucket, archive)
    assert archive.removeprefix("site/") in sent()


def test_archives_come_before_what_leads_to_them(
    planet: Planet, moto: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(moto, monkeypatch)
    bucket = moto.bucket()
    planet.site |= {"items": 1, "archive": 1, "formats": ["rss"], "gzip": True}
    filled(published(planet, bucket)).run()
    tech = [path for path in moto.asked("PUT", bucket) if path.startswith("site/tech/")]
    assert all(tech.index(path) < tech.index(f"{path}.gz") for path in tech if not path.endswith(".gz"))
    assert len(tech) > 4
    assert tech[-2:] == ["site/tech/rss.xml", "site/tech/rss.xml.gz"]


# --- What somebody else has put there -------------------------------------------------------------------------------


def opened(store: Objects, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    use(store, monkeypatch)
    return objects.opened(f"s3://{bucket}/site", {}, "no-store")


@pytest.mark.parametrize("in_the_way", [b"precious", b"\x1f\x8bprecious", b"", b"x" * 100_000])
def test_what_is_in_the_way_stays(
    planet: Planet, both: Objects, monkeypatch: pytest.MonkeyPatch, in_the_way: bytes
) -> None:
    use(both, monkeypatch)
    bucket = both.bucket()
    both.put(bucket, "site/rss.xml", in_the_way)
    both.put(bucket, "elsewhere/rss.xml", b"elsewhere")
    filled(published(planet, bucket))
    why = f"s3://{bucket}/site/rss.xml: was not written by aggregator; move it away, or choose another `output`"
    for _ in range(2):
        assert planet.run(later=HOUR).published.problems == (why,)
        assert both.files(bucket, "site")["rss.xml"] == in_the_way
        assert b"Post 1" in both.files(bucket, "site")["atom.xml"]
    both.drop(bucket, "site/rss.xml")
    assert planet.run(later=HOUR).published.written == ("rss.xml",)
    assert both.files(bucket, "elsewhere") == {"rss.xml": b"elsewhere"}


def test_what_came_in_place_of_ours_stays(planet: Planet, both: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    use(both, monkeypatch)
    bucket = both.bucket()
    filled(published(planet, bucket)).run()
    for path in ("site/rss.xml", "site/tech/rss.xml"):
        both.put(bucket, path, b"precious")
    post(planet, 8, "new")
    (problem,) = planet.run(later=HOUR).published.problems
    assert problem.startswith(f"s3://{bucket}/site/rss.xml: was not written by aggregator")
    for number in (1, 2, 3):
        (planet.root / "seeds" / f"{number}.md").unlink()
    planet.run(later=HOUR)
    files = both.files(bucket, "site")
    assert {path: files[path] for path in files if files[path] == b"precious"} == {
        "rss.xml": b"precious",
        "tech/rss.xml": b"precious",
    }
    assert "tech/atom.xml" not in files, "ours went with its category"


def test_what_names_us_is_ours_though_the_store_is_lost(
    planet: Planet, both: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(both, monkeypatch)
    bucket = both.bucket()
    planet.site |= {"gzip": True, "title": "One"}
    filled(published(planet, bucket)).run()
    shutil.rmtree(planet.root / "var")
    planet.site["title"] = "Two"
    report = planet.run(later=HOUR)
    assert not report.published.problems
    assert {"rss.xml", "rss.xml.gz", "tech/atom.xml"} <= {*report.published.written}
    assert b"Two" in both.files(bucket, "site")["rss.xml"]


def test_of_two_workers_none_replaces_what_is_newer(moto: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = moto.bucket()
    assert objects.write(opened(moto, bucket, monkeypatch), "old.xml", OURS + b"0")
    slow, quick = opened(moto, bucket, monkeypatch), opened(moto, bucket, monkeypatch)
    for path in ("old.xml", "new.xml"):
        assert objects.write(quick, path, OURS + b"2")
        assert objects.write(quick, path, OURS + b"3"), "one may write twice"
        with pytest.raises(AggregatorError, match=f"site/{path}: somebody else has written it since this run began"):
            objects.write(slow, path, OURS + b"1")
    assert moto.files(bucket, "site") == dict.fromkeys(("old.xml", "new.xml"), OURS + b"3")
    assert objects.write(opened(moto, bucket, monkeypatch), "old.xml", OURS + b"4"), "the next run looks again"


def test_what_is_removed_meanwhile_is_no_trouble(moto: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = moto.bucket()
    assert objects.write(opened(moto, bucket, monkeypatch), "a.xml", OURS)
    late = opened(moto, bucket, monkeypatch)
    moto.drop(bucket, "site/a.xml")
    assert objects.remove(late, ["a.xml", "b.xml"]) == {}
    assert not objects.is_there(late, "b.xml")


# --- Trouble --------------------------------------------------------------------------------------------------------


class Scripted(Server):
    """A server of objects that lists none, and answers puts as it is told."""

    def __init__(self, put: Response | Raw, listed: Response | Raw | None = None) -> None:
        super().__init__()
        self.now = put
        self.listed = listed or Response(b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        self.puts: list[Request] = []

    def answer(self, request: Request) -> Response | Raw:
        if request.method == "GET":
            return self.listed
        self.puts.append(request)
        return self.now


def said(status: int, code: str) -> Response:
    return Response(f"<Error><Code>{code}</Code><Message>\x1b[31mhm\nhm</Message></Error>".encode(), status)


TROUBLE = [
    (said(403, "AccessDenied"), "403 Forbidden (AccessDenied); look at AWS_ACCESS_KEY_ID"),
    (said(401, "Unauthorized"), "401 Unauthorized (Unauthorized); look at AWS_ACCESS_KEY_ID"),
    (said(404, "NoSuchBucket"), "there is no such bucket; create it, or mend `output`"),
    (said(503, "SlowDown"), "503 Service Unavailable (SlowDown); the next run tries again"),
    (said(400, "AuthorizationHeaderMalformed"), "the bucket is elsewhere: set AWS_REGION or AWS_ENDPOINT_URL"),
    (Raw([b"junk\r\n\r\n"]), "does not answer; look at AWS_ENDPOINT_URL"),
    (Raw([], end="hang"), "does not answer; look at AWS_ENDPOINT_URL"),
]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Waits that are long enough for loopback."""
    monkeypatch.setattr(objects, "_TIMEOUT", timedelta(seconds=1))
    monkeypatch.setattr(objects, "_RETRIES", timedelta(seconds=1))
    yield


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("answer", "why"), TROUBLE, ids=[why[:12] for _, why in TROUBLE])
@pytest.mark.parametrize("at_once", [True, False])
def test_trouble_is_one_line_and_the_next_run_goes_on(
    planet: Planet, moto: Objects, monkeypatch: pytest.MonkeyPatch, answer: Response | Raw, why: str, at_once: bool
) -> None:
    bucket = moto.bucket()
    filled(published(planet, bucket))
    use(moto, monkeypatch)
    with Scripted(answer, answer if at_once else None) as broken:
        monkeypatch.setenv("AWS_ENDPOINT_URL", broken.url(""))
        if at_once:
            with pytest.raises(AggregatorError) as raised:
                planet.run()
            problem = str(raised.value)
        else:
            report = planet.run()
            (problem,) = report.published.problems
            assert report.published.written == ()
            assert report.nothing_done
            assert len({request.path.rpartition("/")[0] for request in broken.puts}) == 1, (
                "other categories do not wait"
            )
    assert problem.startswith(f"s3://{bucket}/site: ")
    assert why in problem
    assert problem.isprintable()
    use(moto, monkeypatch)
    assert not planet.run(later=HOUR).published.problems
    assert {"rss.xml", "tech/rss.xml"} <= moto.files(bucket, "site").keys()


def test_a_server_without_conditions_is_used_without(planet: Planet, monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(Scripted):
        def answer(self, request: Request) -> Response | Raw:
            conditional = request.headers.keys() & {"if-match", "if-none-match"}
            super().answer(request)
            if request.method == "GET":
                return self.listed
            return said(501, "NotImplemented") if conditional else Response(headers={"ETag": f'"{len(self.puts)}"'})

    with Plain(Response()) as plain:
        for name, value in Objects(plain.url(""), Path()).environment().items():
            monkeypatch.setenv(name, value)
        report = filled(published(planet, "bucket")).run()
        assert not report.published.problems
        asked = [bool(request.headers.keys() & {"if-match", "if-none-match"}) for request in plain.puts]
        assert asked[0]
        assert asked.count(False) == len(report.published.written)
        assert sum(asked) <= 16, "it is not asked for them each time"


def test_a_long_trouble_with_one_object_leaves_the_others(planet: Planet, monkeypatch: pytest.MonkeyPatch) -> None:
    class Choosy(Scripted):
        def answer(self, request: Request) -> Response | Raw:
            refused = request.method == "PUT" and request.path.endswith("/site/rss.xml")
            return said(400, "KeyTooLongError") if refused else super().answer(request)

    with Choosy(Response(headers={"ETag": '"1"'})) as choosy:
        for name, value in Objects(choosy.url(""), Path()).environment().items():
            monkeypatch.setenv(name, value)
        report = filled(published(planet, "bucket")).run()
    why = "cannot be written: the server says 400 Bad Request (KeyTooLongError)"
    assert report.published.problems == (f"s3://bucket/site/rss.xml: {why}",)
    assert "atom.xml" in report.published.written


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "403 Forbidden (SignatureDoesNotMatch); look at AWS_ACCESS_KEY_ID and"),
        ({"AWS_ACCESS_KEY_ID": "wrong"}, "403 Forbidden (InvalidAccessKeyId); look at AWS_ACCESS_KEY_ID and"),
        ({"AWS_ACCESS_KEY_ID": "-"}, "there are no keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({"output": "s3://no-such-bucket/site"}, "there is no such bucket; create it, or mend `output`"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            "does not answer; look at AWS_ENDPOINT_URL and AWS_REGION; the next",
        ),
        (
            {"AWS_ENDPOINT_URL": ""},
            "AWS_ENDPOINT_URL in the environment is empty or wrong; write https://HOST, or remove",
        ),
        (
            {"AWS_ENDPOINT_URL": "127.0.0.1:9000"},
            "AWS_ENDPOINT_URL in the environment is empty or wrong; write https://",
        ),
        ({"AWS_ENDPOINT_URL": "https://a.example:99999"}, "AWS_ENDPOINT_URL in the environment is empty or wrong"),
        ({"AWS_ENDPOINT_URL": "http://me:word@a.example"}, "AWS_ENDPOINT_URL in the environment is empty or wrong"),
        ({"AWS_REGION": "us east"}, "AWS_REGION in the environment is empty or wrong; write the name of a region"),
        (
            {"AWS_SECRET_ACCESS_KEY": "x\n"},
            "AWS_SECRET_ACCESS_KEY in the environment is empty or wrong; write a key alone",
        ),
        ({"AWS_SESSION_TOKEN": "é"}, "AWS_SESSION_TOKEN in the environment is empty or wrong; write a key alone"),
        ({"AWS_CONDITIONAL_PUT": "junk"}, 'Failed to parse "junk" as S3PutConditional'),
    ],
)
def test_the_command_line_says_what_to_do(
    planet: Planet, rclone: Objects, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], why: str
) -> None:
    use(rclone, monkeypatch)
    filled(published(planet, rclone.bucket()))
    planet.site["output"] = change.get("output", planet.site["output"])
    for name, value in change.items():
        if name != "output":
            monkeypatch.setenv(name, value) if value != "-" else monkeypatch.delenv(name)
    done = once(planet)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert line.startswith(f"aggregator: {planet.site['output']}: ")
    assert why in line
    assert SECRET not in line


def test_names_that_cannot_be_listed_are_told(moto: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = moto.bucket()
    subprocess.run(
        [sys.executable, "-c", RAW_PUT, f"{moto.endpoint}/{bucket}/site/", f"{moto.endpoint}/{bucket}/site/folder/"],
        check=True,
    )
    assert objects.write(opened(moto, bucket, monkeypatch), "a.xml", OURS), "markers of folders harm nobody"
    subprocess.run([sys.executable, "-c", RAW_PUT, f"{moto.endpoint}/{bucket}/site//odd.xml"], check=True)
    with pytest.raises(
        AggregatorError, match=r"odd\.xml.*somebody's object; move it away, or write a prefix of your own"
    ):
        opened(moto, bucket, monkeypatch)


RAW_PUT = """
import sys, urllib.request
for url in sys.argv[1:]:
    urllib.request.urlopen(urllib.request.Request(url, data=b"", method="PUT"))
"""


# --- Killed, moved, rehearsed ---------------------------------------------------------------------------------------


def test_a_killed_run_is_made_good_by_the_next(tmp_path: Path, moto: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    use(moto, monkeypatch)
    bucket = moto.bucket()
    here, there = made(tmp_path / "folder"), published(made(tmp_path / "objects"), bucket)
    for twin in (here, there):
        twin.site |= {"items": 2, "archive": 1, "formats": ["rss", "atom", "json"]}
        twin.seeds()
        for number in range(1, 40):
            post(twin, number, f"c{number % 7}")
    with started(there) as process:
        until(lambda: len(moto.asked("PUT", bucket)) > 20 or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    half = moto.files(bucket, "site")
    here.run()
    report = there.run()
    assert not report.published.problems
    assert report.published.written, "it was killed in the middle"
    assert moto.files(bucket, "site") == here.files()
    assert {path: here.files()[path] for path in half} == half, "each was whole"


def test_an_output_that_moves_is_accounted_as_a_folder_is(
    tmp_path: Path, rclone: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(rclone, monkeypatch)
    bucket = rclone.bucket()
    first, second = made(tmp_path / "folder"), made(tmp_path / "objects")
    outputs = {first.root: "feeds", second.root: f"s3://{bucket}/site"}
    for twin in (first, second):
        filled(twin).site["output"] = outputs[twin.root]
        twin.run()
        twin.site["output"] = "elsewhere"
        (twin.root / "seeds" / "1.md").unlink()
        post(twin, 9, "late")
        twin.run(later=HOUR)
        twin.site["output"] = outputs[twin.root]
        (twin.root / "seeds" / "4.md").unlink()
        assert twin.run(later=HOUR).is_well
    assert rclone.files(bucket, "site") == first.files()
    elsewhere = [
        [path.read_bytes() for path in sorted((twin.root / "elsewhere").rglob("*.xml"))] for twin in (first, second)
    ]
    assert elsewhere[0] == elsewhere[1] != []


def test_a_rehearsal_puts_nothing(planet: Planet, moto: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    use(moto, monkeypatch)
    bucket = moto.bucket()
    loaded = filled(published(planet, bucket)).load()
    _, differences = rehearsal.rehearse(loaded, NOON)
    assert {"rss.xml", "tech/atom.xml"} <= {path for each in differences for path in each.files}
    assert moto.all(bucket) == {}
    planet.run()
    assert rehearsal.rehearse(loaded, NOON + HOUR)[1] == ()


def test_the_daemon_goes_on_when_the_store_is_back(planet: Planet, moto: Objects) -> None:
    bucket = moto.bucket()
    filled(published(planet, bucket))
    with running(planet, environment=moto.environment()) as daemon:
        daemon.wait_for("publish")
        assert daemon.end()[0] == 0
    assert {"rss.xml", "tech/rss.xml"} <= moto.files(bucket, "site").keys()
    post(planet, 9, "more")
    dead = moto.environment() | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    with running(planet, environment=dead) as daemon:
        assert "does not answer" in daemon.wait_for("publish")["message"]
        daemon.end()
    assert "more/rss.xml" not in moto.files(bucket, "site")


# --- The config -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://my.bucket-1/a/b c/ü/", "s3://my.bucket-1/a/b c/ü"),
        ("s3://", ""),
        ("s3://b/../c", ""),
        ("s3://b//c", ""),
        ("s3://key:hun/ter@bucket/x", ""),
        ("s3://bucket/x?endpoint=y", ""),
        ("gs://bucket/x", ""),
        ("https://bucket.example/x", ""),
        ("S3://bucket/x", ""),
    ],
)
def test_outputs(planet: Planet, output: str, expected: str) -> None:
    planet.site["output"] = output
    if expected:
        assert planet.load().bucket == expected
        return
    with pytest.raises(ConfigError) as raised:
        planet.load()
    (problem,) = raised.value.problems
    assert "site.output: write the path of a folder, or s3://BUCKET/PREFIX; its keys are in the environment" in problem
    assert "ter" not in problem.partition("site.output")[2].replace("write", "")


def test_what_serves_needs_a_folder(planet: Planet) -> None:
    planet.site["output"] = "s3://bucket/site"
    with pytest.raises(ConfigError, match=r"site\.output: s3://bucket/site is no folder"):
        server.listen(planet.load(), "127.0.0.1:0")
    planet.web["listen"] = "127.0.0.1:0"
    with pytest.raises(ConfigError, match="web: serves a folder, and `output` is none"):
        planet.load()


def test_without_its_extra_it_says_so(planet: Planet) -> None:
    file = filled(published(planet, "bucket")).write()
    for command, code, expected in (
        ("check", 2, "site.output: needs obstore; install aggregator with its extra: aggregator[s3]"),
        ("once", 1, "aggregator: s3://bucket/site: needs obstore; install aggregator with its extra: aggregator[s3]"),
    ):
        program = f"import sys; sys.modules['obstore'] = None; sys.argv[1:] = ['{command}', '--config', {str(file)!r}]"
        program += "; from aggregator.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", program], cwd=planet.root, capture_output=True, text=True)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
        assert expected in done.stderr


def test_a_folder_does_without_it(planet: Planet) -> None:
    file = filled(planet).write()
    program = "import sys; from datetime import UTC, datetime; from pathlib import Path; from aggregator import config, pipeline"
    program += f"; pipeline.run(config.load(Path({str(file)!r})), datetime.now(UTC)); print('obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert (planet.root / "feeds" / "rss.xml").exists()


def test_how_long_it_is_fresh() -> None:
    assert [media.max_age(timedelta(seconds=n)) for n in (0, 59, 61, 7200)] == [60, 60, 61, 7200]
