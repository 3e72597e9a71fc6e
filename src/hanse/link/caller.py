"""A node's signed requests to its hub: what a node can say, over one connection."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hanse.core import bodies, clock, envelope, greeting, ids, strict_json
from hanse.core.blob import Blob, blob_of, check_blob
from hanse.core.envelope import Kind
from hanse.core.errors import BadEnvelope, BadInput, Refused
from hanse.lib import jws
from hanse.lib.http import Connection
from hanse.lib.jws import PublicKey, Signer

PREFIX = "/link/v1"
GRACE_S = 10.0  # by which the answer to a poll may come after its hold
LIFE = timedelta(seconds=60)  # of a message, which is signed just before it is sent
_JOSE = {"Content-Type": "application/jose"}
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the hub is, the way there, and the key by which it is known (its RFC 7638 thumbprint)."""

    url: str
    key: str
    proxy: str = ""
    ca_bundle: str = ""


class Caller:
    """One node's end of one connection, for one thread at a time. Every method raises `Unreachable` when
    the hub does not answer, and whatever problem the hub answers with."""

    def __init__(self, hub: Hub, signer: Signer) -> None:
        self.node, self.hub = ids.of_node(signer.public.kid), ids.of_hub(hub.key)
        self._hub, self._signer = hub, signer
        self._connection = Connection(hub.url, proxy=hub.proxy, ca_bundle=hub.ca_bundle)

    def introduction(self) -> tuple[PublicKey, tuple[int, ...]]:
        """The key that the hub shows and the versions that it speaks; nothing about them is proven."""
        said = greeting.introduction(self._json("GET", "/hub"))
        try:
            return PublicKey.from_jwk(said.jwk), said.protocols
        except BadInput as problem:
            raise BadEnvelope(
                f"{self._hub.url} does not introduce itself as a hub: {problem.detail}"
            ) from None

    def meet(self, protocols: Iterable[int]) -> PublicKey:
        """The hub's key: `Refused` unless it is the pinned one, `WrongProtocol` without a common version."""
        key, theirs = self.introduction()
        if key.kid != self._hub.key:
            raise Refused(
                f"The hub at {self._hub.url} has the key {key.fingerprint}, "
                f"and {jws.fingerprint(self._hub.key)} was expected.",
                hint="Ask the hub's operator which is right; do not go on before you know.",
            )
        greeting.negotiate(protocols, theirs)
        return key

    def enrol(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Asks to be let in; what the hub says of this node's state."""
        token = self.sign(Kind.ENROL, request, typ=envelope.ENROL_TYP)
        said = self._json("POST", "/enrol", token.encode(), _JOSE)
        return said if isinstance(said, dict) else {}

    def poll(self, hold_s: float, got: Sequence[str]) -> list[Any]:
        """The tokens that the hub has for this node, once it has any or `hold_s` is over."""
        token = self.sign(Kind.POLL, {"hold_s": hold_s, "got": list(got)})
        return _listed(self._json("POST", "/poll", token.encode(), _JOSE, hold_s + GRACE_S), "messages")

    def deliver(self, tokens: Sequence[str]) -> list[Any]:
        """Sends a batch of messages; for each the hub's result, in the same order."""
        results = _listed(
            self._json("POST", "/answers", strict_json.dump({"messages": tokens}), _JSON), "results"
        )
        if len(results) != len(tokens):
            raise BadEnvelope(f"The hub gave {len(results)} results for {len(tokens)} messages.")
        return results

    def write(self, content: bytes) -> Blob:
        """Lays down the body of a message to come."""
        blob = blob_of(content)
        self._request("PUT", f"/blobs/{blob.sha256}", content, self._allow(blob, write=True))
        return blob

    def read(self, blob: Blob) -> bytes:
        """The body of a message that came, checked against its digest."""
        content = self._request("GET", f"/blobs/{blob.sha256}", b"", self._allow(blob, write=False))
        check_blob(blob, content)
        return content

    def sign(
        self, kind: Kind, body: Mapping[str, Any] | Blob, reply_to: str = "", typ: str = envelope.TYP
    ) -> str:
        """A message of this node to its hub, to be sent at once."""
        at = clock.now()
        message = envelope.new(kind, self.node, self.hub, body, at=at, life=LIFE, reply_to=reply_to)
        return self._signer.sign(envelope.encode(message), typ)

    def interrupt(self) -> None:
        """Ends the request that another thread waits for."""
        self._connection.interrupt()

    def close(self) -> None:
        self._connection.close()

    def _allow(self, blob: Blob, *, write: bool) -> dict[str, str]:
        return {"Authorization": "Hanse " + self.sign(Kind.FETCH, bodies.Fetch(blob, write).as_dict())}

    def _json(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 30,
    ) -> Any:
        return strict_json.load(self._request(method, path, body, headers, timeout_s))

    def _request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None, timeout_s: float = 30
    ) -> bytes:
        answer = self._connection.request(method, PREFIX + path, body, headers=headers, timeout_s=timeout_s)
        answer.raise_for_problem()
        return answer.body


def _listed(said: Any, name: str) -> list[Any]:
    if not isinstance(said, dict) or not isinstance(said.get(name), list):
        raise BadEnvelope(f"The hub's answer has no list {name!r}.")
    return list(said[name])
