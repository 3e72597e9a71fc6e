"""What a log says of itself, signed, in the text formats of C2SP: checkpoints and the cosignatures of witnesses.

A *checkpoint* is the head of a log (origin, size, root) as a signed note: https://c2sp.org/tlog-checkpoint,
https://c2sp.org/signed-note. A *witness* adds its own line (https://c2sp.org/tlog-cosignature) once it has seen that
the head continues the one before. A *proof* shows one entry under a checkpoint (https://c2sp.org/tlog-proof). Keys are
Ed25519 and pinned: a line of a key that nobody named proves nothing and is passed over.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from hanse.core import ids
from hanse.core.errors import BadEnvelope, BadInput, Conflict
from hanse.lib import files, merkle

LOG, WITNESS = 0x01, 0x04  # what a key signs: notes, or cosignatures with a time
MOST_CHARACTERS = 64 * 1024  # of a note
MOST_SIGNATURES = 64
MOST_HASHES = 63  # of a proof
MOST_ENTRIES = 2**63 - 1
_PROOF = "c2sp.org/tlog-proof@v1"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")
_SIGNATURE_BYTES = {LOG: 64, WITNESS: 72}


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key, under a name and for one use; its text is the C2SP verifier key."""

    name: str
    public: bytes
    use: int = LOG

    @classmethod
    def read(cls, text: str) -> "VerifierKey":
        """The key of `NAME+ID+KEY`; `BadInput` when it is no Ed25519 key of a log or a witness."""
        name, _, rest = text.strip().partition("+")
        id, _, key = rest.partition("+")
        raw = _base64(key)
        if not _NAME.fullmatch(name) or raw is None or len(raw) != 33 or raw[0] not in _SIGNATURE_BYTES:
            raise BadInput("This is no verifier key: NAME+ID+KEY, as `hanse audit key` prints it.")
        found = cls(name, raw[1:], raw[0])
        if found.id.hex() != id:
            raise BadInput(
                f"The id of the verifier key {name} is not that of the key.", hint="Copy it again."
            )
        return found

    @property
    def id(self) -> bytes:
        """Which key a signature line claims: four bytes, not a proof."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.use]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_text(bytes([self.use]) + self.public)}"


@dataclass(frozen=True, slots=True)
class Key:
    """A private Ed25519 key under a name, for one use."""

    private: Ed25519PrivateKey
    name: str
    use: int = LOG

    @classmethod
    def load_or_create(cls, path: Path, use: int = LOG) -> "Key":
        """The key in a PEM file, made there on the first call and readable by its owner only. Its name follows from
        the key: two logs never have one."""
        if not path.exists():
            files.make_folder(path.parent)
            files.write(path, _pem(Ed25519PrivateKey.generate()), mode=0o600)
        try:
            private = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise BadInput(f"There is no private Ed25519 key in {path}.", hint="Restore it from a backup.")
        kind = "log" if use == LOG else "witness"
        return cls(private, f"hanse/{ids.derived(kind, private.public_key().public_bytes_raw().hex())}", use)

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.private.public_key().public_bytes_raw(), self.use)

    def line(self, text: str, at: datetime | None = None) -> str:
        """The signature line for the text of a note; a witness says `at` which time it saw it."""
        if self.use == LOG:
            signed = self.private.sign(text.encode())
        else:
            assert at is not None
            time = int(at.timestamp())
            signed = time.to_bytes(8, "big") + self.private.sign(_cosigned(time, text))
        return f"— {self.name} {_text(self.verifier.id + signed)}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the log `origin`: how many entries, and the root hash over them. `more` are lines that only the log
    itself understands."""

    origin: str
    size: int
    root: bytes
    more: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is signed."""
        return "".join(f"{one}\n" for one in (self.origin, self.size, _text(self.root), *self.more))

    def signed(self, key: Key) -> str:
        """The note with the signature of the log."""
        return f"{self.text}\n{key.line(self.text)}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that was read from a note, and who signed: the log, and when each witness."""

    checkpoint: Checkpoint
    witnesses: dict[str, datetime]


