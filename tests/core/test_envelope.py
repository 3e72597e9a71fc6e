"""The envelope, and when a message counts."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.any_json import JSON

from hanse.core import envelope
from hanse.core.blob import Blob
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import BadEnvelope, WrongClock

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def question(**changes: Any) -> Envelope:
    kept = {"at": AT, "life": 10 * SECOND} | changes
    return envelope.new(Kind.QUESTION, "hub_h", "node_n", {"search": "search_1"}, **kept)


def test_an_envelope_reads_as_it_was_written() -> None:
    for message in (
        question(),
        question(reply_to="message_1"),
        envelope.new(Kind.ANSWER, "node_n", "hub_h", Blob("0" * 64, 7), at=AT, life=SECOND),
    ):
        assert envelope.decode(envelope.encode(message)) == message


@given(st.sampled_from([*envelope._MEMBERS]), JSON)
@settings(max_examples=200)
def test_an_envelope_with_any_other_member_is_read_or_refused_and_nothing_else(name: str, value: Any) -> None:
    body = json.loads(envelope.encode(question()))
    with suppress(BadEnvelope):
        envelope.decode(json.dumps(body | {name: value}).encode())


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'{"body": {}}'])
def test_what_is_no_envelope_is_refused(raw: bytes) -> None:
    with pytest.raises(BadEnvelope):
        envelope.decode(raw)


def test_a_message_counts_for_its_audience_only() -> None:
    envelope.check(question(), audience="node_n", at=AT)
    with pytest.raises(BadEnvelope, match="somebody else"):
        envelope.check(question(), audience="node_m", at=AT)


@pytest.mark.parametrize("late_s", [0, 10, 69])
def test_a_message_counts_until_it_expires_give_or_take_the_clocks(late_s: int) -> None:
    envelope.check(question(), audience="node_n", at=AT + late_s * SECOND)


def test_an_expired_message_and_one_from_the_future_say_both_times() -> None:
    with pytest.raises(BadEnvelope, match=r"expired at 2026-11-22T12:00:10\.000Z; it is 2026-11-22T12:02:00"):
        envelope.check(question(), audience="node_n", at=AT + 120 * SECOND)
    with pytest.raises(WrongClock, match=r"2026-11-22T12:00:00\.000Z .* 2026-11-22T11:58:00\.000Z"):
        envelope.check(question(), audience="node_n", at=AT - 120 * SECOND)


@pytest.mark.parametrize("life", [timedelta(0), -SECOND, timedelta(days=2)])
def test_a_message_that_never_or_hardly_expires_is_refused(life: timedelta) -> None:
    with pytest.raises(BadEnvelope, match="lives"):
        envelope.check(question(life=life), audience="node_n", at=AT)


@pytest.mark.parametrize("wrong_by", [61 * SECOND, -61 * SECOND])
def test_a_fresh_message_carries_the_time_of_now(wrong_by: timedelta) -> None:
    envelope.check_fresh(question(), at=AT + 59 * SECOND)
    with pytest.raises(WrongClock, match="clock"):
        envelope.check_fresh(question(), at=AT + wrong_by)


@given(st.integers(0, 200))
def test_an_id_is_remembered_for_as_long_as_the_message_is_accepted(after_s: int) -> None:
    at = AT + after_s * SECOND
    try:
        envelope.check(question(), audience="node_n", at=at)
    except BadEnvelope:
        assert at > envelope.remember_until(question())
    else:
        assert at <= envelope.remember_until(question())
