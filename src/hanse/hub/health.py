"""How nodes have answered lately, as far as this process of the hub has seen: kept in memory, and gone with it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from hanse.core.answer import NodeAnswer, NodeState

KEPT = 100  # answers of a node


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that a node did not answer: when, how, and what it or the hub said of it."""

    at: str
    node: str
    state: NodeState
    said: str


@dataclass(frozen=True, slots=True)
class Times:
    """How long a node took for its last answers, in milliseconds."""

    answers: int
    fastest_ms: int
    median_ms: int
    slowest_ms: int


@dataclass(frozen=True)
class Health:
    """Notes what nodes answer. Questions are not kept, nor who asked."""

    _took: dict[str, deque[int]] = field(default_factory=dict)
    _failures: deque[Failure] = field(default_factory=lambda: deque(maxlen=KEPT))

    def note(self, answer: NodeAnswer) -> None:
        """One answer, or that there was none in time."""
        if answer.state is NodeState.ANSWERED and answer.took_ms is not None:
            self._took.setdefault(answer.node, deque(maxlen=KEPT)).append(answer.took_ms)
        elif answer.state in (NodeState.FAILED, NodeState.REFUSED, NodeState.LATE):
            said = str((answer.problem or {}).get("title", ""))
            self._failures.append(Failure(answer.at, answer.node, answer.state, said))

    def times(self, node: str) -> Times | None:
        """The node's last answers; None when this process has seen none."""
        took = list(self._took.get(node, ()))
        return Times(len(took), min(took), round(median(took)), max(took)) if took else None

    def failures(self) -> Sequence[Failure]:
        """The last failures of all nodes, newest first."""
        return list(reversed(self._failures))
