"""`kill -9` at any moment of an order: afterwards there is its result, or it is said that nothing left the node."""

import random
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.node import kill_target
from tests.node.permitted import Node, allow, make, order, ordered, permit_for

from hanse.core.errors import BadEnvelope
from hanse.lib import log, sql
from hanse.node.config import NodeConfig

KILLS = 12
SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["tests.node.kill_target"])


def run(config: NodeConfig, token: str, killed_after: float | None = None) -> float:
    """Carries out an order in a process that is killed after so many seconds; how long it lived."""
    process = SERVER.Process(target=kill_target.use, args=(config, token))
    started = time.monotonic()
    process.start()
    process.join(killed_after)
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    process.close()
    return time.monotonic() - started


def outcome(node: Node, token: str) -> str:
    """The result's token, or why there is none."""
    try:
        return node.gate.use(token)
    except BadEnvelope as problem:
        return problem.detail


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return make(tmp_path / "node")


def test_killed_at_any_moment_an_order_has_its_result_or_nothing_left(node: Node) -> None:
    said = allow(node, permit_for(node))
    run(node.config, ordered(order(node, said)))  # makes the index, and imports
    took = run(node.config, ordered(order(node, said)))
    chance = random.Random(3)
    for _ in range(KILLS):
        token = ordered(order(node, said))
        run(node.config, token, chance.uniform(0.3, 1.0) * took)
        node = node.restarted()
        found = outcome(node, token)
        assert found == outcome(node, token)
        assert "nothing left it" in found or found.count(".") == 2


def test_an_order_that_was_begun_and_cut_off_is_said_to_be_so_and_leaves_no_file(node: Node) -> None:
    """The moment between entry and data, as a kill leaves it."""
    said = allow(node, permit_for(node))
    token = ordered(order(node, said))
    node.uses.admit(token, "", node.store.live())
    (node.home / "results" / "half").write_text("not named by any row")
    node = node.restarted()
    with pytest.raises(
        BadEnvelope, match="stopped while it worked on this order, and nothing left it"
    ) as caught:
        node.gate.use(token)
    assert "A new order" in caught.value.hint
    assert list((node.home / "results").iterdir()) == []
    with sql.read(node.store.records) as connection:
        kinds = [one.kind for one in log.entries(connection)]
    assert "interrupted" in kinds
    assert node.gate.use(ordered(order(node, said)))
