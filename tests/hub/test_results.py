"""The hub's door to results: who sees what came of a run, and until when."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.hub.papers import (
    AUTHORITY,
    HUB,
    NODES,
    PERSON,
    RESEARCHER,
    amended,
    applied,
    carried_out,
    delegated,
    now,
    ordered,
    participant,
    permitted,
    read,
    said_status,
    visiting,
)

from hanse.core import ids, permit, result, status
from hanse.core.bodies import Carried
from hanse.core.envelope import Kind
from hanse.core.errors import BadEnvelope, BadInput, Problem, Refused
from hanse.core.permit import Permit
from hanse.core.scope import Call, Key, KeyUse, Person
from hanse.hub import results
from hanse.hub.office import Office
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey
from hanse.link.mailbox import Reply

LATER = timedelta(minutes=2)


def permit_in(office: Office, kind: permit.Kind = permit.Kind.AGREEMENT, **changes: Any) -> Permit:
    """A permit that the hub has from the authority."""
    given, _ = permitted(applied(kind=kind))
    given = replace(given, scope=replace(given.scope, **changes))
    if kind is permit.Kind.OPEN:
        given = replace(given, scope=replace(given.scope, persons=()))
    office.receive(participant(AUTHORITY), [jws.issue(AUTHORITY, given, permit.TYP)], now())
    return given


def test_a_run_outlives_a_restart_and_keeps_what_the_nodes_said(office: Office, records: sa.Engine) -> None:
    given = permit_in(office)
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
    assert orders[0] not in read(office.due(first.node, [], now() + LATER))


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


def kept(office: Office, records: sa.Engine, given: Permit) -> Callable[[], list[tuple[str, str]]]:
    """A run that both nodes carried out; afterwards, the state and the rule of each order in the hub's records."""
    orders = [ordered(given, node) for node in NODES]
    run, letters = office.place([Carried(one) for one in orders], now())
    for letter, one, node in zip(letters, orders, NODES, strict=True):
        office.answer(Reply(letter.id, letter.node, Kind.RESULT, {"result": carried_out(one, node)}), now())

    def look() -> list[tuple[str, str]]:
        with sql.read(records) as connection:
            shown = results.show(connection, run, now())["orders"]
            assert [bool(one["result"]) for one in shown] == [one["problem"] is None for one in shown]
        return [(one["state"], (one["problem"] or {}).get("rule", "")) for one in shown]

    return look


def test_what_a_holder_stopped_the_hub_destroys_whether_its_order_expired_or_not(
    office: Office, records: sa.Engine
) -> None:
    given = permit_in(office)
    look = kept(office, records, given)
    assert look() == [("carried out", "")] * 2
    node = participant(NODES[0])
    veto = status.Veto(ids.new("veto"), given.id, node, "An officer", "", now())
    office.receive(node, [jws.issue(NODES[0], veto, status.VETO_TYP)], now())
    assert look() == [("refused", "veto"), ("carried out", "")]


def test_when_a_node_says_that_a_permit_is_over_the_hub_keeps_no_result_of_it_either(
    office: Office, records: sa.Engine
) -> None:
    """Also none whose order expired, so that the node had it no more and does not name it."""
    given = permit_in(office)
    look = kept(office, records, given)
    node = participant(NODES[1])
    gone = result.Deletion(ids.new("deletion"), given.id, node, "ended", (), now())
    office.receive(node, [jws.issue(NODES[1], gone, result.DELETION_TYP)], now())
    assert look() == [("carried out", ""), ("refused", "deleted")]


def test_what_was_ordered_under_a_revoked_permit_the_hub_destroys(office: Office, records: sa.Engine) -> None:
    given, other = permit_in(office), permit_in(office)
    looks = [kept(office, records, one) for one in (given, other)]
    office.receive(participant(AUTHORITY), [said_status(NODES[0], 2, revoked=(given.id,))], now())
    assert [look() for look in looks] == [[("refused", "revocation")] * 2, [("carried out", "")] * 2]


def carried_out_token(token: str) -> str:
    """The same token, when it is one that the node signed."""
    jws.verify(token, NODES[0].public, "hanse-result+jws")
    return token


def test_the_same_orders_are_one_run(office: Office) -> None:
    given, _ = permitted(applied())
    orders = [Carried(ordered(given))]
    run, _ = office.place(orders, now())
    assert office.place(orders, now()) == (run, [])


def test_nobody_takes_the_places_of_a_key_that_is_not_theirs(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "MAX_WAITING", 1)
    given, stranger, device = permit_in(office), FileKey.generate(), FileKey.generate()
    _, payload, signature = ordered(given, signer=stranger).split(".")
    header = ordered(given).partition(".")[0]
    office.place([Carried(f"{header}.{payload}.{signature}")], now())  # it names the researcher's key
    with pytest.raises(Refused, match="that no key of a permit signed"):
        office.place([Carried(ordered(given, signer=device), delegated(given, device, stranger))], now())
    office.place([Carried(ordered(given))], now())
    with pytest.raises(Refused, match="of this key"):
        office.place([Carried(ordered(given))], now())
    office.place([Carried(ordered(given, signer=device), delegated(given, device))], now())


def test_nobody_else_answers_an_order_and_a_result_is_of_its_own_order(office: Office) -> None:
    given, _ = permitted(applied())
    mine, other = ordered(given), ordered(given)
    _, (letter,) = office.place([Carried(mine)], now())
    body = {"result": carried_out(mine)}
    assert not office.answer(Reply(letter.id, participant(NODES[1]), Kind.RESULT, body), now())
    with pytest.raises(BadEnvelope, match="another order"):
        office.answer(Reply(letter.id, letter.node, Kind.RESULT, {"result": carried_out(other)}), now())


