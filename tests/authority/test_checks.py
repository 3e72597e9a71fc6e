"""Whose keys these are is found out beside the hub, and a swapped key is found."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jws as jose
from joserfc.jwk import RSAKey
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

from hanse.authority import checks
from hanse.core import clock
from hanse.core.application import Application
from hanse.core.errors import BadEnvelope, BadInput, Conflict, NotFound, Refused
from hanse.core.scope import Key, KeyUse, Login, Person
from hanse.lib import identity, log, sql
from hanse.lib.jws import FileKey

PROVIDER_KEY = RSAKey.generate_key(2048)
ISSUER = "https://login.example.org"


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


def provider_file(folder: Path) -> Path:
    jwks = {"keys": [PROVIDER_KEY.as_dict(private=False) | {"kid": "rsa"}]}
    path = folder / "provider.json"
    path.write_text(json.dumps({"issuer": ISSUER, "client": "authority", "jwks": jwks}))
    return path


def id_token(kids: list[str], application: str, **changes: str) -> str:
    now = clock.now().timestamp()
    claims = {"iss": ISSUER, "sub": "subject-1", "aud": "authority", "iat": now, "exp": now + 600}
    claims |= {"nonce": identity.nonce(kids, application), **changes}
    header = {"alg": "RS256", "kid": "rsa", "typ": "JWT"}
    return jose.serialize_compact(header, json.dumps(claims).encode(), PROVIDER_KEY, algorithms=["RS256"])


KIDS = [WORKING.public.kid, SPARE.public.kid]


def by_login(here: Office, asked: Application, token: str, folder: Path, person: str = APPLICANT) -> Person:
    provider, hash = checks.read_provider(provider_file(folder)), permits.hash_of(asked)
    at = clock.now() + timedelta(seconds=1)
    return checks.by_login(here.records, here.settings, hash, person, token, provider, OFFICER, at)


def test_a_login_confirms_all_keys_of_a_person(here: Office, asked: Application, tmp_path: Path) -> None:
    by_login(here, asked, id_token(KIDS, permits.hash_of(asked)) + "\n", tmp_path)
    found = confirmed(here, asked)
    assert (found.login, found.call) == (Login(ISSUER, "subject-1"), None)


def test_a_login_for_other_keys_or_another_application_confirms_nothing(
    here: Office, asked: Application, tmp_path: Path
) -> None:
    mine = permits.hash_of(asked)
    for token in (id_token(KIDS[:1], mine), id_token(KIDS, "0" * 64), id_token(KIDS, mine, aud="hub")):
        with pytest.raises(BadEnvelope):
            by_login(here, asked, token, tmp_path)
    with pytest.raises(Refused):
        confirmed(here, asked)


def test_one_login_does_not_stand_for_two_persons(here: Office, asked: Application, tmp_path: Path) -> None:
    mine = permits.hash_of(asked)
    by_login(here, asked, id_token(KIDS, mine), tmp_path)
    with pytest.raises(Refused, match="same login"):
        by_login(here, asked, id_token([THEIRS.public.kid], mine), tmp_path, COLLEAGUE)


def test_a_file_that_describes_no_provider_is_refused(tmp_path: Path) -> None:
    for text in ("", "[]", '{"issuer": "https://login.example.org", "client": "a"}', '{"more": 1}'):
        (tmp_path / "provider.json").write_text(text)
        with pytest.raises(BadInput):
            checks.read_provider(tmp_path / "provider.json")
