"""The documents around permits, as a hub carries them: who is to get which, and what people see of it.

A hub reads documents to know where they go. Nobody relies on that: a participant verifies each by itself, with keys
that it pinned, and a document that goes astray gives nobody anything.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hanse.core import application, ids, login, permit, refusal, result, status
from hanse.core.check import check_selection
from hanse.core.envelope import Kind
from hanse.core.errors import BadEnvelope, NotFound, Problem, Refused
from hanse.core.greeting import Role
from hanse.core.permit import authority_id
from hanse.domains import VOCABULARY
from hanse.hub import documents, permits, post, registry, results
from hanse.hub.documents import FORMS, Kept, Place
from hanse.hub.tables import DELIVERY, DOCUMENT
from hanse.lib import jws
from hanse.lib.jws import PublicKey

logger = logging.getLogger(__name__)


def apply(connection: sa.Connection, token: str, at: datetime) -> str:
    """Keeps an application for the authority that it names and the nodes of its datasets; its hash.

    Raises `BadEnvelope` when it is none, or not signed with a key that it names, `NotFound` when no such authority is
    here, and `BadQuestion` for a selection that no node could apply: who applied would otherwise hear of it late.
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
    check_selection(said.scope.selection, VOCABULARY)
    to = _participant(connection, said.authority)
    place = Place(said.id, "", 0, tuple(one.node for one in said.scope.datasets))
    kept = Kept(signed.hash, application.TYP, kid, place)
    if documents.keep(connection, kept, token, at):
        post.post(connection, [to, *kept.place.nodes], kept.hash, Kind.DOCUMENTS, at)
    return kept.hash


def prove(connection: sa.Connection, hash: str, token: str, at: datetime) -> str:
    """Keeps a person's proof of login for the authority of the application with this hash; the proof's hash.

    Raises `BadEnvelope` when it is none, is of another application, or is not signed with a key that this one names;
    `NotFound` without such an application or authority.
    """
    row = next(iter(documents.find(connection, DOCUMENT.c.hash == hash, application.TYP)), None)
    if row is None:
        raise NotFound(
            "This hub has no such application.",
            hint="Is it the whole hash? `hanse applications` shows yours.",
        )
    said = application.decode(jws.unverified(row.token))
    found = said.scope.key(jws.key_id(token))
    if found is None:
        raise BadEnvelope("The proof is not signed with a key that the application names.")
    signed = jws.read(token, PublicKey.from_jwk(found[1].jwk), login.PROOF_TYP, login.decode_proof)
    if signed.document.application != hash:
        raise BadEnvelope("The proof is of another application.")
    kept = Kept(signed.hash, login.PROOF_TYP, signed.kid, Place("", hash))
    if documents.keep(connection, kept, token, at):
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
    if not documents.keep(connection, kept, token, at):
        return []
    to = _recipients(connection, kept)
    post.post(connection, to, kept.hash, Kind.DOCUMENTS, at)
    _end(connection, by, signed.document, at)
    return to


def _end(connection: sa.Connection, by: registry.Node, said: Any, at: datetime) -> None:
    """Destroys the results that nobody is to have any more after what was said."""
    if isinstance(said, result.Deletion):
        results.destroy(connection, by.id, said, at)
    elif isinstance(said, status.Veto):
        results.end(connection, permits.versions(connection, [said.permit]), "veto", at, by.id)
    elif isinstance(said, status.Status):
        results.end(connection, permits.versions(connection, said.revoked, by.key.kid), "revocation", at)


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
    asked = documents.find(connection, DOCUMENT.c.hash == kept.place.about, application.TYP)
    to = [application.decode(jws.unverified(row.token)).authority for row in asked]
    same = (DOCUMENT.c.name == kept.place.name) & (DOCUMENT.c.kid != kept.kid) & (DOCUMENT.c.name != "")
    return set(to) <= {authority_id(kept.kid)} and not documents.find(connection, same, permit.TYP)


def _recipients(connection: sa.Connection, kept: Kept) -> list[str]:
    if kept.typ == refusal.TYP:
        asked = documents.find(connection, DOCUMENT.c.hash == kept.place.about, application.TYP)
        return [
            one.node for row in asked for one in application.decode(jws.unverified(row.token)).scope.datasets
        ]
    if kept.typ == status.RECEIPT_TYP:
        return [_participant(connection, kept.place.name)]
    if kept.typ in (status.APPROVAL_TYP, status.VETO_TYP, result.DELETION_TYP):
        which = (DOCUMENT.c.hash == kept.place.about) | (DOCUMENT.c.name == kept.place.about)
        return [ids.of_node(row.kid) for row in documents.find(connection, which, permit.TYP)]
    return list(kept.place.nodes)


def applied(connection: sa.Connection, hash: str) -> dict[str, Any]:
    """What became of an application, as `GET /api/v1/applications/{hash}` gives it; `NotFound`."""
    row = next(iter(documents.find(connection, DOCUMENT.c.hash == hash, application.TYP)), None)
    if row is None:
        raise NotFound(
            "This hub has no such application.",
            hint="Is it the whole hash? `hanse applications` shows yours.",
        )
    said = application.decode(jws.unverified(row.token))
    given = documents.find(connection, DOCUMENT.c.about == hash, permit.TYP)
    refused = documents.find(connection, DOCUMENT.c.about == hash, refusal.TYP)
    by = next(
        (one for one in registry.authorities(connection) if authority_id(one.key.kid) == said.authority), None
    )
    state = _delivered(connection, hash, by.id if by else None)
    if given or refused:
        state = _decided(connection, given[0]) if given else "refused"
    return {
        "application": hash,
        "token": row.token,
        "received": row.received,
        "authority": {"id": said.authority, "name": by.name if by else "", "state": state},
        "nodes": _nodes(connection, hash, said.scope.datasets, given[0] if given else None),
        "permit": given[0].token if given else None,
        "permit_hash": given[0].hash if given else None,
        "refusal": refused[0].token if refused else None,
        "logins": [
            {
                "key": one.kid,
                "sent": one.received,
                "state": _delivered(connection, one.hash, by.id if by else None),
            }
            for one in documents.find(connection, DOCUMENT.c.about == hash, login.PROOF_TYP)
        ],
    }


def _decided(connection: sa.Connection, given: Any) -> str:
    """What became of a permit, as far as its authority's own documents here say."""
    return "revoked" if permits.read(connection, given).revoked else "granted"


def permitted(connection: sa.Connection, id: str) -> dict[str, Any]:
    """The newest version of a permit that is known by its id or a hash, and what its nodes said; `NotFound`."""
    by_hash = documents.find(connection, DOCUMENT.c.hash == id, permit.TYP)
    rows = by_hash or documents.find(connection, DOCUMENT.c.name == id, permit.TYP)
    if not rows:
        raise NotFound(
            "This hub has no such permit.", hint="`hanse applications` shows those that you were given."
        )
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
        rows = documents.find(connection, about, status.APPROVAL_TYP, status.VETO_TYP)
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
    logins = {
        authority_id(row.kid): row.token for row in documents.find(connection, sa.true(), login.LOGINS_TYP)
    }
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
