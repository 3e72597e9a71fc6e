"""A decision before it is signed: its bytes, and what they say."""

from dataclasses import dataclass
from typing import Any

from hanse.core import document, permit_words
from hanse.core.errors import BadEnvelope, BadInput
from hanse.core.permit_words import Said
from hanse.core.refusal import MAX_REASON


@dataclass(frozen=True, slots=True)
class Draft:
    """The bytes of a decision that nobody signed yet, what they say, and where that is more than was asked for."""

    payload: bytes
    said: Said
    beyond: tuple[str, ...] = ()


def drafted(said: Any, typ: str) -> Draft:
    """The draft of a document of this type."""
    payload = document.encode(said)
    return Draft(payload, permit_words.say(payload, typ))


def reason(text: str) -> str:
    """A reason as it is written into a decision; `BadInput` when there is none on one line."""
    try:
        return document.words({"reason": text.strip()}, "reason", least=1, most=MAX_REASON)
    except BadEnvelope:
        raise BadInput("The reason is empty, too long, or not printable on one line.") from None
