"""How a node or an authority comes to a hub: the one-time token, and the request that carries its secret."""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from hanse import __version__
from hanse.core import greeting
from hanse.core.errors import BadToken, Conflict, NotSetUp
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
    hello: greeting.Hello,
    role: greeting.Role = greeting.Role.NODE,
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
    if role is not greeting.Role.NODE:  # a hub that knows no roles would refuse the member
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
        greeting.negotiate(hello.protocols, protocols)
        return str(caller.enrol(body).get("state", ""))
    finally:
        caller.close()


class Settings(Protocol):
    """What the settings of nodes and authorities have in common: at which hub they are."""

    @property
    def hub(self) -> str: ...

    @property
    def hub_key(self) -> str: ...


S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, slots=True)
class Enrolled(Generic[S]):
    """`fingerprint` is what the hub's operator compares before letting the participant in, and what others compare
    before they rely on it."""

    config: S
    fingerprint: str
    state: str


@dataclass(frozen=True)
class Place(Generic[S]):
    """How one kind of participant takes its place at a hub: what it is called, its key, its id and its settings."""

    what: str
    role: greeting.Role
    hello: greeting.Hello
    key: Callable[[Path], Signer]
    id: Callable[[str], str]  # of the thumbprint of its key
    make: Callable[..., S]  # of the members of its settings
    read: Callable[[Path], S]
    write: Callable[[S], None]


def hello(vocabulary: str) -> greeting.Hello:
    """What this software says of itself to a hub, with the version of its vocabulary."""
    return greeting.Hello(greeting.PROTOCOLS, __version__, vocabulary)


def enrol(
    place: Place[S], home: Path, url: str, token: str, name: str, country: str, proxy: str, ca_bundle: str
) -> Enrolled[S]:
    """Makes the keys of a participant where there are none, asks the hub to let it in, and pins the hub's key.

    May be run again after any failure: the keys stay, and the hub knows them. Raises `BadToken`, `Unreachable`,
    `Refused` when the hub at `url` has another key than the token names, and `Conflict` when the home belongs to a
    participant of another hub.
    """
    invitation = Token.read(token)
    _may_belong_to(place, home, invitation.hub_key)
    signer = place.key(home)
    hub = Hub(url, invitation.hub_key, proxy, ca_bundle)
    state = request(hub, signer, invitation, name, country, place.hello, place.role)
    settings = place.make(
        home=home,
        id=place.id(signer.public.kid),
        name=name,
        country=country,
        hub=url,
        hub_key=invitation.hub_key,
        proxy=proxy,
        ca_bundle=ca_bundle,
    )
    place.write(settings)
    return Enrolled(settings, signer.public.fingerprint, state)


def _may_belong_to(place: Place[S], home: Path, hub_key: str) -> None:
    try:
        before = place.read(home)
    except NotSetUp:
        return
    if before.hub_key != hub_key:
        raise Conflict(
            f"{home} is the home of the {place.what} of the hub at {before.hub}.",
            hint=f"Use another --home, or move {place.what}.toml away if this {place.what} is to change its hub.",
        )
