"""Where an authority accepts logins: clients that it registered, keys that it fetched, and what applicants are told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp
from tests.authority.office import OFFICER, Office
from tests.openid import CLIENT, Issuer

from hanse.authority import config, providers
from hanse.core import clock, login
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Problem, TooLarge, Unreachable
from hanse.core.login import LOGINS_TYP, Client, Logins
from hanse.lib import log, provider, sql
from hanse.lib.provider import MAX_BODY


@pytest.fixture
def issuer(serve: Callable[[ASGIApp], str]) -> Issuer:
    return Issuer(serve)


def add(here: Office, issuer: str, client: str = CLIENT) -> None:
    providers.add(here.records, here.settings, here.key, Client(issuer, client), OFFICER, clock.now())


def told(here: Office) -> list[Logins]:
    """What waits to be sent to applicants; only the newest statement is worth sending."""
    return [login.decode(one) for one in here.outgoing(LOGINS_TYP)]


def test_applicants_are_told_where_to_log_in(here: Office, issuer: Issuer) -> None:
    add(here, issuer.url)
    (first,) = told(here)
    assert first.clients == (Client(issuer.url, CLIENT),)
    assert first.seal == config.sealing_key(here.settings.home).jwk
    providers.remove(here.records, here.settings, here.key, issuer.url, OFFICER, clock.now())
    (second,) = told(here)
    assert second.clients == ()
    assert second.number > first.number


def test_every_change_stands_in_the_log(here: Office, issuer: Issuer) -> None:
    add(here, issuer.url)
    providers.remove(here.records, here.settings, here.key, issuer.url, OFFICER, clock.now())
    with sql.read(here.records) as connection:
        entries = [one.body for one in log.entries(connection) if one.kind == "provider"]
    assert [(one["how"], one["issuer"], one["who"]) for one in entries] == [
        ("add", issuer.url, {"officer": OFFICER}),
        ("remove", issuer.url, {"officer": OFFICER}),
    ]


def test_what_was_never_added_is_not_removed(here: Office) -> None:
    with pytest.raises(NotFound):
        providers.remove(here.records, here.settings, here.key, "https://a.example", OFFICER, clock.now())


@pytest.mark.parametrize(
    "issuer",
    ["login.example.org", "http://login.example.org", "https://user@login.example.org", "https://", ""],
)
def test_a_provider_is_reached_by_https_only(here: Office, issuer: str) -> None:
    with pytest.raises(BadInput):
        add(here, issuer)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"issuer": "https://other.example"}, BadEnvelope),
        ({"jwks_uri": "http://other.example/keys"}, BadEnvelope),
        ({"token_endpoint": "javascript:1"}, BadEnvelope),
        ({"authorization_endpoint": 7}, BadEnvelope),
        ({"code_challenge_methods_supported": ["plain"]}, BadEnvelope),
    ],
    ids=str,
)
def test_a_provider_that_describes_itself_wrongly_is_not_taken(
    here: Office, issuer: Issuer, said: dict[str, Any], problem: type[Problem]
) -> None:
    issuer.said = said
    with pytest.raises(problem):
        add(here, issuer.url)
    assert told(here) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (RedirectResponse("https://other.example"), Unreachable),
        (PlainTextResponse("x" * (MAX_BODY + 1)), TooLarge),
        (PlainTextResponse("[" * 10_000), BadEnvelope),
        (PlainTextResponse("no JSON"), BadEnvelope),
        (PlainTextResponse("{}"), BadEnvelope),
        (PlainTextResponse("gone", 500), Unreachable),
    ],
    ids=["redirect", "endless", "deep", "text", "empty", "error"],
)
def test_keys_that_cannot_be_read_are_not_taken(
    here: Office, issuer: Issuer, answer: Response, problem: type[Problem]
) -> None:
    issuer.answers["keys"] = answer
    with pytest.raises(problem):
        add(here, issuer.url)


def test_a_provider_that_sends_a_letter_now_and_then_is_not_waited_for(
    here: Office, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def letters() -> AsyncIterator[str]:
        while True:
            yield " "
            await asyncio.sleep(0.05)

    monkeypatch.setattr(provider, "WITHIN_S", 1.0)
    issuer.answers["keys"] = StreamingResponse(letters())
    with pytest.raises(Unreachable):
        add(here, issuer.url)


def test_new_keys_of_a_provider_are_fetched_and_not_more_than_once_a_minute(
    here: Office, issuer: Issuer
) -> None:
    at = clock.now()
    providers.add(here.records, here.settings, here.key, Client(issuer.url, CLIENT), OFFICER, at)
    issuer.new_key("second")
    token = issuer.token("nonce")
    asked = len(issuer.asked)

    def kids(after: timedelta) -> list[str]:
        found = providers.of_token(here.records, here.settings, token, at + after)
        return [one["kid"] for one in found.jwks["keys"]]

    assert kids(timedelta(seconds=30)) == ["first"]
    assert len(issuer.asked) == asked
    assert kids(timedelta(seconds=61)) == ["second"]
    assert len(issuer.asked) == asked + 2
    assert kids(timedelta(hours=1)) == ["second"]
    assert len(issuer.asked) == asked + 2
    with sql.read(here.records) as connection:
        assert json.dumps(list(log.entries(connection))[-1].body).count("new keys") == 1
