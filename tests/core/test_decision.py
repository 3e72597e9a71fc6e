"""One decision over all facts: what it allows, and that nothing else is."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core import permits
from tests.node.test_engine import PERSONS, QUESTIONS, VOCABULARY

from hanse.core import decision, document, rules, terms
from hanse.core.decision import Decision, Use, decide
from hanse.core.document import Signed
from hanse.core.meaning import Person, select
from hanse.core.order import Delegation, Order
from hanse.core.permit import Kind, Permit
from hanse.core.query import Question, to_text
from hanse.core.rules import HIDDEN, Facts
from hanse.core.scope import NEWEST, OPERATIONS, Key, KeyUse, Operation, Purpose
from hanse.core.status import Approval, Status

STRANGER = Key(permits.jwk("stranger"), KeyUse.WORKING, False)


def signed(said: Any, kid: str) -> Signed[Any]:
    return Signed(said, kid, permits.hash_of(said))


FACTS = Facts(
    at=permits.AT,
    node=permits.NODE,
    authorities={permits.AUTHORITY: frozenset({Kind.EHDS})},
    holders=frozenset({permits.HOLDER}),
    permit=signed(permits.PERMIT, permits.AUTHORITY),
    status=signed(permits.STATUS, permits.AUTHORITY),
    status_number=17,
    approval=signed(permits.APPROVAL, permits.HOLDER),
    veto=None,
    versions=(1, 3, 4),
    environment=permits.ENVIRONMENT,
    page_operations=frozenset({Operation.COUNT}),
    opt_out=permits.SCOPE.datasets[0].opt_out,
    spent=7,
)
VIEW = replace(permits.ORDER, operation=Operation.VIEW, method="")
COUNT = replace(permits.ORDER, operation=Operation.COUNT, method="")

# Uses that are allowed, by different keys and for different operations: each fact must count for one at least.
USES = {
    "working key": Use(signed(permits.ORDER, permits.WORKING.kid)),
    "spare key, single persons": Use(signed(VIEW, permits.SPARE.kid)),
    "key of a page": Use(signed(COUNT, permits.COLLEAGUE.kid)),
    "device": Use(signed(permits.ORDER, permits.DEVICE.kid), signed(permits.DELEGATION, permits.WORKING.kid)),
}


def refusal(use: Use = USES["working key"], facts: Facts = FACTS) -> tuple[int, str]:
    """The status and the rule of a refusal."""
    decided = decide(use, facts)
    assert decided.refusal, "this was allowed"
    return decided.refusal.status, decided.refusal.rule


def given_permit(said: Permit, facts: Facts = FACTS, **order: Any) -> tuple[Use, Facts]:
    """Everything as it would be if the authority had signed this permit: order, status and approval name it."""
    hash = permits.hash_of(said)
    return (
        Use(signed(replace(permits.ORDER, permit=hash, **order), permits.WORKING.kid)),
        replace(
            facts,
            permit=signed(said, permits.AUTHORITY),
            status=signed(replace(permits.STATUS, current={said.id: hash}), permits.AUTHORITY),
            approval=signed(replace(permits.APPROVAL, permit=hash), permits.HOLDER),
        ),
    )


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_use_inside_the_permit_is_allowed(use: Use) -> None:
    decided = decide(use, FACTS)
    assert (decided.refusal, decided.reason) == (None, "allowed")
    assert decided.case
    assert decided.case.person in permits.PERSONS


# Members that the asker is free to choose within the permit, or that only carry words.
FREE = {
    "order.document.id": "each order has its own",
    "order.document.selection": "it narrows what the permit selects, whatever it says",
    "order.document.method": "a registered step, which is asked where methods are",
    "order.document.parameters": "as the method",
    "order.document.reply_key": "the person says where answers go",
    "public": "only a permit for public data asks for it",
    "order.hash": "the log names it",
    "delegation.document.id": "each delegation has its own",
    "delegation.hash": "the log names it",
    "status.hash": "the log names it",
    "approval.hash": "the log names it",
    "approval.document.id": "each approval has its own",
    "approval.document.officer": "for people",
    "status.document.revoked": "other permits",
}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any, Callable[[Any], Any]]]:
    """Every member of nested dataclasses: its path, its value, and how to put another in its place."""
    for one in fields(value):
        here, inner = f"{path}.{one.name}".lstrip("."), getattr(value, one.name)
        yield here, inner, lambda other, name=one.name: replace(value, **{name: other})
        if is_dataclass(inner):
            for at, leaf, put in leaves(inner, here):
                yield at, leaf, lambda other, name=one.name, put=put: replace(value, **{name: put(other)})


def others(value: Any) -> list[Any]:
    """Other values of one type: all of an enumeration, more and less, empty."""
    match value:
        case StrEnum():
            return [one for one in type(value) if one is not value]
        case bool():
            return [not value]
        case int():
            return [value - 1, value + 1_000_000]
        case str():
            return [value + "x", ""]
        case datetime():
            return [value - timedelta(days=4000), value + timedelta(days=4000)]
        case timedelta():
            return [timedelta(0)]
        case frozenset():
            return [frozenset()]
        case dict():
            return [{key: others(one)[0] for key, one in value.items()}]
        case tuple():
            return [(), value[1:]] if value else []
    return [None]


def mutants(value: Any) -> Iterator[tuple[str, Any]]:
    """The same with one member changed, for every member and every other value."""
    for path, leaf, put in leaves(value):
        if leaf is not None and not is_dataclass(leaf):
            yield from ((path, put(other)) for other in others(leaf) if other != leaf)
        elif leaf is not None and "." not in path:
            yield path, put(None)  # a whole document is not there


def rehashed(facts: Facts) -> Facts:
    """A changed permit is another permit: its hash is that of its own bytes."""
    return replace(facts, permit=facts.permit and signed(facts.permit.document, facts.permit.kid))


# Members of which one change is for the better: fewer orders before, a later status, a further version.
BETTER = {
    "approval.document.at",
    "spent",
    "status.document.expires",
    "status.document.number",
    "status_number",
    "versions",
}


def test_whatever_single_fact_is_changed_some_use_is_refused() -> None:
    changes = [
        (path, all(decide(use, changed).allowed for use in USES.values()))
        for path, changed in mutants(FACTS)
        if path not in FREE and not path.startswith("permit.document")
    ]
    assert {path for path, allowed in changes if allowed} == BETTER
    assert {path for path, allowed in changes if not allowed} == {path for path, _ in changes}


def test_a_permit_of_which_any_member_is_changed_is_another_permit() -> None:
    paths = set()
    for path, changed in mutants(FACTS):
        if path.startswith("permit.document"):
            paths.add(path)
            assert decide(USES["working key"], rehashed(changed)).refusal is HIDDEN, path
    assert len(paths) > 20


@pytest.mark.parametrize("name", USES)
def test_whatever_single_member_of_a_use_is_changed_it_is_refused(name: str) -> None:
    kept = set()
    for path, changed in mutants(USES[name]):
        if path not in FREE and decide(changed, FACTS).allowed:
            kept.add(path)
    # What only the asker's own choice changes: another operation that the permit has too, a delegation for less.
    assert kept <= {"order.document.operation", "delegation.document.operations", "order.document.issued"}, (
        kept
    )


def test_a_veto_stops_everything() -> None:
    stopped = replace(FACTS, veto=signed(permits.VETO, permits.HOLDER))
    assert {refusal(use, stopped) for use in USES.values()} == {(403, "veto")}


def test_an_order_counts_once() -> None:
    assert refusal(facts=replace(FACTS, executed=True)) == (401, "once")


@pytest.mark.parametrize(
    ("use", "facts"),
    [
        (Use(signed(permits.ORDER, STRANGER.kid)), FACTS),
        (Use(signed(permits.ORDER, permits.DEVICE.kid)), FACTS),
        (USES["working key"], replace(FACTS, permit=None)),
        (USES["working key"], replace(FACTS, authorities={})),
        (USES["working key"], replace(FACTS, permit=signed(permits.PERMIT, STRANGER.kid))),
        (USES["working key"], replace(FACTS, versions=(), approval=None)),
        (Use(signed(replace(permits.ORDER, dataset=permits.OTHER_DATASET), permits.WORKING.kid)), FACTS),
        (
            Use(
                signed(permits.ORDER, permits.DEVICE.kid),
                signed(permits.DELEGATION, Key(permits.jwk("another device"), KeyUse.WORKING, False).kid),
            ),
            FACTS,
        ),
    ],
    ids=[
        "stranger",
        "device without delegation",
        "permit unknown",
        "authority unknown",
        "signed by another",
        "dataset unknown",
        "dataset of another node",
        "delegated by a device",
    ],
)
def test_unknown_and_forbidden_look_equal(use: Use, facts: Facts) -> None:
    decided = decide(use, facts)
    assert decided.refusal is HIDDEN
    assert decision.problem(HIDDEN).as_dict()["status"] == 403
    assert decided.reason != "allowed"


def changed_order(**changes: Any) -> Use:
    return Use(signed(replace(permits.ORDER, **changes), permits.WORKING.kid))


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (Use(None), (401, "order")),
        (changed_order(node=permits.OTHER_NODE), (401, "addressee")),
        (changed_order(expires=permits.AT), (401, "order time")),
        (changed_order(issued=permits.AT + timedelta(minutes=2)), (401, "order time")),
        (changed_order(expires=permits.AT + timedelta(days=8)), (401, "order time")),
        (changed_order(version=4), (403, "version")),
        (changed_order(version=2), (403, "version")),
        (changed_order(operation=Operation.TRAIN), (403, "operation")),
        (changed_order(purpose=Purpose.TEACHING), (403, "purpose")),
        (changed_order(reply_key=None), (403, "sealing")),
        (Use(signed(VIEW, permits.COLLEAGUE.kid)), (403, "page key")),
    ],
    ids=range(11),
)
def test_a_refusal_names_the_rule(use: Use, expected: tuple[int, str]) -> None:
    assert refusal(use) == expected


def status(**changes: Any) -> Facts:
    return replace(FACTS, status=signed(replace(permits.STATUS, **changes), permits.AUTHORITY))


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        (replace(FACTS, at=permits.AT + timedelta(hours=21)), "order time"),
        (replace(FACTS, status=None), "status"),
        (replace(FACTS, status=signed(permits.STATUS, STRANGER.kid)), "status"),
        (status(node=permits.OTHER_NODE), "status"),
        (status(expires=permits.AT), "status"),
        (status(issued=permits.AT - timedelta(hours=25)), "status"),
        (status(issued=permits.AT + timedelta(hours=1)), "status"),
        (status(number=16), "newest status"),
        (status(revoked=(permits.PERMIT.id,)), "revocation"),
        (status(current={permits.PERMIT.id: sha256(b"newer").hexdigest()}), "amendment"),
        (status(current={}), "status"),
        (replace(FACTS, approval=None), "approval"),
        (replace(FACTS, approval=signed(permits.APPROVAL, STRANGER.kid)), "approval"),
        (replace(FACTS, opt_out=""), "opt-out"),
        (replace(FACTS, unapplied=("person.age",)), "selection"),
        (replace(FACTS, spent=100), "budget"),
        (replace(FACTS, versions=()), "version"),
    ],
    ids=range(17),
)
def test_a_refusal_names_the_fact(facts: Facts, rule: str) -> None:
    assert refusal(facts=facts)[1] == rule


NEWER = {permits.PERMIT.id: sha256(b"newer").hexdigest()}
STATUS_OF_NEWER = signed(replace(permits.STATUS, current=NEWER), permits.AUTHORITY)
LATE = {"issued": permits.AT - timedelta(hours=25)}  # no fresh word of the authority
OVER = permits.with_scope(ends=permits.AT)


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        (replace(FACTS, veto=signed(permits.VETO, permits.HOLDER), approval=None), "veto"),
        (replace(FACTS, veto=signed(permits.VETO, permits.HOLDER), status=None), "veto"),
        (replace(status(revoked=(permits.PERMIT.id,), current={}), approval=None), "revocation"),
        (status(revoked=(permits.PERMIT.id,), current={}, **LATE), "revocation"),
        (replace(status(current=NEWER), approval=None), "amendment"),
        (replace(status(current=NEWER), versions=(4,)), "amendment"),
        (status(current=NEWER, **LATE), "status"),  # a later one may name the version of the order
        (replace(FACTS, versions=(), status=None), "status"),
    ],
    ids=range(8),
)
def test_of_several_reasons_the_asker_is_told_the_one_that_nothing_else_mends(
    facts: Facts, rule: str
) -> None:
    assert refusal(facts=facts)[1] == rule


@pytest.mark.parametrize(
    ("changes", "rule"),
    [({"status": None, "approval": None}, "period"), ({"status": STATUS_OF_NEWER}, "amendment")],
    ids=["ended", "amended, and so extended"],
)
def test_a_permit_that_has_ended_is_said_to_have_ended_unless_a_newer_version_goes_on(
    changes: dict[str, Any], rule: str
) -> None:
    use, facts = given_permit(OVER)
    assert refusal(use, replace(facts, **changes))[1] == rule


def test_a_refusal_names_fields_and_conditions_and_never_a_value() -> None:
    decided = decide(USES["working key"], replace(FACTS, unapplied=("person.age", "condition.psa")))
    assert decided.refusal
    assert decided.refusal.words.endswith("It concerns person.age, condition.psa.")
    forbidding = terms.Rule(terms.Effect.PROHIBITION, "aggregate")
    conditions = decide(*given_permit(permits.with_scope(conditions=(forbidding,)))).refusal
    assert conditions
    assert conditions.words.endswith("Forbidden: prohibition to aggregate.")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"begins": permits.AT + timedelta(minutes=1)}, "period"),
        ({"ends": permits.AT}, "period"),
        ({"conditions": (terms.Rule(terms.Effect.PERMISSION, "train"),)}, "conditions"),
        ({"conditions": (terms.Rule(terms.Effect.PERMISSION, "sell"),)}, "conditions"),
    ],
    ids=range(4),
)
def test_a_permit_says_when_and_how(changes: dict[str, Any], rule: str) -> None:
    assert refusal(*given_permit(permits.with_scope(**changes)))[1] == rule


def test_data_of_single_persons_open_only_in_an_environment_that_the_permit_names() -> None:
    viewing = USES["spare key, single persons"]
    for elsewhere in ("", "spe:other"):
        assert refusal(viewing, replace(FACTS, environment=elsewhere)) == (403, "environment")
        assert decide(USES["working key"], replace(FACTS, environment=elsewhere)).allowed
    nowhere = given_permit(permits.with_scope(environments=()), operation=Operation.VIEW)
    assert refusal(*nowhere) == (403, "environment")
    agreed = replace(permits.with_scope(environments=()), kind=Kind.AGREEMENT)
    accepted = replace(FACTS, authorities={permits.AUTHORITY: frozenset({Kind.AGREEMENT})})
    assert decide(*given_permit(agreed, accepted, operation=Operation.VIEW)).allowed


def test_the_newest_version_is_the_newest_that_is_published() -> None:
    grants = (replace(permits.SCOPE.datasets[0], versions=NEWEST),)
    newest = permits.with_scope(datasets=grants)
    assert decide(*given_permit(newest, version=4)).allowed
    assert refusal(*given_permit(newest, version=3)) == (403, "version")


def delegated(order: Order = permits.ORDER, by: str = permits.WORKING.kid, **changes: Any) -> Use:
    return Use(signed(order, permits.DEVICE.kid), signed(replace(permits.DELEGATION, **changes), by))


@pytest.mark.parametrize(
    "use",
    [
        delegated(VIEW),
        delegated(issued=permits.AT - timedelta(days=20), expires=permits.AT + timedelta(days=20)),
        delegated(expires=permits.AT),
        delegated(issued=permits.AT + timedelta(hours=1)),
        delegated(permit=permits.STATUS.revoked[0]),
        delegated(device=STRANGER.jwk),
        Use(signed(permits.ORDER, permits.WORKING.kid), signed(permits.DELEGATION, permits.WORKING.kid)),
    ],
    ids=[
        "too wide",
        "too long",
        "ended",
        "early",
        "other permit",
        "other device",
        "of a key that needs none",
    ],
)
def test_a_delegation_that_is_not_for_this_order_does_not_count(use: Use) -> None:
    assert refusal(use) == (401, "delegation")


def test_what_a_page_may_not_order_its_delegate_may_not_either() -> None:
    assert refusal(delegated(by=permits.COLLEAGUE.kid)) == (403, "page key")


def test_nobody_decides_about_their_own_permit() -> None:
    own = permits.WORKING.kid
    approved = replace(FACTS, holders=frozenset({own}), approval=signed(permits.APPROVAL, own))
    assert refusal(facts=approved) == (403, "independence")


def test_public_data_open_to_any_key_under_a_permit_of_the_holder() -> None:
    public = replace(
        permits.with_scope(
            persons=(), environments=(), conditions=(), operations=tuple(Operation), sealed=False
        ),
        kind=Kind.OPEN,
    )
    order = replace(
        permits.ORDER, permit=permits.hash_of(public), operation=Operation.DOWNLOAD, reply_key=None
    )
    use = Use(signed(order, STRANGER.kid))
    facts = replace(
        FACTS,
        authorities={permits.AUTHORITY: frozenset({Kind.OPEN})},
        permit=signed(public, permits.AUTHORITY),
        status=None,
        approval=None,
        public=True,
    )
    assert decide(use, facts).allowed
    assert refusal(use, replace(facts, public=False)) == (403, "permit")
    assert refusal(use, replace(facts, veto=signed(permits.VETO, permits.HOLDER))) == (403, "veto")
    assert refusal(use, replace(facts, authorities={permits.AUTHORITY: frozenset({Kind.EHDS})})) == (
        403,
        "permit",
    )


@pytest.mark.parametrize(
    ("permitted", "ordered", "opened"),
    [
        ("image.modality = 'MR'", "person.age > 50", "image.modality = 'MR' AND person.age > 50"),
        ("image.modality = 'MR'", "", "image.modality = 'MR'"),
        ("", "person.age > 50", "person.age > 50"),
        ("", "", ""),
        (
            "person.age > 9",
            "person.age > 1 OR person.age < 5",
            "person.age > 9 AND (person.age > 1 OR person.age < 5)",
        ),
    ],
)
def test_what_is_opened_is_what_both_select(permitted: str, ordered: str, opened: str) -> None:
    decided = decide(*given_permit(permits.with_scope(selection=permitted), selection=ordered))
    assert decided.selection is not None
    assert to_text(decided.selection) == opened


@given(QUESTIONS, QUESTIONS, PERSONS)
@settings(max_examples=60, deadline=None)
def test_no_order_opens_a_person_or_an_image_outside_the_permit(
    permitted: Question, ordered: Question, persons: list[Person]
) -> None:
    """Whatever both say, and by the definition of what a question means."""
    permit = permits.with_scope(selection=permitted.text)
    opened = decide(*given_permit(permit, selection=ordered.text)).selection
    assert opened is not None
    inside, whole = (select(one, persons, VOCABULARY) for one in (Question(opened), permitted))
    assert inside.persons <= whole.persons
    assert inside.images <= whole.images


times = st.integers(-40, 40).map(lambda days: permits.AT + timedelta(days=days))
kids = st.sampled_from(
    [permits.AUTHORITY, permits.HOLDER, permits.WORKING.kid, permits.DEVICE.kid, STRANGER.kid]
)
hashes = st.sampled_from([permits.hash_of(permits.PERMIT), sha256(b"other").hexdigest()])
operations = st.sampled_from(Operation)
nodes = st.sampled_from([permits.NODE, permits.OTHER_NODE])


@st.composite
def anything(draw: st.DrawFn) -> tuple[Use, Facts]:
    """An allowed use in which any number of things is something else."""

    def perhaps(kept: Any, strategy: st.SearchStrategy[Any]) -> Any:
        return draw(strategy) if draw(st.integers(0, 9)) == 0 else kept

    def some(said: Any, **strategies: st.SearchStrategy[Any]) -> Any:
        return replace(said, **{name: perhaps(getattr(said, name), one) for name, one in strategies.items()})

    name = draw(st.sampled_from(sorted(USES)))
    use = USES[name]
    assert use.order
    order = some(
        use.order.document,
        permit=hashes,
        node=nodes,
        dataset=st.sampled_from([permits.DATASET, permits.OTHER_DATASET]),
        version=st.integers(1, 5),
        operation=operations,
        purpose=st.sampled_from(Purpose),
        issued=times,
        expires=times,
        reply_key=st.none(),
    )
    delegation = use.delegation and signed(
        some(
            use.delegation.document,
            device=st.just(STRANGER.jwk),
            operations=st.lists(operations, unique=True).map(tuple),
            issued=times,
            expires=times,
        ),
        perhaps(use.delegation.kid, kids),
    )
    status = signed(
        some(permits.STATUS, number=st.integers(1, 20), issued=times, expires=times, node=nodes),
        perhaps(permits.AUTHORITY, kids),
    )
    approval = signed(
        some(permits.APPROVAL, permit=hashes, node=nodes, at=times), perhaps(permits.HOLDER, kids)
    )
    facts = some(
        replace(FACTS, status=status, approval=approval),
        at=times,
        node=nodes,
        veto=st.just(signed(permits.VETO, permits.HOLDER)),
        versions=st.lists(st.integers(1, 5), unique=True).map(tuple),
        environment=st.sampled_from(["", "spe:other"]),
        spent=st.integers(0, 200),
        executed=st.booleans(),
        opt_out=st.just(""),
        holders=st.just(frozenset()),
        authorities=st.just({permits.AUTHORITY: frozenset({Kind.AGREEMENT})}),
    )
    return Use(signed(order, perhaps(use.order.kid, kids)), delegation), facts


@given(anything())
@settings(max_examples=400, deadline=None)
def test_nothing_outside_the_permit_is_ever_allowed(case: tuple[Use, Facts]) -> None:
    """What must be true of everything that was allowed, said once more and in another way."""
    use, facts = case
    decided: Decision = decide(use, facts)
    if not decided.allowed:
        return
    assert use.order
    assert facts.permit
    assert facts.status
    assert facts.approval
    order: Order = use.order.document
    permit: Permit = facts.permit.document
    status: Status = facts.status.document
    approval: Approval = facts.approval.document
    root = use.delegation.kid if use.delegation else use.order.kid
    (key,) = [key for person in permit.scope.persons for key in person.keys if key.kid == root]
    (grant,) = [one for one in permit.scope.datasets if one.dataset == order.dataset]
    assert grant.node == order.node == facts.node == status.node == approval.node
    assert order.version in grant.versions
    assert order.version in facts.versions
    assert order.operation in permit.scope.operations
    assert order.purpose is permit.scope.purpose
    assert order.permit == facts.permit.hash == status.current[permit.id] == approval.permit
    assert permit.scope.begins <= facts.at < permit.scope.ends
    assert facts.at < min(order.expires, status.expires)
    assert facts.at - status.issued <= facts.status_age
    assert status.number >= facts.status_number
    assert permit.kind in facts.authorities[facts.permit.kid]
    assert facts.permit.kid == facts.status.kid
    assert facts.approval.kid in facts.holders
    assert not facts.veto
    assert not facts.executed
    assert order.reply_key
    assert facts.opt_out == grant.opt_out
    individual = OPERATIONS[order.operation].individual
    assert (
        facts.environment in permit.scope.environments
        if individual
        else facts.spent < permit.scope.limits.budget
    )
    assert not key.page or order.operation in facts.page_operations
    if use.delegation:
        delegation: Delegation = use.delegation.document
        assert delegation.kid == use.order.kid
        assert order.operation in delegation.operations
        assert facts.at < delegation.expires <= delegation.issued + timedelta(days=30)


def test_a_refusal_holds_nothing_of_the_order() -> None:
    """No value of a question, no name and no id is in what is told or logged."""
    secrets = [permits.ORDER.selection, permits.ORDER.id, permits.DATASET, permits.PERSONS[0].name]
    told = [one for one, *_ in (*rules.ARRIVAL, *rules.RULES)] + [HIDDEN, rules.NO_ORDER]
    for one in told:
        said = document.canonical(decision.problem(one).as_dict()).decode()
        assert not any(secret in said for secret in secrets)
        assert one.words
        assert one.needed
    assert len({one.rule for one in told}) == len(told)
