"""How an officer gets in: a link on which they make a passkey, signing in with it, signing out."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from starlette.responses import Response

from hanse.core import clock
from hanse.core.errors import Problem, Refused
from hanse.desk.visit import Page, Visit, origin
from hanse.lib import accounts, passkeys, sql

SESSION_S = int(accounts.SESSION_LIFE.total_seconds())


def enter(visit: Visit, problem: Problem | None = None) -> Response:
    """Asks for a passkey."""
    with sql.begin(visit.desk.records) as connection:
        challenge = accounts.challenge(connection, clock.now())
        nobody = not any(one.passkeys for one in accounts.all_of(connection))
    return visit.show(
        "desk/enter.html",
        problem.status if problem else 200,
        problem=problem,
        challenge=urlsafe_b64encode(challenge).decode(),
        options=passkeys.request(challenge),
        nobody=nobody,
        command=visit.desk.command,
        welcome=visit.said("made") == "1",
    )


def signed(visit: Visit) -> Response:
    """Opens a session for the officer whose passkey answered."""
    try:
        challenge = _challenge(visit.said("challenge"))
        with sql.begin(visit.desk.records) as connection:
            secret = accounts.open_session(connection, challenge, visit.assertion(), clock.now())
    except Problem as problem:
        return enter(visit, problem)
    answer = visit.go("/")
    answer.set_cookie(visit.desk.cookie, secret, max_age=SESSION_S, httponly=True, samesite="strict")
    return answer


def link(visit: Visit) -> Response:
    """What a link leads to: the passkey that is to be made."""
    secret = visit.said("pass")
    with sql.read(visit.desk.records) as connection:
        options = accounts.creation(connection, visit.desk.title, secret, clock.now())
        who = accounts.of_link(connection, secret, clock.now())
    return visit.show("desk/link.html", options=options, secret=secret, who=who)


def made(visit: Visit) -> Response:
    """Keeps the passkey that was made."""
    secret, answer = visit.said("pass"), visit.said("answer")
    with sql.begin(visit.desk.records) as connection:
        accounts.enrol(connection, secret, answer, visit.desk.origin, clock.now())
    return visit.go("/enter", made="1")


def leave(visit: Visit) -> Response:
    """Ends the session."""
    with sql.begin(visit.desk.records) as connection:
        accounts.end_session(connection, visit.session)
    answer = visit.go("/enter")
    answer.delete_cookie(visit.desk.cookie)
    return answer


def _challenge(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text)
    except ValueError:
        raise Refused("This form is not one of this page.") from None


OPEN = (
    Page("/enter", enter),
    Page("/enter", signed, "POST"),
    Page("/passkey", link),
    Page("/passkey", made, "POST"),
)
INSIDE = (Page("/leave", leave, "POST"),)


def link_to(port: int, secret: str) -> str:
    """The address that an officer opens."""
    return f"{origin(port)}/en/passkey?pass={secret}"
