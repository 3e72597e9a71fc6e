"""The documents around permits, as a hub carries them: who is to get which, and what people see of it.

A hub reads documents to know where they go. Nobody relies on that: a participant verifies each by itself, with keys
that it pinned, and a document that goes astray gives nobody anything.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from hanse.core import application, clock, login, permit, refusal, result, status, wire, witness
from hanse.core.errors import BadEnvelope, NotFound, Problem, Refused
from hanse.core.permit import authority_id
from hanse.core.wire import Kind, Role
from hanse.hub import post, registry, results
from hanse.hub.tables import DELIVERY, DOCUMENT
from hanse.lib import jws
from hanse.lib.jws import PublicKey

MAX_OF_ONE = 5_000  # documents of one key
MAX_APPLICATIONS = 100_000
logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a document belongs: the id that it goes by, what it speaks of, its number, and the nodes that it names."""

    name: str = ""
    about: str = ""
    number: int = 0
    nodes: tuple[str, ...] = ()


class Form(NamedTuple):
    """A type of document: how it is read, who may send it (anybody, when no role is said), and where it belongs."""

    decode: Callable[[bytes], Any]
    sender: Role | None
    place: Callable[[Any], Place]


def _of_permit(said: permit.Permit) -> Place:
    return Place(said.id, said.application, said.version, tuple(one.node for one in said.scope.datasets))


def _to_one(participant: str, number: int) -> Place:
    return Place(participant, "", number, (participant,))


FORMS: Mapping[str, Form] = {
    permit.TYP: Form(permit.decode, Role.AUTHORITY, _of_permit),
    status.STATUS_TYP: Form(
        status.decode, Role.AUTHORITY, lambda said: Place(said.node, "", said.number, (said.node,))
    ),
    refusal.TYP: Form(refusal.decode, Role.AUTHORITY, lambda said: Place("", said.application)),
    status.APPROVAL_TYP: Form(status.decode_approval, Role.NODE, lambda said: Place(said.node, said.permit)),
    login.LOGINS_TYP: Form(login.decode, Role.AUTHORITY, lambda said: Place(said.authority, "", said.number)),
    result.DELETION_TYP: Form(result.decode_deletion, Role.NODE, lambda said: Place(said.node, said.permit)),
    status.VETO_TYP: Form(status.decode_veto, Role.NODE, lambda said: Place(said.node, said.permit)),
    status.RECEIPT_TYP: Form(
        status.decode_receipt, Role.NODE, lambda said: Place(said.authority, "", said.number)
    ),
    witness.HEAD_TYP: Form(witness.decode_head, None, lambda said: _to_one(said.to, said.number)),
    witness.COSIGNED_TYP: Form(witness.decode_cosigned, None, lambda said: _to_one(said.to, said.number)),
}

