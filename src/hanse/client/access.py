"""Applying for data: the application is made and signed here, and the hub only carries it.

Every document that comes back is verified with keys that follow from what the person signed or from the permit: the id
of a node, and of an authority, is made of its key.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hanse.core import application, clock, document, ids, permit, permit_words, wire
from hanse.core.application import Application
from hanse.core.errors import BadEnvelope, NotFound
from hanse.core.permit import Kind, Permit, authority_id
from hanse.core.scope import Grant, Key, KeyUse, Limits, Operation, Person, Purpose, Role, Scope
from hanse.lib import jws
from hanse.lib.jws import PublicKey, Signer

if TYPE_CHECKING:
    from hanse.client.http import Hanse

LIMITS = Limits(minimum=10, rounding=10, budget=100)
DURATION = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who applies. `spare` is the public key that signs on when the working one is lost."""

    name: str
    organisation: str
    country: str
    spare: PublicKey | None = None

    def person(self, working: PublicKey) -> Person:
        keys = [Key(working.jwk, KeyUse.WORKING, False)]
        if self.spare:
            keys.append(Key(self.spare.jwk, KeyUse.SPARE, False))
        return Person(self.name, self.organisation, self.country, Role.PRINCIPAL, tuple(keys))


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `datasets` are ids of the catalogue, `authority` the id of who is to decide."""

    authority: str
    datasets: tuple[str, ...]
    project: str
    reasons: tuple[str, ...]
    kind: Kind = Kind.AGREEMENT
    operations: tuple[Operation, ...] = (Operation.ANALYSE,)
    purpose: Purpose = Purpose.RESEARCH
    selection: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    limits: Limits = LIMITS
    sealed: bool = True


def write(hub: "Hanse", wish: Wish, applicant: Applicant, working: PublicKey) -> Application:
    """The application as it will be signed; the names and nodes of datasets are those of the catalogue."""
    at = clock.read(clock.text(clock.now()))
    begins = wish.begins or at
    scope = Scope(
        datasets=tuple(_grant(hub.dataset(one)) for one in wish.datasets),
        operations=wish.operations,
        selection=wish.selection,
        purpose=wish.purpose,
        environments=(),
        conditions=(),
        begins=begins,
        ends=wish.ends or begins + DURATION,
        persons=(applicant.person(working),),
        limits=wish.limits,
        sealed=wish.sealed,
    )
    return Application(
        id=ids.new("application"),
        kind=wish.kind,
        authority=wish.authority,
        amends="",
        project=wish.project,
        reasons=wish.reasons,
        scope=scope,
        at=at,
    )


def _grant(dataset: dict[str, Any]) -> Grant:
    return Grant(dataset["node"], dataset["id"], dataset["name"], "newest")


def said(made: Application) -> str:
    """An application in words, made from the bytes that `sign` signs."""
    return permit_words.say(document.encode(made), application.TYP).text


def sign(said: Application, signer: Signer) -> str:
    """The application as a token; `BadEnvelope` or `BadQuestion` when no authority could read it."""
    token = jws.issue(signer, said, application.TYP)
    jws.read(token, signer.public, application.TYP, application.decode)
    return token


@dataclass(frozen=True, slots=True)
class Granted:
    """A permit that was verified with its authority's key, and where each of its nodes stands."""

    permit: Permit
    hash: str
    token: str
    nodes: Sequence[dict[str, Any]]

    def key(self, node: str) -> PublicKey:
        """The key of a node: the hub says it, and the permit names the node by it. `BadEnvelope` when they differ."""
        said = next((one["jwk"] for one in self.nodes if one["node"] == node and one["jwk"]), None)
        if said is None:
            raise NotFound("The hub does not know the key of a node.", hint="Is the node still enrolled?")
        key = PublicKey.from_jwk(said)
        if wire.node_id(key.kid) != node:
            raise BadEnvelope("The hub names a key that is not that of the node in the permit.")
        return key


def verified(said: dict[str, Any], authorities: Iterable[dict[str, Any]]) -> Granted:
    """The permit in an answer of the hub. `BadEnvelope` when its authority did not sign it."""
    token = said["permit"]
    kid = jws.key_id(token)
    jwk = next((one["jwk"] for one in authorities if one["kid"] == kid), None)
    if jwk is None:
        raise NotFound("The hub does not list the authority that signed this permit.")
    found = jws.read(token, PublicKey.from_jwk(jwk), permit.TYP, permit.decode)
    if (found.document.authority.id, found.document.authority.kid) != (authority_id(kid), kid):
        raise BadEnvelope("The permit names another authority than the one that signed it.")
    return Granted(found.document, found.hash, token, said["nodes"])
