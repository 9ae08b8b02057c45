"""Plain text, titles, names and URLs: tables of cases, and what holds for any input."""

import re
import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator import text

ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0d-\x1f\ud800-\udfff\ufffe\uffff]")
HOSTILE = {
    "tags": "<div>" * 200_000,
    "unclosed tags": "<p " * 200_000,
    "unclosed links": "<a " * 100_000,
    "comments": "<!--" * 50_000,
    "bogus comments": "</" * 100_000,
    "double quotes": '<a b="' * 100_000,
    "quotes": "<a b='\"" * 100_000,
    "spaces": "<a" + " " * 500_000,
    "scripts": "<script>" * 100_000,
    "references": "&" * 500_000,
    "a long number": "&#" + "9" * 500_000 + ";",
    "long names": "&" + "a" * 500_000,
    "tags with entities": "<b>&lt;b&gt;</b>" * 30_000,
}


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("a\x00b\x0b\x1fc\x7f", "abc\x7f"),
        ("a\r\nb\rc\n\td", "a\nb\nc\n\td"),
        ("\ud83d\ufffe\uffff😀\ufffd", "😀\ufffd"),
    ],
)
def test_legal(raw: str, clean: str) -> None:
    assert text.legal(raw) == clean


@given(st.text(st.characters()))
def test_legal_is_legal(raw: str) -> None:
    assert not ILLEGAL.search(text.legal(raw))
    assert text.legal(text.legal(raw)) == text.legal(raw)


@pytest.mark.parametrize(
    ("value", "limit", "line"),
    [
        (None, 500, ""),
        ("", 500, ""),
        (" \n\u3000 ", 500, ""),
        ("  a \n\t b\u00a0\u2003c\u2028d\u3000", 500, "a b c d"),
        (2019, 500, "2019"),
        (1.5, 500, "1.5"),
        (False, 500, "False"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abcd efg", 6, "abcd…"),
        ("a" + "\u0301" * 9, 5, "…"),
        ("ab👩\u200d🚀c", 5, "ab…"),
    ],
)
def test_one_line(value: object, limit: int, line: str) -> None:
    assert text.one_line(value, limit) == line


@given(st.text(st.characters()), st.integers(1, 30))
def test_one_line_is_one_line(raw: str, limit: int) -> None:
    line = text.one_line(raw, limit)
    assert len(line) <= limit
    assert line == line.strip() == text.legal(line)
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("", ""),
        ("a &amp; b &lt;c&gt; &#8217;&hellip;", "a & b <c> ’…"),
        ("<p>One</p><p>two<br>three</p><ul><li>four</li></ul>", "One two three four"),
        ("in<b>di</b>vis<!-- x > y -->ible", "indivisible"),
        ("a<script>if (a < b) '</p>'</script>b<STYLE>p{}</STYLE >c", "abc"),
        ("a<script>never closed", "a"),
        ("a<title>b</title>c", "ac"),
        ('<a title="1 > 0" href=\'x>y\' alt=">">link</a>', "link"),
        ('<a ">x">y</a>', 'x">y'),
        ("1 < 2 <3 a<", "1 < 2 <3 a<"),
        ("a<!>b<!-->c<!--->d<?php x ?>e</>f", "abcdef"),
        ("&#0;&#11;&#xd800;&#xFFFE;x", "\ufffd\ufffdx"),
        ("&#" + "0" * 5000 + "65; &#" + "9" * 5000 + ";", "A \ufffd"),
        ("x\u00a0&nbsp; y", "x y"),
    ],
)
def test_plain(html: str, plain: str) -> None:
    assert text.plain(html) == plain


