"""`/api`: every address for programs, with an example; made from the OpenAPI description."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hanse.hub.app import API, Hub
from hanse.web.render import render

_LEFT_OPEN = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Call:
    """One address for programs: what it is for, what may be said in it, and an example."""

    method: str
    path: str
    summary: str
    about: str
    parameters: tuple[Mapping[str, Any], ...]
    example: str


def routes(hub: Hub) -> list[Route]:
    """The API page."""

    async def api(request: Request) -> Response:
        described = request.app.openapi()
        found = list(calls(described, str(hub.config.url)))
        return render(request, "api.html", calls=found, openapi=f"{API}/openapi.json")

    return [Route("/api", api)]


def calls(described: Mapping[str, Any], url: str) -> Iterator[Call]:
    """What an OpenAPI description offers, in its order."""
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            yield Call(
                method.upper(),
                path,
                told.get("summary", ""),
                told.get("description", ""),
                tuple(told.get("parameters", ())),
                _example(method, url + path, _body(told, described)),
            )


def _body(told: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first examples of a request's members; None for a request without a body."""
    content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    if not name:
        return None
    members = described["components"]["schemas"][name]["properties"]
    return {member: one["examples"][0] for member, one in members.items() if one.get("examples")}


def _example(method: str, url: str, body: Mapping[str, Any] | None) -> str:
    address = _LEFT_OPEN.sub(lambda found: found[1].upper(), url)
    if body is None:
        return f"curl {'' if method == 'get' else f'-X {method.upper()} '}{address}"
    # A question holds quotes of its own: so the body comes as a document.
    return f"curl {address} --json @- <<'END'\n{json.dumps(body, indent=1)}\nEND"
