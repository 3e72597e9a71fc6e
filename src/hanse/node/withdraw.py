"""Taking back what was published: a version, or a person from all versions.

A withdrawn version resolves for ever as a tombstone with its reason; its objects are deleted unless a version that is
not withdrawn needs them. Withdrawing a person writes anew the one part of each table in which the person stands.
"""

from dataclasses import asdict, dataclass, replace

import duckdb
import sqlalchemy as sa

import hanse
from hanse.core import clock
from hanse.core.dataset import Manifest, Part, canonical
from hanse.core.errors import Conflict, NotFound
from hanse.core.fields import PERSON
from hanse.lib import log, sql
from hanse.node import keys, parts
from hanse.node.store import NO_PART, PERSONS_PER_PART, SOURCES, Excluded, Published, Stamp, Store
from hanse.node.tables import EXCLUDED, VERSION
from hanse.node.work import folder_of


@dataclass(frozen=True, slots=True)
class PersonWithdrawn:
    """`version` is the new version without the person, None when the newest one does without already; `tombstones`
    are the ids of the versions that held the person."""

    version: Manifest | None
    tombstones: tuple[str, ...]


def withdraw(store: Store, id: str, reason: str) -> Published:
    """Makes the version `NAME@VERSION` a tombstone and deletes what only it needed; the tombstone.

    Raises `NotFound`, or `Conflict` when it is withdrawn already.
    """
    with store.changing():
        found = store.resolve(id)
        if found.withdrawn:
            raise Conflict(f"{id} was withdrawn at {found.withdrawn}", hint="nothing is left to withdraw")
        with sql.begin(store.records) as connection:
            _bury(connection, found.manifest, reason)
        store.erase()
    return store.resolve(id)


def _bury(connection: sa.Connection, manifest: Manifest, reason: str) -> None:
    place = (VERSION.c.dataset == manifest.dataset) & (VERSION.c.version == manifest.version)
    connection.execute(VERSION.update().where(place).values(withdrawn=clock.text(clock.now()), reason=reason))
    log.append(connection, "withdraw", {"version": manifest.id, "reason": reason})


def withdraw_person(
    store: Store, name: str, patient: str, reason: str = "a person was withdrawn"
) -> PersonWithdrawn:
    """Takes a patient out of a dataset for ever: a new version without, and tombstones for those with the person.

    Scanning and publishing again do not bring the person back. Raises `NotFound` for an unknown dataset.
    """
    dataset = store.dataset_id(name)
    key = keys.pseudonym(store.keys.secret, name, patient)
    with store.changing(), parts.connect(store.home / "cache") as connection:
        known = [one for one in store.versions() if one.manifest.dataset == dataset]
        if not known and not folder_of(store.home, name).exists():
            raise NotFound(
                f"nothing was ever prepared or published as {name}",
                hint="`hanse node status` lists the datasets",
            )
        live = [one for one in known if not one.withdrawn]
        found = [(one, _ordinal(connection, one, key)) for one in live]
        held = [(one, ordinal) for one, ordinal in found if ordinal is not None]
        number = held[0][1] // PERSONS_PER_PART if held else NO_PART
        next_one = None
        if held and held[0][0] is live[0]:
            excluded = store.excluded(dataset).adding(number, key)
            next_one = _without(store, connection, live[0], held[0][1], excluded)
        _commit(store, dataset, key, number, reason, next_one, [one.manifest for one, _ in held])
        store.erase()
    return PersonWithdrawn(next_one, tuple(one.manifest.id for one, _ in held))


def _ordinal(connection: duckdb.DuckDBPyConnection, published: Published, key: str) -> int | None:
    paths = published.tables.get(PERSON, ())
    if not paths:
        return None
    query = f"SELECT person FROM read_parquet({parts.literals(paths)}) WHERE key = {parts.literal(key)}"
    rows = connection.execute(query).fetchall()
    return rows[0][0] if rows else None


def _without(
    store: Store, connection: duckdb.DuckDBPyConnection, before: Published, ordinal: int, excluded: Excluded
) -> Manifest:
    """The version that follows `before`, with the parts in which this person stands written anew."""
    number = ordinal // PERSONS_PER_PART
    tables: dict[str, tuple[Part, ...]] = {}
    for entity, listed in store.all_parts(before.manifest).items():
        rest = [
            _rest(store, connection, part, ordinal, excluded) if part.number == number else part
            for part in listed
        ]
        if any(rest):
            tables[entity] = tuple(part for part in rest if part)
    filled = parts.filled(connection, store.objects, tables)
    listed = tables.pop(SOURCES, ())
    return replace(
        before.manifest,
        version=store.next_version(before.manifest.dataset),
        created=clock.text(clock.now()),
        software=hanse.__version__,
        tables=tables,
        columns=tuple(name for name in before.manifest.columns if name in filled),
        persons=before.manifest.persons - 1,
        sources=store.objects.put(canonical([asdict(part) for part in listed])) if listed else "",
        previous=before.digest,
    )


def _rest(
    store: Store, connection: duckdb.DuckDBPyConnection, part: Part, ordinal: int, excluded: Excluded
) -> Part | None:
    """A part without the rows of one person."""
    path = store.objects.path(part.sha256)
    relation = f"(SELECT * FROM read_parquet({parts.literal(path)}) WHERE person <> {ordinal})"
    offered = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    columns = {row[0]: f'"{row[0]}"' for row in offered}
    stamp = str(Stamp.read(part.stamp).without(excluded.of(part.number)))
    return parts.write(connection, store.objects, relation, columns, part.number, stamp)


def _commit(
    store: Store,
    dataset: str,
    key: str,
    number: int,
    reason: str,
    next_one: Manifest | None,
    held: list[Manifest],
) -> None:
    digest = store.objects.put(canonical(next_one.as_dict())) if next_one else ""
    store.objects.sync()
    with sql.begin(store.records) as connection:
        known = (EXCLUDED.c.dataset == dataset) & (EXCLUDED.c.key == key)
        connection.execute(EXCLUDED.delete().where(known))
        at = clock.text(clock.now())
        connection.execute(EXCLUDED.insert().values(dataset=dataset, key=key, part=number, at=at))
        # The log outlives the person's data, so it does not say who it was, not even by pseudonym.
        log.append(connection, "withdraw person", {"dataset": dataset, "reason": reason})
        if next_one:
            store.add(connection, next_one, digest)
        for manifest in held:
            _bury(connection, manifest, reason)
