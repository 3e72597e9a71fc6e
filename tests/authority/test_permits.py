"""Decisions: what is signed is what was shown, by somebody who does not ask, for keys that were checked."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.authority.office import (
    APPLICANT,
    COLLEAGUE,
    NODE,
    OFFICER,
    OTHER_NODE,
    WORKING,
    Office,
    application,
    signed,
)
from tests.core import permits as core_permits

from hanse.authority import permits, refusals, revocations
from hanse.core import clock, document, permit_words
from hanse.core import permit as permit_documents
from hanse.core import refusal as refusal_documents
from hanse.core.application import Application
from hanse.core.errors import BadEnvelope, BadInput, BadQuestion, Conflict, Problem, Refused
from hanse.core.permit import TYP
from hanse.lib import log, sql

DATASET = core_permits.DATASET


@pytest.fixture
def asked(here: Office) -> Application:
    """An application that waits, with all keys checked."""
    one = application(here.settings.id)
    here.take(signed(one))
    here.check_all(one)
    return one


def kinds(here: Office) -> list[str]:
    with sql.read(here.records) as connection:
        assert log.verify(connection)
        return [one.kind for one in log.entries(connection)]


def test_what_is_signed_is_what_was_shown(here: Office, asked: Application) -> None:
    draft = here.draft(asked)
    assert here.sign(draft) == draft.said.hash
    (payload,) = here.outgoing(TYP)
    assert payload == draft.payload
    assert permit_words.say(payload, TYP) == draft.said
    found = permit_documents.decode(payload)
    assert found.scope.operations == asked.scope.operations
    assert [one.call.officer for one in found.scope.persons if one.call] == [OFFICER, OFFICER]
    assert kinds(here)[-1] == "permit"


def test_a_permit_makes_a_status_for_every_node_that_it_names(here: Office, asked: Application) -> None:
    draft = here.draft(asked)
    here.sign(draft)
    permit = permit_documents.decode(draft.payload)
    assert {node: one.current for node, one in here.statuses().items()} == {
        NODE: {permit.id: draft.said.hash},
        OTHER_NODE: {permit.id: draft.said.hash},
    }


def test_a_key_that_nobody_checked_gets_no_permit(here: Office) -> None:
    asked = application(here.settings.id)
    here.take(signed(asked))
    with pytest.raises(Refused, match="not checked"):
        here.draft(asked)


def test_bytes_that_claim_a_check_that_nobody_made_are_not_signed(here: Office) -> None:
    """The drafting program shows other words than it should, or invents a check."""
    checked = application(here.settings.id)
    here.take(signed(checked))
    here.check_all(checked)
    draft = permit_documents.decode(here.draft(checked).payload)
    other = application(here.settings.id)
    here.take(signed(other))
    forged = replace(draft, application=core_permits.hash_of(other))
    with pytest.raises(Refused, match="not checked"):
        permits.sign(here.records, here.settings, here.key, document.encode(forged), OFFICER, clock.now())
    assert here.outgoing(TYP) == []


@pytest.mark.parametrize(
    "officer", [APPLICANT, COLLEAGUE, APPLICANT.upper(), ", ".join(reversed(APPLICANT.split()))], ids=str
)
def test_nobody_decides_about_their_own_application(here: Office, asked: Application, officer: str) -> None:
    draft = here.draft(asked)
    with pytest.raises(Refused, match="one of those who ask"):
        here.sign(draft, officer=officer)
    without = here.draft(asked, persons=[APPLICANT])  # leaving the officer out does not help
    with pytest.raises(Refused, match="one of those who ask"):
        here.sign(without, officer=officer)
    assert here.outgoing(TYP) == []


@pytest.mark.parametrize(
    "less",
    [
        {"operations": ["count"]},
        {"limits": {"minimum": 50}},
        {"persons": [APPLICANT]},
        {"datasets": [DATASET], "opt_out": {DATASET: "ab" * 32}},
        {"ends": clock.text(clock.now() + timedelta(days=10))},
    ],
    ids=range(5),
)
def test_a_permit_may_give_less(here: Office, asked: Application, less: dict[str, Any]) -> None:
    draft = here.draft(asked, **less)
    assert draft.beyond == ()
    assert here.sign(draft) == draft.said.hash


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"operations": ["count", "analyse", "view", "download"]}, "operations"),
        ({"limits": {"minimum": 1}}, "minimum"),
        ({"selection": ""}, "selection"),
        ({"sealed": False}, "sealed"),
        ({"kind": "agreement"}, "kind"),
        ({"ends": clock.text(clock.now() + timedelta(days=1000))}, "ends"),
    ],
    ids=range(6),
)
def test_more_than_was_asked_for_must_be_said(
    here: Office, asked: Application, more: dict[str, Any], named: str
) -> None:
    draft = here.draft(asked, **more)
    assert draft.beyond == (named,)
    with pytest.raises(Refused, match=named):
        here.sign(draft)
    assert here.sign(draft, more=(named,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"persons": ["Somebody Else"]},
        {"datasets": ["dataset_nowhere"]},
        {"opt_out": {}},
        {"opt_out": {"dataset_nowhere": "ab" * 32}},
        {"ends": "2020-01-01T00:00:00.000Z"},
        {"unknown": 1},
        {"limits": {"everything": 1}},
    ],
    ids=range(7),
)
def test_changes_that_make_no_permit_are_refused(
    here: Office, asked: Application, wrong: dict[str, Any]
) -> None:
    with pytest.raises((BadInput, BadEnvelope)):
        here.draft(asked, **wrong)


@pytest.mark.parametrize("selection", ["person.agge > 50", "person.sex = 'Female'"])
def test_a_selection_that_no_node_could_apply_is_neither_drafted_nor_signed(
    here: Office, asked: Application, selection: str
) -> None:
    with pytest.raises(BadQuestion):
        here.draft(asked, selection=selection)
    drafted = here.draft(asked)
    made = permit_documents.decode(drafted.payload)
    payload = document.encode(replace(made, scope=replace(made.scope, selection=selection)))
    with pytest.raises(BadQuestion):
        here.sign(replace(drafted, payload=payload), more=("selection",))


def test_an_application_is_decided_once(here: Office, asked: Application) -> None:
    first, second = here.draft(asked), here.draft(asked)
    here.sign(first)
    with pytest.raises(Conflict):
        here.sign(second)
    with pytest.raises(Conflict):
        here.sign(first)
    with pytest.raises(Conflict):
        refuse(here, asked)


def refuse(here: Office, asked: Application, reason: str = "The purpose is not named.", **said: Any) -> None:
    hash, officer = core_permits.hash_of(asked), said.get("officer", OFFICER)
    refusals.refuse(here.records, here.settings, here.key, hash, officer, reason, clock.now())


def test_a_refusal_is_signed_with_its_reason(here: Office, asked: Application) -> None:
    refuse(here, asked)
    (payload,) = here.outgoing(refusal_documents.TYP)
    said = refusal_documents.decode(payload)
    assert (said.application, said.reason) == (core_permits.hash_of(asked), "The purpose is not named.")
    assert kinds(here)[-1] == "refuse"
    with pytest.raises(Conflict):
        here.sign(here.draft(asked))


def test_a_refusal_needs_a_reason_on_one_line(here: Office, asked: Application) -> None:
    for reason in ("", " ", "two\nlines"):
        with pytest.raises(BadInput):
            refuse(here, asked, reason)


def test_a_permit_is_amended_by_its_next_version(here: Office) -> None:
    before = here.given(application(here.settings.id))
    with sql.read(here.records) as connection:
        changes = {"persons": [APPLICANT], "datasets": [DATASET]}
        draft = permits.draft_amendment(connection, here.settings, here.key, before.id, changes)
    hash = here.sign(draft)
    after = permit_documents.decode(draft.payload)
    assert (after.id, after.version, after.amends) == (before.id, 2, core_permits.hash_of(before))
    assert [one.name for one in after.scope.persons] == [APPLICANT]
    # The node that fell out of the permit is told, too.
    assert {node: one.current[before.id] for node, one in here.statuses().items()} == {
        NODE: hash,
        OTHER_NODE: hash,
    }
    assert kinds(here)[-1] == "amend"


def test_an_amendment_by_the_authority_gives_no_more_than_was_asked_for(here: Office) -> None:
    before = here.given(application(here.settings.id))
    with sql.read(here.records) as connection:
        changes = {"limits": {"budget": 10**6}}
        draft = permits.draft_amendment(connection, here.settings, here.key, before.id, changes)
    with pytest.raises(Refused, match="budget"):
        here.sign(draft)


def test_a_change_that_was_applied_for_is_the_next_version(here: Office) -> None:
    before = here.given(application(here.settings.id))
    asked = application(here.settings.id, amends=before.id)
    after = here.given(asked)
    assert (after.id, after.version, after.amends) == (before.id, 2, core_permits.hash_of(before))
    assert here.statuses()[NODE].current == {before.id: core_permits.hash_of(after)}


def test_two_amendments_of_one_version_do_not_both_count(here: Office) -> None:
    before = here.given(application(here.settings.id))
    with sql.read(here.records) as connection:
        first, second = (
            permits.draft_amendment(connection, here.settings, here.key, before.id, {"operations": [one]})
            for one in ("count", "analyse")
        )
    here.sign(first)
    with pytest.raises(Conflict, match="meanwhile"):
        here.sign(second)


def test_a_revoked_permit_is_in_the_next_status_of_every_node(here: Office) -> None:
    permit = here.given(application(here.settings.id))
    here.sent()
    nodes = revoke(here, permit.id)
    assert nodes == sorted([NODE, OTHER_NODE])
    said = here.statuses()[NODE]
    assert (said.current, said.revoked) == ({}, (permit.id,))
    assert kinds(here)[-1] == "revoke"
    with pytest.raises(Conflict):
        revoke(here, permit.id)


def test_a_revoked_permit_is_not_amended(here: Office) -> None:
    permit = here.given(application(here.settings.id))
    with sql.read(here.records) as connection:
        draft = permits.draft_amendment(
            connection, here.settings, here.key, permit.id, {"operations": ["count"]}
        )
    revoke(here, permit.id)
    with pytest.raises(Conflict, match="revoked"):
        here.sign(draft)
    with pytest.raises(Refused, match="not in force"):
        here.take(signed(application(here.settings.id, amends=permit.id)))


def revoke(here: Office, id: str) -> list[str]:
    return revocations.revoke(here.records, here.settings, here.key, id, OFFICER, "a breach", clock.now())


def test_a_decision_that_fails_leaves_nothing(
    here: Office, asked: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry in the log cannot be written, so nothing was decided."""
    draft, before = here.draft(asked), kinds(here)

    def full(*_: object) -> None:
        raise Problem("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(log, "append", full)
        with pytest.raises(Problem, match="full"):
            here.sign(draft)
    assert (here.outgoing(TYP), here.statuses(), kinds(here)) == ([], {}, before)
    assert here.sign(draft)


def test_a_key_of_the_authority_itself_asks_for_nothing(here: Office) -> None:
    asked = application(here.settings.id)
    person = replace(
        asked.scope.persons[0], keys=(replace(asked.scope.persons[0].keys[0], jwk=here.key.public.jwk),)
    )
    asked = replace(asked, scope=replace(asked.scope, persons=(person, asked.scope.persons[1])))
    here.take(signed(asked, here.key))
    with pytest.raises(Refused, match="one of those who ask"):
        here.check_all(asked)
    assert WORKING.public != here.key.public
