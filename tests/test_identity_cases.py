"""Cases of identity, each a file in tests/fixtures/identity: what a source shows at some visits, and what comes of it.

A file is TOML: `what` says the case in one line, `policy` holds keys of Policy, `kind` is `rss` (as it is when absent),
`atom`, `json` or `posts`. Each [[visit]] is `later` (hours, 1 when absent) than the one before and lists `entries`:
guid, link, title, text, date, updated (or `name` of the file, for posts; there are no others then), or has a whole
`document`. Absent entries are those of the visit before. A visit's `policy` is the one from then on. `removed` names what retention removes before the visit.

`shows` is what is published then, in its order, as `who Title`: one who is one public id through all visits, and others
have others. `updated` are those of whom the date of update has moved since the visit before, and nobody else's has.
`new`, `edited`, `same`, `waiting` are the visit's counts, `says` is part of a warning (without it there is none), `mode`
is what the source's entries are recognised by from then on. Dates of publication never move, unless `moved` names whose;
`dates` says some of them, in UTC.
"""

import json
import tomllib
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from sqlalchemy import insert, select, update

from aggregator import config, listing, pipeline
from aggregator.model import Policy
from aggregator.store.engine import open_store, writing
from aggregator.store.tables import item, pending
from tests.planet import Planet, rss
from tests.server import Response, Server

CASES = sorted((Path(__file__).parent / "fixtures" / "identity").glob("*.toml"))
VISIT = frozenset(
    [
        "later",
        "entries",
        "document",
        "policy",
        "removed",
        "shows",
        "updated",
        "new",
        "edited",
        "same",
        "waiting",
        "says",
        "mode",
        "moved",
        "dates",
    ]
)


def moment(text: str) -> datetime:
    """`2026-03-14` or `2026-03-14T10:00`, in UTC."""
    return datetime.fromisoformat(f"{text}T09:00+00:00" if len(text) == 10 else f"{text}+00:00")


def as_rss(entries: list[dict[str, str]]) -> bytes:
    items = []
    for entry in entries:
        found: dict[str, Any] = {name: value for name, value in entry.items() if name != "text"}
        found |= {"description": f"<p>{entry.get('text', 'Text of ' + entry.get('title', 'it'))}</p>"}
        found |= {"date": moment(found["date"])} if "date" in found else {}
        items.append(found)
    return rss(items)


def as_atom(entries: list[dict[str, str]]) -> bytes:
    parts = []
    for entry in entries:
        inner = f"<id>{escape(entry['guid'])}</id>" if "guid" in entry else ""
        inner += f"<title>{escape(entry.get('title', ''))}</title>"
        inner += f'<link href="{escape(entry["link"])}"/>' if "link" in entry else ""
        inner += f"<published>{moment(entry['date']).isoformat()}</published>" if "date" in entry else ""
        inner += f"<updated>{moment(entry['updated']).isoformat()}</updated>" if "updated" in entry else ""
        text = entry.get("text", "Text of " + entry.get("title", "it"))
        parts.append(f'<entry>{inner}<content type="html">{escape(text)}</content></entry>')
    head = "<title>A feed</title><id>tag:news.example,2026:feed</id><updated>2026-03-01T00:00:00Z</updated>"
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{"".join(parts)}</feed>'.encode()


def as_json(entries: list[dict[str, str]]) -> bytes:
    names = {"guid": "id", "link": "url", "title": "title", "text": "content_html"}
    items = []
    for entry in entries:
        found = {names[name]: value for name, value in entry.items() if name in names}
        found.setdefault("content_html", "Text of " + entry.get("title", "it"))
        found |= {"date_published": moment(entry["date"]).isoformat()} if "date" in entry else {}
        items.append(found)
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "A feed", "items": items}
    return json.dumps(feed, ensure_ascii=False).encode()


def as_policy(keys: dict[str, Any]) -> Policy:
    assert keys.keys() <= {field.name for field in fields(Policy)}
    return Policy(**keys)


