"""Kind `seed`: a folder of posts with front matter, Markdown or HTML, as Hexo, Hugo and Jekyll have them.

Posts are found in all folders below, hidden ones, `_drafts` and `node_modules` left out. What is no regular file inside
the folder (a pipe, a device, a link that leads out) is never opened. A post that cannot be read harms no other.
"""

import asyncio
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from gettext import gettext as _
from itertools import chain
from pathlib import Path, PurePosixPath

from aggregator import disk, html, matter, text
from aggregator.errors import ParseError, SourceError
from aggregator.model import Batch, Document, Fetch, Found, Item, Source, Validators
from aggregator.sources.seed import body, encoding, fields, frontmatter
from aggregator.sources.seed.frontmatter import FrontMatter
from aggregator.sources.seed.values import Problem

REMOTE = False
_ENDINGS = (".md", ".markdown", ".mdown", ".mkd", ".html", ".htm")
_SKIPPED = ("_drafts", "node_modules")
_SECTION = "_index.md"  # Hugo's page of a section, which lists posts and is none
_UNNAMEABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Options:
    """`path` is the folder of posts, as the config writes it; a relative one starts at `Source.root`."""

    path: str
    """The folder of posts. Example: `"seeds"`."""


def key(options: Options) -> str:
    """`seed:` and the folder as the config has it, without `./` and a slash at its end. Raises ValueError for none."""
    if not options.path.strip():
        raise ValueError(_("`path` is empty; name the folder of posts"))
    return f"seed:{PurePosixPath(options.path).as_posix()}"


# --- Getting the posts ----------------------------------------------------------------------------------------------


async def documents(source: Source, known: Mapping[str, Validators], fetch: Fetch) -> Found:
    """The posts whose stamp (nanoseconds of the last change, and size) is not the known one.

    They are named by their path below the folder, in that order. A known post that cannot be read now counts as
    unchanged, with a warning. Raises SourceError when there is no folder.
    """
    return await asyncio.to_thread(_scan, source, known)


def _scan(source: Source, known: Mapping[str, Validators]) -> Found:
    root = _folder(source)
    changed: list[Document] = []
    unchanged: dict[str, Validators] = {}
    warnings: list[str] = []
    for path, name, trouble in sorted(_posts(root), key=lambda post: post[1]):
        try:
            document = None if trouble else _document(path, name, known.get(name), source.limits.max_bytes)
        except OSError as error:
            trouble = f"cannot be read ({error.strerror or error}); mend its permissions or remove it"
            document = None
        except ValueError as error:
            trouble, document = str(error), None
        if document:
            changed.append(document)
        elif trouble:
            warnings.append(f"{_shown(source, name)}: {trouble}")
            below = (old for old in known if old == name or old.startswith(f"{name}/"))  # a folder, too
            unchanged.update((old, known[old]) for old in below)
        else:
            unchanged[name] = known[name]
    return Found(tuple(changed), unchanged, warnings=tuple(warnings))


def _folder(source: Source) -> Path:
    """The folder of posts, absolute and without links. Raises SourceError when it is not there or cannot be listed."""
    options: Options = source.options
    folder = Path(source.root) / options.path
    try:
        os.scandir(folder).close()
        return folder.resolve()
    except FileNotFoundError:
        raise SourceError("missing folder", f"{folder} does not exist; create it or mend `path`") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise SourceError("unreadable folder", f"{folder} cannot be listed ({why}); mend it or `path`") from None


