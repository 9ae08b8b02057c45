"""Bad posts of every kind, and how each is put into a folder."""

import os
import socket
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

Ends = tuple[int, int]
"""How many entries come of a post, and how many lines of what a run says name it."""


def front(lines: str, body: str = "Some text.") -> bytes:
    """A post with these lines of front matter."""
    return f"---\n{lines}\n---\n\n{body}\n".encode()


_TITLE = "title: '{}'"
_TEXT = "新媒体，真的很快。" * 5
_BOMB = "a: &a [x, x]\n" + "".join(f"{key}: &{key} [*{last}, *{last}]\n" for last, key in pairwise("abcdefghi"))

TEXTS: Mapping[str, tuple[bytes, Ends]] = {
    # --- YAML
    "brackets.md": (front("title: x\nx: " + "[" * 30_000), (1, 1)),
    "braces.md": (front("title: x\nx: " + "{a: " * 30_000), (1, 1)),
    "dashes.md": (front("title: x\nx:\n " + "- " * 30_000 + "x"), (1, 1)),
    "aliases.md": (front(f"title: x\n{_BOMB}"), (1, 1)),
    "recursive.md": (front("title: x\nx: &x [*x]"), (1, 1)),
    "merged.md": (front("a: &a {b: c}\nx: {<<: *a}\ntitle: x"), (1, 1)),
    "python.md": (front("title: x\nx: !!python/object/apply:os.system ['touch made']"), (1, 1)),
    "python-name.md": (front("title: !!python/name:os.system"), (1, 1)),
    "binary-tag.md": (front("title: x\nx: !!binary aGVsbG8="), (1, 1)),
    "no-day.md": (front("title: x\ndate: 2024-02-30"), (1, 1)),
    "base-60.md": (front("title: x\ndate: 1" + ":59" * 20_000), (1, 1)),
    "year-10000.md": (front("title: x\ndate: 10000-01-01"), (1, 1)),
    "year-0.md": (front("title: x\ndate: 0000-00-00 00:00:00"), (1, 1)),
    "date-list.md": (front("title: x\ndate: [2024-01-01, {a: b}]"), (1, 1)),
    "digits.md": (front(f"title: x\ndate: {'9' * 5000}"), (1, 1)),
    "twice.md": (front("title: x\ntitle: y"), (1, 1)),
    "open.md": (b"---\ntitle: x\n\nSome text.\n", (1, 1)),
    "a-list.md": (front("- title\n- x"), (1, 1)),
    "a-scalar.md": (front("just a text"), (1, 1)),
    "tabs.md": (front("title: x\nx:\n\t- y"), (1, 1)),
    "keys.md": (front("title: x\n" + "\n".join(f"k{n}: v" for n in range(30_000))), (1, 1)),
    "handler.md": (front("title: x\nhandler: y\ncontent: z"), (1, 0)),
    "huge-title.md": (front(f"title: {'x' * 1_000_000}"), (1, 1)),
    "many-categories.md": (front(f"title: x\ncategories: [{', '.join(f'[c{n}]' for n in range(900))}]"), (1, 1)),
    "deep-category.md": (front(f"title: x\ncategories: [{', '.join(f'c{n}' for n in range(900))}]"), (1, 0)),
    # --- TOML, JSON
    "broken.toml.md": (b"+++\ntitle = 'x'\nx = [\n+++\ntext", (1, 1)),
    "deep.toml.md": (b"+++\ntitle = 'x'\nx = " + b"[" * 30_000 + b"\n+++\ntext", (1, 1)),
    "deep.json.md": (b'{"title": "x", "x": ' + b"[" * 100_000, (1, 1)),
    "nan.json.md": (b'{"title": "x", "date": NaN}\n\ntext', (1, 1)),
    # --- bodies
    "markdown-brackets.md": (front("title: x", "[" * 100_000), (1, 1)),
    "markdown-quotes.md": (front("title: x", ">" * 50_000 + "x"), (1, 0)),
    "markdown-stars.md": (front("title: x", "*a **b " * 30_000), (1, 0)),
    "markdown-lists.md": (front("title: x", "".join("  " * n + "- x\n" for n in range(500))), (1, 0)),
    "markdown-ticks.md": (front("title: x", "".join("`" * n + " " for n in range(1, 700))), (1, 0)),
    "html-divs.html": (front("title: x", "<div>" * 50_000 + "x"), (1, 0)),
    "raw.md": (front("title: x", "{% raw %}" * 20_000 + "x"), (1, 0)),
    "large.md": (front("title: x", "word " * 10_000_000), (0, 1)),
    # --- encodings
    "bom.md": (b"\xef\xbb\xbf" + front(_TITLE.format("BOM")), (1, 0)),
    "gbk.md": (front(_TITLE.format("GBK"), _TEXT).decode().encode("gbk"), (1, 1)),
    "utf-16.md": (front(_TITLE.format("UTF-16"), _TEXT).decode().encode("utf-16"), (1, 1)),
    "utf-32.md": (front(_TITLE.format("UTF-32"), _TEXT).decode().encode("utf-32"), (1, 1)),
    "latin-1.md": (front(_TITLE.format("Café"), "Déjà vu, garçon. " * 5).decode().encode("latin-1"), (1, 1)),
    "cr.md": (front(_TITLE.format("CR")).replace(b"\n", b"\r"), (1, 0)),
    "surrogate.md": (front("title: a\0b").replace(b"\0", b"\xed\xa0\x80"), (1, 1)),
    "nul.md": (front("title: a\0b"), (1, 0)),
    "bytes.md": (bytes(range(256)) * 8, (0, 1)),
    "empty.md": (b"", (0, 1)),
    "blank.md": (b" \n\t\n" * 1000, (0, 1)),
    "nothing.md": (b"---\nx: y\n---\n", (0, 1)),
}
"""Files: what is in them."""

