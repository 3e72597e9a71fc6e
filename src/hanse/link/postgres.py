"""A mailbox in PostgreSQL, for a hub of several processes: rows, and LISTEN/NOTIFY that carries ids only.

Needs the extra `hanse[postgres]`. Each process has one connection for statements and one that listens; a lost
connection is opened again, and whoever waits looks again, since notes were lost with it.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import psycopg

from hanse.core import clock
from hanse.core.envelope import Kind
from hanse.core.errors import Unreachable
from hanse.link.mailbox import (
    MAX_BLOBS,
    MAX_TAKEN,
    MAX_WAITING,
    Bells,
    Letter,
    Replies,
    Reply,
    too_many_blobs,
    too_many_waiting,
)

CHANNEL = "hanse_link"
SWEEP_EVERY_S = 30.0
RETRY_S = 1.0
log = logging.getLogger(__name__)

# Nothing here outlives a day, and what a crash of the database takes is asked again: hence UNLOGGED.
_SCHEMA = """ SELECT pg_advisory_xact_lock(727567); CREATE UNLOGGED TABLE IF NOT EXISTS link_letter ( place
bigserial, id text PRIMARY KEY, node text NOT NULL, token text NOT NULL, expires timestamptz NOT NULL);
CREATE INDEX IF NOT EXISTS link_letter_node ON link_letter (node, place); CREATE UNLOGGED TABLE IF NOT
EXISTS link_expected ( question text PRIMARY KEY, node text NOT NULL, expires timestamptz NOT NULL); CREATE
UNLOGGED TABLE IF NOT EXISTS link_reply ( question text PRIMARY KEY, node text NOT NULL, kind text NOT NULL,
body text NOT NULL, expires timestamptz NOT NULL); CREATE UNLOGGED TABLE IF NOT EXISTS link_seen ( sender
text, id text, expires timestamptz NOT NULL, PRIMARY KEY (sender, id)); CREATE UNLOGGED TABLE IF NOT EXISTS
link_blob ( node text, sha256 text, content bytea NOT NULL, expires timestamptz NOT NULL, PRIMARY KEY (node,
sha256));
"""
_EXPIRING = ("link_letter", "link_expected", "link_reply", "link_seen", "link_blob")

_PUT = """
WITH waiting AS (SELECT count(*) AS many FROM link_letter WHERE node = %(node)s AND expires > %(at)s),
put AS (
    INSERT INTO link_letter (id, node, token, expires)
    SELECT %(id)s, %(node)s, %(token)s, %(expires)s FROM waiting WHERE many < %(most)s RETURNING node)
SELECT pg_notify(%(channel)s, 'node ' || node) FROM put
"""
_TAKE = """
SELECT id, node, token, expires FROM link_letter WHERE node = %s AND expires > %s ORDER BY place LIMIT %s
"""
# Whoever deletes the row of the expected question delivers the reply: a second one finds nothing.
_DELIVER = """
WITH asked AS (
    DELETE FROM link_expected WHERE question = %(question)s AND node = %(node)s AND expires > %(at)s
    RETURNING question, node, expires),
reply AS (
    INSERT INTO link_reply (question, node, kind, body, expires)
    SELECT question, node, %(kind)s, %(body)s, expires FROM asked RETURNING question)
SELECT pg_notify(%(channel)s, 'reply ' || question) FROM reply
"""
_FETCH = "DELETE FROM link_reply WHERE question = ANY(%s) RETURNING question, node, kind, body"
_STORE = """
WITH waiting AS (
    SELECT coalesce(sum(length(content)), 0) AS bytes FROM link_blob
    WHERE node = %(node)s AND sha256 <> %(sha256)s AND expires > %(at)s)
