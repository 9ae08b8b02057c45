"""How late new entries are found for a number of requests: our schedule beside those of other aggregators, simulated.

Four hundred made-up feeds post at random, each 0.02 to 60 entries a day in the mean: most by day and night, many less
at weekends, some in clusters, and a quarter of them change their rate five times, up or down, at some moment. All
contenders see the same entries. Each has one knob, which stretches its waits, and is turned until all feeds together
are visited as often as the budget says; all waits are within five minutes and a day (a fixed interval is what it is).
A week to learn from, then three that count.

`mean` and `95 %` are of the time from an entry to the visit that finds it, over all entries, in minutes. `x` is how
many times better the mean is than that of a fixed interval, `useful` the share of visits that find something.

`ours` is `aggregator.rhythm` and `aggregator.schedule` themselves, jitter and all; the knob is what
`max_requests_per_hour` turns. Others are written after what their sources say (Miniflux: entry_frequency, of the last
week; CommaFeed: empirical; NewsBlur: for one subscriber). The two before ours are ours without the hours of the day,
and, of these, one in proportion to one over the rate itself.
"""

import argparse
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from math import exp, log
from os import cpu_count

from aggregator.model import Hints, Pace
from aggregator.rhythm import Rhythm, learn
from aggregator.schedule import next_visit

HOUR, DAY = 3600.0, 86400.0  # times are seconds since START
START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
BEFORE, LEARN, MEASURE = 60, 7, 21  # days: with entries before the first visit; that do not count; that do
LISTED = 20  # entries in a feed's document
LEAST, MOST = 300.0, DAY

Visit = Callable[[float, Sequence[float]], float]
"""The visit at a moment that brought entries of these moments; returns the wait until the next."""


@dataclass(frozen=True)
class Result:
    """What a run came to: minutes of delay, visits of a feed a day, and the share of them that found something."""

    mean: float
    p95: float
    a_day: float
    useful: float


