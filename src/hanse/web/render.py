"""A template as an answer: in the language of the page, with the headers that every page has."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hanse import __version__
from hanse.web import assets, language, saying

TEMPLATES = Path(__file__).parent / "templates"
POLICY = "Content-Security-Policy"
HEADERS = {
    POLICY: "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # an address may hold a question
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}
PRIVATE = {"Cache-Control": "no-store"}  # for a page that a browser must not keep
_WORTH_PACKING = 1000  # bytes


class Look(NamedTuple):
    """What differs between sites that are made of these templates; `app.state.look` of one that is not a hub's."""

    site: str  # its name
    templates: Environment
    headers: Mapping[str, str]


def render(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    packed: bool = True,
    **context: Any,
) -> Response:
    """The answer that shows a template; `headers` go over the usual ones.

    A page that holds a secret is not `packed`: beside text that somebody else chose, its length would tell of it.
    """
    look = _look(request)
    html = look.templates.get_template(template).render(request=request, site=look.site, **context).encode()
    said = HEADERS | {POLICY: _policy()} | dict(look.headers) | dict(headers or {})
    if packed and len(html) > _WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
        html = gzip.compress(html, 5, mtime=0)
        said["Content-Encoding"] = "gzip"
    return HTMLResponse(html, status, headers=said)


def _look(request: Request) -> Look:
    state = request.app.state
    return state.look if hasattr(state, "look") else Look(state.hub.space.name, ENVIRONMENT, {})


def _policy() -> str:
    style, early = assets.source("hanse.css"), assets.source("early.js")
    return f"{HEADERS[POLICY]}; style-src 'self' {style}; script-src 'self' {early}"


def elsewhere(request: Request, wanted: str) -> str:
    """The address of this very page, with its query, in another language."""
    _, _, path = request.url.path.removeprefix("/").partition("/")
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/{wanted}/{path}{query}"


ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    extensions=["jinja2.ext.i18n"],
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
ENVIRONMENT.policies["ext.i18n.trimmed"] = True
ENVIRONMENT.globals.update(
    version=__version__,
    asset=assets.url,
    address=language.address,
    language=language.current,
    languages=language.LANGUAGES,
    elsewhere=elsewhere,
    spoken_in=saying.spoken_in,
    inlined=assets.inlined,
    told_in=saying.told,
)
ENVIRONMENT.filters.update(
    number=saying.number,
    count=saying.count,
    percent=saying.percent,
    size=saying.size,
    day=saying.day,
    moment=saying.moment,
    ago=saying.ago,
    country=saying.country,
    tongue=saying.tongue,
    spoken=saying.spoken,
)
