"""The tree: the roots and proofs of RFC 9162, as the standard defines them and as pymerkle computes them."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

import pymerkle
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.core.errors import Damaged, NotFound
from hanse.lib import merkle, sql

MOST = 70
LEAVES = [merkle.leaf_hash(b"entry %d" % number) for number in range(MOST)]
SIZES = st.integers(0, MOST)


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.node_hash(root(leaves[:half]), root(leaves[half:]))


def subproof(first: int, leaves: Sequence[bytes], known: bool) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1, word by word."""
    if first == len(leaves):
        return [] if known else [root(leaves)]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if first <= half:
        return [*subproof(first, leaves[:half], known), root(leaves[half:])]
    return [*subproof(first - half, leaves[half:], False), root(leaves[:half])]


@pytest.fixture(scope="module")
def oracle() -> pymerkle.InmemoryTree:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(MOST):
        tree.append_entry(b"entry %d" % number)
    return tree


@pytest.fixture(scope="module")
def tree() -> Iterator[sa.Connection]:
    """A tree of `MOST` leaves, in the memory of SQLite."""
    with sql.engine("sqlite://").begin() as connection:
        merkle.TREE.create(connection)
        merkle.append(connection, 0, LEAVES)
        yield connection


@settings(deadline=None)
@given(size=SIZES)
def test_every_root_is_that_of_the_standard_and_of_pymerkle(
    tree: sa.Connection, oracle: pymerkle.InmemoryTree, size: int
) -> None:
    assert merkle.root(tree, size) == root(LEAVES[:size]) == oracle.get_root(size)


@settings(deadline=None)
@given(data=st.data(), size=st.integers(1, MOST))
def test_an_inclusion_proof_is_that_of_pymerkle_and_fits_one_place_only(
    tree: sa.Connection, oracle: pymerkle.InmemoryTree, data: st.DataObject, size: int
) -> None:
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    proof = merkle.inclusion(tree, index, size)
    head = merkle.root(tree, size)
    theirs = oracle.prove_inclusion(index + 1, size).serialize()["path"]  # begins with the leaf itself
    assert [one.hex() for one in proof] == theirs[1:]
    assert merkle.includes(head, size, index, LEAVES[index], proof)
    assert merkle.includes(head, size, other, LEAVES[index], proof) == (other == index)
    assert not merkle.includes(head, size, index, LEAVES[index], [*proof, head])
    assert not merkle.includes(head, size, index, LEAVES[index], proof[:-1]) or not proof


@settings(deadline=None)
@given(first=SIZES, second=SIZES)
def test_a_consistency_proof_is_that_of_the_standard(tree: sa.Connection, first: int, second: int) -> None:
    first, second = sorted((first, second))
    proof = merkle.consistency(tree, first, second)
    older, newer = merkle.root(tree, first), merkle.root(tree, second)
    assert proof == (subproof(first, LEAVES[:second], True) if first else [])
    assert merkle.continues(older, first, newer, second, proof)
    assert not merkle.continues(older, first, newer, second, [*proof, newer])


@settings(deadline=None)
@given(data=st.data(), first=st.integers(1, MOST), second=st.integers(1, MOST))
def test_no_proof_shows_that_a_tree_continues_a_rewritten_one(
    tree: sa.Connection, data: st.DataObject, first: int, second: int
) -> None:
    first, second = sorted((first, second))
    changed = data.draw(st.integers(0, first - 1))
    rewritten = root([*LEAVES[:changed], merkle.leaf_hash(b"else"), *LEAVES[changed + 1 : first]])
    newer = merkle.root(tree, second)
    proof = merkle.consistency(tree, first, second)
    assert not merkle.continues(rewritten, first, newer, second, proof)
    assert not merkle.continues(rewritten, first, newer, second, subproof(first, LEAVES[:second], False))


@settings(deadline=None)
@given(proof=st.lists(st.binary(min_size=32, max_size=32), max_size=8), first=SIZES, second=SIZES)
def test_no_list_of_hashes_breaks_the_checking(proof: list[bytes], first: int, second: int) -> None:
    older, newer = root(LEAVES[:first]), root(LEAVES[:second])
    assert merkle.continues(older, first, newer, second, proof) in (first == second, first == 0, False)
    merkle.includes(newer, second, first, older, proof)


@settings(deadline=None)
@given(groups=st.lists(st.integers(0, 9), max_size=8))
def test_leaves_come_one_by_one_or_in_groups(groups: list[int]) -> None:
    with sql.engine("sqlite://").begin() as connection:
        merkle.TREE.create(connection)
        size = 0
        for many in groups:
            merkle.append(connection, size, LEAVES[size : size + many])
            size = min(size + many, MOST)
        assert merkle.root(connection, size) == root(LEAVES[:size])
        assert [place for place, _hash in merkle.stored(connection)] == list(range(merkle.places(size)))


def test_a_frontier_has_the_root_at_every_size() -> None:
    frontier = merkle.Frontier()
    for size, leaf in enumerate(LEAVES):
        assert frontier.root() == root(LEAVES[:size])
        assert frontier.add(leaf)[0] == leaf


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_what_is_not_in_the_tree_has_no_proof(tree: sa.Connection, index: int, size: int) -> None:
    with pytest.raises(NotFound, match="there is no entry"):
        merkle.inclusion(tree, index, size)


def test_a_log_of_fewer_entries_continues_none_of_more(tree: sa.Connection) -> None:
    with pytest.raises(NotFound, match="a log of 3 entries does not continue one of 5"):
        merkle.consistency(tree, 5, 3)


def test_a_tree_that_lacks_a_hash_says_so(tree: sa.Connection) -> None:
    with pytest.raises(Damaged, match="lacks a hash over its entries up to 128"):
        merkle.root(tree, 128)
