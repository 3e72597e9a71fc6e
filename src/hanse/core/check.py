"""Comparing a question with a vocabulary: what is wrong with it, and what of it a dataset can apply."""

import re
from collections.abc import Callable, Mapping
from typing import NoReturn

from hanse.core.answer import CriterionState
from hanse.core.errors import BadQuestion
from hanse.core.fields import PERSON, Field, Type, Vocabulary
from hanse.core.query import (
    OPENS_ROWS,
    Between,
    Compare,
    Count,
    Criterion,
    Everyone,
    In,
    IsNull,
    Like,
    Node,
    Question,
    Use,
    Value,
    Within,
    WithinDays,
    criteria,
    entity,
    literals,
    map_criteria,
    rows_of,
    walk,
)
from hanse.core.reading import read

MAX_WARNINGS = 20  # a question has room for a thousand unknown values, each compared with a whole code list


def check(question: Question, vocabulary: Vocabulary, text: str = "") -> list[str]:
    """Raises `BadQuestion` for the first mistake; returns warnings (values that the vocabulary does not know), at most
    `MAX_WARNINGS`.

    `text` is the text that the question was read from: places in it are named when it is given.
    """
    warnings: list[str] = []
    for use in criteria(question.root):
        known = vocabulary.get(use.field)
        if known is None:
            near = vocabulary.near(use.field)
            _fail(f"There is no field {use.field}.", f"Did you mean {near}?" if near else "", use.field, text)
        _check_type(use, known, text)
        for code in _codes(use, known)[: MAX_WARNINGS - len(warnings)]:
            near = known.codes.near(code) if known.codes else None
            meant = f"; did you mean '{near}'?" if near else "."
            warnings.append(f"{known.name} has no such value in vocabulary {vocabulary.version}{meant}")
    check_rows(question, vocabulary, text)
    return warnings


def check_selection(text: str, vocabulary: Vocabulary) -> None:
    """Raises `BadQuestion` unless every criterion of a selection is one of the vocabulary, its values too: under a
    permit, a node opens nothing for a selection that it cannot apply whole. An empty text selects everyone."""
    if warnings := check(read(text), vocabulary, text):
        raise BadQuestion(
            warnings[0],
            hint="`hanse vocabulary FIELD` lists the values; nodes apply a selection whole or not.",
        )


def check_rows(question: Question, vocabulary: Vocabulary, text: str = "") -> None:
    """Raises `BadQuestion` unless every `count` and `within_days` speaks of the rows of one entity, without which a
    question has no meaning. Its fields must be known."""
    for node in walk(question.root):
        if isinstance(node, Count | WithinDays):
            _check_rows(node, vocabulary, text)


def _fail(words: str, hint: str, field: str, text: str) -> NoReturn:
    without_texts = re.sub(r"'(?:[^']|'')*'", lambda quoted: " " * len(quoted[0]), text)
    found = re.search(rf"(?<![\w.]){re.escape(field)}(?![\w.])", without_texts)
    at = found.start() + 1 if found else None
    raise BadQuestion(words + (f" (character {at})" if at else ""), hint=hint, at=at, field=field)


_ORDERED = {"<", "<=", ">", ">="}
_LITERALS: Mapping[Type, tuple[type, ...]] = {
    Type.CODE: (str,),
    Type.TEXT: (str,),
    Type.INTEGER: (int, float),
    Type.NUMBER: (int, float),
    Type.DAY: (int, float),
    Type.BOOLEAN: (bool,),
    Type.KEY: (),
}


def _check_type(use: Criterion | Use, field: Field, text: str) -> None:
    if isinstance(use, Use | IsNull):
        return
    if field.type is Type.KEY:
        _fail(f"{field.name} can only be counted.", f"Write: count({field.name}) >= 2", field.name, text)
    for value in literals(use):
        wanted = _LITERALS[field.type]
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            _fail(f"{field.name} holds {_HOLDS[field.type]}.", _EXAMPLE[field.type], field.name, text)
    ordered = isinstance(use, Between) or (isinstance(use, Compare) and use.op in _ORDERED)
    if ordered and (
        field.type in (Type.TEXT, Type.BOOLEAN) or (field.codes is not None and not field.codes.ordered)
    ):
        _fail(f"The values of {field.name} have no order.", "Use = or IN.", field.name, text)
    if isinstance(use, Like) and field.type is not Type.TEXT:
        _fail(f"{field.name} is not free text.", "Use = or IN; LIKE is for texts.", field.name, text)
    if isinstance(use, Within) and field.type is not Type.CODE:
        _fail(f"{field.name} has no code list.", "within is for coded fields.", field.name, text)


_HOLDS = {
    Type.CODE: "a code",
    Type.TEXT: "text",
    Type.INTEGER: "a number",
    Type.NUMBER: "a number",
    Type.DAY: "a number of days",
    Type.BOOLEAN: "TRUE or FALSE",
}
_EXAMPLE = {
    Type.CODE: "A code is a text in single quotes.",
    Type.TEXT: "A text stands in single quotes.",
    Type.INTEGER: "Write a number without quotes.",
    Type.NUMBER: "Write a number without quotes.",
    Type.DAY: "Write a whole number of days without quotes.",
    Type.BOOLEAN: "Write TRUE or FALSE without quotes.",
}


