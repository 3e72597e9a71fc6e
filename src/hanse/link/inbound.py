"""The hub's end of the link: five routes that nodes call.

Every request carries a message that the node signed; nothing that TLS or a proxy says about the caller is
believed. A node that is unknown and one that is not (or no longer) approved get the same refusal.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import Any, Protocol

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.core import bodies, clock, envelope, greeting, ids, plain, strict_json
from hanse.core.blob import Blob, check_blob
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Problem, Refused, TooLarge, Unreachable
from hanse.core.record import Record
from hanse.lib import jws
from hanse.lib.jws import PublicKey, Signer
from hanse.link.mailbox import Letter, Mailbox, Reply

PREFIX = "/link/v1"
MAX_HOLD_S = 55.0  # proxies of hospitals cut what is quiet for 60 s
MAX_BATCH = 64  # messages
MAX_BATCH_BYTES = 8 << 20
READ_WITHIN_S = 30.0  # a request that takes longer to arrive is dropped
BLOB_LIFE = timedelta(minutes=15)
AUTHORIZATION = "Hanse "


@dataclass(frozen=True, slots=True)
class Known:
    """A node that may speak."""

    node: str
    key: PublicKey


class Directory(Protocol):
    """What the link needs to know about nodes. `stale`, `known` and `seen` answer from memory, since they
    are called for every message; the others may take their time and are called in worker threads."""

    def stale(self) -> bool:
        """Whether it is time for `refresh`."""
        ...

    def refresh(self) -> None:
        """Reads again which nodes may speak."""
        ...

    def known(self, kid: str) -> Known | None:
        """The approved node with this key; None for every other key."""
        ...

    def seen(self, node: str, at: datetime) -> bool:
        """The node has called; whether it is time for `note`."""
        ...

    def note(self) -> None:
        """Writes down which nodes have called."""
        ...

    def enrol(self, request: greeting.Enrol, key: PublicKey, at: datetime) -> str:
        """Lets a node wait for approval and returns its state; `BadToken` when its token does not count."""
        ...

    def greet(self, node: str, hello: greeting.Hello, at: datetime) -> None:
        """The node says with what software it speaks."""
        ...

    def describe(self, node: str, records: Sequence[Record], issued: datetime) -> None:
        """The node describes all its datasets."""
        ...


class Post(Protocol):
    """What waits in the hub's records until a participant has taken it, and what comes back for it: documents and
    orders. `stale` and `concerns` answer from memory, since they are called for every poll; the others are called in
    worker threads."""

    def stale(self) -> bool:
        """Whether it is time for `refresh`: told to one caller only, who then does it."""
        ...

    def refresh(self, at: datetime) -> None:
        """Reads again for whom something waits."""
        ...

    def concerns(self, participant: str, got: Sequence[str]) -> bool:
        """Whether `due` has something to do for a participant that has `got` these messages."""
        ...

    def due(self, participant: str, got: Sequence[str], at: datetime) -> list[Letter]:
        """What the participant is to get now; it has `got` the messages with these ids."""
        ...

    def again(self, participant: str) -> None:
        """The participant began anew: what it had taken, and nobody knows what became of, is due again."""
        ...

    def receive(self, participant: str, tokens: Sequence[str], at: datetime) -> list[Letter]:
        """Keeps documents, and returns what is to go to others at once; `BadEnvelope`, `Refused`."""
        ...

    def answer(self, reply: Reply, at: datetime) -> bool:
        """Keeps what a node says to an order; False when the message that it answers held none."""
        ...


@dataclass(frozen=True)
class Inbound:
    """The hub's end; `routes` are mounted at the root of its application."""

    signer: Signer
    mailbox: Mailbox
    directory: Directory
    hold_s: float = 25.0
    post: Post | None = None  # without one, the hub carries questions only

    @cached_property
    def hub(self) -> str:
        """The id of this hub."""
        return ids.of_hub(self.signer.public.kid)

    @property
    def routes(self) -> list[Route]:
        return [
            Route(f"{PREFIX}/hub", self.introduce, methods=["GET"]),
            Route(f"{PREFIX}/enrol", self.enrol, methods=["POST"]),
            Route(f"{PREFIX}/poll", self.poll, methods=["POST"]),
            Route(f"{PREFIX}/answers", self.answers, methods=["POST"]),
            Route(f"{PREFIX}/blobs/{{sha256}}", self.write_blob, methods=["PUT"]),
            Route(f"{PREFIX}/blobs/{{sha256}}", self.read_blob, methods=["GET"]),
        ]

    async def introduce(self, _request: Request) -> Response:
        """Who this hub is; a node compares the key with the one that its token names."""
        key = self.signer.public
        return _json(
            {
                "hub": self.hub,
                "jwk": key.jwk,
                "fingerprint": key.fingerprint,
                "protocols": greeting.PROTOCOLS,
                "hold_s": self.hold_s,
                "at": clock.text(clock.now()),
            }
        )

    async def enrol(self, request: Request) -> Response:
        """Takes a node's request to be let in, signed with the key that it brings."""
        token = await _text(request, jws.SMALL_TOKEN)
        claimed = envelope.decode(jws.unverified(token))
        try:
            key = PublicKey.from_jwk((claimed.body or {}).get("jwk"))
        except BadInput as problem:
            raise BadEnvelope(problem.detail) from None
        message = envelope.decode(jws.verify(token, key, envelope.ENROL_TYP))
        at = clock.now()
        if message.kind is not Kind.ENROL or message.sender != ids.of_node(key.kid):
            raise BadEnvelope("This is not an enrolment by the key's own node.")
        envelope.check_fresh(message, at=at)
        envelope.check(message, audience=self.hub, at=at)
        asked = greeting.enrol(message.body)
        greeting.negotiate(greeting.PROTOCOLS, asked.hello.protocols)
        state = await run_in_threadpool(self.directory.enrol, asked, key, at)
        return _json({"node": message.sender, "state": state, "fingerprint": key.fingerprint})

    async def poll(self, request: Request) -> Response:
        """The messages for a node; waits for one, at most as long as the node and this hub want."""
        message = await self._open(await _text(request, jws.SMALL_TOKEN), frozenset({Kind.POLL}))
        wanted = bodies.poll(message.body)
        if self.directory.seen(message.sender, clock.now()):
            await run_in_threadpool(self.directory.note)
        await self._carry_due(message.sender, wanted.got)
        hold_s = min(wanted.hold_s, self.hold_s, MAX_HOLD_S)
        letters = await self.mailbox.take(message.sender, wanted.got, hold_s)
        return _json({"messages": _first(letters)})

    async def _carry_due(self, participant: str, got: Sequence[str]) -> None:
        if self.post is None:
            return
        if self.post.stale():
            await run_in_threadpool(self.post.refresh, clock.now())
        if self.post.concerns(participant, got):
            await self.carry(await run_in_threadpool(self.post.due, participant, got, clock.now()))

    async def carry(self, letters: Sequence[Letter]) -> None:
        """Puts letters of the records into the boxes of those that they are for. A box that is full gets the rest
        when its owner has read it."""
        for letter in letters:
            try:
                await self.mailbox.put(letter)
            except Unreachable:
                return

    async def answers(self, request: Request) -> Response:
        """A batch of messages from one or more nodes, and what became of each: one bad message spoils no
        other."""
        tokens = _batch(await _read(request, MAX_BATCH_BYTES))
        return _json({"results": [await self._accept(token) for token in tokens]})

    async def _accept(self, token: Any) -> dict[str, Any]:
        try:
            message = await self._open(token, _SENT, limit=envelope.MAX_TOKEN)
            return {"id": message.id, "state": await self._act(message)}
        except Problem as problem:
            return {"state": "refused", "problem": problem.as_dict()}

    async def _act(self, message: Envelope) -> str:
        body = await self._body(message)
        match message.kind:
            case Kind.HELLO:
                hello = greeting.hello(body)
                greeting.negotiate(greeting.PROTOCOLS, hello.protocols)
                await run_in_threadpool(self.directory.greet, message.sender, hello, clock.now())
                if self.post:
                    await run_in_threadpool(self.post.again, message.sender)
            case Kind.CATALOGUE:
                records = await run_in_threadpool(plain.catalogue_from_plain, body)
                await run_in_threadpool(self.directory.describe, message.sender, records, message.issued)
            case Kind.DOCUMENTS if self.post:
                tokens = bodies.documents(body)
                await self.carry(
                    await run_in_threadpool(self.post.receive, message.sender, tokens, clock.now())
                )
            case _:
                reply = Reply(message.reply_to, message.sender, message.kind, body)
                return "accepted" if await self._reply(reply) else "late"
        return "accepted"

    async def _reply(self, reply: Reply) -> bool:
        """Hands a reply to whoever waits for it: somebody who asks, or the records of orders."""
        if await self.mailbox.deliver(reply):
            return True
        asked = reply.kind in (Kind.RESULT, Kind.PROBLEM) and self.post
        return bool(asked and await run_in_threadpool(asked.answer, reply, clock.now()))

    async def _body(self, message: Envelope) -> Any:
        """The body of a message, out of its blob if it travelled apart."""
        if message.blob is None:
            return message.body
        content = await self.mailbox.load(message.sender, message.blob.sha256)
        if content is None or len(content) != message.blob.size:
            raise NotFound(
                "The blob that this message names is not here.", hint="Send it before the message."
            )
        return await run_in_threadpool(strict_json.load, content)

    async def write_blob(self, request: Request) -> Response:
        """Keeps the body of a message that its sender is about to send."""
        message, wanted = await self._fetch(request, write=True)
        content = await _read(request, wanted.size)
        check_blob(wanted, content)
        await self.mailbox.store(message.sender, wanted.sha256, content, clock.now() + BLOB_LIFE)
        return Response(status_code=204)

    async def read_blob(self, request: Request) -> Response:
        """A blob for this node. One for another node is not found, like one that never was."""
        message, wanted = await self._fetch(request, write=False)
        content = await self.mailbox.load(message.sender, wanted.sha256)
        if content is None:
            raise NotFound("There is no such blob for this node.")
        return Response(content, media_type="application/octet-stream")

    async def _fetch(self, request: Request, *, write: bool) -> tuple[Envelope, Blob]:
        token = request.headers.get("authorization", "")
        if not token.startswith(AUTHORIZATION):
            raise BadEnvelope("The Authorization header holds no message of kind 'fetch'.")
        message = await self._open(token.removeprefix(AUTHORIZATION), frozenset({Kind.FETCH}))
        wanted = bodies.fetch(message.body)
        if wanted.write is not write or wanted.blob.sha256 != request.path_params["sha256"]:
            raise BadEnvelope("The message allows another blob, or the other direction.")
        return message, wanted.blob

    async def _open(self, token: Any, kinds: frozenset[Kind], *, limit: int = jws.SMALL_TOKEN) -> Envelope:
        """The message in a token: from an approved node, signed by it, for this hub, now, and for the first
        time."""
        if self.directory.stale():
            await run_in_threadpool(self.directory.refresh)
        known = self.directory.known(jws.key_id(token, limit=limit))
        if known is None:
            raise Refused(
                "This hub takes no messages from this key.",
                hint="Enrol the node, and ask the hub's operator to approve it (hanse hub approve).",
            )
        message = envelope.decode(jws.verify(token, known.key, envelope.TYP, limit=limit))
        if message.sender != known.node or message.kind not in kinds:
            raise BadEnvelope(
                "The message is not from the key's own node, or of a kind that belongs elsewhere."
            )
        at = clock.now()
        envelope.check_fresh(message, at=at)
        envelope.check(message, audience=self.hub, at=at)
        until = envelope.remember_until(message)
        if not await self.mailbox.first_time(message.sender, message.id, message.issued, until):
            raise BadEnvelope("This message came before.")
        return message


