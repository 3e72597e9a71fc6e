"""Proofs of login, and where they are accepted: the hub carries both, and can read neither of a proof's secrets."""

import pytest
import sqlalchemy as sa
from tests.hub.papers import (
    AUTHORITY,
    NODES,
    applied,
    let_all_in,
    let_in,
    now,
    participant,
    proven,
    said_logins,
)

from hanse.core.errors import BadEnvelope, NotFound, Refused
from hanse.core.greeting import Role
from hanse.core.permit import authority_id
from hanse.hub import access
from hanse.hub.office import Office
from hanse.lib import jws, sql
from hanse.lib.jws import FileKey

HUB = FileKey.generate()


@pytest.fixture
def office(records: sa.Engine) -> Office:
    let_all_in(records)
    return Office(records, HUB)


def test_a_proof_goes_to_the_authority_and_to_nobody_else(office: Office, records: sa.Engine) -> None:
    token = applied()
    hash, _ = office.apply(token, now())
    proof = proven(token)
    found, (letter,) = office.prove(hash, proof, now())
    assert found == jws.identity(proof)
    assert letter.node == participant(AUTHORITY)
    with sql.read(records) as connection:
        (shown,) = access.applied(connection, hash)["logins"]
    assert (shown["key"], shown["state"]) == (jws.key_id(token), "waiting")
    office.due(participant(AUTHORITY), [letter.id], now())
    with sql.read(records) as connection:
        assert access.applied(connection, hash)["logins"][0]["state"] == "delivered"


def test_a_proof_of_another_key_or_application_is_not_carried(office: Office) -> None:
    token, other = applied(), applied()
    hash, _ = office.apply(token, now())
    for forged in (proven(token, FileKey.generate()), proven(other), "nothing", token):
        with pytest.raises((BadEnvelope, Refused)):
            office.prove(hash, forged, now())
    with pytest.raises(NotFound):
        office.prove("0" * 64, proven(token), now())


def accepted(records: sa.Engine) -> dict[str, str | None]:
    """What the hub shows of where logins are accepted, by the authority."""
    with sql.read(records) as connection:
        return {one["id"]: one["logins"] for one in access.authorities(connection, now())}


def test_the_newest_word_of_an_authority_on_logins_is_shown(office: Office, records: sa.Engine) -> None:
    mine = authority_id(AUTHORITY.public.kid)
    assert accepted(records) == {mine: None}
    first, second = said_logins(1), said_logins(2)
    for one in (first, second, first):
        office.receive(participant(AUTHORITY), [one], now())
    assert accepted(records) == {mine: second}


def test_nobody_speaks_of_the_logins_of_another_authority(office: Office, records: sa.Engine) -> None:
    evil = FileKey.generate()
    let_in(records, evil, "Another authority", Role.AUTHORITY)
    office.receive(participant(AUTHORITY), [said_logins(1)], now())
    with pytest.raises(Refused, match="in the name of another"):
        office.receive(participant(evil), [said_logins(9, evil)], now())
    assert jws.key_id(accepted(records)[authority_id(AUTHORITY.public.kid)] or "") == AUTHORITY.public.kid
    assert office.receive(participant(NODES[0]), [said_logins(3, NODES[0])], now()) == []
    assert len(accepted(records)) == 2
