"""A question as one DuckDB query.

The tables are those of `node.index`: `person(person, ...)` and one for each other entity, `image(person, ...)`; the
column `person` is the place of the person in the index. `core.meaning` says what the query must find; the tests compare
the two on generated questions and data.

A question is a formula over one row per entity. Its AND-terms fall into groups that share no entity; each group is
decided by itself, so that "an MR image and a breast cancer" is two look-ups and not a join of all images with all
conditions. Terms that mix entities ("an MR image or a breast cancer") are joined, but over the distinct truth values of
their parts, not over the rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hanse.core.fields import PERSON, Vocabulary
from hanse.core.meaning import satisfies
from hanse.core.query import (
    And,
    Between,
    Compare,
    Count,
    Criterion,
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
    children,
    entity,
    rows_of,
)

IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL whose rows are (person, image): places in the index, the image NULL where a person was found without one.
    When `speaks_of_images` is false there is no image column: all images of the persons are meant."""

    sql: str
    values: dict[str, Any]
    speaks_of_images: bool


def compile_question(question: Question, vocabulary: Vocabulary) -> Statement:
    """The query over all datasets of the index. Every criterion must be applicable: see `core.check`."""
    compiler = _Compiler(vocabulary)
    groups = _groups(_terms(question.root))
    of_images = next((group for group in groups if IMAGE in _entities(group)), None)
    select = compiler.images(of_images) if of_images else "SELECT person FROM person"
    where = [f"person IN ({compiler.persons(group)})" for group in groups if group is not of_images]
    sql = f"SELECT * FROM ({select}) WHERE {' AND '.join(where)}" if where else select
    return Statement(sql, compiler.values, of_images is not None)


def _entities(terms: Iterable[Node]) -> frozenset[str]:
    return frozenset().union(*(rows_of(term) for term in terms))


def _groups(terms: Sequence[Node]) -> list[tuple[Node, ...]]:
    """The terms, together where they speak of a common entity; those about the person alone are one group."""
    groups: list[tuple[Node, ...]] = []
    for term in terms:
        mine = rows_of(term)
        near = [group for group in groups if _entities(group) & mine or not (_entities(group) or mine)]
        groups = [group for group in groups if group not in near]
        groups.append((*(one for group in near for one in group), term))
    return groups


def _is_plain(node: Node) -> bool:
    """Whether the rows of one entity decide it: no criterion of the person, nothing that opens further rows."""
    if isinstance(node, Criterion):
        return entity(node.field) != PERSON
    return (
        isinstance(node, And | Or | Not) and len(rows_of(node)) == 1 and all(map(_is_plain, children(node)))
    )


