"""What a hub carries: documents and orders reach those that they are for, and nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.hub.papers import (
    AUTHORITY,
    HUB,
    NODES,
    applied,
    approved,
    let_in,
    now,
    participant,
    permitted,
    read,
    said_status,
)

from hanse.core import application, ids, permit, status
from hanse.core.errors import BadEnvelope, BadQuestion, NotFound, Refused
from hanse.core.greeting import Role
from hanse.core.permit import Authority, authority_id
from hanse.hub import access, registry
from hanse.hub.office import Office
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey

LATER = timedelta(minutes=2)


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


def test_an_application_for_what_no_node_could_select_is_refused_at_once(office: Office) -> None:
    scope = application.decode(jws.unverified(applied())).scope
    with pytest.raises(BadQuestion, match=r"no field person\.agge"):
        office.apply(applied(scope=replace(scope, selection="person.agge > 50")), now())


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


def test_authorities_are_listed_and_asked_no_questions(office: Office, records: sa.Engine) -> None:
    with sql.read(records) as connection:
        (shown,) = access.authorities(connection, now())
        asked = [one.id for one in registry.nodes(connection)]
    assert (shown["name"], shown["kid"]) == ("Access Body of the North", AUTHORITY.public.kid)
    assert participant(AUTHORITY) not in asked
