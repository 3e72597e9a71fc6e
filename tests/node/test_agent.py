"""The node's answer to a message: on the time grid, whatever it says, and without a word about how long it took."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from tests.node import permitted
from tests.node.test_gate import publish

from hanse.core import bodies, clock, envelope, strict_json
from hanse.core.envelope import Kind
from hanse.core.policy import Access
from hanse.domains import VOCABULARY
from hanse.node.agent import answer, carry_out, receive
from hanse.node.config import NodeConfig
from hanse.node.gate import Gate
from hanse.node.store import Store


@pytest.mark.parametrize("access", [Access.PROTECTED, Access.OPEN])
@pytest.mark.parametrize("question", ["", "image.modality = 'PT'", "image.modality = "])
def test_answers_and_refusals_leave_on_the_grid_when_anything_is_protected(
    tmp_path: Path, access: Access, question: str
) -> None:
    store = Store(tmp_path)
    publish(store, "images", 100, access)
    gate = Gate(store, VOCABULARY, tmp_path / "cache")
    asked = bodies.Question("search_1", question, (), 10.0, "anybody").as_dict()
    message = envelope.new(
        Kind.QUESTION, "hub_1", "node_1", asked, at=clock.now(), life=timedelta(seconds=10)
    )
    before = time.monotonic()
    reply = answer(NodeConfig(tmp_path, "node_1", "Node", "FI", "https://hub.example", "key"), gate, message)
    if access is Access.OPEN:
        assert reply.not_before == 0.0
        return
    ticks = (reply.not_before - before) / (gate.grid_ms / 1000)
    assert ticks >= 1
    assert abs(ticks - round(ticks)) < 0.05  # the grid begins when the message arrives, just after `before`
    assert reply.not_before >= time.monotonic() - 0.001


def message(kind: Kind, body: dict[str, object]) -> envelope.Envelope:
    return envelope.new(kind, "hub_1", "node_1", body, at=clock.now(), life=timedelta(seconds=10))


def test_results_and_refusals_of_orders_leave_on_the_grid(tmp_path: Path) -> None:
    """So that neither time nor size tells an unknown permit from a forbidden one."""
    node = permitted.make(tmp_path / "node")
    said = permitted.permit_for(node)
    body = {"documents": [permitted.sign(said)]}
    assert receive(node.permits, message(Kind.DOCUMENTS, body)) is None
    node.confirm(said)
    node.permits.approve(said.id, "A data manager")
    asked = permitted.order(node, said)
    strangers = permitted.ordered(permitted.order(node, said), permitted.STRANGER)
    unknown = permitted.ordered(permitted.order(node, permitted.permit_for(node)))
    replies = []
    for token in (permitted.ordered(asked), strangers, unknown):
        before = time.monotonic()
        replies.append(carry_out(node.gate, message(Kind.ORDER, {"order": token, "delegation": ""})))
        ticks = (replies[-1].not_before - before) / (node.gate.grid_ms / 1000)
        assert ticks >= 1
        assert replies[-1].not_before >= time.monotonic() - 0.001
    assert [one.kind for one in replies] == [Kind.RESULT, Kind.PROBLEM, Kind.PROBLEM]
    assert strict_json.dump(replies[1].body) == strict_json.dump(replies[2].body)
