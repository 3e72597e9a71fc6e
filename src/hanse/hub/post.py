"""What waits at the hub until a participant has taken it: documents, and orders.

It lies in the records, so that a restart of the hub loses none. A poll puts what is due into the mailbox; what nobody
acknowledges is due again, and so is everything when the participant begins anew. So it arrives at least once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from hanse.core import bodies, clock, envelope, ids
from hanse.core.envelope import Kind
from hanse.hub.tables import DELIVERY, DOCUMENT, LETTER, ORDER
from hanse.lib.jws import Signer
from hanse.link.mailbox import Letter

LETTER_KIND = "letter"  # in the ids of messages that carry something out of the records
AGAIN = timedelta(seconds=60)  # after which what nobody acknowledged is handed out again
MAX_DUE = 256  # documents and orders at once
MAX_CHARACTERS = envelope.MAX_BODY - 4096  # of the documents in one message


def post(connection: sa.Connection, participants: Iterable[str], hash: str, kind: Kind, at: datetime) -> None:
    """Has a document or an order delivered to these participants; what they have already is left."""
    there = set(connection.scalars(sa.select(DELIVERY.c.participant).where(DELIVERY.c.hash == hash)))
    rows = [
        {"participant": one, "hash": hash, "kind": kind, "due": clock.text(at)}
        for one in dict.fromkeys(participants)
        if one not in there
    ]
    if rows:
        connection.execute(DELIVERY.insert(), rows)


def taken(connection: sa.Connection, participant: str, letters: Sequence[str], at: datetime) -> None:
    """The participant has got these messages."""
    mine = (DELIVERY.c.participant == participant) & DELIVERY.c.letter.in_(letters)
    connection.execute(sa.update(DELIVERY).where(mine).values(taken=clock.text(at)))


def again(connection: sa.Connection, participant: str) -> None:
    """All documents of a participant, and its orders without an answer, are due again."""
    carried = (DELIVERY.c.participant == participant) & DELIVERY.c.letter.is_not(None)
    connection.execute(sa.update(DELIVERY).where(carried).values(due="", taken=None, letter=None))


def addressees(connection: sa.Connection, hash: str) -> list[str]:
    """To whom a document or an order goes."""
    return list(connection.scalars(sa.select(DELIVERY.c.participant).where(DELIVERY.c.hash == hash)))


def waiting(connection: sa.Connection, at: datetime) -> set[str]:
    """The participants to whom something is due."""
    return set(connection.scalars(sa.select(DELIVERY.c.participant).where(_due(at)).distinct()))


def is_letter(id: str) -> bool:
    """Whether the message with this id carried something out of the records; questions do not."""
    return ids.kind(id) == LETTER_KIND


def hand_out(connection: sa.Connection, signer: Signer, participant: str, at: datetime) -> list[Letter]:
    """What is due to a participant, as signed messages; it is due again after `AGAIN`, unless it is taken."""
    found = connection.execute(
        sa.select(DELIVERY.c.hash, DELIVERY.c.kind)
        .where(DELIVERY.c.participant == participant, _due(at))
        .order_by(DELIVERY.c.due)
        .limit(MAX_DUE)
    ).all()
    orders = [row.hash for row in found if row.kind == Kind.ORDER]
    documents = [row.hash for row in found if row.kind == Kind.DOCUMENTS]
    return [
        *_documents(connection, signer, participant, documents, at),
        *_orders(connection, signer, participant, orders, at),
    ]


def _due(at: datetime) -> Any:
    return DELIVERY.c.taken.is_(None) & (DELIVERY.c.due <= clock.text(at))


def _documents(
    connection: sa.Connection, signer: Signer, participant: str, hashes: Sequence[str], at: datetime
) -> Iterable[Letter]:
    # Those that came first go first: a permit before what is said about it.
    rows = connection.execute(
        sa.select(DOCUMENT.c.hash, DOCUMENT.c.token)
        .where(DOCUMENT.c.hash.in_(hashes))
        .order_by(DOCUMENT.c.received, DOCUMENT.c.hash)
    ).all()
    batch: dict[str, str] = {}
    for row in rows:
        full = sum(map(len, batch.values())) + len(row.token) > MAX_CHARACTERS
        if full or len(batch) == bodies.MAX_DOCUMENTS:
            yield _letter(connection, signer, participant, Kind.DOCUMENTS, batch, at)
            batch = {}
        batch[row.hash] = row.token
    if batch:
        yield _letter(connection, signer, participant, Kind.DOCUMENTS, batch, at)


def _orders(
    connection: sa.Connection, signer: Signer, participant: str, hashes: Sequence[str], at: datetime
) -> Iterable[Letter]:
    rows = connection.execute(
        sa.select(ORDER.c.hash, ORDER.c.token, ORDER.c.delegation)
        .where(ORDER.c.hash.in_(hashes), ORDER.c.expires > clock.text(at))
        .order_by(ORDER.c.run, ORDER.c.position)
    ).all()
    for row in rows:
        body = bodies.Carried(row.token, row.delegation).as_dict()
        letter = _letter(connection, signer, participant, Kind.ORDER, {row.hash: ""}, at, body)
        connection.execute(LETTER.insert().values(id=letter.id, participant=participant, hash=row.hash))
        yield letter


def _letter(
    connection: sa.Connection,
    signer: Signer,
    participant: str,
    kind: Kind,
    carried: Mapping[str, str],
    at: datetime,
    body: Mapping[str, Any] | None = None,
) -> Letter:
    """One signed message, noted as the last that carried these. It leaves the mailbox when it is due again."""
    hub = ids.of_hub(signer.public.kid)
    said = {"documents": list(carried.values())} if body is None else body
    fresh = envelope.new(kind, hub, participant, said, at=at, life=envelope.MAX_LIFE)
    message = replace(fresh, id=ids.new(LETTER_KIND))
    mine = (DELIVERY.c.participant == participant) & DELIVERY.c.hash.in_(list(carried))
    connection.execute(sa.update(DELIVERY).where(mine).values(letter=message.id, due=clock.text(at + AGAIN)))
    return Letter(message.id, participant, signer.sign(envelope.encode(message), envelope.TYP), at + AGAIN)