def test_plain_reads_no_more_than_it_needs() -> None:
    assert text.plain("<p>word " * 100, 11) == "word word…"
    started = time.process_time()
    assert text.plain("<p>word " * 300_000, 100).startswith("word word")
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_linear_time(name: str) -> None:
    started = time.process_time()
    text.plain(HOSTILE[name])
    text.summarise(HOSTILE[name])
    text.plain_title(HOSTILE[name])
    text.http_url(HOSTILE[name], "https://example.com/")
    text.slug(HOSTILE[name])
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("html", "limit", "summary"),
    [
        ("<p>Short.</p>", 300, "Short."),
        ("<p>The first one. The second one goes on</p>", 24, "The first one. …"),
        ("One two three four five", 15, "One two three…"),
        ("One two three four five", 14, "One two three…"),
        ("One, two, three, four", 17, "One, two, three…"),
        ("Donaudampfschifffahrtsgesellschaft", 10, "Donaudamp…"),
        ("Version 1.25.3 of it is out", 16, "Version 1.25.3…"),
        ("今天天气很好。我们去公园散步吧", 12, "今天天气很好。…"),
        ("今天天气很好我们去公园散步吧", 8, "今天天气很好我…"),
        ("Titel 今天天气很好我们去公园散步吧", 14, "Titel 今天天气很好我…"),
        ("กำลังทดสอบภาษาไทย", 4, "กำ…"),
    ],
)
def test_summarise(html: str, limit: int, summary: str) -> None:
    assert text.summarise(html, limit) == summary


@given(st.text(alphabet="ab .!?。今 \n<p>&;ิ", max_size=80), st.integers(2, 20))
def test_a_summary_is_the_beginning(html: str, limit: int) -> None:
    summary, whole = text.summarise(html, limit), text.plain(html)
    assert len(summary) <= limit
    assert whole.startswith(summary.removesuffix("…").rstrip())
    assert (summary == whole) == (len(whole) <= limit)


TITLES = {
    "Plain": "Plain",
    "  two\n lines ": "two lines",
    # markup
    "<b>Bold</b> and <I>italic</i>": "Bold and italic",
    'See <a href="https://example.com/?a=1&b=2">this</a>': "See this",
    "H<sub>2</sub>O": "H2O",
    "&lt;b&gt;Bold&lt;/b&gt;": "Bold",
    "&lt;a href=&quot;x&quot;&gt;y&lt;/a&gt;": "y",
    "One<br>two<br />three": "One two three",
    '<img src="x.png" alt=""> News': "News",
    "<p>One</p><p>two</p>": "One two",
    '<span class="x">Unclosed': "Unclosed",
    "<code>Vec&lt;T&gt;</code>": "Vec<T>",
    "<b><i>x</b></i>": "x",
    # references
    "AT&amp;T": "AT&T",
    "AT&T &c. &notit; &copy": "AT&T &c. &notit; &copy",
    "It&#8217;s &#x201c;so&#x201d;": "It’s “so”",
    "It&amp;#8217;s": "It’s",
    "a&nbsp;b": "a b",
    "&#0;&#xd800;&#11;x": "\ufffd\ufffdx",
    "&bogus; &#99999999;": "&bogus; &#99999999;",
    # text that only looks like markup
    "a < b && c > d": "a < b && c > d",
    "Vec<T> in Rust": "Vec<T> in Rust",
    "Vec&lt;T&gt; in Rust": "Vec<T> in Rust",
    "List<String> a<b>c": "List<String> a<b>c",
    "the <video> element": "the <video> element",
    "the &lt;b&gt; tag": "the <b> tag",
    "<3 <- -> <!-- <?php": "<3 <- -> <!-- <?php",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "if x <b and c> d </b": "if x <b and c> d </b",
    "[WIP] <untitled>": "[WIP] <untitled>",
}


@pytest.mark.parametrize(("raw", "title"), TITLES.items())
def test_plain_title(raw: str, title: str) -> None:
    assert text.plain_title(raw) == title


@given(st.text(alphabet="ab <>/=\"'&;#3lgtpmr", max_size=60))
def test_a_title_is_one_short_line(raw: str) -> None:
    assert text.plain_title(raw) == text.one_line(text.plain_title(raw))


