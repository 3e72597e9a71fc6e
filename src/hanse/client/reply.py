"""A node's reply to an order: what it signed, and what came beside it, opened and verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hanse.client.access import Granted
from hanse.core import result
from hanse.core.errors import BadEnvelope
from hanse.core.order import Order
from hanse.core.result import Result
from hanse.lib import jws


class Opener(Protocol):
    """Whatever opens sealed answers: a reply key, or what somebody opened with it."""

    def unseal(self, sealed: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """Answers that a browser opened with a key which never leaves it, by what was sealed."""

    results: Mapping[str, str]

    def unseal(self, sealed: str) -> bytes:
        """The result in `sealed`; `BadEnvelope` when it was not opened."""
        if sealed not in self.results:
            raise BadEnvelope("This answer was not opened.")
        return self.results[sealed].encode("ascii", "replace")


NOTHING_OPENED = Opened({})


def claimed(answer: str) -> Result:
    """What a node's answer says that is not verified yet."""
    return result.decode(jws.unverified(result.split(answer)[0], limit=result.MAX_TOKEN))


def sealed(answer: str) -> str:
    """What only the reply key opens in a node's answer; empty where it is open."""
    _, beside = result.split(answer)
    return beside if "." in beside else claimed(answer).sealed


def read(asked: Order, hash: str, answer: str, granted: Granted, opener: Opener) -> Result:
    """The result of an order with its aggregate, verified with the key of the order's node. Raises `BadEnvelope`."""
    token, beside = result.split(answer)
    said = stated(asked, hash, token, granted)
    if not (closed := sealed(answer)):
        if granted.permit.scope.sealed:
            raise BadEnvelope("The permit asks for sealed results, and this one is open.")
        return result.disclosed(said, beside)
    opened = opener.unseal(closed).decode("ascii", "replace")
    if said.sealed:  # by an earlier node: a signed result in a signed one
        return result.opened(said, stated(asked, hash, opened, granted))
    return result.disclosed(said, opened)


def stated(asked: Order, hash: str, token: str, granted: Granted) -> Result:
    """What the node of an order signed about its result. `BadEnvelope` when another signed it, or of another order."""
    key = granted.key(asked.node)
    said = jws.read(token, key, result.TYP, result.decode, limit=result.MAX_TOKEN).document
    expected = (hash, asked.permit, asked.node, asked.dataset, asked.version)
    if (said.order, said.permit, said.node, said.dataset, said.version) != expected:
        raise BadEnvelope("The node's result is of another order.")
    return said
