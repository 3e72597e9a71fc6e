"""The attestation: a person says with their key that a released result is the one that they got.

What the nodes sign does not hold the released numbers, and nobody else can compute them: so a person stands for them.
It allows nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from hanse.core import document

TYP = "hanse-attestation+jws"


@dataclass(frozen=True, slots=True)
class Attestation:
    """`permit` is the hash of the permit's payload, `crate` the SHA-256 of the metadata of the result's RO-Crate, which
    names all its other files by theirs."""

    permit: str
    crate: str
    at: datetime


def decode(payload: bytes) -> Attestation:
    """The attestation in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Attestation, "attestation")
    return Attestation(
        document.digest(body, "permit"), document.digest(body, "crate"), document.time(body, "at")
    )
