"""What is known of an application beside the applicant's own words: which key signed it, and how keys were checked."""

from dataclasses import dataclass

import sqlalchemy as sa

from hanse.authority import applications, checks, permits
from hanse.authority.applications import Kept
from hanse.authority.checks import Check
from hanse.core.scope import Key, Person
from hanse.lib import jws
from hanse.lib.jws import FileKey


@dataclass(frozen=True, slots=True)
class Shown:
    """A key, as people compare it, and how it was found out whose it is, if it was."""

    key: Key
    check: Check | None

    @property
    def fingerprint(self) -> str:
        return jws.fingerprint(self.key.kid)


@dataclass(frozen=True, slots=True)
class Asking:
    """A person in an application, by the number that they have there from 1."""

    number: int
    person: Person
    keys: tuple[Shown, ...]

    @property
    def checked(self) -> bool:
        """Whether every key was."""
        return all(one.check for one in self.keys)


@dataclass(frozen=True, slots=True)
class Evidence:
    """An application and what is known of it. `named` says whether the permit that it wants changed names the key
    that signed it; it is False for a new permit too."""

    kept: Kept
    persons: tuple[Asking, ...]
    named: bool


def evidence(connection: sa.Connection, key: FileKey, hash: str) -> Evidence:
    """What is known of the application with this hash; raises as `applications.get`."""
    kept = applications.get(connection, hash)
    found = checks.of(connection, kept.signed.hash)
    persons = tuple(
        Asking(number, one, tuple(Shown(key, found.get(key.kid)) for key in one.keys))
        for number, one in enumerate(kept.said.scope.persons, 1)
    )
    return Evidence(kept, persons, permits.names(connection, key, kept.said.amends, kept.signed.kid))
