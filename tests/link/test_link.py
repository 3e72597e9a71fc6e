"""Questions and answers between a hub and its nodes, over real connections."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.link.running import HELLO, Calling, Running, echo

from hanse.core import clock, envelope, greeting, ids, plain
from hanse.core.answer import Counts, Rule
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import QuestionTooCostly
from hanse.core.policy import Access
from hanse.core.record import Description, Record, english
from hanse.hub import catalogue, registry
from hanse.lib import sql
from hanse.lib.jws import FileKey
from hanse.link import mailbox
from hanse.link.caller import Hub
from hanse.link.mailbox import Letter
from hanse.link.outbound import Outbound, Reply

Call = Callable[..., Calling]


def node(hub: Running) -> tuple[FileKey, str]:
    key = FileKey.generate()
    hub.enrol(key)
    return key, ids.of_node(key.public.kid)


def test_every_node_answers_and_the_hub_knows_who_said_what(hub: Running, call: Call) -> None:
    nodes = [node(hub) for _ in range(3)]
    for key, _ in nodes:
        call(key, echo)
    replies = hub.ask([id for _, id in nodes], {"search": "search_1"})
    assert sorted(reply.node for reply in replies) == sorted(id for _, id in nodes)
    assert all(reply.body == {"search": "search_1"} for reply in replies)


@pytest.mark.postgres
def test_two_hub_processes_share_their_nodes(tmp_path: Path, postgres: str) -> None:
    """The node calls one process, the question comes to the other one."""
    from hanse.link.postgres import PostgresMailbox

    called, asked = (Running(tmp_path, make=lambda: PostgresMailbox(postgres)) for _ in range(2))
    key = FileKey.generate()
    called.enrol(key)
    calling = Calling(Outbound(called.address, key, HELLO, tmp_path / "seen.db"), echo)
    (reply,) = asked.ask([ids.of_node(key.public.kid)], {"search": "search_1"})
    assert reply.body == {"search": "search_1"}
    calling.stop()
    asked.stop()
    called.stop()


def test_an_answer_that_is_too_large_becomes_a_problem(
    hub: Running, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_BLOBS", 100)
    key, id = node(hub)

    def much(message: Envelope) -> Reply:
        return Reply(Kind.ANSWER, {"much": "x" * (message.body or {})["size"]})

    call(key, much)
    (reply,) = hub.ask([id], {"size": 2 * envelope.MAX_BODY})
    assert (reply.kind, reply.body["type"]) == (Kind.PROBLEM, "/problems/too-large")
    (reply,) = hub.ask([id], {"size": 1})
    assert reply.kind is Kind.ANSWER


def test_a_node_that_does_not_answer_holds_up_nobody(hub: Running, call: Call) -> None:
    (key, alive), (_, dead) = node(hub), node(hub)
    call(key, echo)
    replies = hub.ask([alive, dead], {}, wait_s=1.0)
    assert [reply.node for reply in replies] == [alive]


def test_a_node_works_on_several_questions_at_once(hub: Running, call: Call) -> None:
    key, id = node(hub)
    both = threading.Barrier(2)

    def meet(message: Envelope) -> Reply:
        both.wait(5)  # broken, unless another question is worked on at the same time
        return echo(message)

    call(key, meet)
    answers: list[object] = []
    asking = [threading.Thread(target=lambda: answers.append(hub.ask([id], {}))) for _ in range(2)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert [len(replies) for replies in answers] == [1, 1]  # type: ignore[arg-type]


def test_a_problem_and_a_bug_of_a_node_reach_the_asker_and_say_nothing_private(
    hub: Running, call: Call
) -> None:
    key, id = node(hub)

    def refuse(message: Envelope) -> Reply:
        if message.body == {"costly": True}:
            raise QuestionTooCostly("It took too long.", hint="Ask less.")
        raise RuntimeError("patient Anna")

    call(key, refuse)
    (costly,) = hub.ask([id], {"costly": True})
    assert costly.kind is Kind.PROBLEM
    assert costly.body["type"] == "/problems/question-too-costly"
    (bug,) = hub.ask([id], {})
    assert bug.body["status"] == 500
    assert "Anna" not in str(bug.body)


def test_an_answer_leaves_not_before_its_time(hub: Running, call: Call) -> None:
    key, id = node(hub)
    due: list[float] = []

    def later(message: Envelope) -> Reply:
        due.append(time.monotonic() + 0.3)
        return Reply(Kind.ANSWER, {}, not_before=due[0])

    call(key, later)
    assert len(hub.ask([id], {})) == 1
    assert time.monotonic() >= due[0]


def test_a_body_over_one_megabyte_travels_as_a_blob(hub: Running, call: Call) -> None:
    key, id = node(hub)
    call(key, lambda message: Reply(Kind.ANSWER, {"much": "x" * (2 * envelope.MAX_BODY)}))
    (reply,) = hub.ask([id], {})
    assert reply.kind is Kind.ANSWER
    assert len(reply.body["much"]) == 2 * envelope.MAX_BODY


def test_a_question_over_one_megabyte_travels_as_a_blob_too(hub: Running, call: Call) -> None:
    key, id = node(hub)
    call(key, lambda message: Reply(Kind.ANSWER, {"size": len((message.body or {})["much"])}))
    (reply,) = hub.ask([id], {"much": "x" * (2 * envelope.MAX_BODY)})
    assert reply.body == {"size": 2 * envelope.MAX_BODY}


def test_the_hub_learns_who_calls_and_what_it_holds(hub: Running, tmp_path: Path) -> None:
    key, id = node(hub)
    dataset = ids.of_dataset(key.public.kid, "breast")
    record = Record(
        dataset, Access.OPEN, Counts(Rule.EXACT, 3, 4, 5), Description("breast", english("Breast MR"))
    )
    outbound = Outbound(hub.address, key, greeting.Hello((1,), "9.9", "2027.01"), tmp_path / "seen.db")
    outbound.send(Kind.CATALOGUE, plain.catalogue_to_plain((record,)))
    calling = Calling(outbound, echo)
    hub.ask([id], {})
    deadline = time.monotonic() + 5
    found: list[catalogue.Entry] = []
    while not found and time.monotonic() < deadline:
        with sql.read(hub.engine) as connection:
            found = catalogue.entries(connection)
            (row,) = registry.nodes(connection)
    calling.stop()
    assert [(entry.source.id, entry.record) for entry in found] == [(id, record)]
    assert (row.software, row.vocabulary) == ("9.9", "2027.01")
    assert row.online(clock.now())


def test_a_link_comes_back_when_the_hub_does(hub: Running, call: Call) -> None:
    key, id = node(hub)
    call(key, echo)
    assert len(hub.ask([id], {})) == 1
    hub.stop()
    hub.start(hub.port)
    assert len(hub.ask([id], {})) == 1


def test_a_node_that_starts_before_its_hub_waits_for_it(hub: Running, call: Call) -> None:
    key, id = node(hub)
    hub.stop()
    call(key, echo)
    time.sleep(0.1)
    hub.start(hub.port)
    assert len(hub.ask([id], {})) == 1


def test_a_message_that_comes_twice_is_handled_once_also_after_a_restart(hub: Running, call: Call) -> None:
    key, id = node(hub)
    at, life = clock.now(), envelope.SKEW
    handled: list[str] = []

    def note(message: Envelope) -> Reply:
        handled.append(message.id)
        return echo(message)

    again = envelope.new(Kind.QUESTION, ids.of_hub(hub.key.public.kid), id, {}, at=at, life=life)
    letter = Letter(again.id, id, hub.key.sign(envelope.encode(again), envelope.TYP), again.expires)
    for _ in range(2):
        calling = call(key, note)
        hub.put(letter)
        assert len(hub.ask([id], {})) == 1
        calling.stop()
    assert handled.count(again.id) == 1
    assert len(handled) == 3


def test_two_processes_with_one_key_do_not_chase_each_other(hub: Running, call: Call, tmp_path: Path) -> None:
    key, _ = node(hub)
    polls: list[float] = []
    took = hub.mailbox.take

    async def counted(*arguments: object) -> list[Letter]:
        polls.append(time.monotonic())
        return await took(*arguments)  # type: ignore[arg-type]

    hub.mailbox.take = counted  # type: ignore[method-assign, assignment]
    call(key, echo)
    other = Calling(Outbound(hub.address, key, HELLO, tmp_path / "other.db", hold_s=5.0), echo)
    time.sleep(1.0)
    other.stop()
    assert len(polls) < 12


@pytest.mark.parametrize("wrong", [404, 500])
def test_what_is_no_hub_is_called_with_patience(
    serve: Callable[[ASGIApp], str], call: Call, wrong: int
) -> None:
    calls: list[str] = []

    async def stranger(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        await PlainTextResponse("no hub", wrong)(scope, receive, send)

    calling = call(FileKey.generate(), echo, address=Hub(serve(http_only(stranger)), "key"))
    time.sleep(1.0)
    calling.stop()
    assert 1 <= len(calls) < 10


def http_only(app: ASGIApp) -> ASGIApp:
    """The same without the messages by which a server starts and stops it."""
    return Starlette(routes=[Mount("/", app)])
