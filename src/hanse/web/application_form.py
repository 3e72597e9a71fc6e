"""The form of an application: what was filled in, what is wrong with each field, and the application that it makes."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from babel import Locale

from hanse.client.access import DURATION, LIMITS
from hanse.core import application, clock, document, ids, shape
from hanse.core.application import Application
from hanse.core.check import check_selection
from hanse.core.errors import BadInput, BadQuestion, Problem
from hanse.core.permit import MAX_DURATION, Kind
from hanse.core.scope import (
    MAX_DATASETS,
    NEWEST,
    Grant,
    Key,
    KeyUse,
    Operation,
    Person,
    Purpose,
    Role,
    Scope,
)
from hanse.hub import access, catalogue
from hanse.hub.app import Hub
from hanse.hub.catalogue import Entry
from hanse.lib import sql
from hanse.lib.jws import PublicKey
from hanse.web import filled
from hanse.web.asked import understand
from hanse.web.filled import Filled, Wrong
from hanse.web.language import N_
from hanse.web.language import gettext as _
from hanse.web.sent import Sent, first

MOST_PARAGRAPHS = application.MAX_REASONS
APPLIED_FOR = (Kind.AGREEMENT, Kind.EHDS)
LEAVES_OUT = N_(
    "Leave out what cannot be shown: control characters and marks that turn the direction of writing."
)


def opened(sent: Sent, at: datetime) -> Filled[Application]:
    """The form as an address opens it: with datasets and a question, for a year from today."""
    plain: dict[str, Sequence[str]] = {
        "kind": [Kind.AGREEMENT],
        "purpose": [Purpose.RESEARCH],
        "operation": [Operation.ANALYSE],
        "begins": [_day(at)],
        "ends": [_day(at + DURATION)],
        "sealed": ["no"],
        "selection": sent.get("q", ()),
    }
    return Filled(plain | {name: sent[name] for name in FIELDS if name in sent})


def read(sent: Sent, hub: Hub, at: datetime) -> Filled[Application]:
    """What was sent, with the application that it makes or what is wrong with it."""
    found, wrong = filled.read(sent, {name: partial(reader, hub) for name, reader in FIELDS.items()})
    if not wrong:
        wrong |= _period(found["begins"], found["ends"], at)
    if wrong:
        return Filled(sent, wrong)
    command = _command(found, hub.space.url)
    if found["jwk"] is None:
        return Filled(sent, command=command)
    try:
        return Filled(sent, made=_checked(_made(found, at)), command=command)
    except Problem as problem:
        return Filled(sent, {"form": problem.detail})


def _made(found: Mapping[str, Any], at: datetime) -> Application:
    """An application for the newest versions, signed with a key that a page keeps."""
    at = clock.read(clock.text(at))
    key = Key(found["jwk"].jwk, KeyUse.WORKING, page=True)
    person = Person(found["name"], found["organisation"], found["country"], Role.PRINCIPAL, (key,))
    scope = Scope(
        datasets=found["dataset"],
        operations=found["operation"],
        selection=found["selection"],
        purpose=found["purpose"],
        environments=(),
        conditions=(),
        begins=max(found["begins"], at),
        ends=found["ends"],
        persons=(person,),
        limits=LIMITS,
        sealed=found["sealed"],
    )
    return Application(
        id=ids.new("application"),
        kind=found["kind"],
        authority=found["authority"],
        amends="",
        project=found["project"],
        reasons=found["reasons"],
        scope=scope,
        at=at,
    )


def _checked(made: Application) -> Application:
    """The same, as whoever gets it will read it. Raises what `application.decode` raises."""
    return application.decode(document.encode(made))


def _command(found: Mapping[str, Any], url: str) -> str:
    """`hanse apply` with the same words."""
    words: list[str] = ["hanse", "apply", "--hub", url, "--authority", found["authority"]]
    words += [word for one in found["dataset"] for word in ("--dataset", one.dataset)]
    words += ["--project", found["project"]]
    words += [word for one in found["reasons"] for word in ("--reason", one)]
    words += [word for one in found["operation"] for word in ("--operation", one)]
    words += ["--kind", found["kind"], "--purpose", found["purpose"]]
    words += ["--selection", found["selection"]] if found["selection"] else []
    words += ["--days", str(max(1, (found["ends"] - found["begins"]).days))]
    words += ["--name", found["name"], "--organisation", found["organisation"], "--country", found["country"]]
    return shlex.join(words)


def _authority(hub: Hub, sent: Sent) -> str:
    with sql.read(hub.records) as connection:
        known = [one["id"] for one in access.authorities(connection, clock.now())]
    if (wanted := first(sent, "authority")) not in known:
        raise Wrong(_("Choose who is to decide."))
    return wanted


def _datasets(hub: Hub, sent: Sent) -> tuple[Grant, ...]:
    wanted = list(dict.fromkeys(sent.get("dataset", ())))
    if len(wanted) > MAX_DATASETS:
        raise Wrong(_("An application names at most %(n)s datasets.") % {"n": MAX_DATASETS})
    entries = described(hub, wanted)
    if not wanted or len(entries) < len(wanted):
        raise Wrong(
            _("Choose datasets of the catalogue.") if not wanted else _("A dataset is not there any more.")
        )
    return tuple(Grant(one.source.id, one.record.id, one.record.name, NEWEST) for one in entries)


def described(hub: Hub, wanted: Sequence[str]) -> list[Entry]:
    """What the catalogue has of these datasets."""
    with sql.read(hub.records) as connection:
        return list(catalogue.some(connection, [one[:64] for one in wanted[: MAX_DATASETS + 1]]))


def _line(name: str, most: int) -> Callable[[Hub, Sent], str]:
    def reader(_hub: Hub, sent: Sent) -> str:
        return _shown(" ".join(first(sent, name).split()), most)

    return reader


def _shown(text: str, most: int) -> str:
    if not text:
        raise Wrong(_("Say something here."))
    if len(text) > most:
        raise Wrong(_("Use at most %(n)s characters; these are %(m)s.") % {"n": most, "m": len(text)})
    try:
        return shape.printable(text, "text")
    except Problem:
        raise Wrong(_(LEAVES_OUT)) from None


def _reasons(_hub: Hub, sent: Sent) -> tuple[str, ...]:
    text = first(sent, "reasons").replace("\r\n", "\n")
    paragraphs = [" ".join(one.split()) for one in text.split("\n\n") if one.strip()]
    if len(paragraphs) > MOST_PARAGRAPHS:
        raise Wrong(_("Use at most %(n)s paragraphs.") % {"n": MOST_PARAGRAPHS})
    return tuple(_shown(one, 4000) for one in paragraphs or [""])


def selection(hub: Hub, sent: Sent) -> str:
    """The question in the hub's own words, so that it stands on one line."""
    text = first(sent, "selection").strip()
    if not text:
        return ""
    understood = understand(text, hub.vocabulary)
    if isinstance(understood.problem, BadQuestion) or understood.question is None:
        raise Wrong(understood.problem.detail if understood.problem else text)
    try:
        check_selection(understood.question.text, hub.vocabulary)
    except BadQuestion as problem:
        raise Wrong(problem.detail) from None
    return understood.question.text