# Of what has one name, a newer one takes the place.
NEWEST_ONLY = (
    status.STATUS_TYP,
    status.RECEIPT_TYP,
    login.LOGINS_TYP,
    witness.HEAD_TYP,
    witness.COSIGNED_TYP,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as it was kept."""

    hash: str
    typ: str
    kid: str
    place: Place


def apply(connection: sa.Connection, token: str, at: datetime) -> str:
    """Keeps an application for the authority that it names and the nodes of its datasets; its hash.

    Raises `BadEnvelope` when it is none, or not signed with a key that it names, `NotFound` when no such authority is
    here.
    """
    said = application.decode(jws.unverified(token))
    kid = jws.key_id(token)
    found = said.scope.key(kid)
    if found is None:
        raise BadEnvelope(
            "The application is not signed with a key that it names.",
            hint="Name your working key in it, and sign with that key.",
        )
    signed = jws.read(token, PublicKey.from_jwk(found[1].jwk), application.TYP, application.decode)
    to = _participant(connection, said.authority)
    place = Place(said.id, "", 0, tuple(one.node for one in said.scope.datasets))
    kept = Kept(signed.hash, application.TYP, kid, place)
    if _keep(connection, kept, token, at):
        post.post(connection, [to, *kept.place.nodes], kept.hash, Kind.DOCUMENTS, at)
    return kept.hash


def prove(connection: sa.Connection, hash: str, token: str, at: datetime) -> str:
    """Keeps a person's proof of login for the authority of the application with this hash; the proof's hash.

    Raises `BadEnvelope` when it is none, is of another application, or is not signed with a key that this one names;
    `NotFound` without such an application or authority.
    """
    row = next(iter(_named(connection, DOCUMENT.c.hash == hash, application.TYP)), None)
    if row is None:
        raise NotFound("This hub has no such application.")
    said = application.decode(jws.unverified(row.token))
    found = said.scope.key(jws.key_id(token))
    if found is None:
        raise BadEnvelope("The proof is not signed with a key that the application names.")
    signed = jws.read(token, PublicKey.from_jwk(found[1].jwk), login.PROOF_TYP, login.decode_proof)
    if signed.document.application != hash:
        raise BadEnvelope("The proof is of another application.")
    kept = Kept(signed.hash, login.PROOF_TYP, signed.kid, Place("", hash))
    if _keep(connection, kept, token, at):
        post.post(connection, [_participant(connection, said.authority)], kept.hash, Kind.DOCUMENTS, at)
    return kept.hash


def _participant(connection: sa.Connection, authority: str) -> str:
    """Under which id an authority takes part; `NotFound`."""
    known = registry.authorities(connection)
    found = next((one.id for one in known if authority_id(one.key.kid) == authority), None)
    if found is None:
        raise NotFound(
            "This hub knows no such authority.", hint="GET /api/v1/authorities lists those that are here."
        )
    return found


def receive(connection: sa.Connection, sender: str, tokens: Sequence[str], at: datetime) -> list[str]:
    """Keeps documents of a participant; whom they go to. One that cannot be kept spoils no other; of one that comes
    alone an authority hears, by the problem that is raised: it sends it again, and says that it is not on its way."""
    by = registry.find(connection, sender)
    reached: list[str] = []
    for token in tokens:
        try:
            reached += _take(connection, by, token, at)
        except Problem as problem:
            logger.warning("A document of %s is not carried: %s", sender, problem.detail)
            if len(tokens) == 1 and by.role is Role.AUTHORITY:
                raise
    return list(dict.fromkeys(reached))


def _take(connection: sa.Connection, by: registry.Node, token: str, at: datetime) -> list[str]:
    typ = jws.claimed_type(token)
    form = FORMS.get(typ)
    if form is None or form.sender not in (None, by.role):
        raise Refused(f"A document of this type does not come from a participant that is {by.role}.")
    signed = jws.read(token, by.key, typ, form.decode)
    kept = Kept(signed.hash, typ, signed.kid, form.place(signed.document))
    if not _own(signed.document, by) or not _theirs_to_decide(connection, kept):
        raise Refused("A document speaks in the name of another participant.")
    if not _keep(connection, kept, token, at):
        return []
    to = _recipients(connection, kept)
    post.post(connection, to, kept.hash, Kind.DOCUMENTS, at)
    if isinstance(signed.document, result.Deletion):
        results.destroy(connection, by.id, signed.document.orders, at)
    return to


def _own(said: Any, by: registry.Node) -> bool:
    """Whether a document names nobody else as the one who says it."""
    if by.role is Role.NODE:
        return getattr(said, "node", by.id) == by.id
    named = getattr(said, "authority", "")
    id = named.id if isinstance(named, permit.Authority) else named
    return id in ("", authority_id(by.key.kid))


def _theirs_to_decide(connection: sa.Connection, kept: Kept) -> bool:
    """Whether a permit or a refusal answers no application for another authority, and has no id of another's permit."""
    if kept.typ not in (permit.TYP, refusal.TYP):
        return True
    asked = _named(connection, DOCUMENT.c.hash == kept.place.about, application.TYP)
    to = [application.decode(jws.unverified(row.token)).authority for row in asked]
    same = (DOCUMENT.c.name == kept.place.name) & (DOCUMENT.c.kid != kept.kid) & (DOCUMENT.c.name != "")
    return set(to) <= {authority_id(kept.kid)} and not _named(connection, same, permit.TYP)


def _keep(connection: sa.Connection, kept: Kept, token: str, at: datetime) -> bool:
    """Writes a document down; False when it is here, or a newer one that takes its place is."""
    if connection.scalar(sa.select(DOCUMENT.c.hash).where(DOCUMENT.c.hash == kept.hash)):
        return False
    if kept.typ in NEWEST_ONLY and not _replaces(connection, kept):
        return False
    full = _count(connection, DOCUMENT.c.kid == kept.kid) >= MAX_OF_ONE
    if full or (
        kept.typ == application.TYP
        and _count(connection, DOCUMENT.c.typ == application.TYP) >= MAX_APPLICATIONS
    ):
        raise Refused("This hub keeps no more documents.", hint="Ask the hub's operator.")
    connection.execute(
        DOCUMENT.insert().values(
            hash=kept.hash,
            typ=kept.typ,
            kid=kept.kid,
            name=kept.place.name,
            about=kept.place.about,
            number=kept.place.number,
            token=token,
            received=clock.text(at),
        )
    )
    return True


def _count(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).where(which)).scalar_one()