class Stage:
    """One case on a planet of its own."""

    def __init__(self, planet: Planet, server: Server, case: dict[str, Any]) -> None:
        assert case.keys() <= {"what", "policy", "kind", "visit"}, case.keys()
        self.policy = as_policy(case.get("policy", {}))
        self.planet, self.server, self.kind = planet, server, case.get("kind", "rss")
        if self.kind == "posts":
            planet.seeds()
        else:
            planet.feed(server.url("/feed", host="127.0.0.1"))
        self.ids: dict[str, str] = {}
        self.dates: dict[str, tuple[Any, Any]] = {}

    def config(self) -> config.Config:
        loaded = self.planet.load()
        return replace(loaded, sources=tuple(replace(each, policy=self.policy) for each in loaded.sources))

    def put(self, visit: dict[str, Any]) -> None:
        """Have the source show what it does at a visit."""
        if self.kind == "posts":
            folder = self.planet.root / "seeds"
            names = {entry["name"] for entry in visit["entries"]}
            for path in folder.glob("*.md"):
                if path.name not in names:
                    path.unlink()
            for entry in visit["entries"]:
                front = {name: value for name, value in entry.items() if name not in ("name", "text")}
                self.planet.post(entry["name"], entry.get("text", "Text of " + entry.get("title", "it")), **front)
        elif "document" in visit:
            self.show(visit["document"].strip().encode())
        else:
            make = {"rss": as_rss, "atom": as_atom, "json": as_json}[self.kind]
            self.show(make(visit["entries"]))

    def show(self, document: bytes) -> None:
        """Serve a document, with as many blanks at its end as there were visits: the same bytes would not be read."""
        self.server.script("/feed", lambda request: Response(document + b" " * len(self.server.log)))

    def remove(self, who: list[str]) -> None:
        """Remove entries for good, as retention does."""
        engine = open_store(self.config().store)
        with writing(engine) as db:
            rows = [row.id for row in db.execute(select(item.c.id, item.c.title)) if row.title in who]
            assert len(rows) == len(who)
            db.execute(update(item).where(item.c.id.in_(rows)).values(removed=1, why="retention"))
            db.execute(insert(pending), [{"item_id": number} for number in rows])
        engine.dispose()

    def visit(self, visit: dict[str, Any]) -> None:
        assert visit.keys() <= VISIT, visit.keys() - VISIT
        if "entries" in visit or "document" in visit:
            self.put(visit)
        if "policy" in visit:
            self.policy = as_policy(visit["policy"])
        if visit.get("removed"):
            self.remove(visit["removed"])
        self.planet.now += timedelta(hours=visit.get("later", 1))
        report = pipeline.run(self.config(), self.planet.now, force=True)
        (outcome,) = report.outcomes
        assert not outcome.error, outcome.error
        for name in ("new", "edited", "same", "waiting"):
            if name in visit:
                assert outcome.counts.get(name, 0) == visit[name], (name, outcome.counts)
        assert visit.get("says", "") in " ".join(outcome.warnings), outcome.warnings
        assert bool(outcome.warnings) == ("says" in visit), outcome.warnings
        if "mode" in visit:
            (shown,) = listing.sources(self.config(), self.planet.now).values
            assert shown["identity"]["mode"] == visit["mode"], shown["identity"]
        self.check(visit)

    def check(self, visit: dict[str, Any]) -> None:
        """What is published now."""
        entries = self.planet.published().entries
        people, titles = (
            zip(*(each.partition(" ")[::2] for each in visit["shows"]), strict=True) if visit["shows"] else ((), ())
        )
        assert [entry.title for entry in entries] == list(titles)
        assert len({entry.id for entry in entries}) == len(entries)
        moved = set()
        for who, entry in zip(people, entries, strict=True):
            assert self.ids.setdefault(who, entry.id) == entry.id, f"{who} has another id"
            published, updated = self.dates.get(who, (entry.published, entry.updated))
            assert who in visit.get("moved", ()) or entry.published == published, f"{who} has another date"
            moved |= {who} if updated != entry.updated else set()
            self.dates[who] = (entry.published, entry.updated)
            if who in visit.get("dates", {}):
                assert datetime.fromisoformat(entry.published) == moment(visit["dates"][who])
        assert len(set(self.ids.values())) == len(self.ids), "two have one id"
        assert moved == set(visit.get("updated", ()))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, planet: Planet, server: Server) -> None:
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    stage = Stage(planet, server, case)
    for number, visit in enumerate(case["visit"], 1):
        try:
            stage.visit(visit)
        except AssertionError as error:
            error.add_note(f"{path.name}, visit {number}: {case['what']}")
            raise


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 60
