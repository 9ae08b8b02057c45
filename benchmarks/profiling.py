"""Where the time goes: a profile of each phase of a run, and of the reading that its workers do.

    python -m benchmarks.profiling OUTPUT --feeds 100

Writes OUTPUT/cold.txt, 304.txt, tenth.txt and start.txt (cProfile of the main thread of the main process), reading.txt
(all documents read one after another in one process, as a worker does) and imports.txt (`-X importtime` of a run with
nothing due), each with its 25 dearest functions, by their own time and with all that they call. Times are CPU of the
thread. cProfile makes Python dearer, C hardly: shares are rough, and seconds are not those of `run`.
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
import time
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.programs import PATH, ROOT, once
from benchmarks.serving import free_port, served
from benchmarks.workload import Workload, make, news

MOST = 25
# by the CPU of the thread: by the clock on the wall, as `-m cProfile` does it, a busy machine would be in the shares
_PROFILED = """
import cProfile, runpy, sys, time
profiler, file = cProfile.Profile(time.thread_time), sys.argv.pop(1)
try:
    profiler.runcall(runpy.run_module, "aggregator", run_name="__main__", alter_sys=True)
finally:
    profiler.dump_stats(file)
"""


def report(stats: pstats.Stats, out: io.StringIO) -> str:
    """The dearest functions, without the paths of this machine."""
    for order in ("tottime", "cumulative"):
        stats.sort_stats(order).print_stats(MOST)
    return out.getvalue().replace(f"{ROOT}/", "").replace(f"{Path(sys.prefix)}/", "").replace(sys.base_prefix, "")


def profile(name: str, state: Path, output: Path, *options: str) -> None:
    """Profile a run of our program."""
    file = state / f"{name}.prof"
    python, _, _, *rest = once(*options)
    command = (python, "-c", _PROFILED, str(file), *rest)
    cost = measure(command, state, PATH)
    out = io.StringIO()
    text = report(pstats.Stats(str(file), stream=out), out)
    head = f"{name}: {cost.cpu:.2f} s CPU under the profiler, {cost.main:.2f} s of it in the main process\n"
    (output / f"{name}.txt").write_text(head + text)


def reading(load: Workload, output: Path) -> None:
    """Profile what a worker does with each document."""
    from aggregator import sources
    from aggregator.model import Document, Source, Validators

    feeds = [
        (load.url(number), (load.folder / "www" / f"{number:04}.xml").read_bytes()) for number in range(load.feeds)
    ]
    kind, profiler = sources.find("feed"), cProfile.Profile(time.thread_time)
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
        with served(load.folder / "www", load.port, Path(folder, "answers")):
            for name in ("cold", "304", "tenth"):
                if name == "tenth":
                    news(load, max(1, asked.feeds // 10))
                profile(name, state, asked.output, "--force")
            profile("start", state, asked.output)
        imports(state, asked.output)
        reading(load, asked.output)


if __name__ == "__main__":
    main()
