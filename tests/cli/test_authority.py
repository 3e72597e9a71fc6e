"""`hanse authority`, as it is typed: what an officer sees, and when nothing is signed."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.authority.office import (
    APPLICANT,
    OFFICER,
    SPARE,
    THEIRS,
    WORKING,
    Office,
    application,
    office,
    signed,
)
from tests.core import permits

from hanse.authority.tables import FILE
from hanse.cli.authority import authority
from hanse.core.application import Application
from hanse.core.errors import BadInput, NotFound, NotSetUp, Problem, Refused
from hanse.core.permit import TYP

PERMIT = ("--officer", OFFICER, "--exception", "Nobody has opted out yet.")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as one:
        yield one


@pytest.fixture
def asked(here: Office) -> Application:
    """An application that waits, with all keys checked."""
    one = application(here.settings.id)
    here.take(signed(one))
    here.check_all(one)
    return one


def run(here: Office, *words: str) -> Result:
    result = CliRunner().invoke(authority, [*words, "--home", str(here.settings.home)])
    if isinstance(result.exception, Problem):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def typed(here: Office, answer: str, *words: str) -> int:
    """The exit code of a command to which somebody types an answer on a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hanse", "authority", *words, "--home", str(here.settings.home)]
    os.write(ours, answer.encode())
    try:
        return subprocess.run(command, stdin=theirs, capture_output=True, check=False).returncode
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_permit_is_signed_when_somebody_says_yes_to_its_words(here: Office, asked: Application) -> None:
    hash = permits.hash_of(asked)
    with pytest.raises(BadInput, match="confirm"):
        run(here, "permit", hash, *PERMIT)
    assert typed(here, "n\n", "permit", hash, *PERMIT) == 1
    assert here.outgoing(TYP) == []
    assert typed(here, "y\n", "permit", hash, *PERMIT) == 0
    assert len(here.outgoing(TYP)) == 1


def test_what_is_more_than_asked_for_is_said_loudly(here: Office, asked: Application) -> None:
    words = ("permit", permits.hash_of(asked), *PERMIT, "--minimum", "1", "--yes")
    with pytest.raises(Refused, match="minimum"):
        run(here, *words)
    assert (
        "MORE THAN WAS ASKED FOR, OR SOMETHING ELSE: minimum" in run(here, *words, "--more", "minimum").output
    )


def test_an_option_wins_over_the_file(here: Office, asked: Application, tmp_path: Path) -> None:
    (tmp_path / "narrow.json").write_text('{"limits": {"minimum": 30, "budget": 7}, "persons": ["Nobody"]}')
    words = ("--narrow", str(tmp_path / "narrow.json"), "--minimum", "40", "--person", APPLICANT, "--yes")
    shown = run(here, "permit", permits.hash_of(asked), *PERMIT, *words).output
    assert "stand for 40 persons at least" in shown
    assert "come from 7 orders at most" in shown


def test_show_says_for_each_key_how_it_was_checked(here: Office) -> None:
    asked = application(here.settings.id)
    here.take(signed(asked))
    hash = permits.hash_of(asked)[:10]
    run(here, "check", hash, "2", "--phone", THEIRS.public.fingerprint, "--officer", OFFICER)
    shown = run(here, "show", hash).output
    assert shown.count("NOT CHECKED") == 2
    assert f"by telephone, {OFFICER}" in shown
    keys = [
        key for one in json.loads(run(here, "show", hash, "--json").output)["persons"] for key in one["keys"]
    ]
    assert [(key["kid"], bool(key["checked"])) for key in keys] == [
        (WORKING.public.kid, False),
        (SPARE.public.kid, False),
        (THEIRS.public.kid, True),
    ]


def test_a_permit_is_revoked_by_the_hash_that_was_printed(here: Office, asked: Application) -> None:
    signed = run(here, "permit", permits.hash_of(asked), *PERMIT, "--yes").stdout
    hash = signed.partition("Signed: ")[2].strip()
    told = run(here, "revoke", hash, "--reason", "it has ended", "--officer", OFFICER).stdout
    assert told.startswith("Revoked: permit_")
    (listed,) = json.loads(run(here, "permits", "--json").stdout)
    assert (listed["hash"], bool(listed["revoked"])) == (hash, True)


def test_what_is_no_permit_is_not_revoked(here: Office) -> None:
    with pytest.raises(NotFound, match="no permit") as caught:
        run(here, "revoke", "a" * 64, "--reason", "it has ended", "--officer", OFFICER)
    assert caught.value.hint == "See `hanse authority permits`."


def test_show_says_whether_a_change_is_asked_by_somebody_of_the_permit(here: Office) -> None:
    given = here.given(application(here.settings.id))
    change = application(here.settings.id, amends=given.id)
    stranger = replace(
        change.scope.persons[0], keys=(replace(change.scope.persons[0].keys[0], jwk=here.key.public.jwk),)
    )
    other = application(here.settings.id, amends=given.id, scope=replace(change.scope, persons=(stranger,)))
    here.take(signed(change))
    here.take(signed(other, here.key))
    assert "it is a key of the permit" in run(here, "show", permits.hash_of(change)).output
    assert "it is NO KEY of the permit" in run(here, "show", permits.hash_of(other)).output


def test_a_check_is_by_telephone_or_by_login(here: Office, asked: Application) -> None:
    with pytest.raises(BadInput, match="either"):
        run(here, "check", permits.hash_of(asked), "1", "--officer", OFFICER)


def test_without_an_authority_there_is_nothing_to_show(tmp_path: Path) -> None:
    result = CliRunner().invoke(authority, ["applications", "--home", str(tmp_path / "nowhere")])
    assert isinstance(result.exception, NotSetUp)
    assert not (tmp_path / "nowhere").exists()


def test_what_an_authority_holds_is_its_owners_only(here: Office) -> None:
    for name in ("keys/authority.pem", "authority.toml", FILE):
        assert (here.settings.home / name).stat().st_mode & 0o077 == 0
