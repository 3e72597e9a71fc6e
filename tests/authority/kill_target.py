"""What the kill test runs in a process of its own: decisions, one after the other."""

from pathlib import Path

from tests.authority.office import application, office

from hanse.authority import revocations
from hanse.core import clock


def decide(home: Path) -> None:
    """Permits and their revocations, until somebody ends this process."""
    with office(home) as here:
        while True:
            given = here.given(application(here.settings.id))
            revocations.revoke(
                here.records, here.settings, here.key, given.id, "Access Officer", "a breach", clock.now()
            )
