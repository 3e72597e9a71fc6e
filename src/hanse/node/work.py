"""What was read for one dataset, in `prepared/NAME/work.db`: identifying, and never outside the holder's house.

Persons, studies and series get an ordinal when they arrive; it is theirs for ever. `person.revision` is the number of
the run that last changed something about the person.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from hanse.core.errors import NotFound
from hanse.lib import files, sql

_METADATA = sa.MetaData()
_ID = {"primary_key": True, "autoincrement": False}

# One row: the id of these prepared data, and the run that is under way or came to its end.
RUN = sa.Table(
    "run",
    _METADATA,
    sa.Column("work", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("started", sa.Text, nullable=False),
    sa.Column("ended", sa.Text),
)

# `kind` is image, clinical, or rejected; refused for what the walk does not open, and conflict for a file that
# contradicts others: those two are looked at again in every run. `reason` and `hint` are those of the quarantine.
FILE = sa.Table(
    "file",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("path", sa.Text, nullable=False, unique=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("hint", sa.Text),
)

PERSON = sa.Table(
    "person",
    _METADATA,
    sa.Column("ordinal", sa.Integer, **_ID),
    sa.Column("patient", sa.Text, nullable=False, unique=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
)

# Whose study and series it is can change while nothing is left of it: `person` and `study` are then NULL.
STUDY = sa.Table(
    "study",
    _METADATA,
    sa.Column("ordinal", sa.Integer, **_ID),
    sa.Column("uid", sa.Text, nullable=False, unique=True),
    sa.Column("person", sa.Integer),
)

SERIES = sa.Table(
    "series",
    _METADATA,
    sa.Column("ordinal", sa.Integer, **_ID),
    sa.Column("uid", sa.Text, nullable=False, unique=True),
    sa.Column("study", sa.Integer),
    sa.Column("person", sa.Integer),
    sa.Column("changed", sa.Boolean, nullable=False),
    sa.Index("series_changed", "changed", sqlite_where=sa.text("changed")),
    sa.Index("series_person", "person"),
    sa.Index("series_study", "study"),
)

# `use` is yes, copy (another file has the same instance and content), or contradicts (the same instance, other
# content: which one is right cannot be known, so that none is used). `body` is the instance as JSON.
INSTANCE = sa.Table(
    "instance",
    _METADATA,
    sa.Column("file", sa.ForeignKey(FILE.c.id, ondelete="CASCADE"), **_ID),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("series", sa.Integer, nullable=False),
    sa.Column("use", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("instance_uid", "uid"),
    sa.Index("instance_series", "series"),
)

# One row a series, as the search sees it, before days are counted from the person's baseline.
IMAGE = sa.Table(
    "image",
    _METADATA,
    sa.Column("series", sa.Integer, **_ID),
    sa.Column("person", sa.Integer, nullable=False),
    sa.Column("study", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("image_person", "person"),
    sa.Index("image_study", "study"),
)

CLINICAL = sa.Table(
    "clinical",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.ForeignKey(FILE.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("person", sa.Integer, nullable=False),
    sa.Column("entity", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("clinical_person", "person"),
    sa.Index("clinical_file", "file"),
)

# What is wrong but did not keep a file out: in a line of a table, in a series, or between those of a study.
# `dimension` is one of data quality.
FINDING = sa.Table(
    "finding",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("file", sa.ForeignKey(FILE.c.id, ondelete="CASCADE")),
    sa.Column("series", sa.Integer),
    sa.Column("study", sa.Integer),
    sa.Column("dimension", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Index("finding_file", "file"),
    sa.Index("finding_series", "series"),
    sa.Index("finding_study", "study"),
)

MIGRATIONS = (
    sql.Migration(
        1,
        "files, instances, persons, rows, findings",
        sql.create(RUN, FILE, PERSON, STUDY, SERIES, INSTANCE, IMAGE, CLINICAL, FINDING),
    ),
)


def folder_of(home: Path, name: str) -> Path:
    return home / "prepared" / name


@contextmanager
def opened(home: Path, name: str, *, new: bool = False) -> Iterator[sa.Engine]:
    """The work database of a dataset, for one process at a time; made when it is `new`.

    Raises `NotFound` when nothing was prepared under this name, `Conflict` when another process has it.
    """
    folder = folder_of(home, name)
    if new:
        files.make_folder(folder)
    if not (new or (folder / "work.db").exists()):
        raise NotFound(
            f"nothing has been prepared as {name}", hint=f"run `hanse node prepare FOLDER --dataset {name}`"
        )
    with files.locked(folder / "lock", f"preparing or publishing {name}"):
        engine = sql.engine(sql.sqlite_url(folder / "work.db"))
        sql.migrate(engine, MIGRATIONS)
        try:
            yield engine
        finally:
            engine.dispose()
