"""A walker over explicit and implicit VR little endian (PS3.5 section 7.1), the encodings of nearly all files.

Every length that a file states is checked against the bytes that there are, and elements, depth and the size of
values are bounded. What is not plainly in order is `Odd` and left to pydicom: the walker has no opinion on it.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping

from hanse.domains.imaging.attributes import ATTRIBUTES, ITEMS, PIXEL_DATA, Value
from hanse.domains.imaging.sources import ByteSource, Memory, Spool, Unusable
from hanse.domains.imaging.values import DECODERS, MAX_VALUE_BYTES, PADDING, Odd

FIRST_READ = 16 << 10  # holds the whole header of a typical CT or MR instance
MAX_ELEMENTS = 1_000_000
MAX_META_ELEMENTS = 100
MAX_DEPTH = 32
MAX_SEQUENCE_BYTES = 4 << 20

DEFLATED = "1.2.840.10008.1.2.1.99"
_IMPLICIT_LITTLE = "1.2.840.10008.1.2"
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_ENCAPSULATED = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5")  # explicit little endian around packed pixels
_DEFLATED_REFERENCED = frozenset({"1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_UNDEFINED = 0xFFFFFFFF
_END = -1
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_SHORT = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()
)  # 16 bits of length
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # 32 bits of length

_head = struct.Struct("<HH2sH").unpack_from
_long = struct.Struct("<I").unpack_from


def walk(source: ByteSource, start: bytes = b"") -> tuple[dict[str, Value], str]:
    """The values of `ATTRIBUTES` by keyword, and the element in which the file ends early (empty for a whole file).

    `start` are the first bytes of the source where they are read already. Raises `Odd` and `Unusable`.
    """
    window = Window(source, start)
    syntax, position = transfer_syntax(window)
    if syntax == DEFLATED:
        window, position = Window(inflated(source, position)), 0
    elif syntax == _IMPLICIT_LITTLE:
        window.implicit = True
    elif syntax != _EXPLICIT_LITTLE and not syntax.startswith(_ENCAPSULATED):
        raise Odd
    if window.implicit == _is_vr(window.get(position + 4, 2)) or syntax in _DEFLATED_REFERENCED:
        raise Odd
    values: dict[str, Value] = {"TransferSyntaxUID": syntax}
    return values, _collect(window, position, ATTRIBUTES, values)


class Window:
    """The part of the source that is in memory, moved onwards as the walk needs it."""

    __slots__ = ("base", "bytes", "elements", "implicit", "source")

    def __init__(self, source: ByteSource, start: bytes = b"", implicit: bool = False) -> None:
        self.source, self.base, self.elements, self.implicit = source, 0, 0, implicit
        self.bytes = start or source.read(0, FIRST_READ)

    def get(self, position: int, length: int) -> bytes:
        """The bytes of a value, which may lie beyond the window."""
        at = position - self.base
        if at >= 0 and at + length <= len(self.bytes):
            return self.bytes[at : at + length]
        return self.source.read(position, length)

    def element(self, position: int) -> tuple[int, bytes, int, int]:
        """Tag, VR, and the place and length of the value, of the element or item that starts at `position`.

        The VR is empty where the encoding states none; after the last byte the tag is `_END`.
        """
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            raise Unusable(f"more than {MAX_ELEMENTS} elements", "this is no image that can be indexed")
        at = position - self.base
        if at < 0 or at + 12 > len(self.bytes):
            self.base, self.bytes, at = position, self.source.read(position, FIRST_READ), 0
            if not self.bytes:
                return _END, b"", position, 0
            if len(self.bytes) < 8:
                raise _ends_early("its last element")
        group, number, vr, length = _head(self.bytes, at)
        tag = group << 16 | number
        if self.implicit or group == 0xFFFE:
            return tag, b"", position + 8, _long(self.bytes, at + 4)[0]
        if vr in _SHORT:
            return tag, vr, position + 8, length
        if vr not in _LONG:
            raise Odd
        if at + 12 > len(self.bytes):
            raise _ends_early(place(tag))
        return tag, vr, position + 12, _long(self.bytes, at + 8)[0]


def _is_vr(two: bytes) -> bool:
    """Whether an element states a VR where an explicit encoding does."""
    return two.isalpha() and two.isupper()


def _ends_early(place: str) -> Unusable:
    return Unusable(f"ends in the middle of {place}", "fetch the file again")


def place(tag: int) -> str:
    return f"element ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def transfer_syntax(window: Window) -> tuple[str, int]:
    """The transfer syntax that the file meta information (PS3.10 7.1) states, and where the data set begins."""
    position, syntax = 132, ""
    for _ in range(MAX_META_ELEMENTS):
        if window.get(position, 2) != b"\x02\x00":
            return syntax, position
        tag, vr, start, length = window.element(position)
        if tag == 0x00020010 and vr == b"UI" and length <= 64:
            syntax = window.get(start, length).decode("latin-1").strip(PADDING)
        position = start + length
    raise Odd


def _elements(window: Window, position: int) -> Iterator[tuple[int, bytes, int, int]]:
    """The elements of a data set in the order of their tags: tag, VR, and the place and length of the value."""
    previous = 0x0007FFFF
    element = window.element
    while True:
        tag, vr, start, length = element(position)
        if not previous < tag < 0xFFFE0000:
            if tag in (_END, _ITEM_END):
                return
            raise Odd
        if length == _UNDEFINED and tag not in PIXEL_DATA:
            if vr not in (b"SQ", b""):
                raise Odd
            length = _sequence_end(window, tag, start) - start
        yield tag, vr, start, length
        previous, position = tag, start + length


def _sequence_end(window: Window, sequence: int, position: int) -> int:
    """Where a sequence of undefined length ends (PS3.5 7.5): after the delimiter that belongs to it."""
    awaited = [_SEQUENCE_END]
    while True:
        if position + 8 > window.source.size:
            raise _ends_early(place(sequence))
        tag, vr, position, length = window.element(position)
        if tag == awaited[-1]:
            awaited.pop()
            if not awaited:
                return position
        elif (tag == _ITEM) != (awaited[-1] == _SEQUENCE_END) or (tag > 0xFFFE0000 and tag != _ITEM):
            raise Odd
        elif length != _UNDEFINED:
            position += length
        elif vr in (b"", b"SQ", b"OB", b"OW") and len(awaited) < 2 * MAX_DEPTH:
            awaited.append(_ITEM_END if tag == _ITEM else _SEQUENCE_END)
        elif vr == b"UN":
            raise Odd
        else:
            reason = f"sequences lie in one another more than {MAX_DEPTH} deep"
            raise Unusable(reason, "this is no ordinary image")


def _collect(
    window: Window,
    position: int,
    wanted: Mapping[int, tuple[str, bytes]],
    values: dict[str, Value],
    under: str = "",
) -> str:
    """Put the wanted attributes of a data set into `values`; gives the place where the file ends early, or ""."""
    size = window.source.size
    for tag, vr, start, length in _elements(window, position):
        if length == _UNDEFINED:
            return "" if _has_all_fragments(window, tag, start) else place(tag)
        if start + length > size:
            return place(tag)
        attribute = wanted.get(tag)
        if attribute is None or not length:
            if tag in PIXEL_DATA:
                return ""
            continue
        keyword, expected = attribute
        if vr != expected:
            if vr:
                raise Odd
            vr = expected
        if length > (MAX_SEQUENCE_BYTES if vr == b"SQ" else MAX_VALUE_BYTES):
            raise Odd
        raw = window.get(start, length)
        if vr == b"SQ":
            _collect_first_item(Window(Memory(raw), raw, window.implicit), keyword, values, under)
        elif (value := DECODERS[vr](raw, values.get("SpecificCharacterSet"))) is not None:
            values[under + keyword] = value
    return ""


def _has_all_fragments(window: Window, tag: int, position: int) -> bool:
    """Whether packed pixel data (PS3.5 A.4) reach their end. A stream is not read for it: its checksum will tell."""
    if isinstance(window.source, Spool):
        return True
    try:
        return _sequence_end(window, tag, position) > 0
    except Odd:
        return True
    except Unusable:
        return False


def _collect_first_item(window: Window, keyword: str, values: dict[str, Value], under: str) -> None:
    tag, _, start, length = window.element(0)
    if tag == _SEQUENCE_END:
        return
    if tag != _ITEM:
        raise Odd
    if length != _UNDEFINED:
        item = window.bytes[: start + length]
        window = Window(Memory(item), item, window.implicit)
    _collect(window, start, ITEMS[keyword], values, f"{under}{keyword}.")


def inflated(source: ByteSource, position: int) -> Spool:
    """A deflated data set (PS3.5 A.5), inflated only as far as it is read."""
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    place = position

    def more(length: int) -> bytes:
        nonlocal place
        while not decompressor.eof:
            packed = decompressor.unconsumed_tail
            if not packed:
                packed = source.read(place, FIRST_READ)
                place += len(packed)
            if not packed:
                raise _ends_early("its deflated data")
            try:
                data = decompressor.decompress(packed, length)
            except zlib.error:
                raise Unusable("its deflated data are damaged", "fetch the file again") from None
            if data:
                return data
        return b""

    return Spool(more)
