"""`/permits/ID`: a permit in words, where it counts, and the form of a run under it."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.client import access as client
from hanse.client import count
from hanse.client.access import Granted
from hanse.core import clock, order, permit, permit_words
from hanse.core.errors import NotFound
from hanse.core.fields import Field
from hanse.core.order import Order
from hanse.core.scope import Operation
from hanse.hub import access, permits
from hanse.hub.app import Hub
from hanse.lib import jws, sql
from hanse.web import application_form, method_form, order_form, signing, standing
from hanse.web.application import HOLDER
from hanse.web.filled import Filled
from hanse.web.language import N_, address
from hanse.web.language import gettext as _
from hanse.web.method_form import ABOUT, SLOTS, TITLES, TYPES, Kind, Slot
from hanse.web.render import PRIVATE, render
from hanse.web.saying import spoken
from hanse.web.sent import first, sent_in_form

LABELS = {
    "dataset": N_("Datasets"),
    "selection": N_("Only these persons"),
    "hours": N_("How long nodes have"),
}


def routes(hub: Hub) -> list[Route]:
    """A permit, and the form of a run."""

    async def show(request: Request) -> Response:
        return await run_in_threadpool(_page, request, hub)

    async def blank(request: Request) -> Response:
        granted = await run_in_threadpool(find, hub, request.path_params["id"])
        sent = request.query_params
        form = order_form.opened(_method(sent.get("method", "describe")), granted, sent.get("q", ""))
        return await run_in_threadpool(_form, request, hub, granted, form)

    async def filled(request: Request) -> Response:
        sent = await sent_in_form(request)
        _method(first(sent, "method"))
        granted = await run_in_threadpool(find, hub, request.path_params["id"])
        if first(sent, "act") != "order":
            return await run_in_threadpool(_form, request, hub, granted, Filled(sent))
        form = await run_in_threadpool(order_form.read, sent, granted, hub)
        if form.wrong:
            return await run_in_threadpool(_form, request, hub, granted, form)
        return _signing(request, granted, form)

    return [
        Route("/permits/{id}", show),
        Route("/permits/{id}/run", blank),
        Route("/permits/{id}/run", filled, methods=["POST"]),
    ]


def find(hub: Hub, id: str) -> Granted:
    """A permit by its id or its hash, verified as a client does. Raises `NotFound`."""
    with sql.read(hub.records) as connection:
        said = access.permitted(connection, id)
        return client.verified(said, access.authorities(connection, clock.now()), id)


def _method(name: str) -> str:
    if name not in SLOTS:
        raise NotFound(N_("There is no such method."))
    return name


def _page(request: Request, hub: Hub) -> Response:
    granted, at = find(hub, request.path_params["id"]), clock.now()
    with sql.read(hub.records) as connection:
        stands = permits.standing(connection, granted.hash) or permits.Standing(granted.permit, revoked=False)
    return render(
        request,
        "permits/permit.html",
        headers=PRIVATE,
        granted=granted,
        said=granted.permit,
        question=request.query_params.get("q", ""),
        words=permit_words.say(jws.unverified(granted.token), permit.TYP),
        holders=HOLDER,
        ready=[one for one in granted.nodes if one["state"] == "approved"],
        state=standing.STATES[standing.state(stands.permit.scope, stands.revoked, at)],
        over=stands.over(at),
        titles=_allowed(granted),
        about=ABOUT,
    )


def _allowed(granted: Granted) -> dict[str, str]:
    """The titles of what may be run under a permit, a count among them."""
    given = granted.permit.scope.operations
    return {
        name: title
        for name, title in TITLES.items()
        if (Operation.COUNT if name == count.METHOD else Operation.ANALYSE) in given
    }


def _form(request: Request, hub: Hub, granted: Granted, form: Filled[list[Order]]) -> Response:
    method = form.value("method")
    fields = _fields(hub, granted)
    inputs = method_form.inputs(method, form.sent, hub.vocabulary)
    return render(
        request,
        "permits/run_form.html",
        422 if form.wrong else 200,
        PRIVATE,
        granted=granted,
        form=form,
        method=method,
        title=TITLES[method],
        about=ABOUT[method],
        inputs=inputs,
        labels={one.name: _(one.slot.label) for one in inputs}
        | {name: _(text) for name, text in LABELS.items()},
        choices=lambda slot: _choices(slot, fields, hub),
        kinds=Kind,
        hours=order_form.HOURS,
        holders=HOLDER,
    )


def _fields(hub: Hub, granted: Granted) -> list[Field]:
    """The fields that the permit's datasets have data in; all, where none of them says."""
    entries = application_form.described(hub, [one.dataset for one in granted.permit.scope.datasets])
    held = {name for one in entries for name in one.record.fields}
    return [one for one in hub.vocabulary.fields.values() if not held or one.name in held]


def _choices(slot: Slot, fields: Sequence[Field], hub: Hub) -> list[tuple[str, list[tuple[str, str]]]]:
    """The fields that a parameter takes, as (name, label), under what they are about."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for field in fields:
        if method_form.is_usable(field, TYPES[slot.kind], hub.vocabulary):
            about = spoken(hub.vocabulary.entities[field.entity].label)
            groups.setdefault(about, []).append((field.name, spoken(field.label)))
    return list(groups.items())


def _signing(request: Request, granted: Granted, form: Filled[list[Order]]) -> Response:
    names = {one["dataset"]: f"{one['dataset_name']} · {one['name']}" for one in granted.nodes}
    return signing.page(
        request,
        form,
        [signing.shown(one, order.TYP, names[one.dataset]) for one in form.made or ()],
        title=_("Read what you will sign"),
        shelf="runs",
        next=address("/runs"),
        back=address(f"/permits/{granted.permit.id}/run"),
        name=f"{_(TITLES[form.value('method')])} · {granted.permit.project}",
        button=_("Sign and send"),
    )
