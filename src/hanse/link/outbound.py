"""The node's end of the link: threads and plain loops.

One connection polls, another one carries answers, and several questions are worked on at once. What the hub
sends counts when the pinned key signed it, for this node, now, and for the first time; what TLS or a proxy
said does not.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hanse.core import clock, envelope, errors, greeting, ids, strict_json
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import BadEnvelope, Problem, Refused, Unreachable
from hanse.lib import jws
from hanse.lib.http import NoAnswer
from hanse.lib.jws import PublicKey, Signer
from hanse.link.caller import Caller, Hub
from hanse.link.outbox import FOR_EVER, Outbox, Outgoing
from hanse.link.pace import Backoff, Hold
from hanse.link.seen import SeenIds

HOLD_S = 25.0
WORKERS = 4
MAX_AT_WORK = 256
MAX_BATCH = 64  # messages
MAX_BATCH_CHARACTERS = 2 << 20
TOO_EARLY = 0.1  # share of the hold
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node says to a message, to be sent when `time.monotonic()` has reached `not_before`."""

    kind: Kind
    body: Mapping[str, Any]
    not_before: float = 0.0


Handle = Callable[[Envelope], Reply | None]


class Outbound:
    """A node's link to its hub. `seen` is the SQLite file that remembers which messages were accepted."""

    def __init__(
        self, hub: Hub, signer: Signer, hello: greeting.Hello, seen: Path, *, hold_s: float = HOLD_S
    ) -> None:
        self._hub, self._signer, self._hello = hub, signer, hello
        self._polling, self._answering = Caller(hub, signer), Caller(hub, signer)
        self._seen = SeenIds(seen)
        self._hold = Hold(hold_s)
        self._outbox = Outbox()
        self._got: list[str] = []
        self._at_work = threading.BoundedSemaphore(MAX_AT_WORK)
        self._said = ""
        self.send(Kind.HELLO, hello.as_dict())

    def send(self, kind: Kind, body: Mapping[str, Any]) -> None:
        """Sends a message that answers nothing (`catalogue`), again and again until the hub takes it."""
        self._outbox.put(Outgoing(0.0, kind, body))

    def run(self, handle: Handle, stop: threading.Event) -> None:
        """Polls, works and answers until `stop` is set. Messages are handled in `WORKERS` threads, by a
        `handle` that may raise a `Problem`; a reply that would come too late is dropped."""
        ended = threading.Event()
        helpers = [
            threading.Thread(target=self._deliver_all, name="link-answers", daemon=True),
            threading.Thread(target=self._end_waits, args=(stop, ended), name="link-stop", daemon=True),
        ]
        for helper in helpers:
            helper.start()
        try:
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="link-work") as pool:
                self._poll_all(handle, pool, stop)
        finally:
            stop.set()
            ended.set()
            for helper in helpers:
                helper.join()
            self._polling.close()
            self._answering.close()
            self._seen.close()

    def _end_waits(self, stop: threading.Event, ended: threading.Event) -> None:
        stop.wait()
        self._outbox.close()
        while not ended.wait(0.05):  # again, since the next poll may have begun in between
            self._polling.interrupt()

    def _poll_all(self, handle: Handle, pool: ThreadPoolExecutor, stop: threading.Event) -> None:
        backoff = Backoff()
        hub_key: PublicKey | None = None
        while not stop.is_set():
            began = time.monotonic()
            try:
                hub_key = hub_key or self._polling.meet(self._hello.protocols)
                useful = self._poll(hub_key, handle, pool)
            except Problem as problem:
                if isinstance(problem, NoAnswer) and self._hold.cut(time.monotonic() - began):
                    continue
                useful = False
                if not stop.is_set():
                    self._say(f"No link to the hub: {problem.detail} {problem.hint}")
            if useful:
                backoff.reset()
            else:
                stop.wait(backoff.delay_s())

    def _poll(self, hub_key: PublicKey, handle: Handle, pool: ThreadPoolExecutor) -> bool:
        """One poll. False when the hub sent nothing but what is not acceptable, or nothing and far too
        early: then another process polls with this node's key, and the two must not chase each other."""
        began = time.monotonic()
        tokens = self._polling.poll(self._hold.seconds, self._got)
        self._got = []
        self._say("The hub answers.")
        if tokens:
            accepted = [self._receive(token, hub_key, handle, pool) for token in tokens]
            return any(accepted)
        self._hold.kept()
        return time.monotonic() - began > TOO_EARLY * self._hold.seconds

    def _receive(self, token: Any, hub_key: PublicKey, handle: Handle, pool: ThreadPoolExecutor) -> bool:
        """Verifies a message and has it worked on; whether it was accepted."""
        try:
            message = envelope.decode(jws.verify(token, hub_key, envelope.TYP, limit=envelope.MAX_TOKEN))
            self._got.append(message.id)
            envelope.check(message, audience=self._polling.node, at=clock.now())
            if message.sender != self._polling.hub or message.kind not in envelope.FROM_HUB:
                raise BadEnvelope("This is nothing that a hub sends.")
            if not self._seen.first_time(message.id, envelope.remember_until(message)):
                return False  # sent again, because the hub did not learn that it had arrived
            if not self._at_work.acquire(blocking=False):
                raise Refused(f"{MAX_AT_WORK} messages are being worked on already.")
        except Problem as problem:
            log.warning("A message of the hub was not accepted: %s", problem.detail)
            return False
        # A question is asked by somebody who waits; what came of an order is wanted whenever it comes.
        life = (message.expires - message.issued).total_seconds()
        useless_after = time.monotonic() + life if message.kind is Kind.QUESTION else FOR_EVER
        pool.submit(self._work, message, handle, useless_after)
        return True

    def _work(self, message: Envelope, handle: Handle, useless_after: float) -> None:
        try:
            if time.monotonic() < useless_after and (reply := self._handled(message, handle)):
                self._outbox.put(
                    Outgoing(reply.not_before, reply.kind, reply.body, message.id, useless_after)
                )
        finally:
            self._at_work.release()

    def _handled(self, message: Envelope, handle: Handle) -> Reply | None:
        try:
            return handle(self._whole(message))
        except Problem as problem:
            return Reply(Kind.PROBLEM, problem.as_dict())
        except Exception:
            id = ids.new("error")
            log.exception("%s while answering the message %s", id, message.id)
            return Reply(
                Kind.PROBLEM, Problem(f"The node's log says more under {id}.").as_dict() | {"status": 500}
            )

    def _whole(self, message: Envelope) -> Envelope:
        """The message with its body, fetched where it travels apart."""
        if message.blob is None:
            return message
        caller = Caller(self._hub, self._signer)
        try:
            return replace(message, body=strict_json.load(caller.read(message.blob)), blob=None)
        finally:
            caller.close()

    def _deliver_all(self) -> None:
        backoff = Backoff()
        while due := self._outbox.take(MAX_BATCH):
            try:
                again = self._deliver(due)
            except Problem as problem:
                log.info("Messages could not be sent and will be again: %s", problem.detail)
                again = due
            if not again:
                backoff.reset()
                continue
            later = time.monotonic() + backoff.delay_s()
            self._outbox.put(*(replace(one, not_before=later) for one in again))

    def _deliver(self, due: list[Outgoing]) -> list[Outgoing]:
        """Sends messages; returns those that the hub did not take and that must arrive."""
        refused: list[Outgoing] = []
        for batch in _batches(self._signed(due, refused)):
            results = self._answering.deliver([token for _, token in batch])
            for (one, _), result in zip(batch, results, strict=True):
                problem = result.get("problem") if isinstance(result, dict) else None
                if isinstance(problem, dict):
                    said = errors.from_dict(problem).detail
                    log.warning("The hub did not take a message (%s): %s", one.kind, said)
                    refused.append(one)
        return [one for one in refused if not one.reply_to]

    def _signed(self, due: list[Outgoing], refused: list[Outgoing]) -> Iterator[tuple[Outgoing, str]]:
        """Messages with their tokens, large bodies laid down as blobs. A reply whose blob is refused
        becomes a problem, so that the asker learns why."""
        for one in due:
            content = strict_json.dump(one.body)
            try:
                body = one.body if len(content) <= envelope.MAX_BODY else self._answering.write(content)
                yield one, self._answering.sign(one.kind, body, one.reply_to)
            except Unreachable:
                raise
            except Problem as problem:
                log.warning("The hub did not take the body of a message (%s): %s", one.kind, problem.detail)
                if one.reply_to:
                    yield one, self._answering.sign(Kind.PROBLEM, problem.as_dict(), one.reply_to)
                else:
                    refused.append(one)

    def _say(self, what: str) -> None:
        """Logs how the link is, once for each change."""
        if what != self._said:
            log.info(what)
            self._said = what


def _batches(messages: Iterator[tuple[Outgoing, str]]) -> Iterator[list[tuple[Outgoing, str]]]:
    """Messages in lists that a hub reads at once."""
    batch: list[tuple[Outgoing, str]] = []
    size = 0
    for one, token in messages:
        if batch and size + len(token) > MAX_BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append((one, token))
        size += len(token)
    if batch:
        yield batch