def feed(rng: random.Random) -> list[float]:
    """The moments of a feed's entries, in order."""
    a_day = exp(rng.uniform(log(0.02), log(60)))
    start, length, night = rng.uniform(0, 24), rng.uniform(6, 12), rng.uniform(0.02, 0.2)
    hours = [1.0 if (hour - start) % 24 < length else night for hour in range(24)]
    if rng.random() < 0.2:
        hours = [1.0] * 24
    days = [1.0] * 5 + ([0.3] * 2 if rng.random() < 0.4 else [1.0] * 2)
    cluster = rng.choice((1, 1, 1, 2, 4))
    changes = rng.uniform(LEARN, LEARN + MEASURE) * DAY if rng.random() < 0.25 else None
    factor = rng.choice((0.2, 5.0)) if changes else 1.0
    mean = sum(hours) / 24 * sum(days) / 7
    most = a_day / DAY / cluster / mean * max(1.0, factor)
    end, found, now = (LEARN + MEASURE) * DAY, [], -BEFORE * DAY
    while (now := now + rng.expovariate(most)) < end:  # by thinning
        at = a_day / DAY / cluster / mean * hours[int(now // HOUR) % 24] * days[int(now // DAY) % 7]
        if rng.random() * most < at * (factor if changes and now > changes else 1.0):
            found += [now] + [now + rng.expovariate(1 / 2400) for _ in range(cluster - 1)]
    return sorted(moment for moment in found if moment < end)


def run(algorithm: Callable[[float], Visit], knob: float, feeds: Sequence[Sequence[float]]) -> Result:
    """All feeds, from the first visit to the last."""
    delays: list[float] = []
    visits = useful = 0
    for number, entries in enumerate(feeds):
        visit, seen = algorithm(knob), 0
        now = number * 0.618 % 1 * HOUR
        for turn in count():
            if now >= (LEARN + MEASURE) * DAY:
                break
            known, seen = seen, bisect_right(entries, now)
            new = entries[max(known, seen - LISTED if turn == 0 else 0) : seen]
            if now >= LEARN * DAY:
                visits, useful = visits + 1, useful + bool(new)
                delays += [now - entry for entry in new if entry >= LEARN * DAY]
            now += visit(now, new)
    delays.sort()
    late = delays[int(len(delays) * 0.95)]
    return Result(sum(delays) / len(delays) / 60, late / 60, visits / len(feeds) / MEASURE, useful / visits)


def measure(name: str, budget: float, number: int) -> Result:
    """The result of a contender when its knob makes `budget` visits of a feed a day, to a hundredth."""
    rng = random.Random(2026)  # noqa: S311 (no secret)
    feeds = [feed(rng) for _ in range(number)]
    knob = 1.0
    for some in (feeds[::8], feeds[::8], feeds[::4], feeds, feeds, feeds, feeds, feeds):
        result = run(CONTENDERS[name], knob, some)
        if some is feeds and abs(result.a_day / budget - 1) < 0.01:
            return result
        knob *= result.a_day / budget
    raise SystemExit(f"{name} cannot be made to visit {budget:g} times a day")


# --- Contenders ------------------------------------------------------------------------------------------------------


def fixed(knob: float) -> Visit:
    return lambda now, new: HOUR * knob


def within(wait: float) -> float:
    return min(max(wait, LEAST), MOST)


def of_the_last(days: float, wait: Callable[[Sequence[float], float], float], knob: float) -> Visit:
    """Where the entries of the last days that were seen, and the moment, say it all."""
    seen: list[float] = []

    def visit(now: float, new: Sequence[float]) -> float:
        seen.extend(new)
        del seen[: bisect_right(seen, now - days * DAY)]
        return within(knob * wait(seen, now))

    return visit


def miniflux(seen: Sequence[float], now: float) -> float:
    return 7 * DAY / len(seen) if seen else MOST


def commafeed(seen: Sequence[float], now: float) -> float:
    for days, part in ((30, 1), (14, 2), (7, 4)):
        if not seen or now - seen[-1] > days * DAY:
            return 4 * HOUR / part
    mean = (seen[-1] - seen[0]) / max(len(seen) - 1, 1)
    return min(max(mean / 2, LEAST), 4 * HOUR)


def newsblur(seen: Sequence[float], now: float) -> float:
    a_day = len(seen) / 30
    return HOUR if a_day >= 1 else max(HOUR, 12 * HOUR * (1 - a_day)) if seen else 24 * HOUR


def ours(knob: float) -> Visit:
    pace = Pace(interval=timedelta(seconds=LEAST), interval_cap=timedelta(seconds=MOST))
    rhythm = Rhythm()

    def visit(seconds: float, new: Sequence[float]) -> float:
        nonlocal rhythm
        now = START + timedelta(seconds=seconds)
        rhythm = learn(rhythm, [START + timedelta(seconds=entry) for entry in new], now)
        due = next_visit(now, "feed", pace, Hints(), validated=True, rhythm=rhythm, stretch=knob)
        return (due.when - now).total_seconds()

    return visit


def by_rate(power: float, knob: float) -> Visit:
    """In proportion to the rate of decayed counts, to some power; seeded as ours is."""
    entries = days = last = 0.0

    def visit(now: float, new: Sequence[float]) -> float:
        nonlocal entries, days, last
        if not last:
            last, new = (new[0], new[1:]) if new else (now, new)
        left = 0.5 ** ((now - last) / DAY / 14)
        entries = entries * left + sum(0.5 ** ((now - entry) / DAY / 14) for entry in new)
        days, last = days * left + (1 - left) * 14 / log(2), now
        return within(knob * 2.4 * HOUR / ((entries + 0.25) / (days + 1)) ** power)

    return visit


CONTENDERS: dict[str, Callable[[float], Visit]] = {
    "fixed interval": fixed,
    "Miniflux entry_frequency": partial(of_the_last, 7, miniflux),
    "CommaFeed empirical": partial(of_the_last, 60, commafeed),
    "NewsBlur steps": partial(of_the_last, 30, newsblur),
    "1/rate, decayed": partial(by_rate, 1.0),
    "1/sqrt(rate), decayed": partial(by_rate, 0.5),
    "ours": ours,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="60 feeds: rough figures, in seconds")
    number = 60 if parser.parse_args().quick else 400
    budgets = (24.0, 8.0)
    names = sorted(CONTENDERS, key=lambda name: name != "ours")  # the one that takes longest begins
    with ProcessPoolExecutor(cpu_count()) as pool:
        found = {(name, budget): pool.submit(measure, name, budget, number) for name in names for budget in budgets}
        print(f"{number} feeds, {MEASURE} days; delay in minutes")
        print(
            "".join(
                f"{f'{budget:g} visits of a feed a day':>{62 if not place else 34}}"
                for place, budget in enumerate(budgets)
            )
        )
        heads = f"{'mean':>8}{'x':>6}{'95 %':>7}{'useful':>8}"
        print(f"{'':28}" + "     ".join([heads] * len(budgets)))
        for name in CONTENDERS:
            line = f"{name:28}"
            for budget in budgets:
                result, plain = found[name, budget].result(), found["fixed interval", budget].result()
                line += f"{result.mean:8.1f}{plain.mean / result.mean:6.2f}{result.p95:7.0f}{result.useful:8.0%}     "
            print(line.rstrip(), flush=True)


if __name__ == "__main__":
    main()
