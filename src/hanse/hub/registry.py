"""The nodes that a hub knows: invited, waiting for approval, approved, refused, removed."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from hanse.core import clock, greeting, ids
from hanse.core.errors import BadToken, Conflict, NotFound
from hanse.core.record import Record
from hanse.hub import catalogue
from hanse.hub.tables import DATASET, INVITATION, NODE, ROLE
from hanse.lib import log, sql
from hanse.lib.jws import PublicKey
from hanse.link.enrolment import Token, secret_hash
from hanse.link.inbound import Known

INVITATION_LIFE = timedelta(days=7)
ONLINE_WITHIN = timedelta(seconds=90)  # a node calls at least every 25 s, and its calls are noted every 20 s
NOTE_EVERY_S = 20.0
REREAD_AFTER_S = 1.0
_HINT = "Ask the hub's operator for a new token (hanse hub invite)."


class State(StrEnum):
    PENDING = "pending"  # enrolled, and waits for the operator's approval
    ACTIVE = "active"
    REFUSED = "refused"
    REMOVED = "removed"


# What an operator can decide: from which states, to which one.
DECISIONS: Mapping[str, tuple[frozenset[State], State]] = {
    "approve": (frozenset({State.PENDING, State.REFUSED}), State.ACTIVE),
    "refuse": (frozenset({State.PENDING}), State.REFUSED),
    "remove": (frozenset({State.PENDING, State.ACTIVE, State.REFUSED}), State.REMOVED),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A node, or another participant of the link, as the hub's operator sees it."""

    id: str
    name: str
    country: str
    state: State
    key: PublicKey
    note: str
    enrolled: str
    seen: str | None
    software: str
    vocabulary: str
    protocol: int
    role: greeting.Role = greeting.Role.NODE

    def online(self, at: datetime) -> bool:
        """Whether the node has called lately."""
        return self.seen is not None and at - clock.read(self.seen) < ONLINE_WITHIN


def invite(connection: sa.Connection, hub_key: str, note: str, at: datetime) -> Token:
    """A token for one node; only the hash of its secret is kept, and it counts for `INVITATION_LIFE`."""
    token = Token.fresh(hub_key)
    connection.execute(
        INVITATION.insert().values(
            secret_hash=secret_hash(token.secret),
            note=note,
            created=clock.text(at),
            expires=clock.text(at + INVITATION_LIFE),
        )
    )
    return token


def enrol(connection: sa.Connection, request: greeting.Enrol, key: PublicKey, at: datetime) -> State:
    """Uses up a token and lets the node wait for approval. The key that used the token may ask again.

    Raises `BadToken`. Of several nodes that use one token at once, one gets in: the row changes hands once.
    """
    found = INVITATION.c.secret_hash == secret_hash(request.secret)
    claim = sa.update(INVITATION).where(
        found, INVITATION.c.used_by.is_(None), INVITATION.c.expires > clock.text(at)
    )
    claimed = connection.execute(claim.values(used_by=key.kid, used=clock.text(at))).rowcount == 1
    invitation = connection.execute(sa.select(INVITATION).where(found)).one_or_none()
    if invitation is None:
        raise BadToken("This hub has given out no such token.", hint=_HINT)
    if not claimed and invitation.used_by is None:
        raise BadToken(f"The token expired at {invitation.expires}.", hint=_HINT)
    if not claimed and invitation.used_by != key.kid:
        raise BadToken("The token has been used by another node.", hint=_HINT)
    if claimed:
        _let_wait(connection, request, key, invitation.note, at)
    return State(connection.execute(sa.select(NODE.c.state).where(NODE.c.kid == key.kid)).scalar_one())


def _let_wait(
    connection: sa.Connection, request: greeting.Enrol, key: PublicKey, note: str, at: datetime
) -> None:
    row = {
        "jwk": json.dumps(key.jwk),
        "name": request.name,
        "country": request.country,
        "note": note,
        "software": request.hello.software,
        "vocabulary": request.hello.vocabulary,
        "protocol": greeting.negotiate(greeting.PROTOCOLS, request.hello.protocols),
        "enrolled": clock.text(at),
        "state": State.PENDING,
    }
    known = connection.execute(sa.update(NODE).where(NODE.c.kid == key.kid).values(**row)).rowcount
    id = ids.of_node(key.kid)
    if not known:
        connection.execute(NODE.insert().values(id=id, kid=key.kid, **row))
    connection.execute(sa.delete(ROLE).where(ROLE.c.participant == id))
    if request.role is not greeting.Role.NODE:
        connection.execute(ROLE.insert().values(participant=id, role=request.role))


def participants(connection: sa.Connection, *states: State) -> list[Node]:
    """Nodes and authorities in these states (in all, when none is named), by name."""
    query = sa.select(NODE, ROLE.c.role).outerjoin(ROLE, ROLE.c.participant == NODE.c.id)
    if states:
        query = query.where(NODE.c.state.in_(states))
    return [_node(row) for row in connection.execute(query.order_by(NODE.c.name, NODE.c.id))]


