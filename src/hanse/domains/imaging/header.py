"""The header of a DICOM file: everything before the pixel data that indexing needs, as plain values.

Explicit VR little endian is read by the own walker, everything else and everything odd by pydicom. Both give the same
header; a test compares them on every file of pydicom's own test data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hanse.domains.imaging.attributes import ATTRIBUTES, ITEMS, Value
from hanse.domains.imaging.sources import ByteSource, Unusable
from hanse.domains.imaging.values import MAX_VALUE_BYTES, PADDING, Odd, encodable, is_ordinary
from hanse.domains.imaging.walker import FIRST_READ, walk

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_NUMERIC = frozenset({b"DS", b"IS", b"US", b"FD"})

# What files that are not DICOM often are, by their first bytes.
_SIGNATURES = {
    b"PK\x03\x04": "give the archive a name that ends in .zip",
    b"\x1f\x8b": "unpack it",
}


@dataclass(frozen=True, slots=True)
class Header:
    """Plain values by DICOM keyword (`ATTRIBUTES`); an attribute that is absent or empty has none.

    Text is without the padding around it, numbers are finite, and an attribute with several values is a tuple.
    `unreadable` are attributes whose value is not what their VR allows. `ends_early` names the element in which the
    file ends although the element is longer; it is empty for a whole file.
    """

    values: Mapping[str, Value]
    unreadable: tuple[str, ...] = ()
    ends_early: str = ""


def read(source: ByteSource) -> Header:
    """The header of a DICOM file (PS3.10); raises `Unusable` for what is no readable DICOM file, and nothing else."""
    start = source.read(0, FIRST_READ)
    _check_preamble(start)
    try:
        values, ends_early = walk(source, start)
    except Odd:
        return read_by_pydicom(source)
    return Header(values, (), ends_early)


def _check_preamble(start: bytes) -> None:
    if not start:
        raise Unusable("zero bytes", "fetch the file again")
    if start[128:132] != b"DICM":
        hints = (hint for signature, hint in _SIGNATURES.items() if start.startswith(signature))
        raise Unusable("not DICOM", next(hints, "only files with the DICOM preamble (PS3.10) are indexed"))


def read_by_pydicom(source: ByteSource) -> Header:
    """The same by pydicom, in any encoding that it reads; raises `Unusable`."""
    from hanse.domains.imaging.bounded import data_set

    unreadable: list[str] = []
    values: dict[str, Value] = {}
    _, syntax, ends_early = data_set(
        source, ATTRIBUTES, lambda dataset: _plain(dataset, ATTRIBUTES, values, unreadable)
    )
    if syntax:
        values["TransferSyntaxUID"] = syntax
    return Header(values, tuple(unreadable), ends_early)


def _plain(
    dataset: "Dataset",
    wanted: Mapping[int, tuple[str, bytes]],
    values: dict[str, Value],
    unreadable: list[str],
    under: str = "",
) -> None:
    for tag, (keyword, vr) in wanted.items():
        if tag not in dataset:
            continue
        try:
            value = dataset[tag].value
            if vr == b"SQ":
                for item in value[:1]:
                    _plain(item, ITEMS[keyword], values, unreadable, f"{under}{keyword}.")
            elif (plain := plain_value(value, vr)) is not None:
                values[under + keyword] = plain
        except Exception:  # pydicom interprets a value when it is asked for, and raises nearly anything
            unreadable.append(under + keyword)


def plain_value(value: object, vr: bytes) -> Value | None:
    """What pydicom makes of an element, as text, numbers or a tuple of them; None when there is no value.

    Raises `ValueError` when the value is not of the kind that `vr` stands for, or longer than any such value.
    """
    several = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    parts = tuple(value) if several else (value,)
    if all(part is None or part == "" for part in parts):
        return None
    if sum(len(str(part)) + 1 for part in parts) > MAX_VALUE_BYTES:
        raise ValueError("too long")
    kind = int if vr in (b"IS", b"US") else float if vr in _NUMERIC else str
    if kind is str:
        plain = tuple(_text(part) for part in parts)
        if not any(plain):
            return None
    else:
        plain = tuple(_number(part, kind) for part in parts)
    return plain if several else plain[0]


def _text(part: object) -> str:
    if not isinstance(part, str):
        raise ValueError("no text")
    return encodable(part).strip(PADDING)


def _number(part: object, kind: type[int] | type[float]) -> int | float:
    if not isinstance(part, int | float) or not is_ordinary(kind(part)) or kind(part) != part:
        raise ValueError("no number")
    return kind(part)
