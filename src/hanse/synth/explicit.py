"""Data sets given by DICOM keywords, written in explicit VR little endian (PS3.5 section 7).

`pydicom` gives the dictionary; the encoding is done here because a header of a hundred elements then takes a tenth
of the time. A sequence is a list of such data sets; numbers in texts (DS) keep within their 16 characters.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

Item = Mapping[str, Any]

_LONG = frozenset({"OB", "OW", "SQ", "UT"})  # VRs whose length has 32 bits
_NUMBERS = {"US": "<H", "UL": "<I", "SS": "<h", "FL": "<f", "FD": "<d", "AT": "<I"}
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_IMPLEMENTATION = "2.25.101712541736274871648372958102574639281"


def encode(dataset: Item) -> bytes:
    """The elements in the order of their tags."""
    return b"".join(content for _, content in elements(dataset))


def elements(dataset: Item) -> list[tuple[int, bytes]]:
    """Tag and encoded bytes of every element, in the order of the tags."""
    return sorted(element(keyword, value) for keyword, value in dataset.items())


def element(keyword: str, value: Any) -> tuple[int, bytes]:
    """Tag and bytes of one element, padded to an even length (PS3.5 7.1.2)."""
    tag, vr = _known(keyword)
    raw = _raw(vr, value)
    if len(raw) % 2:
        raw += b"\0" if vr in ("UI", "OB", "OW") else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    size = struct.pack("<HI", 0, len(raw)) if vr in _LONG else struct.pack("<H", len(raw))
    return tag, head + size + raw


def preamble(sop_class: str, instance: str) -> bytes:
    """What stands before the data set in a file: 128 bytes, DICM, file meta information (PS3.10 7.1)."""
    meta = encode(
        {
            "FileMetaInformationVersion": b"\0\1",
            "MediaStorageSOPClassUID": sop_class,
            "MediaStorageSOPInstanceUID": instance,
            "TransferSyntaxUID": EXPLICIT_LITTLE_ENDIAN,
            "ImplementationClassUID": _IMPLEMENTATION,
        }
    )
    return bytes(128) + b"DICM" + element("FileMetaInformationGroupLength", len(meta))[1] + meta


@cache
def _known(keyword: str) -> tuple[int, str]:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"DICOM has no attribute {keyword}")
    return tag, dictionary_VR(tag).replace("OB or OW", "OW")


def _raw(vr: str, value: Any) -> bytes:
    if vr == "SQ":
        return b"".join(map(_item, value))
    values = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
    if vr in _NUMBERS:
        return b"".join(struct.pack(_NUMBERS[vr], _swapped(one) if vr == "AT" else one) for one in values)
    if isinstance(value, bytes):
        return value
    return "\\".join(f"{one:.10g}" if isinstance(one, float) else str(one) for one in values).encode()


def _item(dataset: Item) -> bytes:
    content = encode(dataset)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def _swapped(tag: int) -> int:
    """A tag is two 16-bit numbers, each little endian, group first."""
    return tag >> 16 | (tag & 0xFFFF) << 16
