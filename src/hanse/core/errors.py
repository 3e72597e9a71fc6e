"""Every way to say no, once.

A `Problem` is something that a user, an operator or a peer can act upon: it says what was wrong, where, and what to
do. It is rendered once at each edge: as `application/problem+json` (RFC 9457) by `lib.problem`, as one line and an
exit code by the command line. Anything else that is raised is a bug: it is logged, and answered with an id only.

Messages never hold patient data, tokens or the values of a question.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

MAX_LINE = 2000  # characters of a text that another side says


class Problem(Exception):
    """`detail` says what was wrong and where, `hint` what to do; `more` are further members of the JSON object."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request cannot be carried out"
    exit_code: ClassVar[int] = 1
    advice: ClassVar[str] = ""  # the hint of those that bring none

    def __init__(self, detail: str, /, *, hint: str = "", **more: Any) -> None:
        super().__init__(detail)
        self.detail, self.hint, self.more = detail, hint or self.advice, more

    @property
    def slug(self) -> str:
        """`unknown-field` of `UnknownField`: the problem's name in URLs, documents and logs."""
        return slug(type(self))

    def as_dict(self) -> dict[str, Any]:
        """The members of RFC 9457, and the hint."""
        body = {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.hint:
            body["hint"] = self.hint
        return body | self.more


def slug(kind: type[Problem]) -> str:
    """The name of a class of problems in URLs, documents and logs."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


def kinds() -> dict[str, type[Problem]]:
    """Every class of problems by its slug, the general one first."""
    found, todo = {}, [Problem]
    while todo:
        kind = todo.pop(0)
        found[slug(kind)] = kind
        todo += kind.__subclasses__()
    return found


def from_dict(body: Mapping[str, Any]) -> Problem:
    """The problem that another side has rendered with `as_dict`; the general one when its kind is not known here.

    Its texts are one line of bounded length each, whatever was sent: they are written into logs.
    """
    kind = kinds().get(str(body.get("type", "")).rpartition("/")[2], Problem)
    more = {
        key: value for key, value in body.items() if key not in {"type", "title", "status", "detail", "hint"}
    }
    detail = body.get("detail") or body.get("title") or Problem.title
    return kind(_line(detail), hint=_line(body.get("hint", "")), **more)


def _line(text: Any) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in str(text)[:MAX_LINE])


class BadInput(Problem):
    """A file, a setting or an argument that cannot be used as it is."""

    title = "This input cannot be used"
    exit_code = 2


class BadQuestion(Problem):
    """A question that is not CQL2 over the vocabulary; `at` is the place in its text (1 is the first character)."""

    status = 422
    title = "The question cannot be read"
    exit_code = 2
    advice = "docs/researcher.md says how questions are written."

    def __init__(self, detail: str, /, *, hint: str = "", at: int | None = None, **more: Any) -> None:
        super().__init__(detail, hint=hint, **({"at": at} if at is not None else {}), **more)
        self.at = at


class QuestionTooLarge(BadQuestion):
    """Longer, deeper or wider than the bounds that keep parsers and engines safe."""

    title = "The question is too large"


class QuestionTooCostly(Problem):
    """The question is valid, but a node gave up computing it within its limits."""

    status = 422
    title = "The question needs more work than a node gives one question"


class BadAnalysis(Problem):
    """An analysis whose method, parameters or bins cannot be used, or intermediate results that are not of its kind."""

    status = 422
    title = "The analysis cannot be carried out as it is asked"
    exit_code = 2


class NotFound(Problem):
    status = 404
    title = "There is no such thing here"
    exit_code = 4


class Conflict(Problem):
    status = 409
    title = "This contradicts what is already there"
    exit_code = 5


class NotSetUp(Problem):
    """A role is used before `init`, or with a home that belongs to something else."""

    status = 500
    title = "This has not been set up"
    exit_code = 6


class Unreachable(Problem):
    """The other side does not answer; the caller may try again."""

    status = 503
    title = "The other side cannot be reached"
    exit_code = 7


class Refused(Problem):
    """The other side answered, and said no."""

    status = 403
    title = "This was refused"
    exit_code = 8


class BadEnvelope(Problem):
    """A message of the link that is malformed, wrongly signed, for somebody else, expired or replayed."""

    status = 401
    title = "The message is not accepted"
    exit_code = 8
    advice = "docs/permits.md and docs/link.md say what each message holds, and how it is signed."


class WrongClock(BadEnvelope):
    """The sender's clock is too far from the receiver's; both times are in the detail."""

    title = "The clocks of the two sides differ too much"


class BadToken(Problem):
    """An enrolment token that is unknown, used, expired or for another hub."""

    status = 403
    title = "The enrolment token is not accepted"
    exit_code = 8


class WrongProtocol(Problem):
    """The two sides speak no common version of the link."""

    status = 426
    title = "The two sides speak no common version of the link"
    exit_code = 9


class TooLarge(Problem):
    status = 413
    title = "This is larger than what is accepted"


class Damaged(Problem):
    """Stored data whose checksum differs from the one that was published."""

    status = 500
    title = "Stored data are damaged"
    exit_code = 10


class NoSpace(Problem):
    """A disk is full: what was complete before is still complete, and the command can be run again."""

    status = 507
    title = "There is no space left"
    exit_code = 11
