"""One question to all nodes: what one node replies, however hostile, changes nothing in the rows of the others."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from tests.hub.test_catalogue import node

from hanse.core import clock, envelope, ids, plain
from hanse.core.answer import NodeAnswer, NodeState
from hanse.core.envelope import Kind
from hanse.core.errors import Unreachable
from hanse.domains import VOCABULARY
from hanse.hub.registry import Directory
from hanse.hub.search import MAX_UNDER_WAY, Search
from hanse.lib import jws
from hanse.lib.jws import FileKey
from hanse.link.mailbox import MemoryMailbox, Reply

HONEST, HOSTILE = "Turku", "Mallory"


def asked(records: sa.Engine, kind: Kind, body: Any) -> Mapping[str, Mapping[str, Any]]:
    """The rows of an answer by the nodes' names, after one node answered nothing wrong and the other one `body`."""
    keys = {HONEST: node(records, HONEST), HOSTILE: node(records, HOSTILE)}
    directory = Directory(records)
    for key in keys.values():
        directory.seen(ids.of_node(key.public.kid), clock.now())
    directory.note()
    replies = {HONEST: (Kind.ANSWER, answer(keys[HONEST])), HOSTILE: (kind, body)}
    return asyncio.run(_asked(records, {ids.of_node(keys[name].public.kid): replies[name] for name in keys}))


def answer(key: FileKey) -> dict[str, Any]:
    said = NodeAnswer(ids.of_node(key.public.kid), "any", "FI", NodeState.ANSWERED, clock.text(clock.now()))
    return plain.answer_to_plain(said)


async def _asked(records: sa.Engine, replies: Mapping[str, tuple[Kind, Any]]) -> dict[str, Mapping[str, Any]]:
    mailbox, hub = MemoryMailbox(), FileKey.generate()
    search = Search(records, mailbox, hub, VOCABULARY)

    async def reply(node: str) -> None:
        (letter,) = await mailbox.take(node, (), 5.0)
        message = envelope.decode(jws.verify(letter.token, hub.public, envelope.TYP))
        await mailbox.deliver(Reply(message.id, node, *replies[node]))

    whole = search.whole(search.read("image.modality = 'MR'", deadline_s=5.0))
    body, *_ = await asyncio.gather(whole, *map(reply, replies))
    return {one["name"]: one for one in body["nodes"]}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.ANSWER, {"datasets": 5}),
        (Kind.ANSWER, {"datasets": "x" * 50}),
        (Kind.ANSWER, ["no object"]),
        (Kind.ANSWER, None),
        (Kind.PROBLEM, {"status": "many"}),
        (Kind.PROBLEM, {"status": 10**400}),
        (Kind.PROBLEM, {"status": 400, "detail": {"deep": ["inside"]}}),
        (Kind.PROBLEM, {"status": 400, "detail": "x" * 100_000}),
        (Kind.PROBLEM, {"status": 400, "type": ["problem"]}),
        (Kind.PROBLEM, 7),
    ],
)
def test_a_reply_that_is_none_fails_its_own_row_and_no_other(
    records: sa.Engine, kind: Kind, body: Any
) -> None:
    rows = asked(records, kind, body)
    assert rows[HONEST]["state"] == "answered"
    assert rows[HOSTILE]["state"] == "failed"
    assert len(json.dumps(rows[HOSTILE])) < 2000
    plain.answer_from_plain(rows[HOSTILE])  # as the page and the client read it


def test_a_node_that_refuses_is_shown_with_its_reason(records: sa.Engine) -> None:
    rows = asked(records, Kind.PROBLEM, {"status": 422, "title": "Too costly", "detail": "It was stopped."})
    assert rows[HOSTILE]["state"] == "refused"
    assert rows[HOSTILE]["problem"]["detail"] == "It was stopped."


def test_a_hub_that_is_asking_enough_says_so(records: sa.Engine) -> None:
    search = Search(records, MemoryMailbox(), FileKey.generate(), VOCABULARY)
    search.under_way.update({str(number): time.monotonic() + 60 for number in range(MAX_UNDER_WAY)})
    with pytest.raises(Unreachable):
        search.read("image.modality = 'MR'")


def test_readers_who_stop_reading_keep_nobody_from_asking(records: sa.Engine) -> None:
    """All answers are there, or the time for them is over; only nobody takes them."""
    search = Search(records, MemoryMailbox(), FileKey.generate(), VOCABULARY)
    search.under_way.update({str(number): time.monotonic() for number in range(MAX_UNDER_WAY)})
    assert search.asking == 0
    search.read("image.modality = 'MR'")
