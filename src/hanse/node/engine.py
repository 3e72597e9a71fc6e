"""A question as one DuckDB query.

The tables are those of `node.index`: `person(person, ...)` and one for each other entity, `image(person, ...)`; the
column `person` is the place of the person in the index. `core.meaning` says what the query must find; the tests compare
the two on generated questions and data.

A question is a formula over one row per entity. Its AND-terms fall into groups that share no entity; each group is
decided by itself, so that "an MR image and a breast cancer" is two look-ups and not a join of all images with all
conditions. Terms that mix entities ("an MR image or a breast cancer") are joined, but over the distinct truth values of
their parts, not over the rows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanse.core.fields import PERSON, Vocabulary
from hanse.core.meaning import compare, satisfies
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
    criteria,
    entity,
    rows_of,
)
from hanse.node.scan import can_scan

IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Select:
    """SQL and the values of its parameters."""

    sql: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scan:
    """The rows of one small table of which `where` is true; `node.scan` finds them."""

    entity: str
    where: Node


@dataclass(frozen=True, slots=True)
class Lookup:
    """A way to persons, perhaps repeated (a column `person`), of whom one must be, or, when not `wanted`, must not."""

    way: Select | Scan
    wanted: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """A question as look-ups that must all agree on a person, and the image rows that it speaks of.

    `images` gives (person, image): places in the index, the image NULL where a person was found without one. When it
    is None, all images of the persons are meant.
    """

    lookups: tuple[Lookup, ...]
    images: Select | Scan | None


def compile_question(
    question: Question, vocabulary: Vocabulary, small: frozenset[str] = frozenset()
) -> Statement:
    """The query over all datasets of the index. Every criterion must be applicable: see `core.check`. The tables of the
    entities in `small` are read without SQL where that is possible."""
    compiler = _Compiler(vocabulary)

    def scan(terms: Sequence[Node]) -> Scan | None:
        named = {entity(use.field) for term in terms for use in criteria(term)}
        if len(named) == 1 and named <= small and all(can_scan(term, vocabulary) for term in terms):
            return Scan(*named, And(tuple(terms)))
        return None

    def lookup(piece: _Piece) -> Lookup:
        found = compiler.lookup(piece)
        return Lookup(scan(piece.terms) or compiler.select(found.sql), found.wanted)

    groups = _groups(_terms(question.root))
    of_images = next((group for group in groups if IMAGE in _entities(group)), None)
    images = (scan(of_images) or compiler.select(compiler.images(of_images))) if of_images else None
    pieces = (piece for group in groups if group is not of_images for piece in _pieces(group))
    return Statement(tuple(map(lookup, pieces)), images)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Terms that one look-up decides, of persons who are wanted or not."""

    terms: tuple[Node, ...]
    wanted: bool = True


def _pieces(terms: tuple[Node, ...]) -> list[_Piece]:
    """The look-ups that together find the persons with a choice of rows that makes all terms true."""
    return [_Piece(terms)] if _entities(terms) else [piece for term in terms for piece in _pieces_of(term)]


def _pieces_of(term: Node) -> list[_Piece]:
    match term:
        case Exists(where):
            return [piece for group in _groups(_terms(where)) for piece in _pieces(group)]
        case Not(Exists() | Count() | WithinDays() as opened) if len(found := _pieces_of(opened)) == 1:
            return [_Piece(found[0].terms, not found[0].wanted)]
    return [_Piece((term,))]


