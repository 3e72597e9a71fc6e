"""Reading a question: CQL2 text or JSON to the nodes of `core.query`, safely, and without a vocabulary."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import cql2

from hanse.core.errors import BadQuestion, QuestionTooLarge
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
    Value,
    Within,
    WithinDays,
    criteria,
    rows_of,
)

# cql2 0.6.0 ends the process with a segmentation fault on deep or very wide questions, so all bounds are checked
# before it is called. 16 000 characters hold about 700 criteria.
MAX_LENGTH = 16_000
MAX_DEPTH = 32
MAX_TREE = 2 * MAX_DEPTH + 6  # levels of the JSON: an object and a list for each, and a comparison's own
MAX_CRITERIA = 500
MAX_NUMBER = 10**18  # what a database counts with, and more than any field holds


def read(source: str | Mapping[str, Any] | bool) -> Question:
    """The question that CQL2 text or CQL2 JSON writes; an empty text asks for everyone.

    Raises `QuestionTooLarge` over the bounds above, `BadQuestion` with the place for anything that is not CQL2 or
    not part of the language here.
    """
    if isinstance(source, str):
        _check_length(source)
        tree = _parse_text(source) if source.strip() else True
    else:
        _check_depth(source)
        try:
            tree = cql2.parse_json(json.dumps(source)).to_json()
        except (cql2.ParseError, cql2.ValidationError, ValueError, TypeError) as error:
            raise BadQuestion("This is not a CQL2 JSON expression.", hint=_JSON_HINT) from error
    root = Everyone() if tree is True else _read(tree)
    if len(criteria(root)) > MAX_CRITERIA:
        raise QuestionTooLarge(
            f"The question has more than {MAX_CRITERIA} criteria.",
            hint="Use IN (...) for many values of one field.",
        )
    return Question(root)


_JSON_HINT = 'An expression looks like {"op": "=", "args": [{"property": "image.modality"}, "MR"]}.'
_TOKEN = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"[^"]*")"""
    r"""|(?P<list>(?<![\w.:])in\s*\()"""
    r"""|(?P<call>(?<![\w.:])(?!(?:and|or|not|between|like|is|div)\()[a-z_:][\w.:]*\()"""
    r"""|(?P<group>\()|(?P<close>\))|(?P<foreign>[^\x00-\x7f])""",
    re.IGNORECASE,
)
_NO_LETTER = re.compile("[\0\ud800-\udfff]")  # JSON can write half a letter, which no database can hold
_GROUP_NAMES = 0x4E00  # 20 000 letters that CQL2 allows in names and that no field has


def _parse_text(text: str) -> Any:
    """CQL2 text to CQL2 JSON, one group in parentheses at a time, from the inside out.

    cql2 0.6.0 needs twice the time for each level of nested groups when there is a mistake inside, so 32 levels would
    never end. A group that is parsed is replaced by a name of one letter and spaces, so places stay true.
    """
    if wrong := _NO_LETTER.search(text):
        place = wrong.end()
        raise BadQuestion(f"What stands at character {place} is no letter.", at=place)
    groups: dict[str, Any] = {}
    open_at: list[tuple[int, str]] = []
    rest = text
    for token in _TOKEN.finditer(text):
        place = token.end()
        if kind := _opened(token):
            if open_at and open_at[-1][1] == "list":
                raise BadQuestion(f"Inside the list, nothing can be opened at character {place}.", at=place)
            open_at.append((place - 1, kind))
            if len(open_at) > MAX_DEPTH:
                raise QuestionTooLarge(
                    f"More than {MAX_DEPTH} parentheses are open at character {place}.", at=place
                )
        elif token["close"]:
            if not open_at:
                raise BadQuestion(f"Nothing is open to be closed at character {place}.", at=place)
            start, kind = open_at.pop()
            if kind == "group":
                name = chr(_GROUP_NAMES + len(groups))
                groups[name] = _parse_flat(rest[start + 1 : place - 1], start + 1)
                rest = rest[:start] + f" {name}".ljust(place - start) + rest[place:]
        elif token["foreign"]:
            raise BadQuestion(f"The letter at character {place} can only stand inside quotes.", at=place)
    if open_at:
        place = open_at[-1][0] + 1
        raise BadQuestion(f"The parenthesis at character {place} is never closed.", at=place)
    return _put_back(_parse_flat(rest, 0), groups)


def _opened(token: re.Match[str]) -> str:
    """What a token opens: a call, a list of values, a group; nothing for others."""
    return token.lastgroup or "" if token.lastgroup in ("call", "list", "group") else ""


