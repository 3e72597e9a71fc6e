"""An analysis over 27 nodes with 10 000 persons each, from the signed order to the released result.

Hub, authority and nodes are processes of this machine. The permit is applied for, given and approved as in real life,
before anything is measured. What the federation itself takes is named: everything but the steps over the nodes' rows,
which the processors of this machine share.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.federation import Permitting
from tests.node.permitted import CURVE, publish

from benchmarks.analysis import median_ms, people
from benchmarks.federation import described, free_port, reachable, wait
from hanse import analysis
from hanse.authority import config as authorities
from hanse.authority import enrol as authority_enrol
from hanse.cli.demo import Processes
from hanse.client import Hanse
from hanse.client.access import Applicant, Wish
from hanse.core import clock, ids
from hanse.core.permit import Kind
from hanse.domains import VOCABULARY
from hanse.hub import config as hubs
from hanse.hub import registry
from hanse.hub.config import HubConfig
from hanse.lib import sql
from hanse.lib.jws import FileKey
from hanse.node import config as nodes
from hanse.node import enrol
from hanse.node.config import NodeConfig, Pinned
from hanse.node.store import Store

NODES, PERSONS = 27, 10_000
RUNS, RUN_S = 9, 2.0


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Seconds from order to result, and the federation's share of them."""
    count, persons, runs = (3, 500, 3) if small else (NODES, PERSONS, RUNS)
    with tempfile.TemporaryDirectory() as home, permitting(Path(home), count, persons) as space:
        hub, signer = Hanse(space.url), FileKey.generate()
        permit = permitted(hub, space, signer)
        hub.run(permit, "kaplan_meier", CURVE, signer)  # the first one makes every node load what it needs
        whole = sorted(seconds(hub, permit, signer, count) for _ in range(runs))
    median = statistics.median(whole)
    steps = step_s(persons) * count / (os.cpu_count() or 1)
    named = f"analysis over {count} nodes with {persons} persons each"
    return [
        row(f"{named}, median from order to result", median, RUN_S),
        row(f"{named}, slowest of {runs}", whole[-1]),
        row(f"{named}, the federation's share of the median", median - steps),
    ]


def seconds(hub: Hanse, permit: str, signer: FileKey, count: int) -> float:
    """How long one run takes, to which every node must contribute."""
    began = time.monotonic()
    found = hub.run(permit, "kaplan_meier", CURVE, signer)
    took = time.monotonic() - began
    assert [part.state for part in found.parts] == ["carried out"] * count
    return took


def permitted(hub: Hanse, space: Permitting, signer: FileKey) -> str:
    """The id of a permit for all datasets, approved by every node."""
    datasets = tuple(one["id"] for one in hub.datasets())
    wish = Wish(hub.authorities()[0]["id"], datasets, "Survival", ("To measure.",), sealed=False)
    application = hub.apply(wish, Applicant("Principal Investigator", "University", "FI"), signer)
    id = space.permit()
    for place in range(len(space.hospitals)):
        space.approve(place, id)
    wait(lambda: all(one["state"] == "approved" for one in hub.application(application)["nodes"]))
    return id


def step_s(persons: int) -> float:
    """The time of one step over a node's rows, when they are in memory."""
    table = people(persons, 0)
    method = analysis.find("kaplan_meier")
    parameters = method.read(CURVE, VOCABULARY)
    return median_ms(lambda: method.step(table, parameters)) / 1000


@contextmanager
def permitting(home: Path, count: int, persons: int) -> Iterator[Permitting]:
    """A hub, an authority and its nodes, every one a process; each node accepts the authority's permits."""
    settings = HubConfig(home / "hub", url=f"http://127.0.0.1:{(port := free_port())}", port=port)
    hubs.init(settings)
    processes = Processes(home / "logs")
    try:
        processes.start("hub", "hub", "serve", "--home", str(settings.home))
        wait(lambda: reachable(settings.url))
        authority = authority_enrol.enrol(
            home / "authority", settings.url, invited(settings), "Access Body", "FI"
        )
        key = authorities.key(home / "authority").public
        approve(settings, ids.of_node(key.kid))
        processes.start("authority", "authority", "serve", "--home", str(home / "authority"))
        pinned = Pinned("Access Body", frozenset({Kind.AGREEMENT}), key.jwk)
        hospitals = []
        for number in range(count):
            hospitals.append(joined(home / f"node-{number}", settings, number, persons, pinned))
            processes.start(f"node-{number}", "node", "serve", "--home", str(hospitals[-1].home))
        wait(lambda: described(settings.url) == count)
        yield Permitting(settings.url, authority.config, tuple(hospitals))
    finally:
        processes.stop()


def joined(home: Path, settings: HubConfig, number: int, persons: int, pinned: Pinned) -> NodeConfig:
    """A node with persons of its own, let in at the hub."""
    enrolled = enrol.enrol(home, settings.url, invited(settings), f"Hospital {number}", "FI")
    approve(settings, enrolled.config.id)
    made = replace(enrolled.config, authorities=(pinned,))
    nodes.write(made)
    publish(Store(home), "lung", number * persons, (number + 1) * persons)
    return made


def invited(settings: HubConfig) -> str:
    with sql.begin(sql.engine(settings.database_url)) as connection:
        return registry.invite(connection, settings.key().public.kid, "benchmark", clock.now()).text()


def approve(settings: HubConfig, participant: str) -> None:
    with sql.begin(sql.engine(settings.database_url)) as connection:
        registry.decide(connection, "approve", participant, clock.now())


def row(name: str, ours: float, bar: float | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "ours": ours,
        "unit": "s",
        "bar": bar,
        "holds": None if bar is None else ours < bar,
    }
