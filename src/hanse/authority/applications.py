"""What was asked of this authority: applications, kept as they were signed.

Whoever brings an application, its signature shows that one key, which the application itself names, signed these
bytes. Whose key it is, and whether anything that it says is true, is not shown by it: `checks` and officers find out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from hanse.authority.tables import APPLICATION, PERMIT, REVOKED
from hanse.core import application as applications
from hanse.core import clock, envelope
from hanse.core.application import Application
from hanse.core.document import Signed
from hanse.core.errors import BadEnvelope, BadInput, Conflict, NotFound, Refused
from hanse.core.scope import Person
from hanse.lib import jws, log, sql
from hanse.lib.jws import PublicKey

MAX_WAITING = 5_000  # so that nobody fills the disk with what they ask for


class State(StrEnum):
    """What became of an application."""

    WAITING = "waiting"
    PERMITTED = "permitted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Kept:
    """An application as it was signed, when it arrived, and what became of it."""

    signed: Signed[Application]
    payload: bytes
    arrived: str
    state: State

    @property
    def said(self) -> Application:
        """What the applicant signed."""
        return self.signed.document

    @property
    def applicant(self) -> Person:
        """Whose key signed it, as the application says."""
        return self.said.scope.key(self.signed.kid)[0]  # type: ignore[index]  # `verified` found it


def verified(token: str) -> Signed[Application]:
    """The application in a token that one of the keys in it signed. `BadEnvelope`, `BadQuestion` or `BadInput` for
    anything else: also when one of its other keys is none, since nobody could ever sign with it."""
    claimed = applications.decode(jws.unverified(token))
    keys = {
        key.kid: PublicKey.from_jwk(dict(key.jwk)) for person in claimed.scope.persons for key in person.keys
    }
    signer = keys.get(jws.key_id(token))
    if signer is None:
        raise BadEnvelope("The application is not signed with a key that it names.")
    return jws.read(token, signer, applications.TYP, applications.decode)


def take(records: sa.Engine, authority: str, token: str, at: datetime) -> bool:
    """Keeps an application that arrived; False when it was there already, whatever its signature.

    Raises as `verified` does, `Refused` when it is for another authority, comes from the future or asks for a change of
    a permit that is not in force here, and `Conflict` when its id was used for something else or too many wait.
    """
    signed = verified(token)
    said = signed.document
    if said.authority != authority:
        raise Refused("The application is for another authority.")
    if said.at > at + envelope.SKEW:
        raise Refused("The application says that it will be made in the future.")
    with sql.begin(records) as connection:
        if _row(connection, signed.hash) is not None:
            return False
        _may_come(connection, said)
        connection.execute(
            APPLICATION.insert().values(
                hash=signed.hash,
                id=said.id,
                kid=signed.kid,
                token=token,
                arrived=clock.text(at),
                state=State.WAITING,
            )
        )
        who = said.scope.key(signed.kid)
        log.append(
            connection,
            "application",
            {"application": signed.hash, "key": signed.kid, "who": {"applicant": who[0].name if who else ""}},
        )
    return True


def _may_come(connection: sa.Connection, said: Application) -> None:
    if connection.scalar(sa.select(APPLICATION.c.hash).where(APPLICATION.c.id == said.id)):
        raise Conflict("Another application has this id.", hint="Apply again, with a fresh id.")
    if count(connection, waiting=True) >= MAX_WAITING:
        raise Conflict(f"{MAX_WAITING} applications wait for a decision already.")
    if said.amends:
        there = connection.scalar(sa.select(PERMIT.c.hash).where(PERMIT.c.id == said.amends).limit(1))
        gone = connection.scalar(sa.select(REVOKED.c.id).where(REVOKED.c.id == said.amends))
        if not there or gone:
            raise Refused("The application asks for a change of a permit that is not in force here.")


def get(connection: sa.Connection, hash: str) -> Kept:
    """The application with this hash, or the only one whose hash begins so; read and verified anew from its bytes.

    Raises `NotFound`, `BadInput` when several begin so, and `BadEnvelope` when the record was changed."""
    found = connection.execute(
        sa.select(APPLICATION).where(APPLICATION.c.hash.startswith(hash, autoescape=True)).limit(2)
    ).all()
    if not found:
        raise NotFound("There is no application with this hash.", hint="See `hanse authority applications`.")
    if len(found) > 1:
        raise BadInput("Several applications have hashes that begin so.", hint="Write more digits.")
    return _kept(found[0])


def all_of(connection: sa.Connection) -> Iterator[Kept]:
    """Every application, in the order of arrival."""
    query = sa.select(APPLICATION).order_by(APPLICATION.c.arrived, APPLICATION.c.id)
    yield from map(_kept, connection.execute(query))


def count(connection: sa.Connection, waiting: bool) -> int:
    """How many applications wait for a decision, or how many are decided."""
    return connection.scalar(sa.select(sa.func.count()).select_from(APPLICATION).where(_that(waiting))) or 0


def some_of(connection: sa.Connection, waiting: bool, start: int, most: int) -> list[Kept]:
    """`most` applications from place `start`: of those that wait, the oldest first, or of the others, the newest."""
    columns = (APPLICATION.c.arrived, APPLICATION.c.id)
    order = columns if waiting else [one.desc() for one in columns]
    query = sa.select(APPLICATION).where(_that(waiting)).order_by(*order).offset(start).limit(most)
    return [_kept(row) for row in connection.execute(query)]


def _that(waiting: bool) -> sa.ColumnElement[bool]:
    waits = APPLICATION.c.state == State.WAITING
    return waits if waiting else ~waits


def decide(connection: sa.Connection, hash: str, state: State) -> None:
    """Marks an application as decided, in the transaction of the decision."""
    connection.execute(APPLICATION.update().where(APPLICATION.c.hash == hash).values(state=state))


def _row(connection: sa.Connection, hash: str) -> Any:
    return connection.execute(sa.select(APPLICATION).where(APPLICATION.c.hash == hash)).one_or_none()


def _kept(row: Any) -> Kept:
    signed = verified(row.token)
    if signed.hash != row.hash:
        raise BadEnvelope("An application in the records is not the one that arrived.")
    return Kept(signed, jws.unverified(row.token), row.arrived, State(row.state))
