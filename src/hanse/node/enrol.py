"""`hanse node init`: how a node gets its keys, its settings and its place at a hub."""

from pathlib import Path

from hanse.core import greeting, ids
from hanse.domains import VOCABULARY
from hanse.link import enrolment
from hanse.link.enrolment import Enrolled, Place
from hanse.node import config, keys
from hanse.node.config import NodeConfig

HELLO = enrolment.hello(VOCABULARY.version)
PLACE = Place(
    what="node",
    role=greeting.Role.NODE,
    hello=HELLO,
    key=lambda home: keys.load_or_create(home).signing,
    id=ids.of_node,
    make=NodeConfig,
    read=config.read,
    write=config.write,
)


def enrol(
    home: Path, url: str, token: str, name: str, country: str, *, proxy: str = "", ca_bundle: str = ""
) -> Enrolled[NodeConfig]:
    """Has the node in `home` ask the hub at `url` to be let in; see `link.enrolment.enrol`."""
    return enrolment.enrol(PLACE, home, url, token, name, country, proxy, ca_bundle)
