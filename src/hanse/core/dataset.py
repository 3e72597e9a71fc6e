"""A dataset, its frozen versions, and the manifest that says exactly what a version is.

A version is named `dataset@version`. Its manifest lists content-addressed objects; the SHA-256 of the manifest's
canonical JSON is the version's own digest, so that two places can tell whether they hold the same thing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet object of a table: the rows of the persons whose ordinals lie in one range."""

    number: int
    sha256: str
    rows: int
    bytes: int
    stamp: str  # changes exactly when the rows do; a part with a known stamp is not written again


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `dataset@version` is. `tables` maps an entity to its parts; `columns` says which vocabulary fields hold
    data at all; `sources` is the digest of the list of source files with their hashes."""

    dataset: str  # dataset_...
    name: str
    version: int
    created: str
    vocabulary: str
    software: str
    tables: Mapping[str, tuple[Part, ...]]
    columns: tuple[str, ...]
    persons: int
    sources: str = ""
    previous: str = ""  # digest of the manifest before
    provenance: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> "Manifest":
        tables = {entity: tuple(Part(**part) for part in parts) for entity, parts in body["tables"].items()}
        return cls(**{**body, "tables": tables, "columns": tuple(body["columns"])})

    @property
    def digest(self) -> str:
        return hashlib.sha256(canonical(self.as_dict())).hexdigest()

    @property
    def id(self) -> str:
        return f"{self.dataset}@{self.version}"


def canonical(body: Any) -> bytes:
    """JSON with sorted keys and no spaces: the same bytes for the same data, here and elsewhere."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
