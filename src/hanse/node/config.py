"""Who this node is, and which hub it calls: `node.toml` in the node's home."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanse.core.document import Jwk
from hanse.core.errors import BadEnvelope, BadInput
from hanse.core.permit import Kind
from hanse.core.scope import environment, thumbprint
from hanse.lib import settings

FILE = "node.toml"
_HEAD = (
    "Written by `hanse node init`. The hub's key is pinned: change it only after comparing it with the hub."
)


@dataclass(frozen=True, slots=True)
class Pinned:
    """An authority whose documents count here, by its public key, and the kinds of permit that it may give."""

    name: str
    kinds: frozenset[Kind]
    jwk: Jwk

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint of its key."""
        return thumbprint(self.jwk)


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """`hub_key` is the RFC 7638 thumbprint of the only key whose messages this node accepts. `memory_mb` and
    `threads` bound what one question may use. `status_hours` is how old an authority's word may be. `environment` is
    the secure processing environment that this node is, or serves: a permit can demand one, and an order cannot say
    where it is carried out."""

    home: Path
    id: str  # node_..., derived from the node's key
    name: str
    country: str  # ISO 3166-1 alpha-2
    hub: str  # https://...
    hub_key: str
    ca_bundle: str = ""  # a PEM file, for hospitals whose proxy opens TLS
    proxy: str = ""  # otherwise HTTPS_PROXY, where it is set
    memory_mb: int = 1024
    threads: int = 2
    status_hours: int = 24
    environment: str = ""  # such as spe:turku, as permits name it
    authorities: tuple[Pinned, ...] = ()


def read(home: Path) -> NodeConfig:
    """The settings in `home`; raises `NotSetUp` when there are none, `BadInput` when they cannot be read."""
    body = settings.load(home, FILE, "node")
    try:
        pinned = tuple(map(_pinned, body.pop("authorities", [])))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{home / FILE}: an authority is not name, kinds and key.", hint="`hanse node trust` writes it."
        ) from error
    found = settings.fill(NodeConfig, body, str(home / FILE), home=home, authorities=pinned)
    if found.environment:
        _check_environment(home, found.environment)
    return found


def _check_environment(home: Path, id: str) -> None:
    try:
        environment(id)
    except BadEnvelope:
        raise BadInput(
            f"{home / FILE}: environment is not the id of an environment.",
            hint="Small letters, digits and . : / _ - as permits name it, such as spe:turku.",
        ) from None


def write(config: NodeConfig) -> None:
    """Writes the settings into their home, all at once."""
    said = (
        {"name": one.name, "kinds": sorted(one.kinds), "x": one.jwk["x"], "y": one.jwk["y"]}
        for one in config.authorities
    )
    tables = (f"\n[[authorities]]\n{settings.toml(one)}" for one in said)
    settings.write(config, FILE, _HEAD, "".join(tables))


def _pinned(body: Mapping[str, Any]) -> Pinned:
    jwk = {"kty": "EC", "crv": "P-256", "x": str(body["x"]), "y": str(body["y"])}
    return Pinned(str(body["name"]), frozenset(map(Kind, body["kinds"])), jwk)
