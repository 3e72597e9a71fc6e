"""A provider of logins whose key the test holds, so that it can also say what no honest provider says."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jws
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hanse.core import clock

CLIENT = "authority"


class Issuer:
    """Serves discovery, keys and tokens. `claims` change what the next token says, `answer` what a path answers."""

    def __init__(self, serve: Callable[[ASGIApp], str]) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Response] = {}
        self.said: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self._nonces: dict[str, dict[str, str]] = {}
        self.new_key("first")
        routes = [
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/keys", self._keys),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
        ]
        self.url = serve(Starlette(routes=routes))

    def new_key(self, kid: str) -> None:
        self._kid, self._key = kid, RSAKey.generate_key(2048)

    def token(self, nonce: str, **changes: Any) -> str:
        """An ID token over these claims."""
        now = clock.now().timestamp()
        claims = {
            "iss": self.url,
            "sub": "subject-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 600,
            "nonce": nonce,
        }
        header = {"alg": "RS256", "kid": self._kid, "typ": "JWT"}
        return jws.serialize_compact(
            header, json.dumps({**claims, **changes}).encode(), self._key, algorithms=["RS256"]
        )

    def _answer(self, path: str, usual: Callable[[], Response]) -> Response:
        self.asked.append(path)
        return self.answers.get(path) or usual()

    async def _metadata(self, _: Request) -> Response:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "code_challenge_methods_supported": ["S256"],
        }
        return self._answer("metadata", lambda: JSONResponse({**said, **self.said}))

    async def _keys(self, _: Request) -> Response:
        jwks = {"keys": [self._key.as_dict(private=False) | {"kid": self._kid}]}
        return self._answer("keys", lambda: JSONResponse(jwks))

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        code = f"code-{len(self._nonces)}"
        self._nonces[code] = asked
        back = f"{asked['redirect_uri']}?code={code}&state={asked['state']}"
        return self._answer("authorize", lambda: RedirectResponse(back))

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self._nonces[form["code"]]
        self.redeemed = form
        token = self.token(**{"nonce": asked["nonce"], **self.claims})
        return self._answer("token", lambda: JSONResponse({"id_token": token, "access_token": "x"}))
