"""How deep an HTML fragment nests, found out without building its tree: the guard in front of nh3. Pure.

nh3 takes time that is quadratic in the depth of the tree, and in the number of attributes of one tag.
"""

import re
from collections import Counter

from aggregator.text import tokens

FEW = 1_000
"""With no more tags than this, nothing can be too deep."""

# Reopened in every block until their end tag comes (HTML standard §13.2.4.3), so they can multiply.
_FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
# Void, or closed by the next of their kind: they do not nest by themselves.
_VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
_FLAT = frozenset((*_VOID, "dd", "dt", "li", "option", "p"))
_TABLE_PARTS = frozenset(("caption", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"))
# An end tag reaches no further than these ("has an element in scope", §13.2.4.2).
_SCOPES = frozenset(("applet", "button", "caption", "marquee", "object", "td", "th"))
# What follows these may be read as text or not at all; feeds have none of them.
_ODD = frozenset(("frameset", "noscript", "plaintext", "xmp"))
_ATTRIBUTE = re.compile(r"[^\s/>=\"']+")


class _Stack:
    """The parser's stack of open elements, estimated from above."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.count: Counter[str] = Counter()

    def push(self, name: str) -> None:
        self.names.append(name)
        self.count[name] += 1

    def pop_to(self, name: str, keep: bool) -> int:
        """Close all above the last element called `name`, and itself unless `keep`; gives how many were looked at."""
        if not self.count[name]:
            return 1
        at = len(self.names) - 1
        anywhere = name == "table" or name in _TABLE_PARTS
        while self.names[at] != name and (anywhere or self.names[at] not in _SCOPES):
            at -= 1
        looked = len(self.names) - at
        if self.names[at] == name:
            closed = self.names[at + keep :]
            self.count.subtract(closed)
            del self.names[at + keep :]
        return looked


def too_deep(html: str) -> bool:
    """Whether elements nest more than 1,000 deep, one has thousands of attributes, or formatting multiplies twentyfold.

    An upper estimate: rather too deep than not. Script, style, svg and the like must be out of `html`. Linear time.
    """
    stack, formatting, budget = _Stack(), Counter[str](), 100_000
    for _, tag in tokens(html):
        if not tag or not tag["name"]:
            continue
        name, closes = tag["name"].lower(), bool(tag["close"])
        budget += 20 - formatting.total()
        if name in _FORMATTING:
            if closes or name in ("a", "nobr"):  # a link closes the link before it
                formatting[name] = max(formatting[name] - 1, 0)
            formatting[name] += not closes
        elif closes:
            budget -= stack.pop_to(name, keep=False)
        elif name in _TABLE_PARTS and stack.count["table"]:
            budget -= stack.pop_to("table", keep=True)
            stack.push(name)
        elif name not in _FLAT and name not in _TABLE_PARTS:
            stack.push(name)
        if len(stack.names) + formatting.total() > 1_000 or budget < 0 or name in _ODD:
            return True
        if len(tag[0]) > 20_000 and len(_ATTRIBUTE.findall(tag[0])) > 2_000:
            return True
    return False
