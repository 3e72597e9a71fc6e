"""`/log`: what arrived, was checked and was decided, as the log has it."""

from collections.abc import Sequence
from functools import partial
from itertools import islice
from shlex import quote

import sqlalchemy as sa
from starlette.responses import Response

from hanse.authority.home import Home
from hanse.desk.sheet import sheet
from hanse.desk.visit import Page, Visit
from hanse.lib import log, sql
from hanse.lib.log import Entry
from hanse.web.language import N_

KINDS = {
    "application": N_("application arrived"),
    "check": N_("key checked"),
    "permit": N_("permit signed"),
    "amend": N_("permit changed"),
    "refuse": N_("application refused"),
    "revoke": N_("permit revoked"),
    "officer": N_("officers"),
    "provider": N_("provider of logins"),
    "contradiction": N_("contradiction in a log that is witnessed"),
    "redact": N_("name removed from the log"),
}
ACTS = {
    "add": N_("added"),
    "passkey": N_("made a passkey"),
    "remove": N_("removed"),
    "new keys": N_("has new keys"),
    "call": N_("by telephone"),
    "call differs": N_("by telephone: another fingerprint was read out"),
    "login": N_("by login"),
}
ROLES = {"officer": N_("officer"), "person": N_("person in the application"), "applicant": N_("applicant")}


def pages(home: Home) -> Sequence[Page]:
    """The entries, newest first."""

    def show(visit: Visit) -> Response:
        with sql.read(home.records) as connection:
            size, root = log.head(connection)
            found = sheet(visit, "/log", "page", size, partial(_entries, connection, size))
        return visit.show(
            "authority/log.html",
            found=found,
            root=root,
            kinds=KINDS,
            acts=ACTS,
            roles=ROLES,
            home=quote(str(home.settings.home)),
            redacted=log.REDACTED,
        )

    return (Page("/log", show),)


def _entries(connection: sa.Connection, size: int, start: int, most: int) -> list[Entry]:
    """`most` entries from place `start` of a log of `size`, the newest first."""
    after = max(0, size - start - most)
    return list(islice(log.entries(connection, after), size - start - after))[::-1]
