"""The visit: a signed request to see what came of a run, by a key that its permit names or a device that ordered it.

It holds the public key itself: a device's stands in no permit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hanse.core import document
from hanse.core.document import Jwk

TYP = "hanse-visit+jws"
LIFE = timedelta(seconds=60)  # on either side of the hub's clock


@dataclass(frozen=True, slots=True)
class Visit:
    run: str
    jwk: Jwk
    at: datetime


def decode(payload: bytes) -> Visit:
    """The visit in bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Visit, "visit")
    return Visit(document.id(body, "run", "run"), document.jwk(body, "jwk"), document.time(body, "at"))
