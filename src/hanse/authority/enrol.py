"""`hanse authority init`: how an authority gets its key, its settings and its place at a hub."""

from pathlib import Path

from hanse.authority import config
from hanse.authority.config import AuthorityConfig
from hanse.core import greeting
from hanse.core.permit import authority_id
from hanse.domains import VOCABULARY
from hanse.link import enrolment
from hanse.link.enrolment import Enrolled, Place

HELLO = enrolment.hello(VOCABULARY.version)
PLACE = Place(
    what="authority",
    role=greeting.Role.AUTHORITY,
    hello=HELLO,
    key=config.key,
    id=authority_id,
    make=AuthorityConfig,
    read=config.read,
    write=config.write,
)


def enrol(
    home: Path, url: str, token: str, name: str, country: str, *, proxy: str = "", ca_bundle: str = ""
) -> Enrolled[AuthorityConfig]:
    """Has the authority in `home` ask the hub at `url` to be let in; see `link.enrolment.enrol`."""
    return enrolment.enrol(PLACE, home, url, token, name, country, proxy, ca_bundle)
