"""Nodes with real stores, an authority and a researcher with real keys, and a permit that allows one analysis."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from hanse.core import clock, ids, permit, result, status
from hanse.core import order as orders
from hanse.core.order import Order
from hanse.core.permit import Authority, Kind, Permit, authority_id
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.core.result import Result
from hanse.core.scope import Call, Grant, Key, KeyUse, Limits, Operation, Person, Purpose, Role, Scope
from hanse.core.status import Status
from hanse.domains import VOCABULARY
from hanse.lib import jws
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey
from hanse.node.config import NodeConfig, Pinned
from hanse.node.gate import Gate
from hanse.node.permits import Permits
from hanse.node.publish import publish_queries
from hanse.node.store import Store
from hanse.node.uses import Uses

AUTHORITY, RESEARCHER, STRANGER = FileKey.generate(), FileKey.generate(), FileKey.generate()
CURVE = {
    "until": "person.last_contact",
    "event": "person.vital_status",
    "happened": ["dead"],
    "grid": [0, 90, 180, 365, 730],
}
# Persons `first` to `last`; every third died, and each was followed for a time of its own.
PERSON = """SELECT (i - {first})::INTEGER AS person, md5(i::VARCHAR) AS key, (40 + i % 40)::INTEGER AS age,
              CASE i % 10 WHEN 0 THEN 'male' ELSE 'female' END AS sex,
              CASE i % 3 WHEN 0 THEN 'dead' ELSE 'alive' END AS vital_status,
              (7 * i % 720)::INTEGER AS last_contact FROM range({first}, {last}) AS t(i)"""


HIDDEN = Policy(Access.NONE)


def publish(store: Store, name: str, first: int, last: int, policy: Policy = HIDDEN) -> str:
    """Publishes those persons; the dataset's id."""
    with duckdb.connect() as connection:
        tables = {"person": PERSON.format(first=first, last=last)}
        outcome = publish_queries(
            store, Description(name, english(name.title())), policy, connection, tables, VOCABULARY
        )
    return outcome.manifest.dataset


@dataclass
class Node:
    """One node with one dataset, and the number of the last status that it was sent."""

    home: Path
    config: NodeConfig
    store: Store
    dataset: str
    number: int = 0
    _gate: Gate | None = field(default=None, init=False)

    @property
    def permits(self) -> Permits:
        return Permits(self.store, self.config)

    @property
    def uses(self) -> Uses:
        return self.gate._uses  # type: ignore[return-value]

    @property
    def gate(self) -> Gate:
        if self._gate is None:
            age, where = timedelta(hours=self.config.status_hours), self.config.environment
            uses = Uses(self.store, self.permits, VOCABULARY, age, where)
            self._gate = Gate(self.store, VOCABULARY, self.home / "cache", uses=uses)
        return self._gate

    def restarted(self) -> "Node":
        """The same home after the process has ended and begun again."""
        self.store.records.dispose()
        return Node(self.home, self.config, Store(self.home), self.dataset, self.number)

    def confirm(self, *permits: Permit, revoked: tuple[str, ...] = (), **changes: Any) -> str:
        """Sends the next status of the authority; the token."""
        token = self.status(*permits, revoked=revoked, **changes)
        self.permits.receive([token])
        return token

    def status(self, *permits: Permit, revoked: tuple[str, ...] = (), **changes: Any) -> str:
        """The next status of the authority, on its way."""
        self.number += 1
        now = clock.now()
        said = Status(
            authority=authority_id(AUTHORITY.public.kid),
            node=self.config.id,
            number=self.number,
            issued=now,
            expires=now + timedelta(hours=20),
            current={one.id: hash_of(one) for one in permits},
            revoked=revoked,
        )
        return jws.issue(AUTHORITY, replace(said, **changes), status.STATUS_TYP)


def make(home: Path, first: int = 0, last: int = 200, policy: Policy = HIDDEN) -> Node:
    """A node that trusts the authority, with persons `first` to `last`."""
    store = Store(home)
    dataset = publish(store, "lung", first, last, policy)
    pinned = Pinned("Access Body", frozenset({Kind.EHDS, Kind.AGREEMENT, Kind.OPEN}), AUTHORITY.public.jwk)
    config = NodeConfig(
        home,
        ids.of_node(store.keys.signing.public.kid),
        "Node",
        "FI",
        "https://hub.example",
        "key",
        authorities=(pinned,),
    )
    return Node(home, config, store, dataset)


def permit_for(*nodes: Node, **changes: Any) -> Permit:
    """A permit under an agreement for the datasets of these nodes; `changes` are those of its scope."""
    now = clock.read(clock.text(clock.now()))
    person = Person(
        name="Principal Investigator",
        organisation="University of the North",
        country="FI",
        role=Role.PRINCIPAL,
        keys=(Key(RESEARCHER.public.jwk, KeyUse.WORKING, False),),
        call=Call("An officer", now - timedelta(days=2)),
    )
    scope = Scope(
        datasets=tuple(Grant(one.config.id, one.dataset, "Lung", "newest") for one in nodes),
        operations=(Operation.COUNT, Operation.ANALYSE, Operation.VIEW),
        selection="",
        purpose=Purpose.RESEARCH,
        environments=(),
        conditions=(),
        begins=now - timedelta(days=1),
        ends=now + timedelta(days=300),
        persons=(person,),
        limits=Limits(minimum=10, rounding=5, budget=100),
        sealed=False,
    )
    return Permit(
        id=ids.new("permit"),
        version=1,
        amends="",
        kind=Kind.AGREEMENT,
        authority=Authority(authority_id(AUTHORITY.public.kid), "Access Body", AUTHORITY.public.kid),
        application="0" * 64,
        project="Survival with lung cancer",
        scope=replace(scope, **changes),
        exception="",
        fees=(),
    )


def hash_of(said: Permit) -> str:
    return jws.identity(sign(said))


def sign(said: Permit, key: FileKey = AUTHORITY) -> str:
    return jws.issue(key, said, permit.TYP)


def allow(node: Node, said: Permit, *beside: Permit) -> Permit:
    """Permit, status and approval at one node; the status confirms the permits `beside` too."""
    node.permits.receive([sign(said)])
    node.confirm(said, *beside)
    node.permits.approve(said.id, "A data manager")
    return said


def order(node: Node, said: Permit, /, **changes: Any) -> Order:
    """An order for the survival curve of everybody."""
    now = clock.read(clock.text(clock.now()))
    plain = Order(
        id=ids.new("order"),
        permit=hash_of(said),
        node=node.config.id,
        dataset=node.dataset,
        version=1,
        operation=Operation.ANALYSE,
        purpose=Purpose.RESEARCH,
        selection="",
        method="kaplan_meier",
        parameters=CURVE,
        issued=now,
        expires=now + timedelta(hours=1),
        reply_key=None,
    )
    return replace(plain, **changes)


def ordered(asked: Order, key: FileKey = RESEARCHER) -> str:
    return jws.issue(key, asked, orders.TYP)


def result_of(node: Node, answer: str, key: ReplyKey | None = None) -> Result:
    """What a node answered, verified, and opened with the reply key where it is sealed."""
    token, disclosure = result.split(answer)
    disclosure = key.unseal(disclosure).decode() if key else disclosure
    public = node.store.keys.signing.public
    said = jws.read(token, public, result.TYP, result.decode, limit=result.MAX_TOKEN).document
    return result.disclosed(said, disclosure)
