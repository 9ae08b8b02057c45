"""What stands in contrib/ and docs/recipes.md works, as far as it can be run here."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cronsim import CronSim

from aggregator import config
from aggregator.cli import cli
from tests.conftest import needs
from tests.planet import Planet
from tests.recipes import CONTRIB, RECIPES, ROOT, text
from tests.running import running, until

UNITS = sorted(each.name for each in CONTRIB.iterdir() if each.suffix in (".service", ".timer"))
YOURS = "contrib/docker/planet/config/aggregator.toml"  # which the reader writes
PROGRAMS = str(Path(sys.executable).parent)


def script(folder: Path, lines: str, env: Mapping[str, str], shell: str = "bash -eo pipefail -c") -> str:
    """What shell lines print, with nothing in the environment but `env`; they have to end well."""
    done = subprocess.run([*shell.split(), lines], cwd=folder, env=dict(env), capture_output=True, text=True)
    assert done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def offline(folder: Path, *paths: Path) -> dict[str, str]:
    """An environment in which pip fetches nothing: it builds and runs with the libraries that are here. They are linked
    into a folder, but for this project, which is to be that of the recipe."""
    libraries = folder / "libraries"
    if not libraries.exists():
        libraries.mkdir()
        for each in Path(sysconfig.get_paths()["purelib"]).iterdir():
            if not each.name.startswith("aggregator"):
                (libraries / each.name).symlink_to(each)
    path = ":".join([*map(str, paths), PROGRAMS, "/usr/local/bin", "/usr/bin", "/bin"])
    pip = {
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_INDEX": "1",
        "PIP_NO_COMPILE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return {"PATH": path, "PYTHONPATH": str(libraries), "LANG": "C.UTF-8", **pip}


def test_every_file_of_contrib_is_in_the_docs() -> None:
    said = "".join(each.read_text(encoding="utf-8") for each in (ROOT / "docs").glob("*.md"))
    files = {each.relative_to(ROOT).as_posix() for each in CONTRIB.rglob("*") if each.is_file()}
    assert {name for name in files if name not in said} <= {"contrib/docker/Dockerfile.dockerignore"}
    assert set(re.findall(r"contrib/[\w./@-]*\w", said)) <= {*files, "contrib/docker", YOURS}


def test_every_command_in_the_recipes_exists() -> None:
    said = set(re.findall(r"(?:^|`|bin/|exec planet )aggregator ([a-z][a-z-]*)", RECIPES, re.MULTILINE))
    assert said <= {*cli.commands}
    assert {"once", "daemon", "check", "status", "import"} <= said


# --- cron and systemd


def test_the_line_for_cron_runs_in_its_environment(planet: Planet) -> None:
    """By sh, in a home folder, with next to nothing in the environment; silent, as all is well."""
    (line,) = [each for each in (CONTRIB / "crontab").read_text().splitlines() if re.match(r"[\d*]", each)]
    *fields, user, command = line.split(maxsplit=6)
    assert user == "planet"
    first = next(CronSim(" ".join(fields), datetime(2026, 3, 14, 12, tzinfo=UTC)))
    assert first.minute not in (0, 15, 30, 45)
    planet.seeds()
    planet.post("a.md", title="By cron")
    planet.write()
    home = str(planet.root)
    program(planet.root / ".venv" / "bin" / "aggregator")
    env = {"HOME": home, "LOGNAME": user, "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    assert script(Path("/"), command.replace("/srv/planet", shlex.quote(home)), env, "/bin/sh -c") == ""
    assert planet.titles() == ["By cron"]


def program(path: Path) -> None:
    """What `aggregator` of a planet's own virtual environment is."""
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m aggregator "$@"\n')
    path.chmod(0o755)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_fault_in_a_unit(unit: str, tmp_path: Path) -> None:
    verify = needs("systemd-analyze")
    for name in UNITS:  # the timer asks for its service
        written = (CONTRIB / name).read_text()
        (tmp_path / name).write_text(written.replace("/srv/planet/.venv/bin/aggregator", "/bin/true"))
        for command in re.findall(r"^ExecStart=\S+/aggregator (\w+)", written, re.MULTILINE):
            assert command in cli.commands
    named = unit.replace("@.", "@1.")
    done = subprocess.run([verify, "verify", f"./{named}"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# --- Workflows


def of_github() -> list[dict[str, Any]]:
    workflow = yaml.safe_load((CONTRIB / "github-pages.yml").read_text())
    assert next(CronSim(workflow[True]["schedule"][0]["cron"], datetime(2026, 3, 14, tzinfo=UTC))).minute not in (0, 30)
    assert workflow["concurrency"]["cancel-in-progress"] is False
    steps: list[dict[str, Any]] = workflow["jobs"]["publish"]["steps"]
    return steps


def test_the_workflow_of_github_remembers_from_run_to_run(tmp_path: Path, machine: dict[str, str]) -> None:
    """The shell lines in a fresh checkout each time; of the actions, what they do to the files."""
    steps = of_github()
    cached = next(each["with"] for each in steps if each.get("uses", "").startswith("actions/cache/restore"))
    saved = next(each["with"] for each in steps if each.get("uses", "").startswith("actions/cache/save"))
    assert (saved["path"], saved["key"]) == (cached["path"], cached["key"])
    assert cached["key"].startswith(cached["restore-keys"])

    def run(checkout: Path, cache: Path, env: Mapping[str, str]) -> Path:
        for step in steps:
            uses = step.get("uses", "")
            if "run" in step:
                script(checkout, step["run"], env)
            elif uses.startswith("actions/cache/restore"):
                copy(cached["path"].split(), cache, checkout)
            elif uses.startswith("actions/cache/save"):
                copy(saved["path"].split(), checkout, cache)
            elif uses.startswith("actions/upload-pages-artifact"):
                return checkout / str(step["with"]["path"])
        raise AssertionError("nothing is published")

    twice(tmp_path, machine, run)


def test_the_job_of_gitlab_remembers_from_run_to_run(tmp_path: Path, machine: dict[str, str]) -> None:
    job = yaml.safe_load((CONTRIB / "gitlab-ci.yml").read_text())["pages"]

    def run(checkout: Path, cache: Path, env: Mapping[str, str]) -> Path:
        copy(job["cache"]["paths"], cache, checkout)
        script(checkout, "\n".join(job["script"]), env)
        copy(job["cache"]["paths"], checkout, cache)
        (path,) = job["artifacts"]["paths"]
        assert path == "public"  # GitLab wants it so
        return checkout / str(path)

    twice(tmp_path, machine, run)


def copy(paths: list[str], there: Path, here: Path) -> None:
    """What a cache does with these paths."""
    for path in paths:
        if (there / path).exists():
            shutil.copytree(there / path, here / path, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine that has a Python of its own, and of this project a release alone."""
    folder = tmp_path_factory.mktemp("machine")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "python")], check=True)
    env = offline(folder, folder / "python" / "bin")
    script(folder, f"python -m pip wheel --quiet {shlex.quote(str(ROOT))}", env)
    (wheel,) = folder.glob("*.whl")
    return {**env, "AGGREGATOR": str(wheel)}


def twice(tmp_path: Path, machine: Mapping[str, str], run: Callable[[Path, Path, Mapping[str, str]], Path]) -> None:
    """Two runs of what `init` writes, in two checkouts. A post that has no id but
    what the store remembers, by its file, keeps it under another title and date, as the cache came along."""
    cache = tmp_path / "cache"
    ids = []
    for number, title in enumerate(("Before", "After")):
        checkout = tmp_path / str(number)
        subprocess.run([sys.executable, "-m", "aggregator", "init", str(checkout), "--yes"], check=True, cwd=ROOT)
        (checkout / "seeds" / "hello.md").write_text(f"---\ntitle: {title}\ndate: 2026-03-0{number + 1}\n---\nText.\n")
        cache.mkdir(exist_ok=True)
        site = run(checkout, cache, machine)
        feed = (site / "atom.xml").read_text(encoding="utf-8")
        assert f">{title}<" in feed
        assert (site / "index.html").exists()
        assert not list(site.rglob("*.db"))
        ids.append(re.findall(r"<entry>\s*<id>([^<]*)</id>", feed))
    assert ids[0] == ids[1]
    assert len(ids[0]) == 1


# --- Containers


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, as pairs of a word and the rest."""
    written = (CONTRIB / "docker" / "Dockerfile").read_text()
    whole = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", written, flags=re.MULTILINE))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in whole.splitlines() if line.strip()]


def stages() -> list[list[tuple[str, str]]]:
    made: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            made.append([])
        if made:
            made[-1].append((word, rest))
    return made


def test_the_build_stage_of_the_image_has_all_that_it_needs(tmp_path: Path) -> None:
    """Its own lines, on nothing but the files that it copies and the ignore file lets through."""
    build, final = stages()
    src, opt = tmp_path / "src", tmp_path / "opt"
    src.mkdir()
    env = offline(tmp_path)
    let_in = (CONTRIB / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    for word, rest in build:
        if word == "COPY":
            *names, target = rest.split()
            for name in names:
                assert f"!{name}" in let_in
                there = ROOT / name
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(there, src / target, ignore=ignored) if there.is_dir() else shutil.copy(there, src)
        elif word == "RUN":
            script(src, rest.replace("/opt/aggregator", str(opt)), env)
    assert ("COPY", "--from=build /opt/aggregator /opt/aggregator") in final
    assert not (opt / "bin" / "pip").exists()
    said = script(tmp_path, f"{opt}/bin/aggregator --version", env)
    assert said.startswith("aggregator, version ")


def test_the_image_runs_as_nobody_special() -> None:
    final = dict(stages()[-1])
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", final["USER"])
    (entry,) = json.loads(final["ENTRYPOINT"])
    assert entry == "aggregator" and json.loads(final["CMD"])[0] in cli.commands
    assert "VOLUME" not in final, "it would hide var/ of a planet that is mounted whole"


def test_the_health_check_of_the_image_knows_well_from_ill(planet: Planet) -> None:
    (_, rest) = next(each for each in stages()[-1] if each[0] == "HEALTHCHECK")
    command = json.loads(rest.partition("CMD ")[2])
    command[0] = sys.executable
    planet.seeds()
    planet.post("a.md")
    planet.web = {"listen": "127.0.0.1:0"}

    def check(port: str) -> int:
        asked = [word.replace(":8080/", f":{port}/") for word in command]
        return subprocess.run(asked, capture_output=True, timeout=30).returncode

    with running(planet) as daemon:
        port = daemon.wait_for("web")["url"].rstrip("/").rpartition(":")[2]
        until(lambda: check(port) == 0, daemon.said)
        (planet.root / "var" / "aggregator.db").rename(planet.root / "away")
        assert check(port) != 0
    assert check(port) != 0


def compose() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((CONTRIB / "docker" / "compose.yaml").read_text())
    return made


def test_what_compose_names_is_there() -> None:
    made, folder = compose(), CONTRIB / "docker"
    services = made["services"]
    context = folder / services["planet"]["build"]["context"]
    assert context.resolve() == ROOT
    assert (context / services["planet"]["build"]["dockerfile"]).is_file()
    for service in services.values():
        assert {*service.get("depends_on", ())} <= {*services}
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            yours = source.startswith("./planet/")  # what the reader makes
            assert yours or source in made["volumes"] or (folder / source).is_file(), volume
    asked = set(re.findall(r"\$\{(\w+):\?", json.dumps(made)))
    assert asked == set(re.findall(r"([A-Z_]+)=", RECIPES[RECIPES.index("printf 'PLANET") :].splitlines()[0]))
    host, _, port = services["web"]["environment"]["PLANET_DAEMON"].partition(":")
    assert host in services
    assert config.check(ROOT / "config" / "x.toml", text("compose")).web.listen == f"0.0.0.0:{port}"
