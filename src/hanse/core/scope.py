"""What somebody asks to do, and what a permit allows: the same words in the application and in the permit.

Purposes are those of EHDS Article 53(1), operations are ours. A scope is plain data inside a signed document.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from hanse.core import document, reading, shape
from hanse.core.dataset import canonical
from hanse.core.document import Jwk
from hanse.core.query import Node
from hanse.core.terms import Rule, rule

MAX_DATASETS, MAX_PERSONS, MAX_KEYS, MAX_RULES, MAX_ENVIRONMENTS = 200, 100, 8, 50, 20
MAX_NOISE = 1000
NEWEST: Literal["newest"] = "newest"


class Operation(StrEnum):
    """What may be done with a dataset."""

    COUNT = "count"
    ANALYSE = "analyse"
    TRAIN = "train"
    SIMULATE = "simulate"
    VIEW = "view"
    DOWNLOAD = "download"


class Meaning(NamedTuple):
    """An operation in words; whether data about one person are opened to whoever orders it; its ODRL action."""

    words: str
    individual: bool
    action: str


OPERATIONS: Mapping[Operation, Meaning] = {
    Operation.COUNT: Meaning("count persons and images", False, "aggregate"),
    Operation.ANALYSE: Meaning("compute statistics over many persons", False, "aggregate"),
    Operation.TRAIN: Meaning("train models inside the node", False, "train"),
    Operation.SIMULATE: Meaning("simulate models of single persons", True, "evaluate"),
    Operation.VIEW: Meaning("look at images and records of single persons", True, "read"),
    Operation.DOWNLOAD: Meaning("take copies of images and records of single persons", True, "export"),
}


class Purpose(StrEnum):
    """The purposes of EHDS Article 53(1), in the spelling of the Regulation."""

    HEALTH = "53(1)(a)"
    POLICY = "53(1)(b)"
    STATISTICS = "53(1)(c)"
    TEACHING = "53(1)(d)"
    RESEARCH = "53(1)(e)"
    DEVELOPMENT = "53(1)(e)(i)"
    ALGORITHMS = "53(1)(e)(ii)"
    CARE = "53(1)(f)"


PURPOSES: Mapping[Purpose, str] = {
    Purpose.HEALTH: "public interest in public or occupational health",
    Purpose.POLICY: "policymaking and regulatory activities of public bodies in the health or care sector",
    Purpose.STATISTICS: "official statistics related to the health or care sector",
    Purpose.TEACHING: "education or teaching in the health or care sector",
    Purpose.RESEARCH: "scientific research in the health or care sector",
    Purpose.DEVELOPMENT: "scientific research: development and innovation of products or services",
    Purpose.ALGORITHMS: "scientific research: training, testing and evaluation of algorithms",
    Purpose.CARE: "improvement of the delivery of care and of treatment",
}


class KeyUse(StrEnum):
    WORKING = "working"
    SPARE = "spare"


@dataclass(frozen=True, slots=True)
class Key:
    """A person's public key. A key that a web page holds is as good as the page: holders say what it may order."""

    jwk: Jwk
    use: KeyUse
    page: bool  # kept by a browser for the hub's page

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint."""
        return thumbprint(self.jwk)


class Role(StrEnum):
    PRINCIPAL = "principal"  # answers for the project
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Login:
    """Who a person is at an OpenID Connect provider, whose ID token committed to the keys."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Call:
    """A fingerprint that an officer compared with the person, outside the hub, and when."""

    officer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may use data, with the keys that sign orders; exactly one of `login` and `call` says how it was
    checked whose keys they are. An application holds neither for a person whose keys nobody checked yet."""

    name: str
    organisation: str
    country: str  # ISO 3166-1 alpha-2
    role: Role
    keys: tuple[Key, ...]
    login: Login | None = None
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """One dataset at one node. `opt_out` is the keyed commitment to the persons who had opted out when the permit
    was given (EHDS Article 71); empty when there is none."""

    node: str
    dataset: str
    name: str
    versions: tuple[int, ...] | Literal["newest"]
    opt_out: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """For numbers that leave a node: the fewest persons one stands for, the base of rounding, and how many orders
    that release numbers are carried out at one node. `noise` are the sides of the two dice that a node adds to each
    count of an analysis (-noise to noise each); 0 is none."""

    minimum: int
    rounding: int
    budget: int
    noise: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be done: with which datasets, by whom, for what, where, when, and under which conditions."""

    datasets: tuple[Grant, ...]
    operations: tuple[Operation, ...]
    selection: str  # CQL2 text; empty for everyone
    purpose: Purpose
    environments: tuple[str, ...]  # secure processing environments; empty when none is named
    conditions: tuple[Rule, ...]
    begins: datetime
    ends: datetime
    persons: tuple[Person, ...]
    limits: Limits
    sealed: bool  # answers are encrypted to the reply key of the order

    def grant(self, node: str, dataset: str) -> Grant | None:
        """What is said of one dataset at one node."""
        return next((one for one in self.datasets if (one.node, one.dataset) == (node, dataset)), None)

    def key(self, kid: str) -> tuple[Person, Key] | None:
        """The person and the key with this thumbprint."""
        found = ((person, key) for person in self.persons for key in person.keys if key.kid == kid)
        return next(found, None)


def thumbprint(jwk: Jwk) -> str:
    """RFC 7638 over the four members of a public P-256 key: SHA-256, base64url."""
    return _thumbprint(jwk["x"], jwk["y"])


@lru_cache(maxsize=10_000)  # a decision looks at every key of a permit
def _thumbprint(x: str, y: str) -> str:
    members = canonical({"crv": "P-256", "kty": "EC", "x": x, "y": y})
    return urlsafe_b64encode(hashlib.sha256(members).digest()).rstrip(b"=").decode()


