"""How two sides meet: versions, names and keys that they bring."""

from typing import Any

import pytest

from hanse.core import greeting
from hanse.core.errors import BadEnvelope, WrongProtocol


def test_the_two_sides_speak_the_highest_common_version() -> None:
    assert greeting.negotiate((1, 2, 3), (2, 3, 4)) == 3
    with pytest.raises(WrongProtocol, match=r"\[1, 2\].*\[3\]") as caught:
        greeting.negotiate((1, 2), (3,))
    assert "this side" in caught.value.hint
    with pytest.raises(WrongProtocol):
        greeting.negotiate((1,), ())


@pytest.mark.parametrize("protocols", [[1.5], "1"])
def test_a_greeting_of_another_shape_is_refused(protocols: Any) -> None:
    with pytest.raises(BadEnvelope):
        greeting.hello({"protocols": protocols, "software": "", "vocabulary": ""})


@pytest.mark.parametrize("name", ["", " Turku", "Tur\nku", "\u202eukruT", "x" * 101])
def test_a_node_has_a_name_that_shows_what_it_is(name: str) -> None:
    jwk = {"kty": "EC", "crv": "P-256", "x": "", "y": ""}
    hello = {"protocols": [1], "software": "", "vocabulary": ""}
    body = {"secret": "s" * 43, "jwk": jwk, "name": name, "country": "FI", "hello": hello}
    with pytest.raises(BadEnvelope, match="name"):
        greeting.enrol(body)
