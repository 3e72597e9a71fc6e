"""A provider of logins, as it describes itself (OpenID Connect Discovery 1.0): its addresses, its keys, its tokens.

Every address is HTTPS, or this machine; answers are bounded in size and time, and a redirect is no answer.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from hanse.core import document, shape
from hanse.core.errors import BadEnvelope, BadInput, Refused, Unreachable
from hanse.lib.http import Answer, Connection, loopback

MAX_BODY = 256 * 1024  # bytes
WITHIN_S = 10.0  # for a whole answer
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself. `names_itself` is whether it answers a login with its issuer (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_itself: bool


@dataclass(frozen=True, slots=True)
class Route:
    """How the outside is reached: a proxy, and a PEM file of authorities trusted instead of the system's."""

    proxy: str = ""
    ca_bundle: str = ""


DIRECT = Route()


def discover(issuer: str, route: Route = DIRECT) -> Metadata:
    """What the provider with this issuer says of itself. Raises `BadInput` when the issuer is no address of HTTPS,
    `Unreachable`, and `BadEnvelope` when what comes describes no provider, or another one."""
    said = _json(issuer.rstrip("/") + "/.well-known/openid-configuration", route)
    if said.get("issuer") != issuer:
        raise BadEnvelope(
            "The provider calls itself by another issuer.",
            hint="Write the issuer exactly as the provider does.",
        )
    found = Metadata(
        issuer,
        _endpoint(said, "authorization_endpoint"),
        _endpoint(said, "token_endpoint"),
        _endpoint(said, "jwks_uri"),
        said.get("authorization_response_iss_parameter_supported") is True,
    )
    methods = said.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise BadEnvelope("The provider does not support PKCE with S256 (RFC 7636).")
    return found


def keys(found: Metadata, route: Route = DIRECT) -> Mapping[str, Any]:
    """The provider's keys (RFC 7517), as it publishes them now; raises as `discover`."""
    said = _json(found.jwks_uri, route)
    if not isinstance(said.get("keys"), list):
        raise BadEnvelope("The provider publishes no list of keys.")
    return said


def redeem(found: Metadata, form: Mapping[str, str], route: Route = DIRECT) -> str:
    """The ID token for a code (RFC 6749, 4.1.3). `Refused` when the provider gives none."""
    answer = _request("POST", found.token_endpoint, route, urlencode(form).encode())
    said = _object(answer)
    if answer.status != 200:
        raise Refused(
            f"The provider gives no token: {error_code(said.get('error'))}.", hint="Log in once more."
        )
    return shape.text(said, "id_token", least=1, most=MAX_BODY)


def error_code(value: Any) -> str:
    """The code of an error of OAuth 2.0 (RFC 6749, 4.1.2.1), or `unknown error`: a stranger's words are not shown."""
    usable = (
        isinstance(value, str) and value.isascii() and value.replace("_", "").isalpha() and len(value) < 60
    )
    return str(value) if usable else "unknown error"


def address(url: str) -> str:
    """An address of a provider; `BadInput` unless it is HTTPS or this machine, without login and fragment."""
    try:
        where = urlsplit(url)
        near = where.scheme == "http" and loopback(where.hostname or "")
        usable = where.hostname and (where.scheme == "https" or near) and where.port != 0
    except ValueError:
        usable = False
    if not usable or where.username is not None or where.fragment or not url.isprintable():
        raise BadInput(
            "This is not the address of a provider.",
            hint="It begins with https://, as https://login.example.org",
        )
    return url


def _endpoint(said: Mapping[str, Any], name: str) -> str:
    try:
        return address(document.words(said, name, least=9, most=2000))
    except BadInput:
        raise shape.wrong(name, "an address of HTTPS") from None


def _json(url: str, route: Route) -> Mapping[str, Any]:
    answer = _request("GET", address(url), route)
    if answer.status != 200:
        raise Unreachable(f"The provider answers with status {answer.status}.", hint="Is this its issuer?")
    return _object(answer)


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        return shape.mapping(json.loads(answer.body), "answer")
    except (ValueError, RecursionError):
        raise BadEnvelope("The provider does not answer with JSON.") from None


def _request(method: str, url: str, route: Route, body: bytes = b"") -> Answer:
    where = urlsplit(url)
    connection = Connection(f"{where.scheme}://{where.netloc}", proxy=route.proxy, ca_bundle=route.ca_bundle)
    ending = threading.Timer(WITHIN_S, connection.interrupt)  # for a server that sends a byte now and then
    ending.daemon = True
    ending.start()
    try:
        path = (where.path or "/") + (f"?{where.query}" if where.query else "")
        return connection.request(
            method, path, body, headers=_FORM if body else None, timeout_s=WITHIN_S, limit=MAX_BODY
        )
    finally:
        ending.cancel()
        connection.close()
