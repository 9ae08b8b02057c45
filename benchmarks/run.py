"""What a run costs: our program beside "what one would write" (baseline.py) and those peers that are installed.

    python -m benchmarks.run                  1,000 feeds, 5 rounds: an hour on a slow machine
    python -m benchmarks.run --quick          100 feeds, 1 round, no growth: a minute or two, and rough figures
    python -m benchmarks.run --write          and put the figures into docs/performance.md and docs/performance.svg
    python -m benchmarks.run --only aggregator --phases cold,304

Each measurement is a whole process from its start to its end. In a round all programs take turns within each phase, so
that a busy minute of the machine hits all alike; figures are medians of the rounds, `x` is the ratio to the baseline
(the median of the rounds' ratios): that travels to other machines, seconds do not.

Phases: `cold`, nothing is known and all is new; `304`, nothing has changed; `tenth`, a tenth of the feeds has one new
entry; `distant`, cold again, with hosts that answer after 200 ms; `start`, for us alone, nothing is due; `latency`, the
seconds from the start of a run until an entry that one of all feeds has got stands in what is published. Growth, for us
alone: 304 and one new entry with 10,000 stored items and with many more. CPU is user and system of the program and all
its processes, without the server.
What each program asked is counted at the server, and what it published is looked at: one that did not do its work stops
the benchmark.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import growth, latency, showing
from benchmarks.measuring import Cost, measure
from benchmarks.programs import PATH, Program, entries, once, programs
from benchmarks.serving import answers, free_port, served
from benchmarks.workload import Workload, make, news

PHASES = ("cold", "304", "tenth", "distant", "latency", "growth", "start")
Costs = dict[str, dict[str, list[dict[str, float]]]]  # by phase and program, one a round
DISTANT = 0.2  # seconds
STARTS = 3  # of a program that has nothing to do, in a round


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    feeds: int
    entries: int
    categories: int
    rounds: int
    phases: Sequence[str]
    sizes: Sequence[int]
    contenders: Sequence[Program]


def run(plan: Plan, folder: Path) -> dict[str, Any]:
    """All measurements: the costs of each phase and program, one a round."""
    load = Workload(folder / "load", plan.feeds, plan.entries, plan.categories, free_port())
    costs: Costs = {}
    make(load)
    with served(load.folder / "www", load.port, folder / "answers") as server:
        for number in range(plan.rounds):
            print(f"round {number + 1} of {plan.rounds}", file=sys.stderr)
            _round(plan, load, folder, costs)
    if "distant" in plan.phases:
        make(load)
        with served(load.folder / "www", load.port, folder / "answers", DISTANT):
            for number in range(plan.rounds):
                print(f"distant, round {number + 1} of {plan.rounds}", file=sys.stderr)
                _each(plan, load, folder, "distant", costs)
    soon: dict[str, list[float]] = {}
    if "latency" in plan.phases:
        with served(load.folder / "www", load.port, folder / "answers"):
            soon = latency.run(plan.contenders, load, folder, plan.rounds)
    grown: dict[int, dict[str, list[Cost]]] = {}
    if "growth" in plan.phases:
        grown = growth.run(folder / "growth", plan.sizes, plan.rounds)
    return {
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"python -m benchmarks.run --feeds {plan.feeds} --entries {plan.entries}"
        f" --categories {plan.categories} --rounds {plan.rounds} --phases {','.join(plan.phases)}",
        "server": server,
        "workload": {name: getattr(plan, name) for name in ("feeds", "entries", "categories", "rounds")}
        | {"mb": sum(path.stat().st_size for path in (load.folder / "www").iterdir()) / 1e6},
        "versions": {program.name: program.version for program in plan.contenders},
        "costs": costs,
        "latency": soon,
        "growth": {
            size: {what: [asdict(cost) for cost in found] for what, found in by_what.items()}
            for size, by_what in grown.items()
        },
    }


def _round(plan: Plan, load: Workload, folder: Path, costs: Costs) -> None:
    """Cold, 304 and tenth, as far as they are asked for: each needs those before it."""
    make(load)
    _each(plan, load, folder, "cold", costs)
    if {"304", "tenth"} & set(plan.phases):
        _each(plan, load, folder, "304", costs)
    if "tenth" in plan.phases:
        news(load, max(1, load.feeds // 10))
        _each(plan, load, folder, "tenth", costs)
    if "start" in plan.phases and any(program.name == "aggregator" for program in plan.contenders):
        for _ in range(STARTS):
            cost = measure(once(), folder / "state" / "aggregator", PATH)
            if asked := answers(folder / "answers"):
                raise SystemExit(f"nothing should be due, but the server has answered {asked}")
            costs.setdefault("start", {}).setdefault("aggregator", []).append(asdict(cost))


def _each(plan: Plan, load: Workload, folder: Path, phase: str, costs: Costs) -> None:
    """Measure one phase of all programs, and check what each has asked and published."""
    for program in plan.contenders:
        state = folder / "state" / program.name
        if phase in ("cold", "distant"):
            shutil.rmtree(state, ignore_errors=True)
            state.mkdir(parents=True)
            program.prepare(load, state)
        answers(folder / "answers")
        cost = measure(program.command(load), state, PATH)
        print(f"  {phase:8}{program.name:12}{cost.cpu:8.2f} s CPU{cost.wall:8.2f} s{cost.rss:7.0f} MB", file=sys.stderr)
        asked = answers(folder / "answers")
        check(program, load, state, phase, asked)
        found = asdict(cost) | {"full": asked.get("200", 0), "unchanged": asked.get("304", 0)}
        costs.setdefault(phase, {}).setdefault(program.name, []).append(found)


def check(program: Program, load: Workload, state: Path, phase: str, asked: Mapping[str, int]) -> None:
    """A program that has not asked for every feed, or not published what there is, has not been measured."""
    if asked.keys() - {"200", "304"} or sum(asked.values()) < load.feeds:
        raise SystemExit(f"{program.name}, {phase}: {load.feeds} feeds should have been asked for, not {asked}")
    if not program.feeds:
        return
    fresh = max(1, load.feeds // 10) if phase == "tenth" else 0
    members = Counter(load.category(number) for number in range(load.feeds))
    found = entries(program, load, state)
    wrong = {
        name: found.get(name) for name, n in members.items() if found.get(name, (0, 0))[0] < min(100, n * load.entries)
    }
    published = sum(count for _, count in found.values())
    if wrong or published != fresh:
        raise SystemExit(
            f"{program.name}, {phase}: {published} of {fresh} new entries are published; too few in {wrong}"
        )


def machine() -> str:
    """What this was measured on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores ({cpu}), {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, help="(1000)")
    parser.add_argument("--entries", type=int, default=20, help="of each feed (20)")
    parser.add_argument("--categories", type=int, default=10, help="(10)")
    parser.add_argument("--rounds", type=int, help="(5)")
    parser.add_argument("--phases", default=",".join(PHASES), help="some of " + ",".join(PHASES))
    parser.add_argument("--only", default="", help="names of programs, such as aggregator,baseline")
    parser.add_argument("--stored", type=int, default=50_000, help="items of the larger store of growth (50000)")
    parser.add_argument("--reader", default=sys.executable, metavar="PYTHON", help="a Python that has lemon24/reader")
    parser.add_argument("--quick", action="store_true", help="100 feeds, 1 round, without growth")
    parser.add_argument("--folder", type=Path, help="where to work, and leave all as it is at the end")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--write", action="store_true", help="put tables and plot into docs/")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended as well
    phases = [phase for phase in asked.phases.split(",") if not (asked.quick and phase == "growth")]
    if unknown := set(phases) - set(PHASES):
        parser.error(f"no phase: {', '.join(sorted(unknown))}")
    contenders = programs(asked.reader)
    if asked.only:
        contenders = [program for program in contenders if program.name in asked.only.split(",")]
    plan = Plan(
        feeds=asked.feeds or (100 if asked.quick else 1000),
        entries=asked.entries,
        categories=asked.categories,
        rounds=asked.rounds or (1 if asked.quick else 5),
        phases=phases,
        sizes=(10_000, asked.stored),
        contenders=contenders,
    )
    with ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = run(plan, folder.resolve())
    print(json.dumps(found, indent=1) if asked.json else showing.tables(found))
    if asked.write:
        showing.write(found)


if __name__ == "__main__":
    main()
