"""The programs that are measured: how each is run in a folder of its own, and what it has published there."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.workload import Workload

ROOT = Path(__file__).resolve().parents[1]
# A program that is installed has its modules compiled, whatever the one who measures has set.
PATH = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}


@dataclass(frozen=True, slots=True)
class Program:
    """`prepare` makes a folder ready for the first run; `command` is every run. `feeds` is where its RSS documents of
    categories are, below its folder; without it, it publishes none."""

    name: str
    version: str
    prepare: Callable[[Workload, Path], None]
    command: Callable[[Workload], Sequence[str]]
    feeds: str = ""


def programs(reader_python: str) -> list[Program]:
    """All that are installed here; ours and the baseline first. `reader_python` is one that has lemon24/reader."""
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in ("httpx", "feedparser", "feedgen"))
    found = [
        Program("aggregator", _ours(), _config, lambda _: once("--force", "--strict"), "feeds/{}/rss.xml"),
        Program("baseline", libraries, _nothing, _baseline, "out/{}/rss.xml"),
    ]
    if shutil.which("newsboat"):
        version = _said("newsboat", "-v").split("\n")[0].split(" - ")[0]
        found.append(Program("newsboat", version, _newsboat, lambda _: _NEWSBOAT))
    if shutil.which("sfeed_update") and shutil.which("curl"):
        version = _said("dpkg-query", "-W", "-f=sfeed ${Version}", "sfeed") or "sfeed"
        found.append(Program("sfeed", version, _nothing, lambda load: ("sh", "-c", _SFEED, str(load.folder))))
    version = _said(reader_python, "-c", "import reader, feedgen; print('reader', reader.__version__)").strip()
    if version:
        module = ("-m", "benchmarks.with_reader")
        found.append(
            Program(
                "reader",
                f"{version}, feedgen",
                _nothing,
                lambda load: (reader_python, *module, str(load.folder / "feeds.tsv"), "out", "reader.db"),
                "out/{}/rss.xml",
            )
        )
    return found


def once(*options: str) -> Sequence[str]:
    """Our program, as it is in this folder."""
    return (sys.executable, "-m", "aggregator", "--config", "config/aggregator.toml", "once", *options)


def entries(program: Program, load: Workload, folder: Path) -> dict[str, tuple[int, int]]:
    """How many entries the RSS document of each category has, and how many of these are those of `workload.news`."""
    names = sorted({load.category(number) for number in range(load.feeds)})
    paths = {name: folder / program.feeds.format(name) for name in names}
    texts = {name: path.read_bytes() for name, path in paths.items() if path.exists()}
    return {
        name: (len(re.findall(rb"<item[ >]", text)), len(re.findall(rb"<link>[^<]*/[0-9]+-9/</link>", text)))
        for name, text in texts.items()
    }


# --- Each of them ---------------------------------------------------------------------------------------------------


def _ours() -> str:
    commit = _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD").strip()
    return f"{metadata.version('aggregator')} {commit}".strip()


def _config(load: Workload, folder: Path) -> None:
    shutil.copytree(load.folder / "config", folder / "config")


def _nothing(load: Workload, folder: Path) -> None:
    pass


def _baseline(load: Workload) -> Sequence[str]:
    return (sys.executable, "-m", "benchmarks.baseline", str(load.folder / "feeds.tsv"), "out")


_NEWSBOAT = ("newsboat", "-u", "urls", "-c", "cache.db", "-C", "config", "-x", "reload")


def _newsboat(load: Workload, folder: Path) -> None:
    shutil.copy(load.folder / "urls", folder / "urls")
    (folder / "config").write_text("reload-threads 20\nshow-read-feeds yes\n")


# sfeed keeps a file of lines a feed, the date first; the feed of a category is made of the newest 100 of its files
_SFEED = """
sfeed_update "$0/sfeedrc" && mkdir -p out
for category in $(cut -f 2 "$0/feeds.tsv" | sort -u); do
    cat "sfeed/$category".* | sort -t "$(printf '\\t')" -k 1,1nr | head -n 100 | sfeed_atom > "out/$category.xml"
done
"""


def _said(*command: str) -> str:
    """What a command prints; nothing where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
