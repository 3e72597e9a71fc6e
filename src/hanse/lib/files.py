"""Files that are complete or absent: atomic writes, and objects named by the SHA-256 of their content.

A write counts when the file, its name and its folder are synced; a rename within one file system is atomic
(POSIX rename).
"""

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from hanse.core.errors import Conflict, NoSpace

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SYNCS_AT_ONCE = 8  # the journal of a file system commits many waiting syncs in one go


@contextmanager
def no_space(where: Path) -> Iterator[None]:
    """Turns the system's ways of saying that a disk is full, or a quota reached, into `NoSpace`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise NoSpace(
            f"{where} cannot be written: the disk is full or a quota is reached",
            hint="free some space and run the same command again; what was complete before is still there",
        ) from error


def sync_folder(folder: Path) -> None:
    """The names in this folder are on disk when this returns."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int = os.O_RDONLY) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """The folder and those above it, each synced into its parent when it is new, and its owner's only."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with no_space(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """`path` holds exactly `data` when this returns; if it fails at any moment, what was there before."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_new(draft, data, mode)
        _sync(draft)
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes, mode: int = 0o644) -> None:
    with no_space(path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(handle, "wb") as out:
            out.write(data)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


@contextmanager
def locked(path: Path, doing: str) -> Iterator[bool]:
    """One process at a time inside; the lock ends with its process, however that ends.

    Gives True when whoever was inside last did not get to the end. Raises `Conflict` at once when another process is
    inside.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"another process is {doing}", hint="wait until it is done and try again"
            ) from error
        interrupted = os.fstat(handle).st_size > 0
        with no_space(path):
            os.pwrite(handle, b"busy", 0)
        yield interrupted
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


class Objects:
    """A folder of files that are named by their content: `ab/abcd…` holds the bytes whose SHA-256 is abcd….

    What is put waits in `incoming` and gets its name in `sync`, after its bytes are on disk: a name that can
    be seen stands for a complete object. Many objects share one `sync`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        self._waiting: dict[str, Path] = {}

    def path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256

    def now(self, sha256: str) -> Path:
        """Where the bytes are at this moment, for the process that put them."""
        return self._waiting.get(sha256) or self.path(sha256)

    def has(self, sha256: str) -> bool:
        return sha256 in self._waiting or self.path(sha256).exists()

    def draft(self) -> Path:
        """A fresh path for a file that somebody else writes, to be handed to `put_file`."""
        make_folder(self.incoming)
        return self.incoming / secrets.token_hex(8)

    def put(self, data: bytes) -> str:
        """Takes these bytes as an object; the digest under which `sync` will name it."""
        draft = self.draft()
        _write_new(draft, data)
        return self.put_file(draft, hashlib.sha256(data).hexdigest())

    def put_file(self, draft: Path, sha256: str | None = None) -> str:
        """Takes a complete draft as an object; the digest under which `sync` will name it."""
        sha256 = sha256 or digest(draft)
        if self.has(sha256):
            draft.unlink()
        else:
            self._waiting[sha256] = draft
        return sha256

    def sync(self) -> int:
        """Everything put so far is on disk under its name; how many objects that were new."""
        waiting, self._waiting = self._waiting, {}
        with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool, no_space(self.root):
            list(pool.map(_sync, waiting.values()))
            folders = {self.path(sha256).parent for sha256 in waiting}
            for folder in folders:
                make_folder(folder)
            for sha256, draft in waiting.items():
                draft.replace(self.path(sha256))
            list(pool.map(sync_folder, folders))
        return len(waiting)

    def sweep(self) -> None:
        """Removes drafts that an ended process left; nobody else may be putting."""
        self._waiting = {}
        for draft in self.incoming.glob("*"):
            draft.unlink()

    def delete(self, digests: Iterable[str]) -> int:
        """Removes these objects; how many were there."""
        gone = [path for path in map(self.path, digests) if path.exists()]
        for path in gone:
            path.unlink()
        for folder in {path.parent for path in gone}:
            sync_folder(folder)
        return len(gone)

    def all(self) -> Iterator[str]:
        """The digests of all objects, in order."""
        for folder in sorted(self.root.glob("??")):
            yield from sorted(path.name for path in folder.iterdir())
