"""An order at a node: carried out once, under a permit that holds until the result is signed, and refused otherwise."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.node.permitted import (
    AUTHORITY,
    CURVE,
    RESEARCHER,
    STRANGER,
    Node,
    allow,
    hash_of,
    make,
    order,
    ordered,
    permit_for,
    result_of,
    sign,
)

from hanse.analysis import METHODS
from hanse.core import clock, ids, result
from hanse.core.errors import BadAnalysis, BadEnvelope, BadInput, NoSpace, Problem, Refused
from hanse.core.order import DELEGATION_TYP, Delegation, Order
from hanse.core.permit import Kind, Permit
from hanse.core.policy import Access, Policy
from hanse.core.scope import Key, KeyUse, Limits, Operation, Purpose
from hanse.domains import VOCABULARY
from hanse.lib import jws, log, sql
from hanse.lib.jws import FileKey
from hanse.lib.seal import ReplyKey
from hanse.node.gate import Gate
from hanse.node.orders import Orders
from hanse.node.permits import opt_out
from hanse.node.uses import Uses
from hanse.node.withdraw import withdraw, withdraw_person


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return make(tmp_path / "node")


@pytest.fixture
def permit(node: Node) -> Permit:
    return allow(node, permit_for(node))


def entries(node: Node) -> list[log.Entry]:
    with sql.read(node.store.records) as connection:
        return list(log.entries(connection))


def refused(node: Node, token: str, delegation: str = "") -> dict[str, Any]:
    with pytest.raises(Problem) as caught:
        node.gate.use(token, delegation)
    return caught.value.as_dict()


def test_an_analysis_gives_a_signed_result_that_names_what_decided(node: Node, permit: Permit) -> None:
    token = ordered(order(node, permit))
    found = result_of(node, node.gate.use(token))
    assert (found.order, found.permit, found.node) == (jws.identity(token), hash_of(permit), node.config.id)
    assert (found.dataset, found.version) == (node.dataset, 1)
    assert found.manifest == node.store.live()[0].digest
    assert found.aggregate is not None
    assert found.aggregate["persons"] == 200
    entry = entries(node)[found.entry_number - 1]
    assert (entry.kind, entry.hash) == ("use", found.entry_hash)


def test_the_log_says_who_and_what_and_never_what_was_asked_for(node: Node, permit: Permit) -> None:
    node.gate.use(ordered(order(node, permit, selection="person.age > 57")))
    use, left = entries(node)[-2:]
    assert use.body["who"].startswith("Principal Investigator, University of the North, key ")
    assert use.body["permit"] == permit.id
    assert use.body["operation"] == "analyse"
    assert use.body["opened"] == [f"{node.dataset}@1"]
    assert (left.kind, left.body["left"]) == ("result", "intermediate of kaplan_meier")
    assert "57" not in json.dumps([use.body["decision"], use.body["opened"], left.body["left"]])
    assert not {"selection", "parameters", "question"} & (set(use.body) | set(left.body))


def test_two_nodes_merged_equal_the_pooled_persons(tmp_path: Path) -> None:
    north, south = make(tmp_path / "north", 0, 130), make(tmp_path / "south", 130, 300)
    pooled = make(tmp_path / "pooled", 0, 300)
    said = permit_for(north, south, pooled)
    method = METHODS["kaplan_meier"]
    parameters = method.read(CURVE, VOCABULARY)
    parts = []
    for one in (north, south, pooled):
        allow(one, said)
        parts.append(result_of(one, one.gate.use(ordered(order(one, said)))).aggregate)
    merged, together = method.merge(parts[:2], parameters), method.merge(parts[2:], parameters)
    assert str(merged) == str(together)


def test_a_permit_and_an_order_narrow_the_selection_together(tmp_path: Path) -> None:
    node = make(tmp_path)
    said = allow(node, permit_for(node, selection="person.sex = 'female'"))
    found = result_of(node, node.gate.use(ordered(order(node, said, selection="person.age >= 60"))))
    expected = sum(one % 10 != 0 and 40 + one % 40 >= 60 for one in range(200))
    assert found.aggregate is not None
    assert found.aggregate["persons"] == expected


def test_a_count_passes_the_disclosure_control_of_the_dataset(node: Node, permit: Permit) -> None:
    counted = order(node, permit, operation=Operation.COUNT, method="", parameters={})
    found = result_of(node, node.gate.use(ordered(counted))).aggregate
    assert found is not None
    assert found["rule"] == "rounded"
    assert found["persons"] % 10 == 0
    few = replace(counted, id=ids.new("order"), selection="person.age = 41 AND person.sex = 'male'")
    withheld = result_of(node, node.gate.use(ordered(few))).aggregate
    assert withheld is not None
    assert (withheld["rule"], withheld["persons"]) == ("withheld", None)


def test_several_permits_tell_together_no_more_than_one_and_each_holds_its_own_limits(node: Node) -> None:
    """The same count under permits with other limits: nothing is drawn or rounded from the true number again."""

    def counted(limits: Limits) -> dict[str, Any]:
        said = allow(node, permit_for(node, limits=limits))
        asked = order(node, said, operation=Operation.COUNT, method="", parameters={})
        found = result_of(node, node.gate.use(ordered(asked))).aggregate
        assert found is not None
        return dict(found)

    strict, first = counted(Limits(500, 10, 100)), counted(Limits(10, 10, 100))
    assert (strict["rule"], first["rule"]) == ("withheld", "rounded")
    for rounding in (1, 7, 10):
        assert counted(Limits(10, rounding, 100)) == first
    coarse = counted(Limits(10, 50, 100))
    assert coarse["persons"] == (first["persons"] + 25) // 50 * 50
    assert counted(Limits(500, 10, 100)) == strict


def test_an_answer_is_sealed_to_the_reply_key(node: Node) -> None:
    said = allow(node, permit_for(node, sealed=True))
    assert refused(node, ordered(order(node, said)))["rule"] == "sealing"
    key = ReplyKey.generate()
    answer = node.gate.use(ordered(order(node, said, reply_key=key.jwk)))
    token, sealed = result.split(answer)
    assert isinstance(result.decode(jws.unverified(token)).aggregate, str)
    with pytest.raises(BadEnvelope):
        ReplyKey.generate().unseal(sealed)
    assert result_of(node, answer, key).aggregate["persons"] == 200


def test_what_a_node_signs_holds_no_intermediate_and_cannot_be_guessed(node: Node, permit: Permit) -> None:
    answers = [node.gate.use(ordered(order(node, permit))) for _ in range(2)]
    tokens = [result.split(one)[0] for one in answers]
    said = [result.decode(jws.unverified(one)) for one in tokens]
    assert all(isinstance(one.aggregate, str) for one in said)
    assert result_of(node, answers[0]).aggregate == result_of(node, answers[1]).aggregate
    assert said[0].aggregate != said[1].aggregate  # the same numbers have another hash each time
    left = [one.body["result"] for one in entries(node) if one.kind == "result"]
    assert left == [jws.identity(one) for one in tokens]


def test_a_device_orders_what_was_delegated_to_it(node: Node, permit: Permit) -> None:
    device, now = FileKey.generate(), clock.now()
    said = Delegation(
        ids.new("delegation"),
        permit.id,
        device.public.jwk,
        (Operation.ANALYSE,),
        now,
        now + timedelta(days=20),
    )
    token = ordered(order(node, permit), device)
    handed = jws.issue(RESEARCHER, said, DELEGATION_TYP)
    assert result_of(node, node.gate.use(token, handed)).order == jws.identity(token)
    wide = replace(said, operations=(Operation.COUNT,))
    long = replace(said, expires=now + timedelta(days=31))
    for wrong in (wide, long, replace(said, permit=ids.new("permit"))):
        again = ordered(order(node, permit), device)
        assert refused(node, again, jws.issue(RESEARCHER, wrong, DELEGATION_TYP))["rule"] == "delegation"
    chained = jws.issue(device, replace(said, device=STRANGER.public.jwk), DELEGATION_TYP)
    assert refused(node, ordered(order(node, permit), STRANGER), chained)["rule"] == "permit"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"version": 2}, "version"),
        ({"purpose": Purpose.TEACHING}, "purpose"),
        ({"operation": Operation.TRAIN}, "operation"),
        ({"operation": Operation.VIEW}, "operation"),  # permitted, and offered by no node
        ({"node": ids.derived("node", "another")}, "addressee"),
        ({"selection": "image.modality = 'MR'"}, "selection"),  # the dataset has no images
        (
            {"expires": clock.now() - timedelta(minutes=1), "issued": clock.now() - timedelta(hours=1)},
            "order time",
        ),
        ({"expires": clock.now() + timedelta(days=8)}, "order time"),
        (
            {"issued": clock.now() + timedelta(hours=2), "expires": clock.now() + timedelta(hours=3)},
            "order time",
        ),
    ],
)
def test_an_order_for_anything_else_is_refused_by_its_rule(
    node: Node, permit: Permit, changes: dict[str, Any], rule: str
) -> None:
    assert refused(node, ordered(order(node, permit, **changes)))["rule"] == rule
    assert entries(node)[-1].kind == "refusal"


@pytest.mark.parametrize(
    ("scope", "rule"),
    [
        ({"ends": clock.now() - timedelta(hours=1)}, "period"),
        ({"begins": clock.now() + timedelta(hours=1)}, "period"),
        ({"limits": Limits(10, 5, 0)}, "budget"),
        ({"operations": (Operation.COUNT,)}, "operation"),
    ],
)
def test_a_permit_that_does_not_allow_it_is_refused_by_its_rule(
    node: Node, scope: dict[str, Any], rule: str
) -> None:
    said = allow(node, permit_for(node, **scope))
    assert refused(node, ordered(order(node, said)))["rule"] == rule


def test_unknown_and_forbidden_are_equal_to_the_byte(node: Node, permit: Permit) -> None:
    """A permit that nobody knows, a key that it does not name, a forged signature, a dataset that is not there."""
    removed = replace(permit, version=2, amends=hash_of(permit))
    forged = ordered(order(node, permit))
    head, body, _ = ordered(order(node, permit)).split(".")
    signature = forged.split(".")[2]
    elsewhere = permit_for(node)
    answers = [
        refused(node, ordered(order(node, elsewhere))),
        refused(node, ordered(order(node, permit), STRANGER)),
        refused(node, f"{head}.{body}.{signature}"),
        refused(node, ordered(order(node, removed))),
        refused(node, ordered(order(node, permit, dataset=ids.derived("dataset", "another")))),
        refused(node, ordered(order(node, permit)), "not.a.token"),
    ]
    assert len({json.dumps(one) for one in answers}) == 1
    reasons = [one.body["reason"] for one in entries(node)[-len(answers) :]]
    assert set(reasons) == {  # the owner's log tells them apart
        "permit unknown",
        "signed by no key of the permit",
        "dataset not in the permit",
    }


def test_a_permit_counts_only_with_status_and_approval(node: Node) -> None:
    said = permit_for(node)
    node.permits.receive([sign(said)])
    assert refused(node, ordered(order(node, said)))["rule"] == "status"
    node.confirm(said)
    assert refused(node, ordered(order(node, said)))["rule"] == "approval"
    node.permits.approve(said.id, "A data manager")
    assert node.gate.use(ordered(order(node, said)))
    node.confirm(said, revoked=(said.id,))
    assert refused(node, ordered(order(node, said)))["rule"] == "revocation"


def test_after_an_amendment_the_older_permit_does_not_count(node: Node, permit: Permit) -> None:
    amended = replace(permit, version=2, amends=hash_of(permit), project="Survival, amended")
    node.permits.receive([sign(amended)])
    node.confirm(amended)
    assert refused(node, ordered(order(node, permit)))["rule"] == "amendment"
    assert refused(node, ordered(order(node, amended)))["rule"] == "approval"
    node.permits.receive([sign(permit)])  # the hub sends the old one again
    node.permits.approve(permit.id, "A data manager")
    assert node.gate.use(ordered(order(node, amended)))


def test_who_approves_their_own_permit_is_refused(node: Node) -> None:
    said = permit_for(node)
    person = said.scope.persons[0]
    own = Key(node.store.keys.signing.public.jwk, KeyUse.SPARE, False)
    both = replace(person, keys=(*person.keys, own))
    said = allow(node, replace(said, scope=replace(said.scope, persons=(both,))))
    assert refused(node, ordered(order(node, said)))["rule"] == "independence"


def test_a_veto_stops_the_next_order_and_a_later_approval_lifts_it(node: Node, permit: Permit) -> None:
    node.permits.forbid(permit.id, "A data manager", "the project changed")
    assert refused(node, ordered(order(node, permit)))["rule"] == "veto"
    node.permits.approve(permit.id, "A data manager")
    assert node.gate.use(ordered(order(node, permit)))


@pytest.mark.parametrize("what", ["veto", "revocation", "version"])
def test_what_changes_in_mid_run_stops_the_result(
    node: Node, permit: Permit, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A veto, a revocation or a withdrawal that comes while the step runs."""

    def meanwhile(uses: Uses, admitted: object, aggregate: dict[str, Any]) -> str:
        if what == "veto":
            node.permits.forbid(permit.id, "A data manager", "")
        elif what == "revocation":
            node.confirm(permit, revoked=(permit.id,))
        else:
            withdraw(node.store, "lung@1", "by mistake")
        return answer(uses, admitted, aggregate)  # type: ignore[arg-type]

    answer = Uses.answer
    monkeypatch.setattr(Uses, "answer", meanwhile)
    token = ordered(order(node, permit))
    assert refused(node, token)["rule"] == what
    assert entries(node)[-1].body["decision"] == what
    assert list((node.home / "results").iterdir()) == []


