"""The loop takes what is an application, and nothing else; one process serves a home."""

import threading
from datetime import timedelta

import pytest
from tests.authority.office import Office, application, signed

from hanse.authority import agent, applications
from hanse.core import clock, envelope
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import BadEnvelope, Conflict
from hanse.lib import files, sql


def message(kind: Kind, *tokens: str) -> Envelope:
    body = {"documents": list(tokens)}
    return envelope.new(kind, "hub_x", "node_x", body, at=clock.now(), life=timedelta(seconds=60))


def test_a_document_that_is_none_spoils_no_other(here: Office) -> None:
    """Nor does one that only an authority could have signed: the hub's word counts for nothing."""
    one, two = (application(here.settings.id) for _ in range(2))
    mine = here.given(one)
    here.sent()
    tokens = ("x", signed(one), here.key.sign(b"{}", "hanse-permit+jws"), signed(two))
    agent.receive(here.settings, here.records, message(Kind.DOCUMENTS, *tokens))
    with sql.read(here.records) as connection:
        assert [kept.said.id for kept in applications.all_of(connection)] == [one.id, two.id]
    assert mine.version == 1


def test_an_authority_answers_no_question(here: Office) -> None:
    with pytest.raises(BadEnvelope):
        agent.receive(here.settings, here.records, message(Kind.QUESTION))


def test_one_process_serves_a_home(here: Office) -> None:
    with files.locked(here.settings.home / "serve.lock", "serving"), pytest.raises(Conflict):
        agent.run(here.settings, threading.Event())
