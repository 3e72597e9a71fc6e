"""A federation in one process: a hub with its page behind a real server, and nodes that dial it, each with its data."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import httpx
from starlette.types import ASGIApp

from hanse.core import clock
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.hub import config as hubs
from hanse.hub import registry
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.lib import sql
from hanse.node import agent, enrol
from hanse.node.config import NodeConfig
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
    _wait(url)
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


def _wait(url: str) -> None:
    """Until the hub's catalogue has all datasets of its nodes."""
    wanted = sum(len(datasets) for _, datasets in NODES.values())
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if len(httpx.get(f"{url}/api/v1/datasets", trust_env=False).json()["datasets"]) == wanted:
            return
        time.sleep(0.05)
    raise AssertionError("the nodes did not come up")
