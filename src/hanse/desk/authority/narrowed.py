"""The form that narrows a permit: what stands in it, and what it changes, as `authority.narrowing` has it.

Datasets and persons go by their places in the application, or in the version that is changed, so that an address with
hundreds of them stays short.
"""

from dataclasses import fields
from datetime import date
from typing import Any

from hanse.authority import narrowing
from hanse.core.errors import BadInput
from hanse.core.scope import Limits, Scope
from hanse.desk.visit import Visit
from hanse.web.language import N_

LIMITS = tuple(one.name for one in fields(Limits))


class Fields:
    """What stands in the form: what was sent with it, and else what was asked for, or is in force."""

    def __init__(self, visit: Visit, asked: Scope, exception: str = "") -> None:
        self._visit, self.sent = visit, visit.said("narrow") == "1"
        self.asked = asked
        self._defaults = {
            "begins": f"{asked.begins:%Y-%m-%d}",
            "ends": f"{asked.ends:%Y-%m-%d}",
            **{name: str(getattr(asked.limits, name)) for name in LIMITS},
            **{f"opt_out_{n}": one.opt_out for n, one in enumerate(asked.datasets)},
            "exception": exception,
        }

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self._visit.said(name) if self.sent else self._defaults.get(name, "")

    def has(self, name: str, value: object) -> bool:
        """Whether a box is ticked; at first all that was asked for are."""
        return str(value) in self._visit.many(name) if self.sent else True

    @property
    def sealed(self) -> bool:
        """Whether the box for sealed answers is ticked."""
        return "1" in self._visit.many("sealed") if self.sent else self.asked.sealed


def changes(visit: Visit, asked: Scope) -> dict[str, Any]:
    """What the form changes, as `narrowing` has it: nothing before it was sent."""
    if visit.said("narrow") != "1":
        return {}
    for name, offered in (
        ("dataset", asked.datasets),
        ("person", asked.persons),
        ("operation", asked.operations),
    ):
        if offered and not visit.many(name):
            raise BadInput(N_("Leave one dataset, one person and one operation at least."))
    said: dict[str, Any] = {
        "datasets": [one.dataset for n, one in enumerate(asked.datasets) if str(n) in visit.many("dataset")],
        "persons": [one.name for n, one in enumerate(asked.persons) if str(n) in visit.many("person")],
        "operations": [one for one in asked.operations if one in visit.many("operation")],
        "limits": {name: _whole(visit, name) for name in LIMITS},
        "sealed": "1" in visit.many("sealed"),
        "exception": visit.said("exception").strip(),
        "opt_out": {
            one.dataset: visit.said(f"opt_out_{n}").strip()
            for n, one in enumerate(asked.datasets)
            if str(n) in visit.many("dataset")
        },
    }
    return said | _period(visit, asked)


def _period(visit: Visit, asked: Scope) -> dict[str, Any]:
    """The days that differ: what was asked for, or is in force, may begin or end within a day."""
    given = {}
    for name in ("begins", "ends"):
        try:
            said = date.fromisoformat(visit.said(name))
        except ValueError:
            raise BadInput(N_("The first or the last day is no date.")) from None
        if said != getattr(asked, name).date():
            given[name] = narrowing.day(said)
    return given


def _whole(visit: Visit, name: str) -> int:
    try:
        return int(visit.said(name))
    except ValueError:
        raise BadInput(N_("A limit is no whole number.")) from None