@dataclass
class Door:
    """A run under a permit, and who tries to see it."""

    records: sa.Engine
    run: str

    def open(self, key: FileKey = RESEARCHER, run: str = "", at: datetime | None = None) -> None:
        with sql.read(self.records) as connection:
            results.admit(connection, self.run, visiting(run or self.run, key, at), now())

    def refused(self, key: FileKey = RESEARCHER) -> dict[str, Any]:
        """What somebody is told to whom it is closed."""
        with pytest.raises(Problem) as caught:
            self.open(key)
        return caught.value.as_dict()


def door(office: Office, records: sa.Engine, *orders: Carried) -> Door:
    run, _ = office.place(orders, now())
    return Door(records, run)


def two(first: FileKey, second: FileKey) -> tuple[Person, ...]:
    """The researcher, and somebody who applied with them."""
    keys = (Key(first.public.jwk, KeyUse.WORKING, False), Key(second.public.jwk, KeyUse.WORKING, False))
    call = Call("An officer", now())
    return replace(PERSON, keys=keys[:1], call=call), replace(PERSON, keys=keys[1:], call=call)


def test_a_run_is_shown_to_its_keys_only(office: Office, records: sa.Engine) -> None:
    found = door(office, records, Carried(ordered(permit_in(office))))
    found.open()
    with pytest.raises(BadEnvelope, match="another run"):
        found.open(run="run_" + "0" * 26)
    with pytest.raises(BadEnvelope, match="signed just now"):
        found.open(at=now() - LATER)


def test_to_strangers_a_run_of_others_is_one_that_is_not_there(office: Office, records: sa.Engine) -> None:
    given, stranger = permit_in(office), FileKey.generate()
    found = door(office, records, Carried(ordered(given)))
    elsewhere = Door(records, "run_" + "0" * 26).refused(stranger)
    assert found.refused(stranger) == elsewhere
    own = door(office, records, Carried(ordered(given, signer=stranger)))  # no key of the permit signed it
    assert own.refused(stranger) == elsewhere
    unknown = door(office, records, Carried(ordered(permitted(applied())[0])))
    assert unknown.refused() == elsewhere


def test_when_a_permit_was_revoked_its_runs_are_closed_with_that_rule(
    office: Office, records: sa.Engine
) -> None:
    given, stranger = permit_in(office), FileKey.generate()
    found = door(office, records, Carried(ordered(given)))
    before = found.refused(stranger)
    office.receive(participant(AUTHORITY), [said_status(NODES[0], 2, revoked=(given.id,))], now())
    said = found.refused()
    assert (said["status"], said["rule"], said["hint"]) == (
        403,
        "revocation",
        "A new permit; the authority knows the reasons.",
    )
    assert found.refused(stranger) == before


def test_when_a_permit_has_ended_its_runs_are_closed_with_that_rule(
    office: Office, records: sa.Engine
) -> None:
    given = permit_in(office)
    found = door(office, records, Carried(ordered(given)))
    found.open()
    _, shorter = amended(given, ends=now() - LATER)
    office.receive(participant(AUTHORITY), [shorter], now())
    assert found.refused()["rule"] == "period"
    assert "extension" in found.refused()["hint"]


def test_who_is_left_out_of_an_amendment_sees_no_run_any_more_and_the_others_do(
    office: Office, records: sa.Engine
) -> None:
    other, device, stranger = (FileKey.generate() for _ in range(3))
    given = permit_in(office, persons=two(RESEARCHER, other))
    found = door(
        office,
        records,
        Carried(ordered(given, signer=other)),
        Carried(ordered(given, signer=device), delegated(given, device, other)),
    )
    for key in (RESEARCHER, other, device):
        found.open(key)
    _, newer = amended(given, persons=given.scope.persons[:1])
    office.receive(participant(AUTHORITY), [newer], now())
    found.open(RESEARCHER)
    assert found.refused(other) == found.refused(device) == found.refused(stranger)


@pytest.mark.parametrize("why", ["expired", "of another permit", "by nobody", "none"])
def test_a_device_sees_a_run_while_its_delegation_counts(
    office: Office, records: sa.Engine, why: str
) -> None:
    given, device = permit_in(office), FileKey.generate()
    wrong = {
        "expired": delegated(given, device, expires=now() - LATER),
        "of another permit": delegated(given, device, permit=ids.new("permit")),
        "by nobody": delegated(given, device, FileKey.generate()),
        "none": "",
    }
    found = door(office, records, Carried(ordered(given, signer=device), wrong[why]))
    assert found.refused(device) == found.refused(FileKey.generate())


def test_public_data_show_a_run_to_who_ordered_it(office: Office, records: sa.Engine) -> None:
    signer = FileKey.generate()
    given = permit_in(office, permit.Kind.OPEN)
    found = door(office, records, Carried(ordered(given, signer=signer), delegated(given, signer, signer)))
    found.open(signer)
    assert found.refused(FileKey.generate())["status"] == 404


def test_what_expired_is_late_and_what_is_no_order_is_refused(office: Office, records: sa.Engine) -> None:
    given, _ = permitted(applied())
    run, _ = office.place([Carried(ordered(given))], now())
    with sql.read(records) as connection:
        (shown,) = results.show(connection, run, now() + timedelta(hours=2))["orders"]
    assert shown["state"] == "late"
    assert office.due(participant(NODES[0]), [], now() + timedelta(hours=2)) == []
    with pytest.raises(BadInput, match="valid"):
        office.place([Carried(ordered(given, expires=now() - LATER, issued=now() - 2 * LATER))], now())
