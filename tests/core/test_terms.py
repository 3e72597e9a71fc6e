"""The closed ODRL profile: a prohibition wins, silence permits nothing, an unknown word denies."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.core import terms
from hanse.core.errors import BadInput
from hanse.core.terms import ACTIONS, OPERANDS, OPERATORS, Constraint, Effect, Rule, Sort, evaluate

FACTS: dict[str, terms.Fact] = {
    "purpose": "53(1)(e)",
    "dateTime": datetime(2026, 11, 22, tzinfo=UTC),
    "spatial": "FI",
    "recipientRole": "member",
    "environment": "spe:example",
    "count": 5,
    "kThreshold": 10,
}
ANYTHING = Rule(Effect.PERMISSION, "use")


def one(operand: str, operator: str, value: terms.Value, effect: Effect = Effect.PERMISSION) -> Rule:
    return Rule(effect, "aggregate", (Constraint(operand, operator, value),))


def test_no_conditions_forbid_nothing() -> None:
    assert evaluate((), "aggregate", FACTS).allowed


def test_conditions_that_do_not_permit_an_action_forbid_it() -> None:
    assert not evaluate((Rule(Effect.PERMISSION, "read"),), "aggregate", FACTS).allowed


def test_conditions_that_permit_an_operation_under_no_circumstances_are_found_where_they_are_written() -> (
    None
):
    never = Rule(Effect.PROHIBITION, "export")
    for policy in ((), (ANYTHING, never), (one("count", "lt", 5),)):
        terms.check(policy, ["aggregate"])
    for policy in ((never,), (Rule(Effect.PERMISSION, "read"), never)):
        with pytest.raises(BadInput, match="permit nobody to aggregate"):
            terms.check(policy, ["aggregate"])


def test_to_use_is_every_action() -> None:
    assert all(evaluate((ANYTHING,), action, FACTS).allowed for action in ACTIONS if action)


def test_a_prohibition_wins_wherever_it_stands() -> None:
    never = Rule(Effect.PROHIBITION, "aggregate")
    for policy in ((ANYTHING, never), (never, ANYTHING)):
        report = evaluate(policy, "aggregate", FACTS)
        assert (report.allowed, report.reasons) == (False, ("Forbidden: prohibition to aggregate.",))
        assert evaluate(policy, "read", FACTS).allowed


@pytest.mark.parametrize(
    ("operand", "operator", "value", "holds"),
    [
        ("purpose", "eq", "53(1)(e)", True),
        ("purpose", "neq", "53(1)(e)", False),
        ("purpose", "isAnyOf", ("53(1)(d)", "53(1)(e)"), True),
        ("spatial", "isNoneOf", ("FI", "SE"), False),
        ("dateTime", "lt", "2027-01-01T00:00:00Z", True),
        ("dateTime", "gteq", "2026-11-22T01:00:00+01:00", True),
        ("count", "lt", 5, False),
        ("count", "lteq", 5, True),
        ("kThreshold", "gteq", 11, False),
        ("recipientRole", "eq", "principal", False),
        ("environment", "eq", "spe:example", True),
    ],
)
def test_a_constraint_compares(operand: str, operator: str, value: terms.Value, holds: bool) -> None:
    assert evaluate((one(operand, operator, value),), "aggregate", FACTS).allowed is holds
    forbidden = one(operand, operator, value, Effect.PROHIBITION)
    assert evaluate((ANYTHING, forbidden), "aggregate", FACTS).allowed is not holds


@pytest.mark.parametrize(
    "rule",
    [
        Rule(Effect.PERMISSION, "sell"),
        one("weather", "eq", "sunny"),
        one("purpose", "lt", "53(1)(e)"),
        one("purpose", "eq", ("53(1)(e)",)),
        one("purpose", "isAnyOf", "53(1)(e)"),
        one("count", "lt", "5"),
        one("dateTime", "lt", "tomorrow"),
        one("dateTime", "lt", "2027-01-01T00:00:00"),
    ],
    ids=range(8),
)
def test_what_nobody_knows_denies_everything(rule: Rule) -> None:
    report = evaluate((ANYTHING, rule), "read", FACTS)
    assert not report.allowed
    assert "not known here" in report.reasons[0]


def test_an_action_that_nobody_knows_is_denied() -> None:
    assert not evaluate((), "sell", FACTS).allowed


@pytest.mark.parametrize("operand", OPERANDS)
def test_an_operand_without_a_value_permits_nothing_and_lifts_no_prohibition(operand: str) -> None:
    sort, _ = OPERANDS[operand]
    value: terms.Value = {Sort.NUMBER: 1, Sort.TIME: "2026-01-01T00:00:00Z", Sort.CODE: "x"}[sort]
    for operator in ("eq", "neq"):
        for effect in Effect:
            policy = (ANYTHING, one(operand, operator, value, effect))
            rules = policy if effect is Effect.PROHIBITION else policy[1:]
            assert not evaluate(rules, "aggregate", FACTS | {operand: None}).allowed


def test_every_fact_that_is_compared_has_an_operator() -> None:
    assert set(FACTS) == set(OPERANDS)
    assert set(OPERATORS) == set(Sort)


rules = st.builds(
    Rule,
    st.sampled_from(Effect),
    st.sampled_from([one for one in ACTIONS if one]),
    st.lists(
        st.builds(
            Constraint, st.just("count"), st.sampled_from(sorted(OPERATORS[Sort.NUMBER])), st.integers(3, 7)
        ),
        max_size=2,
    ).map(tuple),
)


@given(st.lists(rules, max_size=4), rules, st.sampled_from(sorted(ACTIONS)))
def test_a_further_prohibition_never_allows_anything(policy: list[Rule], further: Rule, action: str) -> None:
    before = evaluate(tuple(policy), action, FACTS)
    after = evaluate((*policy, Rule(Effect.PROHIBITION, further.action, further.constraints)), action, FACTS)
    assert before.allowed or not after.allowed


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("prohibition to export", Rule(Effect.PROHIBITION, "export")),
        (
            "permission to use if count lteq 50",
            Rule(Effect.PERMISSION, "use", (Constraint("count", "lteq", 50),)),
        ),
        (
            "permission to read if spatial isAnyOf FI,SE and purpose eq 53(1)(e)",
            Rule(
                Effect.PERMISSION,
                "read",
                (Constraint("spatial", "isAnyOf", ("FI", "SE")), Constraint("purpose", "eq", "53(1)(e)")),
            ),
        ),
        (
            "prohibition to use if dateTime gt 2027-01-01T00:00:00Z",
            Rule(Effect.PROHIBITION, "use", (Constraint("dateTime", "gt", "2027-01-01T00:00:00Z"),)),
        ),
    ],
    ids=range(4),
)
def test_a_rule_is_read_as_people_type_it(text: str, rule: Rule) -> None:
    assert terms.read(text) == rule


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "permission to"),
        ("export", "permission to"),
        ("permit to export", "permission to"),
        ("prohibition to ", "permission to"),
        ("prohibition to sell", "sell"),
        ("prohibition to use if weather eq rain", "weather"),
        ("prohibition to use if count isAnyOf 5", "count isAnyOf"),
        ("prohibition to use if count lt many", "the value of count"),
        ("prohibition to use if dateTime lt tomorrow", "the value of dateTime"),
        ("prohibition to use if count", "one operand with one value"),
    ],
)
def test_a_rule_that_nobody_would_understand_is_not_asked_for(text: str, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        terms.read(text)
