"""Applying for data: the application is made and signed here, and the hub only carries it.

Every document that comes back is verified with keys that follow from what the person signed or from the permit: the id
of a node, and of an authority, is made of its key.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hanse.core import application, clock, document, ids, permit, permit_words, refusal, terms
from hanse.core.application import Application
from hanse.core.check import check_selection
from hanse.core.errors import BadEnvelope, BadInput, NotFound
from hanse.core.permit import Kind, Permit, authority_id
from hanse.core.scope import (
    NEWEST,
    OPERATIONS,
    Grant,
    Key,
    KeyUse,
    Limits,
    Operation,
    Person,
    Purpose,
    Role,
    Scope,
)
from hanse.core.terms import Rule
from hanse.domains import VOCABULARY
from hanse.lib import jws
from hanse.lib.jws import PublicKey, Signer

if TYPE_CHECKING:
    from hanse.client.http import Hanse

LIMITS = Limits(minimum=10, rounding=10, budget=100)
DURATION = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who applies, or takes part. `spare` is the public key that signs on when the working one is lost."""

    name: str
    organisation: str
    country: str
    spare: PublicKey | None = None

    def person(self, working: PublicKey, role: Role = Role.PRINCIPAL) -> Person:
        """The person as an application names them, with the public keys of the command line."""
        keys = [Key(working.jwk, KeyUse.WORKING, False)]
        if self.spare:
            keys.append(Key(self.spare.jwk, KeyUse.SPARE, False))
        return Person(self.name, self.organisation, self.country, role, tuple(keys))


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `datasets` are ids of the catalogue, with `@` and a version where not the newest is meant;
    `authority` is who is to decide, by id, thumbprint, fingerprint or name, or empty for the one that the client pins.
    `members` are those who work with the applicant, `amends` is the id of the permit that is to be changed."""

    authority: str
    datasets: tuple[str, ...]
    project: str
    reasons: tuple[str, ...]
    kind: Kind = Kind.AGREEMENT
    operations: tuple[Operation, ...] = (Operation.ANALYSE,)
    purpose: Purpose = Purpose.RESEARCH
    selection: str = ""
    environments: tuple[str, ...] = ()
    conditions: tuple[Rule, ...] = ()
    begins: datetime | None = None
    ends: datetime | None = None
    limits: Limits = LIMITS
    sealed: bool = True
    members: tuple[Person, ...] = ()
    amends: str = ""


def write(hub: "Hanse", wish: Wish, applicant: Applicant, working: PublicKey) -> Application:
    """The application as it will be signed; the names and nodes of datasets are those of the catalogue. Raises
    as `Hanse.authority`, `NotFound` when the hub knows no such dataset, `BadInput` when no authority could read it, and
    `BadQuestion` when its selection is not one of the vocabulary."""
    check_selection(wish.selection, VOCABULARY)
    terms.check(wish.conditions, [OPERATIONS[one].action for one in wish.operations])
    at = clock.read(clock.text(clock.now()))
    begins = wish.begins or at
    scope = Scope(
        datasets=_grants(hub, wish.datasets),
        operations=wish.operations,
        selection=wish.selection,
        purpose=wish.purpose,
        environments=wish.environments,
        conditions=wish.conditions,
        begins=begins,
        ends=wish.ends or begins + DURATION,
        persons=(applicant.person(working), *wish.members),
        limits=wish.limits,
        sealed=wish.sealed,
    )
    made = Application(
        id=ids.new("application"),
        kind=wish.kind,
        authority=hub.authority(wish.authority).id,
        amends=wish.amends,
        project=wish.project,
        reasons=wish.reasons,
        scope=scope,
        at=at,
    )
    try:
        return application.decode(document.encode(made))
    except BadEnvelope as problem:
        raise BadInput(f"This cannot be applied for. {problem.detail}", hint="hanse apply --help") from None


def _grants(hub: "Hanse", wanted: Iterable[str]) -> tuple[Grant, ...]:
    """A grant for each dataset: in the newest version, or in those that are named."""
    versions: dict[str, list[int]] = {}
    for one in wanted:
        id, _, version = one.partition("@")
        if version and not version.isdecimal():
            raise BadInput("A version is a whole number.", hint="Write it as DATASET@3.")
        versions.setdefault(id, []).extend([int(version)] if version else [])
    return tuple(_grant(hub.dataset(id), id, tuple(found)) for id, found in versions.items())


def _grant(said: dict[str, Any], id: str, versions: tuple[int, ...]) -> Grant:
    if said["id"] != id:
        raise BadEnvelope("The hub describes another dataset than the one that was asked for.")
    return Grant(said["node"], id, said["name"], versions or NEWEST)


def said(made: Application) -> str:
    """An application in words, made from the bytes that `sign` signs."""
    return permit_words.say(document.encode(made), application.TYP).text


def sign(said: Application, signer: Signer) -> str:
    """The application as a token; `BadEnvelope` or `BadQuestion` when no authority could read it."""
    token = jws.issue(signer, said, application.TYP)
    jws.read(token, signer.public, application.TYP, application.decode)
    return token


def refused(said: Mapping[str, Any], key: PublicKey) -> str:
    """Why an application that was refused gets no permit, in the words that its authority signed with this key.
    `BadEnvelope` when another one signed them, or they answer another application."""
    found = jws.read(said["refusal"], key, refusal.TYP, refusal.decode).document
    if found.application != said["application"]:
        raise BadEnvelope("The refusal is of another application.")
    return found.reason


@dataclass(frozen=True, slots=True)
class Granted:
    """A permit that was verified with its authority's key, and where each of its nodes stands."""

    permit: Permit
    hash: str
    token: str
    nodes: Sequence[dict[str, Any]]
    signer: PublicKey  # the authority's key

    def key(self, node: str) -> PublicKey:
        """The key of a node: the hub says it, and the permit names the node by it. `BadEnvelope` when they differ."""
        said = next((one["jwk"] for one in self.nodes if one["node"] == node and one["jwk"]), None)
        if said is None:
            raise NotFound("The hub does not know the key of a node.", hint="Is the node still enrolled?")
        key = PublicKey.from_jwk(said)
        if ids.of_node(key.kid) != node:
            raise BadEnvelope("The hub names a key that is not that of the node in the permit.")
        return key


def verified(said: dict[str, Any], authorities: Iterable[dict[str, Any]], wanted: str) -> Granted:
    """The permit in an answer of the hub. `BadEnvelope` when its authority did not sign it, or it is not the one that
    was `wanted`, by its id or its hash."""
    token = said["permit"]
    kid = jws.key_id(token)
    jwk = next((one["jwk"] for one in authorities if one["kid"] == kid), None)
    if jwk is None:
        raise NotFound(
            "The hub does not list the authority that signed this permit.",
            hint="Is this the hub over which you applied?",
        )
    key = PublicKey.from_jwk(jwk)
    found = jws.read(token, key, permit.TYP, permit.decode)
    if (found.document.authority.id, found.document.authority.kid) != (authority_id(kid), kid):
        raise BadEnvelope("The permit names another authority than the one that signed it.")
    if wanted not in (found.document.id, found.hash):
        raise BadEnvelope("The hub gives another permit than the one that was asked for.")
    return Granted(found.document, found.hash, token, said["nodes"], key)
