"""A backup of a home's database, and the home after it was restored."""

import shutil
import sqlite3
from pathlib import Path


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
