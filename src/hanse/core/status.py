"""What says that a permit still holds: the status of its authority, and the approval or veto of the holder.

A status is numbered and expires: a node keeps the highest number that it saw, and without a fresh status it refuses.
So an authority that revokes, and a hub that keeps that back, end the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hanse.core import document, shape
from hanse.core.document import Jwk
from hanse.core.scope import unique

STATUS_TYP = "hanse-status+jws"
APPROVAL_TYP = "hanse-approval+jws"
VETO_TYP = "hanse-veto+jws"
RECEIPT_TYP = "hanse-receipt+jws"
MAX_PERMITS = 250  # current, and as many revoked: a status stays below the size of a token


@dataclass(frozen=True, slots=True)
class Status:
    """What an authority says to one node: the hash of the version that counts for each permit, by the permit's id,
    and the ids of those that it revoked."""

    authority: str
    node: str
    number: int
    issued: datetime
    expires: datetime
    current: Mapping[str, str]
    revoked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """A holder agrees that its data are used under exactly these bytes; `permit` is the hash of the payload."""

    id: str
    permit: str
    node: str
    officer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Veto:
    """A holder stops the use of its data under a permit, whatever its version; `permit` is the permit's id."""

    id: str
    permit: str
    node: str
    officer: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a node holds of an authority's documents: the number of the newest status, or 0, and the hash of the newest
    version of each permit, by the permit's id. `jwk` is the node's key, of which its id is made; of several receipts
    the one with the highest `number` counts."""

    authority: str
    node: str
    jwk: Jwk
    number: int
    status: int
    permits: Mapping[str, str]


def decode(payload: bytes) -> Status:
    """The status in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Status, "status")
    return Status(
        authority=document.id(body, "authority", "authority"),
        node=document.id(body, "node", "node"),
        number=shape.number(body, "number", least=1),
        issued=document.time(body, "issued"),
        expires=document.time(body, "expires"),
        current=_hashes(body, "current"),
        revoked=unique(body, "revoked", _permit_id, most=MAX_PERMITS),
    )


def decode_approval(payload: bytes) -> Approval:
    """The approval in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Approval, "approval")
    return Approval(
        id=document.id(body, "id", "approval"),
        permit=document.digest(body, "permit"),
        node=document.id(body, "node", "node"),
        officer=document.words(body, "officer", least=1),
        at=document.time(body, "at"),
    )


def decode_veto(payload: bytes) -> Veto:
    """The veto in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Veto, "veto")
    return Veto(
        id=document.id(body, "id", "veto"),
        permit=document.id(body, "permit", "permit"),
        node=document.id(body, "node", "node"),
        officer=document.words(body, "officer", least=1),
        reason=document.words(body, "reason", most=2000),
        at=document.time(body, "at"),
    )


def decode_receipt(payload: bytes) -> Receipt:
    """The receipt in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Receipt, "receipt")
    return Receipt(
        authority=document.id(body, "authority", "authority"),
        node=document.id(body, "node", "node"),
        jwk=document.jwk(body, "jwk"),
        number=shape.number(body, "number", least=1),
        status=shape.number(body, "status"),
        permits=_hashes(body, "permits"),
    )


def _hashes(body: Mapping[str, Any], name: str) -> Mapping[str, str]:
    found = shape.mapping(body[name], name)
    if len(found) > MAX_PERMITS:
        raise shape.wrong(name, f"an object of at most {MAX_PERMITS} permits")
    return {_permit_id(id): document.digest(found, id) for id in found}


def _permit_id(value: Any) -> str:
    return document.id({"permit": value}, "permit", "permit")
