"""A Merkle tree in a database table: RFC 9162, section 2.1 (the tree of RFC 6962) with SHA-256.

A tree only grows. The hash of every complete subtree is written once, when its last leaf comes, so appending, the
root at any size, and proofs read and hash O(log n) rows. Subtrees stand in the order in which they become complete
(post-order): the table grows at its end, and the *place* of a hash follows from its level and number alone.

A proof is a list of hashes, and needs no database to be checked: `includes` and `continues` are pure.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

import sqlalchemy as sa

from hanse.core.errors import Damaged, NotFound

HASH_BYTES = 32
EMPTY = hashlib.sha256().digest()  # the root of the tree without leaves

# SQLite gives its fast row numbers to INTEGER only; PostgreSQL's INTEGER ends at 2^31.
PLACE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TREE = sa.Table(
    "log_tree",
    sa.MetaData(),
    sa.Column("place", PLACE, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary(HASH_BYTES), nullable=False),
)
Subtree = tuple[int, int]  # (level, number): the leaves from number * 2^level, 2^level of them


def leaf_hash(data: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


def place(level: int, number: int) -> int:
    """Where the hash of a complete subtree stands, from 0. Before its last leaf m stand the m leaves and the
    m - popcount(m) subtrees over them; then come the subtrees that m completes, from the leaf upwards."""
    last = ((number + 1) << level) - 1
    return 2 * last - last.bit_count() + level


def places(size: int) -> int:
    """How many hashes a tree of `size` leaves has stored."""
    return 2 * size - size.bit_count()


def cover(first: int, end: int) -> list[Subtree]:
    """The complete subtrees over the leaves from `first` up to `end`, left to right: fewer than 2 log n."""
    found = []
    while first < end:
        level = (end - first).bit_length() - 1
        if first:
            level = min(level, (first & -first).bit_length() - 1)
        found.append((level, first >> level))
        first += 1 << level
    return found


class Frontier:
    """The right edge of a tree, which is all that it needs to grow: the hashes of its largest complete subtrees."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)  # one for each bit of `size` that is set, the largest subtree first

    def add(self, leaf: bytes) -> list[bytes]:
        """Adds a leaf by its hash; the hashes of all subtrees that are complete with it, the leaf first. They are
        those of the next places."""
        made = [leaf]
        size = self.size
        while size & 1:
            made.append(node_hash(self._hashes.pop(), made[-1]))
            size >>= 1
        self._hashes.append(made[-1])
        self.size += 1
        return made

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        return _folded(self._hashes)


def append(connection: sa.Connection, size: int, leaves: Sequence[bytes]) -> None:
    """Adds leaves, by their hashes, to a tree of `size` leaves within the caller's transaction."""
    if not leaves:
        return
    subtrees = cover(0, size)
    known = _read(connection, subtrees)
    frontier = Frontier(size, [known[one] for one in subtrees])
    made = [hash for leaf in leaves for hash in frontier.add(leaf)]
    insert(connection, TREE, list(enumerate(made, start=places(size))))


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Adds rows with a value a column, straight through the driver: appending spends its time on rows."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(table.columns))
    if rows:
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", list(rows))


def root(connection: sa.Connection, size: int) -> bytes:
    """The root of the tree of the first `size` leaves. Raises `Damaged` when a hash is not there, as all do."""
    return _hashes(connection, [(0, size)])[0]


def inclusion(connection: sa.Connection, index: int, size: int) -> list[bytes]:
    """The proof that leaf `index`, counted from 0, is in the tree of the first `size` leaves (2.1.3.1)."""
    if not 0 <= index < size:
        raise NotFound(
            f"there is no entry {index + 1} among the first {size} of the log",
            hint="Name an entry by its number, from 1 to the number of entries.",
        )
    return _hashes(connection, _beside(index, 0, size))


def consistency(connection: sa.Connection, first: int, second: int) -> list[bytes]:
    """The proof that the tree of `second` leaves continues that of `first` (2.1.4.1); empty when they are the same
    or the first is empty."""
    if not 0 <= first <= second:
        raise NotFound(f"a log of {second} entries does not continue one of {first}")
    if first in (0, second):
        return []
    ranges, start, end = [], 0, second
    while end != first:
        half = start + _split(end - start)
        if first <= half:
            ranges.append((half, end))
            end = half
        else:
            ranges.append((start, half))
            start = half
    # The verifier knows the older root: where the older tree is one subtree, its hash is not said again.
    return _hashes(connection, ([(start, end)] if start else []) + ranges[::-1])


def includes(root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree with this root has this leaf at `index` (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, digest = index, size - 1, leaf
    for hash in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            digest = node_hash(hash, digest)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            digest = node_hash(digest, hash)
        at, last = at >> 1, last >> 1
    return last == 0 and digest == root


def continues(older: bytes, first: int, newer: bytes, second: int, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree of `second` leaves with the root `newer` begins with the `first` leaves of
    the tree with the root `older` (2.1.4.2)."""
    if first == second or first == 0:
        same = older == (newer if first == second else EMPTY)
        return same and not proof and first <= second
    if not 0 < first < second or not proof:
        return False
    hashes = list(proof) if first & (first - 1) else [older, *proof]
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = hashes[0]
    for hash in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(hash, old), node_hash(hash, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, hash)
        at, last = at >> 1, last >> 1
    return last == 0 and old == older and new == newer


def stored(connection: sa.Connection) -> Iterator[tuple[int, bytes]]:
    """Every place that is taken and the hash there, in order, read as they are asked for."""
    query = sa.select(TREE).order_by(TREE.c.place)
    for row in connection.execute(query, execution_options={"yield_per": 1000}):
        yield row.place, row.hash


def _split(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _beside(index: int, start: int, end: int) -> list[tuple[int, int]]:
    """The ranges of leaves beside the way from a leaf to the root, upwards."""
    found = []
    while end - start > 1:
        half = start + _split(end - start)
        if index < half:
            found.append((half, end))
            end = half
        else:
            found.append((start, half))
            start = half
    return found[::-1]


def _hashes(connection: sa.Connection, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """The hash over each of these ranges of leaves. Each is a subtree of some tree: complete, or at its right edge."""
    parts = [cover(*one) for one in ranges]
    known = _read(connection, [one for part in parts for one in part])
    return [_folded([known[one] for one in part]) for part in parts]


def _folded(hashes: Sequence[bytes]) -> bytes:
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes)) if hashes else EMPTY


def _read(connection: sa.Connection, subtrees: Sequence[Subtree]) -> Mapping[Subtree, bytes]:
    at = {place(*one): one for one in subtrees}
    if not at:
        return {}
    # Whole numbers that were computed here: as text they cost a third of what parameters do.
    wanted = ", ".join(map(str, at))
    rows = connection.exec_driver_sql(f"SELECT place, hash FROM {TREE.name} WHERE place IN ({wanted})")
    found = {at[where]: hash for where, hash in rows}
    if len(found) < len(at):
        level, number = min(set(subtrees) - set(found))
        last = (number + 1) << level
        raise Damaged(
            f"the log lacks a hash over its entries up to {last}",
            hint="compare with a backup of this database; do not write to it before",
        )
    return found
