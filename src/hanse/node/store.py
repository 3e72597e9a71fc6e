"""The versions that a node has published: found, resolved, withdrawn and verified.

A version is a row in `node.db` that names a manifest; the manifest names objects. The row is committed last, with its
log entry, so that a version is there as a whole or not at all. `Store.live` is how rows are reached; only the gate
calls it to read them.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from hanse.core import ids, plain
from hanse.core.dataset import Manifest, Part, canonical
from hanse.core.errors import BadInput, Damaged, NotFound
from hanse.core.policy import Access, Policy
from hanse.core.record import Description
from hanse.core.scope import Purpose
from hanse.lib import files, log, sql
from hanse.lib.commits import Commits
from hanse.lib.files import Objects
from hanse.node import keys
from hanse.node.ledger import DatasetLedger
from hanse.node.tables import DATASET, EXCLUDED, MIGRATIONS, VERSION

PERSONS_PER_PART = 1000
NO_PART = -1
SOURCES = "source"  # the relation of source files: parts like a table's, listed apart from the tables
QUALITY = "quality"  # shares of sound values by dimension, in the manifest's provenance
FREE_TEXT = "free_text"  # whether a version may hold free text, in the manifest's provenance
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Published:
    """One version. `tables` maps an entity to its Parquet files; a tombstone has none, and says when and why it
    was withdrawn."""

    manifest: Manifest
    digest: str
    description: Description
    policy: Policy
    tables: Mapping[str, tuple[Path, ...]]
    withdrawn: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Excluded:
    """The pseudonyms of persons who are left out of a dataset, by the part in which they stood."""

    keys: Mapping[int, frozenset[str]]

    def of(self, number: int) -> frozenset[str]:
        """Those to look for in one part."""
        return self.keys.get(number, frozenset()) | self.keys.get(NO_PART, frozenset())

    def adding(self, number: int, key: str) -> "Excluded":
        return Excluded({**self.keys, number: self.keys.get(number, frozenset()) | {key}})


@dataclass(frozen=True, slots=True)
class Stamp:
    """What decides whether a part is written again: its rows, what of them is published, and who is left out."""

    rows: str
    scheme: str
    excluded: str

    @classmethod
    def read(cls, text: str) -> "Stamp":
        return cls(*text.split("."))

    def without(self, keys: frozenset[str]) -> "Stamp":
        return replace(self, excluded=fingerprint(*sorted(keys)))

    def __str__(self) -> str:
        return f"{self.rows}.{self.scheme}.{self.excluded}"


def fingerprint(*texts: str) -> str:
    """64 bits of SHA-256 over these texts; for comparing, not for proving."""
    return hashlib.sha256(canonical(texts)).hexdigest()[:16]


_VERSIONS = sa.select(VERSION, DATASET.c.name, DATASET.c.description, DATASET.c.policy).join_from(
    VERSION, DATASET
)


class Store:
    """Everything published under one home. Reading needs no lock; what changes versions happens in `changing`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        files.make_folder(home / "published")
        self.keys = keys.load_or_create(home)
        self.records = sql.engine(sql.sqlite_url(home / "node.db"))
        sql.migrate(self.records, MIGRATIONS)
        self.commits = Commits(self.records)
        self.objects = Objects(home / "published" / "objects")
        self._manifests: dict[str, Manifest] = {}

    def dataset_id(self, name: str) -> str:
        """The id of this node's dataset of that name: the same on every machine that has the node's key."""
        if not _NAME.fullmatch(name):
            hint = "use lower-case letters, digits and dashes, 64 at most"
            raise BadInput(f"{name!r} cannot be the name of a dataset", hint=hint)
        return ids.derived("dataset", self.keys.signing.public.kid, name)

    def live(self) -> list[Published]:
        """The newest version of each dataset that is not withdrawn, in the order of their names.

        A version with free text, published while the dataset was open, is passed over when it is open no more.
        """
        found: dict[str, Published] = {}
        for row in self.rows():
            if row.withdrawn or row.dataset in found:
                continue
            one = self._published(row)
            if one.policy.access is Access.OPEN or not one.manifest.provenance.get(FREE_TEXT):
                found[row.dataset] = one
        return list(found.values())

    def versions(self) -> list[Published]:
        """All versions there have ever been, tombstones too, newest first within a dataset."""
        return [self._published(row) for row in self.rows()]

    def resolve(self, id: str) -> Published:
        """The version that `name@3` or `dataset_...@3` names, for ever; a withdrawn one comes as its tombstone.

        Raises `BadInput` for a text that names no version, `NotFound` when there never was such a version.
        """
        name, _, number = id.rpartition("@")
        if not name or not number.isascii() or not number.isdigit():
            raise BadInput(
                f"{id!r} does not name a version", hint="write it as NAME@VERSION, for example lung-ct@3"
            )
        same = (DATASET.c.name == name) | (DATASET.c.id == name)
        with sql.read(self.records) as connection:
            row = connection.execute(_VERSIONS.where(same, VERSION.c.version == int(number))).one_or_none()
        if row is None:
            raise NotFound(f"there has been no version {id}", hint="`hanse node status` lists them")
        return self._published(row)

    def _published(self, row: sa.Row) -> Published:
        manifest = self.manifest(row.manifest)
        return Published(
            manifest=manifest,
            digest=row.manifest,
            description=_description(row.description),
            policy=_policy(row.policy),
            tables={}
            if row.withdrawn
            else {entity: self._paths(listed) for entity, listed in manifest.tables.items()},
            withdrawn=row.withdrawn or "",
            reason=row.reason or "",
        )

    def _paths(self, listed: tuple[Part, ...]) -> tuple[Path, ...]:
        return tuple(self.objects.path(part.sha256) for part in listed)

    def manifest(self, digest: str) -> Manifest:
        """The manifest with this digest; raises `Damaged` when it is not what was published."""
        if digest not in self._manifests:
            self._manifests[digest] = Manifest.from_dict(json.loads(self._checked(digest)))
        return self._manifests[digest]

    def all_parts(self, manifest: Manifest) -> dict[str, tuple[Part, ...]]:
        """The parts of every table of a version, and those that list its source files under `source`."""
        return {**manifest.tables, SOURCES: self._source_parts(manifest)}

    def _source_parts(self, manifest: Manifest) -> tuple[Part, ...]:
        if not manifest.sources:
            return ()
        return tuple(Part(**part) for part in json.loads(self._checked(manifest.sources)))

    def _checked(self, digest: str) -> bytes:
        path = self.objects.path(digest)
        data = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(data).hexdigest() != digest:
            raise Damaged(f"the object {path} is missing or was changed", hint="restore it from a backup")
        return data

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One process at a time makes or withdraws versions; what an earlier one left half done is cleared first."""
        with files.locked(self.home / "published" / "lock", "publishing or withdrawing") as interrupted:
            self.objects.sweep()
            if interrupted:
                self.erase()
            yield

    def rows(self) -> list[sa.Row]:
        """The rows of all versions there have ever been, newest first within a dataset."""
        query = _VERSIONS.order_by(DATASET.c.name, VERSION.c.version.desc())
        with sql.read(self.records) as connection:
            return list(connection.execute(query).all())

    def needed(self, row: sa.Row) -> set[str]:
        """The digests of the objects that a version needs: of a tombstone the manifest, otherwise all of it."""
        if row.withdrawn:
            return {row.manifest}
        manifest = self.manifest(row.manifest)
        listed = {part.sha256 for parts in self.all_parts(manifest).values() for part in parts}
        return {row.manifest, *listed, *filter(None, [manifest.sources])}

    def erase(self) -> None:
        """Deletes every object that no version needs, and the search index, which holds the same rows; only inside
        `changing`."""
        for index in (self.home / "cache").glob("index-*"):
            index.unlink(missing_ok=True)
        needed = set().union(*map(self.needed, self.rows()))
        self.objects.delete([digest for digest in self.objects.all() if digest not in needed])

    def next_version(self, dataset: str) -> int:
        """The number that no version of this dataset has had, withdrawn ones included."""
        with sql.read(self.records) as connection:
            query = sa.select(sa.func.max(VERSION.c.version)).where(VERSION.c.dataset == dataset)
            return (connection.scalar(query) or 0) + 1

    def tables_given(self, dataset: str) -> int:
        """How many tables of a dataset, in all its versions, were given out to analyses."""
        with sql.read(self.records) as connection:
            return DatasetLedger(connection, self.keys.secret, dataset).tables

    def excluded(self, dataset: str) -> Excluded:
        """Who is left out of every coming version of a dataset."""
        keys: dict[int, frozenset[str]] = {}
        with sql.read(self.records) as connection:
            for row in connection.execute(sa.select(EXCLUDED).where(EXCLUDED.c.dataset == dataset)):
                keys[row.part] = keys.get(row.part, frozenset()) | {row.key}
        return Excluded(keys)

    def described(self, name: str) -> tuple[Description, Policy] | None:
        """What is said of a dataset and how it answers; None when none of that name was ever published."""
        with sql.read(self.records) as connection:
            row = connection.execute(sa.select(DATASET).where(DATASET.c.name == name)).one_or_none()
        return (_description(row.description), _policy(row.policy)) if row else None

    def describe(
        self, connection: sa.Connection, dataset: str, description: Description, policy: Policy
    ) -> None:
        """Sets what is said of a dataset and how it answers, logged when it differs from before."""
        values = {
            "description": canonical(plain.description_to_plain(description)).decode(),
            "policy": canonical(asdict(policy)).decode(),
        }
        before = connection.execute(sa.select(DATASET).where(DATASET.c.id == dataset)).one_or_none()
        if before is None:
            connection.execute(DATASET.insert().values(id=dataset, name=description.name, **values))
        elif (before.description, before.policy) == (values["description"], values["policy"]):
            return
        else:
            connection.execute(DATASET.update().where(DATASET.c.id == dataset).values(**values))
        log.append(
            connection,
            "describe",
            {
                "dataset": dataset,
                "description": plain.description_to_plain(description),
                "policy": asdict(policy),
            },
        )

    def add(self, connection: sa.Connection, manifest: Manifest, digest: str) -> None:
        """Makes a version visible: its row and its log entry, in the caller's transaction."""
        connection.execute(
            VERSION.insert().values(dataset=manifest.dataset, version=manifest.version, manifest=digest)
        )
        log.append(connection, "publish", {"version": manifest.id, "manifest": digest})


def _description(text: str) -> Description:
    return plain.description_from_plain(json.loads(text))


def _policy(text: str) -> Policy:
    body = json.loads(text)
    consented = tuple(map(Purpose, body.get("consented", ())))
    return Policy(**{**body, "access": Access(body["access"]), "consented": consented})
