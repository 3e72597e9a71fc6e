"""Files of a folder as bytes: plain files, and members of zip archives read in place.

Nothing outside the folder is opened: symbolic links are not followed, and archives are never unpacked to disk.
"""

import io
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, Self

MEMBER = "!/"  # between the path of an archive, which ends in `.zip`, and the name of its member
MAX_DIRECTORY_BYTES = 64 << 20  # of an archive; about half a million members
MAX_SPOOL_BYTES = 64 << 20

# What `zipfile` raises on damaged archives, and on members that are gone.
DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    OSError,
)
_IN_ARCHIVE = re.compile(r"(.*?\.zip)!/(.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read: `path` relative to the folder with `/` between its parts, `a.zip!/b/c.dcm` for a member.

    `size` is in bytes, inflated; `mtime_ns` is the time of the file, for a member that of its archive.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that cannot be used: why, and what to do. Neither text holds anything that the file says of a person."""

    path: str
    reason: str
    hint: str = ""


class Unusable(Exception):
    """Why one file cannot be read; `Sources.open` and readers raise it, callers turn it into a `Rejected`."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint

    def of(self, path: str) -> Rejected:
        return Rejected(path, self.reason, self.hint)


class ByteSource(Protocol):
    """Bytes at a place; fewer than asked for only at the end. `size` is their number, infinite while not known."""

    size: float

    def read(self, offset: int, length: int) -> bytes: ...


class Sources:
    """Opens the files of one folder for reading.

    The archive opened last is kept open, since its members come one after another and its directory may be long.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._archive: tuple[str, Archive] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._archive:
            self._archive[1].close()
            self._archive = None

    @contextmanager
    def open(self, path: str) -> Iterator[ByteSource]:
        """The bytes of a `SourceFile.path` at any place; raises `Unusable`."""
        archive, member = _parts(path)
        if not member:
            descriptor = _descriptor(self._folder, path)
            try:
                yield FileBytes(descriptor)
            finally:
                os.close(descriptor)
            return
        with self._stream(archive, member) as stream:
            yield Spool(_reader(stream), self._archive[1].getinfo(member).file_size)

    def blocks(self, path: str, size: int = 1 << 20) -> Iterator[bytes]:
        """All bytes of a `SourceFile.path` from first to last; raises `Unusable`, also when an archive is damaged."""
        archive, member = _parts(path)
        if member:
            with self._stream(archive, member) as stream:
                yield from iter(lambda: _reader(stream)(size), b"")
            return
        descriptor = _descriptor(self._folder, path)
        try:
            yield from iter(lambda: os.read(descriptor, size), b"")
        except OSError as error:
            raise Unusable(f"cannot be read ({error.strerror})", "check the disk") from None
        finally:
            os.close(descriptor)

    def _stream(self, archive: str, member: str) -> IO[bytes]:
        if not self._archive or self._archive[0] != archive:
            self.__exit__()
            self._archive = (archive, Archive(self._folder, archive))
        try:
            return self._archive[1].open(member)
        except DAMAGED_ZIP:
            raise _damaged() from None


def _parts(path: str) -> tuple[str, str]:
    """The archive and the member that a path names; the member is empty for a plain file."""
    found = _IN_ARCHIVE.match(path)
    return (found[1], found[2]) if found else (path, "")


class FileBytes:
    """The bytes of an open file."""

    __slots__ = ("_descriptor", "size")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size: float = os.fstat(descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise Unusable(f"cannot be read ({error.strerror})", "check the disk") from None


class Memory:
    """Bytes that are in memory already."""

    __slots__ = ("_bytes", "size")

    def __init__(self, data: bytes) -> None:
        self._bytes, self.size = data, float(len(data))

    def read(self, offset: int, length: int) -> bytes:
        return self._bytes[offset : offset + length]


class Spool:
    """Random access to a stream that can only be read onwards: what was read is kept, up to `MAX_SPOOL_BYTES`.

    `more(n)` gives up to about n further bytes and none at the end; `size` is infinite while it is not known.
    """

    def __init__(self, more: Callable[[int], bytes], size: float = math.inf) -> None:
        self._more, self.size = more, size
        self._kept = bytearray()

    def read(self, offset: int, length: int) -> bytes:
        end = int(min(offset + length, self.size))
        if end > MAX_SPOOL_BYTES and offset < end:
            raise Unusable(
                f"the header is longer than {MAX_SPOOL_BYTES >> 20} MiB", "unpack or convert the file"
            )
        while len(self._kept) < end:
            more = self._more(max(end - len(self._kept), 1 << 14))
            if not more:
                self.size = len(self._kept)
                break
            self._kept += more
        return bytes(self._kept[offset:end])


def _reader(stream: IO[bytes]) -> Callable[[int], bytes]:
    """`zipfile` stops a member at its declared size and checks its CRC there, so that no member can give more."""

    def read(length: int) -> bytes:
        try:
            return stream.read(length)
        except DAMAGED_ZIP:
            raise _damaged() from None

    return read


def _damaged() -> Unusable:
    return Unusable("this member of the archive is damaged", "pack or fetch the archive again")


class Archive(zipfile.ZipFile):
    """A zip archive of the folder, opened for reading; raises `Unusable`."""

    def __init__(self, folder: Path, path: str) -> None:
        self._file = _ArchiveFile(_descriptor(folder, path))
        try:
            super().__init__(self._file)
        except Unusable:
            self._file.close()
            raise
        except DAMAGED_ZIP:
            self._file.close()
            raise Unusable("not a zip archive, or a damaged one", "pack or fetch it again") from None

    def close(self) -> None:
        super().close()
        self._file.close()


class _ArchiveFile(io.FileIO):
    """`zipfile` reads an archive's directory in one go, whatever length it claims."""

    def read(self, size: int = -1, /) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            limit = f"{MAX_DIRECTORY_BYTES >> 20} MiB"
            raise Unusable(f"the archive's directory is longer than {limit}", "unpack it yourself")
        return super().read(size)


def _descriptor(folder: Path, path: str) -> int:
    """An open file: not through a link, and without waiting for what a pipe in its place might say."""
    try:
        return os.open(os.path.join(folder, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unusable(
            f"cannot be opened ({error.strerror})", "check that it is there and may be read"
        ) from None
