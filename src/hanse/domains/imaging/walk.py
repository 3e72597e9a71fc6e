"""The files of a folder and of the zip archives in it, one after another.

Whatever is in a folder may be hostile or broken. What cannot be used is a `Rejected` with its reason, never an
exception, and what comes after it is still walked.
"""

import os
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hanse.domains.imaging.sources import MEMBER, Archive, Rejected, SourceFile, Unusable

MAX_MEMBER_BYTES = 8 << 30
MAX_RATIO = 200  # of inflated to packed bytes; real images stay far below, empty masks may come near 1000
RATIO_FREE_BYTES = 64 << 20  # what a member, or a whole archive, may inflate to whatever its ratio


def files(folder: Path) -> Iterator[SourceFile | Rejected]:
    """Every file below `folder`, archives opened one level deep; the same folder gives the same order."""
    for path, entry in _entries(folder):
        if isinstance(entry, Rejected):
            yield entry
        elif path.lower().endswith(".zip"):
            yield from _members(folder, SourceFile(path, entry.st_size, entry.st_mtime_ns))
        else:
            yield SourceFile(path, entry.st_size, entry.st_mtime_ns)


def _entries(folder: Path) -> Iterator[tuple[str, os.stat_result | Rejected]]:
    todo = [""]
    while todo:
        below = todo.pop()
        try:
            with os.scandir(folder / below) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            reason = f"the folder cannot be read ({error.strerror})"
            yield below, Rejected(below, reason, "give this user access to it")
            continue
        folders = []
        for entry in entries:
            path = below + entry.name
            facts = _facts(folder, entry, path)
            if isinstance(facts, Rejected):
                yield path, facts
            elif facts is not None and stat.S_ISDIR(facts.st_mode):
                folders.append(path + "/")
            elif facts is not None:
                yield path, facts
        todo.extend(reversed(folders))


def _facts(folder: Path, entry: os.DirEntry[str], path: str) -> os.stat_result | Rejected | None:
    """What an entry is; None for a link to something that the walk meets anyway."""
    if not _is_text(path):
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return Rejected(shown, "its name is not UTF-8", "rename it")
    if entry.name.lower().endswith(".zip!"):
        return Rejected(path, "its name is how members of an archive are written", "rename it")
    try:
        facts = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(facts.st_mode):
            if Path(entry.path).resolve(strict=True).is_relative_to(folder.resolve()):
                return None
            return Rejected(path, "a link that leaves the folder", "put a copy in its place")
    except (OSError, RuntimeError):
        return Rejected(path, "a link that leads nowhere, or a file that is gone", "remove it")
    if not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
        return Rejected(path, "neither a file nor a folder", "remove it")
    return facts


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _members(folder: Path, archive: SourceFile) -> Iterator[SourceFile | Rejected]:
    """The members of an archive in the order of its directory, those that cannot be trusted rejected."""
    try:
        with Archive(folder, archive.path) as opened:
            infos = [info for info in opened.infolist() if not info.filename.endswith("/")]
    except Unusable as error:
        yield error.of(archive.path)
        return
    named = Counter(info.filename for info in infos)
    inflated = 0
    for info in infos:
        refusal = _refusal(info)
        if named[info.filename] > 1:
            refusal = Unusable("several members of the archive have this name", "pack it again")
        elif not refusal and inflated + info.file_size > max(RATIO_FREE_BYTES, MAX_RATIO * archive.size):
            refusal = Unusable(
                f"the archive inflates to more than {MAX_RATIO} times its size", "unpack it yourself"
            )
        if refusal:
            yield refusal.of(archive.path + MEMBER + info.filename)
        else:
            inflated += info.file_size
            yield SourceFile(archive.path + MEMBER + info.filename, info.file_size, archive.mtime_ns)


def _refusal(info: zipfile.ZipInfo) -> Unusable | None:
    """Why a member is not read, by what the archive's directory declares; None when it may be."""
    if not info.filename:
        return Unusable("a member of the archive has no name", "pack or fetch the archive again")
    parts = info.filename.split("/")
    if not parts[0] or ".." in parts or ":" in parts[0] or "\\" in info.filename:
        return Unusable(
            "its path leads out of the archive", "pack the archive again with plain relative names"
        )
    if info.flag_bits & 0x1:
        return Unusable("encrypted", "unpack the archive with its password")
    if stat.S_ISLNK(info.external_attr >> 16):
        return Unusable("a link inside an archive", "pack the file itself")
    if info.filename.lower().endswith(".zip"):
        return Unusable("an archive inside an archive", "unpack the outer one")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Unusable(
            "packed with a method other than deflate", "pack the archive again as an ordinary zip"
        )
    if info.file_size > min(MAX_MEMBER_BYTES, max(RATIO_FREE_BYTES, MAX_RATIO * info.compress_size)):
        return Unusable(f"inflates to more than {MAX_RATIO} times its packed size", "unpack it yourself")
    return None
