"""The message ids that a node has accepted: none is accepted twice, also not after a restart."""

import sqlite3
from datetime import datetime
from pathlib import Path

from hanse.core import clock
from hanse.core.errors import Refused

MAX_SEEN = 100_000


class SeenIds:
    """Ids in a SQLite file, each until it would have expired anyway. It survives that the process is
    killed; what a power cut may take with it is the last moment, in which the hub's messages have expired
    once power is back."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 10000"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, until TEXT) WITHOUT ROWID"
        )
        self._forget()

    def first_time(self, id: str, until: datetime) -> bool:
        """Whether this id is new; it is remembered `until` then. `Refused` when too many are."""
        if self._count >= MAX_SEEN:
            self._forget()
        if self._count >= MAX_SEEN:
            raise Refused(f"The hub has sent more than {MAX_SEEN} messages that have not expired.")
        row = (id, clock.text(until))
        new = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", row).rowcount == 1
        self._count += new
        return new

    def _forget(self) -> None:
        self._database.execute("DELETE FROM seen WHERE until < ?", (clock.text(clock.now()),))
        (self._count,) = self._database.execute("SELECT count(*) FROM seen").fetchone()

    def close(self) -> None:
        self._database.close()
