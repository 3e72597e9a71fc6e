"""What waits at the hub: messages for nodes, replies for those who asked, ids that came before, and blobs.

One seam, so that several hub processes can share one hub: `MemoryMailbox` serves one process,
`PostgresMailbox` (`link.postgres`) any number of them. Both keep the same contract, which
`tests/link/test_mailbox.py` states.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from hanse.core import clock
from hanse.core.blob import MAX_BLOB
from hanse.core.envelope import Kind
from hanse.core.errors import Refused, TooLarge, Unreachable

MAX_WAITING = 256  # messages for one node that has not taken them
MAX_TAKEN = 64  # messages in one poll
MAX_SEEN = 20_000  # ids of one sender that have not expired
SWEEP_EVERY = 1000  # ids
MAX_BLOBS = 2 * MAX_BLOB  # bytes of one node


@dataclass(frozen=True, slots=True)
class Letter:
    """A signed message of the hub on its way to a node; it vanishes when it expires."""

    id: str
    node: str
    token: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node said to one question."""

    question: str  # id of the message that asked
    node: str
    kind: Kind
    body: Mapping[str, Any]


class Replies:
    """The replies to some questions, in the order in which they come."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Reply] = asyncio.Queue()

    def add(self, reply: Reply) -> None:
        self._arrived.put_nowait(reply)

    async def next(self, timeout_s: float) -> Reply | None:
        """The next reply; None when none comes within `timeout_s`."""
        try:
            return await asyncio.wait_for(self._arrived.get(), max(0.0, timeout_s))
        except TimeoutError:
            return None


class Mailbox(Protocol):
    """Delivery to a node is at least once (a message stays until the node has said that it got it), a reply
    reaches whoever waits for it at most once."""

    async def put(self, letter: Letter) -> None:
        """Keeps a message for a node; `Unreachable` when the node has left too many unread."""
        ...

    async def take(self, node: str, got: Iterable[str], hold_s: float) -> list[Letter]:
        """The messages for a node, oldest first; waits up to `hold_s` for one. Forgets those that the node
        `got`. A later call for the same node ends an earlier one, which then returns nothing."""
        ...

    def expect(self, questions: Mapping[str, str], expires: datetime) -> AbstractAsyncContextManager[Replies]:
        """Waits for one reply to each question (message id -> the node that was asked), from that node
        only."""
        ...

    async def deliver(self, reply: Reply) -> bool:
        """Hands a reply to whoever waits for it; False when nobody does, or not from this node."""
        ...

    async def first_time(self, sender: str, id: str, issued: datetime, until: datetime) -> bool:
        """Whether this message id of this sender is new; it is remembered `until` then."""
        ...

    async def store(self, node: str, sha256: str, content: bytes, expires: datetime) -> None:
        """Keeps a blob that a node wrote or may read; `TooLarge` when the node has too much here."""
        ...

    async def load(self, node: str, sha256: str) -> bytes | None:
        """A blob that this node wrote or may read."""
        ...

    async def close(self) -> None:
        """Ends every wait, so that a hub can end while nodes are calling."""
        ...


class Turn:
    """A node's wait for messages. It ends when the bell rings, the time is over, or a newer turn begins."""

    def __init__(self) -> None:
        self._over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.mine = True

    def ring(self) -> None:
        if not self._over.done():
            self._over.set_result(True)

    def replace(self) -> None:
        self.mine = False
        self.ring()

    async def wait(self, hold_s: float) -> None:
        await asyncio.wait([self._over], timeout=hold_s)


