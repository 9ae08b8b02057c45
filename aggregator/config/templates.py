"""The owner's own templates of web pages: the text files in the folder `templates` beside the config file."""

from collections.abc import Mapping
from gettext import gettext as _
from pathlib import Path

from aggregator.config.problems import Problem
from aggregator.errors import reason

_ENDINGS = (".html", ".css", ".svg")


def read(folder: Path, found: list[Problem]) -> Mapping[str, str]:
    """The templates by their names; what cannot be read goes to `found`."""
    templates = {}
    for file in files(folder):
        key = (f"templates/{file.name}",)
        try:
            templates[file.name] = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            found.append(
                (key, _("is not UTF-8 (byte {position}); save the file as UTF-8").format(position=error.start + 1))
            )
        except OSError as error:
            found.append((key, _("cannot be read ({why}); mend its permissions").format(why=reason(error))))
    return templates


def files(folder: Path) -> list[Path]:
    """The files in it that are templates, in order."""
    every = sorted(folder.iterdir()) if folder.is_dir() else []
    return [file for file in every if file.suffix in _ENDINGS and not file.name.startswith(".")]
