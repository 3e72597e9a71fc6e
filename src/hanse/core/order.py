"""The order: one use under a permit, signed by a person's key or by a device to which that key delegated.

The hub only carries it. A node carries it out at most once, and everything that decides about the result stands in
it: nothing that the hub adds is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hanse.core import document, shape
from hanse.core.dataset import canonical
from hanse.core.document import Jwk
from hanse.core.scope import Operation, Purpose, selection, thumbprint, unique

TYP = "hanse-order+jws"
DELEGATION_TYP = "hanse-delegation+jws"
MAX_LIFE = timedelta(days=7)
MAX_DELEGATION = timedelta(days=30)
MAX_PARAMETERS = 32 * 1024  # bytes of JSON
_METHOD = re.compile(r"([a-z][a-z0-9_-]{0,63}(@[0-9]{1,4})?)?")


@dataclass(frozen=True, slots=True)
class Order:
    """`permit` is the hash of the permit's payload. `selection` narrows what the permit selects. `method` names a
    registered step, `parameters` are its own; both are empty for operations that have none. `reply_key` is the
    public key to which answers are encrypted, or None."""

    id: str
    permit: str
    node: str
    dataset: str
    version: int
    operation: Operation
    purpose: Purpose
    selection: str
    method: str
    parameters: Mapping[str, Any]
    issued: datetime
    expires: datetime
    reply_key: Jwk | None


@dataclass(frozen=True, slots=True)
class Delegation:
    """A person's key lets a device's key sign orders for a while. `permit` is the id of one permit."""

    id: str
    permit: str
    device: Jwk
    operations: tuple[Operation, ...]
    issued: datetime
    expires: datetime

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint of the device's key."""
        return thumbprint(self.device)


def decode(payload: bytes) -> Order:
    """The order in verified bytes; `BadEnvelope` or `BadQuestion` when they hold anything else."""
    body = document.exactly(document.load(payload), Order, "order")
    return Order(
        id=document.id(body, "id", "order"),
        permit=document.digest(body, "permit"),
        node=document.id(body, "node", "node"),
        dataset=document.id(body, "dataset", "dataset"),
        version=shape.number(body, "version", least=1),
        operation=shape.choice(body, "operation", Operation),
        purpose=shape.choice(body, "purpose", Purpose),
        selection=selection(body),
        method=document.matching(body, "method", _METHOD, "the name of a method, or empty"),
        parameters=_parameters(body),
        issued=document.time(body, "issued"),
        expires=document.time(body, "expires"),
        reply_key=None if body["reply_key"] is None else document.jwk(body, "reply_key"),
    )


def decode_delegation(payload: bytes) -> Delegation:
    """The delegation in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Delegation, "delegation")
    return Delegation(
        id=document.id(body, "id", "delegation"),
        permit=document.id(body, "permit", "permit"),
        device=document.jwk(body, "device"),
        operations=unique(body, "operations", _operation, most=len(Operation)),
        issued=document.time(body, "issued"),
        expires=document.time(body, "expires"),
    )


def _operation(value: Any) -> Operation:
    return shape.choice({"operation": value}, "operation", Operation)


def _parameters(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = shape.mapping(body.get("parameters"), "parameters")
    if len(canonical(dict(found))) > MAX_PARAMETERS:
        raise shape.wrong("parameters", f"an object of at most {MAX_PARAMETERS} bytes")
    return found
