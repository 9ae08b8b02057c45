"""What the disk and our own rules of the network say to a config; `check` asks them."""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from gettext import gettext as _
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from aggregator import text
from aggregator.config import entries
from aggregator.config.problems import Problem
from aggregator.config.tables import Fetching, Site
from aggregator.config.types import is_bucket
from aggregator.errors import FetchError, reason


def store_file(root: Path, url: str) -> Path | None:
    """The file of a store; None where it is on a server."""
    return root / url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else None


def out_of_reach(root: Path, site: Site | None, listed: Iterable[entries.Entry]) -> Iterator[Problem]:
    """The folders of posts that cannot be read, and the output and the store where they cannot be written."""
    for entry in listed:
        if (
            entry.common.kind == "seed"
            and entry.common.enabled
            and (why := _hindrance(root / entry.options.path, os.R_OK | os.X_OK))
        ):
            yield (*entry.path, "path"), _("{why}; create the folder or mend the path").format(why=why)
        if entry.common.kind == "command" and entry.common.enabled and not _program(root, entry.options.command[0]):
            yield (
                (*entry.path, "command"),
                _("there is no such program that may be run; mend its path or its permissions"),
            )
    if site:
        file = store_file(root, site.store)
        folders = {} if is_bucket(site.output) else {"output": root / site.output}
        folders |= {"store": file.parent} if file else {}
        for key, folder in folders.items():
            there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
            if why := _hindrance(there, os.W_OK | os.X_OK):
                yield ("site", key), _("{why}; mend that or write another path").format(why=why)
        if is_bucket(site.output) and find_spec("obstore") is None:
            yield ("site", "output"), _("needs obstore; install aggregator with its extra: aggregator[s3]")
        if file is None:
            if find_spec("psycopg") is None:
                yield ("site", "store"), _("needs psycopg; install aggregator with its extra: aggregator[cluster]")
        elif os.path.lexists(file) and not (file.is_file() and os.access(file, os.R_OK | os.W_OK)):
            yield (
                ("site", "store"),
                _("{file} is no file that can be read and written; mend that or write another path").format(file=file),
            )


def refused(fetch: Fetching, listed: Iterable[entries.Entry]) -> Iterator[Problem]:
    """The addresses on private networks that nobody has allowed. Names are not looked up."""
    from aggregator import phrases  # only `check` pays for these
    from aggregator.fetching import rules

    allowed = tuple(map(rules.parse_network, fetch.allow_networks))
    for entry in listed:
        parts = urlsplit(text.http_url(str(getattr(entry.options, "url", ""))))
        host = (parts.hostname or "").rstrip(".")
        with contextlib.suppress(ValueError):  # a name
            try:
                port = parts.port or (443 if parts.scheme == "https" else 80)
                rules.check_addresses(host, port, ["127.0.0.1" if host == "localhost" else host], allowed)
            except FetchError as error:
                if entry.common.enabled:
                    yield (*entry.path, "url"), phrases.of_terminal()(str(error))


def _program(root: Path, name: str) -> bool:
    """Whether there is a program of that name: by PATH, or where it has a slash, below `root`."""
    return shutil.which(root / name if "/" in name else name) is not None


def _hindrance(folder: Path, wish: int) -> str:
    """Why a folder cannot be used as wished (os.R_OK ...), or ""."""
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            return _("{folder} is no folder").format(folder=folder)
    except FileNotFoundError:
        return _("{folder} does not exist").format(folder=folder)
    except OSError as error:
        return f"{folder}: {reason(error)}"
    if os.access(folder, wish):
        return ""
    said = _("{folder} cannot be written") if wish & os.W_OK else _("{folder} cannot be read")
    return said.format(folder=folder)
