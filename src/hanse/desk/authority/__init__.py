"""The pages of an authority: what was asked, whose keys these are, and what is decided."""

from collections.abc import Sequence

from hanse.authority.home import Home
from hanse.desk.authority import applications
from hanse.desk.visit import Desk, Page
from hanse.web.language import N_

MENU = (("/", N_("Applications")),)


def desk(home: Home, port: int) -> Desk:
    """The desk of an authority."""
    return Desk(home.settings.name, home.records, port, MENU, 'hanse authority officer add "FULL NAME"')


def pages(home: Home) -> Sequence[Page]:
    """All pages that its officers see."""
    return applications.pages(home)
