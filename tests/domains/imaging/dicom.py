"""DICOM bytes for tests, written element by element so that they can also be wrong."""

import struct
import zlib
from pathlib import Path

import pydicom

WHEEL = Path(pydicom.__file__).parent / "data"

EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
UNDEFINED = 0xFFFFFFFF
_LONG = {"OB", "OW", "SQ", "UN", "UT"}

CT = {
    (0x0008, 0x0016): ("UI", "1.2.840.10008.5.1.4.1.1.2"),
    (0x0008, 0x0018): ("UI", "1.2.3.4"),
    (0x0008, 0x0020): ("DA", "20261122"),
    (0x0008, 0x0060): ("CS", "CT"),
    (0x0010, 0x0020): ("LO", "P-1"),
    (0x0020, 0x000D): ("UI", "1.2.3"),
    (0x0020, 0x000E): ("UI", "1.2.3.1"),
}


def element(group: int, number: int, vr: str, value: bytes | str, length: int | None = None) -> bytes:
    """One element in explicit VR little endian; `length` is what it claims, by default the truth."""
    raw = value.encode() if isinstance(value, str) else value
    raw += (b"\0" if vr in ("UI", "OB") else b" ") * (len(raw) % 2)
    claimed = len(raw) if length is None else length
    head = struct.pack("<HH2s", group, number, vr.encode())
    return head + (struct.pack("<HI", 0, claimed) if vr in _LONG else struct.pack("<H", claimed)) + raw


def item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def data_set(changes: dict[tuple[int, int], tuple[str, str | bytes]] | None = None) -> bytes:
    """A small CT header, with elements added or replaced."""
    elements = CT | (changes or {})
    return b"".join(element(*tag, *elements[tag]) for tag in sorted(elements))


def file(content: bytes | None = None, syntax: str = EXPLICIT, pixels: bytes = b"\1\2") -> bytes:
    """A DICOM file around a data set, by default the small CT."""
    content = data_set() + element(0x7FE0, 0x0010, "OW", pixels) if content is None else content
    if syntax == DEFLATED:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        content = packer.compress(content) + packer.flush()
    return b"\0" * 128 + b"DICM" + element(0x0002, 0x0010, "UI", syntax) + content
