"""No script of somebody else's runs where ours is shown: pages, dashboard, feeds, and readers that protect nobody.

What is promised of texts: a page of ours shows each as text. In Atom a title, summary or right is HTML where it has to
be, escaped for that, so that it is harmless however it is shown. In RSS a description is HTML, a title and names are text
(RSS profile, "Character Data"): a reader that takes such a text for HTML would harm its users by any feed there is.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from tests.faults import wicked
from tests.faults.amounts import much, told
from tests.faults.browsing import READER, Watch, watching
from tests.faults.payloads import PAYLOADS, armed
from tests.planet import Planet
from tests.server import Server
from tests.test_pages_in_browser import browser
from tests.test_serve import Running, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

SOME = list(enumerate(PAYLOADS))[:: much(17, 1)]
FEEDS = ("rss", "torn", "atom", "json", "named")


@dataclass(frozen=True)
class Shown:
    """A planet of payloads that is served, and where its sources are in the dashboard."""

    running: Running
    feeds: Path
    sources: int


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    planet = Planet(tmp_path_factory.mktemp("wicked"))
    with Server("0.0.0.0") as server:
        wicked.fill(planet, server, SOME)
    with serving(planet) as running:
        yield Shown(running, planet.root / "feeds", len(planet.sources))


@pytest.fixture(scope="module")
def chromium(shown: Shown, request: pytest.FixtureRequest) -> "Browser":
    """A browser, begun when the runs are over: playwright keeps an event loop in this thread, and so does a run."""
    found: Browser = request.getfixturevalue("browser")
    return found


def fine(watch: Watch, found: dict[str, Any], where: str) -> None:
    """Nothing ran, nobody was asked, and there is nothing that could."""
    ran = [(*wicked.place(code), PAYLOADS[code // 100]) for code in sorted(watch.ran)]
    assert not ran, (where, ran[:5])
    assert not watch.forbidden(), (where, watch.forbidden()[:5])
    assert not watch.said, (where, watch.said[:5])
    assert not found["handlers"] and not found["active"], (where, found)
    assert set(found["schemes"]) <= {"http:", "https:", "mailto:"}, (where, found["schemes"])


def entries(path: str) -> int:
    """How many entries stand in a page or feed, at the least; of what is torn, less than half are lost."""
    return {"sources.html": 0, "torn": len(SOME) // 2}.get(path.partition("/")[0], len(SOME))


# --- The payloads are real --------------------------------------------------------------------------------------------

RAW = """
async payloads => {
    const frames = [];
    for (const each of payloads)
        for (const whole of [false, true]) {
            const frame = document.createElement("iframe");
            frame.sandbox = "allow-scripts allow-same-origin allow-forms";  // and none may lead the page elsewhere
            if (whole) frame.srcdoc = each;
            frames.push(document.body.appendChild(frame));
            if (!whole) frame.contentDocument.body.innerHTML = each;
        }
    await new Promise(done => setTimeout(done, 1000));
    for (const frame of frames)
        for (const one of frame.contentDocument?.querySelectorAll("*") ?? []) {
            one.focus?.();
            for (const name of ["mouseover", "pointerenter", "click"])
                one.dispatchEvent(new MouseEvent(name, {bubbles: true, cancelable: true}));
        }
    await new Promise(done => setTimeout(done, 1000));
}
"""


def test_what_is_not_cleaned_runs_and_asks(chromium: "Browser") -> None:
    """Else the tests below would prove nothing."""
    with watching(chromium) as watch:
        watch.page.goto(READER)
        watch.page.evaluate(RAW, [armed(payload, number * 100) for number, payload in SOME])
        asked = watch.forbidden()
    told("xss, raw", payloads=len(SOME), ran=len(watch.ran), requests=len(asked))
    assert len(watch.ran) >= len(SOME) * 0.4
    assert len(asked) >= len(SOME) * 0.1


# --- What we show ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [True, False], ids=["with the policy", "without a policy"])
def test_pages(shown: Shown, chromium: "Browser", policy: bool) -> None:
    """Escaping and cleaning are enough; and where the policy is in force, it has nothing to forbid."""
    url = shown.running.url
    apart = [f"{name}/index.html" for name in FEEDS]
    with watching(chromium, url, policy=policy) as watch:
        for path in ["sources.html", *(["index.html"] if policy else apart)]:  # the same entries, together and apart
            found = watch.open(url + path)
            fine(watch, found, path)
            assert found["parts"] >= entries(path), path  # none swallowed the next
        assert not policy or watch.page.locator("article img").count() > 0  # pictures are shown


def test_pages_of_categories_that_have_such_names(shown: Shown, chromium: "Browser") -> None:
    url = shown.running.url
    pages = sorted(path.relative_to(shown.feeds).as_posix() for path in shown.feeds.glob("[0-9]*/*/index.html"))
    assert len(pages) >= len(SOME) * 0.8
    with watching(chromium, url, policy=False) as watch:
        for path in pages[:: much(1, 3)]:
            fine(watch, watch.open(url + path, 20), path)


def test_dashboard(shown: Shown, chromium: "Browser") -> None:
    url = shown.running.dashboard
    with watching(chromium, url, policy=False) as watch:
        fine(watch, watch.open(url), "overview")
        for number in range(1, shown.sources + 1, much(1, 3)):
            fine(watch, watch.open(f"{url}source/{number}", 20), f"source {number}")
            assert watch.page.locator("h1").count() == 1
    with watching(chromium, url) as watch:
        fine(watch, watch.open(url), "overview with its policy")


def test_feeds_in_a_browser(shown: Shown, chromium: "Browser") -> None:
    """They are shown as what they are, XML with a style sheet: nothing in them becomes an element of a page."""
    url = shown.running.url
    with watching(chromium, url, policy=False) as watch:
        watch.open(
            url + "failures.xml", 100
        )  # for want of a style sheet Chromium makes a page of it, with a script of its own
        assert not watch.ran and not watch.forbidden()
        for path in ("rss.xml", "atom.xml", *(f"{name}/{file}.xml" for name in FEEDS for file in ("rss", "atom"))):
            found = watch.open(url + path, 100)
            assert found["foreign"] == 0, path
            fine(watch, found, path)


# --- What readers show -----------------------------------------------------------------------------------------------

SHOW = """
([kind, text, texts]) => {
    const put = (name, value) => {
        const made = document.body.appendChild(document.createElement("div"));
        made.className = "part";
        made.innerHTML = value;
    };
    const lead = url => {
        const link = document.body.appendChild(document.createElement("a"));
        link.setAttribute("href", url);
        link.append("x");
    };
    const frame = values => {
        document.body.appendChild(document.createElement("iframe")).srcdoc = values.join("<hr class=border>");
    };
    const html = [];
    if (kind === "html") {
        html.push(text);
    } else if (kind === "json") {
        for (const item of JSON.parse(text).items) {
            if (item.content_html) html.push(item.content_html);
            for (const url of [item.url, item.image, ...(item.attachments ?? []).map(each => each.url),
                               ...(item.authors ?? []).map(each => each.url)]) if (url) lead(url);
            if (texts) html.push(item.title ?? "", ...(item.tags ?? []), ...(item.authors ?? []).map(each => each.name));
        }
    } else {
        const tree = new DOMParser().parseFromString(text, "application/xml");
        if (tree.querySelector("parsererror")) throw new Error("it is no XML");
        const atom = tree.documentElement.localName === "feed";
        for (const each of tree.querySelectorAll("*")) {
            const name = each.localName, value = each.textContent;
            if (atom ? ["content", "summary", "title", "subtitle", "rights"].includes(name) && each.namespaceURI.endsWith("Atom")
                     : ["description", "encoded"].includes(name)) html.push(value);
            else if (texts && !each.children.length) html.push(value);
            for (const one of each.attributes) {
                if (["href", "url", "uri", "xmlUrl", "htmlUrl", "src"].includes(one.name)) lead(one.value);
                if (texts) html.push(one.value);
            }
            if (["link", "guid", "comments", "uri", "docs", "icon", "logo"].includes(name) && !each.children.length && value
                && each.getAttribute("isPermaLink") !== "false") lead(value);
        }
    }
    html.forEach(value => put(kind, value));
    frame(html);
    return html.length;
}
"""


def read(watch: Watch, kind: str, document: str, *, texts: bool = False) -> dict[str, Any]:
    """Show a document in a reader that trusts it, in its own page and each in a frame."""
    watch.page.goto(READER)
    number = watch.page.evaluate(SHOW, [kind, document, texts])
    found = watch.touch(100)
    frame = watch.page.frames[-1]
    assert frame.evaluate("document.querySelectorAll('body > hr.border').length") == max(0, number - 1)
    found["active"] = [each for each in found["active"] if "srcdoc" not in each]  # the reader's own frame
    return found


def test_readers_that_trust_what_they_read(shown: Shown, chromium: "Browser") -> None:
    """Descriptions and contents as HTML, with innerHTML and as pages of their own; Atom's texts, too; URLs as links."""
    names = ("failures.xml", "subscriptions.opml", "feeds.opml", "feed.json", "rss.xml", "atom.xml")
    documents = [(name, shown.feeds / name) for name in names]
    with watching(chromium) as watch:
        for name, path in documents:
            kind = "json" if name.endswith("json") else "xml"
            fine(watch, read(watch, kind, path.read_text(encoding="utf-8")), name)
        posts = [
            path.read_text(encoding="utf-8").split("\n---\n", 1)[1] for path in (shown.feeds / "posts").rglob("*.*")
        ]
        assert len(posts) >= len(SOME) * 5
        markdown = MarkdownIt("commonmark", {"html": True})
        for place in range(0, len(posts), 200):
            pages = "".join(markdown.render(post) for post in posts[place : place + 200])
            fine(watch, read(watch, "html", pages), "posts")
    number = sum(len(json.loads(path.read_bytes())["items"]) for name, path in documents if name.endswith("json"))
    places = len(wicked.FIELDS)
    told("xss", payloads=len(SOME), places=places, combinations=len(SOME) * places, entries=number, ran=0, asked=0)


SAME = """
([rss, atom]) => {
    const tree = text => new DOMParser().parseFromString(text, "application/xml");
    const titles = [...tree(rss).querySelectorAll("item")].map(each => each.querySelector("title").textContent);
    const html = [...tree(atom).querySelectorAll("entry")].map(each => {
        const title = [...each.children].find(one => one.localName === "title");
        if (title.getAttribute("type") !== "html") return title.textContent;
        return new DOMParser().parseFromString(title.textContent, "text/html").body.textContent;
    });
    return [titles, html];
}
"""


def test_titles_are_the_same_text_in_rss_and_atom(shown: Shown, chromium: "Browser") -> None:
    """As the standards have them read: RSS's as text, Atom's as the type says. No word of a payload is lost or decoded."""
    with watching(chromium) as watch:
        watch.page.goto(READER)
        for name in FEEDS:
            both = [(shown.feeds / name / file).read_text(encoding="utf-8") for file in ("rss.xml", "atom.xml")]
            rss, atom = watch.page.evaluate(SAME, both)
            assert rss == atom
            assert len(rss) >= entries(name)
            assert any("<" in title for title in rss)
