"""The bytes of one element as a plain value, by its VR (PS3.5 section 6.2), in little endian."""

import math
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache

from hanse.domains.imaging.attributes import Value

MAX_VALUE_BYTES = 16 << 10
PADDING = " \0"

Decoder = Callable[[bytes, Value | None], Value | None]


class Odd(Exception):
    """Something that the walker leaves to pydicom to interpret."""


# Instances of a series repeat most values byte by byte.
_remembered = lru_cache(maxsize=1024)


@_remembered
def _strings(raw: bytes, charset: Value | None = None) -> Value | None:
    """PS3.5 6.2: padding around the values is not significant; `\\` stands between several."""
    return _split(raw.decode("latin-1"))


@_remembered
def _text(raw: bytes, charset: Value | None) -> Value | None:
    if raw.isascii() and b"\x1b" not in raw:
        return _split(raw.decode("ascii"))
    from hanse.domains.imaging.bounded import decoded

    return _split(encodable(decoded(raw, charset)))


def encodable(text: str) -> str:
    """Some encodings make lone surrogates, which nothing can store; they become question marks."""
    return text.encode("utf-8", "replace").decode()


def _split(text: str) -> Value | None:
    if "\\" not in text:
        return text.strip(PADDING) or None
    parts = tuple(part.strip(PADDING) for part in text.split("\\"))
    return parts if any(parts) else None


def is_ordinary(number: int | float) -> bool:
    """Whether a number is finite, and an integer no larger than IS allows (PS3.5 6.2)."""
    return -(2**31) <= number < 2**31 if isinstance(number, int) else math.isfinite(number)


def _numbers(
    read: Callable[[str], int] | Callable[[str], float],
) -> Decoder:
    @_remembered
    def decode(raw: bytes, charset: Value | None) -> Value | None:
        text = raw.decode("latin-1").strip(PADDING)
        if not text:
            return None
        try:
            values = tuple(map(read, text.split("\\")))
        except ValueError:
            raise Odd from None
        if not all(map(is_ordinary, values)):
            raise Odd
        return values if len(values) > 1 else values[0]

    return decode


def _binary(format: str) -> Decoder:
    one = struct.Struct(f"<{format}")

    def decode(raw: bytes, charset: Value | None) -> Value | None:
        if len(raw) != one.size:
            raise Odd
        return one.unpack(raw)[0]

    return decode


# The second argument is the data set's Specific Character Set; None comes back when there is no value.
DECODERS: Mapping[bytes, Decoder] = {
    **dict.fromkeys((b"AS", b"CS", b"DA", b"UI"), _strings),
    **dict.fromkeys((b"LO", b"SH"), _text),
    b"DS": _numbers(float),
    b"IS": _numbers(int),
    b"US": _binary("H"),
    b"FD": _binary("d"),
}
