"""The decision: whether one use of data is allowed, as one pure function over everything that is known.

The rules (`rules`) are asked in order; the first that does not hold is the refusal. Who has no permit here learns
nothing: an unknown permit, authority, person and dataset are refused in the same words. Who has one learns which rule
refuses and what would be needed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hanse.core import terms
from hanse.core.document import Signed
from hanse.core.errors import BadEnvelope, Problem, Refused
from hanse.core.order import Delegation, Order
from hanse.core.permit import Kind, Permit
from hanse.core.query import And, Everyone, Node
from hanse.core.rules import ARRIVAL, HIDDEN, NO_ORDER, RULES, Case, Facts, Refusal, approved
from hanse.core.scope import OPERATIONS, Operation, Person, selected


@dataclass(frozen=True, slots=True)
class Use:
    """What somebody asks: the order, and the delegation when a device signed it. Their signatures were verified."""

    order: Signed[Order] | None
    delegation: Signed[Delegation] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`refusal` is None when the use is allowed. `reason` is for the holder's own log: it tells apart what the asker
    cannot. `selection` is what may be opened: what the permit selects and the order too."""

    refusal: Refusal | None
    reason: str
    case: Case | None = None
    selection: Node | None = None

    @property
    def allowed(self) -> bool:
        return self.refusal is None


def decide(use: Use, facts: Facts) -> Decision:
    """Whether `use` is allowed."""
    if use.order is None:
        return Decision(NO_ORDER, NO_ORDER.rule)
    order = use.order.document
    if refused := next((one for one, holds in ARRIVAL if not holds(order, facts)), None):
        return Decision(refused, refused.rule)
    case = _find(use.order, use.delegation, facts)
    if isinstance(case, str):
        return Decision(HIDDEN, case)
    for rule, kinds, holds in RULES:
        if case.permit.kind in kinds and not holds(case):
            return Decision(_naming(rule, case), rule.rule, case)
    return Decision(None, "allowed", case, _selection(case))


# What a refusal says of its case beside the words of the rule: never a value of a question.
NAMING: Mapping[str, Callable[[Case], str]] = {
    "selection": lambda case: f"It concerns {', '.join(case.facts.unapplied)}.",
    "conditions": lambda case: " ".join(case.report.reasons),
}


def _naming(rule: Refusal, case: Case) -> Refusal:
    said = NAMING.get(rule.rule)
    return replace(rule, words=f"{rule.words} {said(case)}") if said else rule


def problem(refusal: Refusal) -> Problem:
    """A refusal as the problem that the asker gets."""
    kind = BadEnvelope if refusal.status == 401 else Refused
    return kind(refusal.words, hint=refusal.needed, rule=refusal.rule)


def _find(order: Signed[Order], delegation: Signed[Delegation] | None, facts: Facts) -> Case | str:
    """What the order belongs to; or which part nobody here knows, for the log."""
    permit, asked = facts.permit, order.document
    if permit is None or permit.hash != asked.permit:
        return "permit unknown"
    said = permit.document
    if permit.kid != said.authority.kid or said.kind not in facts.authorities.get(permit.kid, ()):
        return "authority unknown"
    person, key = said.scope.key(delegation.kid if delegation else order.kid) or (None, None)
    if person is None and said.kind is not Kind.OPEN:
        return "person unknown"
    grant = said.scope.grant(facts.node, asked.dataset)
    if grant is None:
        return "dataset not in the permit"
    # Public data need no approval, so no authority may say what is public.
    if said.kind is Kind.OPEN and not facts.public:
        return "dataset not public"
    report = _conditions(said, asked.operation, person, facts)
    case = Case(asked, delegation, said, permit.hash, grant, person, key, order.kid, report, facts)
    # Whose permit the holder approved may know that the dataset is there no more; an authority that guesses names not.
    return case if facts.versions or approved(case) else "dataset unknown"


def _selection(case: Case) -> Node:
    """What both the permit and the order select: a person must satisfy the two with the same rows."""
    both = [selected(one) for one in (case.permit.scope.selection, case.order.selection)]
    narrow = tuple(one for one in both if not isinstance(one, Everyone))
    return And(narrow) if len(narrow) == 2 else narrow[0] if narrow else Everyone()


def _conditions(permit: Permit, operation: Operation, person: Person | None, facts: Facts) -> terms.Report:
    return terms.evaluate(
        permit.scope.conditions,
        OPERATIONS[operation].action,
        {
            "purpose": permit.scope.purpose,
            "dateTime": facts.at,
            "spatial": person.country if person else None,
            "recipientRole": person.role if person else None,
            "environment": facts.environment or None,
            "count": facts.spent,
            "kThreshold": permit.scope.limits.minimum,
        },
    )
