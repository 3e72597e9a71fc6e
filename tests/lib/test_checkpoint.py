"""Checkpoints and witnesses: the C2SP formats read strictly, and histories that contradict each other found."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.core.errors import BadEnvelope, BadInput, Conflict, Problem
from hanse.lib import checkpoint, merkle, sql
from hanse.lib.checkpoint import LOG, WITNESS, Checkpoint, Key, Proof, VerifierKey, Witness

# A real checkpoint of the log of Go modules, which C2SP shows as an example, and the key that everybody pins.
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_NOTE = """go.sum database tree
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
AT = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
ENTRIES = [b"entry %d" % number for number in range(20)]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key.load_or_create(tmp_path_factory.mktemp("log") / "keys" / "log.pem")


@pytest.fixture(scope="module")
def witness_key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return Key.load_or_create(tmp_path_factory.mktemp("witness") / "witness.pem", WITNESS)


class History:
    """A log in memory, and what it says of itself."""

    def __init__(self, entries: list[bytes]) -> None:
        self._connection = sql.engine("sqlite://").connect()
        merkle.TREE.create(self._connection)
        merkle.append(self._connection, 0, [merkle.leaf_hash(one) for one in entries])

    def note(self, key: Key, size: int) -> str:
        return Checkpoint(key.name, size, merkle.root(self._connection, size)).signed(key)

    def proof(self, first: int, second: int) -> list[bytes]:
        return merkle.consistency(self._connection, first, second)

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        return tuple(merkle.inclusion(self._connection, index, size))


HONEST = History(ENTRIES)
FORKED = History([*ENTRIES[:10], b"something else", *ENTRIES[11:]])


def test_a_checkpoint_of_the_log_of_go_modules_verifies() -> None:
    seen = checkpoint.verify(GO_NOTE, VerifierKey.read(GO_KEY), origin="go.sum database tree")
    assert (seen.checkpoint.size, seen.checkpoint.root.hex()[:8]) == (20852163, "0ac5186a")


def test_a_verifier_key_is_read_as_it_is_written(log: Key, witness_key: Key) -> None:
    assert str(VerifierKey.read(GO_KEY)) == GO_KEY
    for key in (log, witness_key):
        assert VerifierKey.read(str(key.verifier)) == key.verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        GO_KEY.replace("033de0ae", "033de0af"),
        GO_KEY.replace("Ac4z", "Bc4z"),
        GO_KEY[:-1],
        f" +{GO_KEY}",
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        VerifierKey.read(text)


def test_a_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.pem"
    first = Key.load_or_create(path)
    assert Key.load_or_create(path).verifier == first.verifier
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("nothing")
    with pytest.raises(BadInput, match="There is no private Ed25519 key"):
        Key.load_or_create(path)


@given(place=st.integers(0, 400), bit=st.integers(0, 6))
@settings(deadline=None)
def test_no_changed_bit_of_a_checkpoint_is_accepted(log: Key, place: int, bit: int) -> None:
    note = HONEST.note(log, 7)
    place %= len(note)
    changed = note[:place] + chr(ord(note[place]) ^ 1 << bit) + note[place + 1 :]
    with pytest.raises(Problem):
        checkpoint.verify(changed, log.verifier)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n7\n", "\n07\n"),
        ("\n7\n", "\n+7\n"),
        ("\n7\n", "\n٧\n"),
        ("\n7\n", "\n99999999999999999999\n"),
        ("=\n\n", "\n\n"),
        ("\n\n", "\n"),
        ("\n\n", "\n\n\n"),
        ("— ", "- "),
        ("— ", "—  "),
        ("\n7\n", "\n7\r\n"),
    ],
)
def test_a_note_that_is_written_otherwise_is_no_checkpoint(log: Key, old: str, new: str) -> None:
    note = HONEST.note(log, 7)
    assert old in note
    with pytest.raises(BadEnvelope, match="not a signed checkpoint"):
        checkpoint.read(note.replace(old, new, 1))


