"""What an auditor does with a log at hand: hold it against heads that were kept elsewhere, take an extract of it and
check one, prove an entry, and tell whether two heads are of one history.

An *extract* is a text file: a signed checkpoint, an empty line, and a line an entry with its leaf hash in hexadecimal,
a tab, the leaf exactly as it was hashed, and, where a person is named and disclosed, a tab and what opens the
commitment. Checking it needs SHA-256 and nothing of Hanse.
"""

import json
from binascii import hexlify
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa

from hanse.core.dataset import canonical
from hanse.core.errors import BadInput, Conflict, Damaged
from hanse.lib import checkpoint, files, log, merkle
from hanse.lib.checkpoint import Checkpoint, Key, Proof
from hanse.lib.log import Checking, Leaf, Person

MOST_LINE = 16 << 20  # bytes of an entry in an extract
_EVIDENCE = "Keep the log and the checkpoint as they are: together they are the evidence."


class Relation(StrEnum):
    """How two heads of one log stand to each other."""

    SAME = "same"
    CONTINUES = "continues"  # the larger one has all that the smaller one had
    CONTRADICTS = "contradicts"


def head(connection: sa.Connection, origin: str) -> Checkpoint:
    """The head of the log as it is now."""
    size, root = log.head(connection)
    return Checkpoint(origin, size, bytes.fromhex(root))


def sign_head(connection: sa.Connection, key: Key, kept: Path) -> str:
    """The log's head as a signed checkpoint, which is written to `kept` too.

    A log never signs two heads that contradict each other: raises `Conflict` when it does not continue what is kept
    there, because an older copy of the database was restored or entries were rewritten.
    """
    # Read first: another process may sign a longer log in between.
    old = checkpoint.verify(_text(kept), key.verifier).checkpoint if kept.exists() else None
    new = head(connection, key.name)
    if old is not None:
        proof = merkle.consistency(connection, old.size, new.size) if old.size <= new.size else []
        checkpoint.continued(old, new, proof)
    note = new.signed(key)
    files.write(kept, note.encode())
    return note


def prove(connection: sa.Connection, number: int, note: str) -> Proof:
    """The proof that entry `number` is under the checkpoint in `note`, with the entry in it. Raises `NotFound`."""
    size = checkpoint.read(note).size
    hashes = merkle.inclusion(connection, number - 1, size)
    leaf = next(log.leaves(connection, number - 1))
    return Proof(number, tuple(hashes), note, leaf.data)


def hold(size: int, root_at: Callable[[int], bytes], heads: Collection[Checkpoint]) -> None:
    """Holds a log of `size` entries, which was verified, against heads that were kept elsewhere; `root_at` gives its
    root at a size. Raises `Conflict` when it is not the log that these heads stand for."""
    fits = 0
    for one in sorted(heads, key=lambda head: head.size):
        if one.size > size:
            raise Conflict(
                f"The log ends after entry {size}, and a checkpoint stands for {one.size}:"
                f" entry {size + 1} is the first that is missing.",
                hint=_EVIDENCE,
            )
        if root_at(one.size) != one.root:
            raise Conflict(
                f"The log was rewritten: of its entries {fits + 1} to {one.size}, one is not what the checkpoint over"
                f" {one.size} entries stands for.",
                hint=_EVIDENCE,
            )
        fits = one.size


def compare(
    one: Checkpoint, other: Checkpoint, size: int = 0, root_at: Callable[[int], bytes] | None = None
) -> Relation:
    """How two heads of one log stand to each other. Heads of two sizes can only be told with the log at hand, of
    `size` entries; raises `BadInput` where it cannot be told."""
    if one.origin != other.origin:
        raise BadInput(f"These are heads of two logs: {one.origin} and {other.origin}.")
    if one.size == other.size:
        return Relation.SAME if one.root == other.root else Relation.CONTRADICTS
    older, newer = sorted((one, other), key=lambda head: head.size)
    if root_at is None or size < newer.size:
        raise BadInput(
            f"Whether a head of {newer.size} entries continues one of {older.size} shows only in the log itself.",
            hint="Name the --home of the log, or ask its holder for an extract.",
        )
    fits = [root_at(head.size) == head.root for head in (older, newer)]
    if not any(fits):
        raise BadInput("Neither is a head of this log.", hint="Name the --home of the log that signed them.")
    return Relation.CONTINUES if all(fits) else Relation.CONTRADICTS


