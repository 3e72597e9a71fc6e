"""Prepared data as a source to publish: the rows of a thousand persons at a time, with days and pseudonyms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import orjson
import sqlalchemy as sa

from hanse.core.errors import Conflict
from hanse.core.fields import PERSON as PERSON_ENTITY
from hanse.core.fields import Vocabulary
from hanse.core.policy import Policy
from hanse.core.record import Description
from hanse.domains import VOCABULARY
from hanse.lib import files, sql
from hanse.node import parts, publish, work
from hanse.node.publish import Outcome
from hanse.node.report import shares
from hanse.node.store import PERSONS_PER_PART, QUALITY, SOURCES, Store
from hanse.node.timeline import Timeline, timeline
from hanse.node.work import CLINICAL, FILE, IMAGE, INSTANCE, PERSON, RUN, SERIES

IMAGE_ENTITY, CONDITION = "image", "condition"

Rows = dict[str, list[dict[str, Any]]]


def publish_prepared(
    store: Store, name: str, description: Description, policy: Policy, vocabulary: Vocabulary = VOCABULARY
) -> Outcome:
    """Makes what was prepared as `name` the next version of that dataset; makes none when nothing changed.

    Raises `NotFound` when nothing was prepared, `Conflict` when preparing was interrupted, `NoSpace`.
    """
    cache = store.home / "cache"
    files.make_folder(cache)
    with (
        work.opened(store.home, name) as engine,
        TemporaryDirectory(dir=cache) as drafts,
        parts.connect(cache) as connection,
    ):
        source = Preparation(engine, description, policy, connection, Path(drafts), vocabulary)
        source.provenance[QUALITY] = shares(work.folder_of(store.home, name))
        return publish.publish(store, source, vocabulary)


class Preparation:
    """A `publish.Source` over a work database."""

    def __init__(
        self,
        engine: sa.Engine,
        description: Description,
        policy: Policy,
        connection: duckdb.DuckDBPyConnection,
        drafts: Path,
        vocabulary: Vocabulary,
    ) -> None:
        self.engine, self.description, self.policy, self.connection = engine, description, policy, connection
        self.drafts, self.vocabulary = drafts, vocabulary
        with sql.read(engine) as records:
            run = records.execute(sa.select(RUN)).one()
        if run.ended is None:
            raise Conflict(
                f"preparing {description.name} was interrupted",
                hint=f"run `hanse node prepare FOLDER --dataset {description.name}` again; it continues",
            )
        self.work = run.work
        self.provenance: dict[str, Any] = {"from": "prepared files", "prepared": run.ended}

    def stamps(self) -> dict[int, str]:
        part = PERSON.c.ordinal.op("/")(PERSONS_PER_PART)
        query = sa.select(part, sa.func.max(PERSON.c.revision), sa.func.count()).group_by(part)
        with sql.read(self.engine) as records:
            return {
                number: f"{self.work} {revision} {persons}"
                for number, revision, persons in records.execute(query)
            }

    def relations(self, number: int) -> dict[str, str]:
        with sql.read(self.engine) as records:
            persons = range(number * PERSONS_PER_PART, (number + 1) * PERSONS_PER_PART)
            found = {**rows(records, persons, self.vocabulary), SOURCES: _sources(records, persons)}
        return {
            entity: self._relation(entity, found.get(entity, ()))
            for entity in (*self.vocabulary.entities, SOURCES)
        }

    def _relation(self, entity: str, rows: Sequence[Mapping[str, Any]]) -> str:
        """The rows as a file that DuckDB reads with the types of the vocabulary."""
        path = self.drafts / f"{entity}.json"
        with files.no_space(path), path.open("wb") as out:
            out.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        columns = {"person": "INTEGER", **_MORE.get(entity, {})}
        columns |= {field.column: parts.SQL_TYPES[field.type] for field in self.vocabulary.of(entity)}
        types = ", ".join(f"\"{column}\": '{type}'" for column, type in columns.items())
        return f"read_json({parts.literal(path)}, format = 'newline_delimited', columns = {{{types}}})"


_MORE = {PERSON_ENTITY: {"key": "VARCHAR"}, SOURCES: {"sha256": "VARCHAR", "bytes": "BIGINT"}}


@dataclass(frozen=True, slots=True)
class Known:
    """All that was read of one person: clinical rows by entity, rows of series, and where the person's days start."""

    ordinal: int
    key: str
    told: Mapping[str, Sequence[Mapping[str, Any]]]
    imaged: Sequence[Mapping[str, Any]]
    line: Timeline


