"""Witnesses and the logs that they cosign: what continues is cosigned, and what does not is kept and said."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from hanse.core import clock, ids
from hanse.core.errors import BadEnvelope, BadInput, Conflict, NotFound, Refused
from hanse.lib import checkpoint, log, sql, witness
from hanse.lib.checkpoint import VerifierKey
from hanse.lib.witness import Request

AT = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
ADDRESS = ids.derived("node", "the witness")


@dataclass
class Owner:
    """A home with a log."""

    home: Path
    records: sa.Engine

    def use(self, *entries: str) -> None:
        with sql.begin(self.records) as connection:
            for one in entries:
                log.append(connection, "use", {"what": one})

    def request(self, key: VerifierKey, old: int | None = None) -> str:
        with sql.read(self.records) as connection:
            return witness.request(connection, self.home, key, old).text

    def take(self, note: str) -> list[VerifierKey]:
        with sql.read(self.records) as connection:
            return witness.take(connection, self.home, note)


def owner(home: Path, *entries: str) -> Owner:
    home.mkdir()
    records = sql.engine(sql.sqlite_url(home / "log.db"))
    with sql.begin(records) as connection:
        for table in log.TABLES:
            table.create(connection)
    made = Owner(home, records)
    made.use(*entries)
    return made


@pytest.fixture
def mine(tmp_path: Path) -> Owner:
    return owner(tmp_path / "owner", "one", "two", "three")


@pytest.fixture
def other(tmp_path: Path, mine: Owner) -> Path:
    """The home of a witness; both have pinned each other."""
    home = tmp_path / "witness"
    witness.pin(home, witness.own_log(mine.home).verifier)
    witness.pin(mine.home, key_of(home))
    return home


def key_of(home: Path) -> VerifierKey:
    return witness.own_key(home, ADDRESS).verifier


def cosigned(home: Path, text: str, hours: int = 0) -> str:
    return witness.cosign(home, ADDRESS, text, AT + timedelta(hours=hours))


def test_a_head_is_cosigned_and_kept_on_both_sides(mine: Owner, other: Path) -> None:
    assert mine.take(cosigned(other, mine.request(key_of(other)))) == [key_of(other)]
    mine.use("four")
    text = mine.request(key_of(other))
    assert text.startswith("old 3\n")
    mine.take(cosigned(other, text, hours=1))
    for home in (mine.home, other):
        (held,) = witness.held(home, ADDRESS)
        assert (held.head and held.head.size, held.at, held.doubt) == (4, AT + timedelta(hours=1), None)
    assert witness.address(key_of(other)) == ADDRESS


def test_a_head_without_new_entries_is_cosigned_again_at_its_new_time(mine: Owner, other: Path) -> None:
    for hours in (0, 1):
        mine.take(cosigned(other, mine.request(key_of(other)), hours))
    assert witness.held(mine.home, ADDRESS)[0].at == AT + timedelta(hours=1)


def test_a_witness_that_missed_some_heads_says_which_it_has(mine: Owner, other: Path) -> None:
    first = cosigned(other, mine.request(key_of(other)))  # its answer is lost on the way
    mine.use("four")
    answer = cosigned(other, mine.request(key_of(other)))
    assert answer == first
    text = mine.request(key_of(other), checkpoint.read(answer).size)
    assert checkpoint.read(cosigned(other, text)).size == 4


def test_a_witness_that_lost_what_it_had_begins_anew(mine: Owner, other: Path, tmp_path: Path) -> None:
    mine.take(cosigned(other, mine.request(key_of(other))))
    mine.use("four")
    witness.unpin(other, witness.own_log(mine.home).verifier)
    witness.pin(other, witness.own_log(mine.home).verifier)
    assert cosigned(other, mine.request(key_of(other))) == ""
    assert checkpoint.read(cosigned(other, mine.request(key_of(other), 0))).size == 4


def test_an_old_head_that_is_cosigned_again_makes_no_later_entry_seem_witnessed(
    mine: Owner, other: Path
) -> None:
    """A hub that freezes a log for its witness: the lines are new, and the head is not."""
    mine.take(cosigned(other, mine.request(key_of(other))))
    frozen = mine.request(key_of(other))
    mine.use("four", "five")
    mine.take(cosigned(other, frozen, hours=1))
    mine.take(cosigned(other, frozen, hours=-1))
    assert witness.held(mine.home, ADDRESS)[0].at == AT + timedelta(hours=1)
    with sql.read(mine.records) as connection:
        later = clock.now() + timedelta(hours=1)
        assert witness.unseen(connection, mine.home, later) == [(key_of(other), 4)]
        assert witness.unseen(connection, mine.home, clock.now() - timedelta(hours=1)) == []


def forked(mine: Owner, home: Path, *entries: str) -> Owner:
    """Another history under the same key."""
    fork = owner(home, *entries)
    (home / "keys").mkdir()
    (home / "keys" / "log.pem").write_bytes((mine.home / "keys" / "log.pem").read_bytes())
    return fork


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (("one", "2", "three"), "two histories"),
        (("one", "2", "three", "four"), "Nothing shows that the log of 4 entries continues that of 3"),
    ],
)
def test_a_rewritten_log_is_not_cosigned_and_both_heads_are_kept(
    mine: Owner, other: Path, tmp_path: Path, entries: tuple[str, ...], said: str
) -> None:
    before = cosigned(other, mine.request(key_of(other)))
    fork = forked(mine, tmp_path / "fork", *entries)
    witness.pin(fork.home, key_of(other))
    with pytest.raises(Conflict, match=said):
        cosigned(other, fork.request(key_of(other), 3))
    (held,) = witness.held(other, ADDRESS)
    assert held.doubt
    assert (held.head, held.doubt.size) == (checkpoint.read(before), len(entries))
    assert held.forked == (len(entries) == 3)
    mine.use("four", "five")  # and goes on with the first history
    cosigned(other, mine.request(key_of(other), 3))
    assert (witness.held(other, ADDRESS)[0].doubt is not None) == held.forked


def test_a_doubt_ends_when_the_head_is_shown_to_continue_after_all(mine: Owner, other: Path) -> None:
    """A hub that changes a proof on its way makes a doubt, and no more than that."""
    mine.take(cosigned(other, mine.request(key_of(other))))
    mine.use("four")
    text = mine.request(key_of(other))
    asked = Request.read(text)
    with pytest.raises(Conflict):
        cosigned(other, Request(asked.old, asked.hashes[::-1], asked.note).text)
    mine.take(cosigned(other, text))
    assert witness.held(other, ADDRESS)[0].doubt is None


def test_an_older_head_that_comes_late_is_no_contradiction(mine: Owner, other: Path) -> None:
    old = mine.request(key_of(other))
    mine.take(cosigned(other, old))
    mine.use("four")
    new = cosigned(other, mine.request(key_of(other)))
    assert cosigned(other, old) == new
    assert witness.held(other, ADDRESS)[0].doubt is None


def test_the_owner_of_a_log_that_was_rolled_back_hears_of_it_from_the_witness(
    mine: Owner, other: Path, tmp_path: Path
) -> None:
    """The whole home was restored from a backup, with what it knew of its own heads."""
    mine.use("four")
    note = cosigned(other, mine.request(key_of(other)))
    back = forked(mine, tmp_path / "back", "one", "two", "three")
    witness.pin(back.home, key_of(other))
    with pytest.raises(Conflict, match="ends after entry 3, and a checkpoint stands for 4"):
        back.take(cosigned(other, back.request(key_of(other))))
    assert list(witness.notes(back.home).values()) == [
        note
    ]  # which `hanse audit verify` holds the log against


def test_what_nobody_pinned_is_neither_cosigned_nor_taken(mine: Owner, other: Path, tmp_path: Path) -> None:
    text = mine.request(key_of(other))
    with pytest.raises(Refused, match="No key of this log"):
        cosigned(tmp_path / "stranger", text)
    note = cosigned(other, text)
    witness.unpin(mine.home, key_of(other))
    with pytest.raises(Refused, match="No witness that is pinned"):
        mine.take(note)
    with pytest.raises(NotFound):
        witness.unpin(mine.home, key_of(other))
    with pytest.raises(BadInput, match="their own witness"):
        witness.pin(mine.home, witness.own_log(mine.home).verifier)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text.replace("old ", "old  "),
        lambda text: text.replace("old 0", "old 00"),
        lambda text: text.replace("old 0", "old -1"),
        lambda text: text.replace("\n\n", "\n", 1),
        lambda text: "old 0\n" + "A" * 44 + "\n\n" + text.split("\n\n", 1)[1],
        lambda text: "old 0\n" + ("A" * 43 + "=\n") * 64 + "\n" + text.split("\n\n", 1)[1],
        lambda text: text[:-10],
    ],
)
def test_what_is_no_request_is_refused(mine: Owner, other: Path, change: Callable[[str], str]) -> None:
    with pytest.raises(BadEnvelope):
        cosigned(other, change(mine.request(key_of(other))))
