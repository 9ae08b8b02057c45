"""A small WebSub hub on loopback (W3C WebSub): it takes subscriptions, asks whether they were meant, and delivers."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlencode

import httpx

from tests.server import Request, Response, Server


@dataclass
class Hub:
    """The hub at `path` of a server. `asked` holds the forms of the requests, in order.

    With `at_once` it asks back before it answers, as it may; else when `verify` is called.
    """

    server: Server
    path: str = "/hub"
    at_once: bool = True
    lease: timedelta = timedelta(days=10)
    asked: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.script(self.path, self._take)

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url(self.path)

    def _take(self, request: Request) -> Response:
        self.asked.append({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
        if self.at_once:
            self.answers.append(self.verify().status_code)
        return Response(status=202)

    def verify(self, challenge: str = "a challenge", **changed: str) -> httpx.Response:
        """Ask back about the last request; `changed` are parameters that are not what they should be ("" leaves out)."""
        form = self.asked[-1]
        said = {"mode": form["hub.mode"], "topic": form["hub.topic"], "challenge": challenge}
        said |= {"lease_seconds": str(round(self.lease.total_seconds()))} if said["mode"] == "subscribe" else {}
        said = {f"hub.{name}": value for name, value in (said | changed).items() if value}
        return httpx.get(f"{form['hub.callback']}?{urlencode(said)}", trust_env=False)

    def push(
        self, body: bytes, secret: str | None = None, method: str = "sha256", callback: str = "", **headers: str
    ) -> httpx.Response:
        """Deliver a document to the last who subscribed, signed with their secret or another, "" for none."""
        form = [each for each in self.asked if each["hub.mode"] == "subscribe"][-1]
        key = form["hub.secret"] if secret is None else secret
        made: Callable[..., hmac.HMAC] = hmac.new
        sent = {"content-type": "application/atom+xml", "link": f'<{form["hub.topic"]}>; rel="self"'}
        if key:
            sent["x-hub-signature"] = f"{method}={made(key.encode(), body, getattr(hashlib, method)).hexdigest()}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(callback or form["hub.callback"], content=body, headers=sent, trust_env=False, timeout=20)
