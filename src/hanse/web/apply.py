"""`/apply` and `/key`: a form for an application, what of it is signed, and the key that this browser signs with."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.core import application, clock
from hanse.core.application import Application
from hanse.core.permit import KINDS
from hanse.core.scope import OPERATIONS, PURPOSES
from hanse.hub import access
from hanse.hub.app import Hub
from hanse.lib import jws, sql
from hanse.web import application_form, signing
from hanse.web.application_form import APPLIED_FOR, countries, described
from hanse.web.filled import Filled
from hanse.web.language import address, current
from hanse.web.language import gettext as _
from hanse.web.render import PRIVATE, render
from hanse.web.saying import spoken
from hanse.web.sent import first, sent_in_address, sent_in_form


def routes(hub: Hub) -> list[Route]:
    """The form, what comes of it, and the key."""

    async def blank(request: Request) -> Response:
        form = application_form.opened(sent_in_address(request), clock.now())
        return await run_in_threadpool(_page, request, hub, form)

    async def filled(request: Request) -> Response:
        sent = await sent_in_form(request)
        form = await run_in_threadpool(application_form.read, sent, hub, clock.now())
        if form.wrong or first(sent, "act") == "change":
            return await run_in_threadpool(_page, request, hub, form)
        return _signing(request, form)

    async def key(request: Request) -> Response:
        return render(request, "permits/key.html")

    return [Route("/apply", blank), Route("/apply", filled, methods=["POST"]), Route("/key", key)]


def _page(request: Request, hub: Hub, form: Filled[Application]) -> Response:
    with sql.read(hub.records) as connection:
        known = access.authorities(connection, clock.now())
    return render(
        request,
        "permits/apply.html",
        422 if form.wrong else 200,
        PRIVATE,
        form=form,
        datasets=_datasets(hub, form),
        authorities=[one | {"fingerprint": jws.fingerprint(one["kid"])} for one in known],
        kinds=APPLIED_FOR,
        kind_words=KINDS,
        purposes=PURPOSES,
        operations=OPERATIONS,
        countries=countries(current()),
    )


def _datasets(hub: Hub, form: Filled[Application]) -> list[dict[str, Any]]:
    """The datasets that were asked for, to tick."""
    return [
        {
            "id": one.record.id,
            "title": spoken(one.record.said.title) or one.record.name,
            "holder": one.record.said.holder.name if one.record.said.holder else one.source.name,
        }
        for one in described(hub, form.sent.get("dataset", ()))
    ]


def _signing(request: Request, form: Filled[Application]) -> Response:
    return signing.page(
        request,
        form,
        [signing.shown(form.made, application.TYP)] if form.made else [],
        title=_("Read what you will sign"),
        shelf="applications",
        next=address("/applications"),
        back=address("/apply"),
        name=form.value("project"),
        button=_("Sign and send the application"),
    )
