"""Preparing: a folder of images and tables becomes checked rows, again and again as the folder grows.

A file whose path, size and time are known is not read again. Whatever ends a run, the next one continues: each batch is
one transaction, and what a later step has yet to do is marked in the database, not remembered.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from hanse.core import clock, ids
from hanse.core.errors import BadInput, Conflict
from hanse.core.fields import Vocabulary
from hanse.domains import VOCABULARY
from hanse.domains.clinical import mapping
from hanse.domains.imaging import instances, walk
from hanse.domains.imaging.sources import Rejected, SourceFile
from hanse.lib import pool, sql
from hanse.node import intake, review, settle, work
from hanse.node.intake import Progress, Run
from hanse.node.store import Store
from hanse.node.work import CLINICAL, FILE, FINDING, IMAGE, INSTANCE, RUN

_FEW = 20  # files that may disappear without a question


@dataclass(frozen=True, slots=True)
class Prepared:
    """What there is after a run, in numbers; `read` and `removed` are what this run did."""

    files: int
    read: int
    removed: int
    quarantined: int
    persons: int
    studies: int
    series: int
    findings: int


@dataclass(frozen=True, slots=True)
class _Scan:
    """What lies in the folder: files to read as images and as tables, and what the walk refuses."""

    images: Sequence[SourceFile]
    tables: Sequence[SourceFile]
    refused: Sequence[Rejected]


def prepare(
    store: Store,
    folder: Path,
    name: str,
    *,
    vocabulary: Vocabulary = VOCABULARY,
    processes: int | None = None,
    accept_removals: bool = False,
    progress: Progress = lambda done, total, words: None,
) -> Prepared:
    """Reads what is new in `folder` into the prepared data of dataset `name`, and says what there is now.

    Raises `BadInput` for a folder or mapping file that cannot be used, `Conflict` when most of the files read before
    are gone, `NoSpace` when the disk is full.
    """
    store.dataset_id(name)
    folder = folder.resolve()
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder", hint="name the folder that holds the images and tables")
    tables = {one.path.relative_to(folder).as_posix(): one for one in mapping.find_tables(folder, vocabulary)}
    workers = processes if processes is not None else os.cpu_count() or 1
    with work.opened(store.home, name, new=True) as engine:
        number = _begin(engine)
        run = Run(engine, number, name, folder, store.keys.secret, vocabulary, workers, progress)
        scan = _scan(run, tables)
        unknown, removed = _forget(run, scan, accept_removals)
        intake.read_images(run, [file for file in scan.images if file.path in unknown])
        intake.read_tables(run, [(tables[file.path], file) for file in scan.tables if file.path in unknown])
        intake.hash_files(run)
        settle.settle(run)
        review.write_report(engine, work.folder_of(store.home, name), name, vocabulary)
        with sql.begin(engine) as connection:
            connection.execute(RUN.update().values(ended=clock.text(clock.now())))
            return _count(connection, len(unknown), removed)


def _begin(engine: sa.Engine) -> int:
    """The number of this run; from here until its end the prepared data are marked as unfinished."""
    with sql.begin(engine) as connection:
        number = (connection.scalar(sa.select(RUN.c.number)) or 0) + 1
        values = {"number": number, "started": clock.text(clock.now()), "ended": None}
        if number == 1:
            connection.execute(RUN.insert().values(work=ids.new("work"), **values))
        else:
            connection.execute(RUN.update().values(**values))
    return number


def _scan(run: Run, tables: Mapping[str, mapping.Source]) -> _Scan:
    scan = _Scan([], [], [])
    done = 0
    for done, found in enumerate(walk.files(run.folder), start=1):
        if done % 1000 == 0:
            run.progress(done, 0, "files found")
        if isinstance(found, Rejected):
            scan.refused.append(found)
        elif found.path in tables:
            # A table is read again when its mapping file changes, too.
            described = tables[found.path].described_ns
            scan.tables.append(replace(found, mtime_ns=found.mtime_ns + described))
        elif found.path.rpartition("/")[2] != mapping.MAPPING_FILE:
            scan.images.append(found)
    run.progress(done, done, "files found")
    return scan


def _forget(run: Run, scan: _Scan, accept_removals: bool) -> tuple[set[str], int]:
    """Takes out what is gone or has changed; the paths that are to be read, and the number that are gone."""
    there = {file.path: file for file in (*scan.images, *scan.tables)}
    with sql.read(run.engine) as connection:
        query = sa.select(FILE).where(FILE.c.kind.in_(["image", "clinical", "rejected"]))
        known = {row.path: row for row in connection.execute(query).all()}
    gone = known.keys() - there.keys()
    if len(gone) > max(_FEW, len(known) // 2) and not accept_removals:
        raise Conflict(
            f"{len(gone)} of the {len(known)} files read before are not in {run.folder} any more",
            hint="check that this is the right folder and that it is mounted; --accept-removals takes them out",
        )
    other = {path for path in known.keys() & there.keys() if _facts(known[path]) != _facts(there[path])}
    same = _same_content(run, [(known[path], there[path]) for path in sorted(other)])
    with sql.begin(run.engine) as connection:
        for path in same:
            connection.execute(FILE.update().where(FILE.c.path == path).values(mtime_ns=there[path].mtime_ns))
        tables = {file.path for file in scan.tables}
        _take_out(
            connection, run, [known[path].id for path in sorted((gone | other) - same - (tables & other))]
        )
        # What was refused, or contradicted other files, may be different now.
        connection.execute(FILE.delete().where(FILE.c.kind.in_(["refused", "conflict"])))
        rows = [_refusal(one) for one in scan.refused]
        if rows:
            connection.execute(FILE.insert().prefix_with("OR REPLACE"), rows)
    return (there.keys() - known.keys()) | (other - same), len(gone)


def _refusal(rejected: Rejected) -> dict[str, str | int]:
    place = {"path": rejected.path, "size": 0, "mtime_ns": 0}
    return {**place, "kind": "refused", "reason": rejected.reason, "hint": rejected.hint}


def _facts(file: SourceFile | sa.Row) -> tuple[int, int]:
    return file.size, file.mtime_ns


def _same_content(run: Run, pairs: Sequence[tuple[sa.Row, SourceFile]]) -> set[str]:
    """Which images were only touched: another time, the same size and the same bytes."""
    maybe = {file: known.sha256 for known, file in pairs if known.kind == "image" and known.size == file.size}
    work = partial(instances.checksums, run.folder)
    hashed = pool.ordered(
        work, intake.batches(maybe), min(run.processes, len(maybe) // intake.FILES_PER_BATCH)
    )
    return {
        file.path
        for batch, digests in hashed
        for file, digest in zip(batch, digests, strict=True)
        if digest == maybe[file]
    }


def _take_out(connection: sa.Connection, run: Run, files: Iterable[int]) -> None:
    """Removes files with all that they gave. Studies and series of which nothing is left may come back elsewhere."""
    for id in files:
        series = connection.scalars(sa.select(INSTANCE.c.series).where(INSTANCE.c.file == id)).all()
        persons = connection.scalars(
            sa.select(CLINICAL.c.person).where(CLINICAL.c.file == id).distinct()
        ).all()
        intake.touch_series(connection, series, run.number)
        intake.touch_persons(connection, persons, run.number)
        connection.execute(FILE.delete().where(FILE.c.id == id))
    connection.exec_driver_sql(
        """UPDATE series SET study = NULL, person = NULL
           WHERE changed AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.series = series.ordinal)"""
    )
    connection.exec_driver_sql(
        """UPDATE study SET person = NULL
           WHERE person IS NOT NULL AND NOT EXISTS (SELECT 1 FROM series WHERE series.study = study.ordinal)"""
    )


def _count(connection: sa.Connection, read: int, removed: int) -> Prepared:
    def count(table: sa.FromClause, *where: sa.ColumnElement[bool]) -> int:
        return connection.scalar(sa.select(sa.func.count()).select_from(table).where(*where)) or 0

    persons = sa.union(sa.select(IMAGE.c.person), sa.select(CLINICAL.c.person)).subquery()
    return Prepared(
        files=count(FILE),
        read=read,
        removed=removed,
        quarantined=count(FILE, FILE.c.reason.is_not(None)),
        persons=count(persons),
        studies=count(sa.select(IMAGE.c.study).distinct().subquery()),
        series=count(IMAGE),
        findings=connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(FINDING.c.count), 0))) or 0,
    )
