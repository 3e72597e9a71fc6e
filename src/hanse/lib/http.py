"""One kept connection to one server, through a proxy where there is one.

On `http.client`, because a node does little else: importing a full HTTP library costs 10 MB and about 1 ms
a request.
"""

import contextlib
import http.client
import ipaddress
import json
import os
import select
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from hanse.core import errors
from hanse.core.errors import BadInput, Problem, TooLarge, Unreachable

CONNECT_WITHIN_S = 10.0
MAX_ANSWER = 65 << 20  # a blob of the link and a little more
QUIET_S = 15.0  # a connection that was quiet for longer may have been cut without a word


class NoAnswer(Unreachable):
    """The request was sent and no whole answer came; the other side may have carried it out."""

    title = "The other side did not answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    body: bytes

    def raise_for_problem(self) -> None:
        """Raises the problem that the server answered with, if it did."""
        if self.status >= 400:
            raise _problem(self)


class Connection:
    """A connection to `url` that opens when it is needed and is kept open. For one thread at a time.

    `proxy` is an address like `http://user:password@proxy:3128`; an empty one means what HTTPS_PROXY,
    HTTP_PROXY and NO_PROXY say. `ca_bundle` is a PEM file of authorities trusted instead of the system's.
    """

    def __init__(self, url: str, *, proxy: str = "", ca_bundle: str = "") -> None:
        self._target = _address(url, ("http", "https"))
        if self._target.username is not None:
            raise BadInput("The address of a hub holds no login.", hint="https://hub.example")
        self._proxy = _proxy_for(self._target, proxy)
        self._tls = _tls(ca_bundle) if self._target.scheme == "https" else None
        self._open: http.client.HTTPConnection | None = None
        self._used = 0.0

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
        limit: int = MAX_ANSWER,
    ) -> Answer:
        """One request and its whole answer. Raises `Unreachable` when there is no connection, `NoAnswer` when the
        connection gave none, and `TooLarge` when it gave more than `limit` bytes; nothing is sent twice. `timeout_s`
        bounds each silence of the server.
        """
        connection = self._connect()
        try:
            connection.sock.settimeout(timeout_s)
            connection.request(method, self._path(path), body, {**self._always(), **(headers or {})})
            response = connection.getresponse()
            content = response.read(limit + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswer(self._silent(error), hint=_HINT) from error
        self._used = time.monotonic()
        if (
            self._proxy
            and response.status in _LOGIN_WANTED
            and "json" not in response.headers.get("Content-Type", "")
        ):
            raise self._wants_login()
        if response.will_close or len(content) > limit:
            self.close()
        if len(content) > limit:
            raise TooLarge(f"{self._target.netloc} answered with more than {limit} bytes.")
        return Answer(response.status, content)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def interrupt(self) -> None:
        """Ends a request that another thread is waiting for: it raises `Unreachable` there."""
        if self._open is not None and (sock := self._open.sock) is not None:
            with contextlib.suppress(OSError):  # it was closed already
                sock.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> http.client.HTTPConnection:
        if self._open is not None and (
            time.monotonic() - self._used > QUIET_S or _was_closed(self._open.sock)
        ):
            self.close()
        if self._open is None:
            connection = self._new()
            try:
                connection.connect()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise self._unreachable(error) from error
            self._open = connection
        return self._open

    def _new(self) -> http.client.HTTPConnection:
        hop = self._proxy or self._target
        port = hop.port or (443 if hop.scheme == "https" else 80)
        host = hop.hostname or ""
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=CONNECT_WITHIN_S)
        connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_WITHIN_S, context=self._tls)
        if self._proxy:
            connection.set_tunnel(self._target.hostname or "", self._target.port or 443, _login(self._proxy))
        return connection

    def _path(self, path: str) -> str:
        path = self._target.path.rstrip("/") + path
        # Without TLS there is no tunnel: the proxy is told the whole address (RFC 9112, 3.2.2).
        return f"http://{self._target.netloc}{path}" if self._proxy and self._tls is None else path

    def _always(self) -> dict[str, str]:
        if self._proxy and self._tls is None:
            return {"Host": self._target.netloc, **_login(self._proxy)}
        return {}

    @property
    def _where(self) -> str:
        via = f" through the proxy {self._proxy.hostname}:{self._proxy.port}" if self._proxy else ""
        return f"{self._target.scheme}://{self._target.netloc}{via}"

    def _silent(self, error: Exception) -> str:
        return f"{self._where} does not answer: {error or type(error).__name__}."

    def _wants_login(self) -> Unreachable:
        return Unreachable(
            f"{self._where}: the proxy wants another login.",
            hint="Give it as http://user:password@host:port.",
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unreachable(
                f"The certificate of {self._where} is not trusted: {error.verify_message}.",
                hint="If a proxy opens TLS here, set ca_bundle to a PEM file with its authority.",
            )
        if any(f"failed: {status}" in str(error) for status in _LOGIN_WANTED):  # as http.client says it
            return self._wants_login()
        return Unreachable(self._silent(error), hint=_HINT)


_LOGIN_WANTED = (401, 407)  # proxies are not of one mind about a wrong login
_HINT = "Check the address, the network, and whether a proxy has to be named."


def _was_closed(sock: socket.socket) -> bool:
    """Whether the other side has closed a connection that has nothing to say."""
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return bool(waiting.poll(0))


def loopback(host: str) -> bool:
    """Whether a host is this machine, which no proxy of the environment can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(url: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        address = urlsplit(url)
        usable = address.scheme in schemes and address.hostname and address.port != 0
    except ValueError:
        usable = False
    if not usable or address.query or address.fragment:
        raise BadInput(
            f"This is not an address that starts with {' or '.join(schemes)}://.", hint="https://hub.example"
        )
    return address


def _proxy_for(target: SplitResult, proxy: str) -> SplitResult | None:
    if not proxy and not proxy_bypass(target.netloc):
        proxy = getproxies().get(target.scheme, "")
    if not proxy:
        return None
    return _address(proxy if "://" in proxy else f"http://{proxy}", ("http",))


def _login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}


def _tls(ca_bundle: str) -> ssl.SSLContext:
    if ca_bundle and not os.path.isfile(ca_bundle):
        raise BadInput(f"There is no file {ca_bundle}.", hint="ca_bundle names a PEM file.")
    try:
        return ssl.create_default_context(cafile=ca_bundle or None)
    except ssl.SSLError:
        raise BadInput(f"{ca_bundle} holds no certificates.", hint="ca_bundle names a PEM file.") from None


def _problem(answer: Answer) -> Problem:
    try:
        body: Any = json.loads(answer.body)
        if isinstance(body, dict) and "status" in body:
            return errors.from_dict(body)
    except (ValueError, RecursionError):
        pass
    if answer.status in (408, 502, 503, 504):
        return NoAnswer(f"A proxy answered {answer.status}: the server behind it does not.")
    return Problem(f"The server answered with status {answer.status} and no problem that can be read.")
