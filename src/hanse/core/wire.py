"""What passes between node and hub: the envelope, the kinds of message, and when a message is accepted.

Plain data and pure checks. How messages are signed stands in `lib.jws`, how they travel in `link`; the whole
protocol is described in `docs/link.md`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate
from typing import Any

from hanse.core import clock, ids, shape
from hanse.core.errors import BadEnvelope, WrongClock, WrongProtocol

PROTOCOLS = (1,)  # the versions of the link that this software speaks
TYP = "hanse-envelope+jws"  # of the token around an envelope
ENROL_TYP = "hanse-enrol+jws"  # of the one message whose key is not known yet

MAX_BODY = 1 << 20  # bytes of JSON; a larger body travels as a blob
MAX_TOKEN = 4 * (MAX_BODY + 4096) // 3 + 1024  # characters of a signed envelope: base64, header and signature
MAX_BLOB = 64 << 20
MAX_DOCUMENTS = 64  # in one message
MAX_DOCUMENT = 64 * 1024  # characters of a signed document
MAX_RESULT = 8 << 20  # characters of a node's signed result
MAX_DEPTH = 100
MAX_LIFE = timedelta(hours=24)
SKEW = timedelta(seconds=60)  # by how much two clocks may differ


class Kind(StrEnum):
    """What a message is. A `question` and an `order` come from the hub only, `documents` from both sides."""

    ENROL = "enrol"  # a node asks to be let in; signed with the key that it brings
    HELLO = "hello"  # who is calling: software, vocabulary, protocol versions
    POLL = "poll"  # give me what you have for me, I wait
    FETCH = "fetch"  # a blob, to be read or written by its sender
    CATALOGUE = "catalogue"  # all datasets that the node describes
    QUESTION = "question"
    ORDER = "order"  # one use of data, signed by a person; the hub only carries it
    DOCUMENTS = "documents"  # signed by those whom they concern; the carrier's word counts for nothing
    ANSWER = "answer"
    RESULT = "result"  # the answer of a node that carried out an order
    PROBLEM = "problem"  # the answer of a node that cannot answer


class Role(StrEnum):
    """What a participant of the link is to its hub."""

    NODE = "node"
    AUTHORITY = "authority"  # decides about applications; has no data and is asked no questions


FROM_HUB = frozenset({Kind.QUESTION, Kind.ORDER, Kind.DOCUMENTS})
REPLIES = frozenset({Kind.ANSWER, Kind.RESULT, Kind.PROBLEM})


@dataclass(frozen=True, slots=True)
class Blob:
    """A body that travels apart: the SHA-256 of its bytes, in hexadecimal digits, and how many they are."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message: from whom, for whom, until when, and either a body or a blob that holds it."""

    id: str
    kind: Kind
    sender: str
    audience: str
    issued: datetime
    expires: datetime
    reply_to: str = ""
    body: Mapping[str, Any] | None = None
    blob: Blob | None = None


def envelope(
    kind: Kind,
    sender: str,
    audience: str,
    body: Mapping[str, Any] | Blob,
    *,
    at: datetime,
    life: timedelta,
    reply_to: str = "",
) -> Envelope:
    """A fresh message, issued `at` and void after `life`."""
    return Envelope(
        id=ids.new("message"),
        kind=kind,
        sender=sender,
        audience=audience,
        issued=at,
        expires=at + life,
        reply_to=reply_to,
        body=None if isinstance(body, Blob) else body,
        blob=body if isinstance(body, Blob) else None,
    )


def encode(message: Envelope) -> bytes:
    """The bytes that are signed."""
    plain: dict[str, Any] = {
        "id": message.id,
        "kind": message.kind,
        "sender": message.sender,
        "audience": message.audience,
        "issued": clock.text(message.issued),
        "expires": clock.text(message.expires),
    }
    if message.reply_to:
        plain["reply_to"] = message.reply_to
    if message.blob:
        plain["blob"] = {"sha256": message.blob.sha256, "size": message.blob.size}
    else:
        plain["body"] = message.body
    return dump(plain)


_MEMBERS = frozenset({"id", "kind", "sender", "audience", "issued", "expires", "reply_to", "body", "blob"})


def decode(raw: bytes) -> Envelope:
    """The envelope in verified bytes; `BadEnvelope` when they hold anything else."""
    plain = shape.members(load(raw), "envelope", _MEMBERS)
    if ("body" in plain) == ("blob" in plain):
        raise BadEnvelope("An envelope holds either a body or a blob.")
    if "body" in plain and not isinstance(plain["body"], dict):
        raise shape.wrong("body", "an object")
    return Envelope(
        id=shape.text(plain, "id", least=10, most=64),
        kind=shape.choice(plain, "kind", Kind),
        sender=shape.text(plain, "sender", least=1, most=64),
        audience=shape.text(plain, "audience", least=1, most=64),
        issued=_time(plain, "issued"),
        expires=_time(plain, "expires"),
        reply_to=shape.text(plain, "reply_to", most=64, default=""),
        body=plain.get("body"),
        blob=blob(plain["blob"]) if "blob" in plain else None,
    )


