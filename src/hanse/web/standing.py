"""How a permit stands, in a word: the same on the portal and where an authority decides."""

from datetime import datetime

from hanse.core.scope import Scope
from hanse.web.language import N_

STATES = {
    "in force": (N_("in force"), "good"),
    "to come": (N_("has not begun"), "info"),
    "ended": (N_("ended"), ""),
    "revoked": (N_("revoked"), "bad"),
}


def state(scope: Scope, revoked: bool, at: datetime) -> str:
    """What became of a permit with this scope, a key of `STATES`."""
    if revoked:
        return "revoked"
    if at >= scope.ends:
        return "ended"
    return "in force" if at >= scope.begins else "to come"
