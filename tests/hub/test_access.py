"""What a hub carries: documents and orders reach those that they are for, and nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.hub.papers import (
    AUTHORITY,
    NODES,
    applied,
    approved,
    carried_out,
    let_all_in,
    let_in,
    now,
    ordered,
    participant,
    permitted,
    said_status,
    visiting,
)

from hanse.core import ids, permit, result, status, wire
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Refused
from hanse.core.permit import Authority, authority_id
from hanse.core.wire import Carried, Kind, Role
from hanse.hub import access, registry, results
from hanse.hub.office import Office
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey
from hanse.link.mailbox import Letter, Reply

HUB = FileKey.generate()
LATER = timedelta(minutes=2)


@pytest.fixture
def office(records: sa.Engine) -> Office:
    let_all_in(records)
    return Office(records, HUB)


def read(letters: list[Letter]) -> list[str]:
    """The documents and orders in letters, verified with the hub's key."""
    found = []
    for letter in letters:
        message = wire.decode(jws.verify(letter.token, HUB.public, wire.TYP, limit=wire.MAX_TOKEN))
        one = message.kind is Kind.ORDER
        found += [wire.order(message.body).order] if one else wire.documents(message.body)
    return found


def test_an_application_goes_to_its_authority_and_to_the_nodes_of_its_datasets(office: Office) -> None:
    token = applied()
    hash, letters = office.apply(token, now())
    assert {one.node for one in letters} == {participant(one) for one in (AUTHORITY, *NODES)}
    assert {*read(letters)} == {token}
    assert hash == jws.identity(token)


def test_what_is_not_taken_is_due_again_and_what_is_taken_is_not(office: Office, records: sa.Engine) -> None:
    office.apply(applied(), now())
    who = participant(NODES[0])
    assert office.due(who, [], now()) == []  # on its way
    (letter,) = office.due(who, [], now() + LATER)
    assert office.due(who, [letter.id], now() + LATER) == []
    assert Office(records, HUB).due(who, [], now() + 2 * LATER) == []
    office.again(who)
    assert len(office.due(who, [], now())) == 1  # the node began anew, and may have lost it


def test_an_application_with_a_key_of_somebody_else_or_for_nobody_is_refused(office: Office) -> None:
    token = applied()
    head, body, signature = token.split(".")
    with pytest.raises(BadEnvelope):
        office.apply(f"{head}.{body}.{signature[::-1]}", now())
    with pytest.raises(NotFound, match="no such authority"):
        office.apply(applied(authority="authority_" + "0" * 26), now())


def test_a_permit_and_its_approval_show_in_the_application(office: Office, records: sa.Engine) -> None:
    token = applied()
    hash, _ = office.apply(token, now())
    given, signed = permitted(token)
    letters = office.receive(participant(AUTHORITY), [signed], now())
    assert {one.node for one in letters} == {participant(one) for one in NODES}
    (letter,) = office.receive(participant(NODES[0]), [approved(given, NODES[0])], now())
    assert letter.node == participant(AUTHORITY)
    with sql.read(records) as connection:
        shown = access.applied(connection, hash)
        assert shown["permit"] == signed
        assert shown["authority"]["state"] == "granted"
        assert [one["state"] for one in shown["nodes"]] == ["approved", "waiting"]
        assert access.permitted(connection, given.id)["permit"] == signed


def test_a_permit_that_was_revoked_shows_so_in_the_application(office: Office, records: sa.Engine) -> None:
    token = applied()
    hash, _ = office.apply(token, now())
    given, signed = permitted(token)
    office.receive(participant(AUTHORITY), [signed], now())
    office.receive(participant(AUTHORITY), [said_status(NODES[0], 2, revoked=(given.id,))], now())
    with sql.read(records) as connection:
        assert access.applied(connection, hash)["authority"]["state"] == "revoked"


def test_a_participant_sends_only_what_it_signed_and_what_is_its_to_say(office: Office) -> None:
    given, signed = permitted(applied())
    assert office.receive(participant(NODES[0]), [signed], now()) == []
    assert office.receive(participant(NODES[1]), [approved(given, NODES[0])], now()) == []
    assert len(office.receive(participant(AUTHORITY), ["nothing", signed], now())) == 2


def test_no_participant_speaks_in_the_name_of_another(office: Office, records: sa.Engine) -> None:
    other = FileKey.generate()
    let_in(records, other, "Another Access Body", Role.AUTHORITY)
    hash, _ = office.apply(applied(), now())
    with sql.read(records) as connection:
        given, signed = permitted(access.applied(connection, hash)["token"])
    own = Authority(authority_id(other.public.kid), "Another", other.public.kid)
    theirs = [
        jws.issue(other, given, permit.TYP),  # a permit in the name of the other
        jws.issue(other, replace(given, authority=own), permit.TYP),  # one that was asked of the other
        jws.issue(
            other, replace(given, authority=own, application="0" * 64, version=2, amends="1" * 64), permit.TYP
        ),
        said_status(NODES[0], 1, other),
    ]
    office.receive(participant(AUTHORITY), [signed], now())
    for token in theirs:
        with pytest.raises(Refused, match="in the name of another"):
            office.receive(participant(other), [token], now())
    veto = status.Veto(ids.new("veto"), given.id, participant(NODES[1]), "An officer", "", now())
    assert office.receive(participant(NODES[0]), [jws.issue(NODES[0], veto, status.VETO_TYP)], now()) == []


