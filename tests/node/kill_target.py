"""What the kill tests run in a process of its own: one night of a node, and one order."""

from datetime import timedelta
from pathlib import Path

from hanse.core.policy import Policy
from hanse.core.record import Description, english
from hanse.domains import VOCABULARY
from hanse.node import intake, prepared
from hanse.node.config import NodeConfig
from hanse.node.gate import Gate
from hanse.node.permits import Permits
from hanse.node.prepare import prepare
from hanse.node.store import Store
from hanse.node.uses import Uses


def night(home: Path, folder: Path) -> None:
    """Prepares and publishes in small batches, so that there are many places to be killed at."""
    intake.FILES_PER_BATCH = 8
    store = Store(home)
    prepare(store, folder, "lung", processes=1)
    prepared.publish_prepared(store, "lung", Description("lung", english("Lung")), Policy())


def use(config: NodeConfig, token: str) -> None:
    """Carries out one order, as a node does."""
    store = Store(config.home)
    uses = Uses(store, Permits(store, config), VOCABULARY, timedelta(hours=24))
    Gate(store, VOCABULARY, config.home / "cache", uses=uses).use(token)
