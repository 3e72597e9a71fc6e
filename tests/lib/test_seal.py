"""Sealed answers: only the reply key opens them."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey

from hanse.core.errors import BadEnvelope, BadInput
from hanse.lib.seal import ReplyKey, seal

KEY = ReplyKey.generate()


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@given(st.binary(max_size=500))
@settings(max_examples=30, deadline=None)
def test_what_was_sealed_is_what_is_unsealed(plaintext: bytes) -> None:
    assert KEY.unseal(seal(plaintext, KEY.jwk)) == plaintext


def test_a_large_answer_can_be_sealed() -> None:
    assert len(KEY.unseal(seal(b"x" * 3_000_000, KEY.jwk))) == 3_000_000


def test_a_sealed_answer_holds_nothing_that_can_be_read() -> None:
    first, second = (seal(b"120 persons", KEY.jwk) for _ in range(2))
    assert first != second
    assert b"persons" not in base64.urlsafe_b64decode(first.split(".")[3] + "==")


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BadEnvelope):
        ReplyKey.generate().unseal(seal(b"x", KEY.jwk))


@pytest.mark.parametrize("part", range(5))
def test_nothing_of_a_sealed_answer_can_be_changed(part: int) -> None:
    parts = seal(b"120 persons", KEY.jwk).split(".")
    parts[part] = ("B" if parts[part][0] == "A" else "A") + parts[part][1:]
    with pytest.raises(BadEnvelope):
        KEY.unseal(".".join(parts))


def with_header(change: dict[str, object], remove: tuple[str, ...] = ()) -> str:
    head, _, rest = seal(b"x", KEY.jwk).partition(".")
    plain = json.loads(base64.urlsafe_b64decode(head + "==")) | change
    return (
        encoded(json.dumps({name: one for name, one in plain.items() if name not in remove}).encode())
        + "."
        + rest
    )


@pytest.mark.parametrize(
    "sealed",
    [
        with_header({"zip": "DEF"}),
        with_header({"alg": "dir"}),
        with_header({"enc": "A128CBC-HS256"}),
        with_header({"crit": ["exp"]}),
        with_header({"jku": "https://attacker.example"}),
        with_header({}, ("epk",)),
        with_header({"epk": {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}}),
        with_header({"epk": []}),
        jwe.encrypt_compact(
            {"alg": "dir", "enc": "A256GCM"}, b"x", OctKey.generate_key(256), algorithms=["dir", "A256GCM"]
        ),
        jwe.encrypt_compact(
            {"alg": "ECDH-ES", "enc": "A256GCM"},
            b"x",
            ECKey.import_key(dict(KEY.jwk)),
            algorithms=["ECDH-ES", "A256GCM"],
        ),
        "",
        "....",
        None,
    ],
    ids=range(13),
)
def test_only_one_way_of_sealing_is_accepted(sealed: str) -> None:
    with pytest.raises(BadEnvelope):
        KEY.unseal(sealed)


def test_a_reply_key_outlives_its_process() -> None:
    assert ReplyKey.from_pem(KEY.pem()).unseal(seal(b"x", KEY.jwk)) == b"x"


def test_nothing_is_sealed_to_what_is_no_key() -> None:
    with pytest.raises(BadInput):
        seal(b"x", KEY.jwk | {"y": KEY.jwk["x"]})
