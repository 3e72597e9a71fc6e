"""The search index: the live versions of a node as DuckDB tables and a few arrays.

Parquet is the truth; the index is made from it, may be deleted at any time, and belongs to the gate alone. Persons and
image rows of all datasets stand in one table each, sorted, so that their *places* are numbers from 0 and the rows of
a dataset, a person or a study lie together: counting what a query found is then a walk over sorted numbers.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from hanse.core.disclosure import Cohort, Roster
from hanse.core.errors import QuestionTooCostly
from hanse.core.fields import PERSON, Field, Type, Vocabulary
from hanse.core.query import Question
from hanse.lib import files
from hanse.node.engine import IMAGE, Select, compile_question, folded
from hanse.node.store import Published, fingerprint

Places = NDArray[np.int32]

KEYS = {PERSON: (), IMAGE: ("study", "series")}
SERIES_FOR_THREADS = 200_000  # with fewer, DuckDB's threads cost more than they save
_FORMAT = "3"
_TYPES = {Type.INTEGER: "INTEGER", Type.DAY: "INTEGER", Type.NUMBER: "DOUBLE", Type.BOOLEAN: "BOOLEAN"}


@dataclass(frozen=True, slots=True)
class Selection:
    """What a question found: places of persons and of image rows, both sorted, each once."""

    persons: Places
    images: Places


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
    """Answers questions about the versions it was made of, in any thread."""

    def __init__(
        self, published: Sequence[Published], vocabulary: Vocabulary, connection: duckdb.DuckDBPyConnection
    ) -> None:
        self.published = tuple(published)
        self._vocabulary = vocabulary
        self._connection = connection
        persons = self._columns("SELECT dataset, ordinal FROM person ORDER BY person")
        images = self._columns("SELECT person, study, series FROM image ORDER BY rowid")
        self._ordinal = persons["ordinal"]
        self._starts = np.searchsorted(persons["dataset"], np.arange(len(self.published) + 1)).astype(
            np.int32
        )
        self._image_person, self._image_study, self._image_series = (
            images["person"],
            images["study"],
            images["series"],
        )
        self._image_starts = np.searchsorted(self._image_person, np.arange(len(self._ordinal) + 1)).astype(
            np.int32
        )
        self._values: dict[str, tuple[Places, NDArray[np.int32], tuple[str, ...]]] = {}

    def close(self) -> None:
        self._connection.close()

    def select(self, question: Question, limit_s: float = 10.0) -> Selection:
        """The persons and images that a question speaks of, in all datasets.

        Every criterion must be applicable (`core.check.criterion_state`). Raises `QuestionTooCostly` after `limit_s`.
        """
        statement = compile_question(question, self._vocabulary)
        cursor = self._connection.cursor()
        with limited(cursor, limit_s):
            agreed = np.ones(len(self._ordinal), bool)
            for lookup in statement.wanted:
                agreed &= self._who(lookup, cursor)
            for lookup in statement.unwanted:
                agreed &= ~self._who(lookup, cursor)
            if statement.images is None:
                persons = np.flatnonzero(agreed).astype(np.int32)
                return Selection(persons, self._images_of(persons))
            rows = cursor.execute(statement.images.sql, statement.images.values).fetchnumpy()
        kept = agreed[rows["person"]]
        images = rows["image"][kept]
        present = images.compressed() if isinstance(images, np.ma.MaskedArray) else images
        return Selection(_sorted(rows["person"][kept]), _sorted(present.astype(np.int32)))

    def _who(self, lookup: Select, cursor: duckdb.DuckDBPyConnection) -> NDArray[np.bool_]:
        who = np.zeros(len(self._ordinal), bool)
        who[cursor.execute(lookup.sql, lookup.values).fetchnumpy()["person"]] = True
        return who

    def sums(self, selection: Selection) -> Sums:
        """How many persons, studies and series were found in each dataset."""
        persons, images = selection.persons, selection.images
        owner, study = self._image_person[images], self._image_study[images]
        first = np.ones(len(images), bool)
        first[1:] = (owner[1:] != owner[:-1]) | (study[1:] != study[:-1])
        return Sums(*(self._per_dataset(places) for places in (persons, owner[first], owner)))

    def cohort(self, selection: Selection, number: int) -> Cohort:
        """The part of a selection that lies in one dataset, in ordinals that mean the same in all its versions."""
        first, last = self._starts[number], self._starts[number + 1]
        return self._cohort(
            _between(selection.persons, first, last),
            _between(selection.images, self._image_starts[first], self._image_starts[last]),
        )

    def cells(self, selection: Selection, number: int, field: Field) -> Mapping[str, Cohort]:
        """One cohort for each value of a field that occurs in a dataset.

        For a field of the image, a cell has the selected images with that value; for other fields, the selected
        persons who have a row with that value, and their selected images. A person can be in several cells.
        """
        places, codes, values = self._coded(field)
        first, last = self._starts[number], self._starts[number + 1]
        if field.entity == IMAGE:
            first, last = self._image_starts[first], self._image_starts[last]
        start, end = np.searchsorted(places, (first, last))
        places, codes = places[start:end], codes[start:end]
        selected = selection.images if field.entity == IMAGE else selection.persons
        selected = _between(selected, first, last)
        marked = np.zeros(last - first, bool)
        marked[selected - first] = True
        kept = marked[places - first]
        occurring = np.flatnonzero(np.bincount(codes, minlength=len(values)))
        places, codes = places[kept], codes[kept]
        order = np.argsort(codes, kind="stable")
        places, codes = places[order], codes[order]
        starts, ends = (np.searchsorted(codes, occurring, side=side) for side in ("left", "right"))
        return {
            values[code]: self._cell(selection, places[start:end], field.entity)
            for code, start, end in zip(occurring, starts, ends, strict=True)
        }

    def roster(self, number: int) -> Roster:
        """The persons of a dataset, each with a number that changes when one of the person's rows does."""
        first, last = self._starts[number], self._starts[number + 1]
        stamps = np.zeros(last - first, np.uint64)
        for entity in self._vocabulary.entities:
            place = {"person", "dataset"}
            listed = self._connection.cursor().execute(f'DESCRIBE "{entity}"').fetchall()
            columns = ", ".join(f'"{name}"' for name, *_ in listed if name not in place)
            rows = self._columns(
                f"SELECT person, (sum(hash({columns})) % 9007199254740881)::UBIGINT AS stamp"
                f' FROM "{entity}" WHERE person >= $first AND person < $last GROUP BY person',
                {"first": int(first), "last": int(last)},
            )
            stamps[rows["person"] - first] = stamps[rows["person"] - first] * np.uint64(31) + rows["stamp"]
        return Roster(self._ordinal[first:last], stamps)

    def _cell(self, selection: Selection, chosen: Places, entity: str) -> Cohort:
        if entity == IMAGE:
            return self._cohort(_sorted(self._image_person[chosen]), chosen)
        persons = _sorted(chosen)
        images = self._images_of(persons)
        found = np.searchsorted(selection.images, images)
        found[found == len(selection.images)] = 0
        kept = selection.images[found] == images if len(selection.images) else np.zeros(len(images), bool)
        return self._cohort(persons, images[kept])

    def _cohort(self, persons: Places, images: Places) -> Cohort:
        return Cohort(
            persons=self._ordinal[persons],
            image_person=self._ordinal[self._image_person[images]],
            image_study=self._image_study[images],
            image_series=self._image_series[images],
        )

    def _images_of(self, persons: Places) -> Places:
        """The places of all images of these persons."""
        starts, ends = self._image_starts[persons], self._image_starts[persons + 1]
        lengths = ends - starts
        jumps = (
            np.repeat(starts - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths) if len(persons) else 0
        )
        return (np.arange(lengths.sum()) + jumps).astype(np.int32)

    def _per_dataset(self, persons: Places) -> NDArray[np.int64]:
        """How many of these sorted places lie in each dataset."""
        return np.diff(np.searchsorted(persons, self._starts))

    def _coded(self, field: Field) -> tuple[Places, NDArray[np.int32], tuple[str, ...]]:
        """The rows that have a value in a field: their places (of the image, or else of the person), sorted, the
        number of each value, and the values. Read once."""
        if field.name not in self._values:
            place = "rowid" if field.entity == IMAGE else "person"
            value = f'enum_code("{field.column}")' if field.codes else f'"{field.column}"'
            rows = self._columns(
                f"SELECT {place} AS place, ({value})::INTEGER AS value"
                f' FROM "{field.entity}" WHERE "{field.column}" IS NOT NULL'
            )
            values = rows["value"] // (field.band or 1) * (field.band or 1)
            known, codes = np.unique(values, return_inverse=True)
            names = tuple(_named(int(one), field) for one in known)
            self._values[field.name] = (rows["place"].astype(np.int32), codes.astype(np.int32), names)
        return self._values[field.name]

    def _columns(self, sql: str, values: Mapping[str, object] | None = None) -> dict[str, NDArray[np.int32]]:
        return self._connection.cursor().execute(sql, values or {}).fetchnumpy()


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


def _named(value: int, field: Field) -> str:
    """A value of a breakdown in words: a code, a truth value, a band or a number."""
    if field.codes:
        return tuple(field.codes.codes)[value]
    if field.type is Type.BOOLEAN:
        return "true" if value else "false"
    return f"{value}-{value + field.band - 1}" if field.band else str(value)


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


def _type(field: Field) -> str:
    """Codes are numbers inside DuckDB: it compares, stores and counts them as such."""
    if field.codes is None:
        return _TYPES.get(field.type, "VARCHAR")
    return "ENUM(" + ", ".join("'" + code.replace("'", "''") + "'" for code in field.codes.codes) + ")"


def _fill_table(
    connection: duckdb.DuckDBPyConnection, entity: str, paths: list[str], vocabulary: Vocabulary
) -> None:
    """One table with a column for every field, NULL where a dataset lacks it."""
    fields = [field for field in vocabulary.of(entity) if field.type is not Type.KEY]
    typed = {field.column: _type(field) for field in fields}
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
