"""The documents that are made of the program, by their paths in the clone."""

from collections.abc import Callable, Mapping

from tools import answers, configuration, manual

DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "contrib/aggregator.1": manual.document,
    "docs/configuration.md": configuration.document,
    "docs/json.md": answers.document,
    "docs/json.schema.json": answers.schema_document,
}
