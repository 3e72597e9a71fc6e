"""The small parts of a node's link: what it remembers, when it tries again, what it sends when."""

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.core import clock
from hanse.core.envelope import Kind
from hanse.core.errors import BadToken, Refused
from hanse.link import seen as seen_ids
from hanse.link.enrolment import Token
from hanse.link.outbox import Outbox, Outgoing
from hanse.link.pace import KEPT, MOST_S, SHORTEST_S, Backoff, Hold
from hanse.link.seen import SeenIds

MINUTE = timedelta(minutes=1)


def test_an_id_is_new_once_also_for_the_next_process(tmp_path: Path) -> None:
    first = SeenIds(tmp_path / "seen.db")
    assert first.first_time("message_1", clock.now() + MINUTE)
    assert not first.first_time("message_1", clock.now() + MINUTE)
    first.close()
    assert not SeenIds(tmp_path / "seen.db").first_time("message_1", clock.now() + MINUTE)


def test_ids_are_bounded_and_expired_ones_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_ids, "MAX_SEEN", 3)
    seen = SeenIds(tmp_path / "seen.db")
    for number in range(3):
        assert seen.first_time(f"expired_{number}", clock.now() - MINUTE)
    for number in range(3):
        assert seen.first_time(f"message_{number}", clock.now() + MINUTE)
    with pytest.raises(Refused, match="more than 3"):
        seen.first_time("message_4", clock.now() + MINUTE)


def test_a_node_that_fails_waits_longer_up_to_a_bound_and_never_all_at_once() -> None:
    backoff = Backoff()
    delays = [backoff.delay_s() for _ in range(50)]
    assert delays[0] <= 0.5
    assert all(MOST_S / 2 <= delay <= MOST_S for delay in delays[10:])
    assert len(set(delays[10:])) > 30
    backoff.reset()
    assert backoff.delay_s() <= 0.5


@given(st.floats(SHORTEST_S, 100))
def test_a_cut_makes_the_next_silence_shorter_than_the_one_that_was_cut(after_s: float) -> None:
    hold = Hold(25.0)
    assert hold.cut(after_s)
    assert SHORTEST_S <= hold.seconds <= max(SHORTEST_S, 0.75 * after_s)
    assert hold.seconds < 25.0


def test_a_failure_at_once_is_no_cut_and_a_long_peace_lengthens_the_silence_again() -> None:
    hold = Hold(25.0)
    assert not hold.cut(0.2)
    assert hold.seconds == 25.0
    hold.cut(20.0)
    for _ in range(KEPT):
        hold.kept()
    assert 15.0 < hold.seconds <= 25.0


def message(not_before: float, number: int, useless_after: float = float("inf")) -> Outgoing:
    return Outgoing(not_before, Kind.ANSWER, {"number": number}, "message_1", useless_after)


def test_messages_leave_in_the_order_of_their_times_and_not_before(tmp_path: Path) -> None:
    outbox, now = Outbox(), time.monotonic()
    outbox.put(message(now + 0.05, 2), message(now, 1), message(now, 0, useless_after=now))
    assert [one.body["number"] for one in outbox.take(10)] == [1]
    assert [one.body["number"] for one in outbox.take(10)] == [2]
    assert time.monotonic() >= now + 0.05


def test_what_is_due_together_leaves_together_and_a_closed_outbox_ends_the_wait() -> None:
    outbox = Outbox()
    outbox.put(*(message(0.0, number) for number in range(5)))
    assert len(outbox.take(3)) == 3
    assert len(outbox.take(3)) == 2
    threading.Timer(0.05, outbox.close).start()
    assert outbox.take(3) == []


def test_a_token_survives_a_mail_and_shows_no_secret() -> None:
    token = Token.fresh("k" * 43)
    assert Token.read(f"  {token.text()}\n") == token
    assert token.secret not in repr(token)
    with pytest.raises(BadToken):
        Token.read(token.text()[:-1])
