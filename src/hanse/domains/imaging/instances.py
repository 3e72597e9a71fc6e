"""DICOM files as instances: what preparing asks of each file, in batches that a pool of processes can share."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from hanse.domains.imaging import header, references
from hanse.domains.imaging.attributes import Value
from hanse.domains.imaging.references import References, Structure
from hanse.domains.imaging.sources import Rejected, SourceFile, Sources, Unusable

_IDENTITY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_MAX_UID = 64  # characters, PS3.5 section 9


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM instance: where it lies, its size in bytes, its header's plain values, and what it points to."""

    path: str
    size: int
    values: Mapping[str, Value]
    unreadable: tuple[str, ...] = ()
    references: References | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON can hold it; `of` is the way back."""
        return asdict(self)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """The instance that `as_dict` wrote, also after a way through JSON, which knows no tuples."""
        found = body["references"]
        return cls(
            body["path"],
            body["size"],
            {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in body["values"].items()
            },
            tuple(body["unreadable"]),
            found
            and References(
                tuple(found["series"]),
                tuple(found["instances"]),
                tuple(Structure(tuple(one["names"]), one["method"]) for one in found["structures"]),
            ),
        )


def read_batch(folder: Path, files: Sequence[SourceFile]) -> list[Instance | Rejected]:
    """What each file is, in their order; for a pool of processes, hence plain arguments and results."""
    with Sources(folder) as sources:
        return [_read(sources, file) for file in files]


def _read(sources: Sources, file: SourceFile) -> Instance | Rejected:
    try:
        with sources.open(file.path) as source:
            found = header.read(source)
            _check(found)
            instance = Instance(file.path, file.size, found.values, found.unreadable)
            if found.values.get("Modality") not in references.REFERRING:
                return instance
            try:
                return replace(instance, references=references.read(source))
            except Unusable:
                return replace(instance, unreadable=(*found.unreadable, "ReferencedSeriesSequence"))
    except Unusable as refusal:
        return refusal.of(file.path)


def _check(found: header.Header) -> None:
    if found.ends_early:
        raise Unusable(f"ends in the middle of {found.ends_early}", "fetch the file again")
    for keyword in _IDENTITY:
        uid = found.values.get(keyword)
        if not isinstance(uid, str):
            raise Unusable(f"has no {keyword}", "a DICOMDIR may be left out; other files need their UIDs")
        if len(uid) > _MAX_UID or not uid.replace(".", "").isdigit():
            raise Unusable(f"its {keyword} is no UID", "correct it where the file comes from")


def checksum(folder: Path, file: SourceFile) -> str | Rejected:
    """The SHA-256 of all bytes of a file, in hexadecimal."""
    return checksums(folder, [file])[0]


def checksums(folder: Path, files: Sequence[SourceFile]) -> list[str | Rejected]:
    """The same for many files, for a pool of processes."""
    with Sources(folder) as sources:
        return [_checksum(sources, file) for file in files]


def _checksum(sources: Sources, file: SourceFile) -> str | Rejected:
    digest = hashlib.sha256()
    size = 0
    try:
        for block in sources.blocks(file.path):
            digest.update(block)
            size += len(block)
            if size > file.size:
                break
    except Unusable as refusal:
        return refusal.of(file.path)
    if size != file.size:
        return Rejected(
            file.path, "changed while it was read", "run prepare again when nothing writes to the folder"
        )
    return digest.hexdigest()


def contradictions(copies: Iterable[tuple[str, str, str]]) -> list[Rejected]:
    """Files that share a SOPInstanceUID and differ in content, all of them: which one is right cannot be known.

    `copies` are (SOPInstanceUID, SHA-256, path) of all instances, or of those whose UID stands more than once.
    """
    by_uid: dict[str, dict[str, list[str]]] = {}
    for uid, sha256, path in copies:
        by_uid.setdefault(uid, {}).setdefault(sha256, []).append(path)
    reason = "another file has the same SOPInstanceUID and other content"
    hint = "keep the right one and run prepare again"
    return [
        Rejected(path, reason, hint)
        for contents in by_uid.values()
        if len(contents) > 1
        for paths in contents.values()
        for path in paths
    ]
