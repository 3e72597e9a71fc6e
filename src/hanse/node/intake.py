"""Files become rows of the work database, batch by batch: what a batch brings is committed with the files it read.

A process that is killed loses the batch under way; the next run finds its files unknown and reads them.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from hanse.core.fields import Vocabulary
from hanse.domains.clinical import ingest
from hanse.domains.clinical.ingest import Row
from hanse.domains.clinical.mapping import Source as ClinicalSource
from hanse.domains.clinical.problems import BadTable, Reason
from hanse.domains.imaging import instances
from hanse.domains.imaging.series import Dimension
from hanse.domains.imaging.sources import Rejected, SourceFile
from hanse.lib import files, pool, sql
from hanse.node import keys
from hanse.node.work import CLINICAL, FILE, FINDING, INSTANCE, PERSON, SERIES, STUDY

Progress = Callable[[int, int, str], None]

FILES_PER_BATCH = 1000
_ROWS_PER_COMMIT = 5000
_IDENTITY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_MAX_ID = 256  # characters of a patient id

_DIMENSIONS = {
    Reason.NO_PATIENT: Dimension.COMPLETENESS,
    Reason.REPEATED_PERSON: Dimension.UNIQUENESS,
    Reason.UNKNOWN_COLUMN: Dimension.CONSISTENCY,
}


@dataclass(frozen=True)
class Run:
    """One run of prepare: where it reads, where it writes, and how it makes pseudonyms."""

    engine: sa.Engine
    number: int
    name: str
    folder: Path
    secret: bytes
    vocabulary: Vocabulary
    processes: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A readable instance on its way from a reading process to the database."""

    patient: str
    study: str
    series: str
    uid: str
    body: bytes


def batches(found: Iterable[SourceFile]) -> Iterator[list[SourceFile]]:
    """The files in lists of a size that is worth a commit."""
    rest = iter(found)
    while batch := list(islice(rest, FILES_PER_BATCH)):
        yield batch


def read_images(run: Run, found: Sequence[SourceFile]) -> None:
    """Reads the headers of these files and commits what they are, a batch at a time."""
    places = _Places(run)
    done = 0
    for batch, results in pool.ordered(
        partial(_arrivals, run.folder), batches(found), _processes(run, found)
    ):
        with sql.begin(run.engine) as connection:
            places.take(connection, batch, results)
        done += len(batch)
        run.progress(done, len(found), "headers")


