"""What is signed: documents of plain data, as bytes, and read back strictly.

A permit, an order, a status, an approval: each is a frozen dataclass whose members are all written and all
demanded, so that nothing stands in the signed bytes that the reader does not know. The bytes are what counts: the
identity of a document is the SHA-256 of the payload that was signed, since one payload can have many signatures.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from hanse.core import clock, shape, strict_json
from hanse.core.dataset import canonical
from hanse.core.errors import BadEnvelope

One = TypeVar("One")
Jwk = Mapping[str, str]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_ID = re.compile(r"[a-z]{2,20}_[0-9a-hjkmnp-tv-z]{26}")
_JWK = frozenset({"kty", "crv", "x", "y"})


@dataclass(frozen=True, slots=True)
class Signed(Generic[One]):
    """A document whose signature was verified: what it says, the thumbprint of the key, and its identity."""

    document: One
    kid: str
    hash: str


def identity(payload: bytes) -> str:
    """SHA-256 of the signed payload, in hexadecimal digits: what orders, approvals and statuses name."""
    return hashlib.sha256(payload).hexdigest()


def encode(document: Any) -> bytes:
    """The bytes that are signed: canonical JSON of every member."""
    return canonical(to_plain(document))


def to_plain(value: Any) -> Any:
    """A document as JSON values: dataclasses become objects with all their members, times RFC 3339."""
    if is_dataclass(value):
        return {one.name: to_plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, datetime):
        return clock.text(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(one) for one in value]
    return value


def load(payload: bytes) -> Any:
    """The JSON value in verified bytes, in which no object has two members of one name: two readers could take
    different ones."""
    value = strict_json.load(payload)
    try:
        json.loads(payload, object_pairs_hook=_once)
    except ValueError:
        raise BadEnvelope("An object in this document has two members of one name.") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError


def exactly(body: Any, kind: type, name: str) -> Mapping[str, Any]:
    """A JSON object with the members of the dataclass `kind`, all of them and no other."""
    known = frozenset(one.name for one in fields(kind))
    found = shape.members(body, name, known)
    if missing := sorted(known.difference(found)):
        raise shape.wrong(name, f"complete: {', '.join(missing)} must be there")
    return found


def words(body: Mapping[str, Any], name: str, *, most: int = 300, least: int = 0) -> str:
    """A text that shows what it is: no control characters, no marks that turn the direction of writing."""
    return shape.printable(shape.text(body, name, most=most, least=least), name)


def time(body: Mapping[str, Any], name: str) -> datetime:
    """An aware time, RFC 3339, to the millisecond."""
    try:
        found = clock.read(shape.text(body, name, most=40))
        if found.microsecond % 1000:
            raise ValueError
    except (ValueError, OverflowError):
        raise shape.wrong(name, "a time as RFC 3339, to the millisecond") from None
    return found


def matching(body: Mapping[str, Any], name: str, form: re.Pattern[str], wanted: str) -> str:
    """A text of one form."""
    value = shape.text(body, name)
    if not form.fullmatch(value):
        raise shape.wrong(name, wanted)
    return value


def digest(body: Mapping[str, Any], name: str) -> str:
    """A SHA-256 in 64 hexadecimal digits."""
    return matching(body, name, _DIGEST, "64 hexadecimal digits")


def thumbprint(body: Mapping[str, Any], name: str) -> str:
    """The thumbprint of a key (RFC 7638, SHA-256, base64url)."""
    return matching(body, name, _THUMBPRINT, "the thumbprint of a key")


def id(body: Mapping[str, Any], name: str, kind: str) -> str:
    """An id of one kind, as `core.ids` makes them."""
    value = matching(body, name, _ID, f"an id that begins with {kind}_")
    if not value.startswith(f"{kind}_"):
        raise shape.wrong(name, f"an id that begins with {kind}_")
    return value


def jwk(body: Mapping[str, Any], name: str) -> Jwk:
    """A public P-256 key (RFC 7517) by its four members; whether it is a point of the curve, `lib.jws` says."""
    found = shape.members(body.get(name), name, _JWK)
    if (found.get("kty"), found.get("crv")) != ("EC", "P-256"):
        raise shape.wrong(name, "a public P-256 key")
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": thumbprint(found, "x"),  # 32 bytes in base64url, as a thumbprint is
        "y": thumbprint(found, "y"),
    }