def _posts(root: Path) -> Iterator[tuple[Path, str, str]]:
    """All posts: (file to open, its name, ""), or (path, name, what hinders). Links to folders are not followed."""
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            yield folder, _name(root, folder), f"cannot be listed ({error.strerror}); mend its permissions"
            continue
        for entry in entries:
            if _is_skipped(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif entry.name.lower().endswith(_ENDINGS):
                yield _target(root, Path(entry.path), entry.is_symlink())


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED or name == _SECTION


def _target(root: Path, path: Path, is_link: bool) -> tuple[Path, str, str]:
    """The file to open for a post, its name, and why it must not be opened, or ""."""
    name = _name(root, path)
    if len(name.encode()) > text.LONGEST_URL:
        return path, name, f"has a path of more than {text.LONGEST_URL:,} bytes; shorten it"
    try:
        target = path.resolve(strict=True) if is_link else path
        mode = target.stat().st_mode
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, before Python 3.13
        return path, name, "is a link to nowhere; mend or remove it" if is_link else "is gone"
    if not target.is_relative_to(root) or any(map(_is_skipped, target.relative_to(root).parts)):
        return target, name, "is a link that leads out of the folder of posts; copy the file in"
    return target, name, "" if stat.S_ISREG(mode) else "is no regular file; remove it"


def _name(root: Path, path: Path) -> str:
    """The path below the folder, in POSIX form. Bytes that are no UTF-8, and controls, are spelled out: `\\xe9`."""

    def spelled(found: re.Match[str]) -> str:
        code = ord(found[0])
        return f"\\x{code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code:02x}"

    return _UNNAMEABLE.sub(spelled, path.relative_to(root).as_posix())


def _document(path: Path, name: str, known: Validators | None, max_bytes: int) -> Document | None:
    """A post's bytes, or None when it has not changed. Raises OSError, or ValueError for what must not be read."""
    before = path.stat()
    if known and known.stamp == f"{before.st_mtime_ns}-{before.st_size}":
        return None
    with disk.opened(path, os.O_NOFOLLOW) as file:  # it may have been replaced by a link since it was looked at
        now = os.fstat(file.fileno())
        data = file.read(max_bytes + 1) if now.st_size <= max_bytes else b""
        if now.st_size > max_bytes or len(data) > max_bytes:
            raise ValueError(f"has more than {max_bytes:,} bytes; shorten it or raise `max_bytes`")
    stamp = Validators(stamp=f"{now.st_mtime_ns}-{now.st_size}")
    return Document(name=name, url=name, body=data, validators=stamp)


def _shown(source: Source, name: str) -> str:
    """A post as a person finds it: its path from where the config's paths start."""
    return str(PurePosixPath(source.options.path) / name)


# --- Reading one post -----------------------------------------------------------------------------------------------


def read(document: Document, source: Source) -> Batch:
    """One post as one item; a draft gives none. Pure.

    Raises ParseError with `path:line: message` for a file that is no text, or says nothing but its own name.
    """
    name = document.name
    try:
        decoded, no_utf8 = encoding.decode(document.body, source.language)
    except ValueError as error:
        raise ParseError("not text", f"{_shown(source, name)}:1: {error}") from None
    front = frontmatter.parse(decoded)
    drafted, doubt = fields.is_draft(front, name)
    if drafted:
        line, what = doubt
        return Batch(warnings=(text.one_line(f"{_shown(source, name)}:{line}: {what}"),) if what else ())
    item, problems = _item(front, name, source)
    if ours := matter.is_ours(front.fields):
        item = _own_item(front, item, source)
    given = ours or fields.scalar(front.fields, "title")
    if not (given or item.content or item.summary or item.url or item.image or item.enclosures):
        raise ParseError(
            "empty", f"{_shown(source, name)}:1: has neither a title nor a text; write one or remove the file"
        )
    found = chain([(1, no_utf8)], front.problems, problems)
    shown = _shown(source, name)
    return Batch((item,), warnings=tuple(text.one_line(f"{shown}:{line}: {what}") for line, what in found if what))


def _item(front: FrontMatter, name: str, source: Source) -> tuple[Item, tuple[Problem, ...]]:
    """The item of a post, and what is wrong with its body and dates."""
    said = front.fields
    is_html = name.lower().endswith((".html", ".htm"))
    url, base = fields.page(said, source.base_url)
    content, excerpt = body.render(front.body, base, is_html)
    heavy = not is_html and body.is_heavy(front.body)
    published, no_date = fields.published(front, name, source.zone)
    updated, no_update = fields.updated(front, source.zone)
    given = text.plain(fields.scalar(said, "excerpt", "description", "summary"), 2000)
    item = Item(
        guid=text.legal(fields.scalar(said, "guid", "id", "uuid")),
        url=url,
        title=_title(front, content, name, is_html),
        summary=given or excerpt or text.summarise(content),
        content=content,
        authors=fields.authors(said),
        tags=fields.tags(front, name),
        categories=fields.categories(front, name) or source.categories,
        published=published.when,
        updated=updated,
        language=text.language(fields.scalar(said, "lang", "language")) or source.language,
        rights=fields.rights(said),
        image=fields.image(said, source.base_url) or html.first_image(content),
        enclosures=fields.enclosures(said, base),
        links=fields.links(said, base),
        origin=name,
        day_only=published.day_only,
    )
    too_long = (1, "is too long for Markdown; its text is kept as it stands" if heavy else "")
    return item, (too_long, no_date, no_update)


def _own_item(front: FrontMatter, item: Item, source: Source) -> Item:
    """The item of a post that we wrote ourselves: all that it says, as it says it, with the content of `item`."""
    own = matter.item(front.fields, source.zone)
    return replace(
        own,
        summary=own.summary or text.summarise(item.content),
        content=item.content,
        categories=own.categories or source.categories,
        language=own.language or source.language,
        origin=item.origin,
    )


def _title(front: FrontMatter, content: str, name: str, is_html: bool) -> str:
    """The title that the post gives, even a blank one; else that of its first heading, else of its file name."""
    given = front.fields.get("title")
    if given is not None:
        return body.restore_title(text.plain_title(given if isinstance(given, str) else ""), content)
    first = (body.page_title(front.body) if is_html else "") or body.heading(content)
    return first or fields.name_title(name)