_SENT = envelope.REPLIES | {Kind.HELLO, Kind.CATALOGUE, Kind.DOCUMENTS}


def _batch(raw: bytes) -> list[Any]:
    """The tokens of a batch. Anybody may send one, and all others wait while it is read: so it is read only when it has
    no more brackets and commas than a batch has, of which there are none in a token."""
    plain = raw.count(b"{") == raw.count(b"[") == 1 and raw.count(b",") < MAX_BATCH
    batch = strict_json.load(raw) if plain else None
    tokens = batch.get("messages") if isinstance(batch, dict) else None
    if not isinstance(tokens, list):
        raise BadEnvelope(f"A batch is an object with a list 'messages' of at most {MAX_BATCH} tokens.")
    return tokens


def _first(letters: Sequence[Letter]) -> list[str]:
    """The tokens of the letters that one answer carries; the node does not say that it got the others."""
    sizes = accumulate(len(letter.token) for letter in letters)
    return [letter.token for letter, size in zip(letters, sizes, strict=True) if size <= MAX_BATCH_BYTES]


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


async def _text(request: Request, most: int) -> str:
    try:
        return (await _read(request, most)).decode("ascii")
    except UnicodeDecodeError:
        raise BadEnvelope("A token is made of ASCII characters.") from None


async def _read(request: Request, most: int) -> bytes:
    """The body of a request, at most `most` bytes, arriving within `READ_WITHIN_S`."""
    chunks, size = [], 0
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise TooLarge(f"This request is larger than {most} bytes.")
                chunks.append(chunk)
    except TimeoutError:
        raise BadEnvelope(f"The request did not arrive within {READ_WITHIN_S:.0f} s.") from None
    return b"".join(chunks)
