"""pydicom under bounds: it reads what the walker leaves to it, and never more than a header is worth."""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.valuerep import TEXT_VR_DELIMS

from hanse.domains.imaging.attributes import PIXEL_DATA, Value
from hanse.domains.imaging.sources import ByteSource, Unusable
from hanse.domains.imaging.values import Odd
from hanse.domains.imaging.walker import (
    DEFLATED,
    FIRST_READ,
    MAX_SEQUENCE_BYTES,
    Window,
    inflated,
    place,
    transfer_syntax,
)

T = TypeVar("T")

MAX_READS = 2_000_000  # pydicom needs one to three for an element
_UNDEFINED = 0xFFFFFFFF


def data_set(
    source: ByteSource, tags: Iterable[int], interpret: Callable[[Dataset], T]
) -> tuple[T, str, str]:
    """What `interpret` makes of the elements `tags` before the pixel data, the transfer syntax, and where the file
    ends early.

    Raises `Unusable` whatever pydicom raises, also while it interprets: its own messages may hold values.
    """
    progress = _Progress(source)
    try:
        with _quiet():
            dataset, syntax = _read(source, list(tags), progress)
            return interpret(dataset), syntax, progress.ends_early
    except Unusable:
        raise
    except RecursionError:
        raise Unusable("its sequences lie in one another too deep", "this is no ordinary image") from None
    except Exception:  # pydicom raises nearly anything on damaged files
        raise Unusable(f"damaged at or after {progress.last}", "fetch the file again") from None


def decoded(raw: bytes, charset: Value | None) -> str:
    """Text in any character set that pydicom knows, with its replacements for what cannot be; raises `Odd`."""
    try:
        with _quiet():
            names = list(charset) if isinstance(charset, tuple) else charset
            return decode_bytes(raw, convert_encodings(names), TEXT_VR_DELIMS)
    except Exception:  # a charset may name any codec of Python
        raise Odd from None


def _read(source: ByteSource, tags: list[int], progress: "_Progress") -> tuple[Dataset, str]:
    try:
        syntax, position = transfer_syntax(Window(source))
    except Odd:
        syntax, position = "", 0
    if syntax == DEFLATED:
        progress.stream = stream = BoundedStream(inflated(source, position))
        return read_dataset(stream, False, True, stop_when=progress.stop, specific_tags=tags), syntax
    dataset = read_partial(progress.stream, stop_when=progress.stop, specific_tags=tags)
    return dataset, str(dataset.file_meta.get("TransferSyntaxUID", "") or "")


class _Progress:
    """Watches pydicom from element to element: which was the last, and whether the file is long enough for it."""

    def __init__(self, source: ByteSource) -> None:
        self.stream = BoundedStream(source)
        self.last = "the file meta information"
        self.ends_early = ""

    def stop(self, tag: int, vr: str | None, length: int) -> bool:
        self.last = place(tag)
        if length != _UNDEFINED and self.stream.tell() + length > self.stream.size:
            self.ends_early = self.last
            return True
        return tag in PIXEL_DATA


class BoundedStream:
    """A file for pydicom that gives up after too many reads, or at a value too large for a header."""

    def __init__(self, source: ByteSource) -> None:
        self.size = source.size
        self._window = Window(source)
        self._position = self._reads = 0

    def read(self, length: int = -1) -> bytes:
        self._reads += 1
        if not 0 <= length <= MAX_SEQUENCE_BYTES:
            raise Unusable("a value in its header is too long", "this is no image that can be indexed")
        if self._reads > MAX_READS:
            raise Unusable("its header has too many elements", "this is no image that can be indexed")
        window, at = self._window, self._position - self._window.base
        if at < 0 or at + length > len(window.bytes):
            window.base, at = self._position, 0
            window.bytes = window.source.read(self._position, max(length, FIRST_READ))
        data = window.bytes[at : at + length]
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = max(0, offset + (self._position if whence == 1 else 0))
        return self._position

    def tell(self) -> int:
        return self._position


@contextmanager
def _quiet() -> Iterator[None]:
    """pydicom warns of odd values and quotes them; what it says must not reach a log."""
    logger = logging.getLogger("pydicom")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before
