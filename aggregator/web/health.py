"""/healthz: 200 while all works, else 503; for load balancers, containers and monitors."""

import json
from datetime import datetime

from aggregator import alive
from aggregator.errors import AggregatorError
from aggregator.store import board
from aggregator.store.engine import looking
from aggregator.web.answers import Answer


def health(store: str, now: datetime, *, details: bool) -> Answer:
    """The answer for a store at a URL. Only the owner is told the `details`: why, and what is overdue."""
    said: dict[str, object] = {}
    try:
        with looking(store) as db:
            vitals, why = board.vitals(db), board.trouble(db, now)
            success = f"{vitals.last_success:%Y-%m-%dT%H:%M:%SZ}" if vitals.last_success else None
            said = {"last_success": success, "lag_seconds": int(alive.lag(vitals, now).total_seconds())}
    except (AggregatorError, OSError) as error:
        why = str(error)
    status = {"status": "failing" if why else "ok"}
    body = json.dumps(status | ({"why": why} | said if details else {})) + "\n"
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Answer(503 if why else 200, headers, body.encode())