def _check_rows(node: Count | WithinDays, vocabulary: Vocabulary, text: str) -> None:
    for side in _sides(node):
        entities = {entity(side)} if isinstance(side, str) else set(rows_of(side))
        nested = not isinstance(side, str) and any(isinstance(part, OPENS_ROWS) for part in walk(side))
        if len(entities) != 1 or nested:
            raise BadQuestion("Inside count and within_days, a criterion speaks of the rows of one entity.")
        (name,) = entities
        if isinstance(node, WithinDays) and vocabulary.day(name) is None:
            raise BadQuestion(f"{name} has no day, so within_days cannot place it in time.")
        if isinstance(node, WithinDays) and isinstance(side, str) and side != vocabulary.day(name):
            _fail(f"{side} does not place a row in time.", f"Write {vocabulary.day(name)}.", side, text)
    if isinstance(node, Count) and node.field and node.where and rows_of(node.where) != {entity(node.field)}:
        raise BadQuestion(f"count({node.field}, ...) needs a criterion on {entity(node.field)}.")
    if isinstance(node, Count) and node.field and entity(node.field) == PERSON:
        raise BadQuestion("A person has one row; count counts the rows of something else.")


def _sides(node: Count | WithinDays) -> tuple["Node | str", ...]:
    if isinstance(node, WithinDays):
        return (node.first, node.second)
    return tuple(one for one in (node.field, node.where) if one is not None)


def _codes(use: Criterion | Use, field: Field) -> list[str]:
    """The values of a coded field that its code list does not know."""
    if field.codes is None or isinstance(use, Like):
        return []
    return [str(value) for value in literals(use) if value not in field.codes.codes]


def criterion_state(use: Criterion | Use, vocabulary: Vocabulary, columns: frozenset[str]) -> CriterionState:
    """What a dataset with data in `columns` can do with this criterion, by the node's own vocabulary."""
    field = vocabulary.get(use.field)
    if field is None or field.name not in columns:
        return CriterionState.UNSUPPORTED
    try:
        _check_type(use, field, "")
    except BadQuestion:
        return CriterionState.UNSUPPORTED
    return CriterionState.UNKNOWN_VALUE if _codes(use, field) else CriterionState.APPLIED


def resolve(question: Question, vocabulary: Vocabulary) -> tuple[Question, list[str]]:
    """The question with every label, synonym or foreign code in the place of a code as the code that it means, and a
    sentence for each that was replaced."""
    notes: list[str] = []

    def code(field: str, value: Value) -> Value:
        known = vocabulary.get(field)
        if known is None or known.codes is None or value in known.codes.codes:
            return value
        meant = known.codes.find(str(value))
        if meant is None:
            return value
        notes.append(f"{field}: '{value}' was read as '{meant}'.")
        return meant

    return Question(map_criteria(question.root, lambda one: _with_codes(one, code))), notes


def _with_codes(node: Criterion, code: Callable[[str, Value], Value]) -> Criterion:
    match node:
        case Compare(field, op, value):
            return Compare(field, op, code(field, value))
        case In(field, values):
            return In(field, tuple(code(field, value) for value in values))
        case Between(field, low, high):
            return Between(field, code(field, low), code(field, high))
        case Within(field, value):
            return Within(field, str(code(field, value)))
    return node


def is_single(question: Question, vocabulary: Vocabulary) -> bool:
    """Whether the question has no criterion, or one of the few that anybody could ask of a field: one of its `cell`s,
    or a code with those below it. Disclosure control never stops answering these; a list, a pattern, a limit of
    one's own choice or the lack of a value is another matter. So is the same criterion denied or inside `exists`: each
    way to ask for the same persons has noise of its own, and whoever may use a dozen of them averages it away."""
    return isinstance(question.root, Everyone | Within) or cell(question, vocabulary) is not None


def cell(question: Question, vocabulary: Vocabulary) -> tuple[str, str] | None:
    """The field and the value by which the question asks for one cell of everyone broken down by that field: a code, a
    truth value or a band is all that it names."""
    match question.root:
        case Compare(field, "=", bool(value)) if vocabulary.fields[field].type is Type.BOOLEAN:
            return field, "true" if value else "false"
        case Compare(field, "=", str(value)) if vocabulary.fields[field].type is Type.CODE:
            return field, value
        case Within(field, code):
            codes = vocabulary.fields[field].codes
            return (field, code) if codes and codes.within(code) == {code} else None
        case Between(field, int(low), int(high)):
            known = vocabulary.fields[field]
            possible = known.least is not None and known.most is not None and known.least <= low <= known.most
            if possible and known.band and low % known.band == 0 and high == low + known.band - 1:
                return field, f"{low}-{high}"
    return None