def _choice(name: str, kinds: Any, says: str) -> Callable[[Hub, Sent], Any]:
    def reader(_hub: Hub, sent: Sent) -> Any:
        found = [one for one in kinds if one == first(sent, name)]
        if not found:
            raise Wrong(_(says))
        return found[0]

    return reader


def _operations(_hub: Hub, sent: Sent) -> tuple[Operation, ...]:
    found = tuple(one for one in Operation if one in sent.get("operation", ()))
    if not found:
        raise Wrong(_("Choose one at least."))
    return found


def _country(_hub: Hub, sent: Sent) -> str:
    code = first(sent, "country")
    if code not in countries("en"):
        raise Wrong(_("Choose a country."))
    return code


@cache
def countries(language: str) -> Mapping[str, str]:
    """Names of countries by their two letters (ISO 3166-1), sorted by name."""
    named = Locale(language).territories
    left_out = {"EU", "EZ", "UN", "XA", "XB", "ZZ"}  # CLDR's regions that are no countries
    found = {
        code: name
        for code, name in named.items()
        if len(code) == 2 and code.isalpha() and code not in left_out
    }
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def _date(name: str) -> Callable[[Hub, Sent], datetime]:
    def reader(_hub: Hub, sent: Sent) -> datetime:
        try:
            return datetime.strptime(first(sent, name), "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise Wrong(_("Write the day as 2027-03-31.")) from None

    return reader


def _period(begins: datetime, ends: datetime, at: datetime) -> dict[str, str]:
    """What first and last day say together."""
    if ends <= begins or ends <= at:
        return {"ends": _("The last day must come after today and after the first.")}
    if ends - begins > MAX_DURATION:
        return {"ends": _("A permit lasts at most ten years.")}
    return {}


def _sealed(_hub: Hub, sent: Sent) -> bool:
    return first(sent, "sealed") == "yes"


def _jwk(_hub: Hub, sent: Sent) -> PublicKey | None:
    """The public key of the browser that sent the form; None where there was none."""
    text = first(sent, "jwk")
    if not text:
        return None
    try:
        return PublicKey.from_jwk(json.loads(text[:1000]))
    except (ValueError, BadInput):
        raise Wrong(_("The key of this browser cannot be read. Make a new one.")) from None


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d")


# The fields in their order, each with what reads it.
FIELDS: Mapping[str, Callable[[Hub, Sent], Any]] = {
    "authority": _authority,
    "kind": _choice("kind", APPLIED_FOR, N_("Choose on what the permit is to stand.")),
    "dataset": _datasets,
    "project": _line("project", 300),
    "purpose": _choice("purpose", Purpose, N_("Choose a purpose.")),
    "reasons": _reasons,
    "operation": _operations,
    "selection": selection,
    "begins": _date("begins"),
    "ends": _date("ends"),
    "name": _line("name", 200),
    "organisation": _line("organisation", 200),
    "country": _country,
    "sealed": _sealed,
    "jwk": _jwk,
}
