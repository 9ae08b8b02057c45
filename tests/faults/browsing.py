"""What a browser does with a page: what ran, what was asked of whom, after everything was touched and clicked."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.faults.payloads import EVIL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Route

READER = "http://reader.example/"
"""A page without any policy, in which feeds are shown as simple readers show them."""

_PIXEL = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

_TOUCH = """
async wait => {
    addEventListener("click", event => {
        const link = event.target.closest?.("a, area");
        if (/^(https?|mailto):$/.test(link?.protocol)) event.preventDefault();
    }, true);
    document.querySelectorAll("details").forEach(each => each.open = true);
    const every = [...document.querySelectorAll("*")];
    const named = each => each.localName.toLowerCase();
    for (const each of document.querySelectorAll("[tabindex], [autofocus], summary, button, input, select, textarea"))
        each.focus?.({preventScroll: true});
    for (const each of every) {
        for (const name of ["mouseover", "pointerenter", "mouseenter", "focus", "load", "error", "toggle", "begin",
                            "animationstart", "beforeinput", "pageshow", "start"])
            each.dispatchEvent(new Event(name));
    }
    for (const each of every)
        if (["a", "area", "button", "input", "summary", "text", "rect", "label", "p", "b"].includes(named(each)))
            each.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
    await new Promise(done => setTimeout(done, wait));
    const html = "http://www.w3.org/1999/xhtml";
    return {
        handlers: every.filter(each => [...each.attributes].some(one => /^on|^style$|^ping$/i.test(one.name)))
            .map(each => each.outerHTML.slice(0, 200)),
        active: every.filter(each => /^(script|iframe|frame|frameset|object|embed|applet|portal|form|input|button|base|template|foreignobject|set|animate|handler)$/.test(named(each))
            || (/^(meta|link|style)$/.test(named(each)) && each.closest("body"))
            || (each.namespaceURI === html && /^(svg|math)$/.test(named(each)))).map(each => each.outerHTML.slice(0, 200)),
        schemes: [...new Set([...document.links].map(each => each.protocol))],
        parts: every.filter(each => named(each) === "article" || each.className === "part").length,
        foreign: every.filter(each => document.contentType.includes("xml") && each.namespaceURI === html).length,
    };
}
"""


@dataclass
class Watch:
    """What a page did so far: codes of payloads that ran, requests to somebody else (with their kind), complaints."""

    page: "Page"
    own: str = READER
    ran: set[int] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, url: str, wait: int = 100) -> dict[str, Any]:
        """Open a page, touch and click everything in it; what stands in it after so many milliseconds."""
        self.page.goto(url, wait_until="load")
        return self.touch(wait)

    def touch(self, wait: int = 100) -> dict[str, Any]:
        """Touch and click everything in the page that is open."""
        found: dict[str, Any] = self.page.evaluate(_TOUCH, wait)
        return found

    def forbidden(self) -> list[tuple[str, str]]:
        """The requests that no reader's browser may make: all but pictures and films, and any to a forbidden host.

        Pictures, films and sounds of entries are http(s) URLs of others, and are shown from there: that is no fault.
        Nothing else leads out of a page before somebody clicks: no script, style, font, frame, ping, nor a picture by way of CSS.
        """
        return [
            (url, kind) for url, kind in self.asked if kind not in ("image", "media") or urlsplit(url).hostname == EVIL
        ]


@contextmanager
def watching(browser: "Browser", own: str = READER, *, policy: bool = True) -> Iterator[Watch]:
    """A page of its own whose network is ours but for `own`; without the `policy` none that pages bring is in force."""
    context = browser.new_context(bypass_csp=not policy, ignore_https_errors=True)
    context.set_default_timeout(300_000)
    watch = Watch(context.new_page(), own)

    def answer(route: "Route") -> None:
        url = route.request.url
        if url == READER:
            route.fulfill(
                body="<!doctype html><meta charset=utf-8><title>Reader</title><body>", content_type="text/html"
            )
        elif url.startswith((own, "data:", "about:", "blob:")):
            route.continue_()
        else:
            watch.asked.append((url, route.request.resource_type))
            route.fulfill(body=_PIXEL, content_type="image/gif")

    def hear(words: str) -> None:
        found = re.fullmatch(r"RAN ([0-9]+)", words)
        if found:
            watch.ran.add(int(found[1]))
        else:
            watch.said.append(words)

    def refuse(dialog: "Dialog") -> None:
        hear(f"dialog: {dialog.message}")
        dialog.dismiss()

    context.add_init_script("globalThis.ran = code => console.log(`RAN ${code}`)")
    context.route("**/*", answer)
    context.on("console", lambda told: hear(told.text))
    context.on("dialog", refuse)
    context.on("page", lambda page: hear(f"opened {page.url}") if page != watch.page else None)
    try:
        yield watch
    finally:
        context.close()
