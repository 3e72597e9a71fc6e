"""Whose keys these are is found out beside the hub, and a swapped key is found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp
from tests.authority.office import (
    APPLICANT,
    COLLEAGUE,
    OFFICER,
    SPARE,
    THEIRS,
    WORKING,
    Office,
    application,
    signed,
)
from tests.core import permits
from tests.openid import CLIENT, Issuer

from hanse.authority import checks, config, providers
from hanse.core import clock, login
from hanse.core.application import Application
from hanse.core.errors import BadEnvelope, Conflict, NotFound, Refused
from hanse.core.scope import Key, KeyUse, Login, Person
from hanse.lib import identity, jws, log, seal, sql
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey


@pytest.fixture
def asked(here: Office) -> Application:
    one = application(here.settings.id)
    here.take(signed(one))
    return one


def by_phone(here: Office, asked: Application, person: str, *keys: FileKey, officer: str = OFFICER) -> Person:
    heard = [one.public.fingerprint for one in keys]
    hash = permits.hash_of(asked)
    return checks.by_phone(here.records, here.settings, hash, person, heard, officer, clock.now())


def confirmed(here: Office, asked: Application, person: int = 0) -> Person:
    with sql.read(here.records) as connection:
        found = checks.of(connection, permits.hash_of(asked))
    return checks.confirmed(asked.scope.persons[person], found)


def last(here: Office) -> log.Entry:
    with sql.read(here.records) as connection:
        return list(log.entries(connection))[-1]


def test_a_person_is_confirmed_when_every_key_was_read_out(here: Office, asked: Application) -> None:
    by_phone(here, asked, APPLICANT, WORKING)
    with pytest.raises(Refused, match="1 of the 2 keys"):
        confirmed(here, asked)
    by_phone(here, asked, "1", SPARE)
    found = confirmed(here, asked)
    assert found.call is not None
    assert found.call.officer == OFFICER
    assert last(here).body["who"] == {"officer": OFFICER, "person": APPLICANT}


def test_a_fingerprint_is_read_with_any_spaces(here: Office, asked: Application) -> None:
    heard = [WORKING.public.fingerprint.replace(" ", "").upper(), SPARE.public.fingerprint.replace(" ", ":")]
    hash = permits.hash_of(asked)
    checks.by_phone(here.records, here.settings, hash, APPLICANT, heard, OFFICER, clock.now())
    assert confirmed(here, asked).call


def test_of_several_fingerprints_the_one_that_differs_is_named(here: Office, asked: Application) -> None:
    heard = [WORKING.public.fingerprint, THEIRS.public.fingerprint]
    with pytest.raises(Refused, match="The fingerprint 2 is of no key"):
        checks.by_phone(
            here.records, here.settings, permits.hash_of(asked), APPLICANT, heard, OFFICER, clock.now()
        )
    assert last(here).body["how"] == "call differs"


def test_a_swapped_key_is_found_on_the_telephone(here: Office) -> None:
    """A hub puts its own key in the place of the applicant's and signs all anew: another one is read out."""
    mine, evil = application(here.settings.id), FileKey.generate()
    swapped = replace(mine.scope.persons[0], keys=(Key(evil.public.jwk, KeyUse.WORKING, page=False),))
    forged = replace(mine, scope=replace(mine.scope, persons=(swapped, mine.scope.persons[1])))
    here.take(signed(forged, evil))
    with pytest.raises(Refused, match="no key that the application gives"):
        by_phone(here, forged, APPLICANT, WORKING)
    assert last(here).body["how"] == "call differs"
    with pytest.raises(Refused, match="not checked"):
        confirmed(here, forged)


def test_a_colleagues_fingerprint_does_not_count_for_somebody_else(here: Office, asked: Application) -> None:
    with pytest.raises(Refused):
        by_phone(here, asked, COLLEAGUE, WORKING)
    with pytest.raises(Refused):
        by_phone(here, asked, APPLICANT, WORKING, THEIRS)
    with pytest.raises(Refused, match="2 of the 2 keys"):
        confirmed(here, asked)


def test_nobody_checks_their_own_keys(here: Office, asked: Application) -> None:
    with pytest.raises(Refused, match="one of those who ask"):
        by_phone(here, asked, COLLEAGUE, THEIRS, officer=APPLICANT)


def test_a_check_is_of_one_application(here: Office, asked: Application) -> None:
    by_phone(here, asked, APPLICANT, WORKING, SPARE)
    other = application(here.settings.id)
    here.take(signed(other))
    with pytest.raises(Refused, match="2 of the 2 keys"):
        confirmed(here, other)


def test_after_the_decision_nothing_is_checked_any_more(here: Office) -> None:
    asked = application(here.settings.id)
    here.given(asked)
    with pytest.raises(Conflict):
        by_phone(here, asked, APPLICANT, WORKING)


def test_who_is_not_in_the_application_is_not_checked(here: Office, asked: Application) -> None:
    for nobody in ("Somebody Else", "0", "3"):
        with pytest.raises(NotFound):
            by_phone(here, asked, nobody, WORKING)


KIDS = [WORKING.public.kid, SPARE.public.kid]
THEIR_KIDS = [THEIRS.public.kid]