def blob(plain: Any) -> Blob:
    """The blob that `{"sha256": ..., "size": ...}` names."""
    plain = shape.members(plain, "blob", frozenset({"sha256", "size"}))
    digest = shape.text(plain, "sha256", least=64, most=64)
    if not set(digest) <= set("0123456789abcdef"):
        raise shape.wrong("sha256", "64 hexadecimal digits")
    return Blob(digest, shape.number(plain, "size", most=MAX_BLOB))


def blob_of(content: bytes) -> Blob:
    """The blob that these bytes are."""
    return Blob(hashlib.sha256(content).hexdigest(), len(content))


def check_blob(named: Blob, content: bytes) -> None:
    """That these bytes are the blob that a message named."""
    if len(content) != named.size or blob_of(content) != named:
        raise BadEnvelope("The content of the blob is not what the message names.")


def _time(plain: Mapping[str, Any], name: str) -> datetime:
    try:
        return clock.read(shape.text(plain, name, most=40))
    except (ValueError, OverflowError):
        raise shape.wrong(name, "a time as RFC 3339") from None


def check(message: Envelope, *, audience: str, at: datetime, skew: timedelta = SKEW) -> None:
    """Whether a message that was rightly signed is for `audience` and still counts `at` this side's time.

    Raises `WrongClock` when it comes from the future and `BadEnvelope` otherwise. Whether the sender may
    send it, and whether it came before, is for the caller to know: see `remember_until`.
    """
    if message.audience != audience:
        raise BadEnvelope("The message is for somebody else.")
    if message.issued > at + skew:
        raise wrong_clock(message.issued, at, skew)
    if not timedelta(0) < message.expires - message.issued <= MAX_LIFE:
        raise BadEnvelope(f"A message lives longer than nothing and at most {MAX_LIFE}.")
    if at > remember_until(message, skew):
        raise BadEnvelope(
            f"The message expired at {clock.text(message.expires)}; it is {clock.text(at)} here.",
            hint="Check that both machines take their time from a time server (NTP).",
        )


def check_fresh(message: Envelope, *, at: datetime, skew: timedelta = SKEW) -> None:
    """That a message that was signed just before it was sent carries this side's time, give or take
    `skew`."""
    if abs(message.issued - at) > skew:
        raise wrong_clock(message.issued, at, skew)


def wrong_clock(theirs: datetime, ours: datetime, skew: timedelta) -> WrongClock:
    """The problem that names both times."""
    return WrongClock(
        f"The sender's clock says {clock.text(theirs)} and the receiver's {clock.text(ours)}; "
        f"they may differ by {skew.total_seconds():.0f} s.",
        hint="Set both machines to take their time from a time server (NTP).",
    )


def remember_until(message: Envelope, skew: timedelta = SKEW) -> datetime:
    """Until when the message's id must be remembered, so that it is not accepted again."""
    return message.expires + skew


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


def dump(body: Any) -> bytes:
    """JSON without spaces, in UTF-8; a NaN is a bug of the caller."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def load(raw: bytes) -> Any:
    """The JSON value in `raw`, strict and at most `MAX_DEPTH` deep; `BadEnvelope` when there is none."""
    try:
        value = _STRICT.decode(raw.decode())
        if b"\\ud" in raw or b"\\uD" in raw:
            dump(value)  # half of a surrogate pair is no character and cannot be stored
    except (ValueError, RecursionError):
        raise BadEnvelope("This is not JSON in UTF-8.") from None
    # Brackets inside texts are counted too: only what may be too deep is looked at closely.
    if max(accumulate(map(_STEP.__getitem__, raw.translate(None, _NO_BRACKETS))), default=0) > MAX_DEPTH:
        _check_depth(value)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_no_constant)
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in _STEP)


def _check_depth(value: Any) -> None:
    """That a value is at most `MAX_DEPTH` deep, level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        nested = [one for one in level if isinstance(one, (dict, list))]
        if not nested:
            return
        level = [child for one in nested for child in (one.values() if isinstance(one, dict) else one)]
    raise BadEnvelope(f"This JSON is nested more than {MAX_DEPTH} deep.")


@dataclass(frozen=True, slots=True)
class Hello:
    """Who is calling."""

    protocols: tuple[int, ...]
    software: str
    vocabulary: str

    def as_dict(self) -> dict[str, Any]:
        return {"protocols": list(self.protocols), "software": self.software, "vocabulary": self.vocabulary}


