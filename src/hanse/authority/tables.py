"""The records of an authority, in `authority.db`: what was asked, how keys were checked, what was decided, what is
still to be sent, and the log of all of it."""

from pathlib import Path

import sqlalchemy as sa

from hanse.lib import accounts, assertions, log, merkle, sql

FILE = "authority.db"
_METADATA = sa.MetaData()

# `state` is a member of `applications.State`.
APPLICATION = sa.Table(
    "application",
    _METADATA,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("kid", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("arrived", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)

# How it was found out whose a key is: one row a key. `issuer` and `subject` are those of a login, empty for a call.
CHECK = sa.Table(
    "key_check",
    _METADATA,
    sa.Column("application", sa.ForeignKey(APPLICATION.c.hash), primary_key=True),
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("officer", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
)

# Every version of every permit, and the application that it answers.
PERMIT = sa.Table(
    "permit",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("application", sa.ForeignKey(APPLICATION.c.hash), nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("ends", sa.Text, nullable=False),
)

# Ids of permits that were taken back, with every version.
REVOKED = sa.Table(
    "revoked",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

# Which nodes a permit has ever named, in any version: they are told what became of it.
CONCERNED = sa.Table(
    "concerned",
    _METADATA,
    sa.Column("permit", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, primary_key=True),
)

# The last status that each node was given: numbers only grow.
STATUS = sa.Table(
    "status",
    _METADATA,
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("renew", sa.Text, nullable=False),
)

# What the hub has not taken yet, in its order. `node` is that of a status, of which only the newest is worth sending.
OUTGOING = sa.Table(
    "outgoing",
    _METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("node", sa.Text, nullable=False),
)

# The clients that this authority registered at providers of logins, with the provider's keys as JSON (RFC 7517).
PROVIDER = sa.Table(
    "provider",
    _METADATA,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("client", sa.Text, nullable=False),
    # Of providers that give one to everybody's programs; else empty.
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("jwks", sa.Text, nullable=False),
    sa.Column("fetched", sa.Text, nullable=False),
)

# Every statement of where logins are accepted: numbers only grow.
LOGINS = sa.Table("logins", _METADATA, sa.Column("number", sa.Integer, primary_key=True))

# What each node said last to hold of this authority: the number of its status, and its permits as JSON, {id: hash}.
RECEIPT = sa.Table(
    "receipt",
    _METADATA,
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("permits", sa.Text, nullable=False),
)

# What applicants were refused, by the hash of the application.
REFUSAL = sa.Table(
    "refusal",
    _METADATA,
    sa.Column("application", sa.ForeignKey(APPLICATION.c.hash), primary_key=True),
    sa.Column("token", sa.Text, nullable=False),
)

MIGRATIONS = (
    sql.Migration(
        1,
        "applications, checks of keys, permits, statuses, what is to be sent, log",
        sql.create(
            APPLICATION,
            CHECK,
            PERMIT,
            REVOKED,
            CONCERNED,
            STATUS,
            OUTGOING,
            log.LOG,
            log.WHO,
            merkle.TREE,
        ),
    ),
    sql.Migration(2, "where logins are accepted", sql.create(PROVIDER, LOGINS)),
    sql.Migration(
        3, "officers, and what their passkeys agreed to", sql.create(*accounts.TABLES, *assertions.TABLES)
    ),
    sql.Migration(4, "what nodes say to hold", sql.create(RECEIPT)),
    sql.Migration(5, "refusals, so that they can be sent again", sql.create(REFUSAL)),
)


def open_records(home: Path) -> sa.Engine:
    """The records in `home`, brought up to date; raises as `sql.migrate` does."""
    records = sql.engine(sql.sqlite_url(home / FILE))
    sql.migrate(records, MIGRATIONS)
    (home / FILE).chmod(0o600)
    return records