def _processes(run: Run, found: Sized) -> int:
    # A process costs a good part of a second to start: as long as it takes to read a thousand headers.
    return min(run.processes, len(found) // FILES_PER_BATCH)


def _arrivals(folder: Path, batch: Sequence[SourceFile]) -> list[_Arrival | Rejected]:
    """Runs in a reading process; the header leaves it as JSON, which is also how it is stored."""
    return [
        _arrival(one) if isinstance(one, instances.Instance) else one
        for one in instances.read_batch(folder, batch)
    ]


def _arrival(instance: instances.Instance) -> _Arrival | Rejected:
    patient = instance.values.get("PatientID")
    if not isinstance(patient, str) or not patient or len(patient) > _MAX_ID:
        hint = (
            "fill in PatientID (0010,0020); without it nobody can be joined with clinical rows, or withdrawn"
        )
        return Rejected(instance.path, "has no single PatientID", hint)
    study, series, uid = (
        str(instance.values[name]) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    )
    return _Arrival(patient, study, series, uid, orjson.dumps(instance))


class _Places:
    """Persons, studies and series with their ordinals, given at arrival and kept for ever."""

    def __init__(self, run: Run) -> None:
        self.run = run
        with sql.read(run.engine) as connection:
            self.persons = {row.patient: row.ordinal for row in connection.execute(sa.select(PERSON))}
            self.studies = {
                row.uid: (row.ordinal, row.person) for row in connection.execute(sa.select(STUDY))
            }
            self.series = {row.uid: (row.ordinal, row.study) for row in connection.execute(sa.select(SERIES))}
            self.files = connection.scalar(sa.select(sa.func.max(FILE.c.id))) or 0
        self._new: dict[sa.Table, list[Mapping[str, Any]]] = {PERSON: [], STUDY: [], SERIES: []}

    def take(
        self, connection: sa.Connection, batch: Sequence[SourceFile], results: Sequence[_Arrival | Rejected]
    ) -> None:
        """Writes a batch: its files, what they hold, and everybody and everything that is new."""
        file_rows, instance_rows, touched = [], [], set()
        for file, result in zip(batch, results, strict=True):
            self.files += 1
            row = {"id": self.files, "path": file.path, "size": file.size, "mtime_ns": file.mtime_ns}
            kind = "rejected"
            if isinstance(result, _Arrival):
                series = self._series(connection, result)
                if isinstance(series, int):
                    body = {
                        "file": self.files,
                        "uid": result.uid,
                        "series": series,
                        "use": "yes",
                        "body": result.body,
                    }
                    instance_rows.append(body)
                    touched.add(series)
                    file_rows.append({**row, "kind": "image", "reason": None, "hint": None})
                    continue
                kind, result = "conflict", replace(series, path=file.path)
            file_rows.append({**row, "kind": kind, "reason": result.reason, "hint": result.hint})
        self.insert_new(connection)
        connection.execute(FILE.insert(), file_rows)
        if instance_rows:
            connection.execute(INSTANCE.insert(), instance_rows)
            touch_series(connection, touched, self.run.number)

    def insert_new(self, connection: sa.Connection) -> None:
        """Writes everybody and everything that got an ordinal since the last time."""
        for table, rows in self._new.items():
            if rows:
                connection.execute(table.insert(), rows)
                rows.clear()

    def person(self, patient: str) -> int:
        """The ordinal of a patient, a new one for somebody new, who is written by `insert_new`."""
        if patient not in self.persons:
            self.persons[patient] = len(self.persons)
            key = keys.pseudonym(self.run.secret, self.run.name, patient)
            row = {"ordinal": self.persons[patient], "patient": patient, "key": key}
            self._new[PERSON].append({**row, "revision": self.run.number})
        return self.persons[patient]

    def _series(self, connection: sa.Connection, arrival: _Arrival) -> int | Rejected:
        """The ordinal of a series; a file that puts a study or series elsewhere than its first file did is refused."""
        person = self.person(arrival.patient)
        study, owner = self.studies.get(arrival.study, (len(self.studies), None))
        if owner not in (None, person):
            return _elsewhere("study", "patient")
        series, parent = self.series.get(arrival.series, (len(self.series), None))
        if parent not in (None, study):
            return _elsewhere("series", "study")
        if owner is None:
            place = {"ordinal": study, "uid": arrival.study, "person": person}
            self._place(connection, STUDY, arrival.study in self.studies, place)
            self.studies[arrival.study] = (study, person)
        if parent is None:
            place = {
                "ordinal": series,
                "uid": arrival.series,
                "person": person,
                "study": study,
                "changed": True,
            }
            self._place(connection, SERIES, arrival.series in self.series, place)
            self.series[arrival.series] = (series, study)
        return series

    def _place(
        self, connection: sa.Connection, table: sa.Table, known: bool, place: Mapping[str, str | int | bool]
    ) -> None:
        """Says whose a study or series is; one of which nothing was left keeps the ordinal that it had."""
        if known:
            connection.execute(table.update().where(table.c.ordinal == place["ordinal"]).values(**place))
        else:
            self._new[table].append(place)


def _elsewhere(what: str, whose: str) -> Rejected:
    return Rejected(
        "",
        f"its {what} belongs to another {whose} in the files read before",
        f"find out which {whose} it is, correct or remove the wrong files, and run prepare again",
    )


def touch_series(connection: sa.Connection, ordinals: Iterable[int], run: int) -> None:
    """These series have changed in this run, and so have their persons."""
    wanted = {"ordinals": json.dumps(sorted(ordinals)), "run": run}
    connection.execute(
        sa.text("UPDATE series SET changed = TRUE WHERE ordinal IN (SELECT value FROM json_each(:ordinals))"),
        wanted,
    )
    connection.execute(
        sa.text(
            """UPDATE person SET revision = :run WHERE ordinal IN
               (SELECT person FROM series WHERE ordinal IN (SELECT value FROM json_each(:ordinals)))"""
        ),
        wanted,
    )


_SET_DIGEST = FILE.update().where(FILE.c.id == sa.bindparam("of")).values(sha256=sa.bindparam("digest"))


def hash_files(run: Run) -> None:
    """The SHA-256 of every image file that has none yet."""
    with sql.read(run.engine) as connection:
        query = sa.select(FILE).where(FILE.c.kind == "image", FILE.c.sha256.is_(None)).order_by(FILE.c.id)
        ids = {SourceFile(row.path, row.size, row.mtime_ns): row.id for row in connection.execute(query)}
    done = 0
    for batch, digests in pool.ordered(
        partial(instances.checksums, run.folder), batches(ids), _processes(run, list(ids))
    ):
        hashed = {ids[file]: digest for file, digest in zip(batch, digests, strict=True)}
        rows = [{"of": file, "digest": digest} for file, digest in hashed.items() if isinstance(digest, str)]
        with sql.begin(run.engine) as connection:
            if rows:
                connection.execute(_SET_DIGEST, rows)
            for file, digest in hashed.items():
                if isinstance(digest, Rejected):
                    _quarantine(connection, run, file, digest)
        done += len(batch)
        run.progress(done, len(ids), "checksums")


def _quarantine(connection: sa.Connection, run: Run, file: int, rejected: Rejected) -> None:
    """A file that could be read before and cannot be any more: read again by the next run."""
    series = connection.scalars(sa.select(INSTANCE.c.series).where(INSTANCE.c.file == file)).all()
    touch_series(connection, series, run.number)
    connection.execute(INSTANCE.delete().where(INSTANCE.c.file == file))
    values = {"kind": "conflict", "reason": rejected.reason, "hint": rejected.hint}
    connection.execute(FILE.update().where(FILE.c.id == file).values(**values))


def read_tables(run: Run, sources: Sequence[tuple[ClinicalSource, SourceFile]]) -> None:
    """Reads clinical tables whole: the rows of a table replace those it gave before, in one transaction."""
    if not sources:
        return
    places = _Places(run)
    for done, (source, file) in enumerate(sources, start=1):
        with sql.begin(run.engine) as connection:
            _read_table(connection, run, places, source, file)
        run.progress(done, len(sources), "tables")


def _read_table(
    connection: sa.Connection, run: Run, places: _Places, source: ClinicalSource, file: SourceFile
) -> None:
    before = _table_rows(connection, file.path)
    connection.execute(FILE.delete().where(FILE.c.path == file.path))
    row = {"path": file.path, "size": file.size, "mtime_ns": file.mtime_ns, "kind": "clinical"}
    digest = files.digest(source.path)
    id = connection.execute(FILE.insert().values(**row, sha256=digest)).inserted_primary_key[0]
    try:
        after = _insert_rows(connection, run, places, source, id)
    except BadTable as problem:
        refusal = {"kind": "rejected", "reason": problem.detail, "hint": problem.hint}
        connection.execute(FILE.update().where(FILE.c.id == id).values(**refusal))
        after = Counter()
    changed = {person for person, _, _ in (before - after) + (after - before)}
    touch_persons(connection, changed, run.number)


def _insert_rows(
    connection: sa.Connection, run: Run, places: _Places, source: ClinicalSource, file: int
) -> Counter[tuple[int, str, bytes]]:
    """The rows of a table, and what is wrong with others. Raises `BadTable` before there is any row."""
    inserted: Counter[tuple[int, str, bytes]] = Counter()
    found = ingest.read(source.path, source.table, run.vocabulary)
    while chunk := list(islice(found, _ROWS_PER_COMMIT)):
        rows = [_clinical(places, one) for one in chunk if isinstance(one, Row)]
        problems = [one for one in chunk if not isinstance(one, Row)]
        places.insert_new(connection)
        inserted.update(rows)
        if rows:
            values = [
                {"file": file, "person": person, "entity": entity, "body": body}
                for person, entity, body in rows
            ]
            connection.execute(CLINICAL.insert(), values)
        if problems:
            connection.execute(FINDING.insert(), [{"file": file, **_finding(one)} for one in problems])
    return inserted


def _table_rows(connection: sa.Connection, path: str) -> Counter[tuple[int, str, bytes]]:
    query = (
        sa.select(CLINICAL.c.person, CLINICAL.c.entity, CLINICAL.c.body).join(FILE).where(FILE.c.path == path)
    )
    return Counter(tuple(row) for row in connection.execute(query))


def _clinical(places: _Places, row: Row) -> tuple[int, str, bytes]:
    body = {"values": dict(row.values), "dates": dict(row.dates)}
    return places.person(row.patient), row.entity, orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _finding(problem: ingest.RowProblem) -> dict[str, str | int]:
    dimension = _DIMENSIONS.get(problem.reason, Dimension.VALIDITY)
    code = problem.reason.name.lower().replace("_", "-")
    place = f"{problem.file}, line {problem.line}" + (f", column {problem.column}" if problem.column else "")
    if problem.detail:
        place += f" ({problem.detail})"
    words = {"code": code, "words": str(problem.reason), "place": place, "hint": problem.hint}
    return {"dimension": dimension, **words, "count": 1}


def touch_persons(connection: sa.Connection, ordinals: Iterable[int], run: int) -> None:
    """Something about these persons has changed in this run."""
    connection.execute(
        sa.text(
            "UPDATE person SET revision = :run WHERE ordinal IN (SELECT value FROM json_each(:ordinals))"
        ),
        {"ordinals": json.dumps(sorted(ordinals)), "run": run},
    )
