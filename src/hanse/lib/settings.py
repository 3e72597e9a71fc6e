"""The settings of a role in a TOML file: a frozen dataclass of texts, numbers and truths, and the folder they lie in.

A setting that is unknown, missing or of another type is named; nothing is guessed.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from hanse.core.errors import BadInput, NotSetUp
from hanse.lib import files

One = TypeVar("One")


def read(kind: type[One], home: Path, file: str, what: str) -> One:
    """The settings in `file` of a home, as the dataclass `kind`, whose member `home` is the folder. `NotSetUp` when
    there are none, since no `what` was set up there; `BadInput` when they cannot be read."""
    path = home / file
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotSetUp(
            f"There is no {what} in {home}.", hint=f"Run `hanse {what} init` first, or name --home."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}", hint="It is a TOML file: https://toml.io") from error
    _check(kind, body, path)
    try:
        return kind(**{"home": home, **body})
    except TypeError:
        raise BadInput(f"{path}: a setting is missing.", hint=f"Run `hanse {what} init` again.") from None


def _check(kind: type, body: Mapping[str, Any], path: Path) -> None:
    known: dict[str, Any] = {one.name: one.type for one in fields(kind) if one.name != "home"}
    for name, value in body.items():
        if name not in known:
            raise BadInput(
                f"{path}: there is no setting {name!r}.", hint=f"The settings are {', '.join(known)}."
            )
        if type(value) is not known[name]:
            raise BadInput(f"{path}: {name} must be {known[name].__name__}.", hint="Text stands in quotes.")


def write(settings: Any, file: str, head: str) -> None:
    """Writes settings into their home, all at once, below the comment `head`; readable by their owner only, since the
    address of a proxy may hold a password."""
    body = {name: value for name, value in asdict(settings).items() if name != "home"}
    # A JSON text or number is the same text or number in TOML.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in body.items()]
    files.make_folder(settings.home)
    files.write(settings.home / file, "".join([f"# {head}\n", *lines]).encode(), mode=0o600)
