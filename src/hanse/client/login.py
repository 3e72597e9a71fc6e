"""Logging in from a person's own machine (RFC 8252): the browser goes to the provider and comes back to a port that is
open here for this one login, with a code that only this process can redeem (PKCE, RFC 7636).

The ID token's nonce commits to the person's keys and the application. It is sealed to the authority before it leaves
this machine, and the access token is thrown away.
"""

import base64
import hashlib
import hmac
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from hanse.core import clock, document, login
from hanse.core.errors import BadEnvelope, BadInput, NotFound, Refused, Unreachable
from hanse.core.login import Client, Logins, Proof
from hanse.core.scope import Person
from hanse.lib import identity, jws, provider, seal
from hanse.lib.identity import Provider
from hanse.lib.jws import Signer
from hanse.lib.provider import Metadata

WAIT_S = 180.0
TELL_EVERY_S = 15.0
_PATH = "/login"
_PAGE = "<!doctype html><meta charset=utf-8><title>Hanse</title><p>{}</p>"
_DONE = "You may close this window and go back to the command line."
_STRANGE = "This is not the login that the command line waits for."

Told = Callable[[str], None]


def client_of(logins: Logins, issuer: str = "") -> Client:
    """The client to log in at: that of the issuer, or the only one. `NotFound` or `BadInput` says which there are."""
    if not logins.clients:
        raise NotFound(
            "The authority accepts no logins.",
            hint="It compares your fingerprint by telephone: `hanse key show`.",
        )
    found = [one for one in logins.clients if issuer in ("", one.issuer)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(one.issuer for one in logins.clients)
    raise BadInput(
        "The authority accepts logins at other providers, or at several.", hint=f"--issuer: {known}"
    )


def prove(
    logins: Logins,
    client: Client,
    person: Person,
    application: str,
    signer: Signer,
    *,
    show: Told,
    wait: Callable[[float], None] = lambda _: None,
    wait_s: float = WAIT_S,
) -> str:
    """Has the person log in, and gives the signed proof for the authority. `show` gets the address for the browser,
    `wait` now and then the seconds that are left.

    Raises `Unreachable` when nobody logs in, `Refused` when the provider says no, and `BadEnvelope` when what it gives
    is not what the authority will accept.
    """
    nonce = identity.nonce([one.kid for one in person.keys], application)
    metadata = provider.discover(client.issuer)
    token = _logged_in(metadata, client, nonce, show, wait, wait_s)
    trusted = Provider(client.issuer, client.client, provider.keys(metadata))
    identity.verify(token, trusted, nonce, clock.now())  # here already, so that the person learns of it
    at = clock.read(clock.text(clock.now()))
    said = Proof(application, logins.authority, seal.seal(token.encode(), logins.seal), at)
    proof = jws.issue(signer, said, login.PROOF_TYP)
    login.decode_proof(document.encode(said))
    return proof


def _logged_in(
    metadata: Metadata, client: Client, nonce: str, show: Told, wait: Callable[[float], None], wait_s: float
) -> str:
    """The ID token of one login (OpenID Connect Core 1.0, 3.1)."""
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(32)
    with _listening(state) as back:
        asked = {
            "response_type": "code",
            "client_id": client.client,
            "redirect_uri": back.address,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        joined = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        show(metadata.authorization_endpoint + joined + urlencode(asked))
        code = _code(back.wait(wait, wait_s), metadata)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back.address,
        "client_id": client.client,
        "code_verifier": verifier,
    }
    return provider.redeem(metadata, form | ({"client_secret": client.secret} if client.secret else {}))


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _code(said: Mapping[str, str], metadata: Metadata) -> str:
    """The code in what the browser came back with, which was for this login."""
    if said.get("iss", metadata.issuer if not metadata.names_itself else "") != metadata.issuer:
        raise BadEnvelope("The browser came back from another provider (RFC 9207).", hint="Log in once more.")
    if "error" in said:
        raise Refused(
            f"The provider says no: {provider.error_code(said['error'])}.",
            hint="Run the command again to try again.",
        )
    if not said.get("code"):
        raise BadEnvelope("The browser came back without a code.", hint="Log in once more.")
    return said["code"]


class _Back(ThreadingHTTPServer):
    """Where the browser comes back to. What is not of this login is answered and passed over: other pages in the
    browser can reach this port too."""

    daemon_threads = True

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._state, self._strange = state, False
        self._came: queue.Queue[dict[str, str]] = queue.Queue()

    @property
    def address(self) -> str:
        """The redirect address; a literal one, as RFC 8252 (7.3) wants it."""
        return f"http://127.0.0.1:{self.server_address[1]}{_PATH}"

    def take(self, path: str, host: str) -> bool:
        """Whether a request belongs to this login."""
        where = urlsplit(path)
        try:
            said = dict(parse_qsl(where.query, max_num_fields=20))
        except ValueError:
            said = {}
        mine = hmac.compare_digest(said.get("state", "").encode(), self._state.encode())
        if where.path != _PATH or host != f"127.0.0.1:{self.server_address[1]}" or not mine:
            self._strange = self._strange or where.path == _PATH
            return False
        self._came.put(said)
        return True

    def wait(self, told: Callable[[float], None], wait_s: float) -> Mapping[str, str]:
        """What the browser came back with."""
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            told(left)
            try:
                return self._came.get(timeout=min(left, TELL_EVERY_S))
            except queue.Empty:
                continue
        strange = " The browser came back, but from a login of another command." if self._strange else ""
        raise Unreachable(
            f"Nobody logged in within {wait_s:.0f} seconds.{strange}",
            hint="Run the command again, and leave the browser's window open until it says that you are done.",
        )


class _Handler(BaseHTTPRequestHandler):
    timeout = 5  # seconds: browsers open connections that they do not use
    server: _Back

    def do_GET(self) -> None:
        mine = self.server.take(self.path, self.headers.get("Host", ""))
        page = _PAGE.format(_DONE if mine else _STRANGE).encode()
        self.send_response(200 if mine else 400)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def version_string(self) -> str:
        return "Hanse"

    def log_message(self, *_: object) -> None:
        """The address holds the code: nothing of it is written anywhere."""


_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}


@contextmanager
def _listening(state: str) -> Iterator[_Back]:
    back = _Back(state)
    thread = threading.Thread(target=back.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield back
    finally:
        back.shutdown()
        thread.join()
        back.server_close()
