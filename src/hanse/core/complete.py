"""What may come next in a question that somebody is typing: fields, words of the language, values of code lists.

Only the vocabulary is offered, never what data hold.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hanse.core.fields import Field, Identifying, Type, Vocabulary, fold
from hanse.core.reading import MAX_LENGTH

MOST = 20  # suggestions at once


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`insert` takes the place of the characters from `start` up to `end` (0 is the first)."""

    insert: str
    label: str
    kind: str  # field, word or value
    start: int
    end: int


class Wants(StrEnum):
    """What the language allows at a place."""

    CRITERION = "criterion"
    CALL = "call"  # the parenthesis after a function's name
    FIELD = "field"
    OPERATOR = "operator"
    LIST = "list"  # the parenthesis after IN
    ITEM = "item"
    ITEMS = "items"
    LOW = "low"
    UPTO = "up to"  # the AND of BETWEEN
    VALUE = "value"
    NULL = "null"
    JOINT = "joint"
    COUNT = "count"  # what count(...) is compared with
    NUMBER = "number"


_W = Wants
_NEXT = {
    (_W.CRITERION, "not"): _W.CRITERION,
    (_W.CRITERION, "field"): _W.OPERATOR,
    (_W.CRITERION, "function"): _W.CALL,
    (_W.CRITERION, "value"): _W.JOINT,  # the days of within_days
    (_W.FIELD, "field"): _W.JOINT,
    (_W.OPERATOR, "compare"): _W.VALUE,
    (_W.OPERATOR, "like"): _W.VALUE,
    (_W.OPERATOR, "in"): _W.LIST,
    (_W.OPERATOR, "between"): _W.LOW,
    (_W.OPERATOR, "is"): _W.NULL,
    (_W.OPERATOR, "not"): _W.OPERATOR,
    (_W.ITEM, "value"): _W.ITEMS,
    (_W.ITEMS, "comma"): _W.ITEM,
    (_W.LOW, "value"): _W.UPTO,
    (_W.UPTO, "and"): _W.VALUE,
    (_W.VALUE, "value"): _W.JOINT,
    (_W.VALUE, "function"): _W.CALL,
    (_W.NULL, "not"): _W.NULL,
    (_W.NULL, "null"): _W.JOINT,
    (_W.JOINT, "and"): _W.CRITERION,
    (_W.JOINT, "or"): _W.CRITERION,
    (_W.COUNT, "compare"): _W.NUMBER,
    (_W.NUMBER, "value"): _W.JOINT,
}
_AFTER = {"count": _W.COUNT, "casei": _W.OPERATOR}  # what follows a call; after others a joint does
_INSIDE = {"within": _W.FIELD, "casei": _W.FIELD}  # what stands first in a call; in others a criterion does
_ARGUMENT = {"within": _W.VALUE}  # what follows a comma in a call

