"""The form of a run: a method with its parameters, who is counted, which datasets are asked and how long they have."""

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from hanse.client import run as client
from hanse.client.access import Granted
from hanse.core.document import Jwk
from hanse.core.errors import BadInput, Problem
from hanse.core.order import Order
from hanse.hub.app import Hub
from hanse.lib.jws import PublicKey
from hanse.web import application_form, filled, method_form
from hanse.web.filled import Filled, Wrong
from hanse.web.language import N_
from hanse.web.language import gettext as _
from hanse.web.sent import Sent, first

HOURS: Mapping[str, str] = {"1": N_("an hour"), "24": N_("a day"), "168": N_("a week")}


def opened(method: str, granted: Granted, selection: str) -> Filled[list[Order]]:
    """The form at first: all datasets whose holders approved, and the question that an address may hold."""
    ready = [one["dataset"] for one in granted.nodes if one["state"] == "approved"]
    return Filled({"method": [method], "hours": ["24"], "dataset": ready, "selection": [selection]})


def read(sent: Sent, granted: Granted, hub: Hub) -> Filled[list[Order]]:
    """What was sent, with the orders that it makes, one for each dataset, or what is wrong with it."""
    method = first(sent, "method")
    found, wrong = filled.read(
        sent,
        {
            "selection": partial(application_form.selection, hub),
            "dataset": partial(_datasets, granted),
            "hours": _hours,
            "reply": partial(_reply, granted),
        },
    )
    parameters, bad = method_form.parameters(method, sent, hub.vocabulary)
    if wrong | bad:
        return Filled(sent, wrong | bad)
    command = _command(granted, method, parameters, found, hub.space.url)
    if not first(sent, "jwk"):
        return Filled(sent, command=command)
    try:
        newest = _versions(hub, found["dataset"])
        made = client.orders(
            granted, method, parameters, newest, found["selection"], found["reply"], found["hours"]
        )
    except Problem as problem:
        return Filled(sent, {"form": problem.detail})
    return Filled(sent, made=made, command=command)


def _versions(hub: Hub, datasets: Sequence[str]) -> dict[str, int]:
    """The newest version of each dataset. Raises `BadInput` when one is not published any more."""
    found = {one.record.id: one.record.version for one in application_form.described(hub, datasets)}
    newest = {id: version for id, version in found.items() if version is not None}
    if len(newest) < len(datasets):
        raise BadInput(_("A dataset is not there any more."))
    return newest


def _command(
    granted: Granted, method: str, parameters: Mapping[str, Any], found: Mapping[str, Any], url: str
) -> str:
    """`hanse analyse` with the same parameters."""
    words = ["hanse", "analyse", method, "--hub", url, "--permit", granted.permit.id]
    words += [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in parameters.items()
    ]
    words += [word for one in found["dataset"] for word in ("--dataset", one)]
    words += ["--selection", found["selection"]] if found["selection"] else []
    words += ["--hours", str(found["hours"] // timedelta(hours=1))]
    return shlex.join(words)


def _datasets(granted: Granted, sent: Sent) -> list[str]:
    known = [one.dataset for one in granted.permit.scope.datasets]
    chosen = [one for one in known if one in sent.get("dataset", ())]
    if not chosen:
        raise Wrong(_("Choose one at least."))
    return chosen


def _hours(sent: Sent) -> timedelta:
    if first(sent, "hours") not in HOURS:
        raise Wrong(_("Choose how long."))
    return timedelta(hours=int(first(sent, "hours")))


def _reply(granted: Granted, sent: Sent) -> Jwk | None:
    """The key to which answers are sealed, where the permit asks for it."""
    if not granted.permit.scope.sealed or not first(sent, "jwk"):
        return None
    try:
        return PublicKey.from_jwk(json.loads(first(sent, "reply")[:1000])).jwk
    except (ValueError, BadInput):
        raise Wrong(_("The browser sent no key for sealed answers. Reload the page.")) from None