def nodes(connection: sa.Connection, *states: State) -> list[Node]:
    """The nodes in these states (in all, when none is named), by name."""
    return [one for one in participants(connection, *states) if one.role is greeting.Role.NODE]


def authorities(connection: sa.Connection) -> list[Node]:
    """The approved authorities, by name."""
    return [one for one in participants(connection, State.ACTIVE) if one.role is greeting.Role.AUTHORITY]


def find(connection: sa.Connection, wanted: str) -> Node:
    """The node with this id or name; `NotFound`, or `Conflict` when several have the name."""
    known = participants(connection)
    # A node chooses its name; it must not stand in the way of the one whose id it took for it.
    found = [node for node in known if node.id == wanted] or [node for node in known if node.name == wanted]
    if not found:
        raise NotFound(f"There is no node {wanted!r}.", hint="hanse hub nodes lists them.")
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} nodes are called {wanted!r}.", hint="Name one by its id: hanse hub nodes."
        )
    return found[0]


def decide(
    connection: sa.Connection, decision: str, node: str, at: datetime, by: str = "command line"
) -> State:
    """Carries out one of `DECISIONS` about the node with this id, and notes in the hub's log `by` what way it came;
    `Conflict` when the node is in no state for it."""
    before, after = DECISIONS[decision]
    change = sa.update(NODE).where(NODE.c.id == node, NODE.c.state.in_(before))
    if not connection.execute(change.values(state=after, decided=clock.text(at))).rowcount:
        state = find(connection, node).state
        raise Conflict(
            f"The node is {state.value}; {decision} is for one that is {' or '.join(sorted(before))}."
        )
    if after is State.REMOVED:
        connection.execute(sa.delete(DATASET).where(DATASET.c.node == node))
    log.append(connection, "decision", {"decision": decision, "node": node, "by": by})
    return after


def _node(row: sa.Row[Any]) -> Node:
    return Node(
        id=row.id,
        name=row.name,
        country=row.country,
        state=State(row.state),
        key=_key(row.jwk),
        note=row.note,
        enrolled=row.enrolled,
        seen=row.seen,
        software=row.software,
        vocabulary=row.vocabulary,
        protocol=row.protocol,
        role=greeting.Role(row.role or greeting.Role.NODE),
    )


@lru_cache(
    maxsize=10_000
)  # to make a key takes longer than to read all else of a node, and keys never change
def _key(jwk: str) -> PublicKey:
    return PublicKey.from_jwk(json.loads(jwk))


class Directory:
    """The registry as the link asks it (`link.inbound.Directory`), many times a second. What it answers
    from memory is read again after `REREAD_AFTER_S`: within that time a decision takes hold in a running
    hub."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._known: dict[str, Known] = {}
        self._read = float("-inf")
        self._refreshing = threading.Lock()
        self._calls: dict[str, datetime] = {}
        self._noted: dict[str, float] = {}
        self._noting = threading.Lock()

    def stale(self) -> bool:
        return time.monotonic() - self._read > REREAD_AFTER_S

    def refresh(self) -> None:
        with self._refreshing:
            if self.stale():  # still, once the lock is ours
                with sql.read(self._engine) as connection:
                    active = participants(connection, State.ACTIVE)
                self._known = {node.key.kid: Known(node.id, node.key) for node in active}
                self._read = time.monotonic()

    def known(self, kid: str) -> Known | None:
        return self._known.get(kid)

    def seen(self, node: str, at: datetime) -> bool:
        with self._noting:
            self._calls[node] = at
        return time.monotonic() - self._noted.get(node, float("-inf")) > NOTE_EVERY_S

    def note(self) -> None:
        with self._noting:
            calls, self._calls = self._calls, {}
        if calls:
            change = sa.update(NODE).where(NODE.c.id == sa.bindparam("node")).values(seen=sa.bindparam("at"))
            with sql.begin(self._engine) as connection:
                connection.execute(
                    change, [{"node": node, "at": clock.text(at)} for node, at in calls.items()]
                )
        self._noted |= dict.fromkeys(calls, time.monotonic())

    def enrol(self, request: greeting.Enrol, key: PublicKey, at: datetime) -> str:
        with sql.begin(self._engine) as connection:
            return enrol(connection, request, key, at)

    def greet(self, node: str, hello: greeting.Hello, at: datetime) -> None:
        values = {
            "software": hello.software,
            "vocabulary": hello.vocabulary,
            "protocol": greeting.negotiate(greeting.PROTOCOLS, hello.protocols),
            "seen": clock.text(at),
        }
        with sql.begin(self._engine) as connection:
            connection.execute(sa.update(NODE).where(NODE.c.id == node).values(**values))

    def describe(self, node: str, records: Sequence[Record], issued: datetime) -> None:
        with sql.begin(self._engine) as connection:
            catalogue.describe(connection, node, records, issued)
