"""What leaves a node as a number: the rules of `core.disclosure`, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.core.answer import Counts, Rule
from hanse.core.disclosure import (
    Asked,
    Cohort,
    Given,
    Roster,
    bound,
    breakdown,
    decide,
    is_new_epoch,
    next_tick,
    released_size,
    rounded,
)
from hanse.core.policy import Access, Policy

PROTECTED = Policy()


@dataclass
class Memory:
    """A ledger in memory."""

    secret: bytes = b"the node's own"
    epoch: int = 0
    persons: int = 600
    spent: int = 0
    answers: dict[str, dict[str, Given]] = field(default_factory=dict)

    def given(self, text: str) -> Mapping[str, Given]:
        return self.answers.get(text, {})

    def note(self, text: str, answers: Mapping[str, Counts], charge: int) -> None:
        noted = {value: Given(counts, self.epoch) for value, counts in answers.items()}
        self.answers[text] = {**self.given(text), **noted}
        self.spent += charge


def cohort(persons: int, series_each: int = 4, first: int = 0) -> Cohort:
    """`persons` persons with so many series each, two in a study."""
    each = np.full(persons, series_each)
    return Cohort(np.arange(first, first + persons), each // 2, each)


def test_public_data_are_counted_exactly_and_write_nothing():
    ledger = Memory()
    assert decide(cohort(7), Policy(Access.OPEN), ledger, Asked("q")) == Counts(Rule.EXACT, 7, 14, 28)
    assert not ledger.answers


def test_a_dataset_that_answers_nobody_is_not_counted():
    assert decide(cohort(300), Policy(Access.NONE), Memory(), Asked("q")) == Counts(Rule.NOT_COUNTED)


@settings(deadline=None)
@given(persons=st.integers(0, 9), text=st.text(max_size=9), secret=st.binary(min_size=8, max_size=8))
def test_fewer_persons_than_the_threshold_are_always_withheld_with_their_images(persons, text, secret):
    counts = decide(cohort(persons), PROTECTED, Memory(secret), Asked(text))
    assert counts == decide(cohort(0), PROTECTED, Memory(secret), Asked(text + "other"))
    assert counts.rule is Rule.WITHHELD
    assert (counts.persons, counts.studies, counts.series) == (None, None, None)


@settings(deadline=None)
@given(persons=st.integers(0, 600), text=st.text(max_size=9))
def test_what_is_said_about_the_true_number_is_true(persons, text):
    counts = decide(cohort(persons), PROTECTED, Memory(), Asked(text))
    if counts.known:
        assert persons >= PROTECTED.threshold
        assert abs(counts.persons - persons) <= 2 * PROTECTED.noise(600) + PROTECTED.rounding // 2
    else:
        assert persons < counts.threshold


@given(
    persons=st.integers(0, 400),
    text=st.text(max_size=5),
    threshold=st.integers(1, 200),
    rounding=st.integers(1, 50),
)
def test_a_number_under_a_permit_stands_for_as_many_persons_as_the_permit_says(
    persons, text, threshold, rounding
):
    ledger = Memory()
    open_to_all = decide(cohort(persons), PROTECTED, ledger, Asked(text))
    found = bound(open_to_all, PROTECTED, threshold, rounding, ledger.persons)
    assert (
        bound(open_to_all, PROTECTED, 1, 1, ledger.persons) == open_to_all
    )  # never less strict than the dataset
    if found.known:
        assert persons >= max(threshold, PROTECTED.threshold)
        assert (found.rounding, found.persons % found.rounding) == (max(rounding, 10), 0)
    else:
        assert persons < found.threshold


def test_numbers_are_rounded_and_say_to_what():
    counts = decide(cohort(200), PROTECTED, Memory(), Asked("q"))
    assert counts.rounding == 10
    assert all(number % 10 == 0 for number in (counts.persons, counts.studies, counts.series))


def test_the_errors_of_many_questions_cancel():
    ledger = Memory(persons=100_000)
    policy = replace(PROTECTED, distinct_most=4000)
    asked = [decide(cohort(3000), policy, ledger, Asked(f"q{number}")).persons for number in range(2000)]
    assert np.mean(asked) == pytest.approx(3000, abs=6)
    assert np.std(asked) == pytest.approx(np.sqrt(2 * 4000), rel=0.1)


def test_the_same_question_gets_the_same_answer_for_nothing():
    ledger = Memory()
    first = decide(cohort(200), PROTECTED, ledger, Asked("q"))
    assert decide(cohort(200), PROTECTED, ledger, Asked("q")) == first
    assert decide(cohort(199), PROTECTED, ledger, Asked("q")) == first, "one person came or went"
    assert ledger.spent == 1


def test_nothing_shows_whether_two_questions_select_the_same_persons():
    """The same cohort in other words, and the cohort without one person, get numbers of the same distribution."""
    same, less = [], []
    for number in range(400):
        ledger = Memory(number.to_bytes(4, "big"))
        first = decide(cohort(200), PROTECTED, ledger, Asked("q")).persons
        same.append(decide(cohort(200), PROTECTED, ledger, Asked("q again")).persons == first)
        less.append(decide(cohort(199), PROTECTED, ledger, Asked("q less one")).persons == first)
    assert np.mean(same) == pytest.approx(np.mean(less), abs=0.1)


def test_a_question_is_answered_afresh_in_a_new_epoch():
    answers = {
        decide(cohort(200), PROTECTED, ledger, Asked("q")).persons
        for ledger in (Memory(epoch=epoch) for epoch in range(20))
    }
    assert len(answers) > 2


def test_the_cap_counts_questions_whatever_their_answers_were():
    ledger = Memory()
    for number in range(PROTECTED.questions(600)):
        assert decide(cohort(number), PROTECTED, ledger, Asked(f"q{number}")).rule is not Rule.CAPPED
    assert decide(cohort(300), PROTECTED, ledger, Asked("one more")) == Counts(Rule.CAPPED)
    assert decide(cohort(0), PROTECTED, ledger, Asked("one more")) == Counts(Rule.CAPPED)


def test_after_the_cap_a_repeated_question_gets_its_earlier_answer():
    ledger = Memory()
    known = decide(cohort(300), PROTECTED, ledger, Asked("q"))
    withheld = decide(cohort(2), PROTECTED, ledger, Asked("few"))
    ledger.spent, ledger.epoch = 60, 1
    assert decide(cohort(500), PROTECTED, ledger, Asked("q")) == replace(known, rule=Rule.EARLIER)
    assert decide(cohort(500), PROTECTED, ledger, Asked("few")) == withheld


def test_a_single_criterion_is_answered_after_the_cap():
    ledger = Memory(spent=60)
    assert decide(cohort(300), PROTECTED, ledger, Asked("q", single=True)).rule is Rule.ROUNDED
    assert ledger.spent == 60


def test_after_the_cap_a_new_cell_changes_no_other_cell():
    ledger = Memory()
    before = breakdown({"CT": cohort(100)}, PROTECTED, ledger, Asked("q by image.modality"))
    ledger.spent = 60
    after = breakdown({"CT": cohort(100), "MR": cohort(1)}, PROTECTED, ledger, Asked("q by image.modality"))
    assert after == before | {"MR": after["MR"]}
    assert after["MR"].rule is Rule.WITHHELD


def test_a_value_that_somebody_brings_is_no_new_question():
    ledger, asked = Memory(), Asked("q by condition.cancer_type", cells=3)
    before = breakdown({"lung": cohort(100)}, PROTECTED, ledger, asked)
    spent = ledger.spent
    after = breakdown({"lung": cohort(100), "eye": cohort(1, first=100)}, PROTECTED, ledger, asked)
    assert after == before | {"eye": after["eye"]}
    assert ledger.spent == spent


def test_a_breakdown_is_one_question_or_as_many_as_cells_that_a_person_is_in():
    cells = {"CT": cohort(100), "MR": cohort(150, first=100), "PT": cohort(3)}
    ledger = Memory()
    counts = breakdown(cells, PROTECTED, ledger, Asked("q by image.modality", cells=3))
    assert [counts[value].rule for value in cells] == [Rule.ROUNDED, Rule.ROUNDED, Rule.WITHHELD]
    assert breakdown(cells, PROTECTED, ledger, Asked("q by image.modality", cells=3)) == counts
    assert ledger.spent == 3


def test_nobody_stands_out_by_many_images():
    """One person with 5000 of 5200 series: the numbers with and without that person look the same."""
    ones = np.ones(200, int)
    usual = Cohort(np.arange(200), ones, ones)
    outlier = Cohort(np.arange(201), *[np.append(ones, 5000)] * 2)
    numbers = [decide(one, PROTECTED, Memory(), Asked("q")).series for one in (usual, outlier)]
    assert max(numbers) <= 200 + 2 * PROTECTED.noise(600) + 10


def test_more_questions_need_more_noise():
    few, many = Policy(distinct_share=0.05), Policy(distinct_share=0.1)
    assert few.questions(600) == 30
    assert many.questions(600) == 60
    assert few.noise(600) < many.noise(600) == 13
    assert many.noise(0) == 5


def roster(persons, changed=()):
    persons = np.array(sorted(persons))
    return Roster(persons, np.array([7 + (one in set(changed)) for one in persons], np.uint64))


@settings(deadline=None)
@given(
    gone=st.sets(st.integers(0, 99), max_size=4),
    changed=st.sets(st.integers(0, 99), max_size=3),
    new=st.sets(st.integers(100, 120), max_size=2),
)
def test_answers_stand_while_fewer_persons_than_the_threshold_came_went_or_changed(gone, changed, new):
    before = roster(range(100))
    after = roster(set(range(100)) - gone | new, changed)
    assert not is_new_epoch(before, after, PROTECTED, b"secret")


def test_twice_as_many_persons_as_the_threshold_begin_an_epoch():
    before = roster(range(100))
    assert is_new_epoch(before, roster(range(80)), PROTECTED, b"secret")
    assert is_new_epoch(before, roster(range(100), changed=range(20)), PROTECTED, b"secret")


def test_how_many_persons_begin_an_epoch_is_the_node_s_secret():
    before = roster(range(100))
    starts = {
        next(left for left in range(100) if is_new_epoch(before, roster(range(left, 100)), PROTECTED, secret))
        for secret in (b"one", b"two", b"three", b"four", b"five", b"six")
    }
    assert len(starts) > 2
    assert min(starts) >= 10


def test_the_size_of_a_small_dataset_is_withheld_from_the_rules_too():
    assert released_size(9, PROTECTED, b"secret", 0) == 0
    assert released_size(600, PROTECTED, b"secret", 0) == pytest.approx(600, abs=31)


@settings(deadline=None)
@given(number=st.integers(-1000, 1000), base=st.integers(1, 50))
def test_rounding_gives_the_nearest_multiple(number, base):
    assert rounded(number, base) % base == 0
    assert abs(rounded(number, base) - number) <= base / 2


@pytest.mark.parametrize(("elapsed", "leaves"), [(0, 100), (0.2, 100), (100, 100), (100.4, 200), (350, 400)])
def test_an_answer_leaves_at_the_next_tick(elapsed, leaves):
    assert next_tick(elapsed, 100) == leaves
