"""Style, scripts, icon and typeface, as `build_assets.py` made them: under names that hold a hash of the content, so
that browsers may keep them for ever."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

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


@cache
def names() -> Mapping[str, str]:
    """The hashed name of each asset; `NotSetUp` when they have not been built."""
    try:
        files: Mapping[str, str] = json.loads((FOLDER / "manifest.json").read_bytes())["files"]
    except FileNotFoundError:
        raise NotSetUp("The assets of the portal have not been built.", hint="Run `make assets`.") from None
    return files


def url(name: str) -> str:
    """The address of an asset; `KeyError` for one that is not there."""
    return f"/static/{names()[name]}"


async def serve(request: Request) -> Response:
    """`GET /static/{name}`; a name of an older version is not found."""
    name = request.path_params["name"]
    if name not in names().values():
        return Response(status_code=404)
    path, headers = FOLDER / name, dict(HEADERS)
    packed = FOLDER / f"{name}.gz"
    if "gzip" in request.headers.get("accept-encoding", "") and packed.exists():
        path, headers["Content-Encoding"] = packed, "gzip"
    # Read whole: tens of kilobytes, in the page cache after the first time.
    return Response(path.read_bytes(), media_type=TYPES[Path(name).suffix], headers=headers)
