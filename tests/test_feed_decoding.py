"""Bytes to text as the WHATWG decodes them, and text to XML that parsers agree on."""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.sources.feed.decoding import decode, prepare


def document(encoding: str, words: bytes) -> bytes:
    return b'<?xml version="1.0" encoding="%b"?><rss>%b</rss>' % (encoding.encode(), words)


@pytest.mark.parametrize(
    ("declared", "codec", "words"),
    [
        ("utf-8", "utf-8", "déjà 日本"),
        ("UTF8", "utf-8", "déjà 日本"),
        ("iso-8859-1", "cp1252", "“quoted” – €5"),
        ("us-ascii", "cp1252", "“quoted”"),
        ("iso-8859-2", "iso-8859-2", "Příliš žluťoučký kůň"),
        ("iso-8859-9", "cp1254", "İstanbul’da ağaç"),
        ("windows-1251", "cp1251", "Съешь ещё этих булок"),
        ("x-cp1251", "cp1251", "Съешь ещё этих булок"),
        ("win-1251", "cp1251", "Съешь ещё этих булок"),
        ("koi8-r", "koi8-r", "Съешь ещё этих булок"),
        ("iso-8859-8-i", "iso-8859-8", "דג סקרן שט בים"),
        ("tis-620", "cp874", "สวัสดีชาวโลก…"),
        ("gb2312", "gb18030", "简体和繁體，€"),
        ("gbk", "gb18030", "简体和繁體"),
        ("shift_jis", "cp932", "①㈱の会社～"),
        ("x-sjis", "cp932", "①㈱の会社"),
        ("windows-31j", "cp932", "①㈱の会社"),
        ("euc-jp", "euc_jp", "日本語の文章"),
        ("euc-jp", "euc_jis_2004", "①番の文章"),
        ("euc-kr", "cp949", "똠방각하 펲시콜라"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("big5", "cp950", "繁體中文碁"),
        ("big5", "big5hkscs", "香港嘅字㗎喇"),
    ],
)
def test_declared_encodings_mean_what_browsers_take_them_for(declared: str, codec: str, words: str) -> None:
    raw = words.encode(codec)
    assert words in decode(document(declared, raw))
    assert words in decode(document("", raw), f'text/xml; charset="{declared}"')


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_marks_and_wide_encodings_win_over_any_word(codec: str) -> None:
    whole = '<?xml version="1.0" encoding="gb2312"?><rss>déjà 日本</rss>'
    assert decode(whole.encode(codec), "text/xml; charset=koi8-r") == whole


LONG = "Съешь ещё этих мягких французских булок"


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        # one bad byte costs one character
        (document("gb2312", "简体".encode("gbk") + b"\xff" + "中文".encode("gbk")), "", "简体\ufffd中文"),
        (document("shift_jis", "日本".encode("cp932") + b"\x81</rss>"), "", "日本\ufffd</rss>"),
        (document("utf-8", LONG.encode() + b"\xff"), "", LONG + "\ufffd"),
        # what is said does not fit, so the other word or UTF-8 is right
        (document("utf-8", LONG.encode("cp1251")), "text/xml; charset=windows-1251", LONG),
        (document("windows-1251", LONG.encode("cp1251")), "text/xml; charset=utf-8", LONG),
        (document("gb2312", LONG.encode()), "", LONG),
        (document("iso-8859-1", "é".encode()), "", ">é<"),
        (document("utf-8", "Motörhead à la carte".encode("latin-1")), "", "Motörhead à la carte"),
        # a server's default is no statement
        (document("windows-1251", LONG.encode("cp1251")), "text/xml; charset=iso-8859-1", LONG),
        (document("windows-1251", LONG.encode("cp1251")), "text/xml", LONG),
        # no encoding of a document
        (document("punycode", LONG.encode()), "", LONG),
        (document("unicode_escape", LONG.encode() + b" \\x41"), "", LONG + " \\x41"),
        (document("raw-unicode-escape", LONG.encode() + b" \\u0041"), "", LONG + " \\u0041"),
        (document("rot13", b"Hello"), "text/xml; charset=undefined", "Hello"),
        (document("no-such", LONG.encode()), "text/xml; charset=" + "x" * 500, LONG),
        # UTF-8 that somebody took for windows-1252 and encoded again
        (document("utf-8", "Für ’ne Übung’s Öl".encode().decode("cp1252").encode()), "", "Für ’ne Übung"),
        (document("utf-8", "L’ÉTÉ… “CAFÉ”".encode()), "", "L’ÉTÉ… “CAFÉ”"),
    ],
)  # fmt: skip
def test_what_fits_wins(body: bytes, content_type: str, words: str) -> None:
    assert words in decode(body, content_type)