class Bells:
    """At most one turn for each node."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}
        self.closed = False

    def begin(self, node: str) -> Turn:
        """A new turn of this node, which ends the one before."""
        turn = Turn()
        if self.closed:
            turn.ring()
        if older := self._turns.get(node):
            older.replace()
        self._turns[node] = turn
        return turn

    def end(self, node: str, turn: Turn) -> None:
        if self._turns.get(node) is turn:
            del self._turns[node]

    def ring(self, node: str) -> None:
        if turn := self._turns.get(node):
            turn.ring()

    def ring_all(self) -> None:
        for turn in self._turns.values():
            turn.ring()

    def close(self) -> None:
        """Ends all turns, and those to come at once."""
        self.closed = True
        self.ring_all()


class MemoryMailbox:
    """A mailbox in the memory of one process. What it forgets when the process ends is asked again or was
    late; messages issued before it began are refused, since it cannot know whether they came before."""

    def __init__(self) -> None:
        # The link writes milliseconds: a message of this very millisecond is not older than the mailbox.
        self._began = clock.read(clock.text(clock.now()))
        self._bells = Bells()
        self._letters: dict[str, dict[str, Letter]] = {}
        self._expected: dict[str, tuple[str, Replies]] = {}
        self._seen: dict[str, dict[str, datetime]] = {}
        self._blobs: dict[str, dict[str, tuple[bytes, datetime]]] = {}

    async def put(self, letter: Letter) -> None:
        waiting = self._waiting(letter.node)
        if len(waiting) >= MAX_WAITING:
            raise too_many_waiting(letter.node)
        self._letters[letter.node][letter.id] = letter
        self._bells.ring(letter.node)

    async def take(self, node: str, got: Iterable[str], hold_s: float) -> list[Letter]:
        turn = self._bells.begin(node)
        try:
            for id in got:
                self._letters.get(node, {}).pop(id, None)
            if not self._waiting(node):
                await turn.wait(hold_s)
            return self._waiting(node)[:MAX_TAKEN] if turn.mine else []
        finally:
            self._bells.end(node, turn)

    def _waiting(self, node: str) -> list[Letter]:
        at = clock.now()
        letters = {id: letter for id, letter in self._letters.get(node, {}).items() if letter.expires > at}
        self._letters[node] = letters
        return list(letters.values())

    @asynccontextmanager
    async def expect(self, questions: Mapping[str, str], expires: datetime) -> AsyncIterator[Replies]:
        replies = Replies()
        self._expected |= {question: (node, replies) for question, node in questions.items()}
        try:
            yield replies
        finally:
            for question in questions:
                self._expected.pop(question, None)

    async def deliver(self, reply: Reply) -> bool:
        node, replies = self._expected.get(reply.question, ("", None))
        if replies is None or node != reply.node:
            return False
        del self._expected[reply.question]
        replies.add(reply)
        return True

    async def first_time(self, sender: str, id: str, issued: datetime, until: datetime) -> bool:
        seen = self._seen.setdefault(sender, {})
        if id in seen or issued < self._began:
            return False
        if len(seen) % SWEEP_EVERY == SWEEP_EVERY - 1:
            at = clock.now()
            seen = self._seen[sender] = {id: end for id, end in seen.items() if end > at}
        if len(seen) >= MAX_SEEN:
            raise Refused(f"More than {MAX_SEEN} messages in a short time.", hint="Send fewer messages.")
        seen[id] = until
        return True

    async def store(self, node: str, sha256: str, content: bytes, expires: datetime) -> None:
        at = clock.now()
        blobs = {key: one for key, one in self._blobs.get(node, {}).items() if one[1] > at and key != sha256}
        if sum(len(one[0]) for one in blobs.values()) + len(content) > MAX_BLOBS:
            raise too_many_blobs()
        self._blobs[node] = blobs | {sha256: (content, expires)}

    async def load(self, node: str, sha256: str) -> bytes | None:
        content, expires = self._blobs.get(node, {}).get(sha256, (None, None))
        return content if expires and expires > clock.now() else None

    async def close(self) -> None:
        self._bells.close()


def too_many_waiting(node: str) -> Unreachable:
    return Unreachable(f"The node {node} has left {MAX_WAITING} messages unread.", hint="Ask again later.")


def too_many_blobs() -> TooLarge:
    return TooLarge(
        f"More than {MAX_BLOBS} bytes of this node are waiting at the hub.", hint="Send them again later."
    )