INSERT INTO link_blob (node, sha256, content, expires)
SELECT %(node)s, %(sha256)s, %(content)s, %(expires)s FROM waiting WHERE bytes + %(size)s <= %(most)s
ON CONFLICT (node, sha256) DO UPDATE SET expires = excluded.expires RETURNING 1
"""


class PostgresMailbox:
    """The contract of `link.mailbox.Mailbox`, between all processes that use the same database."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._bells = Bells()
        self._expected: dict[str, Replies] = {}
        self._opening = asyncio.Lock()
        self._statements: psycopg.AsyncConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def put(self, letter: Letter) -> None:
        values = {"id": letter.id, "node": letter.node, "token": letter.token, "expires": letter.expires}
        bounds = {"at": clock.now(), "most": MAX_WAITING, "channel": CHANNEL}
        if not await self._rows(_PUT, values | bounds):
            raise too_many_waiting(letter.node)

    async def take(self, node: str, got: Iterable[str], hold_s: float) -> list[Letter]:
        turn = self._bells.begin(node)
        try:
            if known := list(got):
                await self._rows("DELETE FROM link_letter WHERE node = %s AND id = ANY(%s)", (node, known))
            letters = await self._waiting(node)
            if not letters:
                await turn.wait(hold_s)
                letters = await self._waiting(node) if turn.mine and not self._bells.closed else []
            return letters if turn.mine else []
        finally:
            self._bells.end(node, turn)

    async def _waiting(self, node: str) -> list[Letter]:
        return [Letter(*row) for row in await self._rows(_TAKE, (node, clock.now(), MAX_TAKEN))]

    @asynccontextmanager
    async def expect(self, questions: Mapping[str, str], expires: datetime) -> AsyncIterator[Replies]:
        replies = Replies()
        self._expected |= dict.fromkeys(questions, replies)
        asked = list(questions)
        try:
            await self._rows(
                "INSERT INTO link_expected SELECT question, node, %s FROM unnest(%s::text[], %s::text[]) "
                "AS asked (question, node)",
                (expires, asked, list(questions.values())),
            )
            yield replies
        finally:
            for question in asked:
                self._expected.pop(question, None)
            await self._rows("DELETE FROM link_expected WHERE question = ANY(%s)", (asked,))

    async def deliver(self, reply: Reply) -> bool:
        values = {
            "question": reply.question,
            "node": reply.node,
            "kind": reply.kind.value,
            "body": json.dumps(reply.body),
        }
        return bool(await self._rows(_DELIVER, values | {"at": clock.now(), "channel": CHANNEL}))

    async def first_time(self, sender: str, id: str, issued: datetime, until: datetime) -> bool:
        insert = "INSERT INTO link_seen VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING 1"
        return bool(await self._rows(insert, (sender, id, until)))

    async def store(self, node: str, sha256: str, content: bytes, expires: datetime) -> None:
        values = {"node": node, "sha256": sha256, "content": content, "expires": expires}
        if not await self._rows(
            _STORE, values | {"at": clock.now(), "size": len(content), "most": MAX_BLOBS}
        ):
            raise too_many_blobs()

    async def load(self, node: str, sha256: str) -> bytes | None:
        query = "SELECT content FROM link_blob WHERE node = %s AND sha256 = %s AND expires > %s"
        rows = await self._rows(query, (node, sha256, clock.now()))
        return bytes(rows[0][0]) if rows else None

    async def close(self) -> None:
        self._bells.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._statements is not None:
            await self._statements.close()

    async def _rows(self, query: str, values: Any) -> list[tuple[Any, ...]]:
        """Runs one statement, which is its own transaction; once more on a new connection when the old one
        is lost."""
        for last in (False, True):
            connection = await self._connected()
            try:
                cursor = await connection.execute(query, values)
                return await cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError as error:
                await connection.close()
                if last:
                    raise Unreachable("The database behind the mailbox does not answer.") from error
        raise AssertionError("the loop returns or raises")

    async def _connected(self) -> psycopg.AsyncConnection:
        async with self._opening:
            if self._statements is None or self._statements.closed:
                try:
                    self._statements = await psycopg.AsyncConnection.connect(self._address, autocommit=True)
                    async with self._statements.transaction():
                        await self._statements.execute(_SCHEMA)
                except psycopg.OperationalError as error:
                    raise Unreachable("The database behind the mailbox cannot be reached.") from error
            if not self._tasks:
                listening = asyncio.Event()
                self._tasks = [
                    asyncio.create_task(self._listen(listening)),
                    asyncio.create_task(self._sweep()),
                ]
                await asyncio.wait_for(listening.wait(), 10)
            return self._statements

    async def _listen(self, listening: asyncio.Event) -> None:
        """Rings the bell of a node that has a message, and fetches replies, for as long as the mailbox is
        open."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._address, autocommit=True
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    if listening.is_set():
                        self._bells.ring_all()
                        await self._fetch(list(self._expected))
                    listening.set()
                    async for note in connection.notifies():
                        await self._noted(*note.payload.split(" ", 1))
            except (psycopg.OperationalError, Unreachable):
                log.warning("The mailbox lost its database and tries again.")
                await asyncio.sleep(RETRY_S)

    async def _noted(self, what: str, id: str) -> None:
        if what == "node":
            self._bells.ring(id)
        elif id in self._expected:
            await self._fetch([id])

    async def _fetch(self, questions: list[str]) -> None:
        for question, node, kind, body in await self._rows(_FETCH, (questions,)):
            if replies := self._expected.get(question):
                replies.add(Reply(question, node, Kind(kind), json.loads(body)))

    async def _sweep(self) -> None:
        """Deletes what has expired."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                for table in _EXPIRING:
                    await self._rows(f"DELETE FROM {table} WHERE expires < %s", (clock.now(),))
            except Unreachable:
                log.warning("The mailbox could not be swept; it will be.")