@given(
    st.lists(
        st.sampled_from(["alpha", "beta", "<", ">", "&", "< ", " >", "<T>", "<video>", "</p", "&&", "=", '"']),
        max_size=12,
    )
)
def test_a_title_loses_no_word(parts: list[str]) -> None:
    raw = " ".join(parts)
    assert re.findall(r"\w+", text.plain_title(raw)) == re.findall(r"\w+", raw)


SLUGS = {
    "快科技（原驱动之家）": "快科技-原驱动之家",
    "C++": "c-plus-plus",
    "C#": "c-sharp",
    "R&D @ home": "r-and-d-at-home",
    "Ｆｕｌｌ　Ｗｉｄｔｈ": "full-width",
    "Straße № 5": "strasse-no-5",
    "हिन्दी समाचार": "हिन्दी-समाचार",
    "ภาษาไทย": "ภาษาไทย",
    "İstanbul": "i̇stanbul",
    "e\u0301te\u0301": "été",
    "a\u200bb\u202ec\ufe0f": "abc",
    "../../etc/passwd": "etc-passwd",
    ".hidden": "hidden",
    "a\x00b\nc": "a-b-c",
    "--": "",
    "❤️": "",
    "…": "",
    "\u0301": "",
    "CON": "",
    "com¹": "",
    "lpt9.": "",
    "console": "console",
    "é" * 60: "é" * 40,
    "语" * 60: "语" * 26,
}


@pytest.mark.parametrize(("name", "slug"), SLUGS.items())
def test_slug(name: str, slug: str) -> None:
    assert text.slug(name) == slug


@settings(max_examples=300)
@given(st.text(st.characters()))
@example("\u0345\u03b1\u0345")
@example("ﷺ" * 30)
@example("ä\u200d\u0301")
def test_a_slug_is_a_safe_name(name: str) -> None:
    slug = text.slug(name)
    assert text.slug(slug) == slug
    assert len(slug.encode()) <= 80
    assert slug == unicodedata.normalize("NFKC", slug) == slug.strip("-")
    assert all(unicodedata.category(char)[0] in "LMN" or char == "-" for char in slug)
    assert not re.fullmatch("con|prn|aux|nul|com[0-9]|lpt[0-9]", slug)


URLS = {
    "https://example.com": "https://example.com",
    " HTTPS://Example.COM/Path?Q=1#F \n": "https://example.com/Path?Q=1#F",
    "http://example.com:8080/a//b/?x=1&amp=2": "http://example.com:8080/a//b/?x=1&amp=2",
    "https://user:secret@example.com/": "https://example.com/",
    "https://user@evil@example.com/": "https://example.com/",
    "https://example.com:/": "https://example.com/",
    "http:example.com/a": "http://example.com/a",
    "http:////example.com/a": "http://example.com/a",
    "https:\\\\example.com\\a?b\\c": "https://example.com/a?b%5Cc",
    "http://my_host.example/": "http://my_host.example/",
    "http://[2001:DB8::0:1]:8080/": "http://[2001:db8::1]:8080/",
    "http://127.0.0.1/": "http://127.0.0.1/",
    "http://Bücher.example/ü?ö=ß#ä": "http://xn--bcher-kva.example/%C3%BC?%C3%B6=%C3%9F#%C3%A4",
    "http://faß.example/": "http://xn--fa-hia.example/",
    "http://例え。テスト/": "http://xn--r8jz45g.xn--zckzah/",
    "http://ΛΌΓΟΣ.example/": "http://xn--oxapnq6b.example/",
    "http://ｅxample.com/": "http://example.com/",
    "http://ex%61mple.com/": "http://example.com/",
    'http://example.com/a b|c[1]<2>"3"`{4}^': "http://example.com/a%20b%7Cc%5B1%5D%3C2%3E%223%22%60%7B4%7D%5E",
    "http://example.com/?a[]=1|2 3": "http://example.com/?a%5B%5D=1%7C2%203",
    "http://example.com/a%20b%2f%E4": "http://example.com/a%20b%2f%E4",
    "http://example.com/100%/%zz": "http://example.com/100%25/%25zz",
    "http://example.com/a(b)!$&'*+,;=:@~": "http://example.com/a(b)!$&'*+,;=:@~",
    "http://example.com/a\nb\tc\x00d": "http://example.com/abcd",
    "http://example.com/#a#b": "http://example.com/#a%23b",
    "\ufeffhttp://example.com/\u200b": "http://example.com/",
    # relative ones, to https://base.example/dir/page?q
    "//cdn.example/x": "https://cdn.example/x",
    "/x": "https://base.example/x",
    "x y": "https://base.example/dir/x%20y",
    "../../../x": "https://base.example/x",
    "?z": "https://base.example/dir/page?z",
    "#top": "https://base.example/dir/page?q#top",
    "\\x": "https://base.example/x",
    # none at all
    "": "",
    "   ": "",
    "javascript:alert(1)": "",
    "java\nscript:alert(1)": "",
    "data:text/html,x": "",
    "file:///etc/passwd": "",
    "mailto:a@example.com": "",
    "tag:example.com,2021:1": "",
    "C:\\x": "",
    "http://": "",
    "http:///?x": "",
    "http://exa mple.com/": "",
    "http://a..b/": "",
    "http://[::1/": "",
    "http://[fe80::1%25eth0]/": "",
    "http://example.com:99999/": "",
    "http://example.com:port/": "",
    "http://%ff.example/": "",
    "http://a\uff0fb.example@/": "",
    "//[": "",
}
BASE = "https://base.example/dir/page?q"
RFC3986 = re.compile(
    r"https?://(?:[\w.-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?"
    r"(?:/(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\?(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?(?:#(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?",
    re.ASCII,
)


