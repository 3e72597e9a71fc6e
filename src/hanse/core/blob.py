"""A body that is too large for its envelope: it travels apart, and is known by its bytes."""

import hashlib
from dataclasses import dataclass
from typing import Any

from hanse.core import shape
from hanse.core.errors import BadEnvelope

MAX_BLOB = 64 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Blob:
    """A body that travels apart: the SHA-256 of its bytes, in hexadecimal digits, and how many they are."""

    sha256: str
    size: int

    def as_dict(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "size": self.size}


def read_blob(plain: Any) -> Blob:
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
