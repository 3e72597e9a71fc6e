"""Style, scripts, icon and typeface, as `build_assets.py` made them: under names that hold a hash of the content, so
that browsers may keep them for ever."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from hanse.core.errors import NotSetUp

FOLDER = Path(__file__).parent / "dist"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class Assets:
    """The hashed name of each asset, and under it its bytes, plain and packed (None where packing gains nothing). They
    are kept in memory, about 200 kB: a running hub serves what it began with, also while a newer one is installed."""

    names: Mapping[str, str]
    files: Mapping[str, tuple[bytes, bytes | None]]


@cache
def assets() -> Assets:
    """What was built; `NotSetUp` when nothing was."""
    try:
        names: Mapping[str, str] = json.loads((FOLDER / "manifest.json").read_bytes())["files"]
        return Assets(names, {name: _read(name) for name in names.values()})
    except FileNotFoundError:
        raise NotSetUp("The assets of the portal have not been built.", hint="Run `make assets`.") from None


def _read(name: str) -> tuple[bytes, bytes | None]:
    packed = FOLDER / f"{name}.gz"
    return (FOLDER / name).read_bytes(), packed.read_bytes() if packed.exists() else None


def url(name: str) -> str:
    """The address of an asset; `KeyError` for one that is not there."""
    return f"/static/{assets().names[name]}"


@cache
def inlined(name: str) -> Markup:
    """A style or script that stands in the page itself: a first visit then needs one round trip less before anything
    can be seen, and a question is on its way before anything else is read."""
    return Markup(assets().files[assets().names[name]][0].decode().strip())


@cache
def source(name: str) -> str:
    """What a Content-Security-Policy says so that this element is applied, and none with other content."""
    digest = hashlib.sha256(inlined(name).encode()).digest()
    return f"'sha256-{b64encode(digest).decode()}'"


async def serve(request: Request) -> Response:
    """`GET /static/{name}`; a name of another version is not found."""
    name = request.path_params["name"]
    if name not in assets().files:
        return Response(status_code=404)
    plain, packed = assets().files[name]
    media_type = TYPES[Path(name).suffix]
    if packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=media_type, headers=HEADERS | {"Content-Encoding": "gzip"})
    return Response(plain, media_type=media_type, headers=HEADERS)
