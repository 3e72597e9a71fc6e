"""The revocation: an authority's decision that a permit counts no more, in all its versions.

It stays with the authority, and says what an officer agreed to; nodes are told by the status.
"""

from dataclasses import dataclass
from datetime import datetime

from hanse.core import document
from hanse.core.refusal import MAX_REASON

TYP = "hanse-revocation+jws"


@dataclass(frozen=True, slots=True)
class Revocation:
    """`permit` is the permit's id, `hash` the identity of its newest version."""

    authority: str
    permit: str
    hash: str
    officer: str
    reason: str
    at: datetime


def decode(payload: bytes) -> Revocation:
    """The revocation in bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Revocation, "revocation")
    return Revocation(
        authority=document.id(body, "authority", "authority"),
        permit=document.id(body, "permit", "permit"),
        hash=document.digest(body, "hash"),
        officer=document.words(body, "officer", least=1),
        reason=document.words(body, "reason", least=1, most=MAX_REASON),
        at=document.time(body, "at"),
    )
