"""The refusal: an authority's signed decision that an application gets no permit, and why (EHDS Article 68(9))."""

from dataclasses import dataclass
from datetime import datetime

from hanse.core import document

TYP = "hanse-refusal+jws"
MAX_REASON = 4000  # characters


@dataclass(frozen=True, slots=True)
class Refusal:
    """`application` is the identity of the signed application that was decided."""

    id: str
    authority: str
    application: str
    officer: str
    reason: str
    at: datetime


def decode(payload: bytes) -> Refusal:
    """The refusal in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Refusal, "refusal")
    return Refusal(
        id=document.id(body, "id", "refusal"),
        authority=document.id(body, "authority", "authority"),
        application=document.digest(body, "application"),
        officer=document.words(body, "officer", least=1),
        reason=document.words(body, "reason", least=1, most=MAX_REASON),
        at=document.time(body, "at"),
    )
