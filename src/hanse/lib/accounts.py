"""Who may decide at a page of this machine: officers, their passkeys, and the sessions in which they are signed in.

Whoever can run commands on the machine lets an officer in: `invite` makes a link that works once, on which the officer
makes a passkey. Officers and passkeys that were removed stay in the records, so that what they agreed to can be
verified later; the log tells of each, with the hash of each key.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from hanse.core import clock, document, ids
from hanse.core.errors import BadEnvelope, BadInput, Conflict, NotFound, Refused
from hanse.lib import log, passes, passkeys
from hanse.lib.passkeys import Assertion, Passkey

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(hours=8)
CHALLENGE_LIFE = timedelta(minutes=5)
MAX_CHALLENGES = 200  # of people who are about to sign in; the oldest gives way
ENTRY = "officer"  # the kind of the log's entries

_METADATA = sa.MetaData()
# `removed` is empty for those who may decide.
ACCOUNT = sa.Table(
    "account",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("added", sa.Text, nullable=False),
    sa.Column("removed", sa.Text, nullable=False),
)
PASSKEY = sa.Table(
    "passkey",
    _METADATA,
    sa.Column("credential", sa.Text, primary_key=True),
    sa.Column("account", sa.ForeignKey(ACCOUNT.c.id), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("counter", sa.Integer, nullable=False),
    sa.Column("added", sa.Text, nullable=False),
)
# Passes: a link to make a passkey, a challenge to sign in, a session. A challenge is nobody's.
PASS = sa.Table(
    "pass",
    _METADATA,
    sa.Column("secret_hash", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
)
TABLES = (ACCOUNT, PASSKEY, PASS)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may decide, with the ids of their passkeys."""

    id: str
    name: str
    added: str
    passkeys: tuple[str, ...]


def all_of(connection: sa.Connection) -> list[Account]:
    """Those who may decide, in the order in which they were added."""
    return _accounts(connection, ACCOUNT.c.removed == "")


def named(officer: str) -> str:
    """The name of an officer as decisions record it; `BadInput` when it is none."""
    try:
        return document.words({"officer": officer.strip()}, "officer", least=2, most=200)
    except BadEnvelope:
        raise BadInput("This is not a name of an officer.", hint="Say a full name.") from None


def invite(connection: sa.Connection, name: str, at: datetime) -> str:
    """The secret of a link on which the officer of this name makes a passkey, the first one or another; who is not
    there yet is added."""
    known = _accounts(connection, ACCOUNT.c.removed == "", ACCOUNT.c.name == name)
    id = known[0].id if known else ids.new("officer")
    if not known:
        connection.execute(ACCOUNT.insert().values(id=id, name=name, added=clock.text(at), removed=""))
        _tell(connection, "add", id, name)
    return passes.new(connection, PASS, "link", at, LINK_LIFE, account=id)


def remove(connection: sa.Connection, name: str, at: datetime) -> None:
    """Ends an officer's sessions and passkeys here; `NotFound` when there is none of this name."""
    known = _accounts(connection, ACCOUNT.c.removed == "", ACCOUNT.c.name == name)
    if not known:
        raise NotFound("There is no officer of this name.", hint="See the list of officers.")
    (one,) = known
    connection.execute(ACCOUNT.update().where(ACCOUNT.c.id == one.id).values(removed=clock.text(at)))
    connection.execute(sa.delete(PASS).where(PASS.c.account == one.id))
    _tell(connection, "remove", one.id, name)


def of_link(connection: sa.Connection, secret: str, at: datetime) -> Account | None:
    """For whom a link was made that can still be used."""
    return _holder(connection, secret, "link", at)


def creation(connection: sa.Connection, site: str, secret: str, at: datetime) -> dict[str, Any]:
    """What the browser is asked on a link; `Refused` when the link counts no more."""
    one = _invited(connection, secret, at)
    return passkeys.creation(site, one.id, one.name, _link_challenge(secret), one.passkeys)


def enrol(connection: sa.Connection, secret: str, answer: str, origin: str, at: datetime) -> Account:
    """Uses up a link for the passkey in a browser's answer. `Refused` when the link counts no more or the answer is
    not to it, `Conflict` when the passkey is known."""
    one = _invited(connection, secret, at)
    made = passkeys.made(answer, _link_challenge(secret), origin)
    if connection.scalar(sa.select(PASSKEY.c.account).where(PASSKEY.c.credential == made.credential)):
        raise Conflict("This passkey is known here already.")
    passes.end(connection, PASS, secret, "link")
    connection.execute(
        PASSKEY.insert().values(
            credential=made.credential,
            account=one.id,
            key=made.key,
            counter=made.counter,
            added=clock.text(at),
        )
    )
    _tell(connection, "passkey", one.id, one.name, credential=made.credential, key=made.digest)
    return one


