"""The hub's records. Times are texts as `core.clock` writes them; what a node said is kept as the JSON it
said."""

import sqlalchemy as sa

from hanse.lib import chain
from hanse.lib.sql import Migration, create

_METADATA = sa.MetaData()

INVITATION = sa.Table(
    "invitation",
    _METADATA,
    sa.Column("secret_hash", sa.Text, primary_key=True),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Column("used_by", sa.Text),  # thumbprint of the key that used it
    sa.Column("used", sa.Text),
)

NODE = sa.Table(
    "node",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kid", sa.Text, nullable=False, unique=True),
    sa.Column("jwk", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("country", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),  # of the invitation
    sa.Column("enrolled", sa.Text, nullable=False),
    sa.Column("decided", sa.Text),
    sa.Column("seen", sa.Text),
    sa.Column("software", sa.Text, nullable=False),
    sa.Column("vocabulary", sa.Text, nullable=False),
    sa.Column("protocol", sa.Integer, nullable=False),
    sa.Column("described", sa.Text),  # when the node issued the catalogue that is kept
)

DATASET = sa.Table(
    "dataset",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, sa.ForeignKey("node.id"), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),  # in the node's own order
    sa.Column("record", sa.Text, nullable=False),
)

QUESTION = sa.Table(
    "question",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),  # empty for one that is only too long for an address
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("datasets", sa.Text, nullable=False),  # that were asked, as JSON
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("vocabulary", sa.Text, nullable=False),  # the version that the question was checked with
)

PASS = sa.Table(
    "operator_pass",
    _METADATA,
    sa.Column("secret_hash", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # a link, which opens one session, or a session
    sa.Column("expires", sa.Text, nullable=False),
)

MIGRATIONS = (
    Migration(1, "invitations, nodes, datasets", create(INVITATION, NODE, DATASET)),
    Migration(2, "questions that people keep", create(QUESTION)),
    Migration(3, "passes of the operator, and the log of decisions", create(PASS, chain.CHAIN)),
    Migration(4, "the log as a Merkle tree", chain.to_tree),
)
