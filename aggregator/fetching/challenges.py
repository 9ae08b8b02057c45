"""Pages that services against robots put in the place of a feed, known by their headers or their first bytes. Pure."""

import re
from collections.abc import Mapping

GLIMPSE = 65_536
"""How many bytes of a page are looked at."""

STATUSES = (403, 429, 503)
"""Where the body of an error is worth reading."""

_HEADERS = {  # name: (what its value begins with, whose it is)
    "cf-mitigated": ("challenge", "Cloudflare"),
    "x-amzn-waf-action": ("", "AWS WAF"),
    "x-vercel-mitigated": ("challenge", "Vercel"),
    "x-sucuri-block": ("", "Sucuri"),
}
# Each of these stands on a page only where that page is the challenge itself. Repeats are bounded: pages are hostile.
_PAGES = {
    "Cloudflare": rb"<title>\s*just a moment\b|\b_?cf_chl_opt\b|cf-browser-verification"
    rb"|/cdn-cgi/challenge-platform/[^\"'\s]{0,99}orchestrate|<title>\s*attention required! \| cloudflare",
    "DDoS-Guard": rb"<title>\s*ddos-guard|/\.well-known/ddos-guard/",
    "Sucuri": rb"<title>\s*sucuri website firewall|sucuri_cloudproxy_js",
    "Anubis": rb"id=[\"']?anubis_challenge|making sure you(?:'|&#39;|&#x27;|\xe2\x80\x99)re not a bot",
    "AWS WAF": rb"\bawswafcookiedomainlist\b|\bgokuprops\b|awswaf\.com/[^\"'\s]{0,199}(?:challenge|captcha)\.js",
    "Imperva": rb"incapsula incident id",
    "DataDome": rb"captcha-delivery\.com",
    "PerimeterX": rb"id=[\"']?px-captcha",
}
# These stand on ordinary pages of the services' customers as well: they tell only where there is an error.
_ERRORS = {
    "Cloudflare": rb"/cdn-cgi/challenge-platform/|cloudflare ray id",
    "Akamai": rb"errors\.edgesuite\.net",
    "Imperva": rb"_incapsula_resource",
}


def found(status: int, headers: Mapping[str, str], beginning: bytes) -> str:
    """Who stands in the way (`Cloudflare`), or "". `headers` by lower-case name; `beginning` of the decoded body.

    A body counts only when it is a web page: a feed may well quote one.
    """
    for name, (value, who) in _HEADERS.items():
        if name in headers and headers[name].strip().lower().startswith(value):
            return who
    page = beginning[:GLIMPSE].lower()
    if not re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|title|script)\b", page):
        return ""
    tables = (_PAGES, _ERRORS) if status >= 400 else (_PAGES,)
    return next((who for table in tables for who, marks in table.items() if re.search(marks, page)), "")