def known(records: sa.Connection, ordinals: range) -> Iterator[Known]:
    """These persons in the order of their ordinals; nobody without a row of any kind."""
    images = _images(records, ordinals)
    clinical = _clinical(records, ordinals)
    query = sa.select(PERSON).where(PERSON.c.ordinal.between(ordinals.start, ordinals.stop - 1))
    for person in records.execute(query.order_by(PERSON.c.ordinal)):
        imaged, told = images.get(person.ordinal, []), clinical.get(person.ordinal, {})
        if imaged or told:
            about = told.get(PERSON_ENTITY, [])
            births = [one["dates"].get("birth_date", "") for one in about]
            births += [one["birth_date"] for one in imaged]
            line = timeline(told.get(CONDITION, []), imaged, births)
            yield Known(person.ordinal, person.key, told, imaged, line)


def rows(records: sa.Connection, ordinals: range, vocabulary: Vocabulary) -> Rows:
    """The rows of these persons by entity."""
    found: Rows = {}
    for one in known(records, ordinals):
        place = {"person": one.ordinal}
        for entity, several in {**one.told, IMAGE_ENTITY: one.imaged}.items():
            if entity != PERSON_ENTITY:
                found.setdefault(entity, []).extend({**one.line.placed(row), **place} for row in several)
        person = _person(one.told.get(PERSON_ENTITY, ()), one.imaged, one.line, vocabulary)
        found.setdefault(PERSON_ENTITY, []).append({**person, **place, "key": one.key})
    return found


def _person(
    about: Sequence[Mapping[str, Any]],
    imaged: Sequence[Mapping[str, Any]],
    line: Timeline,
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    """The one row of a person: what the tables say first, then what follows from the images."""
    placed = {column: value for one in reversed(about) for column, value in line.placed(one).items()}
    # Dates that are no field, such as that of birth, stay here.
    told = {column: value for column, value in placed.items() if vocabulary.get(f"{PERSON_ENTITY}.{column}")}
    sex = vocabulary.get("person.sex")
    coded = {code for one in imaged if sex and sex.codes and (code := sex.codes.find(one["sex"]))}
    died = next((one["dates"]["death_date"] for one in about if "death_date" in one["dates"]), "")
    followed: dict[str, Any] = {"vital_status": "dead", "last_contact": line.day(died)} if died else {}
    followed |= {"sex": coded.pop() if len(coded) == 1 else None, "age": line.age(line.baseline)}
    if followed["age"] is None:
        ages = [one["values"].get("patient_age") for one in imaged if line.placed(one).get("day") == 0]
        followed["age"] = next((age for age in ages if age is not None), None)
    return {**followed, **told}


def _images(records: sa.Connection, ordinals: range) -> dict[int, list[dict[str, Any]]]:
    query = (
        sa.select(IMAGE)
        .where(IMAGE.c.person.between(ordinals.start, ordinals.stop - 1))
        .order_by(IMAGE.c.series)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in records.execute(query):
        one = orjson.loads(row.body)
        one["values"] |= {"study": row.study, "series": row.series}
        found.setdefault(row.person, []).append(one)
    return found


def _clinical(records: sa.Connection, ordinals: range) -> dict[int, dict[str, list[dict[str, Any]]]]:
    where = CLINICAL.c.person.between(ordinals.start, ordinals.stop - 1)
    query = sa.select(CLINICAL.c.person, CLINICAL.c.entity, CLINICAL.c.body).join(FILE).where(where)
    found: dict[int, dict[str, list[dict[str, Any]]]] = {}
    for row in records.execute(query.order_by(FILE.c.path, CLINICAL.c.id)):
        found.setdefault(row.person, {}).setdefault(row.entity, []).append(orjson.loads(row.body))
    return found


def _sources(records: sa.Connection, ordinals: range) -> list[dict[str, Any]]:
    """The files that rows came from, by content: their paths may name somebody, and stay here."""
    images = sa.select(SERIES.c.person, FILE.c.sha256, FILE.c.size).select_from(
        SERIES.join(INSTANCE, INSTANCE.c.series == SERIES.c.ordinal).join(FILE)
    )
    tables = sa.select(CLINICAL.c.person, FILE.c.sha256, FILE.c.size).join(FILE).distinct()
    used = images.where(INSTANCE.c.use == "yes", SERIES.c.person.between(ordinals.start, ordinals.stop - 1))
    told = tables.where(CLINICAL.c.person.between(ordinals.start, ordinals.stop - 1))
    return [
        {"person": row.person, "sha256": row.sha256, "bytes": row.size}
        for row in records.execute(sa.union_all(used, told))
    ]
