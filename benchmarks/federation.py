"""A hub and 27 nodes as processes on this machine: how long a question takes, and what it costs a node.

Each node holds 20 000 series of 2 500 synthetic persons, protected; every question is new, so that nothing is answered
from memory, and asks for counts and seven breakdowns. The nodes may answer more questions than a real one would.
"""

import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil

from hanse.cli.processes import Processes
from hanse.core import clock
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.hub import config as hubs
from hanse.hub import registry
from hanse.hub.config import HubConfig
from hanse.lib import sql
from hanse.node import enrol
from hanse.node.publish import publish_queries
from hanse.node.store import Store

NODES, PERSONS, SERIES = 27, 2500, 20_000
BREAKDOWNS = (
    "image.modality",
    "image.body_part",
    "image.manufacturer",
    "image.study_year",
    "image.sequence",
    "person.sex",
    "condition.cancer_type",
)
P95_MS, CPU_MS, RSS_MB, WHOLE_S = 500, 25, 160, 10
QUESTIONS = 40
ASKERS = 8

PERSON = f"""SELECT i::INTEGER AS person, md5(i::VARCHAR) AS key, (20 + hash(i, 1) % 70)::INTEGER AS age,
    ['female', 'male'][1 + (hash(i, 2) % 2)::INTEGER] AS sex FROM range({PERSONS}) t(i)"""
CONDITION = f"""SELECT i::INTEGER AS person, 0 AS day,
    ['breast', 'lung', 'prostate', 'colon'][1 + (hash(i, 3) % 4)::INTEGER] AS cancer_type FROM range({PERSONS}) t(i)"""
IMAGE = f"""SELECT (i * {PERSONS} // {SERIES})::INTEGER AS person, (i // 3)::INTEGER AS study, i::INTEGER AS series,
    ['CT', 'MR', 'PT', 'MG', 'SEG'][1 + (hash(i, 4) % 5)::INTEGER] AS modality,
    ['BREAST', 'CHEST', 'PROSTATE', 'ABDOMEN'][1 + (hash(i, 5) % 4)::INTEGER] AS body_part,
    ['siemens', 'ge', 'philips', 'canon'][1 + (hash(i, 6) % 4)::INTEGER] AS manufacturer,
    (2010 + hash(i, 7) % 15)::INTEGER AS study_year, (hash(i, 8) % 1000)::INTEGER AS day,
    ['T1', 'T2', 'FLAIR', 'DWI'][1 + (hash(i, 9) % 4)::INTEGER] AS sequence,
    (hash(i, 10) % 50) / 10.0 AS slice_thickness FROM range({SERIES}) t(i) ORDER BY person, study, series"""


def rows(small: bool = False) -> list[dict[str, Any]]:
    """Latency, throughput, cost and memory of a federation, and its answer when nodes are dead or slow."""
    count = 3 if small else NODES
    with tempfile.TemporaryDirectory() as home, running(Path(home), count) as (url, nodes):
        ask(url, "image.modality = 'MR'")  # the first question makes every node load what it needs
        numbers = iter(range(1_000_000))
        questions = 5 if small else QUESTIONS
        before = [cpu_ms(node) for node in nodes]
        alone = sorted(ask(url, new(next(numbers)))["took_ms"] for _ in range(questions))
        used = [(cpu_ms(node) - start) / questions for node, start in zip(nodes, before, strict=True)]
        with ThreadPoolExecutor(ASKERS) as pool:
            began = time.monotonic()
            asked = [pool.submit(ask, url, new(next(numbers))) for _ in range(questions * 2)]
            crowded = sorted(one.result()["took_ms"] for one in asked)
            rate = len(crowded) / (time.monotonic() - began)
        memory = max(node.memory_info().rss for node in nodes) / 1e6
        whole_s, states = with_faults(url, nodes)
    return [
        row("federation, median of one asker to the last of 27 nodes", statistics.median(alone), "ms"),
        row("federation, p95 of one asker to the last of 27 nodes", at(alone, 0.95), "ms", P95_MS),
        row("federation, p95 of 8 askers", at(crowded, 0.95), "ms"),
        row("federation, questions answered for 8 askers", rate, "questions/s"),
        row("node, CPU for a question with seven breakdowns", statistics.mean(used), "ms", CPU_MS),
        row("node, resident memory after load", memory, "MB", RSS_MB),
        row(f"federation, 2 nodes dead and 1 asleep ({states})", whole_s, "s", WHOLE_S),
    ]


