"""A hub that really listens on this machine, and what a test does with it."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from hanse.core import clock, greeting, ids, strict_json
from hanse.core.envelope import Envelope, Kind
from hanse.hub import registry
from hanse.hub.registry import Directory
from hanse.hub.tables import MIGRATIONS
from hanse.lib import problem, sql
from hanse.lib.http import Connection
from hanse.lib.jws import FileKey
from hanse.link.asking import ask
from hanse.link.caller import Hub
from hanse.link.enrolment import Token, request
from hanse.link.inbound import Inbound
from hanse.link.mailbox import Letter, Mailbox, MemoryMailbox, Reply
from hanse.link.outbound import Handle, Outbound
from hanse.link.outbound import Reply as Answered

HELLO = greeting.Hello(greeting.PROTOCOLS, "0.1.0", "2026.11")


class Running:
    """A hub on a free port of this machine, in a thread of its own."""

    def __init__(
        self, home: Path, *, hold_s: float = 5.0, make: Callable[[], Mailbox] = MemoryMailbox
    ) -> None:
        self.key = FileKey.load_or_create(home / "hub.pem")
        self.engine = sql.engine(sql.sqlite_url(home / "hub.db"))
        sql.migrate(self.engine, MIGRATIONS)
        self.hold_s, self._make = hold_s, make
        self.mailbox: Mailbox
        self.start()

    def start(self, port: int = 0) -> None:
        # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms for an acknowledgement.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.server = uvicorn.Server(uvicorn.Config(self._app, factory=True, log_level="warning", ws="none"))
        self.server.config.timeout_graceful_shutdown = 1
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        while not self.server.started:
            assert self._thread.is_alive()
            self._thread.join(0.005)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.server.serve([self._socket]))

    def _app(self) -> Starlette:
        self.mailbox = self._make()
        self.directory = Directory(self.engine)
        inbound = Inbound(self.key, self.mailbox, self.directory, self.hold_s)
        return Starlette(routes=inbound.routes, exception_handlers=dict(problem.HANDLERS))

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.mailbox.close(), self.loop).result(5)
        self.server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def invite(self) -> Token:
        with sql.begin(self.engine) as connection:
            return registry.invite(connection, self.key.public.kid, "a test", clock.now())

    def approve(self, node: str) -> None:
        with sql.begin(self.engine) as connection:
            registry.decide(connection, "approve", node, clock.now())

    def enrol(self, key: FileKey, name: str = "Turku") -> None:
        """A new node with this key, approved."""
        request(self.address, key, self.invite(), name, "FI", HELLO)
        self.approve(ids.of_node(key.public.kid))

    @property
    def address(self) -> Hub:
        return Hub(self.url, self.key.public.kid)

    def ask(self, nodes: list[str], body: dict[str, Any], wait_s: float = 5.0) -> list[Reply]:
        """The replies to a question, asked as the hub's search asks."""

        async def collect() -> list[Reply]:
            return [reply async for reply in ask(self.mailbox, self.key, nodes, body, wait_s)]

        return asyncio.run_coroutine_threadsafe(collect(), self.loop).result(wait_s + 10)

    def put(self, letter: Letter) -> None:
        """Lays any message into a node's box, as a hub that was taken over would."""
        asyncio.run_coroutine_threadsafe(self.mailbox.put(letter), self.loop).result(5)

    def post(self, path: str, body: str | bytes | list[str]) -> tuple[int, Any]:
        """The status and the JSON that a request of anybody gets; a list is a batch of messages."""
        content = strict_json.dump({"messages": body}) if isinstance(body, list) else body
        content = content.encode("latin-1") if isinstance(content, str) else content
        connection = Connection(self.url)
        try:
            answer = connection.request(
                "POST", f"/link/v1/{path}", content.encode() if isinstance(content, str) else content
            )
        finally:
            connection.close()
        return answer.status, json.loads(answer.body)


class Calling:
    """A node's link in threads, until `stop`."""

    def __init__(self, outbound: Outbound, handle: Handle) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=outbound.run, args=(handle, self._stop), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(15)
        assert not self._thread.is_alive()


def echo(message: Envelope) -> Answered:
    """A node that answers with the question."""
    return Answered(Kind.ANSWER, dict(message.body or {}))
