"""Plain text, URLs and names: what outside strings must go through before they are stored. Pure."""


def legal(text: str) -> str:
    """Drop what XML 1.0 §2.2 forbids (NUL, controls, U+FFFE, U+FFFF) and lone surrogates; CRLF and CR become LF."""
    raise NotImplementedError


def one_line(text: object, limit: int = 500) -> str:
    """Plain text on one line: legal, whitespace (all of Unicode's) collapsed and stripped, at most `limit` characters (cut with "…").

    None gives ""; numbers, dates, bools are str()ed as they stand.
    """
    raise NotImplementedError


def plain(html: str, limit: int | None = None) -> str:
    """The text of an HTML fragment on one line: tags gone (script/style with their content), entities decoded, blocks separated by a space.

    Safe and quick on hostile input (linear time; look at only what `limit` needs).
    """
    raise NotImplementedError


def summarise(html: str, limit: int = 300) -> str:
    """The beginning of an HTML fragment as plain text, cut at a sentence or word border with "…" (CJK has no spaces: cut anywhere)."""
    raise NotImplementedError


def plain_title(raw: str) -> str:
    """A title as plain text, whatever upstream put in: markup goes (`<b>x</b>`, `&lt;b&gt;`), `AT&amp;T` becomes `AT&T`, but `a < b`
    and `Vec<T> in Rust` and `the <video> element` (text that only looks like markup) lose no words. One line, at most 500 characters.
    """
    raise NotImplementedError


def slug(name: str) -> str:
    """A readable, safe folder or file name for a name in any script. "" when nothing of it is left; not unique, the store sees to that.

    NFKC, casefold, letters and digits (and combining marks) of every script kept; `+` -> `plus`, `#` -> `sharp`, `&` -> `and`, `@` -> `at`; runs of the rest are one `-`, none at the
    ends; at most 80 bytes of UTF-8, cut at a character. `快科技（原驱动之家）` -> `快科技-原驱动之家`; `C++` -> `c-plus-plus`; `C#` -> `c-sharp`.
    Windows' reserved device names (con, nul, com1 ...) get a trailing `-`... no: are returned as "" so that the caller makes a name.
    """
    raise NotImplementedError


def http_url(url: str, base: str = "") -> str:
    """An absolute http(s) URL as an RFC 3986 URI (ASCII: path, query percent-encoded, host in punycode), or "" when it is none.

    Relative and protocol-relative ones are joined to `base`. Already encoded stays as it is (no double encoding, no
    reordering, no lower-casing of the path). Spaces, |, [], <>, quotes, backslashes, controls are encoded or (inner newlines, tabs) dropped as browsers do.
    javascript:, data:, file:, mailto: ... give "". User info (user:pass@) is dropped. Never raises.
    """
    raise NotImplementedError


def language(tag: str) -> str:
    """A BCP 47 language tag in canonical case (`zh_CN` -> `zh-CN`, `EN-us` -> `en-US`), or "" when it is none."""
    raise NotImplementedError


def mime_type(value: str) -> str:
    """A bare, lower-case MIME type `type/subtype` (parameters dropped), or "" when it is none (`mp3`, `CDATA`)."""
    raise NotImplementedError
