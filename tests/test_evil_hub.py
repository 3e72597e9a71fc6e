"""What a hub that was taken over achieves at a real node, an authority and a client: nothing but silence."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.types import ASGIApp
from tests.authority.office import OFFICER, application, office, signed
from tests.core.permits import hash_of as hash_of_application
from tests.evil_hub import EvilHub
from tests.hub import papers
from tests.link.running import Running
from tests.node.permitted import (
    AUTHORITY,
    CURVE,
    Node,
    allow,
    hash_of,
    make,
    order,
    ordered,
    permit_for,
    publish,
    sign,
)
from tests.openid import CLIENT, Issuer

from hanse.authority import applications, checks, providers
from hanse.client import run
from hanse.client.access import Granted, verified
from hanse.core import clock, document, ids
from hanse.core.application import TYP
from hanse.core.envelope import Kind
from hanse.core.errors import BadEnvelope, Conflict, Refused
from hanse.core.login import Client
from hanse.core.permit import Permit
from hanse.core.permit_words import say
from hanse.core.policy import Access, Policy
from hanse.lib import audit, checkpoint, identity, jws, log, sql, witness
from hanse.lib.audit import Relation
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey
from hanse.lib.witness import Request
from hanse.link.mailbox import Reply
from hanse.node import agent, config, ledger


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvilHub]:
    running = Running(tmp_path_factory.mktemp("hub"), hold_s=2.0)
    yield EvilHub(running)
    running.stop()


@pytest.fixture(scope="module")
def node(evil: EvilHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node on the link, with data that answer orders only, and data that answer questions of everybody."""
    made = make(tmp_path_factory.mktemp("node"))
    publish(made.store, "asked", 200, 500, Policy(Access.PROTECTED))
    evil.running.enrol(made.store.keys.signing, "Hospital")
    made.config = replace(made.config, hub=evil.running.url, hub_key=evil.running.key.public.kid)
    config.write(made.config)
    stop = threading.Event()
    thread = threading.Thread(target=agent.run, args=(made.config, stop), daemon=True)
    thread.start()
    yield made
    stop.set()
    thread.join(10)


@pytest.fixture
def permit(node: Node) -> Permit:
    """A permit under which orders are carried out."""
    return allow(node, permit_for(node))


def rule(reply: Reply) -> str:
    """The rule by which a node refused an order."""
    assert reply.kind is Kind.PROBLEM
    return str(reply.body.get("rule"))


def now() -> datetime:
    """As documents hold it."""
    return clock.read(clock.text(clock.now()))


def uses(node: Node) -> int:
    """How many orders the node's log says it began."""
    with sql.read(node.store.records) as connection:
        return sum(one.kind == "use" for one in log.entries(connection))


def test_an_honest_order_is_carried_out(evil: EvilHub, node: Node, permit: Permit) -> None:
    assert evil.carry(node, ordered(order(node, permit))).kind is Kind.RESULT


def test_a_hub_cannot_invent_an_order(evil: EvilHub, node: Node, permit: Permit) -> None:
    said = order(node, permit)
    assert rule(evil.invent(node, said)) == "permit"
    assert rule(evil.carry(node, evil.signed_anew(ordered(said)))) == "permit"


@pytest.mark.parametrize(
    "changes",
    [
        {"selection": "person.age > 60"},
        {"parameters": {}},
        {"parameters": {**CURVE, "grid": [0, 1, 2, 3]}},  # bins of the hub's choice
        {"method": "describe"},
        {"operation": "view"},
        {"reply_key": FileKey.generate().public.jwk},
    ],
)
def test_a_hub_cannot_alter_an_order(
    evil: EvilHub, node: Node, permit: Permit, changes: dict[str, Any]
) -> None:
    replies = evil.alter(node, ordered(order(node, permit)), **changes)
    assert [rule(one) for one in replies] == ["permit"] * 2


def test_a_hub_cannot_redirect_an_order(evil: EvilHub, node: Node, permit: Permit) -> None:
    for_another = ordered(order(node, permit, node="node_" + "0" * 26))
    assert rule(evil.redirect(for_another, node)) == "addressee"


