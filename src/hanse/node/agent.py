"""The loop of a node: takes questions and orders from the hub, has the gate answer them, keeps documents and catalogue
up to date, and destroys what was made under permits that are over.

Nothing semantic comes from the hub: vocabulary, policies, code and clock are the node's own.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from hanse import __version__
from hanse.core import bodies, clock, decision, plain, rules
from hanse.core.answer import NodeAnswer, NodeState
from hanse.core.disclosure import next_tick
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import Problem
from hanse.domains import VOCABULARY
from hanse.lib import memory
from hanse.link.caller import Hub
from hanse.link.outbound import Outbound, Reply
from hanse.link.witnessing import Witnessing
from hanse.node import config as configs
from hanse.node import enrol
from hanse.node.config import NodeConfig
from hanse.node.gate import Gate, Visit
from hanse.node.permits import Permits
from hanse.node.receipts import Receipts
from hanse.node.store import Store
from hanse.node.uses import Uses

LOOK_EVERY_S = 2.0  # how soon a new version is taken up after it is published
RESTORED = (
    "THE RECORDS OF THIS NODE ARE AN OLDER COPY: what was decided and answered since is not known here. No order is "
    "carried out, and no question about protected data is answered, until the holder has made its decisions again, "
    "vetoes above all, and says so with `hanse node resume`."
)
logger = logging.getLogger(__name__)


def serve(home: Path) -> None:
    """Runs the node in `home` until it is told to stop (SIGTERM, SIGINT)."""
    # DuckDB imports pandas when it binds a value: 80 MB that a node has no use for.
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    memory.settle()
    run(configs.read(home), stop)


def run(config: NodeConfig, stop: threading.Event) -> None:
    """Runs a node until `stop` is set."""
    store = Store(config.home)
    permits = Permits(store, config)
    permits.send_again()
    uses = Uses(store, permits, VOCABULARY, timedelta(hours=config.status_hours), config.environment)
    gate = Gate(
        store,
        VOCABULARY,
        config.home / "cache",
        uses=uses,
        memory_mb=config.memory_mb,
        threads=config.threads,
    )
    hub = Hub(config.hub, config.hub_key, config.proxy, config.ca_bundle)
    link = Outbound(hub, store.keys.signing, enrol.HELLO, config.home / "seen.db")
    witnessing = Witnessing(config.home, store.records, store.keys.signing)
    receipts = Receipts(store.records, permits, store.keys.signing)
    watcher = threading.Thread(
        target=_watch, args=(gate, uses, witnessing, receipts, link, stop), name="node-watch", daemon=True
    )
    watcher.start()
    handlers: Mapping[Kind, Callable[[Envelope], Reply | None]] = {
        Kind.QUESTION: lambda message: answer(config, gate, message, uses.restored),
        Kind.ORDER: lambda message: carry_out(gate, message),
        Kind.DOCUMENTS: lambda message: receive(permits, message, witnessing),
    }
    link.run(lambda message: handlers[message.kind](message), stop)
    watcher.join()
    store.records.dispose()


def answer(config: NodeConfig, gate: Gate, message: Envelope, restored: Callable[[], bool] = bool) -> Reply:
    """The node's answer to a question; it leaves on the time grid, so that its time tells nothing.

    A refusal leaves on the grid too, when anything here is protected; nothing of that is answered from restored
    records, which do not know what was answered before.
    """
    arrived, at = time.monotonic(), clock.text(clock.now())
    asked = bodies.question(message.body)
    try:
        if gate.grid_ms and restored():
            raise decision.problem(rules.RESTORED)
        visit = Visit(who=f"{message.sender} for {asked.asker}", operation="count", reference=asked.search)
        counted = gate.count(visit, asked.question, asked.breakdowns, asked.datasets)
    except Problem as problem:
        return _on_grid(Kind.PROBLEM, problem.as_dict(), arrived, gate.grid_ms)
    body = NodeAnswer(
        node=config.id,
        name=config.name,
        country=config.country,
        state=NodeState.ANSWERED,
        at=at,  # of arrival: a later time would tell how long it took
        vocabulary=VOCABULARY.version,
        software=__version__,
        datasets=counted,
    )
    return _on_grid(Kind.ANSWER, plain.answer_to_plain(body), arrived, gate.grid_ms)


def carry_out(gate: Gate, message: Envelope) -> Reply:
    """The node's result of an order, or its refusal; both leave on the time grid."""
    arrived = time.monotonic()
    asked = bodies.order(message.body)
    try:
        token = gate.use(asked.order, asked.delegation)
    except Problem as problem:
        return _on_grid(Kind.PROBLEM, problem.as_dict(), arrived, gate.grid_ms)
    return _on_grid(Kind.RESULT, {"result": token}, arrived, gate.grid_ms)


def receive(permits: Permits, message: Envelope, witnessing: Witnessing | None = None) -> None:
    """Keeps the documents that count here. Nobody is told which: the hub learns nothing from sending some."""
    tokens: Iterable[str] = bodies.documents(message.body)
    permits.receive(witnessing.receive(tokens) if witnessing else tokens)


def _on_grid(kind: Kind, body: dict[str, object], arrived: float, grid_ms: int) -> Reply:
    if not grid_ms:  # everything here is public
        return Reply(kind, body)
    elapsed_ms = (time.monotonic() - arrived) * 1000
    return Reply(kind, body, arrived + next_tick(elapsed_ms, grid_ms) / 1000)


def _watch(
    gate: Gate,
    uses: Uses,
    witnessing: Witnessing,
    receipts: Receipts,
    link: Outbound,
    stop: threading.Event,
) -> None:
    """Tells the hub what is published, what the owner decided and what arrived, now and whenever it changes, and shows
    the log to its witnesses; and looks for permits that are over."""
    changed, said = True, False
    while not stop.is_set():
        try:
            if (restored := uses.restored()) and not said:
                logger.error(RESTORED)
            said = restored
            if changed:
                link.send(Kind.CATALOGUE, plain.catalogue_to_plain(gate.records()))
            if uses.permits.refresh():  # what others signed was dropped, and comes again to who begins anew
                link.send(Kind.HELLO, enrol.HELLO.as_dict())
            _send_decisions(uses.permits, link)
            if documents := [*witnessing.due(clock.now()).values(), *receipts.due(clock.now())]:
                link.send(Kind.DOCUMENTS, {"documents": documents})
            uses.orders.sweep(uses.permits)
            stop.wait(LOOK_EVERY_S)
            changed = gate.refresh()
        except Problem as problem:
            changed = False
            logger.error("The node's records cannot be read: %s %s", problem.detail, problem.hint)
            stop.wait(LOOK_EVERY_S)


def _send_decisions(permits: Permits, link: Outbound) -> None:
    """Approvals, vetoes and certificates, for information: they count where they are."""
    unsent = permits.unsent()[: bodies.MAX_DOCUMENTS]
    if unsent:
        link.send(Kind.DOCUMENTS, {"documents": [token for _, token in unsent]})
        permits.sent(hash for hash, _ in unsent)
