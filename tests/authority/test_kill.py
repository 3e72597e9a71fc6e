"""`kill -9` at any moment leaves decisions that are whole: records, statuses, what is to be sent, and the log."""

import random
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.authority import kill_target
from tests.authority.office import NODE, OTHER_NODE, Office, office

from hanse.authority.tables import APPLICATION, FILE, OUTGOING, PERMIT, REVOKED, STATUS
from hanse.core import permit as permits
from hanse.lib import log, sql

KILLS = 5
SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["tests.authority.kill_target"])


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_decision_is_whole_or_was_never_made(tmp_path: Path, seed: int) -> None:
    process = SERVER.Process(target=kill_target.decide, args=(tmp_path,))
    process.start()
    while not (tmp_path / FILE).exists() and process.is_alive():
        process.join(0.005)
    process.join(0.2 + random.Random(seed).random())
    process.kill()
    process.join()
    with office(tmp_path) as here:
        whole(here)


def whole(here: Office) -> None:
    """That every table tells of the same decisions."""
    with sql.read(here.records) as connection:
        size = log.verify(connection)
        told = Counter(one.kind for one in log.entries(connection))
        rows = {
            table.name: connection.execute(sa.select(table)).all()
            for table in (APPLICATION, PERMIT, REVOKED, STATUS, OUTGOING)
        }
    states = Counter(one.state for one in rows["application"])
    assert size == sum(told.values())
    assert len(rows["application"]) == told["application"]
    assert states["permitted"] == len(rows["permit"]) == told["permit"]
    assert len(rows["revoked"]) == told["revoke"]
    # Nobody has sent anything: every permit waits, and the newest status of each node.
    waiting = {permits.decode(one).id for one in here.outgoing(permits.TYP)}
    assert waiting == {one.id for one in rows["permit"]}
    revoked = {one.id for one in rows["revoked"]}
    for said in here.statuses().values():
        assert (said.current.keys(), set(said.revoked)) == (waiting - revoked, revoked)
    numbers = {one.node: one.number for one in rows["status"]}
    assert numbers == {node: said.number for node, said in here.statuses().items()}
    assert not numbers or set(numbers) == {NODE, OTHER_NODE}
