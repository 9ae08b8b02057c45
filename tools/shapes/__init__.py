"""What each command answers with `--json`, key by key: the one place that says so.

docs/json.md and docs/json.schema.json are made of it, and tests/test_json.py holds what the commands print against it.
The text below a key is its description, as in the tables of the config. Moments are RFC 3339 in UTC.
"""

from pydantic import BaseModel, RootModel

from tools.shapes.base import Error as Error
from tools.shapes.base import Shape as Shape
from tools.shapes.changing import Add, Check, EditOfSource, Exported, Import, Init, Run
from tools.shapes.looking import Explained, ListedCategory, ListedItem, ListedSource, Preview
from tools.shapes.standing import Doctor, Moved, Pruned, Serving, Status, StatusOfSource


def _many(shape: type[Shape]) -> type[BaseModel]:
    return RootModel[list[shape]]  # type: ignore[valid-type]  # it is a value here, and pydantic takes it


ANSWERS: dict[str, type[BaseModel]] = {
    "add": Add,
    "check": Check,
    "disable": EditOfSource,
    "doctor": Doctor,
    "enable": EditOfSource,
    "explain": _many(Explained),
    "export": _many(Exported),
    "import": Import,
    "init": Init,
    "list categories": _many(ListedCategory),
    "list items": _many(ListedItem),
    "list sources": _many(ListedSource),
    "migrate-store": Moved,
    "once": Run,
    "preview": Preview,
    "prune": _many(Pruned),
    "remove": EditOfSource,
    "serve": Serving,
    "status": Status,
    "status SOURCE": StatusOfSource,
    "any that fails": Error,
}
"""By the command what it answers. `daemon` and `worker` log, `schema` prints a schema, `completion` a script."""
