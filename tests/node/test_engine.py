"""The fast engine finds what the meaning says, on generated questions and data."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.core.fields import PERSON, Code, CodeList, Entity, Field, Type, Vocabulary
from hanse.core.meaning import Person, select
from hanse.core.query import (
    And,
    Between,
    Compare,
    Count,
    Everyone,
    Exists,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
    Question,
    Within,
    WithinDays,
    rows_of,
)
from hanse.core.reading import read
from hanse.node.engine import compile_question
from hanse.node.index import SCANNED, Index, column_type

TREE = CodeList(
    "tree", {code: Code(code, {"en": code}, parent) for code, parent in [("a", ""), ("b", "a"), ("c", "b")]}
)
ORDER = CodeList(
    "order", {code: Code(code, {"en": code}, rank=rank) for rank, code in enumerate(["z", "y", "x"])}
)
COLUMNS = {
    "person": {"sex": (Type.CODE, TREE), "age": (Type.INTEGER, None)},
    "image": {
        "study": (Type.KEY, None),
        "kind": (Type.CODE, TREE),
        "stage": (Type.CODE, ORDER),
        "words": (Type.TEXT, None),
        "size": (Type.NUMBER, None),
        "bright": (Type.BOOLEAN, None),
        "day": (Type.DAY, None),
    },
    "condition": {"kind": (Type.CODE, TREE), "day": (Type.DAY, None), "size": (Type.NUMBER, None)},
}
VOCABULARY = Vocabulary(
    "test",
    {name: Entity(name, {"en": name}, name, name, "" if name == PERSON else "day") for name in COLUMNS},
    {
        f"{name}.{column}": Field(f"{name}.{column}", type, {"en": column}, column, codes)
        for name, columns in COLUMNS.items()
        for column, (type, codes) in columns.items()
    },
)
VALUES: dict[Type, st.SearchStrategy[Any]] = {
    Type.INTEGER: st.integers(0, 4),
    Type.DAY: st.integers(0, 4),
    Type.KEY: st.integers(0, 2),
    Type.NUMBER: st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    Type.BOOLEAN: st.booleans(),
    Type.TEXT: st.sampled_from(
        ["", "a", "A", "ab", "a%", "_", "a\\b", "line\nline", "'; DROP TABLE person; --"]
    ),
}
PATTERNS = ["%", "a%", "_", "%b", "A_", "a\\%", "\\_", "%\\\\%", "%LINE", "'; DROP TABLE person; --"]


def values(field: Field) -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(field.codes.codes)) if field.codes else VALUES[field.type]


def rows(entity: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({one.column: st.none() | values(one) for one in VOCABULARY.of(entity)})


PERSONS = st.lists(
    st.fixed_dictionaries(
        {
            "person": st.lists(rows("person"), min_size=1, max_size=1),
            "image": st.lists(rows("image"), max_size=4),
            "condition": st.lists(rows("condition"), max_size=3),
        }
    ),
    max_size=5,
)


@st.composite
def criteria(draw: st.DrawFn, entities: tuple[str, ...] = ("person", "image", "condition")) -> Node:
    names = [
        name
        for name, field in VOCABULARY.fields.items()
        if field.entity in entities and field.type is not Type.KEY
    ]
    field = VOCABULARY.fields[draw(st.sampled_from(names))]
    value = values(field)
    ordered = field.type in (Type.INTEGER, Type.NUMBER, Type.DAY) or (
        field.codes is not None and field.codes.ordered
    )
    kinds: list[st.SearchStrategy[Node]] = [
        st.builds(IsNull, st.just(field.name)),
        st.builds(Compare, st.just(field.name), st.sampled_from(["=", "<>"]), value),
        st.builds(In, st.just(field.name), st.lists(value, min_size=1, max_size=3).map(tuple)),
    ]
    if ordered:
        kinds.append(st.builds(Compare, st.just(field.name), st.sampled_from(["<", "<=", ">", ">="]), value))
        kinds.append(st.builds(Between, st.just(field.name), value, value))
    if field.type is Type.TEXT:
        kinds.append(st.builds(Like, st.just(field.name), st.sampled_from(PATTERNS), st.booleans()))
    if field.type is Type.CODE:
        kinds.append(st.builds(Within, st.just(field.name), value))
    return draw(st.one_of(kinds))


def joined(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    some = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(And, some) | st.builds(Or, some) | st.builds(Not, parts)


@st.composite
def of_one_entity(draw: st.DrawFn, entity: str) -> Node:
    node = draw(st.recursive(criteria((entity, PERSON)), joined, max_leaves=3))
    return node if rows_of(node) else And((draw(criteria((entity,))), node))


@st.composite
def opening(draw: st.DrawFn) -> Node:
    kind = draw(st.sampled_from(["exists", "count", "within_days"]))
    if kind == "exists":
        where = draw(st.recursive(criteria(), joined, max_leaves=4))
        return Exists(where if rows_of(where) else And((where, draw(criteria(("image",))))))
    if kind == "count":
        where = draw(st.none() | of_one_entity("image"))
        field = (
            draw(st.sampled_from(["image.study", "image.kind"]))
            if where is None or draw(st.booleans())
            else None
        )
        return Count(
            field, where, draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="])), draw(st.integers(0, 3))
        )
    sides = [
        draw(st.just(f"{one}.day") | of_one_entity(one))
        for one in draw(st.permutations(["image", "condition"]))
    ]
    return WithinDays(*sides, draw(st.integers(-3, 1)), draw(st.integers(0, 3)))


QUESTIONS = st.recursive(criteria() | opening(), joined, max_leaves=6).map(Question) | st.just(
    Question(Everyone())
)


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    for name, columns in COLUMNS.items():
        keys = {"person": "dataset INTEGER, ordinal INTEGER, ", "image": "series INTEGER, "}.get(name, "")
        typed = ", ".join(
            f"{field.column} {'INTEGER' if field.type is Type.KEY else column_type(field)}"
            for field in VOCABULARY.of(name)
        )
        texts = "".join(
            f', "{one} folded" VARCHAR' for one, (type, _) in columns.items() if type is Type.TEXT
        )
        connection.execute(f"CREATE TABLE {name} (person INTEGER, {keys}{typed}{texts})")
    return connection


def fill(database: duckdb.DuckDBPyConnection, persons: list[Person]) -> list[tuple[int, int]]:
    """The data as the tables of an index; returns (place of the person, place among its images) of each image."""
    places = []
    for name, columns in COLUMNS.items():
        database.execute(f"CREATE OR REPLACE TABLE {name} AS FROM {name} LIMIT 0")
        flat = [(place, i, row) for place, person in enumerate(persons) for i, row in enumerate(person[name])]
        places = [(place, i) for place, i, _ in flat] if name == "image" else places
        keys = {"person": lambda place, i: (0, place), "image": lambda place, i: (i,)}.get(
            name, lambda place, i: ()
        )
        folded = [column for column, (type, _) in columns.items() if type is Type.TEXT]
        rows = [
            (
                place,
                *keys(place, i),
                *map(row.get, columns),
                *(row[one] and row[one].lower() for one in folded),
            )
            for place, i, row in flat
        ]
        if rows:
            database.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    return places


@settings(max_examples=400, deadline=None)
@given(question=QUESTIONS, persons=PERSONS)
def test_sql_and_scans_find_what_the_question_means(
    database: Any, question: Question, persons: list[Person]
) -> None:
    places = fill(database, persons)
    meant = select(question, persons, VOCABULARY)
    for scanned in (-1, SCANNED):
        found = Index([], VOCABULARY, database, scanned).select(question)
        assert set(found.persons.tolist()) == meant.persons
        assert {places[image] for image in found.images} == meant.images


def test_what_is_looked_up_does_not_depend_on_whether_somebody_is_left(database: Any) -> None:
    fill(database, [{"person": [{"age": 1}], "image": [{"words": None, "size": 1.0}] * 50, "condition": []}])

    def most_scanned(age: int) -> int:
        question = read(f"(person.age = {age} AND exists(image.size > 0.5)) OR person.age > 9")
        (lookup,) = compile_question(question, VOCABULARY).lookups
        profile = f"EXPLAIN (ANALYZE, FORMAT JSON) {lookup.way.sql}"
        plan = json.loads(database.execute(profile, lookup.way.values).fetchone()[1])
        return max(part["operator_rows_scanned"] for part in parts(plan))

    def parts(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for part in plan["children"]:
            yield part
            yield from parts(part)

    assert most_scanned(age=1) == most_scanned(age=2) == 50


@settings(max_examples=200, deadline=None)
@given(question=QUESTIONS)
def test_a_question_reads_back_from_its_text_and_from_its_json(question: Question) -> None:
    again = read(question.json)
    assert read(again.text) == read(again.json) == read(question.text) == again
