"""A federation in one process: a hub with its page behind a real server, and nodes that dial it, each with its data."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import httpx
import sqlalchemy as sa
from starlette.types import ASGIApp
from tests.node.permitted import publish

from hanse.authority import agent as authority_agent
from hanse.authority import applications, checks, delivery, refusals, revocations
from hanse.authority import config as authorities
from hanse.authority import enrol as authority_enrol
from hanse.authority import permits as authority_permits
from hanse.authority.config import AuthorityConfig
from hanse.authority.tables import open_records
from hanse.core import clock, ids, permit
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.hub import config as hubs
from hanse.hub import registry
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.lib import jws, log, sql
from hanse.node import agent, enrol
from hanse.node import config as node_configs
from hanse.node.config import NodeConfig, Pinned
from hanse.node.permits import Permits
from hanse.node.publish import publish_queries
from hanse.node.store import Store
from hanse.web.site import of_hub

# Persons are women from 30 to 79, each with a CT and an MR in studies of their own.
PERSON = """SELECT i::INTEGER AS person, md5('{name}' || i) AS key, 'female' AS sex, (30 + i % 50)::INTEGER AS age
            FROM range({persons}) AS t(i)"""
CONDITION = "SELECT i::INTEGER AS person, 'breast' AS cancer_type, 0 AS day FROM range({persons}) AS t(i)"
IMAGE = """SELECT (i // 2)::INTEGER AS person, i::INTEGER AS study, i::INTEGER AS series,
             CASE i % 2 WHEN 0 THEN 'CT' ELSE 'MR' END AS modality, 10 AS day FROM range(2 * {persons}) AS t(i)"""
ALL = {"person": PERSON, "condition": CONDITION, "image": IMAGE}
WITHOUT_CONDITIONS = {"person": PERSON, "image": IMAGE}

NODES = {
    "Public archive": (
        "US",
        [("breast-mr", 400, Access.OPEN, ALL), ("any-mr", 50, Access.OPEN, WITHOUT_CONDITIONS)],
    ),
    "Hospital Turku": ("FI", [("screening", 900, Access.PROTECTED, ALL)]),
    "Hospital Ghent": ("BE", []),  # enrolled, and never seen again
}
SILENT = "Hospital Ghent"


@contextmanager
def federation(home: Path, serving: Callable[[ASGIApp], str]) -> Iterator[str]:
    """The address of the hub, while its nodes answer."""
    settings = HubConfig(home / "hub")
    hubs.init(settings)
    url = serving(make_app(settings, of_hub))
    stop = threading.Event()
    running = []
    for name, (country, datasets) in NODES.items():
        node = _join(home / country, settings, url, name, country)
        _publish(node.home, datasets)
        if name != SILENT:
            running.append(threading.Thread(target=agent.run, args=(node, stop), daemon=True))
            running[-1].start()
    wait(url)
    yield url
    stop.set()
    for thread in running:
        thread.join(timeout=10)


def _join(home: Path, settings: HubConfig, url: str, name: str, country: str) -> NodeConfig:
    records = sql.engine(settings.database_url)
    with sql.begin(records) as connection:
        token = registry.invite(connection, settings.key().public.kid, name, clock.now())
    enrolled = enrol.enrol(home, url, token.text(), name, country)
    with sql.begin(records) as connection:
        registry.decide(connection, "approve", enrolled.config.id, clock.now())
    return enrolled.config


def _publish(home: Path, datasets: list[tuple[str, int, Access, Mapping[str, str]]]) -> None:
    for name, persons, access, tables in datasets:
        queries = {entity: query.format(name=name, persons=persons) for entity, query in tables.items()}
        with duckdb.connect() as connection:
            description = Description(name, english(f"Dataset {name}"), cancer_types=("breast",))
            publish_queries(Store(home), description, Policy(access), connection, queries)


@dataclass(frozen=True)
class Permitting:
    """A hub, an authority and three hospitals that accept its permits, with what their officers do at home."""

    url: str
    authority: AuthorityConfig
    hospitals: tuple[NodeConfig, ...]

    def permit(self) -> str:
        """The authority hears the fingerprints on the telephone, and gives what was asked for; the permit's id."""
        key, records = authorities.key(self.authority.home), open_records(self.authority.home)
        kept = until(lambda: _waiting(records))
        hash, person = kept.signed.hash, kept.said.scope.persons[0]
        heard = [jws.fingerprint(one.kid) for one in person.keys]
        checks.by_phone(records, self.authority, hash, person.name, heard, OFFICER, clock.now())
        with sql.read(records) as connection:
            drafted = authority_permits.draft(connection, self.authority, key, hash, {})
        authority_permits.sign(records, self.authority, key, drafted.payload, OFFICER, clock.now())
        records.dispose()
        return permit.decode(drafted.payload).id

    def refuse(self, reason: str) -> None:
        """The authority refuses the next application."""
        key, records = authorities.key(self.authority.home), open_records(self.authority.home)
        hash = until(lambda: _waiting(records)).signed.hash
        refusals.refuse(records, self.authority, key, hash, OFFICER, reason, clock.now())
        records.dispose()

    def revoke(self, id: str) -> None:
        key, records = authorities.key(self.authority.home), open_records(self.authority.home)
        revocations.revoke(records, self.authority, key, id, OFFICER, "The project ended.", clock.now())
        records.dispose()

    def confirmed(self, id: str) -> set[str]:
        """The nodes that have said with their own signature that they hold a permit, once all have."""
        records = open_records(self.authority.home)

        def found() -> set[str]:
            with sql.read(records) as connection:
                return {node for node, held in delivery.held(connection).items() if id in held}

        until(lambda: len(found()) == len(self.hospitals))
        nodes = found()
        records.dispose()
        return nodes

    def verified(self) -> Iterator[int]:
        """How many entries each log has, all of them verified."""
        homes = [Store(one.home).records for one in self.hospitals]
        for records in (*homes, open_records(self.authority.home)):
            with sql.read(records) as connection:
                yield log.verify(connection)

    def approve(self, at: int, id: str) -> None:
        """The holder approves the permit with this id, or the version of it with this hash."""
        held = Permits(Store(self.hospitals[at].home), self.hospitals[at])
        until(lambda: any(id in (one.id, one.said.hash) for one in held.asked()))
        held.approve(id, OFFICER)

    def forbid(self, at: int, id: str) -> None:
        held = Permits(Store(self.hospitals[at].home), self.hospitals[at])
        until(lambda: any(one.id == id for one in held.asked()))
        held.forbid(id, OFFICER, "Not our patients.")


OFFICER = "Data Officer"
HOSPITALS = {"Hospital Oulu": (0, 300), "Hospital Leuven": (300, 500), "Hospital Porto": (500, 800)}


@contextmanager
def permitting(home: Path, serving: Callable[[ASGIApp], str]) -> Iterator[Permitting]:
    """A federation in which every role runs as it does for real; each hospital holds other persons."""
    settings = HubConfig(home / "hub")
    hubs.init(settings)
    space = joined(home, settings, serving(make_app(settings, of_hub)))
    stop = threading.Event()
    running = [threading.Thread(target=authority_agent.run, args=(space.authority, stop), daemon=True)]
    for node in space.hospitals:
        running.append(threading.Thread(target=agent.run, args=(node, stop), daemon=True))
    for thread in running:
        thread.start()
    wait(space.url, len(HOSPITALS))
    yield space
    stop.set()
    for thread in running:
        thread.join(timeout=10)


def joined(home: Path, settings: HubConfig, url: str) -> Permitting:
    """An authority and the hospitals with their data, let in at a hub that runs; they do not run yet."""
    records = sql.engine(settings.database_url)
    with sql.begin(records) as connection:
        token = registry.invite(connection, settings.key().public.kid, "authority", clock.now())
    entered = authority_enrol.enrol(home / "authority", url, token.text(), "Access Body", "FI")
    key = authorities.key(home / "authority").public
    with sql.begin(records) as connection:
        registry.decide(connection, "approve", ids.of_node(key.kid), clock.now())
    records.dispose()
    pinned = Pinned("Access Body", frozenset({permit.Kind.AGREEMENT}), key.jwk)
    hospitals = []
    for place, (name, (first, last)) in enumerate(HOSPITALS.items()):
        node = replace(_join(home / str(place), settings, url, name, "FI"), authorities=(pinned,))
        node_configs.write(node)
        publish(Store(node.home), "lung", first, last)
        hospitals.append(node)
    return Permitting(url, entered.config, tuple(hospitals))


def _waiting(records: sa.Engine) -> applications.Kept | None:
    """An application that nobody decided yet."""
    with sql.read(records) as connection:
        found = applications.all_of(connection)
        return next((one for one in found if one.state is applications.State.WAITING), None)


def until(found: Callable[[], Any]) -> Any:
    """What `found` gives, once it is something."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if one := found():
            return one
        time.sleep(0.1)
    raise AssertionError("it did not come")


def wait(url: str, wanted: int = sum(len(datasets) for _, datasets in NODES.values())) -> None:
    """Until the hub's catalogue has all datasets of its nodes."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if len(httpx.get(f"{url}/api/v1/datasets", trust_env=False).json()["datasets"]) == wanted:
            return
        time.sleep(0.05)
    raise AssertionError("the nodes did not come up")
