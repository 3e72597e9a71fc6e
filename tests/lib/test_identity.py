"""Whose keys these are: a login whose nonce commits to keys and application, at a real provider."""

import base64
import hmac
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jws as jose
from joserfc.jwk import ECKey, OctKey, RSAKey
from tests.core import permits

from hanse.core import clock
from hanse.core.errors import BadEnvelope
from hanse.core.scope import Login
from hanse.lib import identity
from hanse.lib.identity import Provider

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that this provider uses

KIDS = [permits.WORKING.kid, permits.SPARE.kid]
APPLICATION = permits.hash_of(permits.APPLICATION)
NONCE = identity.nonce(KIDS, APPLICATION)
BACK = "http://127.0.0.1:1/back"


@pytest.fixture(scope="module")
def provider_url() -> Iterator[str]:
    """A provider of OpenID Connect on this machine."""
    from oidc_provider_mock import run_server_in_thread

    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


def login(url: str, client: str, nonce: str, subject: str = "subject-1") -> str:
    """The ID token that somebody gets who logs in (OpenID Connect Core 3.1)."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as browser:
        asked = {
            "client_id": client,
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "openid",
            "nonce": nonce,
            "state": "state",
        }
        back = browser.post("/oauth2/authorize", params=asked, data={"sub": subject}).headers["location"]
        (code,) = parse_qs(urlsplit(back).query)["code"]
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        body = browser.post("/oauth2/token", data=grant | {"client_id": client, "client_secret": "secret"})
        return str(body.json()["id_token"])


def trusted(url: str, client: str = "authority") -> Provider:
    return Provider(url, client, httpx.get(f"{url}/jwks", trust_env=False).json())


def test_a_login_says_whose_keys_these_are(provider_url: str) -> None:
    token = login(provider_url, "authority", NONCE)
    found = identity.verify(token, trusted(provider_url), NONCE, clock.now())
    assert found == Login(provider_url, "subject-1")


def test_a_swapped_key_or_application_needs_another_login(provider_url: str) -> None:
    token = login(provider_url, "authority", NONCE)
    for other in (
        identity.nonce([permits.WORKING.kid], APPLICATION),
        identity.nonce(KIDS, permits.hash_of(1)),
    ):
        with pytest.raises(BadEnvelope, match="nonce"):
            identity.verify(token, trusted(provider_url), other, clock.now())


def test_a_login_at_the_hubs_own_client_counts_for_nothing(provider_url: str) -> None:
    token = login(provider_url, "hub", NONCE)
    with pytest.raises(BadEnvelope, match="aud"):
        identity.verify(token, trusted(provider_url), NONCE, clock.now())


AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RSA, EC = RSAKey.generate_key(2048), ECKey.generate_key("P-256")
OURS = Provider(
    "https://login.example.org",
    "authority",
    {"keys": [RSA.as_dict(private=False) | {"kid": "rsa"}, EC.as_dict(private=False) | {"kid": "ec"}]},
)
CLAIMS: dict[str, Any] = {
    "iss": OURS.issuer,
    "sub": "subject-1",
    "aud": "authority",
    "nonce": NONCE,
    "iat": AT.timestamp() - 60,
    "exp": AT.timestamp() + 600,
}


def token(claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = RSA) -> str:
    header = {"alg": "RS256", "kid": "rsa", "typ": "JWT"} | (header or {})
    registry = jose.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    return jose.serialize_compact(header, json.dumps(claims).encode(), key, registry=registry)


def verified(token: str, provider: Provider = OURS) -> Login:
    return identity.verify(token, provider, NONCE, AT)


@pytest.mark.parametrize(
    "header", [{}, {"alg": "PS256"}, {"alg": "ES256", "kid": "ec"}, {"x5t": "AAAA"}], ids=str
)
def test_the_usual_algorithms_are_accepted(header: dict[str, str]) -> None:
    key = EC if header.get("kid") == "ec" else RSA
    assert (
        verified(token(CLAIMS | {"azp": "authority", "aud": ["authority"]}, header, key)).subject
        == "subject-1"
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"iss": "https://login.example.org/"}, "iss"),
        ({"aud": "hub"}, "aud"),
        ({"aud": ["authority", "hub"]}, "aud"),
        ({"aud": []}, "aud"),
        ({"azp": "hub"}, "azp"),
        ({"nonce": NONCE[:-1]}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": AT.timestamp() - 61}, "exp"),
        ({"exp": "never"}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"iat": AT.timestamp() + 61}, "iat"),
        ({"iat": AT.timestamp() - 1000}, "iat"),
        ({"iat": True}, "iat"),
        ({"nbf": AT.timestamp() + 61}, "nbf"),
        ({"sub": ""}, "sub"),
        ({"sub": "a\u202eb"}, "sub"),
        ({"sub": 7}, "sub"),
    ],
    ids=range(17),
)
def test_a_wrong_claim_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadEnvelope, match=named):
        verified(token(CLAIMS | change))


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_a_claim_that_is_not_there_is_missed(name: str) -> None:
    with pytest.raises(BadEnvelope, match=name):
        verified(token({one: value for one, value in CLAIMS.items() if one != name}))


STRANGER = RSAKey.generate_key(2048)


def public_key_as_a_secret() -> str:
    said = token(CLAIMS, {"alg": "HS256"}, OctKey.generate_key(256)).rpartition(".")[0]
    mac = hmac.digest(RSA.as_pem(private=False), said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "forged",
    [
        token(CLAIMS, key=STRANGER),
        token(CLAIMS, {"jwk": STRANGER.as_dict(private=False)}, STRANGER),
        token(CLAIMS, {"jku": "https://attacker.example"}, STRANGER),
        public_key_as_a_secret(),
        token(CLAIMS, {"kid": "unknown"}),
        token(CLAIMS, {"typ": "at+jwt"}),
        token(CLAIMS, {"kid": "ec"}),
        token(CLAIMS, {"alg": "ES256"}, EC),
        token(CLAIMS).rpartition(".")[0] + ".",
        token(CLAIMS | {"more": "x" * 20_000}),
        "",
        "a.b.c",
        None,
    ],
    ids=range(13),
)
def test_a_forged_id_token_is_refused(forged: str) -> None:
    with pytest.raises(BadEnvelope):
        verified(forged)


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": {}},
        {"keys": ["x", None]},
        {"keys": [{"kty": "RSA", "kid": "rsa"}]},
        {"keys": [RSA.as_dict(private=False) | {"kid": "rsa"}] * 2},
        {"keys": [RSA.as_dict(private=False) | {"kid": "rsa", "use": "enc"}]},
        {"keys": [RSA.as_dict(private=False) | {"kid": "rsa", "alg": "PS256"}]},
    ],
    ids=range(7),
)
def test_the_provider_must_have_exactly_one_such_key(jwks: dict[str, Any]) -> None:
    with pytest.raises(BadEnvelope):
        verified(token(CLAIMS), replace(OURS, jwks=jwks))


def test_a_short_rsa_key_proves_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = RSAKey.generate_key(1024)
        with pytest.raises(BadEnvelope, match="2048"):
            verified(
                token(CLAIMS, key=short),
                replace(OURS, jwks={"keys": [short.as_dict(private=False) | {"kid": "rsa"}]}),
            )


def test_a_nonce_commits_to_a_set_of_keys() -> None:
    assert identity.nonce(reversed(KIDS), APPLICATION) == NONCE
    assert len({NONCE, identity.nonce(KIDS[:1], APPLICATION), identity.nonce([], APPLICATION)}) == 3
