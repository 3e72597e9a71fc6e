"""Publishing the NCI Imaging Data Commons as public datasets, one for each collection."""

from collections.abc import Callable

import duckdb

from hanse.core.policy import Access, Policy
from hanse.domains.imaging import idc
from hanse.node.publish import Outcome, Queries, publish_many
from hanse.node.store import Store


def publish_idc(
    store: Store, progress: Callable[[int, int, str], None] = lambda done, total, words: None
) -> list[Outcome]:
    """Publishes the index that `idc-index-data` carries; a collection that did not change keeps its version.

    Raises `NotSetUp` when the package is not installed.
    """
    index, collections = idc.installed()
    with duckdb.connect() as connection:
        idc.load(connection, index, collections)
        sources = [
            Queries(description, Policy(Access.OPEN), connection, idc.tables(connection, description.name))
            for description in idc.collections(connection)
        ]
        return publish_many(store, sources, progress=progress)
