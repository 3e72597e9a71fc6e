"""A status is numbered and expires, and its numbers never go back."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.authority.office import NODE, Office, application

from hanse.authority import statuses
from hanse.core import clock
from hanse.lib import sql


def issued(here: Office, seconds: int) -> int:
    with sql.begin(here.records) as connection:
        at = clock.now() + timedelta(seconds=seconds)
        return statuses.issue(connection, here.settings, here.key, NODE, at).number


@given(jumps=st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=5))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_grow_however_the_clock_jumps(here: Office, jumps: list[int]) -> None:
    before = issued(here, 0)
    numbers = [issued(here, one) for one in jumps]
    assert [before, *numbers] == sorted({before, *numbers})


def test_numbers_grow_after_a_backup_was_restored(here: Office) -> None:
    seen = [issued(here, 0) for _ in range(3)][-1]
    with sql.begin(here.records) as connection:
        connection.execute(statuses.STATUS.delete())
    assert issued(here, 60) > seen


def test_no_number_is_used_again_that_a_node_says_to_hold(here: Office) -> None:
    held = issued(here, 3600)  # when the clock was fast
    with sql.begin(here.records) as connection:
        connection.execute(statuses.STATUS.delete())  # as records from before have it
        row = {"node": NODE, "number": 1, "status": held, "permits": "{}"}
        connection.execute(statuses.RECEIPT.insert().values(**row))
    assert issued(here, 0) == held + 1


def test_a_status_is_renewed_when_half_its_life_is_over(here: Office) -> None:
    permit = here.given(application(here.settings.id))
    first, at, half = here.statuses()[NODE], clock.now(), timedelta(hours=here.settings.status_hours / 2)
    assert statuses.renew(here.records, here.settings, here.key, at + half - timedelta(minutes=5)) == 0
    assert statuses.renew(here.records, here.settings, here.key, at + half) == 2
    second = here.statuses()[NODE]
    assert (second.number, second.expires) > (first.number, first.expires)
    assert second.current.keys() == {permit.id}


def test_only_the_newest_status_of_a_node_waits_to_be_sent(here: Office) -> None:
    for _ in range(3):
        newest = issued(here, 0)
    assert here.statuses()[NODE].number == newest


def test_a_permit_that_has_ended_is_not_said_any_more(here: Office) -> None:
    permit = here.given(application(here.settings.id))
    after = int((permit.scope.ends - clock.now()).total_seconds()) + 60
    issued(here, after)
    said = here.statuses()[NODE]
    assert (said.current, said.revoked) == ({}, ())
    # With nothing to say, nothing is renewed.
    assert statuses.renew(here.records, here.settings, here.key, said.expires) == 1
