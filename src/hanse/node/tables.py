"""The records of a node, in `node.db`: what was published, what was taken back, and the log of both."""

import sqlalchemy as sa

from hanse.lib import chain, sql
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
)
