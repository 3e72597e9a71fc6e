"""What the hub remembers of how nodes answered."""

from hanse.core.answer import NodeAnswer, NodeState
from hanse.hub.health import KEPT, Health, Times


def answer(state: NodeState, took_ms: int | None = None) -> NodeAnswer:
    return NodeAnswer(
        "node_a", "A", "FI", state, "2026-11-22T10:00:00Z", took_ms, problem={"title": "It broke"}
    )


def test_times_are_those_of_the_last_answers() -> None:
    health = Health()
    for took_ms in range(KEPT + 50):
        health.note(answer(NodeState.ANSWERED, took_ms))
    assert health.times("node_a") == Times(KEPT, 50, 100, 149)
    assert health.times("node_b") is None


def test_failures_are_told_newest_first_and_offline_is_none() -> None:
    health = Health()
    for state in (NodeState.FAILED, NodeState.LATE, NodeState.OFFLINE, NodeState.WAITING):
        health.note(answer(state))
    assert [(one.state, one.said) for one in health.failures()] == [
        (NodeState.LATE, "It broke"),
        (NodeState.FAILED, "It broke"),
    ]
    assert health.times("node_a") is None
