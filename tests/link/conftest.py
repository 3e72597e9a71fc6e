"""What the tests of the link share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.link.running import HELLO, Calling, Running

from hanse.hub import registry
from hanse.lib.jws import FileKey
from hanse.link.caller import Hub
from hanse.link.outbound import Handle, Outbound


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(registry, "REREAD_AFTER_S", 0.0)
    running = Running(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def call(hub: Running, tmp_path: Path) -> Iterator[Callable[..., Calling]]:
    """Lets a node call the hub until the test ends."""
    started: list[Calling] = []

    def start(key: FileKey, handle: Handle, address: Hub | None = None, hold_s: float = 5.0) -> Calling:
        seen = tmp_path / f"seen-{key.public.kid}.db"
        started.append(Calling(Outbound(address or hub.address, key, HELLO, seen, hold_s=hold_s), handle))
        return started[-1]

    yield start
    for calling in started:
        calling.stop()
