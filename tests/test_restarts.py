"""Every role as a process of its own: what a run survives, and how soon a stop is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.federation import HOSPITALS, Permitting, joined, until, wait
from tests.link.proxies import free_port
from tests.node.permitted import CURVE
from tests.serving import Serving
from tests.test_permits import pooled, released

from hanse.cli.processes import listens
from hanse.client import Hanse, run
from hanse.client.access import Applicant, Wish
from hanse.client.run import Started
from hanse.core import clock
from hanse.hub import config as hubs
from hanse.hub.config import HubConfig
from hanse.lib import log, sql
from hanse.lib.jws import FileKey
from hanse.lib.log import Entry
from hanse.node.store import Store

pytestmark = pytest.mark.timeout(300)
HUB = "hub"
REVOKED_WITHIN = timedelta(seconds=60)
SOON = timedelta(seconds=20)


@dataclass
class Machines:
    """A federation whose members can lose their power: the hub, and the hospitals by their place."""

    port: int
    home: Path
    space: Permitting
    running: dict[str | int, Serving]

    def start(self, name: str | int) -> None:
        if name == HUB:
            self.running[name] = Serving("hub", "serve", "--home", str(self.home / HUB))
            until(lambda: listens(self.port))
        else:
            self.running[name] = Serving("node", "serve", "--home", str(self.home / str(name)))

    def kill(self, name: str | int) -> None:
        self.running[name].kill()

    def log(self, at: int, after: int = 0) -> list[Entry]:
        """What the log of a hospital has after so many entries."""
        with sql.read(Store(self.space.hospitals[at].home).records) as connection:
            return list(log.entries(connection, after))


@dataclass
class Researcher:
    """Somebody with a permit that all hospitals approved."""

    hub: Hanse
    key: FileKey
    permit: str

    def start(self, deadline: timedelta = timedelta(hours=1)) -> Started:
        return run.start(
            self.hub, self.hub.permit(self.permit), "kaplan_meier", CURVE, self.key, deadline=deadline
        )

    def states(self, started: Started) -> dict[str, str]:
        """What became of the order to each node."""
        headers = {"Authorization": f"Hanse {run.visiting(started, self.key)}"}
        answer = httpx.get(f"{self.hub.url}/api/v1/runs/{started.run}", headers=headers, trust_env=False)
        return {one["node"]: one["state"] for one in answer.json()["orders"]}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    home, port = tmp_path_factory.mktemp("machines"), free_port()
    settings = HubConfig(home / HUB, port=port)
    hubs.init(settings)
    running: dict[str | int, Serving] = {HUB: Serving("hub", "serve", "--home", str(settings.home))}
    try:
        until(lambda: listens(port))
        made = Machines(port, home, joined(home, settings, f"http://127.0.0.1:{port}"), running)
        running["authority"] = Serving("authority", "serve", "--home", str(made.space.authority.home))
        for place in range(len(HOSPITALS)):
            made.start(place)
        wait(made.space.url, len(HOSPITALS))
        yield made
    finally:
        for one in running.values():
            one.kill()


@pytest.fixture
def researcher(machines: Machines) -> Researcher:
    hub, key = Hanse(machines.space.url), FileKey.generate()
    datasets = tuple(one["id"] for one in hub.datasets("lung"))
    wish = Wish("", datasets, "Survival with lung cancer", ("To learn.",))
    hub.apply(wish, Applicant("Principal Investigator", "University of the North", "FI"), key)
    permit = machines.space.permit()
    for place in range(len(HOSPITALS)):
        machines.space.approve(place, permit)
    return Researcher(hub, key, until(lambda: known(hub, permit)))


def known(hub: Hanse, permit: str) -> str:
    """The permit, once the hub has it too."""
    answer = httpx.get(f"{hub.url}/api/v1/permits/{permit}", trust_env=False)
    return permit if answer.is_success else ""


def test_a_run_survives_a_kill_of_the_hub_and_a_node_answers_when_it_is_back(
    machines: Machines, researcher: Researcher
) -> None:
    machines.kill(2)
    before, started = len(machines.log(0)), researcher.start()
    until(lambda: any(one.kind == "use" for one in machines.log(0, before)))
    machines.kill(HUB)
    machines.start(HUB)
    machines.start(2)  # and nobody orders anything again
    found = researcher.hub.finish(started, researcher.key)
    assert found.missing == ()
    assert found.result == curve(researcher, *HOSPITALS)
    for place in range(len(HOSPITALS)):
        under = [one.kind for one in machines.log(place) if one.body.get("permit") == researcher.permit]
        assert under.count("use") == 1


def test_after_its_deadline_a_run_says_who_is_missing(machines: Machines, researcher: Researcher) -> None:
    *others, away = [one.id for one in machines.space.hospitals]
    machines.kill(2)
    started = researcher.start(SOON)
    there = dict.fromkeys(others, "carried out")
    until(lambda: researcher.states(started) == there | {away: "waiting"})
    found = researcher.hub.finish(started, researcher.key)
    assert found.missing == (away,)
    assert found.result == curve(researcher, *list(HOSPITALS)[:2])
    machines.start(2)
    assert researcher.states(started) == there | {away: "late"}


def curve(researcher: Researcher, *hospitals: str) -> Any:
    """What is released of the persons of these hospitals in one table."""
    limits = run.limits_of(researcher.hub.permit(researcher.permit))
    return released(pooled(*hospitals), CURVE, limits)


def test_a_revocation_stops_orders_at_every_node_within_the_60_s_of_the_issue(
    machines: Machines, researcher: Researcher
) -> None:
    machines.space.revoke(researcher.permit)
    revoked = clock.now()
    for place in range(len(HOSPITALS)):
        until(lambda place=place: refused(machines, researcher, place, "revocation"))
    assert clock.now() - revoked < REVOKED_WITHIN


def test_after_a_veto_nothing_is_opened_and_nothing_leaves(
    machines: Machines, researcher: Researcher
) -> None:
    machines.space.forbid(0, researcher.permit)
    until(lambda: refused(machines, researcher, 0, "veto"))
    kinds = [one.kind for one in machines.log(0)]
    after = kinds[len(kinds) - kinds[::-1].index("veto") :]
    assert not {"use", "result"} & {*after}


def refused(machines: Machines, researcher: Researcher, place: int, rule: str) -> bool:
    """Orders something, and looks whether the log of a hospital tells of a refusal by this rule under this permit."""
    researcher.start()
    return any(
        (one.kind, one.body.get("decision"), one.body.get("permit")) == ("refusal", rule, researcher.permit)
        for one in machines.log(place)
    )
