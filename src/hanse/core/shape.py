"""Reading JSON that a stranger wrote: each function gives a value of exactly one type within bounds, or
says no.

The other side of the link may be broken or hostile. What these functions return can be trusted in type and
size, and nothing else; what they refuse is named by its member, never by its value.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from hanse.core.errors import BadEnvelope

One = TypeVar("One")
Choice = TypeVar("Choice", bound=StrEnum)

MAX_COUNT = 10**12
MAX_TEXT = 10_000


def wrong(name: str, wanted: str) -> BadEnvelope:
    """The problem that says which member is not what it must be."""
    return BadEnvelope(f"The member {name!r} is not {wanted}.")


def mapping(body: Any, name: str) -> Mapping[str, Any]:
    """A JSON object, whatever its members."""
    if not isinstance(body, dict):
        raise wrong(name, "an object")
    found: Mapping[str, Any] = body
    return found


def members(body: Any, name: str, known: frozenset[str]) -> Mapping[str, Any]:
    """A JSON object that has no members but `known` ones."""
    found = mapping(body, name)
    if not known.issuperset(found):
        raise wrong(name, f"an object with members among {', '.join(sorted(known))}")
    return found


def text(
    body: Mapping[str, Any], name: str, *, most: int = 300, least: int = 0, default: str | None = None
) -> str:
    """A text of `least` to `most` characters."""
    value = body.get(name, default)
    if not isinstance(value, str) or not least <= len(value) <= most or "\0" in value:
        raise wrong(name, f"a text of {least} to {most} characters without NUL")
    return value


def printable(value: str, name: str) -> str:
    """A text that shows what it is: no control characters, no marks that reverse the direction of writing."""
    if not value.isprintable() or value != value.strip():
        raise wrong(name, "printable text without spaces around it")
    return value


def number(body: Mapping[str, Any], name: str, *, most: int = MAX_COUNT, least: int = 0) -> int:
    """A whole number from `least` to `most`."""
    value = body.get(name)
    if type(value) is not int or not least <= value <= most:
        raise wrong(name, f"a whole number from {least} to {most}")
    return value


def perhaps(body: Mapping[str, Any], name: str, *, most: int = MAX_COUNT) -> int | None:
    """A whole number from 0 to `most`, or None when the member is absent or null."""
    return None if body.get(name) is None else number(body, name, most=most)


def seconds(body: Mapping[str, Any], name: str, *, most: float) -> float:
    """A duration of 0 to `most` seconds."""
    value: Any = body.get(name)
    if type(value) not in (int, float) or not 0 <= value <= most:  # a NaN compares false
        raise wrong(name, f"a number of seconds from 0 to {most:g}")
    return float(value)


def truth(body: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """True or false; `default` when the member is absent."""
    value = body.get(name, default)
    if type(value) is not bool:
        raise wrong(name, "true or false")
    return value


def choice(body: Mapping[str, Any], name: str, kind: type[Choice]) -> Choice:
    """A member of an enumeration, by its value."""
    try:
        return kind(str(body.get(name)))
    except ValueError:
        raise wrong(name, f"one of {', '.join(kind)}") from None


def items(body: Mapping[str, Any], name: str, read: Callable[[Any], One], *, most: int) -> tuple[One, ...]:
    """A list of at most `most` things that `read` accepts; empty when the member is absent."""
    value = body.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        raise wrong(name, f"a list of at most {most}")
    return tuple(read(one) for one in value)


def texts(body: Mapping[str, Any], name: str, *, most: int, length: int = 300) -> tuple[str, ...]:
    """A list of at most `most` texts of at most `length` characters."""
    found = items(body, name, lambda one: one, most=most)
    if not all(isinstance(one, str) and len(one) <= length and "\0" not in one for one in found):
        raise wrong(name, f"a list of texts of at most {length} characters")
    return found


_PROBLEM = {"type": 200, "title": 300, "detail": 2000, "hint": 2000}


def problem(body: Any) -> dict[str, Any]:
    """The members of a node's problem (RFC 9457) that the hub shows: texts within bounds, and the status."""
    if not isinstance(body, dict):
        raise wrong("problem", "an object")
    shown: dict[str, Any] = {name: text(body, name, most=most, default="") for name, most in _PROBLEM.items()}
    return shown | {"status": number(body, "status", least=400, most=599)}
