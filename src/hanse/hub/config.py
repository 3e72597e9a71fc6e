"""What a hub needs to know: `hub.toml` in its home, each setting also as `HANSE_HUB_...`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hanse.core.errors import NotSetUp
from hanse.lib import files, settings
from hanse.lib.jws import FileKey
from hanse.lib.sql import sqlite_url

FILE = "hub.toml"
_KEY = Path("keys", "hub.pem")
_PREFIX = "HANSE_HUB_"
_HEAD = "Written by `hanse hub init`."


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
    settings.write(config, FILE, _HEAD)
    return key


def read(home: Path, environ: Mapping[str, str]) -> HubConfig:
    """The settings in `home`, and over them those of the environment; `NotSetUp`, or `BadInput` for a
    setting that is unknown or of another type."""
    config = settings.fill(HubConfig, settings.load(home, FILE, "hub"), str(home / FILE), home=home)
    over = {
        name: text for name, text in environ.items() if name.startswith(_PREFIX) and name != _PREFIX + "HOME"
    }
    said = {name.removeprefix(_PREFIX).lower(): (name, text) for name, text in over.items()}
    return replace(
        config,
        **{key: settings.value_of_text(HubConfig, key, text, name) for key, (name, text) in said.items()},
    )
