"""The hub's records. Times are texts as `core.clock` writes them; what a node said is kept as the JSON it
said."""

import sqlalchemy as sa

from hanse.lib import chain
from hanse.lib.sql import Migration, create, statements

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

TOLD = sa.Table(
    "told_version",
    _METADATA,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("node", sa.Text, sa.ForeignKey("node.id"), nullable=False, index=True),
    sa.Column("counts", sa.Text, nullable=False),  # as JSON
    sa.Column("fields", sa.Text, nullable=False),  # as JSON
    sa.Column("vocabulary", sa.Text, nullable=False),
    sa.Column("software", sa.Text, nullable=False),
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

ROLE = sa.Table(
    "participant_role",  # of those that are no nodes
    _METADATA,
    sa.Column("participant", sa.Text, sa.ForeignKey("node.id"), primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
)

DOCUMENT = sa.Table(
    "document",
    _METADATA,
    sa.Column("hash", sa.Text, primary_key=True),  # SHA-256 of the payload
    sa.Column("typ", sa.Text, nullable=False),
    sa.Column("kid", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False, index=True),  # the id of a permit, or the node of a status
    sa.Column("about", sa.Text, nullable=False, index=True),  # the application or permit that it speaks of
    sa.Column("number", sa.Integer, nullable=False),  # of a status, or the version of a permit
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("received", sa.Text, nullable=False),
)

DELIVERY = sa.Table(
    "delivery",
    _METADATA,
    sa.Column("participant", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, primary_key=True),  # of a document or an order
    sa.Column("kind", sa.Text, nullable=False),  # as the message that carries it
    sa.Column("due", sa.Text, nullable=False),
    sa.Column("letter", sa.Text, index=True),  # id of the message that carried it last
    sa.Column("taken", sa.Text),
)

LETTER = sa.Table(
    "letter",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),  # of a message that carried an order
    sa.Column("participant", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, index=True),
)

RUN = sa.Table(
    "run",
    _METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("permit", sa.Text, nullable=False),  # hash of its payload
    sa.Column("created", sa.Text, nullable=False),
)

ORDER = sa.Table(
    "carried_order",
    _METADATA,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("run", sa.Text, sa.ForeignKey("run.id"), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("kid", sa.Text, nullable=False, index=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("delegation", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("changed", sa.Text, nullable=False),
    sa.Column("problem", sa.Text),  # as JSON
    sa.Column("result", sa.Text),  # the node's token
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
    Migration(5, "what was told of each version of a dataset", create(TOLD)),
    Migration(
        6,
        "authorities, the documents around permits, and orders",
        create(ROLE, DOCUMENT, DELIVERY, LETTER, RUN, ORDER),
    ),
    Migration(
        7,
        "what waits for participants, found without reading all that they have",
        statements("CREATE INDEX delivery_due ON delivery (due) WHERE taken IS NULL"),
    ),
)
