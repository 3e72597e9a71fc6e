"""Heads on their way between two participants, in documents that anybody may carry, change, keep back or repeat."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.lib.test_witness import owner

from hanse.core import clock, ids
from hanse.core.witness import COSIGNED_TYP, Cosigned, decode_cosigned, decode_head
from hanse.lib import checkpoint, jws, log, sql, witness
from hanse.lib.jws import FileKey
from hanse.lib.witness import Held
from hanse.link.witnessing import EVERY, SIGN_EVERY, Witnessing


@dataclass
class Participant:
    """Somebody with a home, a log and a key of the link."""

    home: Path
    records: sa.Engine
    key: FileKey
    link: Witnessing

    @property
    def address(self) -> str:
        return ids.of_node(self.key.public.kid)

    @property
    def held(self) -> Held:
        (found,) = witness.held(self.home, self.address)
        return found

    def use(self, what: str) -> None:
        with sql.begin(self.records) as connection:
            log.append(connection, "use", {"what": what})

    def due(self, after: timedelta = timedelta(0)) -> list[str]:
        return list(self.link.due(clock.now() + after).values())

    def kinds(self) -> list[str]:
        with sql.read(self.records) as connection:
            return [one.kind for one in log.entries(connection)]


def participant(home: Path) -> Participant:
    made, key = owner(home, "one", "two", "three"), FileKey.generate()
    return Participant(home, made.records, key, Witnessing(home, made.records, key))


@pytest.fixture
def mine(tmp_path: Path) -> Participant:
    return participant(tmp_path / "mine")


@pytest.fixture
def other(tmp_path: Path, mine: Participant) -> Participant:
    """A witness of the log of `mine`."""
    made = participant(tmp_path / "other")
    witness.pin(made.home, witness.own_log(mine.home).verifier)
    witness.pin(mine.home, witness.own_key(made.home, made.address).verifier)
    return made


def test_a_head_is_cosigned_regularly_and_nothing_is_sent_in_between(
    mine: Participant, other: Participant
) -> None:
    for round in range(3):
        (head,) = mine.due(round * EVERY)
        assert decode_head(jws.unverified(head)).to == other.address
        assert mine.due(round * EVERY) == []
        another = mine.key.sign(b"{}", "hanse-permit+jws")
        assert other.link.receive([head, another]) == [another]
        (answer,) = other.due()
        assert decode_cosigned(jws.unverified(answer)).to == mine.address
        assert mine.link.receive([answer]) == []
        assert (mine.held.head and mine.held.head.size, mine.held.doubt) == (3 + round, None)
        mine.use("more")
    assert other.held.head == mine.held.head


def test_a_witness_that_missed_an_answer_is_asked_again_at_once(
    mine: Participant, other: Participant
) -> None:
    other.link.receive(mine.due())
    other.due()  # lost on the way
    mine.use("four")
    other.link.receive(mine.due(EVERY))
    mine.link.receive(other.due())
    other.link.receive(mine.due(EVERY))
    mine.link.receive(other.due())
    assert mine.held.head
    assert mine.held.head.size == 4


def test_a_rewritten_log_is_said_aloud_and_stands_in_the_log_of_the_witness(
    mine: Participant, other: Participant, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other.link.receive(mine.due())
    other.due()
    fork = owner(tmp_path / "fork", "one", "2", "three")
    (fork.home / "keys").mkdir()
    (fork.home / "keys" / "log.pem").write_bytes((mine.home / "keys" / "log.pem").read_bytes())
    witness.pin(fork.home, witness.own_key(other.home, other.address).verifier)
    said = list(Witnessing(fork.home, fork.records, mine.key).due(clock.now()).values())
    for _ in range(3):  # a hub may repeat it
        other.link.receive(said)
    assert caplog.text.count("two histories") == 1
    assert other.kinds().count("contradiction") == 1
    assert other.held.doubt
    assert other.due() == []


def test_records_that_were_restored_are_noticed_at_the_next_start_also_without_a_witness(
    mine: Participant, caplog: pytest.LogCaptureFixture
) -> None:
    assert mine.due() == []
    with sql.begin(mine.records) as connection:  # as a restored copy of the database leaves it
        connection.exec_driver_sql("DELETE FROM log WHERE number = 3")
    again = Witnessing(mine.home, mine.records, mine.key)
    for hours in range(3):
        assert again.due(clock.now() + hours * EVERY) == {}
    assert caplog.text.count("was rolled back") == 1


def test_a_log_that_grows_has_a_signed_head_within_seconds(mine: Participant) -> None:
    began = clock.now()
    mine.link.due(began)
    for round in range(1, 4):
        mine.use("more")
        mine.link.due(began + round * SIGN_EVERY)
        head = checkpoint.read((mine.home / witness.KEPT).read_text())
        assert head.size == 3 + round


def test_a_log_that_was_rolled_back_shows_no_head(mine: Participant, other: Participant) -> None:
    assert len(mine.due()) == 1
    with sql.begin(mine.records) as connection:
        connection.exec_driver_sql("DELETE FROM log WHERE number = 3")
    assert mine.due(EVERY) == []


def test_what_a_hub_makes_up_is_not_taken(mine: Participant, other: Participant) -> None:
    hub, own = FileKey.generate(), witness.own_key(other.home, other.address)
    other.link.receive(mine.due())
    said = decode_cosigned(jws.unverified(other.due()[0]))
    lines = said.note.splitlines(keepends=True)
    forged = "".join(lines[:-1]) + lines[-1].replace("A", "B")
    for note in (forged, "".join(lines[:-1]), "nothing"):
        made_up = Cosigned(mine.address, 1, str(own.verifier), note)
        assert mine.link.receive([jws.issue(hub, made_up, COSIGNED_TYP)]) == []
    assert mine.held.head is None
    assert mine.link.receive(["not a token"]) == []
