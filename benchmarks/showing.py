"""Measurements for people: Markdown tables, a plot, and both in docs/."""

from pathlib import Path
from statistics import median, quantiles
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.programs import ROOT

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
TITLES = {
    "cold": "Cold: all new",
    "304": "Nothing has changed (304)",
    "tenth": "A tenth of the feeds has one new entry",
    "distant": "Cold, hosts answer after 200 ms",
    "start": "Nothing is due",
}
_COLOURS = {"aggregator": "#0b6e4f", "baseline": "#c8553d"}


def middle(costs: list[dict[str, float]], what: str) -> float:
    """The median of the rounds."""
    return float(median(cost.get(what, 0) for cost in costs))


def ratio(found: dict[str, Any], phase: str, name: str, what: str) -> float | None:
    """To the baseline, round by round; None where there is no baseline."""
    base = found["costs"][phase].get("baseline")
    if not base:
        return None
    pairs = zip(found["costs"][phase][name], base, strict=True)
    return float(median(cost[what] / other[what] for cost, other in pairs))


def tables(found: dict[str, Any]) -> str:
    """All figures, in Markdown."""
    load = found["workload"]
    lines = [
        f"{found['date']}: {found['machine']}; server: {found['server']}. {load['feeds']:,} feeds of {load['entries']} "
        f"entries ({load['mb']:.0f} MB), {load['categories']} categories; medians of {load['rounds']} rounds. "
        f"`{found['command'].strip()}`",
        "",
        "; ".join(f"{name}: {version}" for name, version in found["versions"].items()),
    ]
    for phase, by_name in found["costs"].items():
        lines += [
            "",
            f"**{TITLES[phase]}**",
            "",
            "| | CPU s | x | main process s | wall s | x | main MB | all MB | 200 | 304 |",
        ]
        lines.append("|---|" + "--:|" * 9)
        for name, costs in by_name.items():
            cpu, wall = (_x(ratio(found, phase, name, what)) for what in ("cpu", "wall"))
            figures = [f"{middle(costs, what):.2f}" for what in ("cpu", "main", "wall")]
            memory = [f"{middle(costs, what):.0f}" for what in ("rss", "all_rss", "full", "unchanged")]
            lines.append(
                f"| {name} | {figures[0]} | {cpu} | {figures[1]} | {figures[2]} | {wall} | {' | '.join(memory)} |"
            )
    if soon := found["latency"]:
        lines += ["", *_latency(soon)]
    if found["growth"]:
        lines += ["", *_growth(found["growth"])]
    return "\n".join(lines)


def _latency(soon: dict[str, list[float]]) -> list[str]:
    tries, base = len(next(iter(soon.values()))), soon.get("baseline")
    lines = [
        f"**Latency: from the start of a run until a new entry stands in the published feed ({tries} tries)**",
        "",
        "| | median s | x | 95 % s | x |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, seconds in soon.items():
        cells = []
        for share in (_half, _most):
            cells += [f"{share(seconds):.2f}", _x(share(seconds) / share(base) if base else None)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _half(seconds: list[float]) -> float:
    return median(seconds)


def _most(seconds: list[float]) -> float:
    """The 95th percentile."""
    return quantiles(seconds, n=20, method="inclusive")[-1]


def _growth(grown: dict[Any, Any]) -> list[str]:
    small, large = sorted(grown, key=int)
    sizes = f"{int(small):,}", f"{int(large):,}"
    lines = [
        "**Growth: 100 feeds, and so many stored items**",
        "",
        "| | " + " | ".join(f"{what}, {size}" for what in ("CPU", "wall") for size in (*sizes, "ratio")) + " |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for what in grown[small]:
        cells = []
        for kind in ("cpu", "wall"):
            one, other = grown[small][what], grown[large][what]
            times = median(after[kind] / before[kind] for before, after in zip(one, other, strict=True))
            cells += [f"{middle(one, kind):.2f}", f"{middle(other, kind):.2f}", f"{times:.2f}"]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return lines


def _x(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def plot(found: dict[str, Any]) -> str:
    """CPU seconds as bars, a group for each phase, as SVG."""
    left, wide, high = 110, 560, 18
    most = max(middle(costs, "cpu") for by_name in found["costs"].values() for costs in by_name.values())
    parts: list[str] = []
    y = 30
    for phase, by_name in found["costs"].items():
        parts.append(f'<text x="0" y="{y}" font-weight="bold">{escape(TITLES[phase])}</text>')
        y += 8
        for name, costs in by_name.items():
            cpu = middle(costs, "cpu")
            length = max(1.0, wide * cpu / most)
            colour = _COLOURS.get(name, "#8d99ae")
            parts.append(f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{high - 4}" fill="{colour}"/>')
            parts.append(f'<text x="{left + length + 6:.1f}" y="{y + 12}">{cpu:.2f}</text>')
            y += high
        y += 28
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + wide + 60}" height="{y}" font-family="sans-serif"'
        f' font-size="12"><rect width="100%" height="100%" fill="white"/>\n<text x="0" y="12">CPU seconds,'
        f" {found['workload']['feeds']:,} feeds</text>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def write(found: dict[str, Any], docs: Path = ROOT / "docs") -> None:
    """Replace what stands between the marks of docs/performance.md, and the plot beside it."""
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Performance\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    picture = "![CPU seconds of each phase](performance.svg)"
    page.write_text(f"{before}{BEGIN}\n{tables(found)}\n\n{picture}\n{END}{after}", encoding="utf-8")
    (docs / "performance.svg").write_text(plot(found), encoding="utf-8")
