"""Who this node is, and which hub it calls: `node.toml` in the node's home."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hanse.core.document import Jwk
from hanse.core.errors import BadInput, NotSetUp
from hanse.core.permit import Kind
from hanse.core.scope import thumbprint
from hanse.lib import files

FILE = "node.toml"
_HEAD = "# Written by `hanse node init`. The hub's key is pinned: change it only after comparing it with the hub.\n"


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
    `threads` bound what one question may use. `status_hours` is how old an authority's word may be."""

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
    authorities: tuple[Pinned, ...] = ()


def read(home: Path) -> NodeConfig:
    """The settings in `home`; raises `NotSetUp` when there are none, `BadInput` when they cannot be read."""
    path = home / FILE
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotSetUp(
            f"there is no node in {home}", hint="run `hanse node init` first, or name --home"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}", hint="it is a TOML file: https://toml.io") from error
    known = {field.name: field for field in fields(NodeConfig) if field.name != "home"}
    if unknown := sorted(set(body) - set(known)):
        raise BadInput(
            f"{path}: there is no setting {unknown[0]!r}", hint=f"the settings are {', '.join(known)}"
        )
    try:
        pinned = tuple(map(_pinned, body.pop("authorities", [])))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{path}: an authority is not name, kinds and key", hint="`hanse node trust` writes it"
        ) from error
    for name, value in body.items():
        if type(value) is not known[name].type:
            raise BadInput(
                f"{path}: {name} must be {known[name].type.__name__}", hint="text stands in quotes"
            )
    try:
        return NodeConfig(home=home, authorities=pinned, **body)
    except TypeError as error:
        raise BadInput(
            f"{path}: a setting is missing", hint="id, name, country, hub and hub_key are needed"
        ) from error


def write(config: NodeConfig) -> None:
    """Writes the settings into their home, all at once."""
    names = [field.name for field in fields(NodeConfig) if field.name not in ("home", "authorities")]
    lines = _lines({name: getattr(config, name) for name in names})
    for one in config.authorities:
        said = {"name": one.name, "kinds": sorted(one.kinds), "x": one.jwk["x"], "y": one.jwk["y"]}
        lines += ["\n[[authorities]]\n", *_lines(said)]
    files.make_folder(config.home)
    # The address of a proxy may hold a password.
    files.write(config.home / FILE, "".join([_HEAD, *lines]).encode(), mode=0o600)


def _lines(body: Mapping[str, Any]) -> list[str]:
    # A JSON text, number or list of texts is the same in TOML.
    return [f"{name} = {json.dumps(value)}\n" for name, value in body.items()]


def _pinned(body: Mapping[str, Any]) -> Pinned:
    jwk = {"kty": "EC", "crv": "P-256", "x": str(body["x"]), "y": str(body["y"])}
    return Pinned(str(body["name"]), frozenset(map(Kind, body["kinds"])), jwk)