def _replaces(connection: sa.Connection, kept: Kept) -> bool:
    """Of what takes the place of an older one, only the newest is carried; an older one that comes late is dropped."""
    same = (DOCUMENT.c.typ == kept.typ) & (DOCUMENT.c.kid == kept.kid) & (DOCUMENT.c.name == kept.place.name)
    if connection.scalar(sa.select(DOCUMENT.c.hash).where(same, DOCUMENT.c.number >= kept.place.number)):
        return False
    older = sa.select(DOCUMENT.c.hash).where(same)
    connection.execute(sa.delete(DELIVERY).where(DELIVERY.c.hash.in_(older)))
    connection.execute(sa.delete(DOCUMENT).where(same))
    return True


def _recipients(connection: sa.Connection, kept: Kept) -> list[str]:
    if kept.typ == refusal.TYP:
        asked = _named(connection, DOCUMENT.c.hash == kept.place.about, application.TYP)
        return [
            one.node for row in asked for one in application.decode(jws.unverified(row.token)).scope.datasets
        ]
    if kept.typ == status.RECEIPT_TYP:
        return [_participant(connection, kept.place.name)]
    if kept.typ in (status.APPROVAL_TYP, status.VETO_TYP, result.DELETION_TYP):
        which = (DOCUMENT.c.hash == kept.place.about) | (DOCUMENT.c.name == kept.place.about)
        return [wire.node_id(row.kid) for row in _named(connection, which, permit.TYP)]
    return list(kept.place.nodes)


def _named(connection: sa.Connection, which: Any, *types: str) -> Sequence[Any]:
    query = sa.select(DOCUMENT).where(which, DOCUMENT.c.typ.in_(types))
    return connection.execute(query.order_by(DOCUMENT.c.number.desc(), DOCUMENT.c.received.desc())).all()


