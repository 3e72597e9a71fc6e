"""Refusals of applications: drafted, shown in words and signed over exactly these bytes.

The refusal, what is to be sent and the entry in the log are one transaction.
"""

from datetime import datetime

import sqlalchemy as sa

from hanse.authority import applications, officers, outgoing
from hanse.authority.applications import Kept, State
from hanse.authority.config import AuthorityConfig
from hanse.authority.drafts import Draft, drafted, reason
from hanse.authority.tables import REFUSAL
from hanse.core import clock, document, ids
from hanse.core import refusal as refusals
from hanse.core.errors import Conflict, Refused
from hanse.core.refusal import Refusal
from hanse.lib import accounts, assertions, jws, log, sql
from hanse.lib.jws import FileKey, Signer
from hanse.lib.passkeys import Assertion


def of(connection: sa.Connection, key: FileKey, application: str) -> Refusal | None:
    """The refusal of the application with this hash; None when there is none."""
    token = connection.scalar(sa.select(REFUSAL.c.token).where(REFUSAL.c.application == application))
    return jws.read(token, key.public, refusals.TYP, refusals.decode).document if token else None


def draft(
    connection: sa.Connection, config: AuthorityConfig, hash: str, officer: str, why: str, at: datetime
) -> Draft:
    """The refusal of an application that waits. `Conflict` when it is decided, `BadInput` without a reason on one
    line."""
    officer = accounts.named(officer)
    kept = _undecided(connection, config, hash, officer)
    said = Refusal(
        ids.new("refusal"), config.id, kept.signed.hash, officer, reason(why), clock.read(clock.text(at))
    )
    return drafted(said, refusals.TYP)


def sign(
    records: sa.Engine,
    config: AuthorityConfig,
    key: Signer,
    payload: bytes,
    officer: str,
    agreed: Assertion | None = None,
) -> Refusal:
    """Signs exactly these bytes; raises as `draft` and `assertions.keep`, and `Refused` when the bytes are of
    another authority or officer."""
    said = refusals.decode(payload)
    if (said.authority, said.officer) != (config.id, officer):
        raise Refused("The draft is of another authority or officer.")
    with sql.begin(records) as connection:
        kept = _undecided(connection, config, said.application, officer)
        token = key.sign(payload, refusals.TYP)
        connection.execute(REFUSAL.insert().values(application=kept.signed.hash, token=token))
        outgoing.put(connection, token)
        applications.decide(connection, kept.signed.hash, State.REFUSED)
        body = {
            "application": said.application,
            "hash": document.identity(payload),
            **assertions.keep(connection, refusals.TYP, payload, officer, agreed),
        }
        log.append(connection, "refuse", {**body, "who": {"officer": officer}})
    return said


def _undecided(connection: sa.Connection, config: AuthorityConfig, hash: str, officer: str) -> Kept:
    kept = applications.get(connection, hash)
    officers.independent(officer, kept.said.scope.persons, config.id)
    if kept.state is not State.WAITING:
        raise Conflict("This application is decided already.")
    return kept


def refuse(
    records: sa.Engine,
    config: AuthorityConfig,
    key: Signer,
    hash: str,
    officer: str,
    why: str,
    at: datetime,
) -> Refusal:
    """Refuses an application by command: drafts and signs."""
    with sql.read(records) as connection:
        payload = draft(connection, config, hash, officer, why, at).payload
    return sign(records, config, key, payload, accounts.named(officer))
