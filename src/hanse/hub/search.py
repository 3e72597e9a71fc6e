"""One question to all nodes: checked here, answered there, passed on as the answers come.

The hub adds nothing to a count and takes nothing away. A node that is dead, slow, refuses or fails is a row
of the answer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from hanse.core import bodies, clock, ids, plain, shape
from hanse.core.answer import NodeAnswer, NodeState, totals
from hanse.core.check import check, resolve
from hanse.core.envelope import Kind
from hanse.core.errors import BadEnvelope, BadQuestion, Problem, Unreachable
from hanse.core.fields import Vocabulary
from hanse.core.query import Question
from hanse.core.reading import read
from hanse.hub import registry
from hanse.hub.health import Health
from hanse.hub.registry import Node, State
from hanse.lib import sql
from hanse.lib.jws import Signer
from hanse.link.asking import ask
from hanse.link.mailbox import Mailbox, Reply

MAX_BREAKDOWNS = 20
MAX_DEADLINE_S = 120.0
MAX_UNDER_WAY = 64  # questions that one hub process asks at once

Event = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that has been read and checked. `datasets` limits the answer to those; empty means all."""

    question: Question
    breakdowns: tuple[str, ...]
    datasets: frozenset[str]
    deadline_s: float
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Search:
    """Asks the nodes of one hub. `vocabulary` is the hub's: it warns, the nodes' own decide."""

    records: sa.Engine
    mailbox: Mailbox
    signer: Signer
    vocabulary: Vocabulary
    deadline_s: float = 10.0
    under_way: dict[str, float] = field(default_factory=dict)  # until when each waits, on the monotonic clock
    health: Health = field(default_factory=Health)

    @property
    def asking(self) -> int:
        """How many questions wait for nodes. One whose answers nobody takes, though all are there, does not count:
        else a few readers who stop reading would keep everybody from asking."""
        now = time.monotonic()
        return sum(until > now for until in tuple(self.under_way.values()))

    def read(
        self,
        source: Any,
        breakdowns: Sequence[str] = (),
        datasets: Sequence[str] = (),
        deadline_s: float | None = None,
    ) -> Asked:
        """Reads and checks what somebody asks; raises `BadQuestion`, or `Unreachable` when too many are asking."""
        if self.asking >= MAX_UNDER_WAY:
            raise Unreachable(
                f"The hub is asking {MAX_UNDER_WAY} questions already.", hint="Ask again in a few seconds."
            )
        question, notes = resolve(read(source), self.vocabulary)
        warnings = notes + check(question, self.vocabulary, source if isinstance(source, str) else "")
        for name in breakdowns:
            known = self.vocabulary.get(name)
            if known is None or not known.breakdown:
                offered = ", ".join(one.name for one in self.vocabulary.fields.values() if one.breakdown)
                raise BadQuestion(f"Counts are not broken down by {name}.", hint=f"Offered: {offered}")
        if len(breakdowns) > MAX_BREAKDOWNS:
            raise BadQuestion(f"At most {MAX_BREAKDOWNS} breakdowns are answered at once.")
        wait_s = min(max(deadline_s or self.deadline_s, 0.1), MAX_DEADLINE_S)
        unique = tuple(dict.fromkeys(breakdowns))
        return Asked(question, unique, frozenset(datasets), wait_s, tuple(warnings))

    async def ask(self, asked: Asked) -> AsyncIterator[Event]:
        """`asked`, then a `node` for each node as its state becomes known, then `done` with the totals."""
        search, at = ids.new("search"), clock.now()
        nodes = {node.id: node for node in await asyncio.to_thread(self._nodes)}
        online = [node for node in nodes.values() if node.online(at)]
        answers = {
            node.id: _silent(node, NodeState.WAITING if node in online else NodeState.OFFLINE)
            for node in nodes.values()
        }
        yield "asked", _asked(search, asked, clock.text(at), answers.values())
        self.under_way[search] = time.monotonic() + asked.deadline_s
        try:
            async with aclosing(self._answers(search, asked, online)) as heard:
                async for answer in heard:
                    answers[answer.node] = answer
                    self.health.note(answer)
                    yield "node", plain.answer_to_plain(answer)
        finally:
            self.under_way.pop(search, None)
        for node, answer in answers.items():
            if answer.state in (NodeState.WAITING, NodeState.OFFLINE):
                late = answer.state is NodeState.WAITING
                answers[node] = replace(answer, state=NodeState.LATE if late else NodeState.OFFLINE)
                self.health.note(answers[node])
                yield "node", plain.answer_to_plain(answers[node])
        yield "done", {"search": search, "totals": asdict(totals(answers.values()))}

    async def _answers(self, search: str, asked: Asked, nodes: Sequence[Node]) -> AsyncIterator[NodeAnswer]:
        """The nodes' answers, as they come, until the deadline."""
        known = {node.id: node for node in nodes}
        body = bodies.Question(
            search=search,
            question=asked.question.json,
            breakdowns=asked.breakdowns,
            deadline_s=asked.deadline_s,
            asker="anybody",
            datasets=tuple(sorted(asked.datasets)),
        )
        began = time.monotonic()
        replies = ask(self.mailbox, self.signer, known, body.as_dict(), asked.deadline_s)
        async with aclosing(replies):
            async for reply in replies:
                took_ms = round((time.monotonic() - began) * 1000)
                yield await _heard(reply, known[reply.node], took_ms, asked.datasets)

    async def whole(self, asked: Asked) -> dict[str, Any]:
        """The same as one object, when all is there: the nodes in the order of their names."""
        body: dict[str, Any] = {}
        nodes: dict[str, Mapping[str, Any]] = {}
        async with aclosing(self.ask(asked)) as events:
            async for name, data in events:
                if name == "node":
                    nodes[data["node"]] = data
                else:
                    nodes |= {node["node"]: node for node in data.get("nodes", ())}
                    body |= data
        return body | {"nodes": list(nodes.values())}

    def _nodes(self) -> list[Node]:
        with sql.read(self.records) as connection:
            return registry.nodes(connection, State.ACTIVE)


