"""A permit gives what was asked for, or less."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.core import permits

from hanse.core import document
from hanse.core.application import beyond, decode, matches
from hanse.core.errors import BadEnvelope
from hanse.core.permit import Kind, Permit
from hanse.core.scope import NEWEST, Grant, KeyUse, Limits, Operation, Purpose, Scope

FIRST, SECOND = permits.SCOPE.datasets
ME, COLLEAGUE = permits.PERSONS


def test_a_permit_as_it_was_asked_for_matches() -> None:
    assert matches(permits.APPLICATION, permits.PERMIT)


@pytest.mark.parametrize(
    "less",
    [
        {"datasets": (FIRST,)},
        {"operations": (Operation.COUNT,)},
        {"environments": ()},
        {"persons": (ME,)},
        {"persons": (replace(ME, keys=ME.keys[:1]), COLLEAGUE)},
        {"begins": permits.SCOPE.begins + timedelta(days=1), "ends": permits.SCOPE.ends - timedelta(days=1)},
        {"limits": Limits(20, 10, 5)},
    ],
    ids=range(7),
)
def test_less_than_was_asked_for_matches(less: dict[str, Any]) -> None:
    assert matches(permits.APPLICATION, permits.with_scope(**less))


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"datasets": (FIRST, SECOND, Grant(FIRST.node, SECOND.dataset, "More", NEWEST))}, "datasets"),
        ({"datasets": (replace(FIRST, versions=(3, 4)),)}, "datasets"),
        ({"datasets": (replace(FIRST, versions=NEWEST),)}, "datasets"),
        ({"datasets": (replace(FIRST, name="Harmless data"),)}, "datasets"),
        ({"operations": tuple(Operation)}, "operations"),
        ({"selection": ""}, "selection"),
        ({"purpose": Purpose.TEACHING}, "purpose"),
        ({"environments": ("spe:other",)}, "environments"),
        ({"conditions": ()}, "conditions"),
        ({"begins": permits.SCOPE.begins - timedelta(days=1)}, "begins"),
        ({"ends": permits.SCOPE.ends + timedelta(days=1)}, "ends"),
        ({"persons": (ME, replace(COLLEAGUE, name="Somebody Else"))}, "persons"),
        ({"persons": (replace(ME, keys=(permits.DEVICE,)),)}, "persons"),
        ({"persons": (replace(ME, keys=(replace(permits.SPARE, use=KeyUse.WORKING),)),)}, "persons"),
        ({"limits": Limits(9, 5, 100)}, "minimum"),
        ({"limits": Limits(10, 1, 100)}, "rounding"),
        ({"limits": Limits(10, 5, 101)}, "budget"),
        ({"sealed": False}, "sealed"),
    ],
    ids=range(18),
)
def test_more_than_was_asked_for_is_named(more: dict[str, Any], named: str) -> None:
    assert beyond(permits.APPLICATION, permits.with_scope(**more)) == (named,)


@pytest.mark.parametrize(
    ("permit", "named"),
    [
        (replace(permits.PERMIT, kind=Kind.AGREEMENT), "kind"),
        (replace(permits.PERMIT, id=permits.STATUS.revoked[0]), "amends"),
        (replace(permits.PERMIT, project="Another project"), "project"),
        (replace(permits.PERMIT, authority=replace(permits.PERMIT.authority, id="authority_x")), "authority"),
    ],
    ids=["kind", "amends", "project", "authority"],
)
def test_a_permit_for_something_else_is_named(permit: Permit, named: str) -> None:
    assert beyond(permits.APPLICATION, permit) == (named,)


@pytest.mark.parametrize(
    "scope",
    [
        replace(permits.APPLICATION.scope, persons=permits.PERSONS),
        replace(permits.APPLICATION.scope, datasets=permits.SCOPE.datasets),
        replace(permits.APPLICATION.scope, persons=()),
        replace(permits.APPLICATION.scope, persons=(replace(ME, keys=(), login=None),)),
    ],
    ids=["keys checked by the applicant", "opt-out by the applicant", "nobody", "nobody with a key"],
)
def test_an_application_says_only_what_an_applicant_can_say(scope: Scope) -> None:
    with pytest.raises(BadEnvelope):
        decode(document.encode(replace(permits.APPLICATION, scope=scope)))
