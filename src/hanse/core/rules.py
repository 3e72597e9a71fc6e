"""The rules of a decision as tables, and what they are asked about: the facts that a node knows, and the case.

Each rule is a refusal, the kinds of permit that it concerns, and whether it holds; `decision` asks them in order. 401
says that the order itself does not count, 403 that it counts and is not allowed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hanse.core import terms
from hanse.core.document import Signed
from hanse.core.envelope import SKEW
from hanse.core.order import MAX_DELEGATION, MAX_LIFE, Delegation, Order
from hanse.core.permit import Kind, Permit
from hanse.core.scope import NEWEST, OPERATIONS, Grant, Key, Operation, Person, Purpose
from hanse.core.status import Approval, Status, Veto

STATUS_AGE = timedelta(hours=24)  # how old a status may be when the owner says nothing else


@dataclass(frozen=True, slots=True)
class Facts:
    """What a node knows when it is asked; documents are those whose signatures it verified.

    `authorities` are the keys that its owner accepts, and which kinds of permit each may give; `holders` the keys that
    approve here. `permit` is the one that the order names, `status` the newest of its authority, `status_number` the
    highest that was ever seen. `versions` are the live versions of the ordered dataset, `unapplied` the fields of the
    criteria that it cannot apply. `environment` is where the use happens, `page_operations` what keys of web pages may
    order. `public` is whether the holder publishes the dataset as public data, `consented` to which purposes its
    persons agreed (empty where use does not rest on consent), `opt_out` is the commitment to the persons whom the node
    leaves out. `spent` is how many orders that release numbers were carried out under the permit, `executed` whether
    this one was. `restored` is whether the records are an older copy for which nobody answered yet."""

    at: datetime
    node: str
    authorities: Mapping[str, frozenset[Kind]]
    holders: frozenset[str]
    permit: Signed[Permit] | None
    status: Signed[Status] | None
    status_number: int
    approval: Signed[Approval] | None
    veto: Signed[Veto] | None
    versions: tuple[int, ...]
    unapplied: tuple[str, ...] = ()
    environment: str = ""
    page_operations: frozenset[Operation] = frozenset()
    public: bool = False
    consented: tuple[Purpose, ...] = ()
    opt_out: str = ""
    spent: int = 0
    executed: bool = False
    status_age: timedelta = STATUS_AGE
    restored: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the asker is told: 401 or 403, the rule, what is wrong, and what would be needed."""

    status: int
    rule: str
    words: str
    needed: str


@dataclass(frozen=True, slots=True)
class Case:
    """A use of which is known to which permit, person, key and dataset it belongs. A permit for public data has no
    persons. `report` says what the conditions make of it."""

    order: Order
    delegation: Signed[Delegation] | None
    permit: Permit
    hash: str
    grant: Grant
    person: Person | None
    key: Key | None
    signer: str
    report: terms.Report
    facts: Facts


def _within(issued: datetime, at: datetime, expires: datetime) -> bool:
    return issued - SKEW <= at < expires


def _timely(order: Order, facts: Facts) -> bool:
    life = order.expires - order.issued
    return timedelta(0) < life <= MAX_LIFE and _within(order.issued, facts.at, order.expires)


def _delegated(case: Case) -> bool:
    """It is by a key of the permit, or there would be no case: so a device cannot delegate further."""
    if case.delegation is None:
        return True
    said = case.delegation.document
    return (
        said.kid == case.signer
        and said.permit == case.permit.id
        and timedelta(0) < said.expires - said.issued <= MAX_DELEGATION
        and said.issued - SKEW <= case.order.issued
        and _within(said.issued, case.facts.at, said.expires)
        and case.order.operation in said.operations
    )


def _version(case: Case) -> bool:
    live, wanted = case.facts.versions, case.order.version
    return wanted in live and (
        wanted == max(live) if case.grant.versions == NEWEST else wanted in case.grant.versions
    )


def _environment(case: Case) -> bool:
    named = case.permit.scope.environments
    free = not named and case.permit.kind is not Kind.EHDS
    return not OPERATIONS[case.order.operation].individual or free or case.facts.environment in named


