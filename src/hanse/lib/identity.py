"""Whose keys these are: an ID token of OpenID Connect Core 1.0 whose nonce commits to keys and application.

A person logs in at their own provider, from their own command line, at the client that the authority registered
(RFC 8252). The nonce of that login is a hash over the keys and the application, so that the provider's signature binds
all three: a hub that swaps a key needs another nonce, and one that brings a token for a client of its own is refused
by `aud`.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64decode

from hanse.core import document, envelope, shape
from hanse.core.dataset import canonical
from hanse.core.errors import BadEnvelope
from hanse.core.scope import Login

ALGORITHMS: Mapping[str, tuple[str, type[RSAKey] | type[ECKey]]] = {
    "RS256": ("RSA", RSAKey),
    "PS256": ("RSA", RSAKey),
    "ES256": ("EC", ECKey),
}
MAX_ID_TOKEN = 16 * 1024
MAX_KEYS = 50
MIN_RSA_BITS = 2048
MAX_AGE = timedelta(minutes=15)  # between the login and its check
SKEW = envelope.SKEW
_HEADER_NAMES = {"alg", "kid", "typ", "x5t", "x5t#S256"}  # the last two name a certificate, and are not used
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """What an authority trusts: the issuer, its own client there, and the issuer's keys (RFC 7517), which it fetched
    itself."""

    issuer: str
    client: str
    jwks: Mapping[str, Any]


def nonce(kids: Iterable[str], application: str) -> str:
    """The commitment to the thumbprints of keys and the hash of an application: SHA-256, base64url."""
    said = canonical({"application": application, "keys": sorted(set(kids)), "use": "hanse-proof-of-keys"})
    return base64.urlsafe_b64encode(hashlib.sha256(said).digest()).rstrip(b"=").decode()


def verify(token: str, provider: Provider, expected_nonce: str, at: datetime) -> Login:
    """Who logged in at the provider, with this nonce, for the authority's own client, just before `at`.

    Raises `BadEnvelope` with the claim that is wrong, and never with its value (OpenID Connect Core 3.1.3.7, stricter).
    """
    claims = _claims(token, provider)
    wrong = next(
        (name for name, holds in _rules(claims, provider, expected_nonce, at).items() if not holds), None
    )
    if wrong:
        raise BadEnvelope(
            f"The ID token cannot be accepted: {wrong}.", hint="Log in again, at the authority's client."
        )
    return Login(provider.issuer, document.words(claims, "sub", least=1, most=255))


def claimed_issuer(token: str) -> str:
    """The `iss` that an ID token claims, to find its provider; nothing about it is proven."""
    _header(token)
    try:
        claims = document.load(urlsafe_b64decode(token.split(".")[1].encode()))
    except ValueError:
        raise BadEnvelope("The ID token cannot be read.") from None
    return shape.text(shape.mapping(claims, "ID token"), "iss", least=9)


def has_key(provider: Provider, token: str) -> bool:
    """Whether a key of the provider fits the token's header: when none does, the provider may have new keys."""
    return len(_fitting(provider, _header(token))) == 1


def _rules(claims: Mapping[str, Any], provider: Provider, expected: str, at: datetime) -> dict[str, bool]:
    """Each rule in the words of its refusal."""
    issued, expires = _time(claims, "iat"), _time(claims, "exp")
    return {
        "iss is another provider": claims.get("iss") == provider.issuer,
        "aud is not this authority's client alone": claims.get("aud") in (provider.client, [provider.client]),
        "azp is another client": claims.get("azp", provider.client) == provider.client,
        "nonce does not commit to these keys and this application": claims.get("nonce") == expected,
        "exp has passed": at < expires + SKEW,
        "iat is in the future": issued <= at + SKEW,
        "iat is too long ago": at - issued <= MAX_AGE,
        "nbf is in the future": "nbf" not in claims or _time(claims, "nbf") <= at + SKEW,
    }


def _time(claims: Mapping[str, Any], name: str) -> datetime:
    """A NumericDate (RFC 7519) of this century."""
    value = claims.get(name)
    if type(value) not in (int, float) or not 0 < value < 1 << 32:
        raise shape.wrong(name, "a time in seconds")
    return datetime.fromtimestamp(value, UTC)


def _claims(token: str, provider: Provider) -> Mapping[str, Any]:
    """The claims of a token that a key of the provider signed."""
    header = _header(token)
    key = _key(provider, header)
    try:
        payload = jws.deserialize_compact(token, key, registry=_REGISTRY).payload
    except (JoseError, ValueError, TypeError):
        raise BadEnvelope("The signature of the ID token does not verify.") from None
    return shape.mapping(document.load(payload), "ID token")


def _header(token: str) -> dict[str, str]:
    if (
        not isinstance(token, str)
        or len(token) > MAX_ID_TOKEN
        or token.count(".") != 2
        or not token.isascii()
    ):
        raise BadEnvelope(f"This is not an ID token of at most {MAX_ID_TOKEN} characters.")
    try:
        raw = urlsafe_b64decode(token.partition(".")[0].encode())
        pairs: list[tuple[str, Any]] = json.loads(raw, object_pairs_hook=list)
        names = [name for name, _ in pairs]
    except (ValueError, TypeError, RecursionError):
        raise BadEnvelope("The ID token's header cannot be read.") from None
    header = dict(pairs)
    known = _HEADER_NAMES.issuperset(names) and len(set(names)) == len(names)
    if not known or not all(isinstance(value, str) for value in header.values()):
        raise BadEnvelope(f"The ID token's header may hold {', '.join(sorted(_HEADER_NAMES))}, each once.")
    if header.get("alg") not in ALGORITHMS or header.get("typ", "JWT").upper() != "JWT":
        raise BadEnvelope(f"ID tokens are JWTs signed with {', '.join(ALGORITHMS)}.")
    return header


def _key(provider: Provider, header: Mapping[str, str]) -> RSAKey | ECKey:
    """The one key of the provider that the header names, if it is for this algorithm."""
    kty, kind = ALGORITHMS[header["alg"]]
    found = _fitting(provider, header)
    if len(found) != 1:
        raise BadEnvelope(
            "The provider has no single key that this ID token names.",
            hint="Fetch the provider's keys again.",
        )
    try:
        key = kind.import_key({name: found[0][name] for name in _PUBLIC[kty]})
        number: Any = key.get_op_key("verify")
    except (JoseError, ValueError, TypeError, KeyError):
        raise BadEnvelope("The provider's key cannot be used.") from None
    if kty == "RSA" and number.key_size < MIN_RSA_BITS:
        raise BadEnvelope(f"The provider's RSA key has fewer than {MIN_RSA_BITS} bits.")
    return key


def _fitting(provider: Provider, header: Mapping[str, str]) -> list[dict[str, Any]]:
    """The keys of the provider that the header may mean."""
    listed = provider.jwks.get("keys")
    keys = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [
        one
        for one in keys[:MAX_KEYS]
        if one.get("kty") == ALGORITHMS[header["alg"]][0]
        and one.get("use", "sig") == "sig"
        and one.get("alg", header["alg"]) == header["alg"]
        and ("kid" not in header or one.get("kid") == header["kid"])
    ]
