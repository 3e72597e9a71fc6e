"""Two nodes that witness each other's logs, through a real hub, from the command line to the warning."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.types import ASGIApp
from tests.evil_hub import EvilHub
from tests.hub import papers
from tests.node.permitted import Node, make

from hanse.cli.audit import audit
from hanse.core import ids
from hanse.core.errors import Conflict, NotFound, Problem
from hanse.hub import config as hubs
from hanse.hub.app import make_app
from hanse.hub.config import HubConfig
from hanse.lib import log, sql, witness
from hanse.lib.checkpoint import VerifierKey
from hanse.node import agent, config


@pytest.fixture(scope="module")
def nodes(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[[ASGIApp], str]
) -> Iterator[tuple[Node, Node]]:
    """A hub and two nodes on the link: the second is the witness of the first."""
    home = tmp_path_factory.mktemp("witnesses")
    settings = HubConfig(home / "hub")
    hubs.init(settings)
    app = make_app(settings)
    url = serve(app)
    first, second = (make(home / name) for name in ("first", "second"))
    run("pin", run("key", "--home", str(first.home)).stdout.strip(), "--home", str(second.home))
    run("pin", run("key", "--witness", "--home", str(second.home)).stdout.strip(), "--home", str(first.home))
    stop, threads = threading.Event(), []
    for one in (first, second):
        papers.let_in(app.state.hub.records, one.store.keys.signing, one.home.name)
        one.config = replace(one.config, hub=url, hub_key=settings.key().public.kid)
        config.write(one.config)
        threads.append(threading.Thread(target=agent.run, args=(one.config, stop), daemon=True))
        threads[-1].start()
    yield first, second
    stop.set()
    for thread in threads:
        thread.join(10)


def run(*words: str) -> Result:
    result = CliRunner().invoke(audit, words)
    if isinstance(result.exception, Problem):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def until_cosigned(node: Node) -> witness.Held:
    return until_held(node.home, node)


def until_held(home: Path, node: Node) -> witness.Held:
    """What a home holds of its only pinned key, once a head was cosigned; the key is a node's, or that of a log which
    it cosigns."""
    end = time.monotonic() + 100
    while True:
        (found,) = witness.held(home, ids.of_node(node.store.keys.signing.public.kid))
        if found.head:
            return found
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_head_goes_to_the_witness_and_comes_back_cosigned(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    found = until_cosigned(first)
    assert found.head == until_cosigned(second).head
    assert "cosigns this log" in run("status", "--home", str(first.home)).stdout
    assert "is cosigned here" in run("status", "--home", str(second.home)).stdout
    assert "witnessed by" in run("verify", "--witnessed", "--home", str(first.home)).stdout


def test_the_log_of_the_hub_is_cosigned_by_a_node_over_the_same_link(nodes: tuple[Node, Node]) -> None:
    first, _ = nodes
    hub = first.home.parent / "hub"
    run("pin", run("key", "--home", str(hub)).stdout.strip(), "--home", str(first.home))
    run("pin", run("key", "--witness", "--home", str(first.home)).stdout.strip(), "--home", str(hub))
    assert until_held(hub, first).head
    assert "cosigns this log" in run("status", "--home", str(hub)).stdout
    assert "witnessed by" in run("verify", "--witnessed", "--home", str(hub)).stdout
    run("unpin", run("key", "--home", str(hub)).stdout.strip(), "--home", str(first.home))


def test_without_a_witness_a_log_is_not_witnessed(nodes: tuple[Node, Node]) -> None:
    with pytest.raises(NotFound, match="no pinned witness"):
        run("verify", "--witnessed", "--home", str(nodes[1].home))


def test_a_head_is_carried_by_hand_too(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    first, second = nodes
    until_cosigned(first)
    key = run("key", "--witness", "--home", str(second.home)).stdout.strip()
    (tmp_path / "request").write_text(run("request", key, "--home", str(first.home)).stdout)
    cosigned = run("cosign", str(tmp_path / "request"), "--home", str(second.home)).stdout
    (tmp_path / "cosigned").write_text(cosigned)
    assert "Cosigned by" in run("take", str(tmp_path / "cosigned"), "--home", str(first.home)).stdout


def test_a_fork_is_refused_and_said_until_somebody_looks_into_it(tmp_path: Path) -> None:
    one, other = EvilHub.two_faces(tmp_path)
    home = ["--home", str(tmp_path / "auditor")]
    run("pin", str(witness.own_log(one.home).verifier), *home)
    key = VerifierKey.read(run("key", "--witness", *home).stdout)
    for name, face in (("first", one), ("second", other)):
        (tmp_path / name).write_text(face.request(key))
    run("cosign", str(tmp_path / "first"), *home)
    with pytest.raises(Conflict, match="two histories"):
        run("cosign", str(tmp_path / "second"), *home)
    with pytest.raises(Conflict, match="signed two roots over 2 entries"):
        run("status", *home)


def test_a_log_that_was_written_anew_is_found_by_what_the_witness_cosigned(
    nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    first, _ = nodes
    until_cosigned(first)
    note = next(iter(witness.notes(first.home).values()))
    forged = make(tmp_path / "forged")  # a home whose database somebody made anew
    for name in ("keys/log.pem", "witness/pinned"):
        (forged.home / name).parent.mkdir(exist_ok=True)
        (forged.home / name).write_bytes((first.home / name).read_bytes())
    with sql.begin(forged.store.records) as connection:
        for _ in range(20):
            log.append(connection, "use", {"what": "something else"})
    (tmp_path / "cosigned").write_text(note)
    with pytest.raises(Conflict):
        run("take", str(tmp_path / "cosigned"), "--home", str(forged.home))
    with pytest.raises(Conflict, match="was rewritten"):
        run("verify", "--home", str(forged.home))