def _page(case: Case) -> bool:
    return case.key is None or not case.key.page or case.order.operation in case.facts.page_operations


def _independent(case: Case) -> bool:
    deciders = {one.kid for one in (case.facts.permit, case.facts.approval) if one}
    return not any(key.kid in deciders for person in case.permit.scope.persons for key in person.keys)


def _status(case: Case) -> bool:
    """A fresh status of the permit's authority for this node, which names the permit in some version."""
    facts, signed = case.facts, case.facts.status
    if signed is None or signed.kid != case.permit.authority.kid:
        return False
    said = signed.document
    return (
        (said.authority, said.node) == (case.permit.authority.id, facts.node)
        and _within(said.issued, facts.at, said.expires)
        and facts.at - said.issued <= facts.status_age
        and case.permit.id in said.current
    )


def _newest(case: Case) -> bool:
    return case.facts.status is not None and case.facts.status.document.number >= case.facts.status_number


def _unrevoked(case: Case) -> bool:
    """Of what is revoked no later status says otherwise, so an old one counts too."""
    return case.facts.status is None or case.permit.id not in case.facts.status.document.revoked


def _current(case: Case) -> bool:
    """Only a fresh status tells of a newer version; without one, `status` refuses."""
    fresh = case.facts.status if _status(case) else None
    return fresh is None or fresh.document.current[case.permit.id] == case.hash


def approved(case: Case) -> bool:
    """Whether the holder approved exactly this permit."""
    facts, signed = case.facts, case.facts.approval
    if signed is None or signed.kid not in facts.holders:
        return False
    said = signed.document
    return (said.permit, said.node) == (case.hash, facts.node) and said.at - SKEW <= facts.at


def _budget(case: Case) -> bool:
    return OPERATIONS[case.order.operation].individual or case.facts.spent < case.permit.scope.limits.budget


HIDDEN = Refusal(
    403,
    "permit",
    "No permit that counts here lets this key use this dataset.",
    "A permit that names the key, the node and the dataset, given by an authority that the holder accepts.",
)

RESTORED = Refusal(
    403,
    "restored",
    "The holder's records were restored from an older copy, so what it decided since then is not known here.",
    "The holder's word that it has made its decisions again.",
)

NO_ORDER = Refusal(
    401, "order", "No order came with this request.", "An order, signed with a key that the permit names."
)

ARRIVAL: tuple[tuple[Refusal, Callable[[Order, Facts], bool]], ...] = (
    (
        Refusal(401, "addressee", "The order is for another node.", "An order that names this node."),
        lambda order, facts: order.node == facts.node,
    ),
    (
        Refusal(
            401,
            "order time",
            "The order is not valid at this time: it is too early, too late, or made for too long.",
            "A new order, valid for at most 7 days, and machines that take their time from a time server (NTP).",
        ),
        _timely,
    ),
)

EVERY = frozenset(Kind)
GIVEN = EVERY - {Kind.OPEN}  # what a holder approves; public data it opens alone

