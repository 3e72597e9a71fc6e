"""Logging in from the command line (RFC 8252): the browser comes back to this machine, and only this login counts."""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp
from tests.core import permits
from tests.openid import CLIENT, Issuer

from hanse.client import login
from hanse.core import clock
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Problem, Refused, Unreachable
from hanse.core.login import PROOF_TYP, Client, Logins, Proof, decode_proof
from hanse.core.scope import Key, KeyUse
from hanse.lib import identity, jws
from hanse.lib.identity import Provider
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that the provider uses

APPLICATION = permits.hash_of(permits.APPLICATION)
WORKING, AUTHORITY = FileKey.generate(), permits.APPLICATION.authority
PERSON = replace(
    permits.PERSONS[0], login=None, call=None, keys=(Key(WORKING.public.jwk, KeyUse.WORKING, page=False),)
)
SEAL = ReplyKey.generate()
Browser = Callable[[str], Any]


def prove(issuer: str, browser: Browser, *, wait_s: float = 120.0, secret: str = "") -> Proof:
    """What is sent to the authority, when the person's browser does this with the address that it is given."""
    logins = Logins(AUTHORITY, 1, (Client(issuer, CLIENT, secret),), SEAL.jwk, clock.now())

    def show(address: str) -> None:
        threading.Thread(target=browser, args=(address,), daemon=True).start()

    (client,) = logins.clients
    token = login.prove(logins, client, PERSON, APPLICATION, WORKING, show=show, wait_s=wait_s)
    return jws.read(token, WORKING.public, PROOF_TYP, decode_proof).document


def get(address: str) -> httpx.Response:
    return httpx.get(address, follow_redirects=True, trust_env=False)


def nonce() -> str:
    return identity.nonce([one.kid for one in PERSON.keys], APPLICATION)


@pytest.fixture(scope="module")
def provider_url() -> Iterator[str]:
    """A real provider of OpenID Connect on this machine."""
    from oidc_provider_mock import run_server_in_thread

    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def issuer(serve: Callable[[ASGIApp], str]) -> Issuer:
    return Issuer(serve)


def test_at_a_real_provider_the_token_commits_to_keys_and_application_and_is_sealed(
    provider_url: str,
) -> None:
    def browser(address: str) -> None:
        back = httpx.post(address, data={"sub": "subject-1"}, trust_env=False).headers["location"]
        assert "may close this window" in get(back).text

    proof = prove(provider_url, browser, secret="this one wants a secret of every client")
    assert (proof.application, proof.authority) == (APPLICATION, AUTHORITY)
    token = SEAL.unseal(proof.sealed).decode()
    jwks = httpx.get(f"{provider_url}/jwks", trust_env=False).json()
    found = identity.verify(token, Provider(provider_url, CLIENT, jwks), nonce(), clock.now())
    assert found.subject == "subject-1"


def test_a_person_who_says_no_at_a_real_provider_is_told_so(provider_url: str) -> None:
    def browser(address: str) -> None:
        get(
            httpx.post(address, data={"action": "deny"}, trust_env=False).headers["location"] + state(address)
        )

    with pytest.raises(Refused, match="access_denied"):
        prove(provider_url, browser)


def state(address: str) -> str:
    return "&" + urlencode({"state": parse_qs(urlsplit(address).query)["state"][0]})


def test_only_who_began_the_login_can_redeem_its_code(issuer: Issuer) -> None:
    asked: dict[str, str] = {}

    def browser(address: str) -> None:
        asked.update({name: one for name, (one,) in parse_qs(urlsplit(address).query).items()})
        get(address)

    prove(issuer.url, browser)
    digest = hashlib.sha256(str(issuer.redeemed["code_verifier"]).encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert (asked["code_challenge_method"], asked["nonce"], asked["scope"]) == ("S256", nonce(), "openid")
    assert urlsplit(asked["redirect_uri"]).hostname == "127.0.0.1"
    assert "client_secret" not in issuer.redeemed


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "hub"},
        {"nonce": "another"},
        {"iss": "https://other.example"},
        {"exp": 1_000_000_000},
        {"iat": 1_000_000_000},
    ],
    ids=str,
)
def test_what_the_authority_would_not_accept_is_said_here_already(
    issuer: Issuer, claims: dict[str, Any]
) -> None:
    issuer.claims = claims
    with pytest.raises(BadEnvelope, match=next(iter(claims))):
        prove(issuer.url, get)


def test_a_redirect_of_another_login_is_passed_over(issuer: Issuer) -> None:
    """Another page of the browser comes to the port first, with a code of its own."""

    def browser(address: str) -> None:
        back = parse_qs(urlsplit(address).query)["redirect_uri"][0]
        for strange in (f"{back}?code=evil&state=guessed", f"{back}?code=evil", back.replace("/login", "/")):
            assert get(strange).status_code == 400
        rebound = httpx.get(
            f"{back}?code=evil{state(address)}", headers={"Host": "evil.example"}, trust_env=False
        )
        assert rebound.status_code == 400
        get(address)

    assert prove(issuer.url, browser).sealed


def test_who_closes_the_browser_is_told_what_to_do(issuer: Issuer) -> None:
    with pytest.raises(Unreachable, match="within 1 seconds") as caught:
        prove(issuer.url, lambda _: None, wait_s=1)
    assert "again" in caught.value.hint


@pytest.mark.parametrize(
    ("back", "problem", "words"),
    [
        ({"error": "access_denied"}, Refused, "access_denied"),
        ({"error": "<script>"}, Refused, "unknown error"),
        ({"code": "code-0", "iss": "https://other.example"}, BadEnvelope, "another provider"),
        ({}, BadEnvelope, "without a code"),
    ],
    ids=range(4),
)
def test_what_a_provider_may_come_back_with(
    issuer: Issuer, back: dict[str, str], problem: type[Problem], words: str
) -> None:
    def browser(address: str) -> None:
        redirect = parse_qs(urlsplit(address).query)["redirect_uri"][0]
        get(f"{redirect}?{urlencode(back)}{state(address)}")

    with pytest.raises(problem, match=words):
        prove(issuer.url, browser)


def test_a_provider_that_names_itself_must_do_so(issuer: Issuer) -> None:
    """RFC 9207: otherwise a code of another provider could be mixed in."""
    issuer.said = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(BadEnvelope, match="another provider"):
        prove(issuer.url, get)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (JSONResponse({"error": "invalid_grant", "error_description": "\x1b[2J"}, 400), Refused),
        (JSONResponse({"access_token": "x"}), BadEnvelope),
        (RedirectResponse("https://other.example"), BadEnvelope),
    ],
    ids=["refused", "no ID token", "redirect"],
)
def test_a_code_that_gives_no_token_ends_the_login(
    issuer: Issuer, answer: Any, problem: type[Problem]
) -> None:
    issuer.answers["token"] = answer
    with pytest.raises(problem) as caught:
        prove(issuer.url, get)
    assert "\x1b" not in caught.value.detail


def test_where_to_log_in_is_chosen_when_there_are_several() -> None:
    def of(*issuers: str) -> Logins:
        return Logins(AUTHORITY, 1, tuple(Client(one, CLIENT) for one in issuers), SEAL.jwk, clock.now())

    assert login.client_of(of("https://a.example")).issuer == "https://a.example"
    assert login.client_of(of("https://a.example", "https://b.example"), "https://b.example").client == CLIENT
    with pytest.raises(BadInput, match="several"):
        login.client_of(of("https://a.example", "https://b.example"))
    with pytest.raises(NotFound, match="no logins"):
        login.client_of(of())
