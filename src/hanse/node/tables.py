"""The records of a node, in `node.db`: what was published and taken back, who may use it, and the log of it all."""

import sqlalchemy as sa

from hanse.lib import accounts, assertions, chain, sql
from hanse.node import ledger

_METADATA = sa.MetaData()

DATASET = sa.Table(
    "dataset",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
)

# A version that is withdrawn stays as a tombstone.
VERSION = sa.Table(
    "version",
    _METADATA,
    sa.Column("dataset", sa.ForeignKey(DATASET.c.id), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("manifest", sa.Text, nullable=False),
    sa.Column("withdrawn", sa.Text),
    sa.Column("reason", sa.Text),
)

# Persons who are never published again, by pseudonym. `part` is the part of the tables that they stood in, or -1 for
# persons who were in no version; those are looked for in every part.
EXCLUDED = sa.Table(
    "excluded",
    _METADATA,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)


# Signed documents that were verified. `about` is what they are found by: of a permit, veto and deletion the permit's
# id, of an approval the permit's hash, of an application its id. `sent` says whether the hub has it from here.
DOCUMENT = sa.Table(
    "document",
    _METADATA,
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("typ", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False, index=True),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("sent", sa.Boolean, nullable=False),
)

# The status with the highest number that each authority ever said.
STATUS = sa.Table(
    "status",
    _METADATA,
    sa.Column("authority", sa.Text, primary_key=True),  # the thumbprint of its key
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
)

# Each order that was begun: a row stays, so that none is carried out twice and all are counted.
CARRIED = sa.Table(
    "carried",
    _METADATA,
    sa.Column("order", sa.Text, primary_key=True),
    sa.Column("permit", sa.Text, nullable=False, index=True),  # its id
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Column("entry", sa.Integer, nullable=False),
    sa.Column("result", sa.Text, nullable=False, default=""),  # SHA-256 of the kept file
)


def _answers_in_one_row(connection: sa.Connection) -> None:
    connection.exec_driver_sql("DROP TABLE IF EXISTS ledger_answer")  # had a row a value
    ledger.ANSWERS.create(connection)


MIGRATIONS = (
    sql.Migration(
        1, "datasets, versions, excluded persons, log", sql.create(DATASET, VERSION, EXCLUDED, chain.CHAIN)
    ),
    sql.Migration(2, "what each dataset was charged for questions", sql.create(ledger.DATASET)),
    sql.Migration(3, "the answers to a question in one row", _answers_in_one_row),
    sql.Migration(4, "the log as a Merkle tree", chain.to_tree),
    sql.Migration(5, "permits, statuses and orders", sql.create(DOCUMENT, STATUS, CARRIED)),
    sql.Migration(
        6, "officers, and what their passkeys agreed to", sql.create(*accounts.TABLES, *assertions.TABLES)
    ),
    sql.Migration(7, "what each dataset has given out to analyses", sql.create(ledger.ANALYSES)),
)
