"""What a node keeps: documents that are rightly signed by whom the owner pinned, and never an older one for a newer."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.node.permitted import (
    AUTHORITY,
    RESEARCHER,
    STRANGER,
    Node,
    allow,
    hash_of,
    make,
    order,
    ordered,
    permit_for,
    sign,
)

from hanse.core import application, clock, ids, refusal, result
from hanse.core.application import Application
from hanse.core.errors import Conflict, NotFound, Problem
from hanse.core.permit import Authority, Kind, authority_id
from hanse.core.refusal import Refusal
from hanse.lib import jws, log, sql
from hanse.node import config
from hanse.node.permits import Permits
from hanse.node.tables import DOCUMENT


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return make(tmp_path / "node")


def kinds(node: Node) -> list[str]:
    with sql.read(node.store.records) as connection:
        return [one.kind for one in log.entries(connection)]


def application_for(node: Node) -> Application:
    said = permit_for(node)
    persons = tuple(replace(one, call=None) for one in said.scope.persons)
    return Application(
        id=ids.new("application"),
        kind=said.kind,
        authority=said.authority.id,
        amends="",
        project=said.project,
        reasons=("To learn.",),
        scope=replace(said.scope, persons=persons),
        at=clock.now(),
    )


def test_an_authority_that_nobody_pinned_says_nothing_here(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    said = permit_for(node)
    stranger = Authority(authority_id(STRANGER.public.kid), "Access Body", STRANGER.public.kid)
    assert node.permits.receive([sign(replace(said, authority=stranger), STRANGER)]) == 0
    assert "pinned as no authority" in caplog.text
    assert node.permits.receive([sign(said)]) == 1


def test_a_document_with_anothers_signature_is_dropped(node: Node) -> None:
    said = permit_for(node)
    head, body, _ = sign(said).split(".")
    forged = sign(replace(said, project="Another")).split(".")[2]
    elsewhere = make(node.home.parent / "other")
    wrong = [
        f"{head}.{body}.{forged}",
        sign(permit_for(elsewhere)),
        "nothing",
        jws.issue(AUTHORITY, said, "x+jws"),
    ]
    assert node.permits.receive(wrong) == 0
    assert node.permits.asked() == []


def test_an_authority_gives_only_the_kinds_that_it_was_pinned_for(node: Node) -> None:
    only = replace(node.config.authorities[0], kinds=frozenset({Kind.EHDS}))
    node.config = replace(node.config, authorities=(only,))
    assert node.permits.receive([sign(permit_for(node))]) == 0


def test_an_authority_has_no_say_in_the_permit_of_another(node: Node) -> None:
    """Two that are pinned: the second gives a further version of a permit of the first, which has ended."""
    said = allow(node, permit_for(node))
    second = replace(node.config.authorities[0], jwk=STRANGER.public.jwk)
    node.config = replace(node.config, authorities=(*node.config.authorities, second))
    name = Authority(authority_id(STRANGER.public.kid), "Another", STRANGER.public.kid)
    scope = replace(said.scope, ends=clock.now() - timedelta(hours=1))
    theirs = replace(said, authority=name, version=2, amends=hash_of(said), scope=scope)
    assert node.permits.receive([sign(theirs, STRANGER)]) == 0
    assert node.gate.use(ordered(order(node, said)))
    node.uses.orders.sweep(node.permits)
    assert len(list((node.home / "results").iterdir())) == 1


def test_an_older_status_never_wins_not_after_a_restart_either(node: Node) -> None:
    said = allow(node, permit_for(node))
    old = node.confirm(said)
    node.confirm(said, revoked=(said.id,))
    node = node.restarted()
    assert node.permits.receive([old]) == 0
    with pytest.raises(Problem) as caught:
        node.gate.use(ordered(order(node, said)))
    assert caught.value.more["rule"] == "revocation"


def test_a_status_that_is_too_old_or_for_another_node_does_not_count(node: Node) -> None:
    said = allow(node, permit_for(node))
    other = make(node.home.parent / "other")
    assert node.permits.receive([other.confirm(said, number=99)]) == 0
    node.confirm(said, issued=clock.now() - timedelta(hours=30), expires=clock.now() + timedelta(hours=1))
    with pytest.raises(Problem) as caught:
        node.gate.use(ordered(order(node, said)))
    assert caught.value.more["rule"] == "status"


def test_what_is_asked_is_shown_in_the_words_of_the_signed_bytes(node: Node) -> None:
    asked, said = application_for(node), permit_for(node)
    node.permits.receive([jws.issue(RESEARCHER, asked, application.TYP), sign(said)])
    found = node.permits.asked()
    assert [one.state for one in found] == ["waiting", "asked"]
    assert found[0].said.hash == hash_of(said)
    assert "Survival with lung cancer" in found[0].said.text
    node.permits.approve(said.id, "A data manager")
    assert node.permits.asked()[0].state == "approved"
    node.permits.forbid(said.id, "A data manager", "")
    assert node.permits.asked()[0].state == "vetoed"


def test_an_application_is_signed_with_a_key_that_it_names(node: Node) -> None:
    assert node.permits.receive([jws.issue(STRANGER, application_for(node), application.TYP)]) == 0


def test_decisions_are_logged_with_the_officer_and_sent_to_the_hub(node: Node) -> None:
    said = allow(node, permit_for(node))
    node.permits.forbid(said.id, "A data manager", "the project changed")
    assert kinds(node)[-2:] == ["approval", "veto"]
    unsent = node.permits.unsent()
    assert len(unsent) == 2
    node.permits.sent(hash for hash, _ in unsent)
    assert node.permits.unsent() == []
    node.permits.send_again()
    assert len(node.permits.unsent()) == 2


def test_nobody_decides_about_a_permit_that_is_not_there(node: Node) -> None:
    with pytest.raises(NotFound, match="no permit"):
        node.permits.approve(ids.new("permit"), "A data manager")


def test_what_came_after_it_was_read_is_not_approved(node: Node) -> None:
    said = permit_for(node)
    amended = replace(said, version=2, amends=hash_of(said), project="Another")
    node.permits.receive([sign(said)])
    (asked,) = node.permits.asked()
    node.permits.receive([sign(amended)])  # a hub chooses when documents arrive
    with pytest.raises(Conflict, match="came after the one that was read"):
        node.permits.approve(asked.said.hash, "A data manager")
    assert "approval" not in kinds(node)
    assert node.permits.approve(hash_of(amended), "A data manager").document == amended


def test_pinned_authorities_come_back_as_they_were_written(node: Node) -> None:
    config.write(node.config)
    assert config.read(node.home) == node.config


@pytest.mark.parametrize("why", ["ended", "revoked", "vetoed"])
def test_when_a_permit_is_over_nothing_that_was_made_under_it_is_left_on_disk(node: Node, why: str) -> None:
    """The result, planted under the permit, is looked for in every file of the home."""
    said = allow(node, permit_for(node))
    token = node.gate.use(ordered(order(node, said)))
    assert survivors(node, token)
    node.uses.orders.sweep(node.permits)
    assert survivors(node, token)  # the permit still holds
    if why == "vetoed":
        node.permits.forbid(said.id, "A data manager", "")
    elif why == "revoked":
        node.confirm(said, revoked=(said.id,))
    else:
        scope = replace(said.scope, ends=clock.now() - timedelta(seconds=1))
        node.permits.receive([sign(replace(said, version=2, amends=hash_of(said), scope=scope))])
    node.uses.orders.sweep(node.permits)
    assert survivors(node, token) == []
    with sql.read(node.store.records) as connection:
        last = list(log.entries(connection))[-1]
        kept = connection.scalars(DOCUMENT.select().with_only_columns(DOCUMENT.c.typ)).all()
    public = node.store.keys.signing.public
    proof = jws.read(last.body["certificate"], public, result.DELETION_TYP, result.decode_deletion).document
    assert (proof.permit, proof.reason) == (said.id, why)
    assert len(proof.orders) == 1
    assert kept.count(result.DELETION_TYP) == 1
    node.uses.orders.sweep(node.permits)
    assert kinds(node).count("deletion") == 1


def survivors(node: Node, token: str) -> list[Path]:
    """The files that hold any longer piece of a token's payload or its signature."""
    body, signature = token.split(".")[1:]
    wanted = [piece.encode() for piece in (body[200:260], signature)]
    files = [path for path in node.home.rglob("*") if path.is_file()]
    return [path for path in files if any(piece in path.read_bytes() for piece in wanted)]


