"""Publishing: a source of rows becomes the next frozen version of a dataset, or several become several, at once.

First the parts that changed are written as objects, then all of them are synced, then one transaction in `node.db`
makes the versions visible and logs them. Whatever ends the process before leaves objects that nothing names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import duckdb

import hanse
from hanse.core import clock, profile
from hanse.core.dataset import Manifest, Part, canonical
from hanse.core.errors import BadInput
from hanse.core.fields import PERSON, Field, Vocabulary
from hanse.core.policy import Access, Policy
from hanse.core.profile import Facts
from hanse.core.record import Description
from hanse.domains import VOCABULARY
from hanse.domains.catalogue import WORDS
from hanse.lib import sql
from hanse.node import parts
from hanse.node.store import FREE_TEXT, PERSONS_PER_PART, SOURCES, Excluded, Stamp, Store, fingerprint

Progress = Callable[[int, int, str], None]

_SOURCE_COLUMNS = {
    name: f"CAST({name} AS {type})"
    for name, type in (("person", "INTEGER"), ("sha256", "VARCHAR"), ("bytes", "BIGINT"))
}
_KEPT = "hanse_kept"
_PSEUDONYM = "[0-9a-f]{32}"


class Source(Protocol):
    """Where the rows of a dataset come from.

    `stamps` maps the number of each part to a text that changes exactly when a row of that part does. `relations`
    gives the rows of one part: entity -> SQL of a relation in `connection`, with `person` (the ordinal) in every one
    and `key` (32 hexadecimal digits) in `person`, which has one row a person. It may have `source` (person, sha256,
    bytes), the files that the rows came from.
    """

    description: Description
    policy: Policy
    provenance: Mapping[str, Any]
    connection: duckdb.DuckDBPyConnection

    def stamps(self) -> Mapping[int, str]: ...

    def relations(self, number: int) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What publishing did: `changed` is False when the newest version holds these very rows already."""

    manifest: Manifest
    changed: bool
    written: int  # parts
    kept: int


@dataclass(frozen=True, slots=True)
class _Draft:
    source: Source
    outcome: Outcome
    digest: str


def publish(store: Store, source: Source, vocabulary: Vocabulary = VOCABULARY) -> Outcome:
    """Makes the source's rows the next version of its dataset; makes none when nothing changed."""
    return publish_many(store, [source], vocabulary)[0]