def read(note: str) -> Checkpoint:
    """The checkpoint in a note; nothing about it is proven. `BadEnvelope` when it is not exactly one."""
    return _parts(note)[0]


def verify(note: str, log: VerifierKey, witnesses: Iterable[VerifierKey] = (), origin: str = "") -> Seen:
    """The checkpoint in a note that `log` signed, and which of these witnesses cosigned it when. The origin of a log
    is the name of its key, unless another is said.

    Raises `BadEnvelope` when the log did not sign it, or when a line of a known key does not verify.
    """
    checkpoint, lines = _parts(note)
    known = {(one.name, one.id): one for one in (log, *witnesses)}
    signed, times = False, {}
    for name, raw in lines:
        key = known.get((name, raw[:4]))
        if key is None:
            continue
        time = _verified(checkpoint.text, key, raw[4:])
        if key == log:
            signed = checkpoint.origin == (origin or log.name)
        else:
            times[name] = time
    if not signed:
        raise BadEnvelope(
            f"The checkpoint of {checkpoint.origin} is not signed by {log.name}.",
            hint="Compare the verifier key with the owner of the log.",
        )
    return Seen(checkpoint, times)


@dataclass(frozen=True, slots=True)
class Witness:
    """Cosigns the heads of one log, and never two that contradict each other. `last` is what it cosigned before; who
    keeps a witness stores the checkpoint that `see` returns before the line leaves."""

    key: Key
    log: VerifierKey
    last: Checkpoint | None = None

    def see(self, note: str, proof: Sequence[bytes], at: datetime) -> tuple["Witness", str]:
        """The witness after it saw this head, and its cosignature line.

        `proof` shows that the head continues `last` (`merkle.consistency`). Raises `BadEnvelope` for a note that the
        log did not sign, `Conflict` for one that rolls the log back, forks or rewrites it.
        """
        new = verify(note, self.log).checkpoint
        old = self.last or Checkpoint(new.origin, 0, merkle.EMPTY)
        continued(old, new, proof)
        return Witness(self.key, self.log, new), self.key.line(new.text, at)


