"""An auditor with a log at hand: what was cut, rewritten, forked or flipped is found, and where."""

import io
import random
import shutil
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from hanse.core.errors import BadEnvelope, BadInput, Conflict, Damaged, Problem
from hanse.lib import audit, checkpoint, log, merkle, sql
from hanse.lib.checkpoint import Checkpoint, Key

MIGRATIONS = [sql.Migration(1, "log", sql.create(*log.TABLES))]
SIZE = 40


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key.load_or_create(tmp_path_factory.mktemp("keys") / "log.pem")


def make(path: Path, entries: int = SIZE, forged: int = 0) -> sa.Engine:
    """A log in which entry `forged` is another one than in all others."""
    records = sql.engine(sql.sqlite_url(path))
    sql.migrate(records, MIGRATIONS)
    more(records, range(1, entries + 1), forged)
    return records


def more(records: sa.Engine, numbers: range, forged: int = 0) -> None:
    with sql.begin(records) as connection:
        events = [
            log.Event(
                "use", {"who": f"user-{one}", "name": one * 1000 + (one == forged)}, "2026-11-22T00:00:00Z"
            )
            for one in numbers
        ]
        log.append_all(connection, events)


@pytest.fixture
def records(tmp_path: Path) -> sa.Engine:
    return make(tmp_path / "node.db")


def taken(records: sa.Engine, key: Key, kept: Path, persons: bool = False) -> bytes:
    with sql.read(records) as connection:
        note = audit.sign_head(connection, key, kept)
        return b"".join(audit.extract(connection, note, persons))


@pytest.fixture
def extract(records: sa.Engine, key: Key, tmp_path: Path) -> bytes:
    return taken(records, key, tmp_path / "checkpoint")


def test_an_extract_holds_what_the_log_holds(records: sa.Engine, extract: bytes) -> None:
    checked = audit.check_extract(io.BytesIO(extract), {7})
    with sql.read(records) as connection:
        assert checked.checkpoint.root == merkle.root(connection, SIZE)
        assert checked.roots[7] == merkle.root(connection, 7)
    assert b"user-" not in extract


def test_persons_are_in_an_extract_when_they_are_asked_for(
    records: sa.Engine, key: Key, tmp_path: Path
) -> None:
    extract = taken(records, key, tmp_path / "checkpoint", persons=True)
    audit.check_extract(io.BytesIO(extract))
    with pytest.raises(Damaged, match="entry 7:"):
        audit.check_extract(io.BytesIO(extract.replace(b"user-7", b"user-8")))


def test_an_entry_of_an_extract_is_checked_with_sha256_alone(extract: bytes) -> None:
    for line in extract.splitlines()[6:]:
        hash, leaf = line.split(b"\t")
        assert sha256(b"\0" + leaf).hexdigest().encode() == hash


def entry_lines(extract: bytes) -> tuple[bytes, list[bytes]]:
    lines = extract.splitlines(keepends=True)
    return b"".join(lines[:6]), lines[6:]


def test_every_flipped_bit_of_an_extract_is_found_in_its_entry(extract: bytes, key: Key) -> None:
    head, lines = entry_lines(extract)
    chance = random.Random(1)
    for number, line in enumerate(lines, start=1):
        place, bit = chance.randrange(len(line)), chance.randrange(8)
        changed = bytearray(line)
        changed[place] ^= 1 << bit
        altered = head + b"".join([*lines[: number - 1], bytes(changed), *lines[number:]])
        with pytest.raises(Damaged, match=rf"entry {number}\b"):
            audit.check_extract(io.BytesIO(altered))


def test_an_extract_that_was_cut_reordered_or_added_to_is_found(extract: bytes) -> None:
    head, lines = entry_lines(extract)
    for altered, words in (
        (lines[:-1], "was cut short: it has 39 entries, and its checkpoint stands for 40; .* entry 40"),
        ([*lines[:-1], lines[-1][:-1]], "entry 40"),
        ([*lines[:9], *lines[10:]], "entry 10"),
        ([*lines[:9], lines[10], lines[9], *lines[11:]], "entry 10"),
        ([*lines, lines[-1]], "entry 41"),
        ([], "cut short: it has 0"),
    ):
        with pytest.raises(Damaged, match=words):
            audit.check_extract(io.BytesIO(head + b"".join(altered)))


def test_an_extract_that_was_rewritten_with_its_hashes_does_not_fit_its_checkpoint(
    extract: bytes, tmp_path: Path, key: Key
) -> None:
    forged = taken(make(tmp_path / "forged.db", forged=17), key, tmp_path / "forged.checkpoint")
    altered = entry_lines(extract)[0] + b"".join(entry_lines(forged)[1])
    with pytest.raises(Damaged, match="are not those that its checkpoint stands for"):
        audit.check_extract(io.BytesIO(altered))


@pytest.mark.parametrize("nothing", [b"", b"\n\n", b"{}\n", b"\xff\xfe\n\n\n", b"a\n" * 99])
def test_what_is_no_extract_is_said_so(nothing: bytes) -> None:
    with pytest.raises(BadEnvelope, match="not a signed checkpoint"):
        audit.check_extract(io.BytesIO(nothing))


