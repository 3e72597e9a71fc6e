"""What the kill tests run in a process of its own: one night of a node."""

from pathlib import Path

from hanse.core.policy import Policy
from hanse.core.record import Description, english
from hanse.node import intake, prepared
from hanse.node.prepare import prepare
from hanse.node.store import Store


def night(home: Path, folder: Path) -> None:
    """Prepares and publishes in small batches, so that there are many places to be killed at."""
    intake.FILES_PER_BATCH = 8
    store = Store(home)
    prepare(store, folder, "lung", processes=1)
    prepared.publish_prepared(store, "lung", Description("lung", english("Lung")), Policy())