def _parse_flat(text: str, offset: int) -> Any:
    try:
        return cql2.parse_text(text).to_json()
    except cql2.ParseError as error:
        line_and_column = re.search(r"--> (\d+):(\d+)", str(error))
        line, column = (int(part) for part in line_and_column.groups()) if line_and_column else (1, 1)
        place = offset + sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column
        raise BadQuestion(
            f"This is not CQL2 from character {place} on.",
            hint="Texts stand in single quotes, groups in parentheses: image.modality = 'MR' AND person.age > 50",
            at=place,
        ) from None


def _put_back(tree: Any, groups: Mapping[str, Any], depth: int = 0) -> Any:
    """The tree with the groups in the places of their names. Every group stands in exactly one place."""
    if depth > MAX_TREE:
        raise QuestionTooLarge(f"The question is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(tree, list):
        return [_put_back(one, groups, depth + 1) for one in tree]
    if not isinstance(tree, dict):
        return tree
    if (name := tree.get("property")) in groups:
        return _put_back(groups[str(name)], groups, depth)
    return {key: _put_back(value, groups, depth + 1) for key, value in tree.items()}


def _check_length(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise QuestionTooLarge(f"The question has {len(text)} characters; at most {MAX_LENGTH} are read.")


def _check_depth(tree: Any) -> None:
    todo = [(tree, 1)]
    size = 0
    while todo:
        one, depth = todo.pop()
        size += 1
        if depth > MAX_TREE or size > MAX_LENGTH:
            raise QuestionTooLarge("The question is nested too deeply or has too many parts.")
        if isinstance(one, Mapping):
            todo.extend((value, depth + 1) for value in one.values())
        elif isinstance(one, (list, tuple)):
            todo.extend((value, depth + 1) for value in one)
        elif isinstance(one, str):
            _check_length(one)


COMPARISONS = {
    "=": "=",
    "<>": "<>",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}  # and what they are turned around


def _read(tree: Any, depth: int = 0) -> Node:
    if depth > MAX_DEPTH:
        raise QuestionTooLarge(f"The question is nested more than {MAX_DEPTH} levels deep.")
    if not isinstance(tree, dict) or "op" not in tree or not isinstance(tree.get("args"), list):
        raise BadQuestion(
            "A criterion compares a field with a value.",
            hint="For example: image.contrast = TRUE, or person.sex = 'F'.",
        )
    op, args = str(tree["op"]).lower(), tree["args"]
    if op in ("and", "or"):
        if not args:
            raise BadQuestion(f"{op.upper()} needs something to join.")
        joint = And if op == "and" else Or
        read_terms = (_read(one, depth + 1) for one in args)
        terms = tuple(
            part for one in read_terms for part in (one.terms if isinstance(one, joint) else (one,))
        )
        return joint(terms) if len(terms) > 1 else terms[0]
    if op not in _READERS:
        raise BadQuestion(
            f"{op} is not part of the question language.", hint="Known: " + ", ".join(sorted(_READERS))
        )
    return _READERS[op](op, args, depth + 1)


def _read_not(op: str, args: list[Any], depth: int) -> Node:
    _expect(len(args) == 1, "NOT stands before one criterion or one group.")
    return Not(_read(args[0], depth))


def _read_compare(op: str, args: list[Any], depth: int) -> Node:
    _expect(len(args) == 2, f"{op} compares two things.")
    left, right = args
    if not isinstance(left, dict) and isinstance(right, dict):
        left, right, op = right, left, COMPARISONS[op]
    if isinstance(left, dict) and str(left.get("op", "")).lower() == "count":
        return _read_count(op, left.get("args", []), right, depth)
    return Compare(_field(left), op, _value(right))


_COUNT = "count takes a criterion, or a field and perhaps a criterion: count(image.study, image.modality = 'MR') >= 2"
_WITHIN_DAYS = (
    "within_days takes two criteria and two whole numbers: "
    "within_days(condition.day, image.modality = 'MR', 0, 90)"
)


def _read_count(op: str, args: Any, number: Any, depth: int) -> Node:
    number = _value(number)
    _expect(
        isinstance(number, int) and not isinstance(number, bool) and number >= 0,
        "count(...) is compared with a whole number: count(image.study) >= 2",
    )
    _expect(isinstance(args, list) and len(args) in (1, 2), _COUNT)
    if _is_field(args[0]):
        return Count(_field(args[0]), _read(args[1], depth) if len(args) == 2 else None, op, int(number))
    _expect(len(args) == 1, _COUNT)
    return Count(None, _read(args[0], depth), op, int(number))


def _read_in(op: str, args: list[Any], depth: int) -> Node:
    _expect(
        len(args) == 2 and isinstance(args[1], list) and bool(args[1]),
        "IN needs a field and a list of values.",
    )
    return In(_field(args[0]), tuple(_value(one) for one in args[1]))


def _read_between(op: str, args: list[Any], depth: int) -> Node:
    _expect(len(args) == 3, "BETWEEN needs a field and two values.")
    return Between(_field(args[0]), _value(args[1]), _value(args[2]))


def _read_like(op: str, args: list[Any], depth: int) -> Node:
    _expect(len(args) == 2, "LIKE needs a field and a pattern.")
    folded = [isinstance(one, dict) and str(one.get("op", "")).lower() == "casei" for one in args]
    left, right = (
        one["args"][0] if fold and one.get("args") else one for one, fold in zip(args, folded, strict=True)
    )
    pattern = _value(right)
    _expect(isinstance(pattern, str), "LIKE compares with a text: image.series_description LIKE '%chest%'")
    _expect(
        re.search(r"(?<!\\)(\\\\)*\\$", str(pattern)) is None, "A pattern cannot end with a single backslash."
    )
    return Like(_field(left), str(pattern), fold=any(folded))


def _read_is_null(op: str, args: list[Any], depth: int) -> Node:
    _expect(len(args) == 1, "IS NULL stands after one field.")
    return IsNull(_field(args[0]))


def _read_within(op: str, args: list[Any], depth: int) -> Node:
    _expect(len(args) == 2, "within takes a field and a code: within(condition.code, 'C50')")
    code = _value(args[1])
    _expect(isinstance(code, str), "The code of within is a text: within(condition.code, 'C50')")
    return Within(_field(args[0]), str(code))


def _read_exists(op: str, args: list[Any], depth: int) -> Node:
    _expect(len(args) == 1, "exists takes one criterion or group: exists(image.modality = 'CT')")
    where = _read(args[0], depth)
    _expect(bool(rows_of(where)), "exists needs a criterion on rows, such as image.modality = 'CT'.")
    return Exists(where)


def _read_within_days(op: str, args: list[Any], depth: int) -> Node:
    _expect(len(args) == 4, _WITHIN_DAYS)
    low, high = (_value(one) for one in args[2:])
    _expect(all(isinstance(one, int) and not isinstance(one, bool) for one in (low, high)), _WITHIN_DAYS)
    first, second = (_field(one) if _is_field(one) else _read(one, depth) for one in args[:2])
    return WithinDays(first, second, int(low), int(high))


_READERS: Mapping[str, Callable[[str, list[Any], int], Node]] = {
    "not": _read_not,
    **dict.fromkeys(COMPARISONS, _read_compare),
    "in": _read_in,
    "between": _read_between,
    "like": _read_like,
    "isnull": _read_is_null,
    "within": _read_within,
    "exists": _read_exists,
    "within_days": _read_within_days,
}


def _expect(condition: bool, words: str) -> None:
    if not condition:
        raise BadQuestion(words)


def _is_field(tree: Any) -> bool:
    return isinstance(tree, dict) and isinstance(tree.get("property"), str)


def _field(tree: Any) -> str:
    if _is_field(tree):
        return str(tree["property"])
    raise BadQuestion(
        "On one side of a comparison stands a field, such as image.modality.",
        hint="Arithmetic and functions of fields are not part of the question language.",
    )


def _value(tree: Any) -> Value:
    if tree is None:
        raise BadQuestion("Nothing equals NULL.", hint="Write: field IS NULL, or field IS NOT NULL.")
    if isinstance(tree, str) and _NO_LETTER.search(tree):
        raise BadQuestion("A text holds something that is no letter.")
    if isinstance(tree, (int, float)) and not abs(tree) < MAX_NUMBER:  # nor infinite, nor no number at all
        raise BadQuestion(f"Numbers are smaller than {MAX_NUMBER:g}.")
    if isinstance(tree, float) and tree.is_integer() and abs(tree) < 2**53:
        return int(tree)
    if isinstance(tree, (str, int, float)):
        return tree
    raise BadQuestion(
        "A field is compared with a text, a number, TRUE or FALSE.",
        hint="Fields are not compared with fields, dates or places; days are whole numbers since a person's baseline.",
    )
