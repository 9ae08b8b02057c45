"""Fragments of HTML that harm nobody: our own, of what real writing is made of, and those of real feeds."""

import io
import re
from pathlib import Path

import feedparser

OWN = (
    "<p>A paragraph, <em>with</em> <strong>weight</strong>, <b>b</b>, <i>i</i>, <u>u</u>, <s>s</s> and <small>small</small>.</p>",
    "<p>One<br>two<br/>three</p><hr><p>four</p>",
    "<h1>1</h1><h2>2</h2><h3>3</h3><h4>4</h4><h5>5</h5><h6>6</h6>",
    '<p><a href="https://a.example/x?y=1&amp;z=2#n" title="A &quot;title&quot;" hreflang="de">link</a></p>',
    '<p><a href="/relative">a</a> <a href="../up">b</a> <a href="?q=1">c</a> <a href="#note">d</a> <a href="//b.example/x">e</a></p>',
    '<p>Write to <a href="mailto:ann@a.example?subject=Hi">Ann</a>.</p>',
    "<ul><li>one</li><li>two<ul><li>two and a half</li></ul></li></ul>",
    '<ol start="3" reversed type="a"><li value="7">seven</li><li>six</li></ol>',
    "<dl><dt>term</dt><dd>definition</dd><dt>another</dt><dd><p>with a paragraph</p></dd></dl>",
    "<blockquote><p>Words of another.</p><footer>— <cite>Somebody</cite></footer></blockquote>",
    "<p><q>said</q> and <q lang='fr'>dit</q></p>",
    '<pre><code>if (a &lt; b &amp;&amp; c &gt; d) {\n    return "x";\n}\n</code></pre>',
    "<pre>  indented\n\ttab\n\n\n  lines</pre>",
    "<p><code>&lt;script&gt;</code>, <kbd>Ctrl</kbd>+<kbd>C</kbd>, <samp>out</samp>, <var>x</var>, <tt>tt</tt></p>",
    "<p>H<sub>2</sub>O, E = mc<sup>2</sup>, <abbr title='HyperText'>HTML</abbr>, <dfn>term</dfn></p>",
    "<p><del datetime='2024-01-01'>old</del> <ins datetime='2024-01-02'>new</ins> <mark>marked</mark></p>",
    "<table><caption>Of numbers</caption><thead><tr><th scope='col'>a</th><th scope='col' abbr='B'>b</th></tr></thead>"
    "<tbody><tr><td>1</td><td rowspan='2'>2</td></tr><tr><td>3</td></tr></tbody><tfoot><tr><td colspan='2'>x</td></tr></tfoot></table>",
    "<table><colgroup><col span='2'><col></colgroup><tbody><tr><th scope='row'>r</th><td headers='x'>1</td><td>2</td></tr></tbody></table>",
    "<table><tbody><tr><td><table><tbody><tr><td>nested</td></tr></tbody></table></td></tr></tbody></table>",
    '<figure><img src="https://a.example/a.jpg" alt="A cat" width="640" height="480"><figcaption>A cat, <em>asleep</em></figcaption></figure>',
    '<p><img src="/relative.png" alt="" title="t"></p>',
    '<p><img src="https://a.example/a.jpg" srcset="https://a.example/a.jpg 1x, https://a.example/a2.jpg 2x" alt="x"></p>',
    '<p><img src="https://a.example/a.jpg" srcset="https://a.example/a-300.jpg 300w, https://a.example/a-600.jpg 600w" sizes="(max-width: 600px) 100vw, 600px" alt="x"></p>',
    '<picture><source srcset="https://a.example/a.webp" type="image/webp" media="(min-width: 600px)"><img src="https://a.example/a.png" alt="x"></picture>',
    '<audio controls="" src="https://a.example/a.mp3"></audio>',
    '<video controls="" poster="https://a.example/p.jpg" width="640" height="360"><source src="https://a.example/v.mp4" type="video/mp4"><track src="https://a.example/v.vtt" kind="captions" srclang="en" label="English" default=""></video>',
    "<details open=''><summary>More</summary><p>Hidden words</p></details>",
    "<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字<rp>(</rp><rt>ji</rt><rp>)</rp></ruby></p>",
    '<p lang="ar" dir="rtl">مرحبا بالعالم <bdi>Ann</bdi> <bdo dir="ltr">123</bdo></p>',
    '<p lang="he" dir="rtl">שלום <a href="https://a.example/">עולם</a></p>',
    "<p>中文标点：“引号”、（括号）《书名》——破折号……省略号。</p>",
    "<p>日本語の文章。「括弧」と・中黒。</p><p>한국어 문장입니다.</p><p>ภาษาไทยไม่มีช่องว่าง</p>",
    "<p>Emoji: 👩‍👩‍👧‍👦 🇩🇪 ✌🏽 and maths: ∑ ∫ √2 ≤ ≥ ≠ → ∞, <i>ℵ</i></p>",
    "<p>Entities: &amp; &lt; &gt; &quot; &copy; &hellip; &mdash; &nbsp;x &#8217; &#x1F600;</p>",
    "<p>Combining: é e&#769; ñ; soft&shy;hyphen; zero&#8203;width; <wbr>break</p>",
    '<p>A note<sup><a href="#fn1">1</a></sup></p><hr><ol><li><p>The note. <a href="#fnref1">↩</a></p></li></ol>',
    "<article><header><h2>Title</h2></header><section><p>Text</p></section><aside>beside</aside><nav><a href='https://a.example/'>n</a></nav></article>",
    "<p><time datetime='2024-05-01T12:00Z'>1 May</time>, <data value='5'>five</data></p>",
    "<address>Ann<br>Street 1</address>",
    "<center>old</center><p><big>big</big> <strike>struck</strike></p>",
    "<div><div><div><p>Deep</p></div></div></div>",
    "<p>5 &lt; 6 and 7 &gt; 3; a&amp;b; x &amp;&amp; y; 100 % of \"quotes\" and 'others'</p>",
    "<p>javascript: is a word, and so are onclick= and &lt;iframe&gt;</p>",
    "<p>{{ template }} {% words %} ${stay} &lt;?php as ?&gt; they are</p>",
    "<ul><li><p>loose</p></li><li><p>list</p></li></ul>",
    "<ul><li>[x] done</li><li>[ ] to do</li></ul>",
    "<p>Line one\nline two\tand a   tab</p>",
    "<h2>A <code>code</code> in a <a href='https://a.example/'>heading</a></h2>",
    "<blockquote><blockquote><p>twice</p></blockquote><pre><code>x</code></pre></blockquote>",
    "<p>https://a.example/a_bare_url?x=1 stays text</p>",
    '<p><a href="https://xn--mnchen-3ya.example/%E4%B8%AD?q=%20">escaped</a></p>',
    "<dl><dt>a</dt><dt>b</dt><dd>c</dd></dl>",
    "<p></p><p>After an empty one</p>",
    "plain text without any tag",
    "Text, then <b>bold</b>, then text",
    "<p>Un<span>nest</span>ed <span lang='de'>spans</span></p>",
)

_NOT_HARMLESS = re.compile(
    r"<(?:script|style|iframe|object|embed|form|input|button|select|textarea|svg|math|base|meta|link|title|noscript|canvas|applet|frame|template)\b"
    r"|\son\w+\s*=|javascript:|data:|<!\[CDATA\[|<!--|[\x00-\x08\x0b\x0c\x0e-\x1f]",
    re.IGNORECASE,
)


def of_feeds(folder: Path, number: int, each: int = 5) -> list[str]:
    """So many harmless fragments with markup out of the feeds in a folder, not more than `each` of a feed."""
    found: list[str] = []
    for path in sorted(folder.glob("*.xml")):
        if len(found) >= number:
            break
        parsed = feedparser.parse(io.BytesIO(path.read_bytes()), sanitize_html=False, resolve_relative_uris=False)
        if parsed.bozo:
            continue
        texts = [said.value for entry in parsed.entries for said in entry.get("content", ())]
        texts += [entry.get("summary", "") for entry in parsed.entries if not entry.get("content")]
        harmless = [text for text in texts if re.search(r"<[a-z]", text) and len(text) < 60_000]
        found += [text for text in harmless if not _NOT_HARMLESS.search(text)][:each]
    return found[:number]
