"""The web pages in a real browser: one clicks through them, nothing planted runs, and nothing is blocked that we need."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from aggregator.formats import atom, html, rss
from tests import build, pictured
from tests.server import Server
from tests.test_pages import BASE, channel, planet, wicked

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
CLICK_ALL = """
    addEventListener("click", event => !event.target.closest("summary, a[href^='javascript:' i]") && event.preventDefault());
    document.querySelectorAll("main a, summary").forEach(each => each.click());
"""
TYPES = {".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml", ".xml": "application/xml"}


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The Chromium of this machine; in CI it must be there."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium or not find_spec("playwright"):
        missing = "no Chromium is installed, or not the package playwright"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=QUIET.split())
        yield running
        running.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A telephone's page in which every complaint and every dialog is a failure; other machines answer "No Content"."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(10_000)
    context.route(
        lambda url: "//127.0.0.1:" not in url and not url.startswith("file:"), lambda route: route.fulfill(status=204)
    )
    complaints: list[str] = []

    def dismiss(dialog: "Dialog") -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page = context.new_page()
    page.on("console", lambda told: complaints.append(told.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", dismiss)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def serve(server: Server, documents: dict[str, bytes]) -> None:
    for name, data in documents.items():
        kind = {"Content-Type": TYPES[Path(name).suffix]}
        server.put(f"/{name}", data, headers=kind)
        if name.endswith("index.html"):
            server.put(f"/{name.removesuffix('index.html')}", data, headers=kind)


def styled(page: "Page") -> bool:
    """The style sheet has arrived, and was let in."""
    page.wait_for_load_state()
    return bool(page.evaluate("getComputedStyle(document.querySelector('.site')).display == 'flex'"))


def fits(page: "Page") -> bool:
    """Nothing sticks out at the side of the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_walk(server: Server, page: "Page") -> None:
    serve(server, planet())
    page.goto(server.url("/"))
    assert styled(page) and fits(page)
    page.locator("#categories a", has_text="Feeds & formats").click()
    assert page.locator("h1").inner_text() == "Feeds & formats"
    assert styled(page) and fits(page)
    page.locator(".path a", has_text="Tech").click()
    assert page.url == server.url("/tech/index.html")
    page.locator(".site nav a", has_text="Sources").click()
    assert page.locator("tbody tr").count() == 4
    assert styled(page) and fits(page)
    page.locator(".site .name").click()
    page.locator(".way a", has_text="Older").click()
    assert page.locator("h1").inner_text() == "Everything Archive 1"
    page.locator(".way a", has_text="Newest").click()
    assert page.url == server.url("/index.html")


def test_the_keyboard_comes_first_to_the_entries(server: Server, page: "Page") -> None:
    serve(server, planet())
    page.goto(server.url("/"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getBoundingClientRect().width > 50"), "the link shows itself"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_it_opens_from_a_disk(tmp_path: Path, page: "Page") -> None:
    for name, data in planet().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    page.goto((tmp_path / "index.html").as_uri())
    assert styled(page)
    page.locator("#categories a", has_text="新媒体").click()
    assert page.locator("h1").inner_text() == "新媒体"
    assert styled(page)


def test_nothing_planted_runs(server: Server, page: "Page") -> None:
    serve(server, dict(html.documents(wicked())))
    for path in ("/", "/sources.html"):
        page.goto(server.url(path))
        page.evaluate(CLICK_ALL)
        page.evaluate("new Promise(done => setTimeout(done, 200))")  # what was clicked has its time to run
        assert page.locator("article, tbody tr").count() == 1
        assert fits(page)


def test_what_is_not_ours_is_stopped(server: Server, browser: "Browser") -> None:
    """The policy in the page is in force: even a script that got into it does not run."""
    documents = html.documents(channel(build.entry(), number=0))
    serve(
        server,
        {"index.html": documents["index.html"].replace(b"</main>", b"<script>document.title = 'ran'</script></main>")},
    )
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(server.url("/index.html"))
    assert page.title() != "ran"
    assert any("Content Security Policy" in one for one in told)
    page.context.close()


def test_a_feed_is_readable(server: Server, page: "Page") -> None:
    mark = b'?>\n<?xml-stylesheet type="text/css" href="feed.css"?>\n'
    entries = build.rich_channel().entries
    documents = {"feed.css": html.documents(channel(number=0))["feed.css"]}
    for kind in (atom, rss):
        documents[kind.FILENAME] = kind.render(channel(*entries, page=BASE)).replace(b"?>\n", mark, 1)
    serve(server, documents)
    server.put("/favicon.ico", b"", headers={"Content-Type": "image/x-icon"})
    for name, content in (("rss.xml", "encoded"), ("atom.xml", "content")):
        page.goto(server.url(f"/{name}"))
        show = "name => getComputedStyle(document.getElementsByTagNameNS('*', name)[0]).display"
        assert page.evaluate(show, "title") == "block"
        assert page.evaluate(show, content) == "none"
        assert fits(page)


def test_titles_have_letters_that_suit_their_script(server: Server, page: "Page") -> None:
    serve(server, dict(pictured.documents()))
    page.goto(server.url("/"))
    fonts = page.evaluate("[...document.querySelectorAll('article h2')].map(each => getComputedStyle(each).fontFamily)")
    english, chinese, arabic = fonts
    assert english != page.evaluate("getComputedStyle(document.body).fontFamily")
    assert chinese == arabic == page.evaluate("getComputedStyle(document.body).fontFamily")


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [("planet-desktop", 1280, 900, "light"), ("planet-telephone", 390, 844, "dark")],
)
def test_the_pictures_of_the_readme(
    server: Server,
    browser: "Browser",
    tmp_path: Path,
    name: str,
    width: int,
    height: int,
    scheme: Literal["light", "dark"],
) -> None:
    """They can be made, and are written to the folder AGGREGATOR_SHOTS where that is set."""
    serve(server, dict(pictured.documents()))
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.route(
        f"{pictured.PICTURES}*.svg",
        lambda route: route.fulfill(body=pictured.drawn(Path(route.request.url).stem), content_type="image/svg+xml"),
    )
    page.goto(server.url("/"))
    page.wait_for_load_state("networkidle")
    assert styled(page) and fits(page)
    pictured.shoot(page, tmp_path, name)
    page.context.close()