def test_an_order_that_is_replayed_gives_the_same_bytes_and_is_carried_out_once(
    evil: EvilHub, node: Node, permit: Permit
) -> None:
    token = ordered(order(node, permit))
    first, before = evil.carry(node, token), uses(node)
    assert [one.body for one in evil.replay(node, token, 3)] == [first.body] * 3
    assert uses(node) == before


def test_an_order_that_was_kept_back_until_it_expired_is_void(
    evil: EvilHub, node: Node, permit: Permit
) -> None:
    soon = ordered(order(node, permit, expires=now() + timedelta(seconds=1)))
    assert rule(evil.delay(node, soon)) == "order time"
    past = now() - timedelta(hours=3)
    kept = ordered(order(node, permit, issued=past, expires=past + timedelta(hours=1)))
    assert rule(evil.delay(node, kept)) == "order time"


def test_an_older_permit_does_not_come_back_after_an_amendment(
    evil: EvilHub, node: Node, permit: Permit
) -> None:
    old = node.confirm(permit)
    newer = replace(permit, version=2, amends=hash_of(permit))
    allow(node, newer)
    evil.bring_back(node, sign(permit), old)
    assert rule(evil.carry(node, ordered(order(node, permit)))) == "amendment"
    assert evil.carry(node, ordered(order(node, newer))).kind is Kind.RESULT


def test_a_revocation_is_not_rolled_back(evil: EvilHub, node: Node, permit: Permit) -> None:
    statuses = [node.status(permit), node.status(permit), node.status(revoked=(permit.id,))]
    evil.show(node, *statuses)
    evil.roll_back(node, statuses)
    assert rule(evil.carry(node, ordered(order(node, permit)))) == "revocation"


def test_a_revocation_that_is_withheld_ends_in_refusal(evil: EvilHub, node: Node, permit: Permit) -> None:
    before = node.status(permit, expires=now() + timedelta(seconds=1))
    evil.withhold(node, [before, node.status(revoked=(permit.id,))])
    assert rule(evil.carry(node, ordered(order(node, permit)))) == "status"


@pytest.mark.parametrize(("issued", "expires"), [(-30, 30), (-5, -1)], ids=["too old", "expired"])
def test_a_status_that_a_hub_lets_grow_old_does_not_count(
    evil: EvilHub, node: Node, permit: Permit, issued: int, expires: int
) -> None:
    at = now()
    times = {"issued": at + timedelta(hours=issued), "expires": at + timedelta(hours=expires)}
    evil.show(node, node.status(permit, **times))
    assert rule(evil.carry(node, ordered(order(node, permit)))) == "status"


def test_a_hub_cannot_give_permits_or_statuses(evil: EvilHub, node: Node, permit: Permit) -> None:
    mine = permit_for(node)
    status = node.confirm(permit)
    forged = evil.signed_anew(status, number=1000, current={mine.id: hash_of(mine)})
    evil.show(node, sign(mine, evil.running.key), evil.altered(status, number=999), forged)
    assert all(one.id != mine.id for one in node.permits.asked())
    assert rule(evil.carry(node, ordered(order(node, mine)))) == "permit"
    assert evil.carry(node, ordered(order(node, permit))).kind is Kind.RESULT


def test_a_swapped_key_makes_no_application(evil: EvilHub, node: Node) -> None:
    said = papers.applied(scope=replace(permit_for(node).scope, persons=(papers.PERSON,)))
    evil.show(node, evil.swapped(said, FileKey.generate()))
    assert all(one.state != "asked" for one in node.permits.asked())
    evil.show(node, said)
    assert any(one.state == "asked" for one in node.permits.asked())


