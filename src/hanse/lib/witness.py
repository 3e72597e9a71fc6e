"""Witnesses: what a home keeps of those who cosign its log, and of the logs that it cosigns itself.

A *request* is what the owner of a log hands to a witness (https://c2sp.org/tlog-witness, `add-checkpoint`): the head,
and the proof that it continues the head that this witness cosigned before. The answer is always the newest head that
the witness has cosigned, with its line. Both are texts that prove themselves: whoever carries them counts for nothing.

    keys/witness.pem      the key that cosigns
    witness/pinned        the verifier keys of witnesses and logs, a line each
    witness/heads/        the newest cosigned head of each pinned key
    witness/doubts/       heads that nothing showed to continue the one before, each with that one: the evidence
"""

import hashlib
import os
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from hanse.core import clock
from hanse.core.errors import BadEnvelope, BadInput, Conflict, NotFound, Refused
from hanse.lib import audit, checkpoint, files, log, merkle
from hanse.lib.checkpoint import LOG, MOST_HASHES, WITNESS, Checkpoint, Key, Seen, VerifierKey, Witness

LOG_KEY = Path("keys", "log.pem")  # signs the home's own log
KEPT = "checkpoint"  # the last head of it that was signed
_KEY = Path("keys", "witness.pem")
_FOLDER = "witness"
MOST_PINNED = 500


@dataclass(frozen=True, slots=True)
class Request:
    """A head that is to be cosigned: `hashes` prove that it continues the head over `old` entries."""

    old: int
    hashes: tuple[bytes, ...]
    note: str

    @property
    def text(self) -> str:
        """As C2SP writes it."""
        lines = [f"old {self.old}", *(b64encode(one).decode() for one in self.hashes), ""]
        return "".join(f"{one}\n" for one in lines) + self.note

    @classmethod
    def read(cls, text: str) -> "Request":
        """The request in a text; `BadEnvelope` when it is none."""
        head, blank, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        old = checkpoint.size(first.removeprefix("old ")) if first.startswith("old ") else None
        hashes = [checkpoint.digest(one) for one in lines]
        if old is None or not blank or len(hashes) > MOST_HASHES or None in hashes:
            raise BadEnvelope(
                "This is no request to a witness.", hint="`hanse audit request WITNESS` writes one."
            )
        return cls(old, tuple(one for one in hashes if one), note)


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of one pinned key: the newest cosigned head and when it was cosigned, and a head in doubt. It is
    `forked` when the log signed another root over as many entries: that is proven for ever. Otherwise the doubt
    ends with a larger head that is shown to continue what was cosigned."""

    key: VerifierKey
    head: Checkpoint | None
    at: datetime | None
    doubt: Checkpoint | None
    forked: bool


def own_log(home: Path) -> Key:
    """The key with which the log of this home is signed."""
    return Key.load_or_create(home / LOG_KEY)


def own_key(home: Path, address: str) -> Key:
    """The key with which this home cosigns; its name says under which `address` a hub reaches the witness, if any."""
    key = Key.load_or_create(home / _KEY, WITNESS)
    return replace(key, name=f"hanse/{address}") if address else key


def address(key: VerifierKey) -> str:
    """Under which id a hub reaches the witness with this key."""
    return key.name.rpartition("/")[2]


def pin(home: Path, key: VerifierKey) -> None:
    """Has a witness cosign this home's log, or this home cosign a log: the key says which. `BadInput` for a key of
    this home itself, or one too many."""
    known = _pinned(home)
    if (home / LOG_KEY).exists() and key.public == own_log(home).verifier.public:
        raise BadInput("This is the key of this home's own log: nobody is their own witness.")
    if any(one.name == key.name and one != key for one in known):
        raise BadInput(f"Another key is pinned under the name {key.name}.", hint="Take that one out first.")
    if len(known) >= MOST_PINNED:
        raise BadInput(f"{MOST_PINNED} keys are pinned already.")
    _write_pinned(home, [*(one for one in known if one != key), key])


def unpin(home: Path, key: VerifierKey) -> None:
    """Takes a key out, and what was kept of it."""
    known = _pinned(home)
    if key not in known:
        raise NotFound("This key is not pinned here.")
    _write_pinned(home, [one for one in known if one != key])
    for path in (_head(home, key), *_doubts(home, key).iterdir()):
        path.unlink(missing_ok=True)


def witnesses(home: Path) -> list[VerifierKey]:
    """Who cosigns this home's log."""
    return [one for one in _pinned(home) if one.use == WITNESS]


