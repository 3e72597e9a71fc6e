"""The holder's page: what is asked, and decisions that a passkey signs over the bytes that are shown."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests import backups
from tests.desk.authenticator import ORIGIN, Authenticator
from tests.desk.conftest import PORT, Sitting, challenge, hidden
from tests.node.permitted import RESEARCHER, Node, hash_of, make, order, ordered, permit_for, sign
from tests.node.test_permits import application_for

from hanse.core import application
from hanse.core.errors import Problem
from hanse.core.permit import Permit
from hanse.desk import node as pages
from hanse.desk.site import make_desk
from hanse.lib import assertions, continuity, jws, log, sql
from hanse.node import config
from hanse.node.uses import Admitted, Uses
from hanse.node.verify import verify

MANAGER = "Data Manager"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = make(tmp_path / "node")
    config.write(made.config)
    return made


@pytest.fixture
def permit(node: Node) -> Permit:
    """A permit that waits for the holder."""
    said = permit_for(node)
    node.permits.receive([sign(said)])
    node.confirm(said)
    return said


@pytest.fixture
def manager(node: Node) -> Iterator[Sitting]:
    """Somebody who decides for the holder, signed in."""
    app = make_desk(pages.desk(node.store, node.config, PORT), pages.pages(node.store))
    with TestClient(app, base_url=ORIGIN) as client:
        one = Sitting(node.store, client)
        one.enrol(MANAGER)
        assert one.sign_in().status_code == 303
        yield one


def place(permit: Permit) -> str:
    return f"/en/permits/{permit.id}"


def used(node: Node, permit: Permit) -> str:
    """The rule that refuses the next order, or nothing."""
    try:
        node.gate.use(ordered(order(node, permit)))
    except Problem as problem:
        return str(problem.more["rule"])
    return ""


def agreed(node: Node) -> list[tuple[str, str]]:
    """The decisions in the log that a passkey agreed to, verified: kind of entry, and who."""
    with sql.read(node.store.records) as connection:
        found = list(assertions.verify(connection))
    return [(one.entry.kind, one.entry.body["who"]["officer"]) for one in found]


def test_a_permit_is_read_approved_used_and_stopped(node: Node, permit: Permit, manager: Sitting) -> None:
    assert "Waiting for you" in manager.get("/en/")
    page = manager.get(place(permit))
    assert hash_of(permit) in page
    assert "Principal Investigator" in page
    assert used(node, permit) == "approval"
    assert manager.decide(page, place(permit)).status_code == 303
    assert used(node, permit) == ""
    page = manager.get(place(permit))
    assert f"Approved by {MANAGER}" in page
    assert "1 of at most 100 orders" in page
    assert manager.decide(page, place(permit)).status_code == 303
    assert used(node, permit) == "veto"
    assert f"Forbidden by {MANAGER}" in manager.get(place(permit))
    assert agreed(node) == [("approval", MANAGER), ("veto", MANAGER)]


def test_a_restored_node_says_so_where_its_holder_decides(node: Node, manager: Sitting) -> None:
    words = "The records are an older copy"
    assert words not in manager.get("/en/permits")
    backups.leave_head(node.home)
    assert words in manager.get("/en/permits")
    continuity.resume(node.store.records, node.home, MANAGER, "The disk failed.")
    assert words not in manager.get("/en/permits")


def test_a_stop_on_the_page_counts_for_what_is_running(
    node: Node, permit: Permit, manager: Sitting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The use has been begun and computed, and waits to be signed, while the officer decides."""
    computed, go_on, answer = threading.Event(), threading.Event(), Uses.answer

    def held(uses: Uses, admitted: Admitted, aggregate: dict[str, Any]) -> str:
        computed.set()
        assert go_on.wait(60)
        return answer(uses, admitted, aggregate)

    monkeypatch.setattr(Uses, "answer", held)
    manager.decide(manager.get(place(permit)), place(permit))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(used, node, permit)
        assert computed.wait(60)
        manager.decide(manager.get(place(permit)), place(permit))
        go_on.set()
        assert running.result(60) == "veto"
    assert list((node.home / "results").iterdir()) == []
    assert "stopped, nothing left" in manager.get("/en/uses")


