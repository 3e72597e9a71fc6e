"""A hub that was taken over: it has the hub's key and speaks the link, and does to a node what it likes.

Each method is one attack on what it carries. What it achieves is for `tests/test_evil_hub.py` to say.
"""

import asyncio
import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.link.running import Running
from tests.node.permitted import Node, permit_for, sign

from hanse.core import clock, wire
from hanse.core.wire import Kind
from hanse.lib.jws import FileKey
from hanse.link.mailbox import Letter, Reply


@dataclass(frozen=True)
class EvilHub:
    """The hub of `running`, which nodes have pinned."""

    running: Running

    def carry(self, node: Node, order: str, delegation: str = "") -> Reply:
        """Hands a node any order in a fresh message, as often as it likes; what the node says."""
        return self.say(node, Kind.ORDER, {"order": order, "delegation": delegation})

    def say(self, node: Node, kind: Kind, body: Mapping[str, Any], wait_s: float = 20) -> Reply:
        """Any message that the hub's key signs, and the reply to it."""
        letter = self._letter(node, kind, body)

        async def reply() -> Reply | None:
            until = clock.now() + timedelta(seconds=wait_s)
            async with self.running.mailbox.expect({letter.id: node.config.id}, until) as replies:
                await self.running.mailbox.put(letter)
                return await replies.next(wait_s)

        found = asyncio.run_coroutine_threadsafe(reply(), self.running.loop).result(wait_s + 10)
        assert found
        return found

    def show(self, node: Node, *documents: str) -> None:
        """Sends a node documents, and waits until it has looked at them: the last one is genuine and new to it."""
        last = permit_for(node)
        self.running.put(self._letter(node, Kind.DOCUMENTS, {"documents": [*documents, sign(last)]}))
        end = time.monotonic() + 20
        while not any(one.id == last.id for one in node.permits.asked()):
            assert time.monotonic() < end
            time.sleep(0.05)

    def _letter(self, node: Node, kind: Kind, body: Mapping[str, Any]) -> Letter:
        hub = wire.hub_id(self.running.key.public.kid)
        life = timedelta(hours=1)
        message = wire.envelope(kind, hub, node.config.id, body, at=clock.now(), life=life)
        token = self.running.key.sign(wire.encode(message), wire.TYP)
        return Letter(message.id, node.config.id, token, message.expires)

    def altered(self, token: str, **changes: Any) -> str:
        """A document with other members under the signature that was made for the first ones."""
        head, body, signature = token.split(".")
        said = json.loads(base64.urlsafe_b64decode(body + "=="))
        return ".".join((head, _encoded(json.dumps(said | changes).encode()), signature))

    def signed_anew(self, token: str, **changes: Any) -> str:
        """A document with other members, signed with a key of the hub's own."""
        head, body, _ = token.split(".")
        typ = json.loads(base64.urlsafe_b64decode(head + "=="))["typ"]
        said = json.loads(base64.urlsafe_b64decode(body + "=="))
        return FileKey.generate().sign(json.dumps(said | changes).encode(), typ)

    def swapped(self, application: str, theirs: FileKey) -> str:
        """An application in which the first person has a key of the hub's choice."""
        said = json.loads(base64.urlsafe_b64decode(application.split(".")[1] + "=="))
        said["scope"]["persons"][0]["keys"][0]["jwk"] = theirs.public.jwk
        return self.altered(application, scope=said["scope"])


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
