"""`aggregator init`: a new planet's folder, with a config that explains itself and a first post."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from pathlib import Path

from aggregator import editing
from aggregator.config import Site, problems
from aggregator.config.problems import Problem
from aggregator.errors import AggregatorError, reason
from aggregator.languages import marked, reader

DEFAULTS: Mapping[str, str] = {
    "title": "My planet",
    "base_url": "https://example.org/feeds/",
    "language": "en",
    "timezone": "UTC",
}
"""What a config starts with, as keys of `[site]`, where neither the reader nor the system says otherwise."""


_CONFIG = marked("""\
# What this planet reads, and where it publishes. `aggregator schema` prints all keys, with what they mean.
# Paths start at the folder that holds config/. `aggregator check` tells what is wrong with this file.

[site]
title = {title}
base_url = {base_url}   # where feeds/ will be served; change it before you publish
language = {language}   # of the feeds; entries keep their own
timezone = {timezone}   # for dates without an offset, such as "Asia/Shanghai"
# contact = "https://example.org/contact"   # a page or an address: tells publishers who is asking
formats = ["rss", "atom", "html", "opml"]   # feeds, web pages, lists of feeds; also "json" and "post"
# items = 100   # newest entries in each feed; older ones go into archives
# keep_for = "365d"   # forget what is older; without it, nothing is forgotten

[fetch]
interval = "1h"   # the least time between two visits of a feed; it becomes more where a feed is quiet

# --- Categories: those about which there is something to say ---

# [[category]]
# path = "tech"
# title = "Technology"
# description = "What those write who build things"

# --- Sources: `aggregator add URL` writes more of them ---

# A feed looks like this; its url is all that it needs:
# [[source]]
# url = "https://example.com/feed.xml"
# category = "tech/python"   # python below tech; several: [["tech", "python"], ["news"]]
# title = "A name of your own"   # instead of what the feed calls itself

# Posts of your own: Markdown or HTML with front matter. Their categories stand in them.
[[source]]
kind = "seed"
path = "seeds"
""")

_POST = marked("""\
---
title: "Hello, planet"
date: {date}
categories: [News]
---

This is the first post of this planet. It is the file `seeds/hello.md`: change it, or remove it, and the next
`aggregator once` does the same to the feeds.

- Another file beside it is another post.
- `aggregator add https://example.org/` has somebody else's posts here, too.
""")

_IGNORED = marked("""\
# What `aggregator` makes: the store, and what it publishes.
var/
feeds/
# What nobody else should read: files that the config names as "file:secrets/NAME".
secrets/
""")


TEMPLATES: Mapping[str, str] = {
    "config/aggregator.toml": _CONFIG,
    "seeds/hello.md": _POST,
    ".gitignore": _IGNORED,
}
"""What is written where: for `_`, and with holes for the answers and the date."""


@dataclass(frozen=True, slots=True)
class Start:
    """What was written and what was there already, as paths below the folder."""

    folder: Path
    written: tuple[str, ...]
    left: tuple[str, ...]


def questions() -> Mapping[str, str]:
    """What to ask for each key, in the reader's language."""
    return {
        "title": _("What is your planet called?"),
        "base_url": _("At which URL will its feeds/ folder be served?"),
        "language": _("Its main language, as a tag such as en or zh-CN"),
    }


def proposed(environ: Mapping[str, str], localtime: Path) -> Mapping[str, str]:
    """What holds where nobody answers: the title and the language of who reads the terminal, and the system's zone.
    `localtime` is the link that names it (localtime(5)); the environment's `TZ` comes first (tzset(3))."""
    own = {"title": _("My planet"), "language": reader(environ) or "en", "timezone": _zone(environ, localtime)}
    return {**DEFAULTS, **{key: value for key, value in own.items() if not problem(key, value)}}


def _zone(environ: Mapping[str, str], localtime: Path) -> str:
    """The IANA name of the system's time zone, as far as it is told by name; else UTC."""
    try:
        said = environ["TZ"].removeprefix(":") if "TZ" in environ else str(localtime.readlink())
    except OSError:  # a file of its own, or none
        return "UTC"
    name = said.rpartition("zoneinfo/")[2]
    return "UTC" if name in ("Etc/UTC", "localtime") else name


def problem(key: str, answer: str) -> str:
    """What is wrong with an answer to a question, "" for nothing."""
    found: list[Problem] = []
    problems.validate(Site, {**DEFAULTS, key: answer}, ("site",), found)
    return "; ".join(why for _, why in found)


def has_config(folder: Path) -> bool:
    """Whether there is a config already, so that nothing has to be asked."""
    return (folder / "config" / "aggregator.toml").exists()


def start(folder: Path, answers: Mapping[str, str], now: datetime) -> Start:
    """Write what is not there yet; a folder of posts that has anything in it gets no post. Raises AggregatorError."""
    said = {key: editing.written(value) for key, value in answers.items()} | {"date": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    files = {name: _(template).format_map(said) for name, template in TEMPLATES.items()}
    written, left = [], []
    try:
        for name, content in files.items():
            path = folder / name
            if name.startswith("seeds/") and path.parent.is_dir() and any(path.parent.iterdir()):
                left.append("seeds/")
            elif _write(path, content):
                written.append(name)
            else:
                left.append(name)
    except OSError as error:
        where = error.filename or folder
        raise AggregatorError(_("{file}: cannot be written: {why}").format(file=where, why=reason(error))) from error
    return Start(folder, tuple(written), tuple(left))


def _write(path: Path, content: str) -> bool:
    """Write a file, unless there is anything of that name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True
