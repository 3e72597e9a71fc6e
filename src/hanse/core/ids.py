"""Ids are text that says what it names: `search_01ke…`, `dataset_7q2m…`.

Ids of things that happen are ULIDs (sortable by time); ids of things that are derived from what they name, so
that the same thing has the same id wherever it is computed. External ids (DICOM UIDs, DOIs) keep their spelling.
"""

import hashlib
import secrets
import time

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def _base32(number: int, length: int) -> str:
    return "".join(_CROCKFORD[(number >> 5 * place) & 31] for place in range(length - 1, -1, -1))


def new(kind: str) -> str:
    """A fresh id: 48 bits of milliseconds, 80 random bits (https://github.com/ulid/spec)."""
    return f"{kind}_{_base32((time.time_ns() // 1_000_000) << 80 | secrets.randbits(80), 26)}"


def derived(kind: str, *parts: str) -> str:
    """The id that `parts` always get: 128 bits of SHA-256 over the parts, each with its length."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return f"{kind}_{_base32(int.from_bytes(digest.digest()[:16], 'big'), 26)}"


def kind(id: str) -> str:
    """`dataset` of `dataset_7q2m…`; an empty text when there is none."""
    return id.rpartition("_")[0]


def of_node(thumbprint: str) -> str:
    """The id of the node that enrolled with this key: nobody else can have it, and it names no hub."""
    return derived("node", thumbprint)


def of_hub(thumbprint: str) -> str:
    """The id that messages to the hub with this key carry as their audience."""
    return derived("hub", thumbprint)


def of_dataset(thumbprint: str, name: str) -> str:
    """The id of the dataset that the node with this key calls `name`; a hub refuses to list it under
    another id."""
    return derived("dataset", thumbprint, name)