def test_a_login_at_the_hubs_own_client_confirms_no_key(
    evil: EvilHub, tmp_path: Path, serve: Callable[[ASGIApp], str]
) -> None:
    provider = Issuer(serve)
    with office(tmp_path) as here:
        client = Client(provider.url, CLIENT)
        providers.add(here.records, here.settings, here.key, client, OFFICER, clock.now())
        asked = application(here.settings.id)
        here.take(signed(asked))
        person, hash = asked.scope.persons[0], hash_of_application(asked)
        nonce = identity.nonce([one.kid for one in person.keys], hash)
        token = evil.login_at_its_own_client(provider, nonce)
        with pytest.raises(BadEnvelope, match="aud"):
            checks.by_login(here.records, here.settings, hash, person.name, token, OFFICER, clock.now())
        with pytest.raises(Refused):
            here.sign(here.draft(asked))


def test_the_words_that_an_officer_reads_are_those_that_the_person_signed(
    evil: EvilHub, tmp_path: Path
) -> None:
    with office(tmp_path) as here:
        asked = application(here.settings.id)
        token = signed(asked)
        for other in evil.other_text(token, project="Another"):
            with pytest.raises(BadEnvelope):
                here.take(other)
        here.take(token)
        with sql.read(here.records) as connection:
            (kept,) = applications.all_of(connection)
        assert say(kept.payload, TYP) == say(document.encode(asked), TYP)


def test_an_amendment_that_slips_in_while_a_holder_reads_is_not_approved(evil: EvilHub, node: Node) -> None:
    said = permit_for(node)
    evil.show(node, sign(said))
    shown = next(one.said.hash for one in node.permits.asked() if one.id == said.id)
    evil.slip_in(node, sign(replace(said, version=2, amends=hash_of(said), project="Another")))
    with pytest.raises(Conflict, match="came after the one that was read"):
        node.permits.approve(shown, "A data manager")


def numbers(reply: Reply) -> Any:
    """What a node says to a question, without when it came."""
    assert reply.kind is Kind.ANSWER
    return reply.body["datasets"]


def charged(node: Node) -> int:
    with sql.read(node.store.records) as connection:
        return sum(connection.scalars(sa.select(ledger.DATASET.c.spent)))


def test_invented_askers_get_together_what_one_gets(evil: EvilHub, node: Node) -> None:
    question = "person.sex = 'female' AND person.vital_status = 'dead'"
    first, spent = numbers(evil.ask(node, question)), charged(node)
    assert any(one["counts"]["rule"] == "rounded" for one in first)
    for asker in ("the minister", "the data holder", ids.of_hub(evil.running.key.public.kid), ""):
        assert numbers(evil.ask(node, question, asker)) == first
    assert charged(node) == spent
    with sql.read(node.store.records) as connection:
        last = [one for one in log.entries(connection) if one.kind == "use"][-1]
    hub = ids.of_hub(evil.running.key.public.kid)
    assert str(last.body["who"]).startswith(hub)  # the log says who asked: the hub, and for whom it said to


