"""How a node comes to a hub: the one-time token, and the request that carries its secret."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

from hanse.core import wire
from hanse.core.errors import BadToken
from hanse.lib.jws import Signer, fingerprint
from hanse.link.caller import Caller, Hub

_TOKEN = re.compile(r"hanse1\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})", re.ASCII)
_HINT = "Ask the hub's operator for a new token (hanse hub invite)."


@dataclass(frozen=True, slots=True)
class Token:
    """Lets one node ask to be let in: the thumbprint of the hub's key, by which the node knows the hub, and a
    secret, by which the hub knows the invitation."""

    hub_key: str
    secret: str

    @classmethod
    def fresh(cls, hub_key: str) -> "Token":
        return cls(hub_key, secrets.token_urlsafe(32))

    @classmethod
    def read(cls, text: str) -> "Token":
        """The token that somebody typed or pasted; `BadToken` when it is none."""
        found = _TOKEN.fullmatch(text.strip())
        if found is None:
            raise BadToken(
                "This is not an enrolment token: hanse1. and two groups of 43 characters.", hint=_HINT
            )
        return cls(*found.groups())

    def text(self) -> str:
        return f"hanse1.{self.hub_key}.{self.secret}"

    def __repr__(self) -> str:
        return f"Token({self.hub_key}, ...)"  # a secret has no place in logs


def secret_hash(secret: str) -> str:
    """What the hub keeps of a token. The secret has 256 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.encode()).hexdigest()


def request(
    hub: Hub,
    signer: Signer,
    token: Token,
    name: str,
    country: str,
    hello: wire.Hello,
    role: wire.Role = wire.Role.NODE,
) -> str:
    """Asks the hub to let this participant in and returns its state there (`pending`, or `active`).

    The same key may ask again with the same token, so that a lost answer does no harm. `BadToken` when the
    hub has another key than the token names, or does not take the token.
    """
    body: dict[str, Any] = {
        "secret": token.secret,
        "jwk": signer.public.jwk,
        "name": name,
        "country": country,
        "hello": hello.as_dict(),
    }
    if role is not wire.Role.NODE:  # a hub that knows no roles would refuse the member
        body["role"] = role
    caller = Caller(hub, signer)
    try:
        key, protocols = caller.introduction()
        if key.kid != token.hub_key:
            raise BadToken(
                f"The token is for the hub with the key {fingerprint(token.hub_key)}, "
                f"and the one at {hub.url} has the key {key.fingerprint}.",
                hint="Check the address of the hub, and ask its operator for its fingerprint.",
            )
        wire.negotiate(hello.protocols, protocols)
        return str(caller.enrol(body).get("state", ""))
    finally:
        caller.close()
