"""What a log and its witnesses say to each other through a hub: texts that prove themselves (`lib.witness`).

The documents only say where a text goes. Whoever reads one verifies the text with the keys that are pinned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hanse.core import document, shape

HEAD_TYP = "hanse-head+jws"
COSIGNED_TYP = "hanse-cosigned+jws"
MOST_TEXT = 32 * 1024  # characters


@dataclass(frozen=True, slots=True)
class Head:
    """A request to cosign the head of a log, for the participant `to`; of several the one with the highest number
    counts."""

    to: str
    number: int
    request: str


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The newest head of a log that a witness has cosigned, for the participant `to`, who asked; empty when there is
    none. `witness` is its verifier key."""

    to: str
    number: int
    witness: str
    note: str


def decode_head(payload: bytes) -> Head:
    """The request in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Head, "head")
    return Head(_to(body), _number(body), shape.text(body, "request", least=1, most=MOST_TEXT))


def decode_cosigned(payload: bytes) -> Cosigned:
    """The answer in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Cosigned, "cosigned")
    witness = document.words(body, "witness", least=1)
    return Cosigned(_to(body), _number(body), witness, shape.text(body, "note", most=MOST_TEXT))


def _to(body: Mapping[str, Any]) -> str:
    return document.id(body, "to", "node")


def _number(body: Mapping[str, Any]) -> int:
    return shape.number(body, "number", least=1)