@pytest.mark.parametrize(
    "own",
    [
        {"vocabulary": {"fields": {}}},
        {"policy": {"access": "open", "threshold": 0}},
        {"code": "import os"},
        {"method": "everything"},
        {"clock": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_hub_brings_no_meaning_of_its_own(
    evil: EvilHub, node: Node, permit: Permit, own: dict[str, Any]
) -> None:
    before = uses(node)
    assert evil.ask(node, "person.sex = 'female'", **own).kind is Kind.PROBLEM
    carried = {"order": ordered(order(node, permit)), "delegation": "", **own}
    assert evil.say(node, Kind.ORDER, carried).kind is Kind.PROBLEM
    assert uses(node) == before


def test_a_hub_that_turns_its_clock_back_has_no_expired_order_carried_out(
    evil: EvilHub, node: Node, permit: Permit
) -> None:
    before, at = uses(node), now()
    over = order(node, permit, issued=at - timedelta(hours=2), expires=at - timedelta(hours=1))
    assert rule(evil.turn_back(node, ordered(over), by=timedelta(minutes=90))) == "order time"
    assert uses(node) == before


def test_a_field_of_the_hubs_own_is_applied_by_no_dataset(evil: EvilHub, node: Node) -> None:
    found = numbers(evil.ask(node, "person.secret_name = 'Ada'"))
    assert {one["counts"]["rule"] for one in found} == {"not counted"}


@dataclass(frozen=True)
class Run:
    """A run of two orders, with what a genuine hub would show of it."""

    started: run.Started
    granted: Granted
    rows: list[dict[str, Any]]

    def states(self, rows: Sequence[Mapping[str, Any]], granted: Granted | None = None) -> list[str]:
        return [one.state for one in run.collect(self.started, granted or self.granted, iter(rows))]


@pytest.fixture
def ran(evil: EvilHub, node: Node, permit: Permit) -> Run:
    reply = ReplyKey.generate()
    tokens = [
        ordered(order(node, permit, reply_key=reply.jwk, selection=text)) for text in ("", "person.age >= 50")
    ]
    rows = [
        {
            "order": jws.identity(one),
            "state": "carried out",
            "result": evil.carry(node, one).body["result"],
            "problem": None,
        }
        for one in tokens
    ]
    jwk = node.store.keys.signing.public.jwk
    started = run.Started("run", hash_of(permit), reply.pem().decode(), tuple(tokens))
    at = [{"node": node.config.id, "jwk": jwk}]
    granted = Granted(permit, hash_of(permit), sign(permit), at, AUTHORITY.public)
    return Run(started, granted, rows)


def test_answers_that_were_forged_mixed_up_or_altered_are_not_genuine(evil: EvilHub, ran: Run) -> None:
    first, second = ran.rows
    assert ran.states(ran.rows) == ["carried out"] * 2
    assert ran.states([evil.forged(first), second]) == ["not genuine", "carried out"]
    assert ran.states(evil.mixed(ran.rows)) == ["not genuine"] * 2
    assert ran.states(evil.mixed_beside(ran.rows)) == ["not genuine"] * 2
    altered = {**first, "result": evil.altered(first["result"], version=2)}
    assert ran.states([altered, {**second, "result": "x.y.z"}]) == ["not genuine"] * 2
    own = [{"node": ran.granted.nodes[0]["node"], "jwk": evil.running.key.public.jwk}]
    assert ran.states(ran.rows, replace(ran.granted, nodes=own)) == ["not genuine"] * 2


def test_answers_that_were_dropped_are_missing_and_those_of_others_are_passed_over(
    evil: EvilHub, ran: Run
) -> None:
    found = run.collect(ran.started, ran.granted, iter(evil.dropped(ran.rows, 1)))
    assert [one.state for one in found] == ["carried out", "waiting"]
    assert run.finish(ran.granted, found).missing == (found[1].order.node,)
    with pytest.raises(Refused, match="No node carried out"):
        run.finish(ran.granted, run.collect(ran.started, ran.granted, iter([])))


def test_another_permit_than_the_one_asked_for_is_not_used(evil: EvilHub) -> None:
    said = evil.permit_of_its_own(papers.applied(), FileKey.generate())
    listed = [{"kid": evil.running.key.public.kid, "jwk": evil.running.key.public.jwk}]
    with pytest.raises(BadEnvelope, match="another permit"):
        verified(said, listed, hash_of(permitted_by_an_authority()))


def permitted_by_an_authority() -> Permit:
    return papers.permitted(papers.applied())[0]


def test_a_log_that_shows_two_faces_is_found_by_a_witness_and_by_two_who_compare(
    evil: EvilHub, tmp_path: Path
) -> None:
    one, other = evil.two_faces(tmp_path)
    home = tmp_path / "witness"
    key = witness.own_key(home, "").verifier
    witness.pin(home, witness.own_log(one.home).verifier)
    requests = [face.request(key) for face in (one, other)]
    witness.cosign(home, "", requests[0], clock.now())
    with pytest.raises(Conflict, match="two histories"):
        witness.cosign(home, "", requests[1], clock.now())
    heads = [checkpoint.read(Request.read(text).note) for text in requests]
    assert audit.compare(*heads) is Relation.CONTRADICTS
