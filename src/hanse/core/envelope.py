"""The envelope: what every message between a participant and its hub has outside, and when a message is accepted.

Plain data and pure checks. What messages hold stands in `core.bodies` and `core.greeting`, how they are signed in
`lib.jws`, how they travel in `link`; the whole protocol is described in `docs/link.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hanse.core import clock, ids, shape, strict_json
from hanse.core.blob import Blob, read_blob
from hanse.core.errors import BadEnvelope, WrongClock

TYP = "hanse-envelope+jws"  # of the token around an envelope
ENROL_TYP = "hanse-enrol+jws"  # of the one message whose key is not known yet

MAX_BODY = 1 << 20  # bytes of JSON; a larger body travels as a blob
MAX_TOKEN = 4 * (MAX_BODY + 4096) // 3 + 1024  # characters of a signed envelope: base64, header and signature
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


FROM_HUB = frozenset({Kind.QUESTION, Kind.ORDER, Kind.DOCUMENTS})
REPLIES = frozenset({Kind.ANSWER, Kind.RESULT, Kind.PROBLEM})


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


def new(
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
        plain["blob"] = message.blob.as_dict()
    else:
        plain["body"] = message.body
    return strict_json.dump(plain)


_MEMBERS = frozenset({"id", "kind", "sender", "audience", "issued", "expires", "reply_to", "body", "blob"})


def decode(raw: bytes) -> Envelope:
    """The envelope in verified bytes; `BadEnvelope` when they hold anything else."""
    plain = shape.members(strict_json.load(raw), "envelope", _MEMBERS)
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
        blob=read_blob(plain["blob"]) if "blob" in plain else None,
    )


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
