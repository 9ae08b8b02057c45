"""The dashboard in a real browser: it fits, it can be read and walked by keyboard, and nothing planted runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests import demo, pictured
from tests.demo import Planted
from tests.planet import Planet
from tests.test_pages_in_browser import CLICK_ALL, browser, fits, page
from tests.test_serve import Running, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser", "page"]

WICKED = [
    Planted("<script>document.title = 'ran'</script>", "parse: <script>document.title = 'ran'</script>"),
    Planted('"><img src=x onerror="document.title = \'ran\'">', "parse: <svg onload=\"document.title = 'ran'\">"),
    Planted("javascript:alert(1)", "parse: javascript:alert(1) </pre></div><iframe src='https://evil.example/'>"),
    Planted("</title></svg></style>{{ 7 * 7 }}" + "w" * 400, "parse: " + "x" * 3000),
    Planted("\u202eright to left\u202c <b onmouseover=alert(1)>", "parse: \x1b[31m red"),
]
CONTRAST = """
() => {
    const light = colour => {
        const [r, g, b] = colour.match(/[0-9.]+/g).map(each => each / 255).map(
            each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = node => {
        const colour = getComputedStyle(node).backgroundColor;
        return colour != "rgba(0, 0, 0, 0)" || !node.parentElement ? colour : behind(node.parentElement);
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || node.closest("svg")) continue;
        const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
        found.push([(a + 0.05) / (b + 0.05), node.outerHTML.slice(0, 80)]);
    }
    return found.sort((a, b) => a[0] - b[0])[0];
}
"""
"""The text that is hardest to read, with the ratio of WCAG 2.2 §1.4.3."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    planet = Planet(tmp_path_factory.mktemp("looked-at"))
    demo.fill(planet, datetime.now(UTC).replace(microsecond=0), WICKED, number=24)
    with serving(planet) as running:
        yield running


def test_a_walk(running: Running, page: "Page") -> None:
    page.goto(running.dashboard)
    page.wait_for_load_state()
    assert page.evaluate("getComputedStyle(document.querySelector('.site')).display") == "flex"  # the style is let in
    assert fits(page)
    page.locator(".sources th a", has_text="Kernel Notes").click()
    assert page.locator("h1").inner_text() == "Kernel Notes"
    assert page.locator(".visits tbody tr").count() == 50
    page.wait_for_load_state()
    assert fits(page)
    page.locator(".site nav a").click()
    assert page.url.startswith(running.dashboard)


@pytest.mark.parametrize("width", [320, 390, 700, 1000, 1280])
def test_it_fits_every_screen(running: Running, browser: "Browser", width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    for path in ("", "source/1", "source/26", "source/28"):
        page.goto(running.dashboard + path)
        assert fits(page), path
    page.context.close()


def test_nothing_planted_runs_and_nothing_is_asked_elsewhere(running: Running, page: "Page") -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    own = set()
    for number in range(len(WICKED) + 25):
        answer = page.goto(running.dashboard + (f"source/{number}" if number else ""))
        assert answer and answer.status == 200
        title = page.title()
        page.evaluate("new Promise(done => setTimeout(done, 20))")
        assert page.title() == title != "ran"
        assert page.locator("iframe, script, img, main style").count() == 0
        own.add(page.locator("h1").inner_text())
    assert WICKED[0].title in own
    page.goto(running.dashboard)
    page.evaluate(CLICK_ALL)
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    hosts = {httpx.URL(each).netloc for each in asked}
    assert hosts == {httpx.URL(running.dashboard).netloc}
    schemes = page.evaluate("[...document.links].map(each => each.protocol)")
    assert set(schemes) <= {"http:", "https:"}


def test_what_is_planted_is_stopped_by_the_policy_as_well(running: Running, browser: "Browser") -> None:
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))

    def plant(route: Any) -> None:
        answer = route.fetch()
        body = answer.text().replace("</main>", "<script>document.title = 'ran'</script><p style='color: red'></main>")
        route.fulfill(response=answer, body=body)

    page.route(running.dashboard, plant)
    page.goto(running.dashboard)
    assert page.title() != "ran"
    assert len([one for one in told if "Content Security Policy" in one]) == 2
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(running: Running, browser: "Browser", scheme: Any) -> None:
    page = browser.new_page(color_scheme=scheme)
    for path in ("", "source/4"):
        page.goto(running.dashboard + path)
        page.wait_for_load_state()
        ratio, where = page.evaluate(CONTRAST)
        assert ratio >= 4.5, where
    page.context.close()


def test_the_keyboard_is_enough(running: Running, page: "Page") -> None:
    page.goto(running.dashboard)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('.scroll, .sources')?.className || ''"))
        outlined = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outlined == "solid"
    assert {"scroll", "sources"} <= reached


def test_it_speaks_to_those_who_do_not_see(running: Running, page: "Page") -> None:
    page.goto(running.dashboard)
    assert page.locator("svg:not([role=img])").count() == 0
    assert page.locator("svg:not(:has(> title))").count() == 0
    assert page.locator("h1").count() == 1
    assert page.locator("table:not(:has(th[scope=col]))").count() == 0
    first = page.get_by_role("img").first
    assert "Requests of seven days by hour" in (first.locator("title").first.text_content() or "")


def test_a_browser_is_let_in_by_its_token(tmp_path: Path, browser: "Browser") -> None:
    page = browser.new_page()
    planet = Planet(tmp_path)
    (tmp_path / "token").write_text("correct-horse-battery", encoding="utf-8")
    planet.web["token"] = "file:token"
    with serving(planet) as running:
        page.goto(f"{running.dashboard}?token=correct-horse-battery")
        assert page.locator("h1").inner_text() == "Nothing yet"
        assert page.url == running.dashboard
        assert page.evaluate("document.cookie") == ""
        page.reload()
        assert page.locator("h1").inner_text() == "Nothing yet"
        page.context.clear_cookies()
        refused = page.reload()
        assert refused and refused.status == 401
        page.context.close()


def test_the_pictures_of_the_readme(tmp_path: Path, browser: "Browser") -> None:
    """They can be made, and are written to the folder AGGREGATOR_SHOTS where that is set."""
    planet = Planet(tmp_path)
    planet.site["title"] = "Planet Paper Lantern"
    demo.fill(planet, datetime.now(UTC).replace(microsecond=0))
    with serving(planet) as running:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(running.dashboard)
        assert page.locator("h1").inner_text() != "Nothing yet"
        pictured.shoot(page, tmp_path, "dashboard-desktop")
        page.context.close()