def continued(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Raises `Conflict` unless `proof` shows that the log at `new` begins with all that it held at `old`."""
    if old.origin != new.origin:
        raise Conflict(f"These are heads of two logs: {old.origin} and {new.origin}.")
    if new.size < old.size:
        raise Conflict(
            f"The log was rolled back: it had {old.size} entries and now shows {new.size}.",
            hint="Keep both checkpoints: together they are the evidence.",
        )
    if old.size == new.size and old.root != new.root:
        raise Conflict(
            f"The log shows two histories: it signed two roots over {new.size} entries.",
            hint="Keep both checkpoints: together they are the evidence.",
        )
    if not merkle.continues(old.root, old.size, new.root, new.size, proof):
        raise Conflict(
            f"Nothing shows that the log of {new.size} entries continues that of {old.size}.",
            hint="Ask for the consistency proof again. If there is none, the log was rewritten.",
        )


@dataclass(frozen=True, slots=True)
class Proof:
    """That entry `number` (from 1) is under a checkpoint. `note` is the checkpoint as it was signed; `extra` is the
    entry itself, which the proof alone does not hold."""

    number: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes = b""

    @property
    def text(self) -> str:
        """The proof as a file, https://c2sp.org/tlog-proof."""
        extra = [f"extra {_text(self.extra)}"] if self.extra else []
        lines = [_PROOF, *extra, f"index {self.number - 1}", *map(_text, self.hashes), ""]
        return "".join(f"{one}\n" for one in lines) + self.note

    @classmethod
    def read(cls, text: str) -> "Proof":
        """The proof in a file; `BadEnvelope` when it is none."""
        head, blank, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = _base64(lines.pop(0).removeprefix("extra ")) or b""
        index, hashes = (lines[0] if lines else ""), [digest(one) for one in lines[1:]]
        digits = index.removeprefix("index ")
        fits = first == _PROOF and blank and index.startswith("index ") and _NUMBER.fullmatch(digits)
        if not fits or len(hashes) > MOST_HASHES or None in hashes:
            raise BadEnvelope(
                "This is not a proof of an entry.", hint="`hanse audit proof NUMBER` writes one."
            )
        return cls(int(digits) + 1, tuple(one for one in hashes if one), note, extra)

    def shows(self, entry: bytes, checkpoint: Checkpoint) -> bool:
        """Whether this entry is in the log that this checkpoint stands for, in its place."""
        leaf = merkle.leaf_hash(entry)
        return merkle.includes(checkpoint.root, checkpoint.size, self.number - 1, leaf, self.hashes)


def only(note: str, key: VerifierKey) -> str:
    """The note with the lines of this key and no others; nothing about it is proven."""
    checkpoint, lines = _parts(note)
    mine = [raw for name, raw in lines if (name, raw[:4]) == (key.name, key.id)]
    return f"{checkpoint.text}\n" + "".join(f"— {key.name} {_text(raw)}\n" for raw in mine)


def size(text: str) -> int | None:
    """How many entries a text says, written in the one way that C2SP has; None for anything else."""
    return int(text) if _NUMBER.fullmatch(text) and int(text) <= MOST_ENTRIES else None


def digest(text: str) -> bytes | None:
    """A SHA-256 in base64; None for anything else."""
    raw = _base64(text)
    return raw if raw is not None and len(raw) == merkle.HASH_BYTES else None


def is_proof(text: str) -> bool:
    """Whether a file says that it is a proof."""
    return text.startswith(_PROOF + "\n")


def _parts(note: str) -> tuple[Checkpoint, list[tuple[str, bytes]]]:
    """The checkpoint and the signature lines (name, id and signature) of a note."""
    text, blank, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    if len(note) > MOST_CHARACTERS or not blank or len(lines) < 3 or not all(lines):
        raise _not_one()
    if any(ord(one) < 32 and one != "\n" for one in note) or not signatures.endswith("\n"):
        raise _not_one()
    origin, said, hash, *more = lines
    entries, root = size(said), digest(hash)
    if entries is None or root is None:
        raise _not_one()
    rows = signatures[:-1].split("\n")
    if len(rows) > MOST_SIGNATURES:
        raise _not_one()
    return Checkpoint(origin, entries, root, tuple(more)), [_line(one) for one in rows]


def _line(row: str) -> tuple[str, bytes]:
    dash, _, rest = row.partition(" ")
    name, _, said = rest.partition(" ")
    raw = _base64(said)
    if dash != "—" or not _NAME.fullmatch(name) or raw is None or len(raw) < 5:
        raise _not_one()
    return name, raw


def _verified(text: str, key: VerifierKey, raw: bytes) -> datetime:
    """When a line of this key was made, as far as it says; `BadEnvelope` when the key did not make it."""
    time = int.from_bytes(raw[:8], "big") if key.use == WITNESS else 0
    message = text.encode() if key.use == LOG else _cosigned(time, text)
    try:
        if len(raw) != _SIGNATURE_BYTES[key.use]:
            raise InvalidSignature
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw[-64:], message)
        return datetime.fromtimestamp(time, UTC)
    except (InvalidSignature, ValueError, OverflowError, OSError):
        raise BadEnvelope(f"The signature of {key.name} on the checkpoint does not verify.") from None


def _cosigned(time: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()


def _base64(text: str) -> bytes | None:
    """The bytes of standard base64 that is written in its one canonical way; None for anything else."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if _text(raw) == text else None


def _not_one() -> BadEnvelope:
    return BadEnvelope(
        "This is not a signed checkpoint: origin, size, root, an empty line, and signatures.",
        hint="`hanse audit head` writes one.",
    )


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