def logs(home: Path) -> list[VerifierKey]:
    """Which logs this home cosigns."""
    return [one for one in _pinned(home) if one.use == LOG]


def held(home: Path, address: str) -> list[Held]:
    """What is known of every pinned key."""
    return [_held(home, address, one) for one in _pinned(home)]


def notes(home: Path) -> dict[str, str]:
    """The cosigned heads of this home's own log, by the files that hold them."""
    paths = (_head(home, one) for one in witnesses(home))
    return {str(path): path.read_text(encoding="utf-8") for path in paths if path.exists()}


def stamp(home: Path) -> tuple[object, ...]:
    """Another value whenever the head that this home signed last, or one that was cosigned, became another."""
    paths = [home / KEPT, home / _FOLDER / "pinned", *os.scandir(_folder(home, "heads"))]
    return tuple((str(one), os.stat(one).st_mtime_ns) for one in paths if os.path.exists(one))


def unseen(connection: sa.Connection, home: Path, before: datetime) -> list[tuple[VerifierKey, int]]:
    """The witnesses who have cosigned no head over all entries of this home's log that are older than `before`, each
    with the first that is missing. A line that is new shows nothing by itself: a hub can have an old head cosigned
    again and again."""
    found = []
    for one in witnesses(home):
        known = _seen(home, own_log(home).verifier, one)
        entry = next(log.entries(connection, after=known.checkpoint.size if known else 0), None)
        if entry is not None and clock.read(entry.at) < before:
            found.append((one, entry.number))
    return found


def request(connection: sa.Connection, home: Path, witness: VerifierKey, old: int | None = None) -> Request:
    """The head of this home's log as it is now, for one of its witnesses; `old` is the size that the witness says to
    have cosigned last, when that is not what is kept here. Raises `Conflict` when the log contradicts a head that it
    signed, or that this witness cosigned."""
    key = own_log(home)
    known = _seen(home, key.verifier, witness)  # first, as the log may be longer afterwards
    note = audit.sign_head(connection, key, home / KEPT)
    new = checkpoint.read(note)
    if known:
        audit.hold(new.size, partial(merkle.root, connection), [known.checkpoint])
    if old is None:
        old = known.checkpoint.size if known else 0
    return Request(old, tuple(merkle.consistency(connection, old, new.size)), note)


def cosign(home: Path, address: str, text: str, at: datetime) -> str:
    """Cosigns the head in a request; the newest head that this home has cosigned of that log, with its line.

    That is another one, or nothing, when the request is older, or proves its head from another size. Raises
    `Refused` for a log that is not pinned, `BadEnvelope` for what it did not sign, and `Conflict`, after the head was
    put beside the one that it contradicts.
    """
    asked = Request.read(text)
    claimed = checkpoint.read(asked.note)
    pinned = next((one for one in logs(home) if one.name == claimed.origin), None)
    if pinned is None:
        raise Refused("No key of this log is pinned here.", hint="Get it from its owner: `hanse audit pin`.")
    key = own_key(home, address)
    with files.locked(_folder(home) / "lock", "cosigning"):
        new = checkpoint.verify(asked.note, pinned).checkpoint
        last = _seen(home, pinned, key.verifier, of=pinned)
        size = last.checkpoint.size if last else 0
        if new.size < size or asked.old != size != new.size:
            return _head(home, pinned).read_text(encoding="utf-8") if last else ""
        return _cosigned(home, Witness(key, pinned, last.checkpoint if last else None), asked, at)


def _cosigned(home: Path, witness: Witness, asked: Request, at: datetime) -> str:
    """Keeps the head before the line leaves."""
    same = witness.last is not None and checkpoint.read(asked.note).size == witness.last.size
    try:
        witness, line = witness.see(asked.note, () if same else asked.hashes, at)
    except Conflict:
        _keep_doubt(home, witness, asked.note)
        raise
    note = checkpoint.only(asked.note, witness.log) + line
    files.write(_head(home, witness.log), note.encode())
    return note


