"""A node tells an authority which of its documents it holds, and nothing else, whenever that has changed."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.node.permitted import AUTHORITY, Node, hash_of, make, permit_for, sign

from hanse.core import clock, status
from hanse.core.permit import authority_id
from hanse.core.status import RECEIPT_TYP, Receipt
from hanse.lib import jws
from hanse.node.receipts import Receipts


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return make(tmp_path / "node")


def receipts(node: Node) -> Receipts:
    return Receipts(node.store.records, node.permits, node.store.keys.signing)


def said(node: Node, tokens: list[str]) -> Receipt:
    (token,) = tokens
    return jws.read(token, node.store.keys.signing.public, RECEIPT_TYP, status.decode_receipt).document


def test_what_arrived_is_confirmed_once(node: Node) -> None:
    telling, permit = receipts(node), permit_for(node)
    assert telling.due(clock.now()) == []
    node.permits.receive([sign(permit)])
    first = said(node, telling.due(clock.now()))
    assert (first.authority, first.node) == (authority_id(AUTHORITY.public.kid), node.config.id)
    assert (first.status, first.permits) == (0, {permit.id: hash_of(permit)})
    node.confirm(permit)
    second = said(node, telling.due(clock.now()))
    assert (second.status, second.number > first.number) == (node.number, True)
    assert telling.due(clock.now()) == []
    assert said(node, receipts(node).due(clock.now())).permits == first.permits  # again after a start


def test_of_a_permit_the_newest_version_is_confirmed(node: Node) -> None:
    permit = permit_for(node)
    amended = replace(permit, version=2, amends=hash_of(permit))
    node.permits.receive([sign(amended), sign(permit)])
    assert said(node, receipts(node).due(clock.now())).permits == {permit.id: hash_of(amended)}


def test_of_an_authority_that_is_not_pinned_any_more_nothing_is_said(node: Node) -> None:
    node.permits.receive([sign(permit_for(node))])
    node.config = replace(node.config, authorities=())
    assert receipts(node).due(clock.now()) == []