# What is final comes first, and what only hides it later: nobody shall wait for a status, or ask for an approval, of a
# permit that was revoked, vetoed, amended or has ended.
RULES: tuple[tuple[Refusal, frozenset[Kind], Callable[[Case], bool]], ...] = (
    (
        Refusal(
            401,
            "delegation",
            "The delegation to this device does not count for this order.",
            "A delegation by a key of the permit to the key that signed the order, for this permit and operation, "
            "for at most 30 days.",
        ),
        EVERY,
        _delegated,
    ),
    (RESTORED, EVERY, lambda case: not case.facts.restored),
    (
        Refusal(
            403,
            "revocation",
            "The authority revoked the permit.",
            "A new permit; the authority knows the reasons.",
        ),
        GIVEN,
        _unrevoked,
    ),
    (
        Refusal(403, "veto", "The holder stopped the use of its data.", "The holder's consent."),
        EVERY,
        lambda case: case.facts.veto is None,
    ),
    (
        Refusal(
            403,
            "amendment",
            "The authority confirms another version of the permit than the order names.",
            "An order under the newest version of the permit.",
        ),
        GIVEN,
        _current,
    ),
    (
        Refusal(
            403,
            "period",
            "The permit has not begun, or has ended.",
            "A permit that is valid now; an extension is asked of the authority before the end.",
        ),
        EVERY,
        lambda case: case.permit.scope.begins <= case.facts.at < case.permit.scope.ends,
    ),
    (
        Refusal(
            403,
            "status",
            "The authority has not confirmed the permit to this node recently.",
            "A fresh status of the authority; it comes by itself when the authority and the hub can be reached.",
        ),
        GIVEN,
        _status,
    ),
    (
        Refusal(
            403,
            "newest status",
            "The status of the authority is older than one that this node has seen.",
            "The newest status of the authority.",
        ),
        GIVEN,
        _newest,
    ),
    (
        Refusal(
            403,
            "independence",
            "Somebody decided about their own permit.",
            "A decision and an approval with keys of people who do not use the data.",
        ),
        GIVEN,
        _independent,
    ),
    (
        Refusal(
            403,
            "version",
            "The permit does not cover this version of the dataset, or the version is not published any more.",
            "An order for a version that the permit covers and the node publishes.",
        ),
        EVERY,
        _version,
    ),
    (
        Refusal(
            403,
            "operation",
            "The permit does not cover this operation.",
            "An amendment of the permit that adds the operation.",
        ),
        EVERY,
        lambda case: case.order.operation in case.permit.scope.operations,
    ),
    (
        Refusal(
            403,
            "purpose",
            "The order names another purpose than the permit.",
            "An order for the purpose of the permit.",
        ),
        EVERY,
        lambda case: case.order.purpose is case.permit.scope.purpose,
    ),
    (
        Refusal(
            403,
            "environment",
            "Data about single persons are opened only in an environment that the permit names.",
            "To work in one of the permit's secure processing environments.",
        ),
        EVERY,
        _environment,
    ),
    (
        Refusal(
            403,
            "page key",
            "The holder does not accept this operation from a key that a web page keeps.",
            "A key of the command line (`hanse key new`) in the permit.",
        ),
        EVERY,
        _page,
    ),
    (
        Refusal(
            403,
            "approval",
            "The holder has not approved this version of the permit.",
            "The holder's approval, given on its node.",
        ),
        GIVEN,
        approved,
    ),
    (
        Refusal(
            403,
            "opt-out",
            "The node does not leave out the persons whom the permit leaves out.",
            "The list of persons who opted out, as it was when the permit was given.",
        ),
        GIVEN,
        lambda case: case.grant.opt_out == case.facts.opt_out,
    ),
    (
        Refusal(
            403,
            "consent",
            "The persons of the dataset did not consent to this purpose.",
            "A permit for a purpose to which they consented; the holder knows to which.",
        ),
        frozenset(
            {Kind.AGREEMENT}
        ),  # under EHDS Article 71 persons opt out; public data rest on nobody's consent
        lambda case: not case.facts.consented or case.permit.scope.purpose in case.facts.consented,
    ),
    (
        Refusal(
            403,
            "sealing",
            "The permit asks for answers that only the person can read, and the order has no reply key.",
            "An order with a reply key.",
        ),
        EVERY,
        lambda case: not case.permit.scope.sealed or case.order.reply_key is not None,
    ),
    (
        Refusal(
            403,
            "selection",
            "The dataset cannot apply a criterion of the selection.",
            "A selection with fields and values that the dataset has.",
        ),
        EVERY,
        lambda case: not case.facts.unapplied,
    ),
    (
        Refusal(
            403,
            "conditions",
            "A condition of the permit forbids this use.",
            "A use that fulfils the conditions, as the permit says them.",
        ),
        EVERY,
        lambda case: case.report.allowed,
    ),
    (
        Refusal(
            403,
            "budget",
            "As many orders were carried out under this permit as it allows.",
            "An amendment of the permit with a larger budget.",
        ),
        EVERY,
        _budget,
    ),
    (
        Refusal(
            401,
            "once",
            "This order was carried out before.",
            "A new order, with an id of its own.",
        ),
        EVERY,
        lambda case: not case.facts.executed,
    ),
)
