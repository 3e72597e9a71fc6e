"""`hanse authority init`: how an authority gets its key, its settings and its place at a hub."""

from dataclasses import dataclass
from pathlib import Path

import hanse
from hanse.authority import config
from hanse.authority.config import AuthorityConfig
from hanse.core import wire
from hanse.core.errors import Conflict, NotSetUp
from hanse.core.permit import authority_id
from hanse.domains import VOCABULARY
from hanse.link import enrolment
from hanse.link.caller import Hub
from hanse.link.enrolment import Token


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`fingerprint` is what the hub's operator compares before letting the authority in, and what data holders compare
    before they accept its permits."""

    config: AuthorityConfig
    fingerprint: str
    state: str


def hello() -> wire.Hello:
    """What this software says of itself to a hub."""
    return wire.Hello(wire.PROTOCOLS, hanse.__version__, VOCABULARY.version)


def enrol(
    home: Path, url: str, token: str, name: str, country: str, *, proxy: str = "", ca_bundle: str = ""
) -> Enrolled:
    """Makes the authority's key where there is none, asks the hub to let it in, and pins the hub's key.

    May be run again after any failure: the key stays, and the hub knows it. Raises `BadToken`, `Unreachable`,
    `Refused` when the hub at `url` has another key than the token names, and `Conflict` when the home belongs to an
    authority of another hub.
    """
    invitation = Token.read(token)
    _may_belong_to(home, invitation.hub_key)
    signing = config.key(home)
    hub = Hub(url, invitation.hub_key, proxy, ca_bundle)
    state = enrolment.request(hub, signing, invitation, name, country, hello(), wire.Role.AUTHORITY)
    settings = AuthorityConfig(
        home=home,
        id=authority_id(signing.public.kid),
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
            f"{home} is the home of an authority of the hub at {before.hub}.",
            hint="Use another --home, or move authority.toml away if this authority is to change its hub.",
        )
