"""The one door: what it answers, what it refuses, and what it writes down before it opens."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from hanse.core.answer import CriterionState, DatasetAnswer, Rule
from hanse.core.errors import BadQuestion, QuestionTooCostly
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.domains import VOCABULARY
from hanse.lib import log, sql
from hanse.node.gate import Gate, Visit
from hanse.node.index import limited, open_index
from hanse.node.publish import publish_queries
from hanse.node.store import Store
from hanse.node.withdraw import withdraw

VISIT = Visit("hub_1 for anybody", "count", "search_1")

# Person i has a CT and an MR in one study each; every tenth is a man; ages go from 40 to 59; five are controls.
PERSON = """SELECT i::INTEGER AS person, md5(i::VARCHAR) AS key, (40 + i % 20)::INTEGER AS age,
              CASE WHEN i < 5 THEN 'control' ELSE 'case' END AS population,
              CASE i % 10 WHEN 0 THEN 'male' ELSE 'female' END AS sex FROM range({n}) AS t(i)"""
IMAGE = """SELECT (i // 2)::INTEGER AS person, i::INTEGER AS study, i::INTEGER AS series, i % 5 AS slice_thickness,
             CASE i % 2 WHEN 0 THEN 'CT' ELSE 'MR' END AS modality, 'Smith^John' AS series_description
           FROM range(2 * {n}) AS t(i)"""


def publish(store: Store, name: str, persons: int, access: Access) -> None:
    with duckdb.connect() as connection:
        tables = {"person": PERSON.format(n=persons), "image": IMAGE.format(n=persons)}
        publish_queries(store, Description(name, english(name.title())), Policy(access), connection, tables)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "node")


@pytest.fixture
def gate(store: Store) -> Iterator[Gate]:
    publish(store, "hidden", 30, Access.NONE)
    publish(store, "open", 100, Access.OPEN)
    publish(store, "protected", 1000, Access.PROTECTED)
    yield Gate(store, VOCABULARY, store.home / "cache")
    store.records.dispose()


def ask(gate: Gate, question: str, *breakdowns: str) -> dict[str, DatasetAnswer]:
    return {one.name: one for one in gate.count(VISIT, question, breakdowns)}


def test_open_data_are_counted_exactly(gate: Gate) -> None:
    counts = ask(gate, "image.modality = 'MR' AND person.sex = 'male'")["open"].counts
    assert (counts.rule, counts.persons, counts.studies, counts.series) == (Rule.EXACT, 10, 10, 10)


def test_a_question_without_an_image_counts_all_images_of_its_persons(gate: Gate) -> None:
    counts = ask(gate, "person.sex = 'male'")["open"].counts
    assert (counts.persons, counts.studies, counts.series) == (10, 20, 20)


def test_protected_data_are_rounded_and_small_numbers_withheld_with_their_images(gate: Gate) -> None:
    counts = ask(gate, "image.modality = 'MR'")["protected"].counts
    assert counts.rule is Rule.ROUNDED
    assert counts.persons is not None
    assert counts.persons % 10 == 0
    few = ask(gate, "person.population = 'control' AND image.modality = 'CT'")["protected"].counts
    assert (few.rule, few.persons, few.studies, few.series) == (Rule.WITHHELD, None, None, None)


def test_nobody_is_withheld_like_few(gate: Gate) -> None:
    nobody = ask(gate, "image.modality = 'PT'")["protected"].counts
    few = ask(gate, "person.population = 'control' AND image.modality = 'CT'")["protected"].counts
    assert nobody == few


def test_a_value_that_the_data_lack_is_applied_and_counts_nobody(gate: Gate) -> None:
    answer = ask(gate, "image.modality = 'PT'")["open"]
    assert answer.criteria[0].state is CriterionState.APPLIED
    assert answer.counts.persons == 0


def test_a_dataset_that_answers_nobody_is_listed_and_not_counted(gate: Gate) -> None:
    assert ask(gate, "")["hidden"].counts.rule is Rule.NOT_COUNTED


@pytest.mark.parametrize(
    ("question", "state"),
    [
        ("condition.cancer_type = 'breast' OR image.modality = 'MR'", CriterionState.UNSUPPORTED),
        ("NOT (condition.cancer_type = 'breast') AND image.modality = 'MR'", CriterionState.UNSUPPORTED),
        ("image.from_a_later_vocabulary = 1", CriterionState.UNSUPPORTED),
        ("image.modality IN ('MR', 'HOLOGRAM')", CriterionState.UNKNOWN_VALUE),
    ],
)
def test_a_criterion_is_never_dropped_in_silence(gate: Gate, question: str, state: CriterionState) -> None:
    answer = ask(gate, question)["open"]
    assert answer.criteria[0].state is state
    assert answer.counts.rule is Rule.NOT_COUNTED


def test_free_text_of_protected_data_is_not_there_to_be_asked(gate: Gate) -> None:
    answers = ask(gate, "image.series_description LIKE 'Smith%'")
    assert answers["open"].counts.persons == 100
    assert answers["protected"].criteria[0].state is CriterionState.UNSUPPORTED


def test_ages_of_protected_data_are_answered_in_bands_and_the_answer_says_so(gate: Gate) -> None:
    answers = ask(gate, "person.age > 52")
    assert answers["open"].criteria[0].note == ""
    assert "person.age >= 55" in answers["protected"].criteria[0].note
    assert answers["protected"].counts == ask(gate, "person.age >= 54")["protected"].counts


def test_a_breakdown_of_open_data_is_exact_and_one_of_protected_data_shows_no_small_value(gate: Gate) -> None:
    answers = ask(gate, "image.modality = 'CT'", "person.sex", "image.modality", "person.age")
    cells = {cell.value: cell.counts.persons for cell in answers["open"].breakdowns["person.sex"]}
    assert cells == {"female": 90, "male": 10}
    assert [cell.value for cell in answers["open"].breakdowns["image.modality"]] == ["CT"]
    assert {cell.value for cell in answers["open"].breakdowns["person.age"]} == {
        "40-44",
        "45-49",
        "50-54",
        "55-59",
    }
    assert all(cell.counts.known for cells in answers["protected"].breakdowns.values() for cell in cells)


@pytest.mark.parametrize(
    ("question", "field", "value"),
    [
        ("image.modality = 'CT'", "image.modality", "CT"),
        ("within(image.modality, 'CT')", "image.modality", "CT"),
        ("person.sex = 'female'", "person.sex", "female"),
        ("person.age = 52", "person.age", "50-54"),
    ],
)
def test_a_single_criterion_gets_what_the_breakdown_of_everyone_gets(
    gate: Gate, question: str, field: str, value: str
) -> None:
    cells = ask(gate, "", field)["protected"].breakdowns[field]
    assert ask(gate, question)["protected"].counts in [one.counts for one in cells if one.value == value]


def test_what_one_person_has_is_not_what_a_protected_dataset_has(store: Store) -> None:
    image = IMAGE.format(n=900).replace(
        " AS modality", " AS modality, CASE WHEN i < 2 THEN 3.0 END AS field_strength"
    )
    with duckdb.connect() as connection:
        tables = {"person": PERSON.format(n=900), "image": image}
        publish_queries(store, Description("rare", english("Rare")), Policy(), connection, tables)
    gate = Gate(store, VOCABULARY, store.home / "cache")
    assert "image.field_strength" in store.live()[0].manifest.columns
    assert "image.field_strength" not in gate.records()[0].fields
    assert ask(gate, "image.field_strength > 1")["rare"].criteria[0].state is CriterionState.UNSUPPORTED


def test_a_question_of_no_meaning_is_refused_though_a_hub_passed_it_on(gate: Gate) -> None:
    of_two = {"op": "or", "args": [_is("image.modality", "MR"), _is("condition.cancer_type", "breast")]}
    question = {"op": ">=", "args": [{"op": "count", "args": [_is("person.sex", "male")]}, 1]}
    for body in (question, {"op": ">=", "args": [{"op": "count", "args": [of_two]}, 1]}):
        try:
            answers = gate.count(VISIT, body)
        except BadQuestion:
            continue
        assert not any(one.counts.known for one in answers)


def _is(field: str, value: str) -> dict[str, object]:
    return {"op": "=", "args": [{"property": field}, value]}


def test_only_the_datasets_that_are_meant_are_opened(gate: Gate, store: Store) -> None:
    (wanted,) = (one.manifest for one in store.live() if one.manifest.name == "open")
    assert [one.name for one in gate.count(VISIT, "", (), [wanted.dataset])] == ["open"]
    assert entries(store)[-1]["opened"] == [wanted.id]


def test_sql_in_a_question_is_text_like_any_other(gate: Gate) -> None:
    answer = ask(gate, "image.series_description = '''; DROP TABLE person; --'")["open"]
    assert answer.counts.persons == 0
    assert ask(gate, "")["open"].counts.persons == 100


def test_what_is_not_a_question_is_refused(gate: Gate) -> None:
    with pytest.raises(BadQuestion):
        gate.count(VISIT, "image.modality = ")


def entries(store: Store) -> list[dict[str, object]]:
    with sql.read(store.records) as connection:
        return [dict(one.body) for one in log.entries(connection) if one.kind == "use"]


def test_every_use_is_written_down_with_who_and_what_was_opened_but_no_value(
    gate: Gate, store: Store
) -> None:
    ask(gate, "image.modality = 'MR' AND person.sex = 'male'")
    (entry,) = entries(store)
    assert (entry["who"], entry["operation"], entry["reference"]) == (
        "hub_1 for anybody",
        "count",
        "search_1",
    )
    assert sorted(entry["opened"]) == sorted(
        one.manifest.id for one in store.live() if one.manifest.name in ("open", "protected")
    )
    assert "MR" not in json.dumps(entry)


def test_without_an_entry_in_the_log_nothing_is_read(
    gate: Gate, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    read = []
    monkeypatch.setattr(log, "append", fail)
    monkeypatch.setattr(type(gate._held().index), "select", lambda *_: read.append(1))
    with pytest.raises(OSError, match="full"):
        ask(gate, "image.modality = 'MR'")
    assert read == []


def test_a_refused_question_opens_nothing_and_a_dataset_that_cannot_answer_is_not_opened(
    gate: Gate, store: Store
) -> None:
    ask(gate, "condition.cancer_type = 'breast'")
    assert entries(store)[0]["opened"] == []


def test_new_versions_and_withdrawals_are_taken_up(gate: Gate, store: Store) -> None:
    assert gate.refresh() is False
    publish(store, "open", 120, Access.OPEN)
    assert gate.refresh() is True
    assert ask(gate, "")["open"].counts.persons == 120
    withdraw(store, "open@2", "by mistake")
    gate.refresh()
    assert ask(gate, "")["open"].version == 1
    withdraw(store, "open@1", "by mistake")
    gate.refresh()
    assert "open" not in ask(gate, "")
    assert [one.name for one in gate.records()] == ["hidden", "protected"]


def test_the_index_may_be_deleted_at_any_time(gate: Gate, store: Store) -> None:
    before = ask(gate, "image.modality = 'MR'")
    for path in (store.home / "cache").iterdir():
        path.unlink()
    assert ask(Gate(store, VOCABULARY, store.home / "cache"), "image.modality = 'MR'") == before


def test_the_catalogue_shows_released_numbers_only(gate: Gate) -> None:
    records = {one.name: one for one in gate.records()}
    assert records["open"].counts.persons == 100
    assert records["protected"].counts.rule is Rule.ROUNDED
    assert records["hidden"].counts.rule is Rule.NOT_COUNTED
    assert "image.series_description" not in records["protected"].fields


def test_a_question_that_takes_too_long_is_ended() -> None:
    cursor = duckdb.connect().cursor()
    with pytest.raises(QuestionTooCostly), limited(cursor, 0.1):
        cursor.execute("SELECT sum(a.range * b.range) FROM range(1000000) AS a, range(1000000) AS b")


def test_a_question_that_needs_too_much_memory_is_ended_and_writes_nothing(tmp_path: Path) -> None:
    index = open_index([], VOCABULARY, tmp_path, memory_mb=32, threads=1)
    cursor = index._connection.cursor()
    with pytest.raises(QuestionTooCostly), limited(cursor, 10):
        cursor.execute("SELECT DISTINCT a.range * 4000 + b.range FROM range(4000) AS a, range(4000) AS b")
    index.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".duckdb"]


def test_a_stricter_policy_holds_from_the_next_refresh(gate: Gate, store: Store) -> None:
    (protected,) = (one for one in store.live() if one.manifest.name == "protected")
    with sql.begin(store.records) as connection:
        policy = replace(protected.policy, access=Access.NONE)
        store.describe(connection, protected.manifest.dataset, protected.description, policy)
    gate.refresh()
    assert ask(gate, "")["protected"].counts.rule is Rule.NOT_COUNTED


def test_asking_in_several_threads_at_once_gives_each_its_own_answer(gate: Gate) -> None:
    questions = [f"image.slice_thickness = {number % 5}" for number in range(20)]
    alone = [ask(gate, question)["open"].counts for question in questions]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda question: ask(gate, question)["open"].counts, questions))
    assert together == alone


def test_questions_at_once_share_the_commit_of_their_entries(gate: Gate, store: Store) -> None:
    commits: list[object] = []
    sa.event.listen(store.records, "commit", commits.append)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ask(gate, f"image.slice_thickness = {number}"), range(80)))
    with sql.read(store.records) as connection:
        assert sum(one.kind == "use" for one in log.entries(connection)) == 80
    assert len(commits) < 160, "an entry and an answer each"