def test_an_authority_that_is_pinned_while_the_node_serves_counts_at_once(node: Node) -> None:
    said = permit_for(node)
    config.write(replace(node.config, authorities=()))
    serving = Permits(node.store, config.read(node.home))
    assert not serving.refresh()
    assert serving.receive([sign(said)]) == 0
    config.write(node.config)
    assert serving.refresh()
    assert not serving.refresh()
    assert serving.receive([sign(said)]) == 1
    config.write(replace(node.config, authorities=()))
    assert serving.refresh()
    assert serving.asked() == []


def test_an_application_that_was_answered_is_asked_no_more(node: Node) -> None:
    refused, granted = application_for(node), application_for(node)
    tokens = [jws.issue(RESEARCHER, one, application.TYP) for one in (refused, granted)]
    node.permits.receive(tokens)
    assert [one.id for one in node.permits.asked()] == [refused.id, granted.id]
    no = Refusal(
        id=ids.new("refusal"),
        application=jws.identity(tokens[0]),
        authority=authority_id(AUTHORITY.public.kid),
        officer="An officer",
        reason="no",
        at=clock.now(),
    )
    said = replace(permit_for(node), application=jws.identity(tokens[1]))
    node.permits.receive([jws.issue(AUTHORITY, no, refusal.TYP), sign(said)])
    assert [one.id for one in node.permits.asked()] == [said.id]
