"""How a node comes to a hub, and who does not."""

from pathlib import Path

import pytest
from tests.link.running import HELLO, Running

from hanse.core import clock, envelope, greeting, ids
from hanse.core.errors import BadEnvelope, BadToken, Conflict, Unreachable, WrongProtocol
from hanse.lib.jws import FileKey
from hanse.link import enrolment
from hanse.link.enrolment import Token
from hanse.node import config
from hanse.node.enrol import enrol


def test_a_node_pins_the_hub_and_shows_the_fingerprint_that_the_hub_shows(
    hub: Running, tmp_path: Path
) -> None:
    home = tmp_path / "node"
    enrolled = enrol(home, hub.url, hub.invite().text(), "Turku", "FI")
    kept = config.read(home)
    assert kept == enrolled.config
    assert kept.hub_key == hub.key.public.kid
    assert enrolled.state == "pending"
    assert enrolled.fingerprint == FileKey.load(home / "keys" / "node.pem").public.fingerprint


def test_enrolling_again_after_a_lost_answer_is_the_same_node(hub: Running, tmp_path: Path) -> None:
    token = hub.invite().text()
    first = enrol(tmp_path / "node", hub.url, token, "Turku", "FI")
    again = enrol(tmp_path / "node", hub.url, token, "Turku", "FI")
    assert again == first


def test_a_token_that_was_used_says_so(hub: Running, tmp_path: Path) -> None:
    token = hub.invite().text()
    enrol(tmp_path / "node", hub.url, token, "Turku", "FI")
    with pytest.raises(BadToken, match="used by another node") as caught:
        enrol(tmp_path / "other", hub.url, token, "Oulu", "FI")
    assert "hanse hub invite" in caught.value.hint
    assert not (tmp_path / "other" / "node.toml").exists()


def test_a_token_for_another_hub_is_noticed_before_its_secret_leaves(hub: Running, tmp_path: Path) -> None:
    token = Token.fresh(FileKey.generate().public.kid)
    with pytest.raises(BadToken, match="token is for the hub with the key"):
        enrol(tmp_path / "node", hub.url, token.text(), "Turku", "FI")


def test_a_home_belongs_to_the_node_of_one_hub(hub: Running, tmp_path: Path) -> None:
    enrol(tmp_path / "node", hub.url, hub.invite().text(), "Turku", "FI")
    with pytest.raises(Conflict, match="home of the node"):
        enrol(tmp_path / "node", hub.url, Token.fresh(FileKey.generate().public.kid).text(), "Turku", "FI")


@pytest.mark.parametrize("text", ["", "hanse1.a.b", "hanse2" + "." + "x" * 43 + "." + "y" * 43])
def test_what_is_no_token_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadToken, match="not an enrolment token"):
        enrol(tmp_path / "node", "http://127.0.0.1:9", text, "Turku", "FI")


def test_a_hub_that_is_gone_is_named(tmp_path: Path) -> None:
    token = Token.fresh(FileKey.generate().public.kid)
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:9"):
        enrol(tmp_path / "node", "http://127.0.0.1:9", token.text(), "Turku", "FI")


def test_a_node_proves_that_it_holds_the_key_it_brings(hub: Running) -> None:
    mine, theirs = FileKey.generate(), FileKey.generate()
    body = {
        "secret": hub.invite().secret,
        "jwk": theirs.public.jwk,
        "name": "Turku",
        "country": "FI",
        "hello": HELLO.as_dict(),
    }
    message = envelope.new(
        envelope.Kind.ENROL,
        ids.of_node(theirs.public.kid),
        ids.of_hub(hub.key.public.kid),
        body,
        at=clock.now(),
        life=envelope.SKEW,
    )
    status, problem = hub.post("enrol", mine.sign(envelope.encode(message), envelope.ENROL_TYP))
    assert status == BadEnvelope.status
    assert "another key" in problem["detail"]


def test_a_node_without_a_common_version_is_told_what_to_update(hub: Running) -> None:
    future = greeting.Hello((7,), "9.0", "2030.01")
    with pytest.raises(WrongProtocol, match=r"\[7\].*\[1\]"):
        enrolment.request(hub.address, FileKey.generate(), hub.invite(), "Turku", "FI", future)