@pytest.mark.parametrize(("hours", "rule"), [(2, "order time"), (11, "period"), (22, "status")])
def test_what_expires_in_mid_run_stops_the_result(
    node: Node, hours: int, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order, a permit or a status that ends while the step runs: so much later it is when the result is signed."""
    now = clock.now()
    said = allow(node, permit_for(node, ends=now + timedelta(hours=10 if rule == "period" else 100)))

    def later(uses: Uses, admitted: object, aggregate: dict[str, Any]) -> str:
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=hours))
        return answer(uses, admitted, aggregate)  # type: ignore[arg-type]

    answer = Uses.answer
    monkeypatch.setattr(Uses, "answer", later)
    life = timedelta(hours=1) if rule == "order time" else timedelta(days=7)
    token = ordered(order(node, said, expires=clock.read(clock.text(now + life))))
    assert refused(node, token)["rule"] == rule
    assert list((node.home / "results").iterdir()) == []


def test_a_clock_that_jumps_opens_nothing(
    node: Node, permit: Permit, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.read(clock.text(clock.now()))
    for jump in (timedelta(days=-2), timedelta(days=2)):
        then = now + jump
        monkeypatch.setattr(clock, "now", lambda then=then: then)
        of_now = order(node, permit, issued=now, expires=now + timedelta(hours=1))
        assert refused(node, ordered(of_now))["rule"] == "order time"
        of_that_time = order(node, permit, issued=then, expires=then + timedelta(hours=1))
        assert refused(node, ordered(of_that_time))["rule"] in ("period", "status")
    assert "use" not in [one.kind for one in entries(node)]


def test_who_is_left_out_of_an_amendment_orders_nothing_more(node: Node) -> None:
    """A colleague who left, or a key that was lost: neither the old version nor the new one is theirs."""
    said = permit_for(node)
    (person,) = said.scope.persons
    colleague = replace(person, name="Colleague", keys=(Key(STRANGER.public.jwk, KeyUse.WORKING, False),))
    both = allow(node, replace(said, scope=replace(said.scope, persons=(person, colleague))))
    assert node.gate.use(ordered(order(node, both), STRANGER))
    left = allow(node, replace(said, version=2, amends=hash_of(both)))
    assert refused(node, ordered(order(node, both), STRANGER))["rule"] == "amendment"
    assert refused(node, ordered(order(node, left), STRANGER))["rule"] == "permit"
    assert node.gate.use(ordered(order(node, left)))


def test_without_room_for_the_entry_nothing_is_opened(
    node: Node, permit: Permit, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    node.gate.refresh()
    with node.store.records.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    monkeypatch.setattr(Gate, "_carry_out", None)  # whoever opened data would fail otherwise
    request.getfixturevalue("small_files")
    assert refused(node, ordered(order(node, permit)))["type"] == "/problems/no-space"


def test_a_result_that_cannot_be_kept_is_not_given(
    node: Node, permit: Permit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that an order has one answer for ever."""
    token = ordered(order(node, permit))
    with monkeypatch.context() as patched:
        patched.setattr(Orders, "keep", _full)
        assert refused(node, token)["type"] == "/problems/no-space"
    assert refused(node, token)["rule"] == "once"
    assert node.gate.use(ordered(order(node, permit)))


def _full(*_: object) -> None:
    raise NoSpace("the disk is full")


def test_the_same_order_gets_the_same_answer_and_is_not_carried_out_again(node: Node, permit: Permit) -> None:
    token = ordered(order(node, permit))
    first = node.gate.use(token)
    assert node.gate.use(token) == first
    assert [one.kind for one in entries(node)].count("use") == 1
    node = node.restarted()
    assert node.gate.use(token) == first


def test_an_order_that_was_refused_after_it_began_stays_refused_and_is_counted(node: Node) -> None:
    said = allow(node, permit_for(node, limits=Limits(10, 5, 1)))
    few = ordered(order(node, said, selection="person.age = 41 AND person.sex = 'female'"))
    assert refused(node, few)["rule"] == "minimum"
    assert refused(node, few)["rule"] == "once"
    assert refused(node, ordered(order(node, said)))["rule"] == "budget"


def test_an_empty_cohort_is_refused_like_a_small_one(node: Node, permit: Permit) -> None:
    few = refused(node, ordered(order(node, permit, selection="person.age = 41 AND person.sex = 'female'")))
    assert refused(node, ordered(order(node, permit, selection="person.age = 200"))) == few


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "regression"},
        {"method": "describe", "parameters": {"variables": [{"field": "image.series_description"}]}},
        {"method": "describe", "parameters": {"variables": []}},
        {"method": "describe", "parameters": {"variables": [{"field": "condition.stage_group"}]}},
        {"operation": Operation.COUNT},
        {"parameters": {**CURVE, "grid": [0, 10**400]}},
        {"reply_key": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}},  # no point of the curve
    ],
)
def test_what_cannot_be_computed_is_said_before_anything_is_opened(
    node: Node, permit: Permit, changes: dict[str, Any]
) -> None:
    with pytest.raises((BadAnalysis, BadInput, Refused)) as caught:
        node.gate.use(ordered(order(node, permit, **changes)))
    assert caught.value.hint
    *before, refusal = entries(node)
    assert "use" not in [one.kind for one in before]
    assert refusal.body["decision"] == caught.value.more["rule"] != ""


