"""What was done with the data under permits, as the node's log tells it: who, when, what for, and what left."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from hanse.core.dataset import canonical
from hanse.lib import log
from hanse.node.tables import CARRIED


class Outcome(StrEnum):
    """What became of an order, or of what was kept of orders."""

    AT_WORK = "at work"  # it was allowed, and nothing has left yet
    LEFT = "left"
    REFUSED = "refused"  # before anything was opened
    STOPPED = "stopped"  # after it was begun: a veto, a revocation, too few persons; nothing left
    INTERRUPTED = "interrupted"  # the node ended while it was at work; nothing left
    AGAIN = "handed over again"  # the answer that was kept
    DESTROYED = "destroyed"  # everything that was kept under the permit


@dataclass(frozen=True, slots=True)
class Used:
    """A use, or one that was not allowed. `entry` is its number in the log. `what` says what left, which rule refused
    or stopped it, or why something was destroyed; `data` are ids of versions."""

    entry: int
    at: str
    permit: str
    operation: str
    who: str
    data: tuple[str, ...]
    outcome: Outcome
    what: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a permit's budget was used here: orders that were begun, and when the last one was."""

    orders: int
    last: str


_BEGINNINGS: Mapping[str, Outcome] = {
    "use": Outcome.AT_WORK,
    "refusal": Outcome.REFUSED,
    "redelivery": Outcome.AGAIN,
    "deletion": Outcome.DESTROYED,
}
_ENDS: Mapping[str, Outcome] = {
    "result": Outcome.LEFT,
    "refusal": Outcome.STOPPED,
    "interrupted": Outcome.INTERRUPTED,
}


def used(connection: sa.Connection, most: int, permit: str = "") -> list[Used]:
    """What the newest `most` entries of the log tell of uses, the latest first; only under the permit with this id."""
    named = f'"permit":{canonical(permit).decode()}' if permit else '"permit":"'
    found: dict[int, Used] = {}
    at_work: dict[str, int] = {}  # the entry of each order that was begun
    for one in log.latest(connection, _BEGINNINGS.keys() | _ENDS.keys(), most, named):
        order = str(one.body.get("reference") or one.body.get("order"))
        began = at_work.pop(order, None) if one.kind in _ENDS else None
        if began is not None:
            found[began] = replace(found[began], outcome=_ENDS[one.kind], what=_what(one.body))
        elif one.kind in _BEGINNINGS:
            found[one.number] = _used(one)
            if one.kind == "use":
                at_work[order] = one.number
    return [found[number] for number in sorted(found, reverse=True)]


def _used(entry: log.Entry) -> Used:
    body: Mapping[str, Any] = entry.body
    return Used(
        entry=entry.number,
        at=entry.at,
        permit=str(body["permit"]),
        operation=str(body.get("operation", "")),
        who=str(body.get("who", "")),
        data=tuple(body.get("opened") or filter(None, [body.get("dataset")])),
        outcome=_BEGINNINGS[entry.kind],
        what="" if entry.kind == "use" else _what(body),
    )


def _what(body: Mapping[str, Any]) -> str:
    if "left" in body:
        return f"{body['left']}{', sealed' if body.get('sealed') else ''}"
    return str(body.get("decision") or body.get("reason") or "")


def standing(connection: sa.Connection, permit: str) -> Standing:
    """How much of its budget was used under the permit with this id."""
    counted = sa.select(sa.func.count(), sa.func.max(CARRIED.c.entry)).where(CARRIED.c.permit == permit)
    orders, entry = connection.execute(counted).one()
    at = connection.scalar(sa.select(log.LOG.c.at).where(log.LOG.c.number == entry)) if entry else ""
    return Standing(orders, at or "")
