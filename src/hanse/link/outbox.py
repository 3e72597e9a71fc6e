"""What a node is about to send, each message not before its time."""

import heapq
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hanse.core.envelope import Kind

FOR_EVER = float("inf")


@dataclass(order=True, slots=True)
class Outgoing:
    """A message on its way; times are those of `time.monotonic()`. One that replies to nothing must
    arrive."""

    not_before: float
    kind: Kind = field(compare=False)
    body: Mapping[str, Any] = field(compare=False)
    reply_to: str = field(compare=False, default="")
    useless_after: float = field(compare=False, default=FOR_EVER)


class Outbox:
    """A queue by time, filled by many threads and emptied by one."""

    def __init__(self) -> None:
        self._heap: list[Outgoing] = []
        self._changed = threading.Condition()
        self._closed = False

    def put(self, *messages: Outgoing) -> None:
        with self._changed:
            for message in messages:
                heapq.heappush(self._heap, message)
            self._changed.notify()

    def take(self, most: int) -> list[Outgoing]:
        """Up to `most` messages that are due and still of use; waits for one. Empty once the outbox is
        closed."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                due: list[Outgoing] = []
                while self._heap and self._heap[0].not_before <= now and len(due) < most:
                    message = heapq.heappop(self._heap)
                    if message.useless_after > now:
                        due.append(message)
                if due:
                    return due
                self._changed.wait(self._heap[0].not_before - now if self._heap else None)
            return []

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
