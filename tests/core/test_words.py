from hypothesis import given
from hypothesis import strategies as st

from hanse.core.answer import (
    Counts,
    CriterionAnswer,
    CriterionState,
    DatasetAnswer,
    NodeAnswer,
    NodeState,
    Rule,
)
from hanse.core.words import CRITERIA, RULES, STATES, number, place, ranked, reasons, remarks


def test_numbers_say_how_sure_they_are() -> None:
    assert number(Counts(Rule.EXACT, 1204, 2000, 5000), "series") == "5,000"
    assert number(Counts(Rule.ROUNDED, 120, 150, 1010, rounding=10)) == "~120"
    assert number(Counts(Rule.EXACT, 0, 0, 0)) == "0"


def test_a_withheld_count_names_its_threshold_and_gives_no_studies() -> None:
    withheld = Counts(Rule.WITHHELD, threshold=10)
    assert [number(withheld, unit) for unit in ("persons", "studies", "series")] == ["< 10", "–", "–"]


def test_every_state_and_rule_has_words() -> None:
    assert (set(STATES), set(RULES), set(CRITERIA)) == (set(NodeState), set(Rule), set(CriterionState))


def test_criteria_that_were_not_applied_are_named() -> None:
    criteria = (
        CriterionAnswer("person.age >= 52", CriterionState.APPLIED, "applied as person.age >= 50"),
        CriterionAnswer("condition.stage = 'II'", CriterionState.UNSUPPORTED),
    )
    dataset = DatasetAnswer("dataset_1", "a", "A", 1, "protected", criteria, Counts(Rule.NOT_COUNTED))
    assert remarks(dataset) == [
        "not counted",
        "condition.stage = 'II': no such data here",
        "applied as person.age >= 50",
    ]


@given(st.text(min_size=1, max_size=400), st.data())
def test_the_place_in_a_question_is_found_again_in_its_line(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(text)))
    line, before, length = place(text, at, 40)
    assert "\n" not in line
    assert len(line) <= 42
    assert line[before] == (" " if text[at - 1].isspace() else text[at - 1])
    assert 1 <= length <= 40


def test_the_word_at_a_place_is_measured() -> None:
    assert place("a = 1 AND image.modalty = 'MR'", 11) == ("a = 1 AND image.modalty = 'MR'", 10, 13)


def test_datasets_with_numbers_come_first_and_zeros_apart() -> None:
    counts = {
        "a": Counts(Rule.NOT_COUNTED),
        "b": Counts(Rule.WITHHELD, threshold=10),
        "c": Counts(Rule.EXACT, 0, 0, 0),
        "d": Counts(Rule.ROUNDED, 20, 20, 20, rounding=10),
        "e": Counts(Rule.EXACT, 30, 30, 30),
    }
    datasets = tuple(DatasetAnswer(f"dataset_{n}", n, n, 1, "open", (), one) for n, one in counts.items())
    node = NodeAnswer("node_1", "N", "PT", NodeState.ANSWERED, "", datasets=datasets)
    telling, uncounted, zero = ranked(node)
    assert ("".join(one.name for one in telling), uncounted, [one.name for one in zero]) == (
        "edba",
        [],
        ["c"],
    )


def test_many_datasets_that_were_not_counted_are_told_by_their_reasons() -> None:
    unsupported = (CriterionAnswer("person.age > 50", CriterionState.UNSUPPORTED),)
    datasets = [
        DatasetAnswer(
            f"dataset_{n}", str(n), "", 1, "open", unsupported if n else (), Counts(Rule.NOT_COUNTED)
        )
        for n in range(5)
    ]
    node = NodeAnswer("node_1", "N", "PT", NodeState.ANSWERED, "", datasets=tuple(datasets))
    assert ranked(node).uncounted == datasets
    assert reasons(datasets) == ["person.age > 50: no such data here (4 datasets)", "not counted (1 dataset)"]