@given(st.binary(max_size=200), st.sampled_from(["", "utf-8", "gb2312", "big5", "euc-jp", "utf-16", "hex", "cp037"]))
@settings(max_examples=200)
def test_decoding_never_raises(body: bytes, label: str) -> None:
    assert isinstance(decode(document(label, body), f"text/xml; charset={label}"), str)
    assert isinstance(decode(body), str)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff"), max_size=200))
def test_utf_8_is_read_as_it_is(words: str) -> None:
    assert decode(f"<rss>{words}日本語日本語</rss>".encode()) == f"<rss>{words}日本語日本語</rss>"


# --- XML ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "xml"),
    [
        ("\ufeff \n<?xml version='1.0' encoding='x'?>\n<!-- <rss> --><rss/>\n", "<rss/>\n"),
        ("\n\n<?xml version='1.0'?>\n<feed>x</feed><script>y</script><!-- cached -->", "<feed>x</feed>"),
        ("<br />\n<b>Warning</b>: oops in x.php\n<?xml version='1.0'?><rss>x</rss>", "<rss>x</rss>"),
        ("<?xml version='1.0' <rss>x</rss>", "<rss>x</rss>"),
        ("<rss>a</rss><rss><item/></rss >", "<rss>a</rss><rss><item/></rss >"),
        ("<rss>a\x0bb&#0;c&#xB;d&#xD800;e&#65;&#x10FFFF;&#x110000;</rss>", "<rss>abcde&#65;&#x10FFFF;</rss>"),
        ("<rss>&nbsp;&eacute;&amp;&lt;&apos;</rss>", "<rss>\xa0é&amp;&lt;&apos;</rss>"),
        ("<rss>a & b &c; <a href='?x=1&y=2'/>&#x;</rss>", "<rss>a &amp; b &amp;c; <a href='?x=1&amp;y=2'/>&amp;#x;</rss>"),
        ("<rss><![CDATA[a & b &nbsp; &#0;]]></rss>", "<rss><![CDATA[a & b &nbsp; &#0;]]></rss>"),
        ("<!DOCTYPE rss [<!ENTITY a 'A'><!ENTITY b '&a;'><!ENTITY c '<x>'>]><rss>&a;&b;&c;</rss>", "<rss>A&amp;b;&amp;c;</rss>"),
        ("<!DOCTYPE rss PUBLIC '-//N' 'x.dtd' [<!ENTITY % y SYSTEM 'x'> %y;\n]>\n<rss/>", "<rss/>"),
        ("<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><rss>&x;</rss>", "<rss>&amp;x;</rss>"),
        ("<rss xmlns:a='http://a.example/\n '>x</rss>", "<rss xmlns:a='http://a.example/'>x</rss>"),
    ],
)  # fmt: skip
def test_xml_is_made_ready(raw: str, xml: str) -> None:
    assert prepare(raw).text == xml


def test_the_lines_in_front_are_counted() -> None:
    ready = prepare("\n<?xml version='1.0'?>\r\n<!--\n-->\n<rdf:RDF>\n</rdf:RDF>")
    assert (ready.lines, ready.root) == (4, "rdf")
    assert prepare("no markup at all").root == ""


@pytest.mark.parametrize(
    "raw",
    [
        "\n" * 300_000 + "<rss/>",
        "<?" * 100_000 + "<rss/>",
        "<!-- -->" * 50_000 + "<rss/>",
        "<!DOCTYPE a [" + "]  " * 100_000 + "<rss/>",
        "<rss " + " " * 300_000 + "/>",
        "<rss>" + "<![CDATA[" * 100_000 + "</rss>",
        "<rss>" + "&" * 300_000 + "</rss>",
        "<rss><author>" + "a." * 200_000 + "</author></rss>",
    ],
)
def test_hostile_prologs_cost_no_time(raw: str) -> None:
    assert prepare(raw).root == "rss"


def test_entities_may_not_grow_without_bounds() -> None:
    with pytest.raises(ParseError, match="entities"):
        prepare(f"<!DOCTYPE rss [<!ENTITY a '{'x' * 200}'>]><rss>{'&a;' * 5_001}</rss>")


@given(st.text(st.sampled_from("a &;#x0<>[]!-CDATA\x00\ud800é\n'\""), max_size=60))
@settings(max_examples=200)
def test_any_text_inside_cdata_or_escaped_stays_well_formed(words: str) -> None:
    safe = words.replace("<", "&lt;").replace(">", "&gt;")
    ElementTree.fromstring(prepare(f"<rss>{safe}</rss>").body)
