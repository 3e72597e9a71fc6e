"""The search index: the live versions of a node as DuckDB tables and a few arrays.

Parquet is the truth; the index is made from it, may be deleted at any time, and belongs to the gate alone. Persons and
image rows of all datasets stand in one table each, sorted, so that their *places* are numbers from 0 and the rows of
a dataset, a person or a study lie together: counting what a query found is then a walk over sorted numbers.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from hanse.analysis.data import Table
from hanse.core.disclosure import Cohort, Roster
from hanse.core.errors import QuestionTooCostly
from hanse.core.fields import PERSON, Field, Type, Vocabulary
from hanse.core.query import Question
from hanse.lib import files
from hanse.node import variables
from hanse.node.columns import Columns, Places
from hanse.node.engine import IMAGE, Scan, Select, compile_question, folded
from hanse.node.scan import true_rows
from hanse.node.store import Published, fingerprint

Codes = NDArray[np.int16]

KEYS = {PERSON: (), IMAGE: ("study", "series")}
SERIES_FOR_THREADS = 200_000  # with fewer, DuckDB's threads cost more than they save
SCANNED = 200_000  # rows of a table; with more, SQL is faster and the arrays take too much memory
_FORMAT = "3"
_TYPES = {Type.INTEGER: "INTEGER", Type.DAY: "INTEGER", Type.NUMBER: "DOUBLE", Type.BOOLEAN: "BOOLEAN"}


@dataclass(frozen=True, slots=True)
class Selection:
    """What a question found: places of persons and of image rows, both sorted, each once."""

    persons: Places
    images: Places


@dataclass(frozen=True, slots=True)
class Found:
    """What a question selects in one dataset before any of it is released; `cells` by field and value."""

    cohort: Cohort
    cells: Mapping[str, Mapping[str, Cohort]]


@dataclass(frozen=True, slots=True)
class Sums:
    """Exact numbers per dataset of the index, in the order of its datasets."""

    persons: NDArray[np.int64]
    studies: NDArray[np.int64]
    series: NDArray[np.int64]

    def of(self, number: int) -> tuple[int, int, int]:
        """Persons, studies and series of one dataset."""
        return int(self.persons[number]), int(self.studies[number]), int(self.series[number])


class Index:
    """Answers questions about the versions it was made of, in any thread. Tables of at most `scanned` rows are read
    without SQL where that is possible."""

    def __init__(
        self,
        published: Sequence[Published],
        vocabulary: Vocabulary,
        connection: duckdb.DuckDBPyConnection,
        scanned: int = SCANNED,
    ) -> None:
        self.published = tuple(published)
        self._vocabulary = vocabulary
        self._connection = connection
        persons = self._read("SELECT dataset, ordinal FROM person ORDER BY person")
        self._ordinal = persons["ordinal"]
        self._starts = np.searchsorted(persons["dataset"], np.arange(len(self.published) + 1)).astype(
            np.int32
        )
        self._study = self._read("SELECT study FROM image ORDER BY rowid")["study"]
        counted = {
            name: self._read(f'SELECT count(*) AS rows FROM "{name}"')["rows"] for name in vocabulary.entities
        }
        self._small = frozenset(name for name, rows in counted.items() if rows[0] <= scanned)
        self._columns = Columns(self._read, len(self._ordinal))
        self._occurring: dict[tuple[str, int], NDArray[np.intp]] = {}

    def close(self) -> None:
        self._connection.close()

    def select(self, question: Question, limit_s: float = 10.0) -> Selection:
        """The persons and images that a question speaks of, in all datasets.

        Every criterion must be applicable (`core.check.criterion_state`). Raises `QuestionTooCostly` after `limit_s`.
        """
        statement = compile_question(question, self._vocabulary, self._small)
        until = time.monotonic() + limit_s
        agreed = np.ones(len(self._ordinal), bool)
        for lookup in statement.lookups:
            who = np.zeros(len(self._ordinal), bool)
            who[self._carry_out(lookup.way, until)["person"]] = True
            agreed &= who if lookup.wanted else ~who
        if statement.images is None:
            persons = np.flatnonzero(agreed).astype(np.int32)
            return Selection(persons, self._columns.rows_of(IMAGE, persons))
        rows = self._carry_out(statement.images, until)
        kept = agreed[rows["person"]]
        images = rows["image"][kept]
        present = images.compressed() if isinstance(images, np.ma.MaskedArray) else images
        return Selection(_sorted(rows["person"][kept]), _sorted(present.astype(np.int32)))

    def _carry_out(self, way: Select | Scan, until: float) -> Mapping[str, NDArray[Any]]:
        if isinstance(way, Scan):
            rows = true_rows(way.where, self._columns, self._vocabulary)
            return {"person": self._columns.owners(way.entity)[rows], "image": rows}
        cursor = self._connection.cursor()
        with limited(cursor, until - time.monotonic()):
            return cursor.execute(way.sql, way.values).fetchnumpy()

    def sums(self, selection: Selection) -> Sums:
        """How many persons, studies and series were found in each dataset."""
        persons, images = selection.persons, selection.images
        owner = self._columns.owners(IMAGE)[images]
        first = _new(owner, self._study[images])
        return Sums(*(self._per_dataset(places) for places in (persons, owner[first], owner)))

    def cohort(self, selection: Selection, number: int) -> Cohort:
        """The part of a selection that lies in one dataset, in ordinals that mean the same in all its versions."""
        return self._cohort(*self._part(selection, number))

    def found(self, selection: Selection, number: int, fields: Sequence[Field]) -> Found:
        """The same, and the cohorts by each value of these fields that occurs in the dataset.

        For a field of the image, a cell has the selected images with that value; for other fields, the selected
        persons who have a row with that value, and their selected images. A person can be in several cells.
        """
        persons, images = self._part(selection, number)
        cohort = self._cohort(persons, images)
        cells = {}
        for field in fields:
            split = (
                self._by_image(field, images)
                if field.entity == IMAGE
                else self._by_person(field, persons, cohort)
            )
            cells[field.name] = self._cells(field, number, *split)
        return Found(cohort, cells)

    def table(self, selection: Selection, number: int, fields: Sequence[Field]) -> Table:
        """What a step of an analysis sees of the selected persons of one dataset."""
        persons, _ = self._part(selection, number)
        return variables.table(self._columns, persons, fields, self._vocabulary)

    def _part(self, selection: Selection, number: int) -> tuple[Places, Places]:
        first, last = self._starts[number], self._starts[number + 1]
        starts = self._columns.starts(IMAGE)
        return _between(selection.persons, first, last), _between(
            selection.images, starts[first], starts[last]
        )

    def _cohort(self, persons: Places, images: Places) -> Cohort:
        owner = self._columns.owners(IMAGE)[images]
        starts, ends = (np.searchsorted(owner, persons, side=side) for side in ("left", "right"))
        before = np.concatenate([[0], np.cumsum(_new(owner, self._study[images]))])
        return Cohort(self._ordinal[persons], before[ends] - before[starts], ends - starts)

    def _by_image(self, field: Field, images: Places) -> tuple[Codes, Cohort]:
        """Each person once for each value of the person's images: the value's number; studies and series with it."""
        codes, rows = self._split(field, images)
        owner = self._columns.owners(IMAGE)[rows]
        new = _new(codes, owner)
        begins = np.flatnonzero(new)
        series = np.diff(begins, append=len(rows))
        opens = new | _new(self._study[rows])
        studies = np.add.reduceat(opens, begins, dtype=np.int64) if len(rows) else series
        return codes[begins], Cohort(self._ordinal[owner[begins]], studies, series)

    def _by_person(self, field: Field, persons: Places, cohort: Cohort) -> tuple[Codes, Cohort]:
        """Each person once for each value of the person's rows, with all selected studies and series of the person."""
        codes, rows = self._split(field, self._columns.rows_of(field.entity, persons))
        owner = self._columns.owners(field.entity)[rows]
        begins = np.flatnonzero(_new(codes, owner))
        at = np.searchsorted(persons, owner[begins])
        return codes[begins], Cohort(cohort.persons[at], cohort.studies[at], cohort.series[at])

    def _split(self, field: Field, rows: Places) -> tuple[Codes, Places]:
        """The rows with a value, by value; those of one value in their order."""
        codes = self._columns.coded(field)[0][rows]
        order = np.argsort(codes, kind="stable")
        codes, rows = codes[order], rows[order]
        known = np.searchsorted(codes, 0)
        return codes[known:], rows[known:]

    def _cells(self, field: Field, number: int, codes: Codes, all: Cohort) -> dict[str, Cohort]:
        names = self._columns.coded(field)[1]
        occurring = self._values_in(field, number)
        starts, ends = (np.searchsorted(codes, occurring, side=side) for side in ("left", "right"))
        return {
            names[code]: Cohort(all.persons[start:end], all.studies[start:end], all.series[start:end])
            for code, start, end in zip(occurring, starts, ends, strict=True)
        }

    def _values_in(self, field: Field, number: int) -> NDArray[np.intp]:
        """The numbers of the values that occur in a dataset at all."""
        place = (field.name, number)
        if place not in self._occurring:
            starts = self._columns.starts(field.entity)
            codes = self._columns.coded(field)[0][
                starts[self._starts[number]] : starts[self._starts[number + 1]]
            ]
            self._occurring[place] = np.flatnonzero(np.bincount(codes[codes >= 0]))
        return self._occurring[place]

    def roster(self, number: int) -> Roster:
        """The persons of a dataset, each with a number that changes when one of the person's rows does."""
        first, last = self._starts[number], self._starts[number + 1]
        stamps = np.zeros(last - first, np.uint64)
        for entity in self._vocabulary.entities:
            place = {"person", "dataset"}
            listed = self._connection.cursor().execute(f'DESCRIBE "{entity}"').fetchall()
            columns = ", ".join(f'"{name}"' for name, *_ in listed if name not in place)
            rows = self._read(
                f"SELECT person, (sum(hash({columns})) % 9007199254740881)::UBIGINT AS stamp"
                f' FROM "{entity}" WHERE person >= $first AND person < $last GROUP BY person',
                {"first": int(first), "last": int(last)},
            )
            stamps[rows["person"] - first] = stamps[rows["person"] - first] * np.uint64(31) + rows["stamp"]
        return Roster(self._ordinal[first:last], stamps)

    def _per_dataset(self, persons: Places) -> NDArray[np.int64]:
        """How many of these sorted places lie in each dataset."""
        return np.diff(np.searchsorted(persons, self._starts))

    def _read(self, sql: str, values: Mapping[str, object] | None = None) -> dict[str, NDArray[Any]]:
        return self._connection.cursor().execute(sql, values or {}).fetchnumpy()


