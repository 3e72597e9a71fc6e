"""An authority's home, opened: what commands and pages work with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from hanse.authority import config, tables
from hanse.authority.config import AuthorityConfig
from hanse.lib.jws import FileKey


@dataclass(frozen=True, slots=True)
class Home:
    """Who the authority is, the key with which it decides, and its records."""

    settings: AuthorityConfig
    key: FileKey
    records: sa.Engine


@contextmanager
def opened(home: Path) -> Iterator[Home]:
    """The home, until the block ends; `NotSetUp` when no authority is there."""
    settings = config.read(home)
    records = tables.open_records(home)
    try:
        yield Home(settings, config.key(home), records)
    finally:
        records.dispose()
