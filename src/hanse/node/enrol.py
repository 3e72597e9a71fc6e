"""`hanse node init`: how a node gets its keys, its settings and its place at a hub."""

from dataclasses import dataclass
from pathlib import Path

import hanse
from hanse.core import wire
from hanse.core.errors import Conflict, NotSetUp
from hanse.domains import VOCABULARY
from hanse.link import enrolment
from hanse.link.caller import Hub
from hanse.link.enrolment import Token
from hanse.node import config, keys
from hanse.node.config import NodeConfig


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`fingerprint` is what the hub's operator compares before approving the node."""

    config: NodeConfig
    fingerprint: str
    state: str


def hello() -> wire.Hello:
    """What this software says of itself to a hub."""
    return wire.Hello(wire.PROTOCOLS, hanse.__version__, VOCABULARY.version)


def enrol(
    home: Path, url: str, token: str, name: str, country: str, *, proxy: str = "", ca_bundle: str = ""
) -> Enrolled:
    """Makes this node's keys where there are none, asks the hub to let the node in, and pins the hub's key.

    May be run again after any failure: the keys stay, and the hub knows them. Raises `BadToken`,
    `Unreachable`, `Refused` when the hub at `url` has another key than the token names, and `Conflict` when
    the home belongs to a node of another hub.
    """
    invitation = Token.read(token)
    _may_belong_to(home, invitation.hub_key)
    signing = keys.load_or_create(home).signing
    hub = Hub(url, invitation.hub_key, proxy, ca_bundle)
    state = enrolment.request(hub, signing, invitation, name, country, hello())
    settings = NodeConfig(
        home=home,
        id=wire.node_id(signing.public.kid),
        name=name,
        country=country,
        hub=url,
        hub_key=invitation.hub_key,
        proxy=proxy,
        ca_bundle=ca_bundle,
    )
    config.write(settings)
    return Enrolled(settings, signing.public.fingerprint, state)


def _may_belong_to(home: Path, hub_key: str) -> None:
    try:
        before = config.read(home)
    except NotSetUp:
        return
    if before.hub_key != hub_key:
        raise Conflict(
            f"{home} is the home of a node of the hub at {before.hub}.",
            hint="Use another --home, or move node.toml away if this node is to change its hub.",
        )