def heads_of(records: sa.Engine, key: Key, *sizes: int) -> list[Checkpoint]:
    with sql.read(records) as connection:
        return [Checkpoint(key.name, size, merkle.root(connection, size)) for size in sizes]


def held(records: sa.Engine, heads: list[Checkpoint]) -> None:
    with sql.read(records) as connection:
        audit.hold(log.verify(connection), partial(merkle.root, connection), heads)


def test_a_rewritten_log_is_found_beside_heads_from_elsewhere(
    records: sa.Engine, key: Key, tmp_path: Path
) -> None:
    heads = heads_of(records, key, 10, 20, 40)
    held(records, heads)
    held(make(tmp_path / "same.db"), heads[:0])
    forged = make(tmp_path / "forged.db", forged=17)
    heads_of_forged = heads_of(forged, key, 10, 20, 40)
    with pytest.raises(Conflict, match="The log was rewritten: of its entries 1 to 10"):
        held(forged, heads)  # salts are drawn anew: nobody can write the same entries again
    with pytest.raises(Conflict, match="The log was rewritten: of its entries 11 to 20"):
        held(forged, [heads_of_forged[0], heads[1]])


def test_a_log_that_was_cut_at_its_end_is_found_beside_a_head_from_elsewhere(
    records: sa.Engine, key: Key
) -> None:
    heads = heads_of(records, key, SIZE)
    with sql.begin(records) as connection:
        connection.exec_driver_sql("DELETE FROM log WHERE number > 30")
        connection.exec_driver_sql("DELETE FROM log_who WHERE number > 30")
        connection.exec_driver_sql(f"DELETE FROM log_tree WHERE place >= {merkle.places(30)}")
    with sql.read(records) as connection:
        assert log.verify(connection) == 30
    with pytest.raises(Conflict, match=r"ends after entry 30, .* entry 31 is the first that is missing"):
        held(records, heads)


def test_a_log_signs_no_head_that_contradicts_the_last(records: sa.Engine, key: Key, tmp_path: Path) -> None:
    kept, backup = tmp_path / "checkpoint", tmp_path / "backup.db"
    with sql.read(records) as connection:
        audit.sign_head(connection, key, kept)
    records.dispose()
    shutil.copy(tmp_path / "node.db", backup)
    more(records, range(41, 61))
    with sql.read(records) as connection:
        note = audit.sign_head(connection, key, kept)
    old = sql.engine(sql.sqlite_url(backup))
    with pytest.raises(Conflict, match="was rolled back: it had 60 entries and now shows 40"):
        taken(old, key, kept)
    more(old, range(41, 71))
    with pytest.raises(Conflict, match="Nothing shows that the log of 70 entries continues that of 60"):
        taken(old, key, kept)
    assert kept.read_text() == note


def test_two_heads_are_the_same_continue_or_contradict(records: sa.Engine, key: Key, tmp_path: Path) -> None:
    ten, forty = heads_of(records, key, 10, 40)
    (other,) = heads_of(make(tmp_path / "forged.db"), key, 10)
    assert audit.compare(ten, ten) is audit.Relation.SAME
    assert audit.compare(ten, other) is audit.Relation.CONTRADICTS
    with pytest.raises(BadInput, match="shows only in the log itself"):
        audit.compare(ten, forty)
    with sql.read(records) as connection:
        root = partial(merkle.root, connection)
        assert audit.compare(forty, ten, 40, root) is audit.Relation.CONTINUES
        assert audit.compare(other, forty, 40, root) is audit.Relation.CONTRADICTS
        with pytest.raises(BadInput, match="heads of two logs"):
            audit.compare(ten, Checkpoint("other", 10, ten.root), 40, root)


def test_every_entry_has_a_proof(records: sa.Engine, key: Key, tmp_path: Path) -> None:
    with sql.read(records) as connection:
        note = audit.sign_head(connection, key, tmp_path / "checkpoint")
        proofs = [audit.prove(connection, number, note) for number in range(1, SIZE + 1)]
    head = checkpoint.verify(note, key.verifier).checkpoint
    assert all(one.shows(one.extra, head) for one in proofs)


def test_flipped_bits_of_the_database_are_found_or_change_nothing(
    records: sa.Engine, key: Key, tmp_path: Path
) -> None:
    """Whatever bit of the file is flipped: the log that can still be read is the one that was written, or it is said
    that it is not. Bits of free space and of the file's header mean nothing."""
    heads = heads_of(records, key, SIZE)
    with sql.begin(records) as connection:
        entries = list(log.entries(connection))
    records.dispose()
    written = (tmp_path / "node.db").read_bytes()
    chance, found = random.Random(2), 0
    for _ in range(150):
        altered = bytearray(written)
        altered[chance.randrange(len(written))] ^= 1 << chance.randrange(8)
        path = tmp_path / "altered.db"
        path.write_bytes(altered)
        engine = sql.engine(sql.sqlite_url(path))
        try:
            held(engine, heads)
            with sql.read(engine) as connection:
                assert list(log.entries(connection)) == entries
        except (Problem, sa.exc.DatabaseError):
            found += 1
        engine.dispose()
        for one in tmp_path.glob("altered.db*"):
            one.unlink(missing_ok=True)
    assert found > 20
