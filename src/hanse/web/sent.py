"""What an address or a form sent, by the names of its fields; and the criterion that an editor's inputs send."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qs

from starlette.requests import Request

from hanse.core.errors import TooLarge
from hanse.core.fields import Type, Vocabulary
from hanse.web.builder import Apart, BadValue, Condition, Counted, How, Part, offered

Sent = Mapping[str, Sequence[str]]  # what a form's fields sent, by name
MOST_BYTES = 2 << 20  # of a form; a question has 16 000 characters
MOST_FIELDS = 2000
OPS = (">=", "<=", "=", ">", "<", "<>")  # with which a number is compared


def sent_in_address(request: Request) -> dict[str, list[str]]:
    """The query of an address; the id in its path stands with the others."""
    sent = {name: request.query_params.getlist(name) for name in request.query_params}
    if id := request.path_params.get("id"):
        sent["id"] = [id]
    return sent


async def sent_in_form(
    request: Request, most_bytes: int = MOST_BYTES, most_fields: int = MOST_FIELDS
) -> dict[str, list[str]]:
    """The fields of a form that was sent, also the empty ones, whatever their encoding. `TooLarge` beyond the limits,
    and for a body without end."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise TooLarge(f"A form has at most {most_bytes} bytes.")
    try:
        text = body.decode("ascii", "replace")
        return parse_qs(text, keep_blank_values=True, max_num_fields=most_fields)
    except ValueError:
        raise TooLarge(f"A form has at most {most_fields} fields.") from None


def first(sent: Sent, name: str) -> str:
    """What was sent in the first field of a name, or ""."""
    values = sent.get(name, ())
    return values[0] if values else ""


def pairs(part: Part) -> list[tuple[str, str]]:
    """The names and values with which a form's fields send one criterion."""
    said = [("not", "yes")] if part.negated else []
    match part:
        case Condition():
            return [("kind", "field"), *_condition_pairs(part, ""), *said]
        case Counted(of, where, op, number):
            inside = [("where", "yes"), *_condition_pairs(where, "where.")] if where else []
            return [("kind", "count"), ("of", of), ("op", op), ("number", str(number)), *inside, *said]
        case Apart(first, second, low, high):
            sides = [*_side_pairs(first, "first"), *_side_pairs(second, "second")]
            return [("kind", "days"), *sides, ("low", str(low)), ("high", str(high)), *said]


def _condition_pairs(one: Condition, before: str) -> list[tuple[str, str]]:
    return [
        (f"{before}field", one.field),
        (f"{before}how", one.how.value),
        *((f"{before}value", value) for value in one.values),
        *([(f"{before}not", "yes")] if before and one.negated else []),
    ]


def _side_pairs(side: Condition | str, name: str) -> list[tuple[str, str]]:
    return [(name, side)] if isinstance(side, str) else _condition_pairs(side, f"{name}.")


def part_of(sent: Sent, vocabulary: Vocabulary) -> Part:
    """The criterion that a form's fields sent; raises `BadValue` for what cannot be read."""
    negated = "not" in sent
    match first(sent, "kind"):
        case "count":
            where = _condition_of(sent, "where.", vocabulary) if "where" in sent else None
            op = first(sent, "op")
            if op not in OPS or not (first(sent, "of") or where):
                raise BadValue(op)
            return Counted(first(sent, "of"), where, op, _whole(sent, "number"), negated)
        case "days":
            sides = [
                first(sent, name) or _condition_of(sent, f"{name}.", vocabulary)
                for name in ("first", "second")
            ]
            return Apart(sides[0], sides[1], _whole(sent, "low"), _whole(sent, "high"), negated)
    return replace(_condition_of(sent, "", vocabulary), negated=negated)


def _condition_of(sent: Sent, before: str, vocabulary: Vocabulary) -> Condition:
    field = vocabulary.get(first(sent, f"{before}field"))
    if field is None:
        raise BadValue(first(sent, f"{before}field"))
    how = first(sent, f"{before}how")
    if how not in [one.value for one in offered(field)]:
        raise BadValue(how)
    values = tuple(sent.get(f"{before}value", ())) if how != How.UNKNOWN else ()
    return Condition(field.name, How(how), values, negated=bool(before) and f"{before}not" in sent)


def _whole(sent: Sent, name: str) -> int:
    text = first(sent, name).strip()
    if not re.fullmatch(r"[+-]?\d{1,9}", text):
        raise BadValue(text, Type.INTEGER)
    return int(text)
