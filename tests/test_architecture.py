"""The house: who may import whom, and which library is imported through which door (docs/design.md)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "aggregator"

FLOORS: dict[str, int] = {
    # 0: values and words; three steps, as each of them leans on the one before
    "terms": 0,
    "languages": 0,
    "collation": 0,
    "disk": 0,
    "policy": 0,
    "brief": 2,
    "errors": 1,
    "model": 1,
    "text": 1,
    "dates": 1,
    "nesting": 2,
    "html": 3,
    "matter": 3,
    "matching": 4,
    "stripping": 4,
    "rules": 5,
    # 1: rooms that do not know each other
    "hubs": 10,
    "identity": 10,
    "cron": 9,  # the schedule leans on these two
    "rhythm": 9,
    "schedule": 10,
    "alive": 10,
    "moves": 10,
    "asking": 10,
    "values": 10,
    "similarity": 10,
    "notify": 10,
    "steps": 10,
    "logs": 10,
    "fetching": 10,
    "formats": 10,
    "sources": 10,
    "reading": 11,
    "store": 11,  # keeps what identity decides
    "health": 12,
    "phrases": 12,
    "importing": 13,  # decodes as feeds are decoded
    # 2: what brings rooms together
    "config": 20,
    "collect": 20,
    "documents": 20,
    "publish": 20,
    "media": 20,
    "objects": 21,
    "target": 22,
    # 3 to 5
    "noting": 28,
    "network": 29,
    "keeping": 29,
    "following": 30,
    "saving": 30,
    "output": 29,
    "editing": 21,
    "amending": 22,
    "views": 28,
    "placing": 29,
    "composing": 30,
    "failures": 31,
    "overview": 31,
    "archives": 32,
    "channels": 33,
    "planning": 33,
    "pipeline": 34,
    "visiting": 35,
    "publishing": 36,
    "working": 37,
    "jobs": 38,
    "subscribing": 36,
    "adopting": 40,
    "explaining": 40,
    "exporting": 40,
    "listing": 40,
    "previewing": 39,
    "adding": 41,
    "starting": 41,
    "pruning": 40,
    "transferring": 40,
    "rehearsal": 40,
    "status": 41,
    "progress": 41,
    "report": 42,
    "checkup": 42,
    "completing": 40,
    "daemon": 42,
    "cluster": 42,
    "web": 45,
    "cli_daemon": 46,
    "cli_worker": 46,
    "process": 45,
    "cli": 50,
    "__main__": 60,
}
"""A module may import those on lower floors, and its own package."""

DOORS: dict[str, tuple[str, ...]] = {
    "alembic": ("store",),
    "apscheduler": ("daemon", "steps"),
    "babel": ("formats/days",),
    "bs4": ("sources", "stripping"),
    "click": ("cli", "cli_daemon"),
    "cronsim": ("cron",),
    "feedgen": ("formats/feedgen",),
    "feedparser": ("sources/feed/xmlfeed",),
    "frontmatter": ("sources",),
    "h11": ("fetching/wire", "web/protocol"),
    "httpx": ("fetching",),
    "httpcore": ("fetching",),
    "jinja2": ("formats/html", "web/pages"),
    "lxml": ("formats", "sources"),
    "markdown_it": ("sources",),
    "markupsafe": ("formats/posts",),
    "nh3": ("html",),
    "obstore": ("objects",),
    "prometheus_client": ("web/metrics",),
    "procrastinate": ("jobs",),
    "pydantic": ("config", "store/values"),
    "re2": ("matching",),
    "rich": ("report", "progress"),
    "starlette": ("web",),
    "soupsieve": ("stripping", "sources"),
    "sqlalchemy": (
        "store",
        "adding",
        "channels",
        "cluster",
        "composing",
        "daemon",
        "explaining",
        "failures",
        "jobs",
        "keeping",
        "listing",
        "noting",
        "output",
        "pipeline",
        "planning",
        "previewing",
        "publishing",
        "saving",
        "transferring",
        "visiting",
        "web",
        "subscribing",
        "working",
    ),  # above the store: only the types Engine and Connection
    "tomlkit": ("editing",),
    "uvicorn": ("web",),
    "uvloop": ("fetching",),
    "yaml": ("sources", "importing"),
}

HEAVY = [*DOORS.keys() - {"click"}, "asyncio", "aggregator.pipeline", "aggregator.config"]

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").as_posix()


def room_of(module: str) -> str:
    return module.split("/")[0]


def imports(module: Path) -> set[str]:
    """Every dotted name that a module imports, wherever in the file; for `from a import b` both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            found.add(str(node.module))
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def own_rooms(module: Path) -> set[str]:
    """The rooms of ours that a module imports from."""
    found = {name.split(".")[1] for name in imports(module) if name.startswith("aggregator.")}
    return {name for name in found if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_go_down(module: Path) -> None:
    room = room_of(name_of(module))
    if room == "__init__":
        assert not own_rooms(module)
        return
    assert room in FLOORS, f"{room} has no floor: give it one in this table, and say in docs/design.md where it is"
    upward = sorted(other for other in own_rooms(module) - {room} if FLOORS[other] >= FLOORS[room])
    assert not upward, f"{name_of(module)} imports {upward}, which stand on its own floor or above it"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_libraries_have_doors(module: Path) -> None:
    name = name_of(module)
    for library in {imported.split(".")[0] for imported in imports(module)} & DOORS.keys():
        doors = DOORS[library]
        assert any(name == door or name.startswith(f"{door}/") for door in doors), (
            f"{name} imports {library}; its door is {', '.join(doors)}"
        )


def test_every_library_has_a_door() -> None:
    known = set(sys.stdlib_module_names) | DOORS.keys() | {"aggregator"}
    for module in MODULES:
        assert {imported.split(".")[0] for imported in imports(module)} <= known, name_of(module)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_clock_below_the_command_line(module: Path) -> None:
    """`now` is an argument; time.monotonic, which measures how long something took, is no clock."""
    if room_of(name_of(module)) in ("cli", "cli_daemon", "cli_worker", "daemon"):
        return
    text = module.read_text(encoding="utf-8")
    assert not [word for word in ("datetime.now(", "utcnow(", "time.time(", "date.today(") if word in text]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_modules_are_short(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_median_module_is_short() -> None:
    lengths = sorted(len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES)
    assert lengths[len(lengths) // 2] <= 130


@pytest.mark.parametrize("statement", ["import aggregator", "import aggregator.cli"])
def test_importing_is_cheap(statement: str) -> None:
    code = f"{statement}; import sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_client_comes_without_the_command_line_of_httpx() -> None:
    code = (
        "import aggregator.fetching.client, sys; print(*({'httpx', 'click', 'pygments', 'rich'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["httpx"]
