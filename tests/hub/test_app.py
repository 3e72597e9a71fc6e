"""The hub's API towards strangers: whatever is sent is answered, and costs little."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from hanse.hub import config as hubs
from hanse.hub.app import MAX_BODY, make_app
from hanse.hub.config import HubConfig


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]) -> Iterator[httpx.Client]:
    """A hub without nodes."""
    settings = HubConfig(Path(tmp_path_factory.mktemp("hub")))
    hubs.init(settings)
    with httpx.Client(base_url=serve(make_app(settings)), trust_env=False, timeout=60) as client:
        yield client


def endless(size: int) -> Iterator[bytes]:
    for _ in range(size // 65536 + 1):
        yield b" " * 65536


def test_a_body_without_end_is_refused_whether_its_length_is_declared_or_not(hub: httpx.Client) -> None:
    for content in (b" " * (MAX_BODY + 1), endless(2 * MAX_BODY)):
        answer = hub.post("/api/v1/search", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        b'{"question":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"question":' + b'{"not":' * 900 + b"1" + b"}" * 900 + b"}",
        b'{"question":1e999}',
        b'{"question":"person.age > 1e999"}',
        b'{"question":"image.model = \'\\ud800\'"}',
        b'{"question":"","deadline_s":NaN}',
        b"[" * 1000,
        b"\xff",
    ],
)
def test_a_request_that_makes_no_sense_is_the_askers_mistake(hub: httpx.Client, body: bytes) -> None:
    answer = hub.post("/api/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["Content-Type"] == "application/problem+json"
