"""`/applications/HASH`: what was asked, where it stands at the authority and at each holder, and what to do next."""

from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.core import application, permit_words, refusal
from hanse.hub import access
from hanse.hub.app import Hub
from hanse.lib import jws, sql
from hanse.web.language import N_
from hanse.web.render import PRIVATE, render

# What the authority made of it, and what a node said, each with its tone.
AUTHORITY = {
    "waiting": (N_("on its way"), "info"),
    "delivered": (N_("being decided"), "info"),
    "granted": (N_("permit given"), "good"),
    "refused": (N_("refused"), "bad"),
    "revoked": (N_("permit revoked"), "bad"),
}
HOLDER = {
    "waiting": (N_("on its way"), ""),
    "delivered": (N_("not decided yet"), "info"),
    "approved": (N_("approved"), "good"),
    "vetoed": (N_("refused"), "bad"),
}
DECIDED = ("approved", "vetoed")


def routes(hub: Hub) -> list[Route]:
    """One application."""

    async def show(request: Request) -> Response:
        return await run_in_threadpool(_page, request, hub)

    return [Route("/applications/{hash}", show)]


def _page(request: Request, hub: Hub) -> Response:
    with sql.read(hub.records) as connection:
        said = access.applied(connection, request.path_params["hash"])
    payload = jws.unverified(said["token"])
    made = application.decode(payload)
    return render(
        request,
        "permits/application.html",
        headers=PRIVATE,
        said=said,
        made=made,
        words=permit_words.say(payload, application.TYP),
        refused=refusal.decode(jws.unverified(said["refusal"])) if said["refusal"] else None,
        keys=[key for person in made.scope.persons for key in person.keys],
        fingerprint=jws.fingerprint,
        open=is_open(said),
        states=AUTHORITY,
        holders=HOLDER,
    )


def is_open(said: Mapping[str, Any]) -> bool:
    """Whether somebody has still to decide, so that the page looks again."""
    state = said["authority"]["state"]
    return state not in ("refused", "revoked") and not (
        state == "granted" and all(one["state"] in DECIDED for one in said["nodes"])
    )
