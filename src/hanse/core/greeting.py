"""How a participant and its hub meet: who is calling, what each side speaks, and who asks to be let in.

Every function that reads is strict in type and size: `BadEnvelope` for anything else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hanse.core import shape
from hanse.core.errors import WrongProtocol

PROTOCOLS = (1,)  # the versions of the link that this software speaks


class Role(StrEnum):
    """What a participant of the link is to its hub."""

    NODE = "node"
    AUTHORITY = "authority"  # decides about applications; has no data and is asked no questions


def negotiate(ours: Iterable[int], theirs: Iterable[int]) -> int:
    """The highest version of the link that both sides speak; `WrongProtocol` when there is none."""
    ours, theirs = sorted(ours), sorted(theirs)
    if common := set(ours) & set(theirs):
        return max(common)
    older = "this side" if not theirs or (ours and ours[-1] < theirs[-1]) else "the other side"
    raise WrongProtocol(
        f"This side speaks versions {ours} of the link, the other side {theirs}.",
        hint=f"Update the software of {older}.",
    )


@dataclass(frozen=True, slots=True)
class Hello:
    """Who is calling."""

    protocols: tuple[int, ...]
    software: str
    vocabulary: str

    def as_dict(self) -> dict[str, Any]:
        return {"protocols": list(self.protocols), "software": self.software, "vocabulary": self.vocabulary}


def hello(body: Any) -> Hello:
    """The body of a `hello`."""
    body = shape.members(body, "hello", frozenset({"protocols", "software", "vocabulary"}))
    return Hello(
        _protocols(body), shape.text(body, "software", most=100), shape.text(body, "vocabulary", most=100)
    )


def _protocols(body: Mapping[str, Any]) -> tuple[int, ...]:
    return shape.items(body, "protocols", lambda one: shape.number({"protocols": one}, "protocols"), most=20)


@dataclass(frozen=True, slots=True)
class Enrol:
    """A request to be let in: the token's secret, the public key that also signs the request, and as what."""

    secret: str
    jwk: Mapping[str, Any]
    name: str
    country: str
    hello: Hello
    role: Role = Role.NODE


_ENROL = frozenset({"secret", "jwk", "name", "country", "hello", "role"})


def enrol(body: Any) -> Enrol:
    """The body of an `enrol`. Whether the key is one, and signed the message, is for the caller to verify."""
    body = shape.members(body, "enrol", _ENROL)
    jwk = shape.members(body.get("jwk"), "jwk", frozenset({"kty", "crv", "x", "y"}))
    country = shape.text(body, "country", least=2, most=2)
    if not (country.isascii() and country.isalpha() and country.isupper()):
        raise shape.wrong("country", "a code of ISO 3166-1 with two capital letters")
    return Enrol(
        secret=shape.text(body, "secret", least=20, most=100),
        jwk=jwk,
        name=shape.printable(shape.text(body, "name", least=1, most=100), "name"),
        country=country,
        hello=hello(body.get("hello")),
        role=shape.choice(body, "role", Role) if "role" in body else Role.NODE,
    )


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a hub says of itself before anybody trusts it: its public key and the versions that it speaks."""

    jwk: Mapping[str, Any]
    protocols: tuple[int, ...]


def introduction(body: Any) -> Introduction:
    """What a hub answers to `GET hub`. Further members are ignored: a newer hub may say more."""
    if not isinstance(body, dict) or not isinstance(body.get("jwk"), dict):
        raise shape.wrong("introduction", "the introduction of a hub")
    return Introduction(body["jwk"], _protocols(body))