def nonce(kids: list[str], asked: Application) -> str:
    return identity.nonce(kids, permits.hash_of(asked))


@pytest.fixture
def issuer(here: Office, serve: Callable[[ASGIApp], str]) -> Issuer:
    """A provider at which the authority has a client."""
    one = Issuer(serve)
    client = login.Client(one.url, CLIENT)
    providers.add(here.records, here.settings, here.key, client, OFFICER, clock.now())
    return one


def by_login(here: Office, asked: Application, token: str, person: str = APPLICANT) -> Person:
    at = clock.now() + timedelta(seconds=1)
    return checks.by_login(here.records, here.settings, permits.hash_of(asked), person, token, OFFICER, at)


def test_a_login_confirms_all_keys_of_a_person(here: Office, asked: Application, issuer: Issuer) -> None:
    by_login(here, asked, issuer.token(nonce(KIDS, asked)) + "\n")
    found = confirmed(here, asked)
    assert (found.login, found.call) == (Login(issuer.url, "subject-1"), None)


def test_a_login_for_other_keys_or_another_application_confirms_nothing(
    here: Office, asked: Application, issuer: Issuer
) -> None:
    other = application(here.settings.id)
    mine = nonce(KIDS, asked)
    for token in (
        issuer.token(nonce(KIDS[:1], asked)),
        issuer.token(nonce(KIDS, other)),
        issuer.token(mine, aud="hub"),
        issuer.token(mine, exp=clock.now().timestamp() - 100),
    ):
        with pytest.raises(BadEnvelope):
            by_login(here, asked, token)
    with pytest.raises(Refused):
        confirmed(here, asked)


def test_a_login_at_a_provider_where_the_authority_has_no_client_is_none(
    here: Office, asked: Application, serve: Callable[[ASGIApp], str]
) -> None:
    with pytest.raises(NotFound, match="no client"):
        by_login(here, asked, Issuer(serve).token(nonce(KIDS, asked)))


def test_one_login_does_not_stand_for_two_persons(here: Office, asked: Application, issuer: Issuer) -> None:
    by_login(here, asked, issuer.token(nonce(KIDS, asked)))
    with pytest.raises(Refused, match="same login"):
        by_login(here, asked, issuer.token(nonce(THEIR_KIDS, asked)), COLLEAGUE)


def proof(here: Office, asked: Application, id_token: str, signer: FileKey = WORKING, **changes: Any) -> str:
    """What a person sends: the ID token, sealed to the authority and signed."""
    sealed = seal.seal(id_token.encode(), config.sealing_key(here.settings.home).jwk)
    said = login.Proof(permits.hash_of(asked), here.settings.id, sealed, clock.now())
    return jws.issue(signer, replace(said, **changes), login.PROOF_TYP)


def prove(here: Office, token: str) -> Person:
    return checks.by_proof(here.records, here.settings, token, clock.now())


def test_a_sealed_login_is_checked_without_an_officer(
    here: Office, asked: Application, issuer: Issuer
) -> None:
    prove(here, proof(here, asked, issuer.token(nonce(KIDS, asked))))
    prove(here, proof(here, asked, issuer.token(nonce(THEIR_KIDS, asked), sub="subject-2"), THEIRS))
    assert confirmed(here, asked).login == Login(issuer.url, "subject-1")
    assert confirmed(here, asked, 1).login == Login(issuer.url, "subject-2")
    assert last(here).body["who"] == {"person": COLLEAGUE}
    with sql.read(here.records) as connection:
        words = {check.words() for check in checks.of(connection, permits.hash_of(asked)).values()}
    assert not any("accepted by" in one for one in words)


def test_a_proof_that_comes_again_changes_nothing(here: Office, asked: Application, issuer: Issuer) -> None:
    """A hub delivers at least once, and everything anew after a restart, when the ID token is too old."""
    mine = proof(here, asked, issuer.token(nonce(KIDS, asked)))
    prove(here, mine)
    entry = last(here)
    checks.by_proof(here.records, here.settings, mine, clock.now() + timedelta(days=1))
    assert last(here) == entry


def test_what_a_hub_does_with_a_sealed_login_gives_it_nothing(
    here: Office, asked: Application, issuer: Issuer
) -> None:
    """It can carry it elsewhere, sign it with a key of its own, or put it into an application of its own."""
    mine, evil = issuer.token(nonce(KIDS, asked)), FileKey.generate()
    other = application(here.settings.id)
    here.take(signed(other))
    for forged in (
        proof(here, asked, mine, evil),  # a key that nobody names
        proof(here, asked, mine, THEIRS),  # as if it were the colleague's
        proof(here, other, mine),  # for another application
        proof(here, asked, mine, authority=other.scope.datasets[0].node.replace("node", "authority")),
        proof(here, asked, mine, sealed="a.b.c.d.e"),
        proof(here, asked, mine, sealed=seal.seal(mine.encode(), ReplyKey.generate().jwk)),
    ):
        with pytest.raises((BadEnvelope, Refused)):
            prove(here, forged)
    with pytest.raises(Refused):
        confirmed(here, asked)
