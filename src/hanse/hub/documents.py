"""Signed documents as a hub keeps them: of which types they are, who may send each, and where it belongs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from hanse.core import application, clock, login, permit, refusal, result, status, witness
from hanse.core.errors import Refused
from hanse.core.greeting import Role
from hanse.hub.tables import DELIVERY, DOCUMENT

MAX_OF_ONE = 5_000  # documents of one key
MAX_APPLICATIONS = 100_000


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


def keep(connection: sa.Connection, kept: Kept, token: str, at: datetime) -> bool:
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


def find(connection: sa.Connection, which: Any, *types: str) -> Sequence[Any]:
    """The rows of the documents of these types, the highest number first."""
    query = sa.select(DOCUMENT).where(which, DOCUMENT.c.typ.in_(types))
    return connection.execute(query.order_by(DOCUMENT.c.number.desc(), DOCUMENT.c.received.desc())).all()
