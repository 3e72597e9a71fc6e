"""Proof by login of whose keys these are: where an authority accepts logins, and what a person sends it.

The authority signs at which providers it registered a client (OpenID Connect Core 1.0, RFC 8252), so that no hub can
name a client of its own. The person's ID token travels sealed to the authority: whoever carries it can neither read it
nor use it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hanse.core import document, shape
from hanse.core.document import Jwk
from hanse.core.scope import unique

LOGINS_TYP = "hanse-logins+jws"
PROOF_TYP = "hanse-proof+jws"
MAX_CLIENTS = 50
MAX_SEALED = 32 * 1024  # characters: an ID token, encrypted


@dataclass(frozen=True, slots=True)
class Client:
    """The client that an authority registered at a provider: the provider's issuer, and the id of the client there.
    Some providers give programs on people's machines a `secret`, which is none (RFC 8252, 8.5); mostly it is empty."""

    issuer: str
    client: str
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Logins:
    """Where an authority accepts logins; of two statements the one with the higher number counts. `seal` is the public
    key to which proofs are encrypted."""

    authority: str
    number: int
    clients: tuple[Client, ...]
    seal: Jwk
    at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """A person logged in for one application, of which this is the hash; `sealed` is the ID token, which only the
    authority can read."""

    application: str
    authority: str
    sealed: str
    at: datetime


def decode(payload: bytes) -> Logins:
    """The statement in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Logins, "logins")
    return Logins(
        authority=document.id(body, "authority", "authority"),
        number=shape.number(body, "number", least=1),
        clients=unique(body, "clients", _client, most=MAX_CLIENTS),
        seal=document.jwk(body, "seal"),
        at=document.time(body, "at"),
    )


def decode_proof(payload: bytes) -> Proof:
    """The proof in verified bytes; `BadEnvelope` when they hold anything else."""
    body = document.exactly(document.load(payload), Proof, "proof")
    return Proof(
        application=document.digest(body, "application"),
        authority=document.id(body, "authority", "authority"),
        sealed=document.words(body, "sealed", least=1, most=MAX_SEALED),
        at=document.time(body, "at"),
    )


def _client(body: Any) -> Client:
    body = document.exactly(body, Client, "client")
    return Client(
        issuer=document.words(body, "issuer", least=9),
        client=document.words(body, "client", least=1),
        secret=document.words(body, "secret"),
    )
