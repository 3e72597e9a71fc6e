"""Style, script and icon, each under a name that holds its content's hash, so that browsers may keep it for ever."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def _hashed(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path.stem}.{digest[:12]}{path.suffix}"


NAMES = {path.name: _hashed(path) for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}
_FILES = {hashed: FOLDER / name for name, hashed in NAMES.items()}


def url(name: str) -> str:
    """The address of an asset; `KeyError` for one that is not there."""
    return f"/static/{NAMES[name]}"


async def serve(request: Request) -> Response:
    """`GET /static/{name}`; a name of an older version is not found."""
    path = _FILES.get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers=headers)
