"""An authority whose records are an older copy does not know what was revoked since: it signs nothing until an officer
has decided again and says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests import backups
from tests.authority.office import NODE, OFFICER, OTHER_NODE, Office, application, office

from hanse.authority import delivery, revocations, statuses
from hanse.cli.authority import authority as command
from hanse.core import clock
from hanse.core.errors import Conflict, Refused
from hanse.core.permit import Permit
from hanse.core.status import Status
from hanse.lib import log, sql
from hanse.link.witnessing import Witnessing


@pytest.fixture
def revoked(tmp_path: Path) -> tuple[Permit, dict[str, Status]]:
    """A permit that was given before the backup and revoked after it, and what nodes were told then."""
    home = tmp_path / "authority"
    with office(home) as here:
        permit = here.given(application(here.settings.id))
        backup = backups.copy(home / "authority.db")
        here.sent()
        revoke(here, permit)
        said = here.statuses()
    backups.restore(home / "authority.db", backup)
    return permit, said


@pytest.fixture
def here(tmp_path: Path, revoked: object) -> Iterator[Office]:
    with office(tmp_path / "authority") as one:
        one.sent()
        yield one


def revoke(here: Office, permit: Permit) -> list[str]:
    args = (here.records, here.settings, here.key, permit.id, OFFICER, "The project ended.", clock.now())
    return revocations.revoke(*args)


def resume(here: Office) -> None:
    words = [
        "resume",
        "--officer",
        OFFICER,
        "--reason",
        "The disk failed.",
        "--home",
        str(here.settings.home),
    ]
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output


def test_no_status_is_signed_from_older_records(
    here: Office, revoked: tuple[Permit, dict[str, Status]]
) -> None:
    _, before = revoked
    later = before[NODE].expires
    assert statuses.renew(here.records, here.settings, here.key, later) == 0
    assert delivery.Repeating(clock.now()).look(here.records, here.settings, here.key, later) == 0
    with pytest.raises(Refused, match="older copy") as caught:
        delivery.again(here.records, here.settings, here.key, clock.now())
    assert caught.value.more["rule"] == "restored"
    assert here.statuses() == {}


def test_no_permit_is_signed_from_older_records(here: Office) -> None:
    with pytest.raises(Refused, match="older copy"):
        here.given(application(here.settings.id))


def test_what_was_revoked_is_revoked_again_and_told_after_an_officer_says_so(
    here: Office, revoked: tuple[Permit, dict[str, Status]]
) -> None:
    permit, before = revoked
    assert revoke(here, permit) == []
    assert here.statuses() == {}
    resume(here)
    told = here.statuses()
    assert told.keys() == {NODE, OTHER_NODE}
    for node, said in told.items():
        assert (said.current, said.revoked) == ({}, (permit.id,))
        assert said.number > before[node].number
    with sql.read(here.records) as connection:
        (entry,) = log.latest(connection, ("resume",), 10)
    assert (entry.body["who"], entry.body["reason"]) == ({"officer": OFFICER}, "The disk failed.")
    with pytest.raises(Conflict, match="continues every head"):
        delivery.resume(here.records, here.settings, here.key, OFFICER, "again", clock.now())


def test_an_authority_that_was_not_restored_has_nothing_to_resume(tmp_path: Path) -> None:
    with office(tmp_path / "other") as one:
        one.given(application(one.settings.id))
        Witnessing(one.settings.home, one.records, one.key).due(clock.now())
        assert one.statuses().keys() == {NODE, OTHER_NODE}
        with pytest.raises(Conflict, match="continues every head"):
            delivery.resume(one.records, one.settings, one.key, OFFICER, "none", clock.now())