@pytest.mark.parametrize(("raw", "url"), URLS.items())
def test_http_url(raw: str, url: str) -> None:
    assert text.http_url(raw, BASE) == url


@pytest.mark.parametrize("base", ["", "not a url", "ftp://example.com/", "javascript:x", "/relative"])
def test_a_relative_url_needs_a_base(base: str) -> None:
    assert text.http_url("x", base) == ""
    assert text.http_url("http://example.com/", base) == "http://example.com/"


@settings(max_examples=300)
@given(
    st.text(st.characters()) | st.text("htps:/\\?#[]@%.0aä。℀ \t\n&;'\"<>|", max_size=30).map("http:".__add__),
    st.sampled_from(["", BASE, "http://a"]),
)
def test_any_url(raw: str, base: str) -> None:
    url = text.http_url(raw, base)
    assert url == "" or RFC3986.fullmatch(url)
    assert text.http_url(url) == url


@pytest.mark.parametrize(
    ("raw", "tag"),
    [
        ("en", "en"),
        (" EN-us\n", "en-US"),
        ("zh_CN", "zh-CN"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("ZH-HANS", "zh-Hans"),
        ("es-419", "es-419"),
        ("sl-rozaj-biske-1994", "sl-rozaj-biske-1994"),
        ("de-de-u-co-PHONEBK", "de-DE-u-co-phonebk"),
        ("en-x-TWAIN", "en-x-twain"),
        ("nds", "nds"),
        *(
            (none, "")
            for none in (
                "",
                "english",
                "cn",
                "xx",
                "en-",
                "-en",
                "en us",
                "en--us",
                "x",
                "e",
                "en-a",
                "日本語",
                "en-us, fr",
            )
        ),
    ],
)
def test_language(raw: str, tag: str) -> None:
    assert text.language(raw) == tag
    assert text.language(tag) == tag


@pytest.mark.parametrize(
    ("raw", "mime"),
    [
        ("audio/mpeg", "audio/mpeg"),
        (" Text/HTML; charset=UTF-8", "text/html"),
        ("image/svg+xml", "image/svg+xml"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        *(
            (none, "")
            for none in (
                "",
                "mp3",
                "CDATA",
                "audio/",
                "/mpeg",
                "a/b/c",
                "*/*",
                "audio /mpeg",
                "audio/mpeg audio",
                "ä/b",
            )
        ),
    ],
)
def test_mime_type(raw: str, mime: str) -> None:
    assert text.mime_type(raw) == mime
