"""A backup of a home's database, and the home after it was restored."""

import shutil
import sqlite3
from pathlib import Path

from hanse.lib import witness
from hanse.lib.checkpoint import Checkpoint


def copy(database: Path) -> Path:
    """A whole copy of a database that is in use."""
    to = database.with_suffix(".backup")
    with sqlite3.connect(database) as connection:
        connection.execute("VACUUM INTO ?", (str(to),))
    return to


def restore(database: Path, backup: Path) -> None:
    """Puts the copy in the place of the database, which nobody has open."""
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    shutil.copy(backup, database)


def leave_head(home: Path) -> None:
    """A head over far more entries than the log has, signed with its key: as a home finds it after a restore."""
    key = witness.own_log(home)
    (home / witness.KEPT).write_text(Checkpoint(key.name, 10**6, bytes(32)).signed(key))
