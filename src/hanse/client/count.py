"""A count under a permit: what each node signed as one table, with sums of what is known, as a search shows them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from hanse.analysis.result import Column, Number, Sheet
from hanse.analysis.result import Result as Released
from hanse.client.access import Granted
from hanse.core.answer import Counts, DatasetAnswer, NodeAnswer, NodeState, Rule, Totals, totals
from hanse.core.plain import counts_from_plain
from hanse.core.release import Limits, Why
from hanse.core.result import Result
from hanse.core.words import RULES, UNITS, left_out

if TYPE_CHECKING:
    from hanse.client.run import Part

METHOD = "count"
_WHY: Mapping[Rule, Why] = {
    Rule.EXACT: Why.EXACT,
    Rule.ROUNDED: Why.ROUNDED,
    Rule.EARLIER: Why.ROUNDED,
    Rule.CAPPED: Why.WITHHELD,
    Rule.WITHHELD: Why.WITHHELD,
    Rule.NOT_COUNTED: Why.WITHHELD,
}


def read(found: Result) -> Counts:
    """The counts in a verified result; `BadEnvelope` when it holds something else."""
    return counts_from_plain(found.aggregate)


def released(granted: Granted, parts: Sequence["Part"], limits: Limits) -> tuple[Released, Totals]:
    """A row for each dataset that was counted, and the sums. A node releases counts itself: nothing is rounded or
    withheld here."""
    names = {one["dataset"]: f"{one['dataset_name']}, {one['name'] or one['node']}" for one in granted.nodes}
    sums = totals(_nodes(parts))
    counted = [(one.order.dataset, read(one.result)) for one in parts if one.result]
    rows: list[tuple[str | Number, ...]] = [(names.get(id, id), *_numbers(one)) for id, one in counted]
    if sums.datasets_counted:  # a sum of nothing is no 0
        why = Why.EXACT if sums.exact else Why.ROUNDED
        rows.append(("all shown", *(Number(getattr(sums, unit), why) for unit in UNITS)))
    sheet = Sheet("Counts", (Column("dataset"), *map(Column, UNITS)), tuple(rows))
    rules = {one.rule for _, one in counted} - {Rule.EXACT}
    said = (f"{one.capitalize()}: {RULES[one]}" for one in Rule if one in rules)
    return Released(METHOD, (sheet,), None, limits, (left_out(sums), *said, sums.note)), sums


def _nodes(parts: Sequence["Part"]) -> Iterable[NodeAnswer]:
    """The parts as a search would have them: a row a node."""
    for node, mine in groupby(sorted(parts, key=lambda one: one.order.node), lambda one: one.order.node):
        found = tuple(
            DatasetAnswer(one.order.dataset, "", "", one.order.version, "", (), read(one.result))
            for one in mine
            if one.result
        )
        state = NodeState.ANSWERED if found else NodeState.REFUSED
        yield NodeAnswer(node, "", "", state, "", datasets=found)


def _numbers(counts: Counts) -> tuple[Number, ...]:
    return tuple(Number(getattr(counts, unit), _WHY[counts.rule]) for unit in UNITS)