def _asked(search: str, asked: Asked, at: str, states: Iterable[NodeAnswer]) -> dict[str, Any]:
    return {
        "search": search,
        "question": {"text": asked.question.text, "json": asked.question.json},
        "asked": at,
        "warnings": list(asked.warnings),
        "nodes": [plain.answer_to_plain(state) for state in states],
    }


def _silent(node: Node, state: NodeState) -> NodeAnswer:
    return NodeAnswer(
        node=node.id,
        name=node.name,
        country=node.country,
        state=state,
        at=clock.text(clock.now()),
        vocabulary=node.vocabulary,
        software=node.software,
    )


async def _heard(reply: Reply, node: Node, took_ms: int, datasets: frozenset[str]) -> NodeAnswer:
    """What a node replied, under the name and country that the hub knows it by."""
    try:
        if reply.kind is Kind.PROBLEM:
            problem = shape.problem(reply.body)
            state = NodeState.FAILED if problem["status"] >= 500 else NodeState.REFUSED
            return replace(_silent(node, state), took_ms=took_ms, problem=problem)
        # Reading a large answer strictly takes some ten milliseconds; others are being served meanwhile.
        reading = asyncio.to_thread(plain.answer_from_plain, reply.body) if _is_large(reply.body) else None
        answer = await reading if reading else plain.answer_from_plain(reply.body)
        if any(one.dataset != ids.of_dataset(node.key.kid, one.name) for one in answer.datasets):
            raise BadEnvelope("It counts a dataset that is not the node's.")
    except Problem as error:
        told = BadEnvelope(f"The node's answer cannot be used: {error.detail}").as_dict()
        return replace(_silent(node, NodeState.FAILED), took_ms=took_ms, problem=told)
    wanted = tuple(one for one in answer.datasets if not datasets or one.dataset in datasets)
    return replace(
        answer,
        node=node.id,
        name=node.name,
        country=node.country,
        state=NodeState.ANSWERED,
        took_ms=took_ms,
        datasets=wanted,
        problem=None,
    )


def _is_large(body: Any) -> bool:
    """Whether an answer, which may still be anything, claims to have many datasets."""
    datasets = body.get("datasets") if isinstance(body, dict) else None
    return isinstance(datasets, list) and len(datasets) > 20
