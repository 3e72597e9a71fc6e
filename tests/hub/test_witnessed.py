"""The hub's own log is cosigned by participants that pinned its key, and a rewritten one is found by them."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.hub.papers import HUB, NODES, now, participant, read
from tests.lib.test_witness import Owner, owner

from hanse.hub.office import Office
from hanse.hub.witnessed import Witnessed
from hanse.lib import log, sql, witness
from hanse.link.witnessing import EVERY, Witnessing

NODE = NODES[0]


class Between:
    """A hub whose log a node witnesses, and the post between the two."""

    def __init__(self, home: Path, records: sa.Engine, office: Office) -> None:
        self.home, self.records, self.office = home / "hub", records, office
        self.shown = Witnessed(self.home, records, HUB)
        self.node: Owner = owner(home / "node", "one")
        self.link = Witnessing(self.node.home, self.node.records, NODE)
        witness.pin(self.node.home, witness.own_log(self.home).verifier)
        witness.pin(self.home, witness.own_key(self.node.home, participant(NODE)).verifier)
        self.hours = 0

    def round(self) -> None:
        """The hub's head goes to the node, and its answer comes back."""
        at = now() + self.hours * EVERY
        self.hours += 1
        self.shown.look(at)
        letters = self.office.due(participant(NODE), [], at)
        assert self.link.receive(read(letters)) == []
        self.office.due(participant(NODE), [one.id for one in letters], at)
        self.office.receive(participant(NODE), list(self.link.due(at).values()), at)
        self.shown.look(at)

    def held(self, home: Path) -> witness.Held:
        (found,) = witness.held(home, participant(NODE))
        return found


@pytest.fixture
def between(tmp_path: Path, records: sa.Engine, office: Office) -> Between:
    (tmp_path / "hub").mkdir()
    return Between(tmp_path, records, office)


def test_a_node_cosigns_the_log_of_its_hub(between: Between) -> None:
    for _ in range(2):
        between.round()
        with sql.begin(between.records) as connection:
            log.append(connection, "approve", {"node": "node_x"})
    for home in (between.home, between.node.home):
        head = between.held(home).head
        assert head
        with sql.read(between.records) as connection:
            assert head.size == log.head(connection)[0] - 1


def test_a_log_that_a_hub_wrote_anew_is_not_cosigned(
    between: Between, caplog: pytest.LogCaptureFixture
) -> None:
    between.round()
    before = between.held(between.node.home).head
    with sql.begin(between.records) as connection:
        for table in log.TABLES:
            connection.execute(table.delete())
        for _ in range(9):
            log.append(connection, "approve", {"node": "another"})
    (between.home / witness.KEPT).unlink()  # and forgets what it has shown
    key = witness.own_key(between.node.home, participant(NODE)).verifier
    witness.unpin(between.home, key)
    witness.pin(between.home, key)
    for _ in range(3):
        between.round()
    assert between.held(between.node.home).head == before
    assert "was rewritten" in caplog.text  # as the witness's answer shows to whoever looks at the hub