@lru_cache(maxsize=256)  # a permit's selection is read for every order under it
def selected(text: str) -> Node:
    """What a selection means; `BadQuestion` when it is no CQL2."""
    return reading.read(text).root


def commitment(key: bytes, persons: Iterable[str]) -> str:
    """The keyed commitment to a set of persons: HMAC-SHA256 over their sorted pseudonyms, in hexadecimal digits.

    Whoever lacks the key cannot find out who is in the set by trying."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for one in sorted(set(persons)):
        raw = one.encode()
        mac.update(len(raw).to_bytes(8, "big") + raw)
    return mac.hexdigest()


_COUNTRY = re.compile(r"[A-Z]{2}")
_ENVIRONMENT = re.compile(r"[a-z][a-z0-9.:/_-]{1,98}[a-z0-9]")


def scope(body: Any) -> Scope:
    """The scope in a JSON object; `BadEnvelope` or `BadQuestion` for anything else."""
    body = document.exactly(body, Scope, "scope")
    found = Scope(
        datasets=unique(body, "datasets", _grant, most=MAX_DATASETS),
        operations=unique(body, "operations", _operation, most=len(Operation)),
        selection=selection(body),
        purpose=shape.choice(body, "purpose", Purpose),
        environments=unique(body, "environments", environment, most=MAX_ENVIRONMENTS),
        conditions=shape.items(body, "conditions", rule, most=MAX_RULES),
        begins=document.time(body, "begins"),
        ends=document.time(body, "ends"),
        persons=unique(body, "persons", _person, most=MAX_PERSONS),
        limits=_limits(body.get("limits")),
        sealed=shape.truth(body, "sealed"),
    )
    _check(found)
    return found


def _check(found: Scope) -> None:
    """What members say together."""
    if not found.datasets or not found.operations:
        raise shape.wrong("scope", "one dataset and one operation at least")
    if not found.begins < found.ends:
        raise shape.wrong("ends", "after the time of begins")
    places = [(one.node, one.dataset) for one in found.datasets]
    if len(set(places)) < len(places):
        raise shape.wrong("datasets", "a list that names each dataset once")
    kids = [key.kid for person in found.persons for key in person.keys]
    if len(set(kids)) < len(kids):
        raise shape.wrong("persons", "a list in which each key belongs to one person")


def unique(body: Mapping[str, Any], name: str, read: Any, *, most: int) -> tuple[Any, ...]:
    """A list of at most `most` different things that `read` accepts."""
    found = shape.items(body, name, read, most=most)
    if any(one in found[:place] for place, one in enumerate(found)):
        raise shape.wrong(name, "a list without repetitions")
    return found


def environment(value: Any) -> str:
    """The id of a secure processing environment: small letters, digits and `. : / _ -`."""
    return document.matching({"environment": value}, "environment", _ENVIRONMENT, "the id of an environment")


def _operation(value: Any) -> Operation:
    return shape.choice({"operation": value}, "operation", Operation)


def selection(body: Mapping[str, Any]) -> str:
    """The member `selection`: CQL2 text that shows what it is; empty for everyone."""
    text = document.words(body, "selection", most=reading.MAX_LENGTH)
    selected(text)
    return text


def _versions(body: Mapping[str, Any]) -> tuple[int, ...] | Literal["newest"]:
    if body.get("versions") == NEWEST:
        return NEWEST
    found = unique(body, "versions", lambda one: shape.number({"version": one}, "version", least=1), most=100)
    if not found:
        raise shape.wrong("versions", "the word newest, or one version at least")
    return found


def _grant(body: Any) -> Grant:
    body = document.exactly(body, Grant, "dataset")
    return Grant(
        node=document.id(body, "node", "node"),
        dataset=document.id(body, "dataset", "dataset"),
        name=document.words(body, "name", least=1, most=200),
        versions=_versions(body),
        opt_out=document.digest(body, "opt_out") if body.get("opt_out") != "" else "",
    )


def _person(body: Any) -> Person:
    body = document.exactly(body, Person, "person")
    login, call = body.get("login"), body.get("call")
    if login is not None and call is not None:
        raise shape.wrong("person", "checked in one way: by login or by call")
    return Person(
        name=document.words(body, "name", least=1, most=200),
        organisation=document.words(body, "organisation", least=1, most=200),
        country=document.matching(body, "country", _COUNTRY, "a code of ISO 3166-1"),
        role=shape.choice(body, "role", Role),
        keys=unique(body, "keys", _key, most=MAX_KEYS),
        login=None if login is None else _login(login),
        call=None if call is None else _call(call),
    )


def _key(body: Any) -> Key:
    body = document.exactly(body, Key, "key")
    return Key(document.jwk(body, "jwk"), shape.choice(body, "use", KeyUse), shape.truth(body, "page"))


def _login(body: Any) -> Login:
    body = document.exactly(body, Login, "login")
    return Login(document.words(body, "issuer", least=9), document.words(body, "subject", least=1))


def _call(body: Any) -> Call:
    body = document.exactly(body, Call, "call")
    return Call(document.words(body, "officer", least=1), document.time(body, "at"))


def _limits(body: Any) -> Limits:
    # Permits were given before noise could be asked for.
    body = document.exactly({"noise": 0} | dict(shape.mapping(body, "limits")), Limits, "limits")
    return Limits(
        minimum=shape.number(body, "minimum", least=1, most=10_000),
        rounding=shape.number(body, "rounding", least=1, most=10_000),
        budget=shape.number(body, "budget", most=1_000_000),
        noise=shape.number(body, "noise", most=MAX_NOISE),
    )