def extract(connection: sa.Connection, note: str, persons: bool = False) -> Iterator[bytes]:
    """The lines of an extract of the log up to the checkpoint in `note`; with `persons`, who they are."""
    size = checkpoint.read(note).size
    yield note.encode() + b"\n"
    for leaf in log.leaves(connection):
        if leaf.number > size:
            return
        columns = [hexlify(merkle.leaf_hash(leaf.data)), leaf.data]
        if persons and leaf.person is not None:
            opened = {"salt": leaf.person.salt.hex(), "who": json.loads(leaf.person.value)}
            columns.append(canonical(opened))
        yield b"\t".join(columns) + b"\n"


@dataclass(frozen=True, slots=True)
class Checked:
    """An extract whose entries fit one another and its checkpoint, and the roots at the sizes asked for."""

    note: str
    checkpoint: Checkpoint
    roots: Mapping[int, bytes]


def check_extract(source: BinaryIO, sizes: Collection[int] = ()) -> Checked:
    """Reads an extract to its end. Raises `BadEnvelope` when it begins with no checkpoint, `Damaged` naming the first
    entry that does not fit, and whether it was cut short. Whose signature stands on it is not checked here."""
    note = _head_of(source)
    said = checkpoint.read(note)
    checking, roots = Checking(), {}
    while line := source.readline(MOST_LINE):
        checking.add(_leaf(line, checking.size + 1))
        if checking.size in sizes:
            roots[checking.size] = checking.root()
    if checking.size != said.size:
        what = "was cut short" if checking.size < said.size else "holds more than its checkpoint"
        raise Damaged(
            f"the extract {what}: it has {checking.size} entries, and its checkpoint stands for {said.size}; the first"
            f" that does not fit is entry {min(checking.size, said.size) + 1}",
            hint="ask for the extract again",
        )
    if checking.root() != said.root:
        raise Damaged(
            f"the entries of the extract are not those that its checkpoint stands for: one of the {said.size}, or the"
            " checkpoint, was changed together with its hash",
            hint="hold it against a checkpoint that you have from elsewhere with --head",
        )
    return Checked(note, said, roots | {0: merkle.EMPTY})


def _head_of(source: BinaryIO) -> str:
    """The checkpoint at the beginning: text, an empty line, signatures, an empty line."""
    lines, blanks = [], 0
    while blanks < 2 and (line := source.readline(checkpoint.MOST_CHARACTERS)):
        blanks += line == b"\n"
        lines.append(line)
    return b"".join(lines[:-1] if blanks == 2 else lines).decode(errors="replace")


def _leaf(line: bytes, number: int) -> Leaf:
    """The entry in a line of an extract; its person is not checked against a missing entry `redact`, since extracts
    leave persons out."""
    hash, data, *rest = [*line.rstrip(b"\n").split(b"\t"), b""]
    person = None
    try:
        if rest and rest[0]:
            opened = json.loads(rest[0])
            person = Person(bytes.fromhex(opened["salt"]), canonical(opened["who"]).decode())
        fits = line.endswith(b"\n") and len(rest) < 3 and merkle.leaf_hash(data).hex().encode() == hash
    except (ValueError, TypeError, KeyError, RecursionError):
        fits = False
    if not fits:
        raise Damaged(f"entry {number} of the extract was changed", hint="ask for the extract again")
    return Leaf(number, data, person)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
