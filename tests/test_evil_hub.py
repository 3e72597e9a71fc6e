"""What a hub that was taken over achieves at a real node: nothing but silence."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.evil_hub import EvilHub
from tests.hub import papers
from tests.link.running import Running
from tests.node.permitted import (
    Node,
    allow,
    hash_of,
    make,
    order,
    ordered,
    permit_for,
    sign,
)

from hanse.core import clock
from hanse.core.permit import Permit
from hanse.core.wire import Kind
from hanse.lib import log, sql
from hanse.lib.jws import FileKey
from hanse.node import agent


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[EvilHub]:
    running = Running(tmp_path / "hub", hold_s=2.0)
    yield EvilHub(running)
    running.stop()


@pytest.fixture
def node(evil: EvilHub, tmp_path: Path) -> Iterator[Node]:
    """A node on the link, with a permit under which orders are carried out."""
    made = make(tmp_path / "node")
    evil.running.enrol(made.store.keys.signing, "Hospital")
    made.config = replace(made.config, hub=evil.running.url, hub_key=evil.running.key.public.kid)
    stop = threading.Event()
    thread = threading.Thread(target=agent.run, args=(made.config, stop), daemon=True)
    thread.start()
    yield made
    stop.set()
    thread.join(10)


@pytest.fixture
def permit(node: Node) -> Permit:
    return allow(node, permit_for(node))


def rule(evil: EvilHub, node: Node, token: str) -> str:
    """The rule by which a node refuses an order."""
    reply = evil.carry(node, token)
    assert reply.kind is Kind.PROBLEM
    return str(reply.body.get("rule"))


def uses(node: Node) -> int:
    """How many orders the node's log says it began."""
    with sql.read(node.store.records) as connection:
        return sum(one.kind == "use" for one in log.entries(connection))


def test_an_honest_order_is_carried_out(evil: EvilHub, node: Node, permit: Permit) -> None:
    assert evil.carry(node, ordered(order(node, permit))).kind is Kind.RESULT


def test_a_hub_cannot_invent_an_order(evil: EvilHub, node: Node, permit: Permit) -> None:
    assert rule(evil, node, ordered(order(node, permit), evil.running.key)) == "permit"
    assert rule(evil, node, evil.signed_anew(ordered(order(node, permit)))) == "permit"


@pytest.mark.parametrize(
    "changes",
    [
        {"selection": "person.age > 60"},
        {"parameters": {}},
        {"operation": "view"},
        {"reply_key": FileKey.generate().public.jwk},
    ],
)
def test_a_hub_cannot_alter_an_order(
    evil: EvilHub, node: Node, permit: Permit, changes: dict[str, Any]
) -> None:
    assert rule(evil, node, evil.altered(ordered(order(node, permit)), **changes)) == "permit"


def test_a_hub_cannot_redirect_an_order(evil: EvilHub, node: Node, permit: Permit) -> None:
    for_another = order(node, permit, node="node_" + "0" * 26)
    assert rule(evil, node, ordered(for_another)) == "addressee"


def test_an_order_that_is_replayed_gives_the_same_bytes_and_is_carried_out_once(
    evil: EvilHub, node: Node, permit: Permit
) -> None:
    token = ordered(order(node, permit))
    first, before = evil.carry(node, token), uses(node)
    again = [evil.carry(node, token) for _ in range(3)]
    assert [one.body for one in again] == [first.body] * 3
    assert uses(node) == before


def test_an_order_that_was_kept_back_until_it_expired_is_void(
    evil: EvilHub, node: Node, permit: Permit
) -> None:
    past = clock.read(clock.text(clock.now())) - timedelta(hours=3)
    kept = order(node, permit, issued=past, expires=past + timedelta(hours=1))
    assert rule(evil, node, ordered(kept)) == "order time"


def test_an_older_permit_does_not_come_back_after_an_amendment(
    evil: EvilHub, node: Node, permit: Permit
) -> None:
    old = node.confirm(permit)
    newer = replace(permit, version=2, amends=hash_of(permit))
    allow(node, newer)
    evil.show(node, sign(permit), old)
    assert rule(evil, node, ordered(order(node, permit))) == "amendment"
    assert evil.carry(node, ordered(order(node, newer))).kind is Kind.RESULT


def test_a_revocation_is_not_rolled_back(evil: EvilHub, node: Node, permit: Permit) -> None:
    old = node.confirm(permit)
    node.confirm(revoked=(permit.id,))
    evil.show(node, old)
    assert rule(evil, node, ordered(order(node, permit))) == "revocation"


def test_a_status_that_is_withheld_ends_in_refusal(evil: EvilHub, node: Node, permit: Permit) -> None:
    then = clock.read(clock.text(clock.now())) - timedelta(hours=30)
    node.confirm(permit, issued=then, expires=then + timedelta(hours=60))
    assert rule(evil, node, ordered(order(node, permit))) == "status"


def test_a_hub_cannot_give_permits_or_statuses(evil: EvilHub, node: Node, permit: Permit) -> None:
    mine = permit_for(node)
    status = node.confirm(permit)
    forged = evil.signed_anew(status, number=1000, current={mine.id: hash_of(mine)})
    evil.show(node, sign(mine, evil.running.key), evil.altered(status, number=999), forged)
    assert all(one.id != mine.id for one in node.permits.asked())
    assert rule(evil, node, ordered(order(node, mine))) == "permit"
    assert evil.carry(node, ordered(order(node, permit))).kind is Kind.RESULT


def test_a_swapped_key_makes_no_application(evil: EvilHub, node: Node) -> None:
    said = papers.applied(scope=replace(permit_for(node).scope, persons=(papers.PERSON,)))
    evil.show(node, evil.swapped(said, FileKey.generate()))
    assert all(one.state != "asked" for one in node.permits.asked())
    evil.show(node, said)
    assert any(one.state == "asked" for one in node.permits.asked())
