"""The link through what stands between hospitals and the world."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.link.proxies import authority, haproxy, tinyproxy
from tests.link.running import HELLO, Calling, Running, echo

from hanse.core import greeting, ids
from hanse.core.errors import Unreachable
from hanse.lib.jws import FileKey
from hanse.link.caller import Caller, Hub
from hanse.link.outbound import Outbound
from hanse.node.enrol import enrol

pytestmark = pytest.mark.proxy
Call = Callable[..., Calling]


@pytest.fixture
def key(hub: Running) -> FileKey:
    one = FileKey.generate()
    hub.enrol(one)
    return one


def asked(hub: Running, key: FileKey, times: int = 2) -> list[int]:
    """How many replies each of some questions got."""
    return [len(hub.ask([ids.of_node(key.public.kid)], {})) for _ in range(times)]


def test_a_node_behind_a_proxy_that_opens_tls_enrols_and_answers(
    hub: Running, call: Call, tmp_path: Path
) -> None:
    bundle, pem = authority(tmp_path)
    with haproxy(tmp_path, hub.port, pem=pem) as inspected, tinyproxy(tmp_path) as forward:
        url, proxy = f"https://127.0.0.1:{inspected}", f"http://127.0.0.1:{forward}"
        with pytest.raises(Unreachable, match=f"not trusted.*|proxy 127.0.0.1:{forward}") as caught:
            enrol(tmp_path / "node", url, hub.invite().text(), "Turku", "FI", proxy=proxy)
        assert "ca_bundle" in caught.value.hint
        enrolled = enrol(
            tmp_path / "node", url, hub.invite().text(), "Turku", "FI", proxy=proxy, ca_bundle=str(bundle)
        )
        hub.approve(enrolled.config.id)
        key = FileKey.load(tmp_path / "node" / "keys" / "node.pem")
        calling = call(key, echo, Hub(url, enrolled.config.hub_key, proxy, str(bundle)))
        assert asked(hub, key) == [1, 1]
        calling.stop()
    assert f"CONNECT 127.0.0.1:{inspected}" in (tmp_path / "tinyproxy.log").read_text()


def test_the_environment_names_the_proxy(
    hub: Running, key: FileKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tinyproxy(tmp_path, login="node secret") as forward:
        for login, works in (("node:secret@", True), ("node:wrong@", False), ("", False)):
            monkeypatch.setenv("http_proxy", f"http://{login}127.0.0.1:{forward}")
            caller = Caller(hub.address, key)
            if works:
                assert caller.meet(greeting.PROTOCOLS) == hub.key.public
            else:
                with pytest.raises(Unreachable, match="login"):
                    caller.meet(greeting.PROTOCOLS)
            caller.close()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        caller = Caller(hub.address, key)
        assert caller.meet(greeting.PROTOCOLS) == hub.key.public
        caller.close()


def test_a_tunnel_without_a_login_says_what_is_missing(hub: Running, key: FileKey, tmp_path: Path) -> None:
    bundle, pem = authority(tmp_path)
    with (
        haproxy(tmp_path, hub.port, pem=pem) as inspected,
        tinyproxy(tmp_path, login="node secret") as forward,
    ):
        proxy = f"http://127.0.0.1:{forward}"
        caller = Caller(Hub(f"https://127.0.0.1:{inspected}", hub.address.key, proxy, str(bundle)), key)
        with pytest.raises(Unreachable, match="login"):
            caller.meet(greeting.PROTOCOLS)


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_node_learns_how_long_its_way_may_be_quiet(
    hub: Running, key: FileKey, tmp_path: Path, mode: str
) -> None:
    """In mode http the box answers 504, in mode tcp it closes the connection without a word."""
    with haproxy(tmp_path, hub.port, mode=mode, cut_ms=1500) as box:
        address = Hub(f"http://127.0.0.1:{box}", hub.key.public.kid)
        outbound = Outbound(address, key, HELLO, tmp_path / "seen.db", hold_s=20.0)
        calling = Calling(outbound, echo)
        assert asked(hub, key, 1) == [1]
        deadline = time.monotonic() + 10
        while outbound._hold.seconds > 1.5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert asked(hub, key) == [1, 1]
        calling.stop()


def test_a_box_that_comes_back_is_called_again(
    hub: Running, key: FileKey, tmp_path: Path, call: Call
) -> None:
    with haproxy(tmp_path, hub.port) as box:
        address = Hub(f"http://127.0.0.1:{box}", hub.key.public.kid)
        call(key, echo, address)
        assert asked(hub, key, 1) == [1]
        hub.stop()
        hub.start(hub.port)
        assert asked(hub, key) == [1, 1]
