"""A form as it was filled in: what was sent, what is wrong with which field, and what it makes when nothing is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from hanse.web.sent import Sent, first

Made = TypeVar("Made")
Reader = Callable[[Sent], Any]


class Wrong(Exception):
    """A field that cannot be used as it was filled in; the text is for whoever filled it in."""


@dataclass(frozen=True, slots=True)
class Filled(Generic[Made]):
    """`wrong` says what is wrong by the name of the field. `made` is there when nothing is; `command` does the same on
    the command line."""

    sent: Sent
    wrong: Mapping[str, str] = field(default_factory=dict)
    made: Made | None = None
    command: str = ""

    def value(self, name: str) -> str:
        """What stands in a field."""
        return first(self.sent, name)

    def has(self, name: str, value: str) -> bool:
        """Whether a box is ticked, or a choice is chosen."""
        return value in self.sent.get(name, ())


def read(sent: Sent, fields: Mapping[str, Reader]) -> tuple[dict[str, Any], dict[str, str]]:
    """What each field says, and what is wrong with those that say nothing."""
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, reader in fields.items():
        try:
            found[name] = reader(sent)
        except Wrong as error:
            wrong[name] = str(error)
    return found, wrong