class _Compiler:
    """Writes SQL; literals of the question become named values, never text of the statement."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.values: dict[str, Any] = {}

    def persons(self, terms: Sequence[Node]) -> str:
        """SELECT of the persons with a choice of rows that makes all terms true."""
        entities = _entities(terms)
        if not entities:
            return f"SELECT person FROM person WHERE {self._all(terms)}"
        if len(entities) == 1 and all(map(_is_plain, terms)):
            return f"SELECT person FROM {_table(*entities)} WHERE {self._all(terms)}"
        return f"SELECT person.person {self._joined(terms)}"

    def images(self, terms: Sequence[Node]) -> str:
        """SELECT of (person, image) for the image rows in such choices."""
        if _entities(terms) == {IMAGE} and all(map(_is_plain, terms)):
            return f"SELECT person, rowid AS image FROM image WHERE {self._all(terms)}"
        return f"SELECT DISTINCT person.person, image.place AS image {self._joined(terms)}"

    def _joined(self, terms: Sequence[Node]) -> str:
        """FROM and WHERE of the person's row and the truth values of its other rows; no row is a row of NULLs."""
        parts: dict[str, dict[str, str]] = {name: {} for name in sorted(_entities(terms))}
        where = " AND ".join(self._over_parts(term, parts) for term in terms)
        joins = ""
        for name, columns in parts.items():
            place = "rowid AS place, " if name == IMAGE else ""
            listed = ", ".join(f"({sql}) AS {column}" for column, sql in columns.items())
            distinct = "" if name == IMAGE else "DISTINCT "
            joins += (
                f" LEFT JOIN (SELECT {distinct}{place}person, {listed} FROM {_table(name)}) AS {_table(name)}"
                f" ON {_table(name)}.person = person.person"
            )
        return f"FROM person{joins} WHERE {where}"

    def _over_parts(self, node: Node, parts: dict[str, dict[str, str]]) -> str:
        """The truth of `node`, its plain parts being columns of the joined tables."""
        if _is_plain(node):
            (name,) = rows_of(node)
            column = f"t{len(parts[name])}"
            parts[name][column] = self._truth(node)
            return f"{_table(name)}.{column}"
        if isinstance(node, And | Or):
            word = " AND " if isinstance(node, And) else " OR "
            return f"({word.join(self._over_parts(term, parts) for term in node.terms)})"
        if isinstance(node, Not):
            return f"(NOT {self._over_parts(node.term, parts)})"
        return self._truth(node)

    def _all(self, terms: Sequence[Node]) -> str:
        return " AND ".join(self._truth(term) for term in terms)

    def _truth(self, node: Node) -> str:
        """One SQL condition over the row of the criteria's own table."""
        match node:
            case And(terms) | Or(terms):
                word = " AND " if isinstance(node, And) else " OR "
                return f"({word.join(self._truth(term) for term in terms)})"
            case Not(term):
                return f"(NOT {self._truth(term)})"
            case Exists(where):
                groups = (f"person.person IN ({self.persons(group)})" for group in _groups(_terms(where)))
                return f"({' AND '.join(groups)})"
            case Count():
                return self._count(node)
            case WithinDays(first, second, low, high):
                days = f"({self._days(first)}) AS a JOIN ({self._days(second)}) AS b ON a.person = b.person"
                between = f"b.day - a.day BETWEEN {int(low)} AND {int(high)}"
                return f"person.person IN (SELECT a.person FROM {days} AND {between})"
            case Compare() | In() | Between() | Like() | IsNull() | Within():
                return f"({self._criterion(node)})"
        return "TRUE"

    def _count(self, node: Count) -> str:
        """Persons without any row are counted too: they are in when zero satisfies the comparison."""
        (name,) = {entity(node.field)} if node.field else rows_of(node.where) if node.where else set()
        counted = f"count(DISTINCT {_table(name)}.{_quoted(node.field)})" if node.field else "count(*)"
        rows = self._rows(name, node.where)
        holds = f"{counted} {node.op} {int(node.number)}"
        zero_holds = {
            "=": node.number == 0,
            "<>": node.number != 0,
            "<": node.number > 0,
            "<=": True,
            ">": False,
        }
        if zero_holds.get(node.op, node.number <= 0):
            return (
                f"person.person NOT IN (SELECT {_table(name)}.person {rows} GROUP BY 1 HAVING NOT ({holds}))"
            )
        return f"person.person IN (SELECT {_table(name)}.person {rows} GROUP BY 1 HAVING {holds})"

    def _days(self, side: Node | str) -> str:
        (name,) = {entity(side)} if isinstance(side, str) else rows_of(side)
        day = f"{_table(name)}.{_quoted(self.vocabulary.day(name) or '')}"
        rows = self._rows(name, None if isinstance(side, str) else side)
        return f"SELECT DISTINCT {_table(name)}.person, {day} AS day {rows}"

    def _rows(self, name: str, where: Node | None) -> str:
        """FROM and WHERE of the rows of one entity for which `where` is true, the person's row beside them."""
        if where is None:
            return f"FROM {_table(name)}"
        person = "" if _is_plain(where) else f" JOIN person ON person.person = {_table(name)}.person"
        return f"FROM {_table(name)}{person} WHERE {self._truth(where)}"

    def _criterion(self, node: Criterion) -> str:
        column = f"{_table(entity(node.field))}.{_quoted(node.field)}"
        codes = self._codes(node)
        if codes is not None:
            return (
                f"{column} IN ({', '.join(map(self._value, codes))})"
                if codes
                else f"{column} IS NULL AND NULL"
            )
        match node:
            case Compare(op=op, value=value):
                return f"{column} {op} {self._value(value)}"
            case In(values=values):
                return f"{column} IN ({', '.join(map(self._value, values))})"
            case Between(low=low, high=high):
                return f"{column} BETWEEN {self._value(low)} AND {self._value(high)}"
            case Like(pattern=pattern, fold=fold):
                return f"{column} {'ILIKE' if fold else 'LIKE'} {self._value(pattern)} ESCAPE '\\'"
        return f"{column} IS NULL"

    def _codes(self, node: Criterion) -> list[str] | None:
        """The codes that satisfy a criterion on a tree or an order of codes; None for criteria on the value itself."""
        codes = self.vocabulary.fields[node.field].codes
        if codes is None:
            return None
        match node:
            case Within(code=code):
                return sorted(codes.within(code))
            case Between() | Compare(op="<" | "<=" | ">" | ">="):
                return [code for code in codes.codes if satisfies(node, code, self.vocabulary)]
        return None

    def _value(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"${name}"


def _terms(node: Node) -> tuple[Node, ...]:
    return node.terms if isinstance(node, And) else (node,)


def _table(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(field: str) -> str:
    return '"' + field.partition(".")[2].replace('"', '""') + '"'
