"""What harms nobody stays: cleaning leaves the same text, elements and attributes, as a browser sees them.

What may go all the same is short: how a thing looks or is called within its page (`LOOKS`), and pictures that count
readers. What we add is `rel` on links and `controls` on players.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aggregator.html import clean
from tests.faults.amounts import much, told
from tests.faults.browsing import READER, watching
from tests.faults.harmless import OWN, of_feeds
from tests.test_pages_in_browser import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]

BASE = "https://a.example/posts/one"
LOOKS = """class id style align valign bgcolor border cellpadding cellspacing color clear nowrap hspace vspace noshade target
 rel name loading decoding fetchpriority crossorigin role tabindex controls preload background bordercolor frame rules
 itemprop itemscope itemtype property typeof xmlns allowfullscreen frameborder compact face size cite summary"""

COMPARE = """
([pairs, base, looks]) => {
    const urls = ["href", "src", "poster"];
    const url = value => { try { return decodeURI(new URL(value.trim(), base).href); } catch { return value; } };
    const pixel = each => each.localName === "img" && ["0", "1", "0px", "1px"].some(size => [each.getAttribute("width"), each.getAttribute("height")].includes(size));
    const flat = html => {
        const tree = new DOMParser().parseFromString(html, "text/html"), found = [];
        const walk = node => {
            if (node.nodeType === Node.TEXT_NODE) {
                const text = node.nodeValue.replace(/[ \\t\\n\\r]+/g, " ");
                if (text.trim()) found.push(["text", text.trim()]);
            } else if (node.nodeType === Node.ELEMENT_NODE && !pixel(node)) {
                const attributes = [...node.attributes].filter(one => !looks.includes(one.name) && !/^(data-|aria-|xml)/.test(one.name)).map(
                    one => one.name + "=" + (urls.includes(one.name) ? url(one.value) : one.name === "srcset" ? one.value.split(",").map(part => part.trim()).join(", ") : one.value));
                if (node.localName !== "font") found.push(["<" + node.localName + ">", attributes.sort().join(" ")]);
                node.childNodes.forEach(walk);
                if (node.localName !== "font") found.push(["</" + node.localName + ">", ""]);
            }
        };
        tree.body.childNodes.forEach(walk);
        return found;
    };
    const joined = parts => {
        const found = [];
        for (const part of parts) {
            const last = found.at(-1);
            if (part[0] === "text" && last?.[0] === "text") last[1] += " " + part[1];
            else found.push([...part]);
        }
        return found;
    };
    return pairs.map(([before, after]) => {
        const one = joined(flat(before)), other = joined(flat(after));
        const at = one.findIndex((part, place) => part.join(" ") !== other[place]?.join(" "));
        if (at < 0) return one.length === other.length ? "" : "more: " + other[one.length];
        return one[at].join(" ").slice(0, 90) + " -> " + (other[at] ?? ["end"]).join(" ").slice(0, 90);
    });
}
"""


def compared(browser: "Browser", fragments: list[str]) -> list[str]:
    """What the first difference of each is that is not allowed, "" for none."""
    pairs = [(fragment, clean(fragment, BASE)) for fragment in fragments]
    with watching(browser) as watch:
        watch.page.goto(READER)
        found: list[str] = watch.page.evaluate(COMPARE, [pairs, BASE, LOOKS.split()])
    return found


def test_our_own(browser: "Browser") -> None:
    found = compared(browser, list(OWN))
    changed = {fragment: difference for fragment, difference in zip(OWN, found, strict=True) if difference}
    told("harmless, own", fragments=len(OWN), changed=len(changed))
    assert changed == {}


def test_those_of_real_feeds(browser: "Browser", corpus: Path) -> None:
    number = much(80, 450)
    fragments = of_feeds(corpus / "feeds", number)
    assert len(fragments) >= number * 0.9
    found = compared(browser, fragments)
    changed = Counter(difference for difference in found if difference)
    kinds = Counter(difference.split()[0] for difference in changed.elements())
    told("harmless, of real feeds", fragments=len(fragments), changed=changed.total(), reasons=str(dict(kinds)))
    assert changed.total() <= len(fragments) * 0.05, "\n".join(
        f"{times} {reason}" for reason, times in changed.most_common()
    )


@pytest.mark.parametrize("lost", ["<p>a</p>", "<b>a</b>", "<img src=/x.png>", '<a href="https://a.example/">a</a>'])
def test_a_loss_is_seen(browser: "Browser", lost: str) -> None:
    with watching(browser) as watch:
        watch.page.goto(READER)
        assert watch.page.evaluate(COMPARE, [[[f"x{lost}", "x"], [f"x{lost}", f"x{lost}"]], BASE, LOOKS.split()])[0]
