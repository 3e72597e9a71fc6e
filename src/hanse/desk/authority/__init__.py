"""The pages of an authority: what was asked, whose keys these are, and what is decided."""

from collections.abc import Sequence

from hanse.authority.home import Home
from hanse.desk.authority import application, applications, draft, entries, permits, refusal
from hanse.desk.visit import Desk, Page
from hanse.web.language import N_

MENU = (("/applications", N_("Applications")), ("/permits", N_("Permits")), ("/log", N_("Log")))
_PAGES = (applications, application, draft, refusal, permits, entries)


def desk(home: Home, port: int) -> Desk:
    """The desk of an authority."""
    return Desk(home.settings.name, home.records, port, MENU, 'hanse authority officer add "FULL NAME"')


def pages(home: Home) -> Sequence[Page]:
    """All pages that its officers see."""
    return [page for module in _PAGES for page in module.pages(home)]
