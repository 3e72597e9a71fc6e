"""What a hub needs to know: `hub.toml` in its home, each setting also as `HANSE_HUB_...`."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from hanse.core.errors import BadInput, NotSetUp
from hanse.lib import files
from hanse.lib.jws import FileKey
from hanse.lib.sql import sqlite_url

FILE = "hub.toml"
_KEY = Path("keys", "hub.pem")
_PREFIX = "HANSE_HUB_"
_HEAD = "# Written by `hanse hub init`.\n"


@dataclass(frozen=True, slots=True)
class HubConfig:
    """`url` is the address that nodes and people use. `database` is a URL (`postgresql+psycopg://...`), SQLite in the
    home when empty. `mailbox` is the connection string of a PostgreSQL in which several hub processes share what
    waits (`postgresql://...`); memory when empty. `deadline_s` is how long a question waits for nodes, `hold_s` how
    long the hub keeps a node's call waiting. `name` is what the data space is called, on its pages and in its
    catalogue, and `publisher` the organisation that publishes the catalogue, the space itself when empty."""

    home: Path
    url: str = "http://127.0.0.1:8080"
    host: str = "127.0.0.1"
    port: int = 8080
    database: str = ""
    mailbox: str = ""
    deadline_s: float = 10.0
    hold_s: float = 25.0
    name: str = "Hanse"
    publisher: str = ""

    @property
    def database_url(self) -> str:
        return self.database or sqlite_url(self.home / "hub.db")

    def key(self) -> FileKey:
        """The hub's signing key, which `init` made; `NotSetUp` when it is gone."""
        path = self.home / _KEY
        if not path.exists():
            raise NotSetUp(
                f"There is no key in {path}.", hint="Restore it from a backup: nodes have pinned it."
            )
        return FileKey.load(path)


def init(config: HubConfig) -> FileKey:
    """Sets up a hub's home, or changes its settings. Returns the key, which is made once and stays;
    `NotSetUp` when it has gone since."""
    if (config.home / FILE).exists():
        config.key()  # a hub that lost its key must not quietly get another one: nodes have pinned the old one
    files.make_folder(config.home)
    files.make_folder(config.home / _KEY.parent)
    key = FileKey.load_or_create(config.home / _KEY)
    body = {name: value for name, value in asdict(config).items() if name != "home"}
    # A JSON text or number is the same text or number in TOML.
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in body.items()]
    # The address of a database may hold a password.
    files.write(config.home / FILE, "".join([_HEAD, *lines]).encode(), mode=0o600)
    return key


def read(home: Path, environ: Mapping[str, str]) -> HubConfig:
    """The settings in `home`, and over them those of the environment; `NotSetUp`, or `BadInput` for a
    setting that is unknown or of another type."""
    path = home / FILE
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotSetUp(
            f"There is no hub in {home}.", hint="Run `hanse hub init` first, or name --home."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}", hint="It is a TOML file: https://toml.io") from error
    over = {
        name: text for name, text in environ.items() if name.startswith(_PREFIX) and name != _PREFIX + "HOME"
    }
    config = replace(
        HubConfig(home), **{name: _setting(name, value, str(path)) for name, value in said.items()}
    )
    return replace(
        config,
        **{
            (key := name.removeprefix(_PREFIX).lower()): _setting(key, text, name)
            for name, text in over.items()
        },
    )


_TYPES: Mapping[str, Any] = {field.name: field.type for field in fields(HubConfig) if field.name != "home"}


def _setting(name: str, value: Any, where: str) -> Any:
    kind = _TYPES.get(name)
    if kind is None:
        raise BadInput(
            f"{where}: there is no setting {name!r}.", hint=f"The settings are {', '.join(_TYPES)}."
        )
    try:
        # The environment knows only text; TOML writes 10 for 10.0.
        return kind(value) if isinstance(value, str) or kind is float else _exactly(kind, value)
    except (ValueError, TypeError):
        raise BadInput(f"{where}: {name} must be {kind.__name__}.", hint="Text stands in quotes.") from None


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value
