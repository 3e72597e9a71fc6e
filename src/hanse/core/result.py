"""The result: what a node answers to an order, signed with the node's key.

It names everything that decided about the numbers: order, permit, version and its manifest, software, and the entry of
the node's log that was committed before data were opened. The aggregate is not in it, so that it may be shown: it comes
beside the token, after a tilde, and the token holds the hash of what comes: a disclosure, as RFC 9901 (4.2) makes one,
with 128 random bits, since few numbers are soon guessed. Where the order or the permit asks for it, the disclosure is
encrypted to the reply key.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hanse.core import bodies, document, shape
from hanse.core.errors import BadEnvelope

TYP = "hanse-result+jws"
# Characters of an answer: an aggregate of `analysis.method.MAX_CELLS` numbers, encoded three times.
MAX_TOKEN = bodies.MAX_RESULT
DELETION_TYP = "hanse-deletion+jws"
MAX_ORDERS = 500  # in one certificate: it stays below the size of a document
_BLOCK = 1024  # bytes: an aggregate takes up so many, or a multiple
_BESIDE = "~"  # stands between a token and its disclosure (RFC 9901, 4)
_SEALED = re.compile(r"([A-Za-z0-9_-]+\.){4}[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Result:
    """`order` and `permit` are the hashes of their payloads, `manifest` that of the version. `entry_number` and
    `entry_hash` name the entry of the node's log. `aggregate` is the SHA-256 of the disclosure that holds it.

    Earlier nodes put JSON there, or None and in `sealed` (a JWE) the same result with its aggregate, signed."""

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
    aggregate: Mapping[str, Any] | str | None
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
        aggregate=_aggregate(body),
        sealed=_sealed(body),
    )
    if (found.aggregate is None) == (not found.sealed):
        raise shape.wrong("result", "an aggregate or a sealed one")
    return found


def _aggregate(body: Mapping[str, Any]) -> Mapping[str, Any] | str | None:
    if body["aggregate"] is None:
        return None
    if isinstance(body["aggregate"], str):
        return document.digest(body, "aggregate")
    return shape.mapping(body["aggregate"], "aggregate")


def _sealed(body: Mapping[str, Any]) -> str:
    text = shape.text(body, "sealed", most=MAX_TOKEN)
    if text and not _SEALED.fullmatch(text):
        raise shape.wrong("sealed", "a compact JWE, or empty")
    return text


def opened(outer: Result, inner: Result) -> Result:
    """The result that was sealed in another one, both verified; `BadEnvelope` when it belongs to something else."""
    if (
        not isinstance(inner.aggregate, Mapping)
        or replace(inner, aggregate=None, sealed=outer.sealed) != outer
    ):
        raise BadEnvelope("What was sealed is not the result that it came with.")
    return inner


def apart(whole: Result, salt: bytes) -> tuple[Result, str]:
    """The result that is signed in the place of one with an open aggregate, and the disclosure that comes beside it.
    `salt` are 16 random bytes at least; it is filled up, so that the length tells little."""
    length = len(_disclosure(_encoded(salt), whole))
    disclosure = _encoded(_disclosure(_encoded(salt) + "A" * _filling(length), whole))
    return replace(whole, aggregate=_digest(disclosure)), disclosure


def _disclosure(salt: str, whole: Result) -> bytes:
    return json.dumps([salt, "aggregate", whole.aggregate], separators=(",", ":"), allow_nan=False).encode()


def _filling(length: int) -> int:
    """What is missing to the next of few lengths, which are an eighth to a quarter apart: that of a sealed answer would
    tell how many digits its counts have."""
    return -length % max(_BLOCK, 1 << length.bit_length() - 3)


def join(token: str, disclosure: str) -> str:
    """A node's answer as one text."""
    return f"{token}{_BESIDE}{disclosure}" if disclosure else token


def split(answer: str) -> tuple[str, str]:
    """The token in a node's answer and what stands beside it: a disclosure, or one that is sealed, or nothing."""
    token, _, disclosure = answer.partition(_BESIDE)
    return token, disclosure


def disclosed(said: Result, disclosure: str) -> Result:
    """The verified result `said` with the aggregate that came beside it; `BadEnvelope` when it is not the one whose
    hash was signed. A result that holds its aggregate itself has nothing beside it."""
    if not isinstance(said.aggregate, str):
        if disclosure or said.aggregate is None:
            raise BadEnvelope("This result is of another form: its aggregate does not come beside it.")
        return said
    if _digest(disclosure) != said.aggregate:
        raise BadEnvelope("What came beside the result is not what the node signed.")
    try:
        _salt, name, aggregate = document.load(base64.urlsafe_b64decode(disclosure + "=="))
    except (ValueError, TypeError):
        raise BadEnvelope("What came beside the result cannot be read.") from None
    if name != "aggregate":
        raise BadEnvelope("What came beside the result is no aggregate.")
    return replace(said, aggregate=shape.mapping(aggregate, "aggregate"))


def _digest(disclosure: str) -> str:
    return hashlib.sha256(disclosure.encode("ascii", "replace")).hexdigest()


def _encoded(raw: bytes) -> str:
    """Base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


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