def publish_many(
    store: Store,
    sources: Sequence[Source],
    vocabulary: Vocabulary = VOCABULARY,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Publishes several datasets with one sync and one commit: all of them become visible together, or none.

    Raises `BadInput` when a description is wrong, `Conflict` when another process is changing versions, `NoSpace` when
    the disk is full.
    """
    for source in sources:
        _check(source.description)
    with store.changing():
        live = {published.manifest.dataset: published.manifest for published in store.live()}
        drafts = []
        for done, source in enumerate(sources):
            if progress:
                progress(done, len(sources), source.description.name)
            dataset = store.dataset_id(source.description.name)
            drafts.append(_draft(store, source, vocabulary, dataset, live.get(dataset)))
        store.objects.sync()
        with sql.begin(store.records) as connection:
            for draft in drafts:
                manifest = draft.outcome.manifest
                store.describe(connection, manifest.dataset, draft.source.description, draft.source.policy)
                if draft.outcome.changed:
                    store.add(connection, manifest, draft.digest)
    return [draft.outcome for draft in drafts]


def _check(said: Description) -> None:
    wrong = profile.forbidding(profile.check(said, Facts(), WORDS))
    if wrong:
        first = wrong[0]
        raise BadInput(f"{said.name}: {first.member}: {first.detail}", hint=f"write {first.hint}")


def _draft(
    store: Store, source: Source, vocabulary: Vocabulary, dataset: str, before: Manifest | None
) -> _Draft:
    """The next version, its objects put but not yet synced; the one before again, when it would be the same."""
    free_text = source.policy.access is Access.OPEN
    writer = _Writer(store, source, vocabulary, store.excluded(dataset))
    known = _known(store, before) if before else {}
    stamps = {number: writer.stamp(number, raw) for number, raw in source.stamps().items()}
    old = {place: known.get(place) for place in sorted(stamps.items())}
    new = {place: writer.write(*place) for place, found in old.items() if found is None}
    tables = _tables({**old, **new}.values())
    counts = {
        "written": sum(map(len, new.values())),
        "kept": sum(len(found) for found in old.values() if found),
    }
    if before and _same(store, before, tables) and _meaning(before) == (vocabulary.version, free_text):
        return _Draft(source, Outcome(before, False, **counts), before.digest)
    filled = parts.filled(source.connection, store.objects, tables)
    listed = tables.pop(SOURCES, ())
    manifest = Manifest(
        dataset=dataset,
        name=source.description.name,
        version=store.next_version(dataset),
        created=clock.text(clock.now()),
        vocabulary=vocabulary.version,
        software=hanse.__version__,
        tables=tables,
        columns=tuple(name for name in vocabulary.fields if name in filled),
        persons=sum(part.rows for part in tables.get(PERSON, ())),
        sources=store.objects.put(canonical([asdict(part) for part in listed])) if listed else "",
        previous=before.digest if before else "",
        provenance={**source.provenance, FREE_TEXT: free_text},
    )
    digest = store.objects.put(canonical(manifest.as_dict()))
    return _Draft(source, Outcome(manifest, True, **counts), digest)


def _known(store: Store, manifest: Manifest) -> dict[tuple[int, str], dict[str, Part]]:
    """The parts of a version by number and stamp."""
    known: dict[tuple[int, str], dict[str, Part]] = {}
    for entity, listed in store.all_parts(manifest).items():
        for part in listed:
            known.setdefault((part.number, part.stamp), {})[entity] = part
    return known


def _tables(parts: Iterable[Mapping[str, Part]]) -> dict[str, tuple[Part, ...]]:
    tables: dict[str, tuple[Part, ...]] = {}
    for found in parts:
        for entity, part in found.items():
            tables[entity] = (*tables.get(entity, ()), part)
    return tables


def _same(store: Store, before: Manifest, tables: Mapping[str, tuple[Part, ...]]) -> bool:
    """Whether a version has exactly these parts, by content."""
    there, here = (
        {(entity, part.number, part.sha256) for entity, listed in one.items() for part in listed}
        for one in (store.all_parts(before), tables)
    )
    return there == here


def _meaning(manifest: Manifest) -> tuple[str, bool]:
    """By which vocabulary a version is to be read, and whether it may hold free text."""
    return manifest.vocabulary, bool(manifest.provenance.get(FREE_TEXT))


class _Writer:
    """Writes the parts of one version, without the persons who are excluded."""

    def __init__(self, store: Store, source: Source, vocabulary: Vocabulary, excluded: Excluded) -> None:
        self.store, self.source, self.vocabulary, self.excluded = store, source, vocabulary, excluded
        self.access = source.policy.access
        names = [field.name for entity in vocabulary.entities for field in self._fields(entity)]
        self.scheme = fingerprint(vocabulary.version, duckdb.__version__, *names)
        parts.declare_codes(source.connection, vocabulary)

    def _fields(self, entity: str) -> tuple[Field, ...]:
        return parts.published_fields(self.vocabulary, entity, self.access)

    def stamp(self, number: int, raw: str) -> str:
        return str(Stamp(fingerprint(raw), self.scheme, "").without(self.excluded.of(number)))

    def write(self, number: int, stamp: str) -> dict[str, Part]:
        connection = self.source.connection
        relations = self.source.relations(number)
        self._keep_persons(number, relations[PERSON])
        written = {}
        for entity, relation in relations.items():
            kept = f"(SELECT * FROM {relation} WHERE person IN (SELECT person FROM {_KEPT}))"
            part = parts.write(
                connection, self.store.objects, kept, self._projection(entity, kept), number, stamp
            )
            if part:
                written[entity] = part
        return written

    def _projection(self, entity: str, relation: str) -> dict[str, str]:
        if entity == SOURCES:
            return _SOURCE_COLUMNS
        offered = [
            row[0] for row in self.source.connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        ]
        return parts.published_columns(self.vocabulary, entity, self.access, offered)

    def _keep_persons(self, number: int, persons: str) -> None:
        """The persons of a part who are published, in `_KEPT`. A key that is no pseudonym ends everything."""
        connection = self.source.connection
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_KEPT} AS SELECT person, CAST(key AS VARCHAR) AS key FROM {persons}"
        )
        wrong = connection.execute(
            f"""SELECT count(*) - count(DISTINCT person) + count(*) - count(DISTINCT key)
                    + count(*) FILTER (WHERE NOT regexp_full_match(key, '{_PSEUDONYM}'))
                    + count(*) FILTER (WHERE person // {PERSONS_PER_PART} <> {number})
                FROM {_KEPT}"""
        ).fetchall()[0][0]
        if wrong:
            raise BadInput(
                f"the persons of {self.source.description.name} are not one row each with a pseudonym of their own",
                hint="nothing was published; this is a fault of the source, please report it",
            )
        excluded = parts.literals(self.excluded.of(number))
        connection.execute(f"DELETE FROM {_KEPT} WHERE list_contains({excluded}, key)")


class Queries:
    """A `Source` whose rows DuckDB queries give: entity -> SQL over `connection`."""

    def __init__(
        self,
        description: Description,
        policy: Policy,
        connection: duckdb.DuckDBPyConnection,
        queries: Mapping[str, str],
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.description, self.policy, self.connection = description, policy, connection
        self.queries, self.provenance = queries, provenance or {}

    def stamps(self) -> dict[int, str]:
        hashes: dict[int, list[str]] = {}
        for entity, query in sorted(self.queries.items()):
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {self._table(entity)} AS {query}")
            found = self.connection.execute(
                f"""SELECT person // {PERSONS_PER_PART}, count(*), sum(hash(one))
                FROM {self._table(entity)} one GROUP BY 1"""
            ).fetchall()
            for number, rows, digest in found:
                hashes.setdefault(number, []).append(f"{entity} {rows} {digest}")
        return {number: "; ".join(found) for number, found in hashes.items()}

    def relations(self, number: int) -> dict[str, str]:
        first = number * PERSONS_PER_PART
        last = first + PERSONS_PER_PART - 1
        return {
            entity: f"(SELECT * FROM {self._table(entity)} WHERE person BETWEEN {first} AND {last})"
            for entity in self.queries
        }

    @staticmethod
    def _table(entity: str) -> str:
        return f"hanse_rows_of_{entity}"


def publish_queries(
    store: Store,
    description: Description,
    policy: Policy,
    connection: duckdb.DuckDBPyConnection,
    queries: Mapping[str, str],
    vocabulary: Vocabulary = VOCABULARY,
) -> Outcome:
    """Publishes what DuckDB queries give; see `Source` for what their rows must have."""
    return publish(store, Queries(description, policy, connection, queries), vocabulary)
