"""All libraries that are needed at run time are listed in docs/licences.md, under licences that are allowed."""

import re
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from tests import licences

NEEDED = licences.needed()


def test_direct_and_transitive_ones_are_found() -> None:
    assert {"feedgen", "feedparser", "feedparser-sgmllib", "psycopg", "obstore", "tzlocal"} <= NEEDED.keys()
    assert not {"pytest", "mypy", "moto"} & NEEDED.keys(), "these are for tests"


@pytest.mark.parametrize("name", NEEDED)
def test_it_has_a_licence_that_is_allowed(name: str) -> None:
    assert set(licences.licences(NEEDED[name].own)) & set(licences.ALLOWED), NEEDED[name].own.metadata["License"]


def test_the_list_is_complete() -> None:
    """Run `python -m tests.licences` where it is not."""
    text = licences.FILE.read_text(encoding="utf-8")
    assert [line for line in licences.rows().values() if line.partition(" | ")[0] + " |" not in text] == []
    listed = dict(re.findall(r"^\| ([\w-]+) \| ([^|]*) \|", text, re.MULTILINE))
    assert {
        name: found for name in NEEDED if listed[name] != (found := ", ".join(licences.licences(NEEDED[name].own)))
    } == {}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("License-Expression: MIT AND PSF-2.0", ("MIT", "PSF-2.0")),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", ("GPL",)),
        ("License: LGPL-3.0-only", ("LGPL-3.0",)),
        ("License: GPL-3.0-only", ("GPL",)),
        ("License: AGPL-3.0", ()),
        ("License: whatever you like", ()),
    ],
)
def test_a_licence_is_known_by_its_names(said: str, found: tuple[str, ...]) -> None:
    class Own(Distribution):
        def read_text(self, filename: str) -> str | None:
            return f"Metadata-Version: 2.1\nName: it\n{said}\n" if filename == "METADATA" else None

        def locate_file(self, path: object) -> Path:
            raise NotImplementedError

    assert licences.licences(Own()) == found
