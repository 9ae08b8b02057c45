"""What is kept in English, said in the reader's language when it is shown: why a source is visited when, how it stands,
what a visit came to, what the rules did.

Whoever makes these lines does not know who will read them: the store, logs and `--json` have them in English. So each
is known here by its pattern, which is a message of the domain `commands`. A line is taken apart at "; ", ": ", " and "
and ", ", what is known of it is said in the other language, and the rest stays as it is.

In a pattern `{number}` and `{all}` are numbers, `{why}` and `{rule}` are phrases themselves, and the others are names,
which are shown as they stand.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from gettext import NullTranslations

from aggregator import languages
from aggregator.fetching import rules
from aggregator.sources import command, feed, page, sitemap
from aggregator.text import masked

KINDS = (
    *("bad encoding", "bad header", "bad output", "bad redirect", "bad response", "bad url", "blocked", "broken feed"),
    *("command failed", "disk", "dns", "empty", "entities", "internal error", "missing folder", "no instance"),
    *("no match", "not a feed", "not a sitemap", "not text", "paused", "private address", "proxy", "redirect loop"),
    *("refused", "reset", "secret", "timeout", "tls", "too expensive", "too large", "unreadable folder"),
)
"""The classes of trouble, of the context "trouble"; those of HTTP are patterns."""

_JOINTS = ("; ", ": ", " and ", ", ")

_REASONS = (
    # schedule.py, rhythm.py, manners.py, keeping.py, subscribing.py: when a source is visited next
    "every {length}",
    "scheduled at {schedule} ({zone})",
    "always sent in full",
    "once a day",
    "hub pushes; backup once a day",
    "publisher says max-age {length}",
    "ttl {length}",
    "updates daily",
    "updates every {length}",
    "{why}, capped at {length}",
    "failed last time",
    "failed last time ({why})",
    "failed {number} times in a row",
    "failed {number} times in a row ({why})",
    "gone for good ({why})",
    "gone for good if it says so again",
    "told to wait {length}",
    "waits are {number} times as long to keep to max_requests_per_hour",
    "skips hours {hours} UTC",
    "skips hours {hours} UTC and {why}",
    "skips {why}",
    "not known yet how often it posts",
    "posts about {number} a day",
    "posts about {number} a week",
    "posts about {number} a month",
    "{why}, mostly {hours} UTC",
    "posts less than once a month",
    "{host} asked for silence until {moment} UTC",
    "{host} asked for silence until {moment} UTC ({why})",
    "HTTP {number} with Retry-After",
    "never visited",
    "disabled in the config",
    "the same feed as {url}",
    "could not be saved",
    "looked at by every run",
    "when the config allows it",
    "delivered by its hub",
    "its hub delivered what cannot be read",
    "its hub delivered an older version",
    "hub pushes; was anything missed before the daemon began?",
    "no hub pushes any more",
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
_HEALTH = (
    # health.py, alive.py, lock.py: how a source stands, and the whole
    "not visited, as the config wants it",
    "to {url}",
    "to {url}, which is a source already",
    "remove one of the two from the config",
    'write url = "{url}" into the config',
    "nothing new since {day}",
    "look at the site: it may have ended, or moved its feed",
    "{number} warnings",
    "takes {number} s of {all} s",
    "{why} since {number} visits",
    "{why}: `aggregator preview {source}` shows what they catch",
    "{title} is gone for good: {why}",
    "{title} is failing: {why}",
    "{title} is blocked: {why}",
    "{title} works again",
    "{title} works again, and has moved {why}",
    "{title} has moved {why}",
    "{title} has gone quiet: {why}",
    "{title} is no longer quiet",
    "no source has ever answered",
    "no source has answered since {moment} UTC",
    "process {number}, since {moment}",
    "process {number} on {host}, since {moment}",
    "aggregator {command}, process {number}, since {moment}",
    "aggregator {command}, process {number} on {host}, since {moment}",
)
_ERRORS = (
    # fetching/, sources/, reading/: what hinders a visit, or has to be told of one
    "http {number}",
    "http {number} elsewhere",
    "{host} cannot be found ({error})",
    "{host} is no host name",
    "no connection to {host} ({error})",
    "no complete answer in time",
    "no secure connection ({error})",
    "the connection broke",
    "it leads to what is no URL",
    "the proxy answered {error}",
    "the proxy",
    "its URL cannot be read",
    "only http:// and https:// proxies can be used",
    "no temporary file can hold it",
    "a header of ours cannot be sent",
    "{host} is not on the public internet",
    "more than {number} bytes",
    'the server sent "{coding}"',
    "we asked for gzip or deflate",
    "the gzip body has more than 100 members",
    "the compressed body is damaged ({error})",
    "the compressed body is cut short",
    "HTTP {number}, a page of {host} against robots instead of the feed",
    "HTTP {number} without an address",
    "it cannot be read",
    "only http:// and https:// can be fetched",
    "it names no host",
    "ports are 1 to 65535",
    "no document after {number} redirects",
    "the server sent an empty document",
    "it is a web page",
    f"it is a web page{feed.ITSELF}",
    "its feed is {url}",
    "{why} (the feed that {url} leads to)",
    "it is a web page, though {url} leads to it as its feed",
    "{url} is not the address of a feed",
    "its root element is <{name}>, not <rss>, <feed> or <rdf:RDF>",
    "nothing in it could be read",
    "it is {type} without any XML",
    "it is broken JSON",
    "it is JSON, but not a JSON Feed (its `version` does not say so)",
    "it is not well-formed XML, so parts of it may be missing",
    "it is not well-formed XML, and was mended",
    "its end is missing, and the last entry with it, which has neither guid nor link",
    "its own entities make the document much larger",
    "that is refused",
    "it has {number} items",
    "only the first {number} are read",
    "the content of {item} is cut to {number} characters",
    "item {number} is not an object, so it is left out",
    "selector `{selector}` matched nothing",
    "no h-entry and no article of schema.org is on the page, and no select is given",
    "neither a title nor a link was found in any of {number} items",
    "it is a feed",
    'leave kind = "page" out',
    "if it lasts, look at the page",
    "it is broken XML ({error})",
    "it is an index within an index",
    "is an index that leads to no sitemap of its host",
    "it is a document of <{name}>",
    "it is no XML",
    "the XML is broken ({error})",
    "{number} pages could be read",
    "its gzip is broken ({error})",
    "it is more than {number} bytes, unpacked",
    "`{command}` cannot be run ({error})",
    "`{command}` ended with {number}",
    "`{command}` was ended by {signal}",
    "`{command}` takes more than {number} s",
    "`{command}` prints more than {number} bytes",
    "`{command}` was given up",
    "if it is only slow, raise timeout",
    "if it is meant, raise max_bytes",
    "is no JSON object, so it is left out",
    "reading it takes more than {number} s",
    "reading it takes more than 1 GB of memory",
    "reading it ended the process that reads",
    "what reads was ended while it waited",
    "given up",
    "please report it",
    'name RSSHub instances: [fetch] rsshub = ["https://..."]',
    "{folder} does not exist",
    "{folder} cannot be listed ({error})",
    "create it or mend `path`",
    "mend it or `path`",
    "cannot be read ({error})",
    "mend its permissions or remove it",
    "has neither a title nor a text",
    "write one or remove the file",
    "is a binary file, not text",
    "give it another ending, or save it as UTF-8",
    "is broken {coding}",
    "is not UTF-8, read as {coding}",
    "is in no encoding that we can tell",
    "save it as UTF-8",
    "{field} `{value}` is no date",
    "the file name's is used",
    "the time of first sight is used",
    "it is left out",
    "has given its entries new ids",
    "{number} of {all} were recognised by {sign}",
    "is recognised by {sign} from now on",
    "{number} of its {all} entries share their guid with others",
    "all guids were new at {number} visits in a row, to {all} entries that were known",
    "{url} has moved to {other}",
    "{url} has moved to {other}, which is a source already",
    "remove one of the two",
)
_PUBLISHING = (
    # documents.py, output.py, formats/checks.py: why a document is not published
    "the old file stays",
    "two formats write it",
    "leave out one of them",
    "is a document of another category",
    "give one of them another `slug`",
    "was not written by aggregator",
    "move it away, or choose another `output`",
    "is no path below the output",
    "it is no RSS",
    "it is no Atom",
    "it is no OPML",
    "it is no JSON Feed",
    "it is no whole HTML page",
    "an item has no id or no content",
    "<{name}> has no <{child}>",
    "the id {id} stands twice",
    "the next run tries again",
)
_RULES = (
    # rules.py, matching.py, views.py: what became of an entry, and where it went
    "source rule {number}",
    "rule {number} of everything",
    "rule {number} of {path}",
    "{rule} excludes it: {why}",
    "{rule} lets it in: {why}",
    "{rule} changed its title",
    "{rule} changed its link",
    "{rule} leaves its link alone: `{link}` is no http(s) URL",
    "{rule} stripped its content",
    "{rule} routes it to {path}",
    "no include rule lets it in",
    "its summary alone is published",
    "its link alone is published",
    "its pictures are left out",
    "its category {path} is {category}",
    "its tag `{tag}` means {path}",
    "it asks for nothing",
    "it has an enclosure",
    "it has no enclosure",
    "it was too old when it was first seen",
    "it was young when it was first seen",
    "its language is `{language}`",
    "it is in everything",
    "it is in {path}",
    "its category is `{word}`",
    "its title has `{word}`",
    "its author has `{word}`",
    "its link has `{word}`",
    "its text has `{word}`",
    "it is put there",
    "every entry is",
    "in everything: {why}",
    "in {path}: {why}",
    "not in everything: {why}",
    "not in {path}: {why}",
    "everything does not take it: {why}",
    "{path} does not take it: {why}",
    # store/: why an entry was removed
    "file gone",
    "first import",
    "retention",
)
_ADVICE = tuple(
    dict.fromkeys(advice for each in (rules, command, feed, page, sitemap) for advice in each.ADVICE.values())
)

_KNOWN = (*_REASONS, *_HEALTH, *_ERRORS, *_PUBLISHING, *_RULES, *_ADVICE)
PATTERNS = (*_JOINTS, *_KNOWN)

_FIELD = re.compile(r"\{([a-z]+)\}")
_WHOLE = frozenset(each for each in _KNOWN if not _FIELD.search(each))
_PHRASES, _FREE = ("why", "rule"), ("error", "title", "source")
_FIELDS = dict.fromkeys(("number", "all"), "[0-9][0-9.,]*") | dict.fromkeys(("url", "other"), r"\S+")
_FIELDS |= dict.fromkeys((*_PHRASES, *_FREE), ".+") | {"length": "[0-9]+ [a-z]+"}
_MOST = 16  # joints of a kind in one line, and characters: longer ones are nothing that we would say
_LONGEST = 1_000


def speaker(catalog: NullTranslations) -> Callable[[str], str]:
    """What says a line of ours, or several, in the language of a catalog, without passwords in URLs; where that is
    English, it gives it as it is."""
    if type(catalog) is NullTranslations:
        return lambda line: line
    return lambda line: "\n".join(_said(catalog, each) for each in masked(line).split("\n"))


def of_terminal() -> Callable[[str], str]:
    """What says a line of ours to who reads the terminal."""
    return speaker(languages.terminals())


@lru_cache(maxsize=4096)
def _said(catalog: NullTranslations, line: str) -> str:
    return _joined(catalog, line, 0) if len(line) <= _LONGEST else line


def _joined(catalog: NullTranslations, line: str, depth: int) -> str:
    """A line whose parts are said, from one kind of joint on; runs of parts that are known as one, as one."""
    if depth == len(_JOINTS):
        return _known(catalog, line) or line
    mark = _JOINTS[depth]
    parts = line.split(mark)
    if len(parts) > _MOST:
        return line
    said: list[str] = []
    while parts:
        runs = ((mark.join(parts[:end]), end) for end in range(len(parts), 0, -1))
        whole, end = next(((found, end) for run, end in runs if (found := _known(catalog, run))), ("", 1))
        said.append(whole or _joined(catalog, parts[0], depth + 1))
        parts = parts[end:]
    return line if mark.join(said) == line else catalog.gettext(mark).join(said)


def _known(catalog: NullTranslations, line: str) -> str:
    """A line that is one phrase, in the other language; "" for what is none."""
    if line in KINDS:
        return catalog.pgettext("trouble", line)
    if line in _WHOLE:
        return catalog.gettext(line)
    for pattern, piece in _patterns():
        if piece in line and (found := _compiled(pattern).fullmatch(line)):
            values = {n: _joined(catalog, each, 0) if n in _PHRASES else each for n, each in found.groupdict().items()}
            return catalog.gettext(pattern).format(**values)
    return ""


@cache
def _patterns() -> tuple[tuple[str, str], ...]:
    """The patterns that have fields, that with most words of its own first; each with its longest piece between fields,
    as a regular expression is slow to find that it does not fit."""
    known = sorted(set(_KNOWN) - _WHOLE, key=lambda each: (-len(_FIELD.sub("", each)), each))
    return tuple((each, max(_FIELD.split(each)[::2], key=len)) for each in known)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_regex(pattern)))


def _regex(pattern: str) -> Iterator[str]:
    """A regular expression, in pieces. A name goes over no joint, unless it is between quotes."""
    before = ""
    for number, part in enumerate(_FIELD.split(pattern)):
        if number % 2 == 0:
            yield re.escape(part)
            before = part[-1:]
        elif before in ("`", '"'):
            yield f"(?P<{part}>[^{before}]+)"
        elif part == "why" and before == "(":
            yield "(?P<why>[^()]+)"
        else:
            yield f"(?P<{part}>{_FIELDS.get(part, '(?:(?!; |: ).)+')})"