def _new(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Where one of the columns has another value than in the row before."""
    new = np.zeros(len(keys[0]), bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new


def _sorted(places: Places) -> Places:
    """Sorted, each once. DuckDB mostly gives rows in their order, and then this costs one comparison."""
    if len(places) > 1 and not (places[1:] > places[:-1]).all():
        if (places[1:] >= places[:-1]).all():
            keep = np.ones(len(places), bool)
            keep[1:] = places[1:] != places[:-1]
            return places[keep]
        return np.unique(places)
    return places


def _between(places: Places, first: np.int32, last: np.int32) -> Places:
    start, end = np.searchsorted(places, (first, last))
    return places[start:end]


@contextmanager
def limited(cursor: duckdb.DuckDBPyConnection, limit_s: float) -> Iterator[None]:
    """Ends what the cursor does when the time is over."""
    timer = threading.Timer(limit_s, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.InterruptException, duckdb.OutOfMemoryException) as error:
        raise QuestionTooCostly(
            "The node stopped working on this question.",
            hint="Ask with fewer criteria that join several entities by OR.",
        ) from error
    finally:
        timer.cancel()


def open_index(
    published: Sequence[Published], vocabulary: Vocabulary, folder: Path, *, memory_mb: int, threads: int
) -> Index:
    """The index of these versions from `folder`, made there first when it is not there; older ones are removed."""
    digests = sorted(f"{one.manifest.id} {one.digest}" for one in published)
    path = folder / f"index-{fingerprint(_FORMAT, vocabulary.version, *digests)}.duckdb"
    series = sum(part.rows for one in published for part in one.manifest.tables.get(IMAGE, ()))
    limits = {"threads": threads if series > SERIES_FOR_THREADS else 1, "memory_limit": f"{memory_mb}MB"}
    files.make_folder(folder)
    if not path.exists():
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        spill = {"temp_directory": str(folder / "spill")}
        with duckdb.connect(str(new), config=limits | spill) as connection:
            _fill(connection, published, vocabulary)
        new.replace(path)
    for old in folder.glob("index-*"):
        if old != path:
            old.unlink(missing_ok=True)
    # A question that does not fit into memory is too costly: it may not fill the disk.
    no_spill = {"temp_directory": ""}
    return Index(published, vocabulary, duckdb.connect(str(path), read_only=True, config=limits | no_spill))


def _fill(
    connection: duckdb.DuckDBPyConnection, published: Sequence[Published], vocabulary: Vocabulary
) -> None:
    files = [
        (entity, str(path), number)
        for number, one in enumerate(published)
        for entity, paths in one.tables.items()
        for path in paths
    ]
    connection.execute("CREATE TEMP TABLE file (entity VARCHAR, filename VARCHAR, dataset INTEGER)")
    if files:
        connection.executemany("INSERT INTO file VALUES (?, ?, ?)", files)
    for entity in (PERSON, *(name for name in vocabulary.entities if name != PERSON)):
        paths = [path for one, path, _ in files if one == entity]
        _fill_table(connection, entity, paths, vocabulary)


def column_type(field: Field) -> str:
    """Codes are numbers inside DuckDB: it compares, stores and counts them as such."""
    if field.codes is None:
        return _TYPES.get(field.type, "VARCHAR")
    return "ENUM(" + ", ".join("'" + code.replace("'", "''") + "'" for code in field.codes.codes) + ")"


def _fill_table(
    connection: duckdb.DuckDBPyConnection, entity: str, paths: list[str], vocabulary: Vocabulary
) -> None:
    """One table with a column for every field, NULL where a dataset lacks it."""
    fields = [field for field in vocabulary.of(entity) if field.type is not Type.KEY]
    typed = {field.column: column_type(field) for field in fields}
    typed |= dict.fromkeys(KEYS.get(entity, ()), "INTEGER")
    texts = {field.column: folded(field.name) for field in fields if field.type is Type.TEXT}
    own = {"dataset": "INTEGER", "ordinal": "INTEGER"} if entity == PERSON else {}
    columns = [f'"{name}" {type}' for name, type in ({"person": "INTEGER"} | own | typed).items()]
    columns += [f"{column} VARCHAR" for column in texts.values()]
    connection.execute(f'CREATE TABLE "{entity}" ({", ".join(columns)})')
    if not paths:
        return
    source = "read_parquet($paths, union_by_name = true, filename = true)"
    known = {
        row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}", {"paths": paths}).fetchall()
    }
    present = [name for name in typed if name in known]
    values = "".join(f', "{name}"' for name in present) + "".join(
        f", {texts[name]}" for name in texts if name in known
    )
    given = "".join(f', TRY_CAST(rows."{name}" AS {typed[name]})' for name in present)
    given += "".join(f', lower(rows."{name}")' for name in texts if name in known)
    if entity == PERSON:
        connection.execute(
            f"INSERT INTO person (person, dataset, ordinal{values})"
            f" SELECT row_number() OVER (ORDER BY dataset, person) - 1, dataset, person{given}"
            f" FROM {source} AS rows JOIN file USING (filename) ORDER BY dataset, person",
            {"paths": paths},
        )
        return
    order = "".join(f', rows."{name}"' for name in KEYS.get(entity, ()))
    connection.execute(
        f'INSERT INTO "{entity}" (person{values}) SELECT me.person{given}'
        f" FROM {source} AS rows JOIN file USING (filename)"
        f" JOIN person AS me ON me.dataset = file.dataset AND me.ordinal = rows.person ORDER BY me.person{order}",
        {"paths": paths},
    )