_FUNCTIONS = ("exists", "count", "within", "within_days", "casei")
_WORDS = ("and", "or", "not", "in", "between", "like", "is", "null")
_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')|(?P<torn>'(?:[^']|'')*\Z)|(?P<word>[A-Za-z_][\w.]*)|(?P<number>[-+]?[\d.]+)"
    r"|(?P<compare><=|>=|<>|[=<>])|(?P<open>\()|(?P<close>\))|(?P<comma>,)"
)


@dataclass
class _Reader:
    """Follows a question from its beginning to the place where somebody types."""

    wants: Wants = Wants.CRITERION
    field: str = ""
    function: str = ""

    def __post_init__(self) -> None:
        self._open: list[str] = []

    def take(self, kind: str, text: str) -> None:
        if kind == "open":
            self._enter()
        elif kind == "close":
            name = self._open.pop() if self._open else ""
            self.wants = _AFTER.get(name, Wants.JOINT)
        elif kind == "comma" and self.wants is not Wants.ITEMS:
            self.wants = _ARGUMENT.get(self._open[-1] if self._open else "", Wants.CRITERION)
        else:
            self.field = text if kind == "field" else self.field
            self.function = text.lower() if kind == "function" else self.function
            self.wants = _NEXT.get((self.wants, kind), self.wants)

    def _enter(self) -> None:
        called = {Wants.CALL: self.function, Wants.LIST: "list"}.get(self.wants, "group")
        self._open.append(called)
        inside = Wants.ITEM if called == "list" else _INSIDE.get(called, Wants.CRITERION)
        self.wants = inside


def complete(text: str, at: int, vocabulary: Vocabulary, language: str = "en") -> list[Suggestion]:
    """What may stand at the place `at` (0 is before the first character), the likeliest first; at most `MOST`."""
    before = text[: max(0, min(at, len(text), MAX_LENGTH))]
    tokens = [(str(one.lastgroup), one[0], one.start()) for one in _TOKEN.finditer(before)]
    start, typed = len(before), ""
    if tokens and tokens[-1][0] in ("word", "torn") and tokens[-1][2] + len(tokens[-1][1]) == len(before):
        _, typed, start = tokens.pop()
    reader = _Reader()
    for kind, word, _ in tokens:
        reader.take(_class(kind, word), word)
    end = start + len(typed)
    if typed.startswith("'") and text[end : end + 1] == "'":
        end += 1
    offered = _offered(reader, vocabulary, language, quoted=typed.startswith("'"))
    ranked = _ranked(offered, typed.strip("'"))
    spaced = text[end : end + 1].isspace()
    return [
        Suggestion(insert.rstrip() if spaced else insert, label, kind, start, end)
        for insert, label, kind in ranked[:MOST]
    ]


def _class(kind: str, word: str) -> str:
    if kind == "word":
        low = word.lower()
        if low in ("true", "false"):
            return "value"
        return low if low in _WORDS else "function" if low in _FUNCTIONS else "field"
    return "value" if kind in ("text", "torn", "number") else kind


_Offer = tuple[str, str, str]  # what is written, what it means, its kind
_Named = tuple[_Offer, tuple[str, ...]]  # and other names by which it is found


def _offered(reader: _Reader, vocabulary: Vocabulary, language: str, quoted: bool) -> Iterator[_Named]:
    field = vocabulary.get(reader.field)
    match reader.wants:
        case Wants.ITEM | Wants.LOW | Wants.VALUE:
            yield from _values(field, language) if field else ()
        case _ if quoted:
            return
        case Wants.CRITERION | Wants.FIELD:
            yield from (_named(one, language) for one in vocabulary.fields.values() if _askable(one))
            if reader.wants is Wants.CRITERION:
                yield from _words("exists(", "count(", "within(", "within_days(", "NOT ")
        case Wants.OPERATOR:
            yield from _words(*_operators(field))
        case _:
            yield from _words(*_FOLLOWING.get(reader.wants, ()))


_FOLLOWING = {
    Wants.CALL: ("(",),
    Wants.LIST: ("(",),
    Wants.ITEMS: (", ", ")"),
    Wants.UPTO: ("AND ",),
    Wants.NULL: ("NULL", "NOT NULL"),
    Wants.JOINT: ("AND ", "OR "),
    Wants.COUNT: (">= ", "= ", "<= ", "> ", "< ", "<> "),
}
_LIMITS = (">= ", "<= ", "> ", "< ", "BETWEEN ")


def _operators(field: Field | None) -> tuple[str, ...]:
    """The comparisons that the field's type has."""
    if field is None:
        return ()
    ordered = field.type in (Type.INTEGER, Type.NUMBER, Type.DAY) or bool(field.codes and field.codes.ordered)
    like = ("LIKE ",) if field.type is Type.TEXT else ()
    several = () if field.type is Type.BOOLEAN else ("IN (",)
    return ("= ", "<> ", *several, *(_LIMITS if ordered else ()), *like, "IS NULL", "IS NOT NULL")


def _askable(field: Field) -> bool:
    return field.identifying is not Identifying.YES


def _named(field: Field, language: str) -> _Named:
    label = field.label.get(language) or field.label.get("en", "")
    return (f"{field.name} ", label, "field"), (field.name, field.column, *field.label.values())


def _values(field: Field, language: str) -> Iterator[_Named]:
    if field.type is Type.BOOLEAN:
        yield from _words("TRUE", "FALSE")
    for code in field.codes.codes.values() if field.codes else ():
        label = code.label.get(language) or code.label.get("en", "")
        literal = "'" + code.code.replace("'", "''") + "'"
        yield (literal, label, "value"), (code.code, *code.label.values(), *code.synonyms)


def _words(*words: str) -> Iterator[_Named]:
    for word in words:
        yield (word, "", "word"), (word,)


def _ranked(offered: Iterable[_Named], typed: str) -> list[_Offer]:
    """What fits the letters typed: names that begin with them first, then those that hold them."""
    wanted = fold(typed)
    if not wanted:
        return [offer for offer, _ in offered]
    ranks: list[list[_Offer]] = [[], []]
    for offer, names in offered:
        folded = [fold(name) for name in names]
        if any(name.startswith(wanted) for name in folded):
            ranks[0].append(offer)
        elif any(wanted in name for name in folded):
            ranks[1].append(offer)
    return ranks[0] + ranks[1]