def test_a_permit_is_refused_with_a_reason_that_the_researcher_reads(
    node: Node, permit: Permit, manager: Sitting
) -> None:
    assert "data-options" not in manager.get(f"{place(permit)}/no")
    page = manager.get(f"{place(permit)}/no", params={"reason": "Not for <this> purpose"})
    assert "Not for &lt;this&gt; purpose" in page
    assert manager.decide(page, place(permit)).status_code == 303
    with sql.read(node.store.records) as connection:
        _approval, said = node.permits.decided(connection, node.permits.newest(connection, permit.id))
    assert said
    assert (said.document.reason, said.document.officer) == ("Not for <this> purpose", MANAGER)
    assert used(node, permit) == "veto"
    assert "Not for &lt;this&gt; purpose" in manager.get(place(permit))


def test_a_stop_can_be_lifted(node: Node, permit: Permit, manager: Sitting) -> None:
    for rule in ("", "veto", ""):
        assert manager.decide(manager.get(place(permit)), place(permit)).status_code == 303
        assert used(node, permit) == rule


def test_only_the_bytes_that_were_shown_are_signed(node: Node, permit: Permit, manager: Sitting) -> None:
    """Another permit's bytes, changed bytes, and an answer to something else count for nothing."""
    other = permit_for(node)
    node.permits.receive([sign(other)])
    page, elsewhere = manager.get(place(permit)), manager.get(place(other))
    mine, theirs = (hidden(one, place(which)) for one, which in ((page, permit), (elsewhere, other)))
    answer = manager.passkey.get(challenge(page))
    wrong = [
        mine | {"answer": manager.passkey.get(challenge(elsewhere))},
        mine | {"payload": theirs["payload"], "answer": answer},
        theirs | {"answer": manager.passkey.get(challenge(elsewhere))},
        mine | {"payload": "nothing", "answer": answer},
        mine | {"typ": "hanse-veto+jws", "answer": answer},
        mine | {"typ": "nothing", "answer": answer},
        mine | {"answer": Authenticator().get(challenge(page))},
        mine | {"answer": ""},
    ]
    for fields in wrong:
        assert 400 <= manager.post(place(permit), **fields).status_code < 500
    assert agreed(node) == []
    assert manager.post(place(permit), **mine | {"answer": answer}).status_code == 303


def test_what_was_decided_meanwhile_is_not_decided_over(node: Node, permit: Permit, manager: Sitting) -> None:
    page = manager.get(place(permit))
    node.permits.forbid(permit.id, "Another manager", "no")
    answer = manager.decide(page, place(permit))
    assert answer.status_code == 409
    assert "meanwhile" in answer.text
    assert used(node, permit) == "veto"


def test_a_version_that_came_after_it_was_read_is_not_approved(
    node: Node, permit: Permit, manager: Sitting
) -> None:
    page = manager.get(place(permit))
    amended = replace(permit, version=2, amends=hash_of(permit), project="Another")
    node.permits.receive([sign(amended)])
    assert manager.decide(page, place(permit)).status_code in (403, 409)
    assert agreed(node) == []


def test_a_decision_of_one_officer_is_not_made_in_the_name_of_another(
    node: Node, permit: Permit, manager: Sitting
) -> None:
    page = manager.get(place(permit))
    manager.passkey = Authenticator()
    manager.enrol("Another Manager")
    assert manager.sign_in().status_code == 303
    fields = hidden(manager.get(place(permit)), place(permit)) | {
        "payload": hidden(page, place(permit))["payload"]
    }
    fields |= {"answer": manager.passkey.get(challenge(page))}
    assert manager.post(place(permit), **fields).status_code == 403
    assert agreed(node) == []


def test_a_decision_that_no_passkey_agreed_to_is_found_later(
    node: Node, permit: Permit, manager: Sitting
) -> None:
    manager.decide(manager.get(place(permit)), place(permit))
    assert verify(node.store) == []
    with sql.begin(node.store.records) as connection:
        connection.execute(assertions.ASSERTION.update().values(typ="hanse-veto+jws"))
    (found,) = verify(node.store)
    assert found.kind == "log"
    assert "its assertion was changed" in found.what


