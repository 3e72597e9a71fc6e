"""Conditions of a permit: a closed profile of ODRL 2.2, small enough to be decided by tables.

A policy is a list of permissions and prohibitions over one action each, with constraints. A prohibition that
applies wins; without a permission that applies nothing is allowed; a word that is not in the tables denies the
whole policy, since nobody can say what was meant. A policy without rules sets no conditions.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from hanse.core import clock, document, shape
from hanse.core.errors import BadInput

Value = str | int | tuple[str, ...]
Fact = str | int | datetime | None
MAX_CONSTRAINTS, MAX_VALUES = 20, 100

# Each action, and the one that it is part of (ODRL `includedIn`).
ACTIONS: Mapping[str, str] = {
    "use": "",
    "read": "use",
    "aggregate": "use",
    "train": "use",
    "evaluate": "use",
    "export": "use",
}


class Sort(StrEnum):
    """What an operand is compared with."""

    CODE = "code"
    NUMBER = "number"
    TIME = "time"


# Each operand (the left side of a constraint), what it is compared with, and what it stands for.
OPERANDS: Mapping[str, tuple[Sort, str]] = {
    "purpose": (Sort.CODE, "the purpose"),
    "dateTime": (Sort.TIME, "the time of use"),
    "spatial": (Sort.CODE, "the country of the person's organisation"),
    "recipientRole": (Sort.CODE, "the person's role"),
    "environment": (Sort.CODE, "the environment"),
    "count": (Sort.NUMBER, "the number of orders carried out before"),
    "kThreshold": (Sort.NUMBER, "the fewest persons that a released number stands for"),
}

_EQUAL: Mapping[str, Callable[[Any, Any], bool]] = {"eq": operator.eq, "neq": operator.ne}
_ORDERED = {"lt": operator.lt, "lteq": operator.le, "gt": operator.gt, "gteq": operator.ge}
_SETS: Mapping[str, Callable[[Any, Any], bool]] = {
    "isAnyOf": lambda left, right: left in right,
    "isNoneOf": lambda left, right: left not in right,
}
OPERATORS: Mapping[Sort, Mapping[str, Callable[[Any, Any], bool]]] = {
    Sort.CODE: {**_EQUAL, **_SETS},
    Sort.NUMBER: {**_EQUAL, **_ORDERED},
    Sort.TIME: {**_EQUAL, **_ORDERED},
}


class Effect(StrEnum):
    PERMISSION = "permission"
    PROHIBITION = "prohibition"


@dataclass(frozen=True, slots=True)
class Constraint:
    """`operand operator value`; texts that the tables do not know are kept, so that they deny."""

    operand: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Rule:
    """One permission or prohibition; it applies when all its constraints hold."""

    effect: Effect
    action: str
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Whether a policy allows an action, and why: a line for each rule that decided."""

    allowed: bool
    reasons: tuple[str, ...]


def evaluate(policy: tuple[Rule, ...], action: str, facts: Mapping[str, Fact]) -> Report:
    """Whether `policy` allows `action`, given the value of each operand. An operand without a value makes a
    permission fail and a prohibition apply."""
    if unknown := tuple(word for rule in policy for word in _unknown(rule)) or _unknown_action(action):
        return Report(
            False, tuple(f"The conditions use a word that is not known here: {one}." for one in unknown)
        )
    concerned = [rule for rule in policy if rule.action in _wider(action)]
    forbidding = [one for one in concerned if one.effect is Effect.PROHIBITION and _applies(one, facts, True)]
    if forbidding:
        return Report(False, tuple(f"Forbidden: {say(one)}." for one in forbidding))
    allowing = [one for one in concerned if one.effect is Effect.PERMISSION and _applies(one, facts, False)]
    if policy and not allowing:
        return Report(
            False, tuple(f"Not fulfilled: {say(one)}." for one in _permissions(concerned)) or _NOTHING
        )
    return Report(True, tuple(f"Allowed: {say(one)}." for one in allowing))


_NOTHING = ("No condition allows this action.",)


def check(policy: tuple[Rule, ...], actions: Iterable[str]) -> None:
    """`BadInput` when conditions permit one of the actions under no circumstances: they would forbid it."""
    permitted = {one.action for one in _permissions(list(policy))}
    if forbidden := [one for one in actions if policy and not _wider(one) & permitted]:
        raise BadInput(
            f"The conditions permit nobody to {forbidden[0]}, so they forbid it.",
            hint=f"Add a condition: permission to {forbidden[0]}; prohibitions stand beside permissions.",
        )


def _permissions(rules: list[Rule]) -> list[Rule]:
    return [one for one in rules if one.effect is Effect.PERMISSION]


def _wider(action: str) -> set[str]:
    return {action, ACTIONS[action]}


def _unknown_action(action: str) -> tuple[str, ...]:
    return () if action in ACTIONS else (action,)


