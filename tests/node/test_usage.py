"""What the log tells of uses: each order once, with what became of it."""

from pathlib import Path

import pytest
from tests.node.permitted import Node, allow, make, order, ordered, permit_for

from hanse.core.errors import Problem
from hanse.core.permit import Permit
from hanse.lib import log, sql
from hanse.node import usage
from hanse.node.usage import Outcome, Standing, Used


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return make(tmp_path / "node")


@pytest.fixture
def permit(node: Node) -> Permit:
    return allow(node, permit_for(node))


def used(node: Node, permit: str = "", most: int = 100) -> list[Used]:
    with sql.read(node.store.records) as connection:
        return usage.used(connection, most, permit)


def standing(node: Node, permit: str) -> Standing:
    with sql.read(node.store.records) as connection:
        return usage.standing(connection, permit)


def test_a_use_says_who_what_for_and_what_left(node: Node, permit: Permit) -> None:
    node.gate.use(ordered(order(node, permit)))
    (one,) = used(node)
    assert (one.permit, one.operation, one.outcome) == (permit.id, "analyse", Outcome.LEFT)
    assert one.who.startswith("Principal Investigator, University of the North, key ")
    assert one.what == "intermediate of kaplan_meier"
    assert one.data == (f"{node.dataset}@1",)


def test_what_was_refused_stopped_interrupted_and_handed_over_again_is_told_apart(
    node: Node, permit: Permit
) -> None:
    token = ordered(order(node, permit))
    node.gate.use(token)
    node.gate.use(token)
    for many in ({"purpose": "53(1)(b)"}, {"selection": "person.age > 110"}):
        with pytest.raises(Problem):
            node.gate.use(ordered(order(node, permit, **many)))
    with sql.begin(node.store.records) as connection:  # as the gate leaves it when the process ends
        begun = {"who": "somebody", "permit": permit.id, "operation": "analyse", "reference": "f" * 64}
        log.append(connection, "use", begun | {"opened": ["dataset@1"], "decision": "allowed"})
        assert usage.used(connection, 1)[0].outcome is Outcome.AT_WORK
        log.append(connection, "interrupted", {"order": "f" * 64, "permit": permit.id})
    outcomes = [(one.outcome, one.what) for one in used(node)]
    assert outcomes == [
        (Outcome.INTERRUPTED, ""),
        (Outcome.STOPPED, "minimum"),
        (Outcome.REFUSED, "purpose"),
        (Outcome.AGAIN, ""),
        (Outcome.LEFT, "intermediate of kaplan_meier"),
    ]


def test_uses_are_told_by_permit(node: Node, permit: Permit) -> None:
    other = allow(node, permit_for(node))
    node.confirm(permit, other)
    for one in (permit, other, other):
        node.gate.use(ordered(order(node, one)))
    assert [one.permit for one in used(node, permit.id)] == [permit.id]
    assert len(used(node)) == 3
    assert used(node, "permit_unknown") == used(node, "%") == []
    assert standing(node, other.id) == Standing(2, used(node, other.id)[0].at)
    assert standing(node, "permit_unknown") == Standing(0, "")