def challenge(connection: sa.Connection, at: datetime) -> bytes:
    """A fresh challenge for somebody who signs in; it counts once."""
    kept = sa.select(PASS.c.secret_hash).where(PASS.c.kind == "challenge").order_by(PASS.c.expires.desc())
    old = kept.offset(MAX_CHALLENGES - 1)
    connection.execute(sa.delete(PASS).where(PASS.c.secret_hash.in_(connection.scalars(old).all())))
    return bytes.fromhex(passes.new(connection, PASS, "challenge", at, CHALLENGE_LIFE, account=""))


def open_session(connection: sa.Connection, challenge: bytes, assertion: Assertion, at: datetime) -> str:
    """The secret of a session for the officer whose passkey signed a challenge; `Refused` when that was used before,
    or expired, or no officer's passkey signed it."""
    if not passes.use(connection, PASS, challenge.hex(), "challenge", at):
        raise Refused("This sign-in has expired, or was used before.", hint="Open the page again.")
    one = signed_by(connection, assertion, challenge)
    return passes.new(connection, PASS, "session", at, SESSION_LIFE, account=one.id)


def of_session(connection: sa.Connection, secret: str, at: datetime) -> Account | None:
    """Who is signed in with this secret."""
    return _holder(connection, secret, "session", at)


def end_session(connection: sa.Connection, secret: str) -> None:
    """The session counts no more."""
    passes.end(connection, PASS, secret, "session")


def signed_by(connection: sa.Connection, assertion: Assertion, challenge: bytes) -> Account:
    """The officer whose passkey signed a challenge, for a page of the assertion's origin; its counter moves on.
    `Refused` for anybody else's, and when the counter did not grow: then there are two of this passkey."""
    row = connection.execute(sa.select(PASSKEY).where(PASSKEY.c.credential == assertion.credential)).first()
    found = _accounts(connection, ACCOUNT.c.removed == "", ACCOUNT.c.id == row.account) if row else []
    if row is None or not found:
        raise Refused("No officer here has this passkey.")
    counter = passkeys.asserted(assertion, row.key, challenge, assertion.origin.__eq__)
    if (counter or row.counter) and counter <= row.counter:
        raise Refused(
            "The passkey counted fewer signatures than are known of it: somebody may have a copy.",
            hint="Remove this officer, add them again, and find out what became of the passkey.",
        )
    connection.execute(PASSKEY.update().where(PASSKEY.c.credential == row.credential).values(counter=counter))
    return found[0]


def passkey(connection: sa.Connection, credential: str) -> tuple[Passkey, str] | None:
    """A passkey, also one of an officer who was removed, and whose it is by id."""
    row = connection.execute(sa.select(PASSKEY).where(PASSKEY.c.credential == credential)).first()
    return (Passkey(row.credential, row.key, row.counter), row.account) if row else None


def _accounts(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> list[Account]:
    rows = connection.execute(sa.select(ACCOUNT).where(*which).order_by(ACCOUNT.c.added, ACCOUNT.c.id)).all()
    return [Account(row.id, row.name, row.added, _passkeys(connection, row.id)) for row in rows]


def _passkeys(connection: sa.Connection, account: str) -> tuple[str, ...]:
    theirs = sa.select(PASSKEY.c.credential).where(PASSKEY.c.account == account).order_by(PASSKEY.c.added)
    return tuple(connection.scalars(theirs))


def _invited(connection: sa.Connection, secret: str, at: datetime) -> Account:
    one = of_link(connection, secret, at)
    if one is None:
        raise Refused("This link has expired, or was used before.", hint="Have another one made.")
    return one


def _holder(connection: sa.Connection, secret: str, kind: str, at: datetime) -> Account | None:
    id = connection.scalar(sa.select(PASS.c.account).where(passes.counts(PASS, secret, kind, at)))
    found: Sequence[Account] = (
        _accounts(connection, ACCOUNT.c.id == id, ACCOUNT.c.removed == "") if id else ()
    )
    return found[0] if found else None


def _link_challenge(secret: str) -> bytes:
    """The challenge for the passkey that is made on a link: nobody else knows it, and a link works once."""
    return hashlib.sha256(b"hanse passkey\0" + secret.encode()).digest()


def _tell(connection: sa.Connection, act: str, account: str, name: str, **more: str) -> None:
    log.append(connection, ENTRY, {"act": act, "account": account, **more, "who": {"officer": name}})
