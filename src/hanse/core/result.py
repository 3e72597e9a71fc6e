"""The result: what a node answers to an order, signed with the node's key.

It names everything that decided about the numbers: order, permit, version and its manifest, software, and the entry of
the node's log that was committed before data were opened. Where the order or the permit asks for it, the aggregate is
not in it: `sealed` is then the same result with its aggregate, signed by the node and encrypted to the reply key.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hanse.core import document, shape, wire
from hanse.core.errors import BadEnvelope

TYP = "hanse-result+jws"
MAX_TOKEN = (
    wire.MAX_RESULT
)  # characters: an aggregate of `analysis.method.MAX_CELLS` numbers, encoded three times
DELETION_TYP = "hanse-deletion+jws"
MAX_ORDERS = 500  # in one certificate: it stays below the size of a document
_SEALED = re.compile(r"([A-Za-z0-9_-]+\.){4}[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Result:
    """`order` and `permit` are the hashes of their payloads, `manifest` that of the version. `entry_number` and
    `entry_hash` name the entry of the node's log. Exactly one of `aggregate` (JSON) and `sealed` (a JWE) is there."""

    order: str
    permit: str
    node: str
    dataset: str
    version: int
    manifest: str
    software: str
    entry_number: int
    entry_hash: str
    at: datetime
    aggregate: Mapping[str, Any] | None
    sealed: str


def decode(payload: bytes) -> Result:
    """The result in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Result, "result")
    found = Result(
        order=document.digest(body, "order"),
        permit=document.digest(body, "permit"),
        node=document.id(body, "node", "node"),
        dataset=document.id(body, "dataset", "dataset"),
        version=shape.number(body, "version", least=1),
        manifest=document.digest(body, "manifest"),
        software=document.words(body, "software", least=1, most=100),
        entry_number=shape.number(body, "entry_number", least=1),
        entry_hash=document.digest(body, "entry_hash"),
        at=document.time(body, "at"),
        aggregate=None if body["aggregate"] is None else shape.mapping(body["aggregate"], "aggregate"),
        sealed=_sealed(body),
    )
    if (found.aggregate is None) == (not found.sealed):
        raise shape.wrong("result", "an aggregate or a sealed one")
    return found


def _sealed(body: Mapping[str, Any]) -> str:
    text = shape.text(body, "sealed", most=MAX_TOKEN)
    if text and not _SEALED.fullmatch(text):
        raise shape.wrong("sealed", "a compact JWE, or empty")
    return text


def opened(outer: Result, inner: Result) -> Result:
    """The result that was sealed in another one, both verified; `BadEnvelope` when it belongs to something else."""
    if inner.aggregate is None or replace(inner, aggregate=None, sealed=outer.sealed) != outer:
        raise BadEnvelope("What was sealed is not the result that it came with.")
    return inner


@dataclass(frozen=True, slots=True)
class Deletion:
    """A node says that nothing which was made under a permit is left there: `orders` are the hashes of the orders whose
    kept results were destroyed, `reason` is why."""

    id: str
    permit: str
    node: str
    reason: str
    orders: tuple[str, ...]
    at: datetime


def decode_deletion(payload: bytes) -> Deletion:
    """The certificate in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Deletion, "deletion")
    return Deletion(
        id=document.id(body, "id", "deletion"),
        permit=document.id(body, "permit", "permit"),
        node=document.id(body, "node", "node"),
        reason=document.words(body, "reason", least=1),
        orders=shape.items(body, "orders", _order, most=MAX_ORDERS),
        at=document.time(body, "at"),
    )


def _order(value: Any) -> str:
    return document.digest({"order": value}, "order")
