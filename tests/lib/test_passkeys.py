"""Passkeys: an answer of a browser is accepted as it should be, or refused; nothing else happens."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.desk.authenticator import ORIGIN, Authenticator, text

from hanse.core.errors import BadEnvelope, Refused
from hanse.lib import passkeys
from hanse.lib.passkeys import Assertion

CHALLENGE = b"c" * 32
KEY = Authenticator()
MADE = KEY.create(text(CHALLENGE))
SIGNED = KEY.get(text(CHALLENGE))
KNOWN = passkeys.made(MADE, CHALLENGE, ORIGIN).key


def changed(answer: str, change: Callable[[bytes], bytes], name: str) -> str:
    """The answer with one of its members in other bytes."""
    body = json.loads(answer)
    raw = urlsafe_b64decode(body["response"][name] + "==")
    body["response"][name] = text(change(raw))
    return json.dumps(body)


def asserted(answer: str) -> int:
    return passkeys.asserted(Assertion.read(answer, ORIGIN), KNOWN, CHALLENGE, ORIGIN.__eq__)


def test_a_passkey_is_made_and_signs() -> None:
    assert passkeys.made(MADE, CHALLENGE, ORIGIN).credential == text(KEY.credential)
    assert asserted(SIGNED) == KEY.counter


@settings(deadline=None)
@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), st.integers(0, 4000))
def test_every_flipped_bit_of_an_assertion_is_refused(name: str, place: int) -> None:
    def flip(raw: bytes) -> bytes:
        at = place % (len(raw) * 8)
        return bytes(one ^ (1 << at % 8 if n == at // 8 else 0) for n, one in enumerate(raw))

    with pytest.raises((Refused, BadEnvelope)):
        asserted(changed(SIGNED, flip, name))


@settings(deadline=None)
@given(st.sampled_from(["clientDataJSON", "attestationObject"]), st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_break_the_making_of_a_passkey(name: str, other: bytes, cut: int) -> None:
    for answer in (
        changed(MADE, lambda raw: raw[:cut], name),
        changed(MADE, lambda raw: raw[:cut] + other + raw[cut + len(other) :], name),
    ):
        try:
            made = passkeys.made(answer, CHALLENGE, ORIGIN)
        except (Refused, BadEnvelope):
            continue
        assert made.credential  # what was changed is not signed by anybody when a passkey is made


@settings(deadline=None)
@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), st.binary(max_size=200))
def test_no_bytes_break_the_reading_of_an_assertion(name: str, other: bytes) -> None:
    for change in (lambda raw: other, lambda raw: raw[: len(other)], lambda raw: raw + other):
        answer = changed(SIGNED, change, name)
        if answer == SIGNED:
            continue
        with pytest.raises((Refused, BadEnvelope)):
            asserted(answer)


def test_a_passkey_of_another_origin_port_frame_or_challenge_is_refused() -> None:
    for wrong in (
        Authenticator(origin="http://localhost:8091"),
        Authenticator(origin="https://localhost:8090"),
        Authenticator(framed=True),
        Authenticator(flags=0x01),
    ):
        with pytest.raises(Refused):
            passkeys.made(wrong.create(text(CHALLENGE)), CHALLENGE, ORIGIN)
    with pytest.raises(Refused):
        passkeys.made(MADE, b"d" * 32, ORIGIN)


def test_an_answer_that_is_spelled_otherwise_is_the_same_answer() -> None:
    body = json.loads(SIGNED)
    body["response"]["signature"] += "=="
    one, other = Assertion.read(SIGNED, ORIGIN), Assertion.read(json.dumps(body), ORIGIN)
    assert one.digest("typ", b"payload") == other.digest("typ", b"payload")
