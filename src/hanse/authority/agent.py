"""The loop of an authority: takes applications from the hub, and sends what was decided. It decides nothing itself.

The commands of officers write into the same records; this loop looks there for what is to be sent.
"""

import logging
import signal
import threading
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from hanse.authority import applications, checks, config, delivery, enrol, outgoing, statuses, tables
from hanse.authority.config import AuthorityConfig
from hanse.core import bodies, clock
from hanse.core.envelope import Envelope, Kind
from hanse.core.errors import BadEnvelope, Problem
from hanse.core.login import PROOF_TYP
from hanse.core.result import DELETION_TYP
from hanse.core.status import APPROVAL_TYP, RECEIPT_TYP, VETO_TYP
from hanse.lib import files, jws, sql
from hanse.lib.jws import Signer
from hanse.link.caller import Caller, Hub
from hanse.link.outbound import Outbound
from hanse.link.pace import Backoff
from hanse.link.witnessing import Witnessing

LOOK_EVERY_S = 0.5  # how soon a decision is on its way
_FOR_INFORMATION = (APPROVAL_TYP, VETO_TYP, DELETION_TYP)  # what nodes decide counts where they are
RESTORED = (
    "THE RECORDS OF THIS AUTHORITY ARE AN OLDER COPY: what was decided since is not known here. No status and no "
    "permit is signed until what was revoked is revoked again, and an officer says so with `hanse authority resume`."
)
logger = logging.getLogger(__name__)


def serve(home: Path) -> None:
    """Runs the authority in `home` until it is told to stop (SIGTERM, SIGINT)."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(config.read(home), stop)


def run(settings: AuthorityConfig, stop: threading.Event) -> None:
    """Runs an authority until `stop` is set; `Conflict` when another process serves in its home."""
    with files.locked(settings.home / "serve.lock", "serving this authority"):
        records, key = tables.open_records(settings.home), config.key(settings.home)
        hub = Hub(settings.hub, settings.hub_key, settings.proxy, settings.ca_bundle)
        link = Outbound(hub, key, enrol.HELLO, settings.home / "seen.db")
        witnessing = Witnessing(settings.home, records, key)
        sender = threading.Thread(
            target=_send_all,
            args=(settings, records, key, Caller(hub, key), witnessing, stop),
            name="authority-send",
            daemon=True,
        )
        sender.start()
        link.run(lambda message: receive(settings, records, message, witnessing), stop)
        sender.join()
        records.dispose()


def receive(
    settings: AuthorityConfig, records: sa.Engine, message: Envelope, witnessing: Witnessing | None = None
) -> None:
    """Keeps the applications in a message, the logins of those who applied, and the receipts of nodes; what is none, or
    not for this authority, is said in the diary only."""
    if message.kind is not Kind.DOCUMENTS:
        raise BadEnvelope("An authority takes documents only.")
    tokens: Iterable[str] = bodies.documents(message.body)
    for token in witnessing.receive(tokens) if witnessing else tokens:
        try:
            typ = jws.claimed_type(token)
            if typ == PROOF_TYP:
                checks.by_proof(records, settings, token, clock.now())
            elif typ == RECEIPT_TYP:
                delivery.take(records, settings.id, token)
            elif typ not in _FOR_INFORMATION:
                applications.take(records, settings.id, token, clock.now())
        except Problem as problem:
            logger.warning("A document was not accepted: %s", problem.detail)


def _send_all(
    settings: AuthorityConfig,
    records: sa.Engine,
    key: Signer,
    caller: Caller,
    witnessing: Witnessing,
    stop: threading.Event,
) -> None:
    """Renews what expires, sends what is new or was lost, and shows the log to its witnesses, until `stop` is set."""
    backoff, said, repeating = Backoff(), "", delivery.Repeating(clock.now())
    with sql.begin(records) as connection:
        if statuses.restored(connection, settings):
            logger.error(RESTORED)
    while not stop.is_set():
        try:
            statuses.renew(records, settings, key, clock.now())
            repeating.look(records, settings, key, clock.now())
            outgoing.add(records, witnessing.due(clock.now()))
            taken, refused = outgoing.send(records, caller)
            problem = refused[0] if refused else ""
        except Problem as error:
            taken, problem = 0, error.detail
        if problem and problem != said:
            logger.warning("What was decided is not on its way yet: %s", problem)
        said = problem
        if taken or not problem:
            backoff.reset()
        stop.wait(backoff.delay_s() if problem else LOOK_EVERY_S)
    caller.close()