def applied(connection: sa.Connection, hash: str) -> dict[str, Any]:
    """What became of an application, as `GET /api/v1/applications/{hash}` gives it; `NotFound`."""
    row = next(iter(_named(connection, DOCUMENT.c.hash == hash, application.TYP)), None)
    if row is None:
        raise NotFound("This hub has no such application.")
    said = application.decode(jws.unverified(row.token))
    permits = _named(connection, DOCUMENT.c.about == hash, permit.TYP)
    refused = _named(connection, DOCUMENT.c.about == hash, refusal.TYP)
    by = next(
        (one for one in registry.authorities(connection) if authority_id(one.key.kid) == said.authority), None
    )
    decided = _decided(connection, permits, refused)
    state = decided or _delivered(connection, hash, by.id if by else None)
    return {
        "application": hash,
        "token": row.token,
        "received": row.received,
        "authority": {"id": said.authority, "name": by.name if by else "", "state": state},
        "nodes": _nodes(connection, hash, said.scope.datasets, permits[0] if permits else None),
        "permit": permits[0].token if permits else None,
        "permit_hash": permits[0].hash if permits else None,
        "refusal": refused[0].token if refused else None,
        "logins": [
            {
                "key": one.kid,
                "sent": one.received,
                "state": _delivered(connection, one.hash, by.id if by else None),
            }
            for one in _named(connection, DOCUMENT.c.about == hash, login.PROOF_TYP)
        ],
    }


def _decided(connection: sa.Connection, permits: Sequence[Any], refused: Sequence[Any]) -> str:
    """What the authority made of an application, as far as its own documents here say; empty before it decided."""
    if not permits:
        return "refused" if refused else ""
    newest = permits[0]
    said = _named(connection, DOCUMENT.c.kid == newest.kid, status.STATUS_TYP)
    gone = any(newest.name in status.decode(jws.unverified(row.token)).revoked for row in said)
    return "revoked" if gone else "granted"


def permitted(connection: sa.Connection, id: str) -> dict[str, Any]:
    """The newest version of a permit that is known by its id or a hash, and what its nodes said; `NotFound`."""
    by_hash = _named(connection, DOCUMENT.c.hash == id, permit.TYP)
    rows = by_hash or _named(connection, DOCUMENT.c.name == id, permit.TYP)
    if not rows:
        raise NotFound("This hub has no such permit.")
    row = rows[0]
    said = permit.decode(jws.unverified(row.token))
    return {
        "permit": row.token,
        "hash": row.hash,
        "id": said.id,
        "nodes": _nodes(connection, row.hash, said.scope.datasets, row),
    }


def _nodes(
    connection: sa.Connection, hash: str, datasets: Iterable[Any], given: Any | None
) -> list[dict[str, Any]]:
    """A row for each dataset: its node, and what the node said to the permit, if there is one."""
    known = {one.id: one for one in registry.nodes(connection)}
    said = {}
    if given is not None:
        about = DOCUMENT.c.about.in_([given.hash, given.name])
        rows = _named(connection, about, status.APPROVAL_TYP, status.VETO_TYP)
        said = {row.name: "approved" for row in rows}
        said |= {row.name: "vetoed" for row in rows if row.typ == status.VETO_TYP}
    return [
        {
            "node": one.node,
            "name": known[one.node].name if one.node in known else "",
            "jwk": known[one.node].key.jwk if one.node in known else None,
            "dataset": one.dataset,
            "dataset_name": one.name,
            "state": said.get(one.node) or _delivered(connection, given.hash if given else hash, one.node),
        }
        for one in datasets
    ]


def _delivered(connection: sa.Connection, hash: str, participant: str | None) -> str:
    """`delivered` once the participant has taken it, `waiting` before."""
    mine = (DELIVERY.c.hash == hash) & (DELIVERY.c.participant == participant)
    return "delivered" if connection.scalar(sa.select(DELIVERY.c.taken).where(mine)) else "waiting"


def authorities(connection: sa.Connection, at: datetime) -> list[dict[str, Any]]:
    """What `GET /api/v1/authorities` gives; `logins` is what the authority itself says of where it accepts logins."""
    logins = {authority_id(row.kid): row.token for row in _named(connection, sa.true(), login.LOGINS_TYP)}
    return [
        {
            "id": authority_id(one.key.kid),
            "name": one.name,
            "country": one.country,
            "kid": one.key.kid,
            "jwk": one.key.jwk,
            "state": "online" if one.online(at) else "offline",
            "logins": logins.get(authority_id(one.key.kid)),
        }
        for one in registry.authorities(connection)
    ]
