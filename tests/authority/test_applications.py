"""Applications are kept as they were signed, once, and nothing is believed that the signature does not show."""

from dataclasses import replace

import pytest
from tests.authority.office import APPLICANT, THEIRS, WORKING, Office, application, signed
from tests.core import permits

from hanse.authority import applications
from hanse.authority.applications import State
from hanse.core import application as core_applications
from hanse.core import document, ids, permit_words
from hanse.core.errors import BadEnvelope, BadInput, Conflict, Problem, Refused
from hanse.core.scope import Key, KeyUse
from hanse.lib import log, sql
from hanse.lib.jws import FileKey


def kept(here: Office) -> list[applications.Kept]:
    with sql.read(here.records) as connection:
        return list(applications.all_of(connection))


def entries(here: Office) -> list[str]:
    with sql.read(here.records) as connection:
        return [one.kind for one in log.entries(connection)]


def test_an_application_waits_for_a_decision(here: Office) -> None:
    asked = application(here.settings.id)
    assert here.take(signed(asked))
    (one,) = kept(here)
    assert (one.said, one.state, one.applicant.name) == (asked, State.WAITING, APPLICANT)
    assert entries(here) == ["application"]


def test_an_application_that_comes_again_is_the_same_one(here: Office) -> None:
    """Also with another signature over the same bytes, by the same key or by a colleague's."""
    asked = application(here.settings.id)
    assert [here.take(signed(asked, key)) for key in (WORKING, WORKING, THEIRS)] == [True, False, False]
    assert entries(here) == ["application"]


def test_a_decided_application_that_comes_again_stays_decided(here: Office) -> None:
    asked = application(here.settings.id)
    here.given(asked)
    assert not here.take(signed(asked))
    assert kept(here)[0].state is State.PERMITTED


def test_a_changed_application_under_the_same_id_is_refused(here: Office) -> None:
    asked = application(here.settings.id)
    here.take(signed(asked))
    with pytest.raises(Conflict):
        here.take(signed(replace(asked, project="Another project")))


def test_whoever_signs_must_stand_in_the_application(here: Office) -> None:
    with pytest.raises(BadEnvelope, match="key that it names"):
        here.take(signed(application(here.settings.id), FileKey.generate()))


def test_bytes_that_were_changed_on_the_way_do_not_verify(here: Office) -> None:
    """A hub that swaps the thumbprint of a key, or any other word, has no key to sign it with."""
    asked = application(here.settings.id)
    head, _, signature = signed(asked).split(".")
    swapped = asked.scope.persons[1]
    swapped = replace(swapped, keys=(Key(FileKey.generate().public.jwk, KeyUse.WORKING, page=False),))
    other = replace(asked, scope=replace(asked.scope, persons=(asked.scope.persons[0], swapped)))
    forged = f"{head}.{signed(other).split('.')[1]}.{signature}"
    with pytest.raises(BadEnvelope, match="does not verify"):
        here.take(forged)
    assert kept(here) == []


@pytest.mark.parametrize(
    "token", ["", "a.b.c", "x" * 70_000, signed(permits.APPLICATION)], ids=["none", "short", "long", "theirs"]
)
def test_what_is_no_application_for_this_authority_is_not_kept(here: Office, token: str) -> None:
    with pytest.raises(Problem):
        here.take(token)
    assert entries(here) == []


def test_an_application_for_another_authority_is_refused(here: Office) -> None:
    with pytest.raises(Refused, match="another authority"):
        here.take(signed(application(ids.derived("authority", "another"))))


def test_a_key_that_is_no_key_is_refused_before_anybody_decides(here: Office) -> None:
    asked = application(here.settings.id)
    broken = replace(asked.scope.persons[1], keys=(permits.COLLEAGUE,))  # no point of the curve
    persons = (asked.scope.persons[0], broken)
    with pytest.raises(BadInput):
        here.take(signed(replace(asked, scope=replace(asked.scope, persons=persons))))


def test_a_change_is_asked_only_of_a_permit_in_force(here: Office) -> None:
    with pytest.raises(Refused, match="not in force"):
        here.take(signed(application(here.settings.id, amends=ids.new("permit"))))


def test_the_words_come_from_the_signed_bytes(here: Office) -> None:
    asked = application(here.settings.id)
    here.take(signed(asked))
    (one,) = kept(here)
    assert one.payload == document.encode(asked)
    assert permit_words.say(one.payload, core_applications.TYP).hash == one.signed.hash


def test_a_record_that_was_changed_is_not_shown(here: Office) -> None:
    """Somebody with access to the database writes another application into the place of the one that arrived."""
    asked = application(here.settings.id)
    here.take(signed(asked))
    with sql.begin(here.records) as connection:
        other = signed(replace(asked, project="Another project"))
        connection.execute(applications.APPLICATION.update().values(token=other))
    with pytest.raises(BadEnvelope, match="not the one that arrived"):
        kept(here)