def _keep_doubt(home: Path, witness: Witness, note: str) -> None:
    said, before = checkpoint.read(note), _head(home, witness.log)
    path = _doubts(home, witness.log) / f"{said.size}-{said.root.hex()}"
    if before.exists():
        files.write(path.with_suffix(".before"), before.read_bytes())
    files.write(path.with_suffix(".doubt"), note.encode())


def take(connection: sa.Connection, home: Path, note: str) -> list[VerifierKey]:
    """Keeps a head of this home's log that pinned witnesses cosigned; which of them did.

    Raises `Refused` when none did, and `Conflict` when the log is not the one that the head stands for: it was rolled
    back or rewritten, or somebody else signs with its key. The head is kept also then: it is the evidence.
    """
    pinned = witnesses(home)
    seen = checkpoint.verify(note, own_log(home).verifier, pinned)
    found = [one for one in pinned if one.name in seen.witnesses]
    if not found:
        raise Refused("No witness that is pinned here has cosigned this head.")
    for one in found:
        known = _seen(home, own_log(home).verifier, one)
        if known is None or _age(known, one) <= _age(seen, one):
            files.write(_head(home, one), note.encode())
    audit.hold(log.head(connection)[0], partial(merkle.root, connection), [seen.checkpoint])
    return found


def _held(home: Path, address: str, key: VerifierKey) -> Held:
    if key.use == WITNESS:
        seen, by = _seen(home, own_log(home).verifier, key), key
    else:
        by = own_key(home, address).verifier
        seen = _seen(home, key, by, of=key)
    head, at = (seen.checkpoint, seen.witnesses[by.name]) if seen else (None, None)
    doubt, forked = _doubt(home, key, head)
    return Held(key, head, at, doubt, forked)


def _doubt(home: Path, key: VerifierKey, head: Checkpoint | None) -> tuple[Checkpoint | None, bool]:
    """The head in doubt, a fork first, and whether it is one."""
    doubts = []
    for path in sorted(_doubts(home, key).glob("*.doubt")):
        said, before = _read(path), path.with_suffix(".before")
        others = [one for one in (head, _read(before) if before.exists() else None) if one]
        if any(one.size == said.size and one.root != said.root for one in others):
            return said, True
        if head is None or said.size > head.size:
            doubts.append(said)
    return (doubts[-1] if doubts else None), False


def _read(path: Path) -> Checkpoint:
    return checkpoint.read(path.read_text(encoding="utf-8"))


def _seen(home: Path, log: VerifierKey, witness: VerifierKey, of: VerifierKey | None = None) -> Seen | None:
    """The newest head of a log that a witness cosigned, as it is kept here under the key of the other side."""
    path = _head(home, of or witness)
    if not path.exists():
        return None
    seen = checkpoint.verify(path.read_text(encoding="utf-8"), log, [witness])
    if witness.name not in seen.witnesses:
        raise BadEnvelope(f"{path} does not hold a head that {witness.name} cosigned.")
    return seen


def _age(seen: Seen, witness: VerifierKey) -> tuple[int, datetime]:
    return seen.checkpoint.size, seen.witnesses[witness.name]


def _folder(home: Path, name: str = "") -> Path:
    path = home / _FOLDER / name if name else home / _FOLDER
    files.make_folder(path)
    return path


def _head(home: Path, key: VerifierKey) -> Path:
    return _folder(home, "heads") / _file_name(key)


def _doubts(home: Path, key: VerifierKey) -> Path:
    return _folder(home, f"doubts/{_file_name(key)}")


def _file_name(key: VerifierKey) -> str:
    """Names of keys are anybody's words; their hashes are no paths."""
    return hashlib.sha256(str(key).encode()).hexdigest()[:32]


def _pinned(home: Path) -> Sequence[VerifierKey]:
    path = home / _FOLDER / "pinned"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [VerifierKey.read(one) for one in lines]


def _write_pinned(home: Path, keys: Iterable[VerifierKey]) -> None:
    files.write(_folder(home) / "pinned", "".join(f"{one}\n" for one in keys).encode())