def by_a_stranger(node: Node) -> tuple[str, str]:
    """An order by a key that names itself, under a permit for public data that an authority gave."""
    said = replace(permit_for(node, persons=()), kind=Kind.OPEN, application="")
    node.permits.receive([sign(said)])
    now = clock.now()
    operations, ends = (Operation.ANALYSE,), now + timedelta(days=1)
    handed = Delegation(ids.new("delegation"), said.id, STRANGER.public.jwk, operations, now, ends)
    return ordered(order(node, said), STRANGER), jws.issue(STRANGER, handed, DELEGATION_TYP)


def test_public_data_are_used_under_an_open_permit_by_a_key_that_names_itself(tmp_path: Path) -> None:
    node = make(tmp_path, policy=Policy(Access.OPEN))
    token, handed = by_a_stranger(node)
    assert refused(node, token)["rule"] == "permit"
    assert node.gate.use(token, handed)


@pytest.mark.parametrize("access", [Access.NONE, Access.PROTECTED])
def test_no_authority_says_what_is_public(tmp_path: Path, access: Access) -> None:
    """A permit for public data needs no approval: it counts for what the holder itself publishes as open."""
    node = make(tmp_path, policy=Policy(access))
    assert refused(node, *by_a_stranger(node))["rule"] == "permit"
    assert entries(node)[-1].body["reason"] == "dataset not public"