def _unknown(rule: Rule) -> tuple[str, ...]:
    """The words of a rule that the tables do not hold."""
    found = _unknown_action(rule.action)
    for one in rule.constraints:
        if one.operand not in OPERANDS:
            found += (one.operand,)
        elif one.operator not in OPERATORS[OPERANDS[one.operand][0]]:
            found += (f"{one.operand} {one.operator}",)
        elif _right(one) is None:
            found += (f"the value of {one.operand}",)
    return found


def _right(constraint: Constraint) -> Any:
    """The right side as what its operand is compared with; None when it is something else."""
    sort, value = OPERANDS[constraint.operand][0], constraint.value
    if constraint.operator in _SETS:
        return value if isinstance(value, tuple) else None
    if sort is Sort.NUMBER:
        return value if isinstance(value, int) else None
    if not isinstance(value, str):
        return None
    if sort is Sort.CODE:
        return value
    try:
        return clock.read(value)
    except (ValueError, OverflowError):
        return None


def _applies(rule: Rule, facts: Mapping[str, Fact], when_unknown: bool) -> bool:
    return all(_holds(one, facts.get(one.operand), when_unknown) for one in rule.constraints)


def _holds(constraint: Constraint, fact: Fact, when_unknown: bool) -> bool:
    if fact is None:
        return when_unknown
    compare = OPERATORS[OPERANDS[constraint.operand][0]][constraint.operator]
    return compare(fact, _right(constraint))


_SAID = {
    "eq": "is",
    "neq": "is not",
    "lt": "is less than",
    "lteq": "is at most",
    "gt": "is more than",
    "gteq": "is at least",
    "isAnyOf": "is one of",
    "isNoneOf": "is none of",
}
_SAID_OF_TIME = {"lt": "is before", "lteq": "is not after", "gt": "is after", "gteq": "is not before"}


def say(rule: Rule) -> str:
    """A rule in words: `permission to aggregate if the purpose is 53(1)(e)`."""
    text = f"{rule.effect} to {rule.action}"
    return text + (" if " + " and ".join(map(_say, rule.constraints)) if rule.constraints else "")


def _say(one: Constraint) -> str:
    sort, operand = OPERANDS.get(one.operand, (Sort.CODE, one.operand))
    said = _SAID | _SAID_OF_TIME if sort is Sort.TIME else _SAID
    value = ", ".join(one.value) if isinstance(one.value, tuple) else str(one.value)
    return f"{operand} {said.get(one.operator, one.operator)} {value}"


def read(text: str) -> Rule:
    """A rule as people type it: `prohibition to export`, or `permission to use if count lteq 50 and spatial isAnyOf
    FI,SE`. `BadInput` names what is not understood: a rule that nobody knows would forbid everything."""
    said, _, condition = text.strip().partition(" if ")
    effect, _, action = said.partition(" to ")
    if effect not in list(Effect) or not action.strip():
        raise BadInput(
            "A condition begins with permission to, or prohibition to, and an action.",
            hint=f"The actions are {', '.join(ACTIONS)}.",
        )
    parts = tuple(_typed(one) for one in condition.split(" and ")) if condition else ()
    found = Rule(Effect(effect), action.strip(), parts)
    if unknown := _unknown(found):
        raise BadInput(
            f"A condition uses a word that is not known: {', '.join(unknown)}.",
            hint="docs/permits.md has the actions, operands and operators.",
        )
    return found


def _typed(text: str) -> Constraint:
    """`operand operator value`; several values stand with commas between them."""
    words = text.split()
    if len(words) != 3:
        raise BadInput("A condition compares one operand with one value.", hint="count lteq 50")
    operand, comparison, value = words
    if comparison in _SETS:
        return Constraint(operand, comparison, tuple(value.split(",")))
    number = OPERANDS.get(operand, (Sort.CODE, ""))[0] is Sort.NUMBER and value.isdecimal()
    return Constraint(operand, comparison, int(value) if number else value)


def rule(body: Any) -> Rule:
    """The rule in a JSON object; words that the tables do not know are kept."""
    body = document.exactly(body, Rule, "rule")
    return Rule(
        effect=shape.choice(body, "effect", Effect),
        action=document.words(body, "action", least=1, most=100),
        constraints=shape.items(body, "constraints", _constraint, most=MAX_CONSTRAINTS),
    )


def _constraint(body: Any) -> Constraint:
    body = document.exactly(body, Constraint, "constraint")
    return Constraint(
        operand=document.words(body, "operand", least=1, most=100),
        operator=document.words(body, "operator", least=1, most=100),
        value=_value(body),
    )


def _value(body: Mapping[str, Any]) -> Value:
    value = body["value"]
    if isinstance(value, list):
        return shape.items(body, "value", _text, most=MAX_VALUES)
    return _text(value) if isinstance(value, str) else shape.number(body, "value")


def _text(value: Any) -> str:
    return document.words({"value": value}, "value", least=1)
