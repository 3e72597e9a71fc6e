"""JSON as it is signed and sent, and the one strict reading of the JSON of strangers (RFC 8259)."""

import json
from itertools import accumulate
from typing import Any

from hanse.core.errors import BadEnvelope

MAX_DEPTH = 100


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
