"""The settings of a role in a TOML file: a frozen dataclass of texts, numbers and truths, and the folder they lie in.

A setting that is unknown, missing or of another type is named; nothing is guessed.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from hanse.core.errors import BadInput, NotSetUp
from hanse.lib import files

One = TypeVar("One")

_PLAIN = (str, int, float, bool)


def load(home: Path, file: str, what: str) -> dict[str, Any]:
    """What stands in `file` of a home. `NotSetUp` when there is none, since no `what` was set up there; `BadInput`
    when it is no TOML."""
    path = home / file
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotSetUp(
            f"There is no {what} in {home}.", hint=f"Run `hanse {what} init` first, or name --home."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}", hint="It is a TOML file: https://toml.io") from error


def fill(kind: type[One], body: Mapping[str, Any], where: str, **more: Any) -> One:
    """The dataclass of the settings in `body`, and of `more` members that are none; `BadInput` names what is wrong and
    `where` it was said."""
    said = {name: value_of(kind, name, value, where) for name, value in body.items()}
    try:
        return kind(**more, **said)
    except TypeError:
        raise BadInput(f"{where}: a setting is missing.", hint=f"The settings are {_names(kind)}.") from None


def value_of(kind: type, name: str, value: Any, where: str) -> Any:
    """The value of one setting, which must have its type; TOML writes 10 for 10.0."""
    wanted = _type(kind, name, where)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise _not(wanted, name, where)
    return value


def value_of_text(kind: type, name: str, text: str, where: str) -> Any:
    """The value of one setting out of an environment, which knows only texts."""
    wanted = _type(kind, name, where)
    try:
        return wanted(text)
    except ValueError:
        raise _not(wanted, name, where) from None


def write(settings: Any, file: str, head: str, more: str = "") -> None:
    """Writes settings into their home, all at once, below the comment `head` and before `more`; readable by their
    owner only, since the address of a proxy or a database may hold a password."""
    body = {name: getattr(settings, name) for name in _types(type(settings))}
    files.make_folder(settings.home)
    files.write(settings.home / file, f"# {head}\n{toml(body)}{more}".encode(), mode=0o600)


def toml(body: Mapping[str, Any]) -> str:
    """A line of TOML for each member: a JSON text, number or list of texts is the same there."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in body.items())


def _types(kind: type) -> dict[str, Any]:
    return {one.name: one.type for one in fields(kind) if one.type in _PLAIN}


def _type(kind: type, name: str, where: str) -> Any:
    if name not in _types(kind):
        raise BadInput(f"{where}: there is no setting {name!r}.", hint=f"The settings are {_names(kind)}.")
    return _types(kind)[name]


def _names(kind: type) -> str:
    return ", ".join(_types(kind))


def _not(wanted: type, name: str, where: str) -> BadInput:
    return BadInput(f"{where}: {name} must be {wanted.__name__}.", hint="Text stands in quotes.")
