"""What people see of a permit, an application or an order: plain words, made from the signed bytes and nothing else.

Every page and command that shows one shows this. What stands in a document is said whole: nobody can hide a key, a
condition or a dataset by naming many.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from hanse.core import application as applications
from hanse.core import document, status, terms
from hanse.core import order as orders
from hanse.core import permit as permits
from hanse.core import refusal as refusals
from hanse.core import revocation as revocations
from hanse.core.application import Application
from hanse.core.order import Order
from hanse.core.permit import KINDS, Kind, Permit
from hanse.core.scope import NEWEST, OPERATIONS, PURPOSES, Grant, Key, Person, Scope


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it, a line each."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A document in words. `hash` is the SHA-256 of its bytes: who approves it approves exactly these."""

    title: str
    hash: str
    sections: tuple[Section, ...]

    @property
    def text(self) -> str:
        """All of it as plain text."""
        parts = [self.title, f"SHA-256 {self.hash}"]
        parts += [f"\n{one.title}\n" + "\n".join(f"  {line}" for line in one.lines) for one in self.sections]
        return "\n".join(parts)


def say(payload: bytes, typ: str) -> Said:
    """The verified payload of a token of type `typ` in words; `BadEnvelope` or `BadQuestion` when it is no such
    document."""
    return SAYING[typ](payload)


def _permit(payload: bytes) -> Said:
    found = permits.decode(payload)
    return Said(
        f"Permit {found.id}, version {found.version}",
        document.identity(payload),
        (
            Section("Decided by", _decided(found)),
            Section("Project", (found.project,)),
            *_scope(found.scope, found.kind),
            Section("Persons who opted out", _opted_out(found)),
            Section(
                "Fees",
                tuple(f"{one.what}: {one.cents / 100:,.2f} {one.currency}" for one in found.fees) or _NONE,
            ),
        ),
    )


_NONE = ("none",)


def _decided(found: Permit) -> tuple[str, ...]:
    lines = [
        found.authority.name,
        f"id {found.authority.id}",
        f"key {found.authority.kid}",
        KINDS[found.kind],
    ]
    if found.application:
        lines.append(f"on the application with SHA-256 {found.application}")
    if found.amends:
        lines.append(f"in place of the permit with SHA-256 {found.amends}")
    return tuple(lines)


def _opted_out(found: Permit) -> tuple[str, ...]:
    """EHDS Article 71; what the commitments stand for, only the nodes can tell."""
    if found.exception:
        return (f"included: {found.exception}",)
    if not any(one.opt_out for one in found.scope.datasets):
        return ("no list was taken",)
    return tuple(
        f"{one.name}: left out, commitment {one.opt_out}" if one.opt_out else f"{one.name}: no list was taken"
        for one in found.scope.datasets
    )


def _application(payload: bytes) -> Said:
    found: Application = applications.decode(payload)
    kind = f"for a {KINDS[found.kind]}"
    change = (f"a change of {found.amends}",) if found.amends else ()
    return Said(
        f"Application {found.id}",
        document.identity(payload),
        (
            Section("Asked", (f"of {found.authority}", kind, *change, f"on {_time(found.at)}")),
            Section("Project", (found.project,)),
            Section("Reasons", found.reasons or _NONE),
            *_scope(found.scope, found.kind),
        ),
    )


def _scope(scope: Scope, kind: Kind) -> tuple[Section, ...]:
    limits = scope.limits
    everybody = ("everybody: the data are public",) if kind is Kind.OPEN else _NONE
    return (
        Section("Purpose", (f"EHDS Article {scope.purpose}: {PURPOSES[scope.purpose]}",)),
        Section("Datasets", tuple(_dataset(one) for one in scope.datasets)),
        Section("What may be done", tuple(f"{one}: {OPERATIONS[one].words}" for one in scope.operations)),
        Section("With which persons and images", (scope.selection or "all of them",)),
        Section("By whom", tuple(line for one in scope.persons for line in _person(one)) or everybody),
        Section("When", (f"from {_time(scope.begins)}", f"until {_time(scope.ends)}")),
        Section("In which environments", scope.environments or ("none is named",)),
        Section("Conditions", tuple(terms.say(one) for one in scope.conditions) or _NONE),
        Section(
            "Numbers that leave a node",
            (
                f"stand for {limits.minimum} persons at least",
                f"are rounded to multiples of {limits.rounding}"
                if limits.rounding > 1
                else "are not rounded",
                f"carry noise: a count of a node is off by at most {2 * limits.noise}"
                if limits.noise
                else "carry no noise: what a node counts leaves it as it is",
                f"come from {limits.budget:,} orders at most at each node",
                "are readable by the person only" if scope.sealed else "may be readable by the hub",
            ),
        ),
    )