@dataclass(frozen=True, slots=True)
class _Lookup:
    sql: str
    wanted: bool = True


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
        self.opened: dict[str, str] = {}

    def lookup(self, piece: _Piece) -> _Lookup:
        """The persons whom one piece finds."""
        found = self._lookup(piece.terms)
        return _Lookup(found.sql, found.wanted is piece.wanted)

    def _lookup(self, terms: tuple[Node, ...]) -> _Lookup:
        match terms:
            case (Count() as count,):
                return self._count(count)
            case (WithinDays() as within,):
                return _Lookup(self._within_days(within))
        if _entities(terms):
            return _Lookup(self.persons(terms))
        return _Lookup(f"SELECT person FROM person WHERE {self._all(terms)}")

    def persons(self, terms: Sequence[Node]) -> str:
        """SELECT of the persons with a choice of rows that makes all terms true."""
        if len(_entities(terms)) == 1 and all(map(_is_plain, terms)):
            return f"SELECT person FROM {_table(*_entities(terms))} WHERE {self._all(terms)}"
        return f"SELECT DISTINCT person.person {self._joined(terms)}"

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
            case Exists() | Count() | WithinDays():
                return f"({' AND '.join(self._known(self.lookup(piece)) for piece in _pieces_of(node))})"
            case Compare() | In() | Between() | Like() | IsNull() | Within():
                return f"({self._criterion(node)})"
        return "TRUE"

    def _known(self, lookup: _Lookup) -> str:
        """Whether a person is one of those that were looked up beforehand."""
        name = f"opened{len(self.opened)}"
        self.opened[name] = lookup.sql
        return f"person.person {'IN' if lookup.wanted else 'NOT IN'} (SELECT person FROM {name})"

    def _count(self, node: Count) -> _Lookup:
        """When a count of zero satisfies the comparison, those are looked up whose rows do not satisfy it."""
        (name,) = {entity(node.field)} if node.field else rows_of(node.where) if node.where else set()
        counted = f"count(DISTINCT {_table(name)}.{_quoted(node.field)})" if node.field else "count(*)"
        holds = f"{counted} {node.op} {int(node.number)}"
        zero_holds = compare(0, node.op, node.number)
        having = f"NOT ({holds})" if zero_holds else holds
        rows = self._rows(name, node.where)
        return _Lookup(
            f"SELECT {_table(name)}.person {rows} GROUP BY 1 HAVING {having}", wanted=not zero_holds
        )

    def _within_days(self, node: WithinDays) -> str:
        days = f"({self._days(node.first)}) AS a JOIN ({self._days(node.second)}) AS b ON a.person = b.person"
        return f"SELECT a.person FROM {days} WHERE b.day - a.day BETWEEN {int(node.low)} AND {int(node.high)}"

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
                escape = r" ESCAPE '\'" if "\\" in pattern else ""  # much slower, so only where it is needed
                if fold:
                    column, pattern = f"{_table(entity(node.field))}.{folded(node.field)}", pattern.lower()
                return f"{column} LIKE {self._value(pattern)}{escape}"
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

    def select(self, sql: str) -> Select:
        """The statement with those of the look-ups and of the values that it names."""
        # DuckDB passes over a look-up that nobody is left to need. How long a question takes would then tell whether
        # somebody with some properties is there; so each is carried out, whoever is left.
        if opened := self._opened_in(sql):
            tables = (f"{name} AS MATERIALIZED ({inner})" for name, inner in opened.items())
            sql = f"WITH {', '.join(tables)} {sql}"
        return Select(sql, {name: self.values[name] for name in re.findall(r"\$(v\d+)", sql)})

    def _opened_in(self, sql: str) -> dict[str, str]:
        """The look-ups that a statement needs, each after those that it needs itself."""
        found: dict[str, str] = {}
        for name in re.findall(r"opened\d+", sql):
            found |= self._opened_in(self.opened[name]) | {name: self.opened[name]}
        return found

    def _value(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"${name}"


def _terms(node: Node) -> tuple[Node, ...]:
    return node.terms if isinstance(node, And) else (node,)


def _table(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def folded(field: str) -> str:
    """The column that holds a text field in small letters: made once, since `lower` costs more than LIKE itself."""
    return '"' + field.partition(".")[2].replace('"', '""') + ' folded"'


def _quoted(field: str) -> str:
    return '"' + field.partition(".")[2].replace('"', '""') + '"'
