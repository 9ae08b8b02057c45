"""HTML from outside becomes HTML that may be published. Cleaned once, on the way in; the one door to nh3."""

from aggregator.model import Image


def clean(html: str, base: str = "") -> str:
    """Safe HTML with absolute URLs; "" when nothing is left worth showing (no text, no picture, no media).

    - script, style, and the like go with their content; on*, forms, meta, unknown tags go; iframes of video are turned
      into a plain link to what they embed (the address is worth keeping, the frame is not safe).
    - only http, https (and mailto in links) survive; relative and protocol-relative URLs are joined to `base`; without a
      base a relative URL is dropped (the text stays).
    - lazy images: src comes from data-src, data-original, data-original-src, data-lazy-src, data-srcset/srcset ... where src is missing,
      a data: URI or a known placeholder; img without any usable src goes; 1x1 tracking pixels go.
    - XML-illegal characters go; nesting beyond 1,000 levels is flattened to text, quickly (nh3 is quadratic in depth);
      entity-coded braces of RSSHub's template escaping (&#123; &#125;) come out as braces.
    Never raises, linear time in practice.
    """
    raise NotImplementedError


def first_image(html: str) -> Image | None:
    """The first picture of cleaned HTML that is big enough to stand for the item (not an emoji, icon or pixel by its width/height)."""
    raise NotImplementedError


def usable_image(url: str) -> bool:
    """False for what is no picture of this item: empty, `.../undefined`, `/null`, `NaN`, random-picture services (picsum.photos,
    source.unsplash.com/random, placeholder services), `loading.gif`/`loadimg.gif`/`blank.gif`/`spacer.gif` ..., data: URIs.
    """
    raise NotImplementedError
