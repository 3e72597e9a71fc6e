"""The log: durable appends with shared commits, proofs over a million entries, and pymerkle beside it."""

import importlib.metadata
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymerkle
import sqlalchemy as sa

from hanse.lib import log, merkle, sql
from hanse.lib.commits import Commits
from hanse.lib.log import Event

THREADS = 64
SINGLES, GROUPED = 1_000, 10_000  # appends a second
PROOF_MS = 2
ENTRIES = 1_000_000
BATCH = 10_000
PROOFS = 1_000
BODY = {
    "who": "orcid:0000-0002-1825-0097",
    "operation": "count",
    "reference": "search_01",
    "question": "0" * 32,
}
MIGRATIONS = [sql.Migration(1, "log", sql.create(*log.TABLES))]


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Appends a second, one transaction each and shared; proofs and the root over many entries."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        records = fresh(Path(folder) / "appends.db")
        alone = appends(records, threads=1, each=20 if small else 300, group=1)
        single = appends(records, THREADS, each=5 if small else 100, group=1)
        grouped = appends(records, THREADS, each=5 if small else 50, group=10)
        large = fresh(Path(folder) / "large.db")
        entries = 20_000 if small else ENTRIES
        filled = fill(large, entries)
        found = [
            row(
                "durable appends, one after the other", alone, "a second", peer=pymerkle_appends(Path(folder))
            ),
            row(f"durable appends, {THREADS} threads", single, "a second", bar=SINGLES),
            row(f"durable appends in groups of 10, {THREADS} threads", grouped, "a second", bar=GROUPED),
            row(f"writing {entries:,} entries in batches of {BATCH:,}", filled, "a second"),
            *proofs(large, entries),
            verifying(records),
        ]
        records.dispose()
        large.dispose()
    return found


def row(
    name: str,
    ours: float,
    unit: str,
    *,
    bar: float | None = None,
    peer: float | None = None,
    below: bool = False,
) -> dict[str, Any]:
    return {
        "name": name,
        "ours": ours,
        "unit": unit,
        "peer": peer,
        "ratio": ours / peer if peer else None,
        "peer_name": "pymerkle" if peer else None,
        "peer_version": importlib.metadata.version("pymerkle") if peer else None,
        "bar": bar,
        "holds": None if bar is None else (ours < bar if below else ours >= bar),
    }


def fresh(path: Path) -> sa.Engine:
    records = sql.engine(sql.sqlite_url(path))
    sql.migrate(records, MIGRATIONS)
    return records


def appends(records: sa.Engine, threads: int, each: int, group: int) -> float:
    """Entries a second that are on disk when their call returns."""
    commits = Commits(records)
    events = [Event("use", BODY)] * group

    def work() -> None:
        for _ in range(each):
            commits.run(lambda connection: log.append_all(connection, events))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return threads * each * group / (time.perf_counter() - began)


def fill(records: sa.Engine, entries: int) -> float:
    """Entries a second in large transactions."""
    began = time.perf_counter()
    for _ in range(entries // BATCH):
        with sql.begin(records) as connection:
            log.append_all(connection, [Event("use", BODY)] * BATCH)
    return entries / (time.perf_counter() - began)


def proofs(records: sa.Engine, entries: int) -> list[dict[str, Any]]:
    """The slow end of roots and proofs, at places all over the log."""
    with sql.read(records) as connection:
        places = [(number * 7919) % entries for number in range(PROOFS)]
        measured = {
            "inclusion proof": lambda place: merkle.inclusion(connection, place, entries),
            "consistency proof": lambda place: merkle.consistency(connection, place, entries),
            "root at any size": lambda place: merkle.root(connection, place),
        }
        return [
            row(f"{name} over {entries:,} entries, p99", p99_ms(act, places), "ms", bar=PROOF_MS, below=True)
            for name, act in measured.items()
        ] + [
            row(
                "inclusion proof, p99 of its CPU time",
                p99_ms(measured["inclusion proof"], places, cpu=True),
                "ms",
            ),
            beside_pymerkle(connection, entries),
        ]


def p99_ms(act: Callable[[int], object], places: list[int], cpu: bool = False) -> float:
    clock = time.thread_time if cpu else time.perf_counter
    return statistics.quantiles([ms(act, one, clock) for one in places], n=100)[98]


def ms(act: Callable[[int], object], place: int, clock: Callable[[], float] = time.perf_counter) -> float:
    began = clock()
    act(place)
    return (clock() - began) * 1000


def beside_pymerkle(connection: sa.Connection, entries: int) -> dict[str, Any]:
    """An inclusion proof at 20,000 entries, which pymerkle keeps in memory."""
    size = min(20_000, entries)
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    tree.append_entries([b"%d" % number for number in range(size)])
    places = [(number * 7919) % size for number in range(15)]
    ours = statistics.median(ms(lambda one: merkle.inclusion(connection, one, size), one) for one in places)
    theirs = statistics.median(ms(lambda one: tree.prove_inclusion(one + 1, size), one) for one in places)
    return row(f"inclusion proof over {size:,} entries, median", ours, "ms", peer=theirs)


def pymerkle_appends(folder: Path) -> float:
    """Entries a second that pymerkle writes into SQLite, each in its transaction."""
    many = 50
    with pymerkle.SqliteTree(str(folder / "peer.db"), algorithm="sha256") as tree:
        began = time.perf_counter()
        for _ in range(many):
            tree.append_entry(log.canonical(BODY))
        return many / (time.perf_counter() - began)


def verifying(records: sa.Engine) -> dict[str, Any]:
    """Reading a whole log and hashing it anew."""
    began = time.perf_counter()
    with sql.read(records) as connection:
        entries = log.verify(connection)
    return row("verifying", entries / (time.perf_counter() - began), "entries a second")
