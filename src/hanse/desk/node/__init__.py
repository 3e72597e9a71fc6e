"""The pages of a data holder: what is asked of its data, what it decides, and every use."""

from collections.abc import Sequence

from hanse.desk.node import asked, permit, this, uses
from hanse.desk.visit import Desk, Page
from hanse.node.config import NodeConfig
from hanse.node.store import Store
from hanse.web.language import N_

MENU = (("/permits", N_("Permits")), ("/uses", N_("Uses")), ("/node", N_("This node")))


def desk(store: Store, settings: NodeConfig, port: int) -> Desk:
    """The desk of a data holder."""
    return Desk(settings.name, store.records, port, MENU, 'hanse node officer add "FULL NAME"')


def pages(store: Store) -> Sequence[Page]:
    """All pages that its officers see."""
    return (*asked.pages(store), *permit.pages(store), *uses.pages(store), *this.pages(store))