@given(note=st.text(alphabet="—+=\n 019abc\0\r", max_size=200))
def test_no_text_breaks_the_reading_of_a_checkpoint(note: str) -> None:
    for read in (checkpoint.read, Proof.read):
        with pytest.raises(BadEnvelope):
            read(note)


def test_a_note_of_many_signatures_or_of_any_length_is_refused(log: Key) -> None:
    note = HONEST.note(log, 7)
    line = note.rpartition("\n\n")[2]
    checkpoint.read(note + line * 15)
    for more in (line * 64, "x" * 70_000):
        with pytest.raises(BadEnvelope):
            checkpoint.read(note + more)


def test_a_checkpoint_that_another_key_signed_is_not_that_of_the_log(log: Key, tmp_path: Path) -> None:
    other = Key.load_or_create(tmp_path / "log.pem")
    pretended = Key(other.private, log.name)
    for note in (HONEST.note(other, 7), HONEST.note(pretended, 7)):
        with pytest.raises(BadEnvelope, match="is not signed by"):
            checkpoint.verify(note, log.verifier)


def test_lines_of_unknown_keys_are_passed_over_and_wrong_ones_of_known_keys_are_not(
    log: Key, witness_key: Key
) -> None:
    note, other = HONEST.note(log, 7), HONEST.note(log, 8)
    _witness, line = Witness(witness_key, log.verifier).see(other, [], AT)
    assert checkpoint.verify(note + line, log.verifier).witnesses == {}
    with pytest.raises(BadEnvelope, match="does not verify"):
        checkpoint.verify(note + line, log.verifier, [witness_key.verifier])


def test_a_witness_cosigns_what_continues_and_the_time_is_signed_too(log: Key, witness_key: Key) -> None:
    witness = Witness(witness_key, log.verifier)
    before = 0
    for size in (3, 3, 8, 20):
        note = HONEST.note(log, size)
        witness, line = witness.see(note, HONEST.proof(before, size), AT)
        seen = checkpoint.verify(note + line, log.verifier, [witness_key.verifier])
        assert seen.witnesses == {witness_key.name: AT}
        before = size


def test_a_key_for_cosigning_is_no_key_of_a_log(log: Key) -> None:
    as_witness = Key(log.private, log.name, WITNESS)
    note = HONEST.note(log, 7)
    with pytest.raises(BadEnvelope, match="is not signed by"):
        checkpoint.verify(note, as_witness.verifier)
    assert as_witness.verifier.id != log.verifier.id
    assert log.use == LOG


@pytest.mark.parametrize(
    ("history", "size", "words"),
    [
        (HONEST, 11, "The log was rolled back: it had 12 entries and now shows 11"),
        (FORKED, 12, "The log shows two histories: it signed two roots over 12 entries"),
        (FORKED, 20, "Nothing shows that the log of 20 entries continues that of 12"),
    ],
)
def test_a_witness_refuses_a_history_that_contradicts_what_it_saw(
    log: Key, witness_key: Key, history: History, size: int, words: str
) -> None:
    witness, _line = Witness(witness_key, log.verifier).see(HONEST.note(log, 12), [], AT)
    proof = history.proof(12, size) if size > 12 else []
    with pytest.raises(Conflict, match=words):
        witness.see(history.note(log, size), proof, AT)


def test_a_fork_shown_to_two_witnesses_is_found_when_they_compare(log: Key, witness_key: Key) -> None:
    heads = []
    for history in (HONEST, FORKED):
        witness, _line = Witness(witness_key, log.verifier).see(history.note(log, 15), [], AT)
        heads.append(witness.last)
    with pytest.raises(Conflict, match="two histories"):
        checkpoint.continued(*heads, [])


def test_a_proof_shows_its_entry_and_no_other(log: Key) -> None:
    proof = Proof(4, HONEST.inclusion(3, 20), HONEST.note(log, 20), ENTRIES[3])
    again = Proof.read(proof.text)
    head = checkpoint.verify(again.note, log.verifier).checkpoint
    assert again == proof
    assert again.shows(ENTRIES[3], head)
    assert not again.shows(ENTRIES[4], head)
    assert not Proof(5, again.hashes, again.note).shows(ENTRIES[3], head)