def test_an_opted_out_list_that_the_node_does_not_leave_out_is_refused(node: Node) -> None:
    def said(commitment: str) -> Permit:
        made = permit_for(node)
        grant = replace(made.scope.datasets[0], opt_out=commitment)
        return allow(node, replace(made, kind=Kind.EHDS, scope=replace(made.scope, datasets=(grant,))))

    nobody = said(opt_out(node.store, "lung"))
    assert node.gate.use(ordered(order(node, nobody)))
    wrong = said("f" * 64)
    assert refused(node, ordered(order(node, wrong)))["rule"] == "opt-out"
    withdraw_person(node.store, "lung", "somebody who opted out later")
    node.confirm(nobody)
    assert node.gate.use(ordered(order(node, nobody)))  # whoever opted out before is left out still
    later = said(opt_out(node.store, "lung"))
    assert later.scope.datasets[0].opt_out != nobody.scope.datasets[0].opt_out
    assert node.gate.use(ordered(order(node, later)))


def test_two_lists_of_persons_who_opted_out_open_the_same_persons(node: Node) -> None:
    """A node opens one version, whatever list a permit froze, so that two permits cannot be subtracted."""

    def analysed() -> Any:
        made = permit_for(node)
        grant = replace(made.scope.datasets[0], opt_out=opt_out(node.store, "lung"))
        return allow(node, replace(made, kind=Kind.EHDS, scope=replace(made.scope, datasets=(grant,))))

    before = analysed()
    withdraw_person(node.store, "lung", "somebody who opted out later")
    after = analysed()
    node.confirm(before, after)
    found = [result_of(node, node.gate.use(ordered(order(node, one)))) for one in (before, after)]
    assert before.scope.datasets[0].opt_out != after.scope.datasets[0].opt_out
    assert found[0].aggregate == found[1].aggregate


def test_an_order_that_names_no_order_is_refused(node: Node, permit: Permit) -> None:
    asked: Order = order(node, permit)
    for token in ("", "a.b.c", jws.issue(RESEARCHER, asked, "hanse-permit+jws"), sign(permit, AUTHORITY)):
        assert refused(node, token)["status"] == 401
