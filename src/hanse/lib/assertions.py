"""What a passkey agreed to: the bytes of a document and the assertion over them, kept beside the decision.

The challenge that the passkey signs is a hash over the type and the bytes of the document which is shown; so an
assertion counts for these bytes and no others, and once. The entry in the log holds the hash of all of it, and an
auditor can verify years later which passkey agreed to which bytes.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hanse.core import document
from hanse.core.errors import Conflict, Damaged, Refused
from hanse.lib import accounts, log, passkeys
from hanse.lib.log import Entry
from hanse.lib.passkeys import Assertion, Passkey

_PREFIX = b"hanse decision 1\0"  # what is signed for one purpose is good for no other
_MEMBERS = ("credential", "authenticator_data", "client_data", "signature", "origin")
_METADATA = sa.MetaData()
ASSERTION = sa.Table(
    "assertion",
    _METADATA,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("challenge", sa.Text, nullable=False, unique=True),
    sa.Column("typ", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in _MEMBERS),
)
TABLES = (ASSERTION,)


def challenge(typ: str, payload: bytes) -> bytes:
    """What a passkey signs to agree to a document of this type with exactly these bytes."""
    return hashlib.sha256(_PREFIX + typ.encode() + b"\0" + payload).digest()


def keep(
    connection: sa.Connection, typ: str, payload: bytes, officer: str, agreed: Assertion | None
) -> dict[str, str]:
    """Keeps the assertion with which an officer agreed to a document, in the transaction of the decision; what the log
    entry of the decision says of it. Nothing for a decision by command, which whoever has the machine can make.

    `Refused` when the officer's passkey did not sign exactly these bytes, `Conflict` when it did before.
    """
    if agreed is None:
        return {}
    asked = challenge(typ, payload)
    if connection.scalar(sa.select(ASSERTION.c.hash).where(ASSERTION.c.challenge == asked.hex())):
        raise Conflict("This was agreed to before.")
    if accounts.signed_by(connection, agreed, asked).name != officer:
        raise Refused("The passkey is another officer's.")
    hash = agreed.digest(typ, payload)
    members = {name: getattr(agreed, name) for name in _MEMBERS}
    connection.execute(
        ASSERTION.insert().values(hash=hash, challenge=asked.hex(), typ=typ, payload=payload, **members)
    )
    return {"assertion": hash}


@dataclass(frozen=True, slots=True)
class Agreed:
    """A decision in the log that a passkey agreed to: the entry, the document's type and hash, and the passkey."""

    entry: Entry
    typ: str
    document: str
    credential: str


def verify(connection: sa.Connection) -> Iterator[Agreed]:
    """Every decision in the log that a passkey agreed to, oldest first, verified: that the passkey was made before,
    by the officer whom the entry names and who was not removed, and that it signed the bytes of the document which
    the entry names. `Damaged` naming the first entry that does not hold."""
    made: dict[str, Mapping[str, Any]] = {}
    for entry in log.entries(connection):
        body = entry.body
        if entry.kind == accounts.ENTRY:
            _follow(made, body)
        elif "assertion" in body:
            yield _verified(connection, entry, made)


def _follow(made: dict[str, Mapping[str, Any]], body: Mapping[str, Any]) -> None:
    """Keeps up with whose passkeys count at this place of the log."""
    if body["act"] == "passkey":
        made[body["credential"]] = body
    elif body["act"] == "remove":
        for credential in [one for one, of in made.items() if of["account"] == body["account"]]:
            del made[credential]


def _verified(connection: sa.Connection, entry: Entry, made: Mapping[str, Mapping[str, Any]]) -> Agreed:
    row = connection.execute(sa.select(ASSERTION).where(ASSERTION.c.hash == entry.body["assertion"])).first()
    if row is None:
        raise _wrong(entry, "its assertion is missing")
    assertion = Assertion(*(getattr(row, name) for name in _MEMBERS))
    if assertion.digest(row.typ, row.payload) != row.hash:
        raise _wrong(entry, "its assertion was changed")
    of = document.identity(row.payload)
    if of not in entry.body.values():
        raise _wrong(entry, "its assertion is for another document")
    kept = accounts.passkey(connection, row.credential)
    told = made.get(row.credential)
    if kept is None or told is None or kept[0].digest != told["key"]:
        raise _wrong(entry, "no officer had this passkey then")
    if log.REDACTED not in (told["who"], entry.body["who"]) and _officer(told) != _officer(entry.body):
        raise _wrong(entry, "the passkey is another officer's")
    _signed(entry, assertion, kept[0], challenge(row.typ, row.payload))
    return Agreed(entry, row.typ, of, row.credential)


def _signed(entry: Entry, assertion: Assertion, passkey: Passkey, asked: bytes) -> None:
    try:
        passkeys.asserted(assertion, passkey.key, asked, passkeys.is_local)
    except Refused as problem:
        raise _wrong(entry, problem.detail) from None


def _officer(body: Mapping[str, Any]) -> Any:
    return body["who"].get("officer")


def _wrong(entry: Entry, why: str) -> Damaged:
    return Damaged(
        f"the decision in entry {entry.number} of the log does not verify: {why}",
        hint="compare with a backup of this database",
    )
