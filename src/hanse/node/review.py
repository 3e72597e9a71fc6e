"""The quality report of prepared data, gathered from the work database and written beside it."""

from pathlib import Path

import orjson
import sqlalchemy as sa

import hanse
from hanse.core import clock
from hanse.core.fields import Vocabulary
from hanse.lib import files, sql
from hanse.node import prepared, report
from hanse.node.agreement import disagreements
from hanse.node.store import PERSONS_PER_PART
from hanse.node.work import CLINICAL, FILE, FINDING, INSTANCE, PERSON, SERIES


def write_report(engine: sa.Engine, folder: Path, name: str, vocabulary: Vocabulary) -> None:
    """Writes `report.json` and `report.html` into `folder`, each whole or not at all."""
    with sql.read(engine) as connection:
        quality = report.Quality(vocabulary)
        totals = _rows(connection, quality, vocabulary)
        _files(connection, quality)
        for row in connection.execute(sa.select(FINDING).order_by(FINDING.c.id)):
            quality.finding(row.dimension, row.words, row.place, row.hint, row.count, row.code)
        _persons(connection, quality, vocabulary)
    body = quality.report(name, clock.text(clock.now()), hanse.__version__, totals)
    files.write(folder / "report.json", orjson.dumps(body, option=orjson.OPT_INDENT_2))
    files.write(folder / "report.html", report.html(body).encode())


def _rows(connection: sa.Connection, quality: report.Quality, vocabulary: Vocabulary) -> dict[str, int]:
    """Shows every row to `quality` as it would be published; how many persons, studies, series and instances."""
    totals = {"persons": 0, "studies": 0, "series": 0}
    last = connection.scalar(sa.select(sa.func.max(PERSON.c.ordinal))) or 0
    for first in range(0, last + 1, PERSONS_PER_PART):
        rows = prepared.rows(connection, range(first, first + PERSONS_PER_PART), vocabulary)
        for entity, several in rows.items():
            for row in several:
                quality.row(entity, row)
        totals["persons"] += len(rows.get("person", ()))
        totals["series"] += len(rows.get("image", ()))
        totals["studies"] += len({row["study"] for row in rows.get("image", ())})
    used = sa.select(sa.func.count()).select_from(INSTANCE).where(INSTANCE.c.use == "yes")
    return {**totals, "instances": connection.scalar(used) or 0}


def _persons(connection: sa.Connection, quality: report.Quality, vocabulary: Vocabulary) -> None:
    """Tables and images of every person, held against each other."""
    last = connection.scalar(sa.select(sa.func.max(PERSON.c.ordinal))) or 0
    for first in range(0, last + 1, PERSONS_PER_PART):
        for person in prepared.known(connection, range(first, first + PERSONS_PER_PART)):
            for code, words in disagreements(person, vocabulary):
                quality.finding("consistency", words, _place(connection, person.ordinal), code=code)


def _place(connection: sa.Connection, person: int) -> str:
    """A file of the person, of images if there is one: the report names no patient."""
    image = (
        sa.select(FILE.c.path)
        .join(INSTANCE, INSTANCE.c.file == FILE.c.id)
        .join(SERIES, SERIES.c.ordinal == INSTANCE.c.series)
        .where(SERIES.c.person == person)
        .limit(1)
    )
    table = sa.select(FILE.c.path).join(CLINICAL).where(CLINICAL.c.person == person).limit(1)
    return connection.scalar(image) or connection.scalar(table) or ""


def _files(connection: sa.Connection, quality: report.Quality) -> None:
    for row in connection.execute(sa.select(FILE).order_by(FILE.c.path)):
        if row.reason is None:
            quality.file(row.kind, row.size)
        else:
            quality.quarantine(row.path, row.reason, row.hint or "")
