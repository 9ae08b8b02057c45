"""Where the time goes: a profile of each phase of a run, and of the reading that its workers do.

    python -m benchmarks.profiling OUTPUT --feeds 100

Writes OUTPUT/cold.txt, 304.txt, tenth.txt and start.txt (cProfile of the main thread of the main process), reading.txt
(all documents read one after another in one process, as a worker does) and imports.txt (`-X importtime` of a run with
nothing due), each with its 25 dearest functions, by their own time and with all that they call. Times are wall
clock, so do this on an idle machine; the first line has the CPU beside it: where they are far apart, something waited.
cProfile makes Python dearer, C hardly: shares are rough, and seconds are not those of `run`.
"""

import argparse
import cProfile
import io
import pstats
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.programs import PATH, ROOT, once
from benchmarks.serving import answers, free_port, served
from benchmarks.workload import Workload, make, news

MOST = 25
PATIENT = "10m"  # under the profiler on a busy machine no feed shall be given up


def report(stats: pstats.Stats, out: io.StringIO) -> str:
    """The dearest functions, without the paths of this machine."""
    for order in ("tottime", "cumulative"):
        stats.sort_stats(order).print_stats(MOST)
    return out.getvalue().replace(f"{ROOT}/", "").replace(f"{Path(sys.prefix)}/", "").replace(sys.base_prefix, "")


def profile(name: str, state: Path, output: Path, *options: str) -> None:
    """Profile a run of our program."""
    file = state / f"{name}.prof"
    python, _, module, *rest = once(*options)
    cost = measure((python, "-m", "cProfile", "-o", str(file), "-m", module, *rest), state, PATH)
    out = io.StringIO()
    text = report(pstats.Stats(str(file), stream=out), out)
    head = f"{name}, under the profiler: {cost.cpu:.2f} s CPU, {cost.main:.2f} s of it in the main process; "
    head += f"{cost.wall:.2f} s wall\n"
    (output / f"{name}.txt").write_text(head + text)


def reading(load: Workload, output: Path) -> None:
    """Profile what a worker does with each document."""
    from aggregator import sources
    from aggregator.model import Document, Source, Validators

    feeds = [
        (load.url(number), (load.folder / "www" / f"{number:04}.xml").read_bytes()) for number in range(load.feeds)
    ]
    kind, profiler = sources.find("feed"), cProfile.Profile()
    source = Source(key=feeds[0][0], kind="feed", options=None)
    for url, body in feeds:
        document = Document(name=url, url=url, body=body, validators=Validators())
        profiler.enable()
        batch = kind.read(document, source)
        profiler.disable()
        if len(batch.items) < load.entries:
            raise SystemExit(f"{url}: {len(batch.items)} entries were read, not {load.entries}")
    out = io.StringIO()
    (output / "reading.txt").write_text(report(pstats.Stats(profiler, stream=out), out))


def imports(state: Path, output: Path) -> None:
    """The dearest imports of a run with nothing due."""
    python, *rest = once()
    done = subprocess.run(  # noqa: S603
        [python, "-X", "importtime", *rest], cwd=state, env=PATH, capture_output=True, text=True, check=True
    )
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line][1:]
    rows.sort(key=lambda row: int(row[1]), reverse=True)
    total = sum(int(row[0]) for row in rows)
    lines = [f"{len(rows)} modules, {total / 1000:.0f} ms", "cumulative ms, own ms, module"]
    lines += [f"{int(row[1]) / 1000:8.1f}{int(row[0]) / 1000:8.1f}  {row[2].strip()}" for row in rows[:60]]
    (output / "imports.txt").write_text("\n".join(lines) + "\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--feeds", type=int, default=100)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended as well
    asked.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        load = Workload(Path(folder, "load"), asked.feeds, 20, 10, free_port())
        state = Path(folder, "state")
        make(load)
        shutil.copytree(load.folder / "config", state / "config")
        config = state / "config" / "aggregator.toml"
        config.write_text(config.read_text().replace("[fetch]", f'[fetch]\ntimeout = "{PATIENT}"'))
        with served(load.folder / "www", load.port, Path(folder, "answers")):
            fresh = max(1, asked.feeds // 10)
            for name, expected in (
                ("cold", {"200": asked.feeds}),
                ("304", {"304": asked.feeds}),
                ("tenth", {"200": fresh, "304": asked.feeds - fresh}),
                ("start", {}),
            ):
                if name == "tenth":
                    news(load, fresh)
                answers(Path(folder, "answers"))
                profile(name, state, asked.output, *(() if name == "start" else ("--force", "--strict")))
                if (found := answers(Path(folder, "answers"))) != expected:
                    raise SystemExit(
                        f"{name}: the server has answered {found}, not {expected}; this is no profile of it"
                    )
        imports(state, asked.output)
        reading(load, asked.output)


if __name__ == "__main__":
    main()