def hello(body: Any) -> Hello:
    """The body of a `hello`, as every function here strict in type and size: `BadEnvelope` for anything
    else."""
    body = shape.members(body, "hello", frozenset({"protocols", "software", "vocabulary"}))
    return Hello(
        _protocols(body), shape.text(body, "software", most=100), shape.text(body, "vocabulary", most=100)
    )


def _protocols(body: Mapping[str, Any]) -> tuple[int, ...]:
    return shape.items(body, "protocols", lambda one: shape.number({"protocols": one}, "protocols"), most=20)


@dataclass(frozen=True, slots=True)
class Poll:
    """How many seconds the node waits for something to come, and which messages it has got."""

    hold_s: float
    got: tuple[str, ...] = ()


def poll(body: Any) -> Poll:
    """The body of a `poll`."""
    body = shape.members(body, "poll", frozenset({"hold_s", "got"}))
    return Poll(shape.seconds(body, "hold_s", most=300), shape.texts(body, "got", most=1000, length=64))


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it reaches a node: CQL2 JSON that the node reads with its own vocabulary, the fields to
    break the counts down by, and how many seconds after `issued` the hub stops waiting."""

    search: str
    question: Any
    breakdowns: tuple[str, ...]
    deadline_s: float
    asker: str
    datasets: tuple[str, ...] = ()  # only these, when there are any

    def as_dict(self) -> dict[str, Any]:
        return {
            "search": self.search,
            "question": self.question,
            "breakdowns": list(self.breakdowns),
            "deadline_s": self.deadline_s,
            "asker": self.asker,
            "datasets": list(self.datasets),
        }


_QUESTION = frozenset({"search", "question", "breakdowns", "deadline_s", "asker", "datasets"})


def question(body: Any) -> Question:
    """The body of a `question`. What CQL2 it holds, the node reads for itself."""
    body = shape.members(body, "question", _QUESTION)
    return Question(
        search=shape.text(body, "search", least=1, most=64),
        question=body.get("question"),
        breakdowns=shape.texts(body, "breakdowns", most=50, length=100),
        deadline_s=shape.seconds(body, "deadline_s", most=3600),
        asker=shape.text(body, "asker", most=200),
        datasets=shape.texts(body, "datasets", most=500, length=64),
    )


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
        name=printable(shape.text(body, "name", least=1, most=100), "name"),
        country=country,
        hello=hello(body.get("hello")),
        role=shape.choice(body, "role", Role) if "role" in body else Role.NODE,
    )


def documents(body: Any) -> tuple[str, ...]:
    """The tokens in the body of `documents`; whoever reads them verifies each with keys that it pinned."""
    body = shape.members(body, "documents", frozenset({"documents"}))
    return shape.texts(body, "documents", most=MAX_DOCUMENTS, length=MAX_DOCUMENT)


@dataclass(frozen=True, slots=True)
class Carried:
    """An order as a hub carries it: the person's token, and the delegation to the device that signed it, or ""."""

    order: str
    delegation: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"order": self.order, "delegation": self.delegation}


def order(body: Any) -> Carried:
    """The body of an `order`."""
    body = shape.members(body, "order", frozenset({"order", "delegation"}))
    return Carried(
        shape.text(body, "order", least=1, most=MAX_DOCUMENT),
        shape.text(body, "delegation", most=MAX_DOCUMENT, default=""),
    )


def result(body: Any) -> str:
    """The token in the body of a `result` (`core.result`)."""
    body = shape.members(body, "result", frozenset({"result"}))
    return shape.text(body, "result", least=1, most=MAX_RESULT)


def printable(value: str, name: str) -> str:
    """A text that shows what it is: no control characters, no marks that reverse the direction of writing."""
    if not value.isprintable() or value != value.strip():
        raise shape.wrong(name, "printable text without spaces around it")
    return value


def node_id(thumbprint: str) -> str:
    """The id of the node that enrolled with this key: nobody else can have it, and it names no hub."""
    return ids.derived("node", thumbprint)


def hub_id(thumbprint: str) -> str:
    """The id that messages to the hub with this key carry as their audience."""
    return ids.derived("hub", thumbprint)


def dataset_id(thumbprint: str, name: str) -> str:
    """The id of the dataset that the node with this key calls `name`; a hub refuses to list it under
    another id."""
    return ids.derived("dataset", thumbprint, name)


@dataclass(frozen=True, slots=True)
class Fetch:
    """The permission to write or read one blob, once."""

    blob: Blob
    write: bool

    def as_dict(self) -> dict[str, Any]:
        return {"blob": {"sha256": self.blob.sha256, "size": self.blob.size}, "write": self.write}


def fetch(body: Any) -> Fetch:
    """The body of a `fetch`."""
    body = shape.members(body, "fetch", frozenset({"blob", "write"}))
    return Fetch(blob(body.get("blob")), shape.truth(body, "write"))


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
