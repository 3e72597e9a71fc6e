"""What a dataset has answered survives restarts, and is answered once only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.core.answer import Counts, Rule
from hanse.core.disclosure import Asked, Cohort, Given, Roster, decide
from hanse.core.policy import Policy
from hanse.lib import sql
from hanse.node.ledger import DatasetLedger, packed, unpacked
from hanse.node.tables import MIGRATIONS

POLICY = Policy()


def cohort(persons: int) -> Cohort:
    return Cohort(np.arange(persons), np.ones(persons, int), np.ones(persons, int))


def roster(first: int, last: int) -> Roster:
    return Roster(np.arange(first, last), np.full(last - first, 7, np.uint64))


class Node:
    """The ledgers in one database file."""

    def __init__(self, path: Path) -> None:
        self.engine = sql.engine(sql.sqlite_url(path))
        sql.migrate(self.engine, MIGRATIONS)

    @contextmanager
    def ledger(self, dataset: str = "dataset_a") -> Iterator[DatasetLedger]:
        with sql.begin(self.engine) as connection, DatasetLedger(connection, b"own", dataset) as ledger:
            yield ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "node.db"


@pytest.fixture
def node(path):
    node = Node(path)
    with node.ledger() as ledger:
        ledger.enter(1, lambda: roster(0, 600), POLICY)
    return node


def test_an_answer_is_the_same_after_a_restart(node, path):
    with node.ledger() as ledger:
        first = decide(cohort(200), POLICY, ledger, Asked("q"))
        few = decide(cohort(2), POLICY, ledger, Asked("few"))
    with Node(path).ledger() as ledger:
        assert ledger.given("q") == {"": Given(first, 0)}
        assert ledger.given("few") == {"": Given(few, 0)}
        assert ledger.given("never") == {}
        assert ledger.spent == 2


def test_what_is_rolled_back_was_never_answered(node):
    def answer_and_fail():
        with node.ledger() as ledger:
            decide(cohort(200), POLICY, ledger, Asked("q"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        answer_and_fail()
    with node.ledger() as ledger:
        assert ledger.given("q") == {}
        assert ledger.spent == 0


def test_datasets_have_their_own_answers_secrets_and_caps(node):
    with node.ledger() as ledger:
        decide(cohort(200), POLICY, ledger, Asked("q"))
        secret = ledger.secret
    with node.ledger("dataset_b") as ledger:
        assert ledger.given("q") == {}
        assert ledger.spent == 0
        assert ledger.secret != secret


def test_a_dataset_of_which_no_version_was_entered_answers_single_criteria_only(node):
    with node.ledger("dataset_b") as ledger:
        assert decide(cohort(200), POLICY, ledger, Asked("q")).rule is Rule.WITHHELD
        assert decide(cohort(200), POLICY, ledger, Asked("q", single=True)).rule is Rule.ROUNDED


def test_a_version_with_few_changes_keeps_the_answers_and_one_with_many_does_not(node):
    with node.ledger() as ledger:
        first = decide(cohort(200), POLICY, ledger, Asked("q"))
    with node.ledger() as ledger:
        ledger.enter(2, lambda: roster(0, 601), POLICY)
        assert decide(cohort(201), POLICY, ledger, Asked("q")) == first
        assert ledger.epoch == 0
    with node.ledger() as ledger:
        ledger.enter(3, lambda: roster(0, 640), POLICY)
        assert ledger.epoch == 1
        decide(cohort(240), POLICY, ledger, Asked("q"))
        assert ledger.spent == 2


def test_small_changes_add_up_over_versions(node):
    with node.ledger() as ledger:
        for version in range(2, 27):
            ledger.enter(version, lambda more=version: roster(0, 600 + more), POLICY)
        assert ledger.epoch >= 1


def test_a_version_that_was_entered_before_is_not_compared_again(node):
    with node.ledger() as ledger:
        ledger.enter(1, lambda: pytest.fail("the roster was asked for"), POLICY)


def test_two_threads_get_one_answer_and_pay_once(node):
    answers = []
    barrier = threading.Barrier(4)

    def ask():
        barrier.wait()
        with node.ledger() as ledger:
            answers.append(decide(cohort(200), POLICY, ledger, Asked("q")))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(set(answers)) == 1
    with node.ledger() as ledger:
        assert ledger.spent == 1


def test_the_database_does_not_hold_the_questions(node, path):
    with node.ledger() as ledger:
        decide(cohort(200), POLICY, ledger, Asked("condition.cancer_type = 'breast'"))
    held = b"".join(file.read_bytes() for file in path.parent.glob("node.db*"))
    assert b"breast" not in held


@settings(max_examples=30, deadline=None)
@given(
    answers=st.dictionaries(
        st.text(max_size=8),
        st.builds(
            Counts,
            st.sampled_from(Rule),
            *[st.none() | st.integers(0, 10**6)] * 3,
            st.none() | st.integers(0, 99),
            st.none() | st.integers(1, 99),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_was_noted_is_what_is_given(tmp_path_factory, answers):
    node = Node(tmp_path_factory.mktemp("ledger") / "node.db")
    with node.ledger() as ledger:
        ledger.note("q", answers, 0)
        ledger.note("q", answers, 0)
    with node.ledger() as ledger:
        assert ledger.given("q") == {value: Given(counts, 0) for value, counts in answers.items()}


@settings(deadline=None)
@given(persons=st.sets(st.integers(0, 10**6)), seed=st.integers(0, 2**32))
def test_a_roster_is_read_as_it_was_written(persons, seed):
    stamps = np.random.default_rng(seed).integers(0, 2**64, len(persons), np.uint64)
    again = unpacked(packed(Roster(np.array(sorted(persons), np.int64), stamps)))
    assert again.persons.tolist() == sorted(persons)
    assert again.stamps.tolist() == stamps.tolist()
