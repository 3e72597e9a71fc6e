"""Whose permits count at a node: the authorities that its owner pins, by keys compared outside the hub."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hanse.core.errors import BadInput, NotFound
from hanse.core.permit import Kind
from hanse.lib import log, sql
from hanse.lib.http import Connection
from hanse.lib.jws import PublicKey
from hanse.node import config as configs
from hanse.node.config import NodeConfig, Pinned
from hanse.node.store import Store


def trust(config: NodeConfig, store: Store, kid: str, kinds: Iterable[Kind]) -> Pinned:
    """Pins the authority whose key has the thumbprint `kid`, logged; kinds that it had before are replaced.

    The key itself is asked of the hub, which can give no other one: its thumbprint must be `kid`. Raises `NotFound`
    when the hub does not know it.
    """
    row = next((one for one in _listed(config) if isinstance(one, dict) and one.get("kid") == kid), None)
    if row is None:
        raise NotFound(
            "The hub knows no authority with this key.",
            hint="Compare the thumbprint with the authority, letter by letter.",
        )
    key = PublicKey.from_jwk(row.get("jwk"))
    if key.kid != kid:
        raise BadInput(
            "The hub gives another key than the one that was named.", hint="Tell the hub's operator."
        )
    pinned = Pinned(_printable(row.get("name")), frozenset(kinds), key.jwk)
    others = tuple(one for one in config.authorities if one.kid != kid)
    with sql.begin(store.records) as connection:
        log.append(connection, "trust", {"authority": kid, "kinds": sorted(pinned.kinds)})
        configs.write(replace(config, authorities=(*others, pinned)))
    return pinned


def _listed(config: NodeConfig) -> list[Any]:
    connection = Connection(config.hub, proxy=config.proxy, ca_bundle=config.ca_bundle)
    try:
        answer = connection.request("GET", "/api/v1/authorities")
        answer.raise_for_problem()
        found = json.loads(answer.body)["authorities"]
        return found if isinstance(found, list) else []
    except (ValueError, KeyError, TypeError):
        raise BadInput(
            f"{config.hub} does not list its authorities.", hint="Update the hub's software."
        ) from None
    finally:
        connection.close()


def _printable(name: Any) -> str:
    return "".join(letter for letter in str(name)[:200] if letter.isprintable())