def _dataset(one: Grant) -> str:
    versions = (
        "the newest version" if one.versions == NEWEST else "version " + ", ".join(map(str, one.versions))
    )
    return f"{one.name}, {versions} ({one.dataset} at {one.node})"


def _person(one: Person) -> tuple[str, ...]:
    checked = "keys not checked yet"
    if one.login:
        checked = f"keys checked by login as {one.login.subject} at {one.login.issuer}"
    elif one.call:
        checked = f"keys compared with the person by {one.call.officer} on {_time(one.call.at)}"
    return (
        f"{one.name}, {one.organisation}, {one.country}, {one.role}; {checked}",
        *(f"  {_key(key)}" for key in one.keys),
    )


def _key(key: Key) -> str:
    return f"{key.use} key {key.kid}" + (", kept by a web page" if key.page else "")


def _order(payload: bytes) -> Said:
    found: Order = orders.decode(payload)
    return Said(
        f"Order {found.id}",
        document.identity(payload),
        (
            Section("Under the permit", (f"SHA-256 {found.permit}",)),
            Section("Dataset", (f"{found.dataset}@{found.version} at {found.node}",)),
            Section("Purpose", (f"EHDS Article {found.purpose}: {PURPOSES[found.purpose]}",)),
            Section(
                "What is to be done",
                (f"{found.operation}: {OPERATIONS[found.operation].words}", found.method),
            ),
            Section("With which persons and images", (found.selection or "all that the permit selects",)),
            Section("Method", (found.method or "none", json.dumps(found.parameters, sort_keys=True))),
            Section("When", (f"from {_time(found.issued)}", f"until {_time(found.expires)}")),
            Section("Answers", ("encrypted to the reply key" if found.reply_key else "not encrypted",)),
        ),
    )


def _refusal(payload: bytes) -> Said:
    found = refusals.decode(payload)
    return Said(
        f"Refusal {found.id}",
        document.identity(payload),
        (
            Section("Decided by", (found.officer, f"of {found.authority}", f"on {_time(found.at)}")),
            Section("The application", (f"SHA-256 {found.application}",)),
            Section("What the applicant is told", (found.reason,)),
        ),
    )


def _revocation(payload: bytes) -> Said:
    found = revocations.decode(payload)
    return Said(
        f"Revocation of {found.permit}",
        document.identity(payload),
        (
            Section("Decided by", (found.officer, f"of {found.authority}", f"on {_time(found.at)}")),
            Section(
                "The permit", (f"{found.permit}, in all its versions", f"the newest has SHA-256 {found.hash}")
            ),
            Section("Why", (found.reason,)),
        ),
    )


def _approval(payload: bytes) -> Said:
    found = status.decode_approval(payload)
    return Said(
        f"Approval {found.id}",
        document.identity(payload),
        (
            Section("Decided by", (found.officer, f"of {found.node}", f"on {_time(found.at)}")),
            Section("The permit", (f"SHA-256 {found.permit}", "in exactly this version")),
        ),
    )


def _veto(payload: bytes) -> Said:
    found = status.decode_veto(payload)
    return Said(
        f"Veto {found.id}",
        document.identity(payload),
        (
            Section("Decided by", (found.officer, f"of {found.node}", f"on {_time(found.at)}")),
            Section("The permit", (f"{found.permit}, in all its versions",)),
            Section("What the researcher is told", (found.reason or "nothing",)),
        ),
    )


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")


SAYING: Mapping[str, Callable[[bytes], Said]] = {
    permits.TYP: _permit,
    applications.TYP: _application,
    orders.TYP: _order,
    refusals.TYP: _refusal,
    revocations.TYP: _revocation,
    status.APPROVAL_TYP: _approval,
    status.VETO_TYP: _veto,
}
