"""The contract of a mailbox, kept by the one in memory and the one in PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from hanse.core import clock, ids
from hanse.core.envelope import Kind
from hanse.core.errors import TooLarge, Unreachable
from hanse.link import mailbox as mailboxes
from hanse.link.mailbox import Letter, Mailbox, MemoryMailbox, Reply

MINUTE = timedelta(minutes=1)
Scenario = Callable[[Mailbox], Awaitable[None]]


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Runs a scenario with a fresh mailbox."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Mailbox]:
        if request.param == "memory":
            mailbox: Mailbox = MemoryMailbox()
        else:
            from hanse.link.postgres import PostgresMailbox

            mailbox = PostgresMailbox(request.getfixturevalue("postgres"))
        try:
            yield mailbox
        finally:
            await mailbox.close()

    async def play(scenario: Scenario) -> None:
        async with opened() as mailbox:
            await scenario(mailbox)

    if request.param == "postgres":
        request.getfixturevalue("postgres")
    return lambda scenario: asyncio.run(play(scenario))


def letter(node: str, life: timedelta = MINUTE) -> Letter:
    return Letter(ids.new("message"), node, "token", clock.now() + life)


def test_a_message_waits_until_the_node_says_that_it_got_it(run: Callable[[Scenario], None]) -> None:
    async def scenario(mailbox: Mailbox) -> None:
        node = ids.new("node")
        first, second = letter(node), letter(node)
        await mailbox.put(first)
        await mailbox.put(second)
        assert [one.id for one in await mailbox.take(node, [], 1)] == [first.id, second.id]
        assert [one.id for one in await mailbox.take(node, [first.id], 1)] == [second.id]
        assert await mailbox.take(node, [second.id], 0.01) == []

    run(scenario)


def test_a_message_wakes_the_node_that_waits_and_no_other(run: Callable[[Scenario], None]) -> None:
    async def scenario(mailbox: Mailbox) -> None:
        one, other = ids.new("node"), ids.new("node")
        waiting = [asyncio.create_task(mailbox.take(node, [], 0.5)) for node in (one, other)]
        await asyncio.sleep(0.05)
        await mailbox.put(letter(one))
        for_one, for_other = await asyncio.gather(*waiting)
        assert len(for_one) == 1
        assert for_other == []

    run(scenario)


def test_a_newer_call_of_a_node_ends_the_older_one(run: Callable[[Scenario], None]) -> None:
    async def scenario(mailbox: Mailbox) -> None:
        node = ids.new("node")
        older = asyncio.create_task(mailbox.take(node, [], 30))
        await asyncio.sleep(0.05)
        newer = asyncio.create_task(mailbox.take(node, [], 30))
        assert await asyncio.wait_for(older, 5) == []
        await mailbox.put(letter(node))
        assert len(await asyncio.wait_for(newer, 5)) == 1

    run(scenario)


def test_a_message_vanishes_when_it_expires(run: Callable[[Scenario], None]) -> None:
    async def scenario(mailbox: Mailbox) -> None:
        node = ids.new("node")
        await mailbox.put(letter(node, life=timedelta(milliseconds=20)))
        await asyncio.sleep(0.03)
        assert await mailbox.take(node, [], 0.01) == []

    run(scenario)


def test_a_node_that_reads_nothing_fills_its_own_box_only(
    run: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "MAX_WAITING", 3)
    monkeypatch.setattr("hanse.link.postgres.MAX_WAITING", 3)

    async def scenario(mailbox: Mailbox) -> None:
        node = ids.new("node")
        for _ in range(3):
            await mailbox.put(letter(node))
        with pytest.raises(Unreachable, match="unread"):
            await mailbox.put(letter(node))
        await mailbox.put(letter(ids.new("node")))

    run(scenario)


def test_a_reply_reaches_whoever_waits_once_and_from_the_asked_node_only(
    run: Callable[[Scenario], None],
) -> None:
    async def scenario(mailbox: Mailbox) -> None:
        question, node, other = ids.new("message"), ids.new("node"), ids.new("node")
        good = Reply(question, node, Kind.ANSWER, {"said": "ä"})
        async with mailbox.expect({question: node}, clock.now() + MINUTE) as replies:
            assert not await mailbox.deliver(Reply(question, other, Kind.ANSWER, {"said": "forged"}))
            assert await mailbox.deliver(good)
            assert not await mailbox.deliver(good)
            assert await replies.next(5) == good
            assert await replies.next(0.01) is None
        assert not await mailbox.deliver(good)

    run(scenario)


def test_an_id_counts_once_for_each_sender(run: Callable[[Scenario], None]) -> None:
    async def scenario(mailbox: Mailbox) -> None:
        id, at = ids.new("message"), clock.now()
        assert await mailbox.first_time("node_a", id, at, at + MINUTE)
        assert not await mailbox.first_time("node_a", id, at, at + MINUTE)
        assert await mailbox.first_time("node_b", id, at, at + MINUTE)

    run(scenario)


def test_a_blob_is_for_its_node_only_and_bounded(
    run: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "MAX_BLOBS", 10)
    monkeypatch.setattr("hanse.link.postgres.MAX_BLOBS", 10)

    async def scenario(mailbox: Mailbox) -> None:
        node, later = ids.new("node"), clock.now() + MINUTE
        await mailbox.store(node, "digest", b"12345678", later)
        assert await mailbox.load(node, "digest") == b"12345678"
        assert await mailbox.load(ids.new("node"), "digest") is None
        with pytest.raises(TooLarge):
            await mailbox.store(node, "another", b"123", later)
        await mailbox.store(ids.new("node"), "another", b"123", clock.now())
        assert await mailbox.load(node, "another") is None

    run(scenario)


def test_memory_refuses_what_may_have_come_before_it_began() -> None:
    async def scenario() -> None:
        at = clock.now()
        mailbox = MemoryMailbox()
        assert not await mailbox.first_time("node_a", "message_1", at - MINUTE, at + MINUTE)

    asyncio.run(scenario())


@pytest.mark.postgres
def test_two_processes_share_one_mailbox_in_postgresql(postgres: str) -> None:
    from hanse.link.postgres import PostgresMailbox

    async def scenario() -> None:
        asking, polling = PostgresMailbox(postgres), PostgresMailbox(postgres)
        question = letter(ids.new("node"))
        taking = asyncio.create_task(polling.take(question.node, [], 10))
        async with asking.expect({question.id: question.node}, question.expires) as replies:
            await asking.put(question)
            assert [one.id for one in await taking] == [question.id]
            assert await polling.deliver(Reply(question.id, question.node, Kind.ANSWER, {"persons": 3}))
            reply = await replies.next(5)
        assert reply is not None
        assert reply.body == {"persons": 3}
        await asking.close()
        await polling.close()

    asyncio.run(scenario())
