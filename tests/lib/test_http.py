"""A kept connection, and what it says when it is not there."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hanse.core.errors import BadInput, NotFound, Problem, TooLarge, Unreachable
from hanse.lib import http, problem
from hanse.lib.http import Connection, NoAnswer


async def echo(request: Request) -> Response:
    return Response(await request.body())


async def missing(request: Request) -> Response:
    raise NotFound("There is no such dataset.", hint="hanse datasets")


async def broken(request: Request) -> Response:
    raise RuntimeError("patient Anna")


async def forging(request: Request) -> Response:
    return problem.response({"status": 400, "detail": "no\r\nINFO all is well" + "\n" * 10_000, "hint": None})


async def odd(request: Request) -> Response:
    return PlainTextResponse("<html>login first</html>", 403)


APP = Starlette(
    routes=[
        Route("/echo", echo, methods=["POST"]),
        Route("/missing", missing),
        Route("/forging", forging),
        Route("/broken", broken),
        Route("/odd", odd),
    ],
    exception_handlers=dict(problem.HANDLERS),
)


@pytest.fixture
def connection(serve: Callable[[Starlette], str]) -> Connection:
    return Connection(serve(APP))


def test_a_request_brings_its_answer_and_the_connection_is_kept(connection: Connection) -> None:
    assert connection.request("POST", "/echo", b"one").body == b"one"
    kept = connection._open
    assert connection.request("POST", "/echo", b"two").body == b"two"
    assert connection._open is kept


def test_a_connection_that_was_quiet_for_long_is_opened_anew(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.request("POST", "/echo", b"one")
    kept = connection._open
    monkeypatch.setattr(http, "QUIET_S", 0.0)
    assert connection.request("POST", "/echo", b"two").body == b"two"
    assert connection._open is not kept


def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew() -> None:
    def answer_once_and_close(listening: socket.socket) -> None:
        for _ in range(2):
            accepted, _ = listening.accept()
            with accepted:
                accepted.recv(10_000)
                accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=answer_once_and_close, args=(listening,), daemon=True)
        server.start()
        connection = Connection(f"http://127.0.0.1:{listening.getsockname()[1]}")
        assert connection.request("GET", "/").body == b"ok"
        time.sleep(0.05)
        assert connection.request("GET", "/").body == b"ok"
        server.join()


def test_a_problem_of_the_server_is_the_same_problem_here(connection: Connection) -> None:
    with pytest.raises(NotFound, match="no such dataset") as caught:
        connection.request("GET", "/missing").raise_for_problem()
    assert caught.value.hint == "hanse datasets"


def test_a_problem_of_the_server_cannot_write_lines_of_its_own_into_a_log(connection: Connection) -> None:
    with pytest.raises(Problem) as caught:
        connection.request("GET", "/forging").raise_for_problem()
    assert caught.value.detail == "no  INFO all is well" + " " * 1980
    assert caught.value.hint == "None"


def test_a_bug_of_the_server_is_an_id_and_no_more(connection: Connection) -> None:
    answer = connection.request("GET", "/broken")
    assert answer.status == 500
    assert b"error_" in answer.body
    assert b"Anna" not in answer.body


@pytest.mark.parametrize("path", ["/odd", "/nowhere"])
def test_what_a_stranger_in_between_answers_is_a_problem(connection: Connection, path: str) -> None:
    with pytest.raises(Problem):
        connection.request("GET", path).raise_for_problem()


def test_an_endless_answer_is_not_read_to_its_end(connection: Connection) -> None:
    with pytest.raises(TooLarge):
        connection.request("POST", "/echo", b"x" * 1000, limit=100)
    assert connection.request("POST", "/echo", b"x").body == b"x"


def test_nobody_there_and_no_answer_are_told_apart() -> None:
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:9 does not answer") as caught:
        Connection("http://127.0.0.1:9").request("GET", "/")
    assert not isinstance(caught.value, NoAnswer)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NoAnswer):
            Connection(address).request("GET", "/", timeout_s=0.05)
        waiting = Connection(address)
        threading.Timer(0.1, waiting.interrupt).start()
        with pytest.raises(NoAnswer):
            waiting.request("GET", "/", timeout_s=10)


@pytest.mark.parametrize(
    "url", ["", "hub", "ftp://hub", "http://", "http://hub:99999", "http://user:secret@hub", "http://hub?x=1"]
)
def test_what_is_no_address_is_said_to_be_none_without_repeating_it(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        Connection(url)
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("content", [None, b"no certificates"])
def test_a_ca_bundle_must_hold_certificates(tmp_path: Path, content: bytes | None) -> None:
    bundle = tmp_path / "ca.pem"
    if content:
        bundle.write_bytes(content)
    with pytest.raises(BadInput, match=r"ca\.pem"):
        Connection("https://hub.example", ca_bundle=str(bundle))
