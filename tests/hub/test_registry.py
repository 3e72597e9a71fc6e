"""Which nodes belong to a hub: invited once, approved by a person, removed for good."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hanse.core import clock, greeting, ids
from hanse.core.errors import BadToken, Conflict, NotFound
from hanse.hub import registry
from hanse.hub.registry import DECISIONS, Directory, State
from hanse.hub.tables import INVITATION
from hanse.lib import sql
from hanse.lib.jws import FileKey
from hanse.link.enrolment import Token
from hanse.link.inbound import Known

HUB = FileKey.generate().public.kid
HELLO = greeting.Hello(greeting.PROTOCOLS, "0.1.0", "2026.11")


def invite(records: sa.Engine) -> Token:
    with sql.begin(records) as connection:
        return registry.invite(connection, HUB, "for Turku", clock.now())


def enrol(
    records: sa.Engine, token: Token, key: FileKey, name: str = "Turku", later: timedelta = timedelta(0)
) -> State:
    request = greeting.Enrol(token.secret, key.public.jwk, name, "FI", HELLO)
    with sql.begin(records) as connection:
        return registry.enrol(connection, request, key.public, clock.now() + later)


def decide(records: sa.Engine, decision: str, key: FileKey) -> State:
    with sql.begin(records) as connection:
        return registry.decide(connection, decision, ids.of_node(key.public.kid), clock.now())


def test_a_node_waits_for_approval_with_the_note_of_its_invitation(records: sa.Engine) -> None:
    key = FileKey.generate()
    assert enrol(records, invite(records), key) is State.PENDING
    with sql.read(records) as connection:
        node = registry.find(connection, "Turku")
    assert node.key == key.public
    assert node.note == "for Turku"
    assert decide(records, "approve", key) is State.ACTIVE


def test_the_hub_keeps_no_token(records: sa.Engine) -> None:
    token = invite(records)
    with sql.read(records) as connection:
        kept = repr(connection.execute(sa.select(INVITATION)).all())
    assert token.secret not in kept
    assert token.secret not in repr(token)


def test_a_token_lets_one_node_in_which_may_ask_again(records: sa.Engine) -> None:
    token, key = invite(records), FileKey.generate()
    enrol(records, token, key)
    decide(records, "approve", key)
    assert enrol(records, token, key) is State.ACTIVE
    with pytest.raises(BadToken, match="used by another node"):
        enrol(records, token, FileKey.generate())


def test_a_token_expires(records: sa.Engine) -> None:
    with pytest.raises(BadToken, match="expired"):
        enrol(records, invite(records), FileKey.generate(), later=timedelta(days=8))


def test_a_token_that_was_never_given_out_is_refused(records: sa.Engine) -> None:
    with pytest.raises(BadToken, match="no such token"):
        enrol(records, Token.fresh(HUB), FileKey.generate())


def test_of_nodes_that_race_for_one_token_exactly_one_gets_in(records: sa.Engine) -> None:
    token, start = invite(records), threading.Barrier(6)
    ends: list[str] = []

    def race() -> None:
        start.wait()
        try:
            ends.append(enrol(records, token, FileKey.generate()))
        except BadToken:
            ends.append("refused")

    racers = [threading.Thread(target=race) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(ends) == ["pending"] + ["refused"] * 5
    with sql.read(records) as connection:
        assert len(registry.nodes(connection)) == 1


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("before", State)
def test_a_decision_is_for_the_states_of_the_table(records: sa.Engine, decision: str, before: State) -> None:
    key = FileKey.generate()
    enrol(records, invite(records), key)
    way = {State.PENDING: [], State.ACTIVE: ["approve"], State.REFUSED: ["refuse"], State.REMOVED: ["remove"]}
    for step in way[before]:
        decide(records, step, key)
    allowed, after = DECISIONS[decision]
    if before in allowed:
        assert decide(records, decision, key) is after
    else:
        with pytest.raises(Conflict, match=before.value):
            decide(records, decision, key)


def test_a_removed_node_comes_back_with_a_new_token_and_waits_again(records: sa.Engine) -> None:
    token, key = invite(records), FileKey.generate()
    enrol(records, token, key)
    decide(records, "remove", key)
    assert enrol(records, token, key) is State.REMOVED
    assert enrol(records, invite(records), key) is State.PENDING


def test_a_name_that_two_nodes_share_names_neither(records: sa.Engine) -> None:
    for _ in range(2):
        enrol(records, invite(records), FileKey.generate())
    with sql.read(records) as connection:
        with pytest.raises(Conflict, match="2 nodes"):
            registry.find(connection, "Turku")
        with pytest.raises(NotFound):
            registry.find(connection, "Oulu")


def test_a_decision_takes_hold_in_a_running_hub(records: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "REREAD_AFTER_S", 0.0)
    key, directory = FileKey.generate(), Directory(records)
    enrol(records, invite(records), key)

    def known() -> Known | None:
        assert directory.stale()
        directory.refresh()
        return directory.known(key.public.kid)

    assert known() is None
    decide(records, "approve", key)
    assert known() == Known(ids.of_node(key.public.kid), key.public)
    decide(records, "remove", key)
    assert known() is None


def test_calls_are_noted_together_and_not_each_time(records: sa.Engine) -> None:
    keys, directory, at = [FileKey.generate() for _ in range(2)], Directory(records), clock.now()
    nodes = [ids.of_node(key.public.kid) for key in keys]
    for key in keys:
        enrol(records, invite(records), key)
    assert all(directory.seen(node, at) for node in nodes)
    directory.note()
    assert not any(directory.seen(node, at + timedelta(seconds=1)) for node in nodes)
    with sql.read(records) as connection:
        assert [node.seen for node in registry.nodes(connection)] == [clock.text(at)] * 2


def test_a_node_is_online_while_it_calls(records: sa.Engine) -> None:
    key, directory, at = FileKey.generate(), Directory(records), clock.now()
    enrol(records, invite(records), key)
    directory.greet(ids.of_node(key.public.kid), HELLO, at)
    with sql.read(records) as connection:
        node = registry.find(connection, "Turku")
    assert node.online(at + timedelta(seconds=60))
    assert not node.online(at + timedelta(minutes=5))
    assert (node.software, node.vocabulary, node.protocol) == ("0.1.0", "2026.11", 1)


def test_a_node_that_calls_itself_by_the_id_of_another_is_not_in_its_way(records: sa.Engine) -> None:
    turku, mallory = FileKey.generate(), FileKey.generate()
    enrol(records, invite(records), turku)
    enrol(records, invite(records), mallory, ids.of_node(turku.public.kid))
    with sql.read(records) as connection:
        assert registry.find(connection, ids.of_node(turku.public.kid)).key == turku.public
