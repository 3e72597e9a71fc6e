"""Who may decide: no officer decides about their own use of data."""

import re
import unicodedata
from collections.abc import Iterable

from hanse.core.errors import Refused
from hanse.core.permit import authority_id
from hanse.core.scope import Person


def independent(officer: str, persons: Iterable[Person], authority: str) -> None:
    """`Refused` when the officer is one of the persons, in whatever order and writing of the names, or when a person
    brings the own key of the authority with this id: nobody decides about their own use of data."""
    for person in persons:
        if _words(officer) == _words(person.name) or any(
            authority_id(key.kid) == authority for key in person.keys
        ):
            raise Refused(
                "The officer is one of those who ask for the data.",
                hint="Somebody else must check the keys and decide.",
            )


def _words(name: str) -> list[str]:
    return sorted(re.findall(r"\w+", unicodedata.normalize("NFKC", name).casefold()))
