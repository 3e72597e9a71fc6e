"""Whether everything that was published is still what it was: every object, manifest and log entry, read again; and
what passkeys agreed to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hanse.core.errors import Damaged
from hanse.lib import assertions, files, log, sql
from hanse.node.store import Store

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be: `kind` is `missing`, `damaged`, `log`, or `unlisted` for an object that
    nothing needs, which is left over from an interrupted command and harmless."""

    kind: str
    what: str
    versions: tuple[str, ...] = ()


def verify(store: Store, progress: Progress | None = None) -> list[Finding]:
    """Reads all that the versions need, hashes it, and reads the log; what was found, nothing when all is well."""
    return [*_log(store), *_objects(store, progress)]


def _log(store: Store) -> Iterator[Finding]:
    with sql.read(store.records) as connection:
        try:
            log.verify(connection)
            tuple(assertions.verify(connection))
        except Damaged as error:
            yield Finding("log", error.detail)
            return
        logged = {
            entry.body["version"]: entry.body["manifest"]
            for entry in log.entries(connection)
            if entry.kind == "publish"
        }
    for row in store.rows():
        if logged.get(f"{row.dataset}@{row.version}") != row.manifest:
            what = "the log does not tell of the manifest that this version has"
            yield Finding("log", what, (f"{row.name}@{row.version}",))


def _objects(store: Store, progress: Progress | None) -> Iterator[Finding]:
    needed: dict[str, set[str]] = {}
    readable = True
    for row in store.rows():
        try:
            digests = store.needed(row)
        except Damaged:
            digests, readable = {row.manifest}, False
        for digest in digests:
            needed.setdefault(digest, set()).add(f"{row.name}@{row.version}")
    for done, (digest, versions) in enumerate(sorted(needed.items()), start=1):
        path = store.objects.path(digest)
        if not path.exists():
            yield Finding("missing", str(path), tuple(sorted(versions)))
        elif files.digest(path) != digest:
            yield Finding("damaged", str(path), tuple(sorted(versions)))
        if progress:
            progress(done, len(needed), "objects")
    # Which objects a manifest lists cannot be told when it is damaged: then nothing is called left over.
    for digest in store.objects.all() if readable else ():
        if digest not in needed:
            yield Finding("unlisted", str(store.objects.path(digest)))