NAMES: Mapping[str, tuple[str, Ends]] = {
    "two\nlines.md": ("two\\x0alines.md", (1, 0)),
    "escape\x1b[31m.md": ("escape\\x1b[31m.md", (1, 0)),
    "turned\u202edm.md": ("turned\u202edm.md", (1, 0)),
    os.fsdecode(b"caf\xe9.md"): ("caf\\xe9.md", (1, 0)),
    "x" * 252 + ".md": ("x" * 252 + ".md", (1, 0)),
    "a 'quoted' \"name\" & <b>.md": ("a 'quoted' \"name\" & <b>.md", (1, 0)),
    "-rf.md": ("-rf.md", (1, 0)),
    "CON.md": ("CON.md", (1, 0)),
}
"""Names of posts that are good, and how they are spelled."""


def _link(to: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(to)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has 108 bytes at most
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _secret(path: Path) -> None:
    path.write_bytes(front("title: secret"))
    path.chmod(0)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "inside.md").write_bytes(front("title: inside"))


def _closed(path: Path) -> None:
    _folder(path)
    path.chmod(0)


def _deep(path: Path) -> None:
    """A path that is longer than any that may be kept."""
    for _ in range(10):
        path = path / ("d" * 200)
    path.mkdir(parents=True)
    (path / "post.md").write_bytes(front("title: deep"))


PLACES: Mapping[str, tuple[Callable[[Path], None], Ends]] = {
    "pipe.md": (os.mkfifo, (0, 1)),
    "socket.md": (_socket, (0, 1)),
    "out.md": (_link("../outside.md"), (0, 1)),
    "passwd.md": (_link("/etc/passwd"), (0, 1)),
    "zero.md": (_link("/dev/zero"), (0, 1)),
    "stdin.md": (_link("/dev/stdin"), (0, 1)),
    "loop.md": (_link("loop.md"), (0, 1)),
    "dangling.md": (_link("nowhere.md"), (0, 1)),
    "to-folder.md": (_link("folder.md"), (0, 1)),
    "to-hidden.md": (_link(".hidden.md"), (0, 1)),
    "secret.md": (_secret, (0, 1)),
    "closed": (_closed, (0, 1)),
    "folder.md": (_folder, (1, 0)),
    ".hidden.md": (_secret, (0, 0)),
    "deep": (_deep, (0, 1)),
}
"""What is no file, or none that may be read: how it is made."""
