"""The documents that are made of the program, by their paths in the clone."""

from collections.abc import Callable, Mapping

from tools import configuration

DOCUMENTS: Mapping[str, Callable[[], str]] = {"docs/configuration.md": configuration.document}