def row(name: str, ours: float, unit: str, bar: float | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "ours": ours,
        "unit": unit,
        "bar": bar,
        "holds": None if bar is None else ours <= bar,
    }


def at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def new(number: int) -> str:
    """A question that was not asked before."""
    return (
        f"image.modality IN ('MR', 'CT') AND image.slice_thickness > {0.1 + number % 10 / 10:.1f}"
        f" AND image.day >= {number // 10} AND condition.cancer_type = 'breast' AND person.age > 40"
    )


def ask(url: str, question: str, deadline_s: float = 20.0) -> dict[str, Any]:
    """The whole answer, and `took_ms` from the request until the last node's answer was there."""
    body = {"question": question, "breakdowns": BREAKDOWNS, "deadline_s": deadline_s}
    began = time.monotonic()
    answer = client(url).post("/api/v1/search", json=body).raise_for_status().json()
    return answer | {"took_ms": (time.monotonic() - began) * 1000}


@cache
def client(url: str) -> httpx.Client:
    """One client for all questions: to make one reads the authorities of the whole web, which nothing here needs."""
    return httpx.Client(base_url=url, timeout=60, trust_env=False)


def with_faults(url: str, nodes: list[psutil.Process]) -> tuple[float, str]:
    """Two nodes killed, one stopped for longer than anybody waits: how long until every node's state is known."""
    for node in nodes[:2]:
        node.kill()
    nodes[2].suspend()
    try:
        began = time.monotonic()
        answer = ask(url, "image.modality = 'PT' AND image.day < 500", deadline_s=8.0)
        whole_s = time.monotonic() - began
    finally:
        nodes[2].resume()
    states = [node["state"] for node in answer["nodes"]]
    return whole_s, ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))


def cpu_ms(node: psutil.Process) -> float:
    used = node.cpu_times()
    return (used.user + used.system) * 1000


@contextmanager
def running(home: Path, count: int, public: int = 0) -> Iterator[tuple[str, list[psutil.Process]]]:
    """A hub and its nodes, every one a process; the data of the first `public` nodes are open, all others protected."""
    port = free_port()
    settings = HubConfig(home / "hub", url=f"http://127.0.0.1:{port}", port=port)
    hubs.init(settings)
    processes = Processes(home / "logs")
    try:
        processes.start("hub", "hub", "serve", "--home", str(settings.home))
        wait(lambda: reachable(settings.url))
        for number in range(count):
            folder = home / f"node-{number}"
            join(folder, settings, f"Hospital {number}", Access.OPEN if number < public else Access.PROTECTED)
            processes.start(f"node-{number}", "node", "serve", "--home", str(folder))
        wait(lambda: described(settings.url) == count)
        yield settings.url, [psutil.Process(processes.pid(f"node-{number}")) for number in range(count)]
    finally:
        processes.stop()


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def join(home: Path, settings: HubConfig, name: str, access: Access) -> None:
    records = sql.engine(settings.database_url)
    with sql.begin(records) as connection:
        token = registry.invite(connection, settings.key().public.kid, name, clock.now())
    enrolled = enrol.enrol(home, settings.url, token.text(), name, "DE")
    with sql.begin(records) as connection:
        registry.decide(connection, "approve", enrolled.config.id, clock.now())
    policy = Policy(access, distinct_share=100.0, distinct_most=100_000, variance=0.0)
    with duckdb.connect() as connection:
        tables = {"person": PERSON, "condition": CONDITION, "image": IMAGE}
        publish_queries(
            Store(home), Description("images", english(name), synthetic=True), policy, connection, tables
        )


def reachable(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v1/nodes", trust_env=False).is_success
    except httpx.TransportError:
        return False


def described(url: str) -> int:
    return len(httpx.get(f"{url}/api/v1/datasets", trust_env=False).json()["datasets"])


def wait(condition: Any, limit_s: float = 120) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the federation did not come up")
        time.sleep(0.1)