def test_an_authority_hears_of_a_document_that_is_not_carried(office: Office) -> None:
    given, _ = permitted(applied())
    with pytest.raises(Refused, match="does not come from"):
        office.receive(participant(AUTHORITY), [approved(given, NODES[0])], now())


def test_of_the_statuses_for_a_node_the_newest_is_carried(office: Office) -> None:
    first, second = said_status(NODES[0], 1), said_status(NODES[0], 2)
    assert read(office.receive(participant(AUTHORITY), [first, second], now())) == [second]
    assert office.receive(participant(AUTHORITY), [first], now()) == []
    assert read(office.due(participant(NODES[0]), [], now() + LATER)) == [second]


def test_a_run_outlives_a_restart_and_keeps_what_the_nodes_said(office: Office, records: sa.Engine) -> None:
    given, _ = permitted(applied())
    orders = [ordered(given, node) for node in NODES]
    run, letters = office.place([Carried(one) for one in orders], now())
    assert read(letters) == orders
    again = Office(records, HUB)  # another process
    first, second = letters
    assert again.answer(Reply(first.id, first.node, Kind.RESULT, {"result": carried_out(orders[0])}), now())
    refused = {"detail": "The holder stopped the use of its data.", "rule": "veto"}
    assert again.answer(Reply(second.id, second.node, Kind.PROBLEM, refused), now())
    with sql.read(records) as connection:
        results.admit(connection, run, visiting(run), now())
        shown = results.show(connection, run, now())["orders"]
    assert [one["state"] for one in shown] == ["carried out", "refused"]
    assert shown[0]["result"] == carried_out_token(shown[0]["result"])
    assert shown[1]["problem"] == refused
    assert office.due(first.node, [], now() + LATER) == []


def test_what_a_node_destroyed_the_hub_destroys_too(office: Office, records: sa.Engine) -> None:
    given, signed = permitted(applied())
    office.receive(participant(AUTHORITY), [signed], now())
    orders = [ordered(given, node) for node in NODES]
    run, letters = office.place([Carried(one) for one in orders], now())
    for letter, one in zip(letters, orders, strict=True):
        body = {"result": carried_out(one, NODES[letters.index(letter)])}
        office.answer(Reply(letter.id, letter.node, Kind.RESULT, body), now())
    hashes = tuple(jws.identity(one) for one in orders)
    node = participant(NODES[0])
    gone = result.Deletion(ids.new("deletion"), given.id, node, "revoked", hashes, now())
    office.receive(node, [jws.issue(NODES[0], gone, result.DELETION_TYP)], now())
    with sql.read(records) as connection:
        shown = results.show(connection, run, now())["orders"]
    assert [one["state"] for one in shown] == ["refused", "carried out"]
    assert [bool(one["result"]) for one in shown] == [False, True]


def carried_out_token(token: str) -> str:
    """The same token, when it is one that the node signed."""
    jws.verify(token, NODES[0].public, "hanse-result+jws")
    return token


def test_the_same_orders_are_one_run(office: Office) -> None:
    given, _ = permitted(applied())
    orders = [Carried(ordered(given))]
    run, _ = office.place(orders, now())
    assert office.place(orders, now()) == (run, [])


def test_nobody_else_answers_an_order_and_a_result_is_of_its_own_order(office: Office) -> None:
    given, _ = permitted(applied())
    mine, other = ordered(given), ordered(given)
    _, (letter,) = office.place([Carried(mine)], now())
    body = {"result": carried_out(mine)}
    assert not office.answer(Reply(letter.id, participant(NODES[1]), Kind.RESULT, body), now())
    with pytest.raises(BadEnvelope, match="another order"):
        office.answer(Reply(letter.id, letter.node, Kind.RESULT, {"result": carried_out(other)}), now())


def test_a_run_is_shown_to_its_keys_only(office: Office, records: sa.Engine) -> None:
    given, _ = permitted(applied())
    run, _ = office.place([Carried(ordered(given))], now())
    with sql.read(records) as connection:
        with pytest.raises(NotFound):
            results.admit(connection, run, visiting(run, FileKey.generate()), now())
        with pytest.raises(BadEnvelope, match="another run"):
            results.admit(connection, run, visiting("run_" + "0" * 26), now())
        with pytest.raises(BadEnvelope, match="signed just now"):
            results.admit(connection, run, visiting(run, at=now() - LATER), now())


def test_what_expired_is_late_and_what_is_no_order_is_refused(office: Office, records: sa.Engine) -> None:
    given, _ = permitted(applied())
    run, _ = office.place([Carried(ordered(given))], now())
    with sql.read(records) as connection:
        (shown,) = results.show(connection, run, now() + timedelta(hours=2))["orders"]
    assert shown["state"] == "late"
    assert office.due(participant(NODES[0]), [], now() + timedelta(hours=2)) == []
    with pytest.raises(BadInput, match="valid"):
        office.place([Carried(ordered(given, expires=now() - LATER, issued=now() - 2 * LATER))], now())


def test_authorities_are_listed_and_asked_no_questions(office: Office, records: sa.Engine) -> None:
    with sql.read(records) as connection:
        (shown,) = access.authorities(connection, now())
        asked = [one.id for one in registry.nodes(connection)]
    assert (shown["name"], shown["kid"]) == ("Access Body of the North", AUTHORITY.public.kid)
    assert participant(AUTHORITY) not in asked
