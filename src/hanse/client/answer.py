"""The answer to one question, while it comes: a row per node, and sums."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, fields
from html import escape
from typing import TYPE_CHECKING, Any

from hanse.core.answer import CriterionState, NodeAnswer, Rule, Totals
from hanse.core.errors import Unreachable
from hanse.core.plain import answer_from_plain, answer_to_plain
from hanse.core.words import STATES, UNITS, left_out, number, remarks

if TYPE_CHECKING:
    import pandas


class Answer:
    """One question's answers. Iterating gives each node's answer as it arrives, and may be done again; `nodes`,
    `totals` and `table()` wait for the last one. `close()`, or leaving a `with` block, stops listening."""

    def __init__(self, events: Generator[tuple[str, Any]]) -> None:
        self._events = events
        self._nodes: list[NodeAnswer] = []
        self._totals: Totals | None = None
        asked = self._next()
        self.search: str = asked["search"]
        self.question: str = asked["question"]["text"]
        self.question_json: Any = asked["question"]["json"]
        self.warnings: tuple[str, ...] = tuple(asked["warnings"])
        self.waiting: tuple[NodeAnswer, ...] = tuple(answer_from_plain(one) for one in asked["nodes"])

    def __iter__(self) -> Iterator[NodeAnswer]:
        position = 0
        while position < len(self._nodes) or self._totals is None:
            if position == len(self._nodes):
                self._take()
            else:
                yield self._nodes[position]
                position += 1

    @property
    def nodes(self) -> list[NodeAnswer]:
        """Every node's answer, those that were late, offline or refused included."""
        return list(self)

    @property
    def totals(self) -> Totals:
        """Sums over datasets; `note` says what a sum does not say."""
        while self._totals is None:
            self._take()
        return self._totals

    def table(self) -> "pandas.DataFrame":
        """A row per node and dataset, numbers as `Int64` with NA where none was given; a node without an answer has
        a row with its state and no dataset."""
        import pandas

        rows = [row for node in self for row in _rows(node)]
        return pandas.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def as_dict(self) -> dict[str, Any]:
        """The whole answer as plain JSON, as `POST /api/v1/search` gives it."""
        return {
            "search": self.search,
            "question": {"text": self.question, "json": self.question_json},
            "warnings": list(self.warnings),
            "nodes": [answer_to_plain(node) for node in self],
            "totals": asdict(self.totals),
        }

    def close(self) -> None:
        """Stop listening to the hub."""
        self._events.close()

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self) -> Any:
        """The data of the next event; a stream that ends early is a problem, never a short answer."""
        for name, data in self._events:
            if name == "done":
                self._totals = _totals(data["totals"])
            if name in ("asked", "node", "done"):
                return data
        raise Unreachable(
            "The hub closed the connection before all answers were there", hint="Ask the same question again."
        )

    def _take(self) -> None:
        data = self._next()
        if self._totals is None:
            self._nodes.append(answer_from_plain(data))

    def __repr__(self) -> str:
        if self._totals is None:
            return f"<Answer to {self.question!r}: {len(self._nodes)} of {len(self.waiting)} nodes so far>"
        sums = ", ".join(f"{getattr(self._totals, unit):,} {unit}" for unit in UNITS)
        return f"<Answer to {self.question!r}: {sums}; {self._totals.nodes_answered} of {self._totals.nodes} nodes>"

    def _repr_html_(self) -> str:
        """What a notebook shows: every dataset that gave a number, and every node's state."""
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in _cells(self)
        )
        head = "".join(f"<th>{one}</th>" for one in ("node", "dataset", *UNITS, "remarks"))
        sums = self.totals
        said = ", ".join(f"{getattr(sums, unit):,} {unit}" for unit in UNITS)
        return (
            f"<p><code>{escape(self.question)}</code></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{said}. {escape(left_out(sums))} {escape(sums.note)}</p>"
        )


def _totals(body: Mapping[str, Any]) -> Totals:
    return Totals(**{one.name: body[one.name] for one in fields(Totals)})


COLUMNS = {
    "node": "string",
    "country": "string",
    "state": "string",
    "dataset": "string",
    "title": "string",
    "version": "Int64",
    "access": "string",
    "persons": "Int64",
    "studies": "Int64",
    "series": "Int64",
    "rule": "string",
    "not_applied": "object",
}


def _rows(node: NodeAnswer) -> Iterator[dict[str, Any]]:
    who = {"node": node.name, "country": node.country, "state": node.state.value}
    if not node.datasets:
        yield {**who, "not_applied": ()}
    for one in node.datasets:
        yield {
            **who,
            "dataset": one.name,
            "title": one.title,
            "version": one.version,
            "access": one.access,
            "persons": one.counts.persons,
            "studies": one.counts.studies,
            "series": one.counts.series,
            "rule": one.counts.rule.value,
            "not_applied": tuple(
                part.criterion for part in one.criteria if part.state is not CriterionState.APPLIED
            ),
        }


def _cells(nodes: "Answer") -> Iterator[tuple[str, ...]]:
    for node in nodes:
        if not node.datasets:
            yield node.name, STATES[node.state], "", "", "", ""
        for one in node.datasets:
            if one.counts.persons != 0 or one.counts.rule is not Rule.EXACT:
                numbers = (number(one.counts, unit) for unit in UNITS)
                yield node.name, one.title, *numbers, "; ".join(remarks(one))
