"""A hub that was taken over: it has the hub's key and speaks the link, and does to a node what it likes.

Each method is one attack on what it carries. What it achieves is for `tests/test_evil_hub.py` to say.
"""

import asyncio
import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.hub import papers
from tests.lib.test_witness import Owner, owner
from tests.link.running import Running
from tests.node.permitted import Node, permit_for, sign
from tests.openid import Issuer

from hanse.core import bodies, clock, envelope, ids, permit, result, status
from hanse.core import order as orders
from hanse.core.envelope import Kind
from hanse.core.order import Order
from hanse.core.permit import Authority, authority_id
from hanse.lib import jws, witness
from hanse.lib.jws import FileKey
from hanse.lib.witness import LOG_KEY
from hanse.link.mailbox import Letter, Reply


@dataclass(frozen=True)
class EvilHub:
    """The hub of `running`, which nodes have pinned."""

    running: Running

    # What it does to orders.

    def carry(self, node: Node, order: str, delegation: str = "") -> Reply:
        """Hands a node any order in a fresh message, as often as it likes; what the node says."""
        return self.say(node, Kind.ORDER, {"order": order, "delegation": delegation})

    def invent(self, node: Node, said: Order) -> Reply:
        """An order that nobody gave, signed with the hub's own key."""
        return self.carry(node, jws.issue(self.running.key, said, orders.TYP))

    def alter(self, node: Node, order: str, **changes: Any) -> list[Reply]:
        """An order with other members, under the signature of the first ones, and under one of the hub's own."""
        return [self.carry(node, one) for one in self.other_text(order, **changes)]

    def replay(self, node: Node, order: str, times: int) -> list[Reply]:
        """The same order again and again."""
        return [self.carry(node, order) for _ in range(times)]

    def redirect(self, order: str, to: Node) -> Reply:
        """An order for one node, handed to another."""
        return self.carry(to, order)

    def delay(self, node: Node, order: str) -> Reply:
        """An order, kept back until it has expired."""
        _wait_until(orders.decode(jws.unverified(order)).expires)
        return self.carry(node, order)

    def turn_back(self, node: Node, order: str, by: timedelta) -> Reply:
        """An order in a message of a time that is over: by the hub's clock, the order is valid."""
        carried = {"order": order, "delegation": ""}
        return self.say(node, Kind.ORDER, carried, at=clock.now() - by, life=by + timedelta(hours=1))

    # What it does to questions.

    def ask(self, node: Node, question: Any, asker: str = "anybody", **more: Any) -> Reply:
        """A question in anybody's name, with whatever a hub adds to it."""
        asked = bodies.Question("search_1", question, (), 10.0, asker).as_dict()
        return self.say(node, Kind.QUESTION, asked | more)

    def say(self, node: Node, kind: Kind, body: Mapping[str, Any], wait_s: float = 100, **when: Any) -> Reply:
        """Any message that the hub's key signs, and the reply to it."""
        letter = self._letter(node, kind, body, **when)

        async def reply() -> Reply | None:
            until = clock.now() + timedelta(seconds=wait_s)
            async with self.running.mailbox.expect({letter.id: node.config.id}, until) as replies:
                await self.running.mailbox.put(letter)
                return await replies.next(wait_s)

        found = asyncio.run_coroutine_threadsafe(reply(), self.running.loop).result(wait_s + 10)
        assert found
        return found

    # What it does to permits and statuses.

    def show(self, node: Node, *documents: str) -> None:
        """Sends a node documents, and waits until it has looked at them: the last one is genuine and new to it."""
        last = permit_for(node)
        self.running.put(self._letter(node, Kind.DOCUMENTS, {"documents": [*documents, sign(last)]}))
        end = time.monotonic() + 100
        while not any(one.id == last.id for one in node.permits.asked()):
            assert time.monotonic() < end
            time.sleep(0.05)

    def bring_back(self, node: Node, permit: str, status: str) -> None:
        """An older permit, and the status under which it was current."""
        self.show(node, permit, status)

    def roll_back(self, node: Node, statuses: Sequence[str]) -> None:
        """All statuses again, the oldest last."""
        for one in reversed(statuses):
            self.show(node, one)

    def withhold(self, node: Node, statuses: Sequence[str]) -> None:
        """Of the statuses only the first, until it has expired."""
        self.show(node, statuses[0])
        _wait_until(status.decode(jws.unverified(statuses[0])).expires)

    def slip_in(self, node: Node, permit: str) -> None:
        """A newer version of a permit, while somebody reads the one before."""
        self.show(node, permit)

    def permit_of_its_own(self, application: str, at: FileKey) -> dict[str, Any]:
        """A permit for what was asked for, by an authority and for a node of the hub's own, as it shows permits."""
        given, _ = papers.permitted(application)
        kid = self.running.key.public.kid
        own = replace(given.scope.datasets[0], node=ids.of_node(at.public.kid))
        given = replace(
            given,
            authority=Authority(authority_id(kid), given.authority.name, kid),
            scope=replace(given.scope, datasets=(own,)),
        )
        token = jws.issue(self.running.key, given, permit.TYP)
        return {"permit": token, "nodes": [{"node": own.node, "jwk": at.public.jwk}]}

    def login_at_its_own_client(self, provider: Issuer, nonce: str) -> str:
        """What a person's provider gives when the hub has them log in at the hub's client, with the right nonce."""
        return provider.token(nonce, aud="hub")

    # What it does to answers.

    def mixed(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The rows of a run, each with the result of the next one."""
        return [{**one, "result": rows[at - 1]["result"]} for at, one in enumerate(rows)]

    def mixed_beside(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The rows of a run, each with the numbers of the next one beside what its node signed."""
        answers = [result.split(str(one["result"])) for one in rows]
        return [
            {**one, "result": result.join(answers[at][0], answers[at - 1][1])} for at, one in enumerate(rows)
        ]

    def forged(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row of a run whose result the hub signed."""
        return {**row, "result": self.signed_anew(str(row["result"]), aggregate={"persons": 9999})}

    def dropped(self, rows: Sequence[Mapping[str, Any]], at: int) -> list[dict[str, Any]]:
        """The rows of a run, with that of another run in the place of one."""
        return [{**one, "order": "0" * 64} if place == at else {**one} for place, one in enumerate(rows)]

    # What it makes of documents and of its own log.

    def other_text(self, token: str, **changes: Any) -> tuple[str, str]:
        """A document that says something else than was signed: under that signature, and under one of the hub's own."""
        return self.altered(token, **changes), self.signed_anew(token, **changes)

    def altered(self, token: str, **changes: Any) -> str:
        """A document with other members under the signature that was made for the first ones."""
        token, beside = result.split(token)
        head, body, signature = token.split(".")
        said = json.loads(base64.urlsafe_b64decode(body + "=="))
        return result.join(".".join((head, _encoded(json.dumps(said | changes).encode()), signature)), beside)

    def signed_anew(self, token: str, **changes: Any) -> str:
        """A document with other members, signed with a key of the hub's own."""
        token, beside = result.split(token)
        head, body, _ = token.split(".")
        typ = json.loads(base64.urlsafe_b64decode(head + "=="))["typ"]
        said = json.loads(base64.urlsafe_b64decode(body + "=="))
        return result.join(FileKey.generate().sign(json.dumps(said | changes).encode(), typ), beside)

    def swapped(self, application: str, theirs: FileKey) -> str:
        """An application in which the first person has a key of the hub's choice."""
        said = json.loads(base64.urlsafe_b64decode(application.split(".")[1] + "=="))
        said["scope"]["persons"][0]["keys"][0]["jwk"] = theirs.public.jwk
        return self.altered(application, scope=said["scope"])

    @staticmethod
    def two_faces(folder: Path) -> tuple[Owner, Owner]:
        """Its own log in two histories under one key: a face for each who asks."""
        one, other = owner(folder / "one", "approve", "remove"), owner(folder / "other", "approve", "approve")
        (other.home / LOG_KEY).parent.mkdir()
        witness.own_log(one.home)
        (other.home / LOG_KEY).write_bytes((one.home / LOG_KEY).read_bytes())
        return one, other

    def _letter(
        self,
        node: Node,
        kind: Kind,
        body: Mapping[str, Any],
        at: datetime | None = None,
        life: timedelta = timedelta(hours=1),
    ) -> Letter:
        hub = ids.of_hub(self.running.key.public.kid)
        message = envelope.new(kind, hub, node.config.id, body, at=at or clock.now(), life=life)
        token = self.running.key.sign(envelope.encode(message), envelope.TYP)
        return Letter(message.id, node.config.id, token, message.expires)


def _wait_until(at: datetime) -> None:
    while clock.now() <= at:
        time.sleep(0.05)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
