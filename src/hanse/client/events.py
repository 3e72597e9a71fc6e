"""Server-sent events, as they come from a hub (HTML Living Standard, section 9.2.6)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


def read(chunks: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """Each event's name and its data as JSON. Comments, ids and an event that is cut off are passed over.

    Lines end at the byte LF only: JSON may hold U+2028 or U+0085, which `str.splitlines` would cut at.
    """
    name, data = "message", b""
    for line in _lines(chunks):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                yield name, json.loads(data)
            name, data = "message", b""
        elif field == b"event":
            name = value.decode()
        elif field == b"data":
            data += value + b"\n"


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.removesuffix(b"\r") for line in lines)