def test_an_application_is_shown_and_cannot_be_decided(node: Node, manager: Sitting) -> None:
    asked = application_for(node)
    node.permits.receive([jws.issue(RESEARCHER, asked, application.TYP)])
    assert "the authority decides first" in manager.get("/en/")
    page = manager.get(f"/en/permits/{asked.id}")
    assert "data-options" not in page
    answer = manager.client.get(f"/en/permits/{asked.id}/no")
    assert answer.status_code == 409


def test_beside_a_permit_stand_the_reasons_of_the_application_that_it_names(
    node: Node, permit: Permit, manager: Sitting
) -> None:
    why = "To learn <b>who</b> lives longer."
    token = jws.issue(RESEARCHER, replace(application_for(node), reasons=(why,)), application.TYP)
    answer = replace(permit_for(node), application=jws.identity(token))
    node.permits.receive([sign(answer), sign(permit_for(node))])
    assert "did not come here" in manager.get(place(answer))
    node.permits.receive([token])
    page = manager.get(place(answer))
    assert "To learn &lt;b&gt;who&lt;/b&gt; lives longer." in page
    assert jws.identity(token) in page
    assert "lives longer" not in manager.get(place(permit))


def test_uses_are_shown_by_permit(node: Node, permit: Permit, manager: Sitting) -> None:
    assert "Nobody has used your data" in manager.get("/en/uses")
    used(node, permit)
    node.permits.approve(permit.id, MANAGER)
    used(node, permit)
    page = manager.get("/en/uses", params={"permit": permit.id})
    assert "numbers left" in page
    assert "intermediate of kaplan_meier" in page
    assert "The holder has not approved this version of the permit." in page
    assert "Nobody has used" in manager.get("/en/uses", params={"permit": "permit_unknown"})


def test_the_node_says_whom_it_trusts_and_what_its_log_holds(node: Node, manager: Sitting) -> None:
    page = manager.get("/en/node")
    (pinned,) = node.config.authorities
    assert jws.fingerprint(pinned.kid) in page
    with sql.read(node.store.records) as connection:
        _, root = log.head(connection)
    assert root in page
    config.write(replace(node.config, authorities=()))
    assert "None: no permit counts here." in manager.get("/en/node")


def test_texts_of_strangers_stay_texts(node: Node, manager: Sitting) -> None:
    said = permit_for(node)
    (person,) = said.scope.persons
    person = replace(person, name="<script>alert(3)</script>", organisation="<img src=x onerror=alert(4)>")
    said = replace(
        said, project="<script>alert(1)</script>{{7*7}}", scope=replace(said.scope, persons=(person,))
    )
    node.permits.receive([sign(said)])
    node.confirm(said)
    node.permits.approve(said.id, "<svg onload=alert(5)>")
    used(node, said)
    for path in ("/en/", place(said), f"{place(said)}/no?reason=<script>alert(6)</script>", "/en/uses"):
        page = manager.get(path)
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "<svg onload" not in page
        assert "{{7*7}}" in unescape(page) or "/uses" in path


@pytest.mark.parametrize(
    "path", ["/en/permits/permit_unknown", "/en/permits/permit_unknown/no", "/en/nothing"]
)
def test_what_is_not_there_is_said_so(manager: Sitting, path: str) -> None:
    assert manager.client.get(path).status_code == 404


def test_another_site_decides_nothing(node: Node, permit: Permit, manager: Sitting) -> None:
    """A form on the hub's page, a name that was made to lead here, and a page that sends no origin."""
    fields = hidden(manager.get(place(permit)), place(permit)) | {
        "answer": manager.passkey.get(challenge(manager.get(place(permit))))
    }
    for headers in (
        {"Origin": node.config.hub},
        {"Origin": "null"},
        {},
        {"Origin": ORIGIN, "Host": "rebound.example.org"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    ):
        answer = manager.client.post(place(permit), data=fields, headers=headers, follow_redirects=False)
        assert answer.status_code in (403, 421)
    rebound = manager.client.get(place(permit), headers={"Host": "rebound.example.org"})
    assert rebound.status_code == 421
    assert agreed(node) == []
