"""Uses under permits: what a node knows when an order comes, what it decides, and what it writes down.

Deciding, logging and taking the order is one transaction, before data are opened. Signing, logging and keeping the
answer is another, in which the decision is made again: a veto, a revocation or an end in mid-run stops what would
leave. The log says who, which permit, which version, which operation and what was decided; never parameters or
selections.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from hanse import __version__
from hanse.core import clock, decision, result, rules
from hanse.core.answer import CriterionState
from hanse.core.check import check_rows, criterion_state
from hanse.core.decision import Decision, Use
from hanse.core.document import Signed
from hanse.core.errors import BadAnalysis, Problem, Refused
from hanse.core.fields import Vocabulary
from hanse.core.order import Order
from hanse.core.permit import Permit
from hanse.core.policy import Access
from hanse.core.query import Node, Question, criteria
from hanse.core.result import Result
from hanse.core.rules import Case, Facts
from hanse.core.scope import Operation, selected
from hanse.lib import jws, log, seal, sql
from hanse.lib.continuity import Continuity
from hanse.lib.jws import PublicKey
from hanse.node import orders
from hanse.node import step as steps
from hanse.node.orders import Orders
from hanse.node.permits import Permits, left_out
from hanse.node.step import Step
from hanse.node.store import Published, Store

OFFERED = frozenset({Operation.COUNT, Operation.ANALYSE})
PAGE_OPERATIONS = OFFERED  # numbers only: what keys that a web page keeps may order


@dataclass(frozen=True, slots=True)
class Admitted:
    """An order that may be carried out now. `answer` is what it got before, when it was answered already."""

    order: Signed[Order]
    token: str
    delegation: str
    case: Case
    published: Published
    question: Question
    step: Step | None
    spent: int
    entry: log.Entry | None
    answer: str = ""


class Uses:
    """The uses of the data in one store, under the permits of one node."""

    def __init__(
        self,
        store: Store,
        permits: Permits,
        vocabulary: Vocabulary,
        status_age: timedelta,
        environment: str = "",
    ) -> None:
        """`status_age` is how old an authority's word may be, `environment` where this node is, as its owner says."""
        self.permits = permits
        self._environment = environment
        self.orders = Orders(store.records, store.home / "results")
        self._store, self._vocabulary, self._status_age = store, vocabulary, status_age
        self._continuity = Continuity(store.home)

    def restored(self) -> bool:
        """Whether the records are an older copy for which the holder has not answered yet."""
        with sql.begin(self._store.records) as connection:
            return bool(self._continuity.broken(connection))

    def admit(self, token: str, delegation: str, live: Sequence[Published]) -> Admitted:
        """Decides about an order and commits the decision to the log; an order that is allowed is begun with it.

        Raises the problem that the asker gets."""
        claimed = orders.claimed(token)
        published = _named(live, claimed)
        outcome = self._store.commits.run(
            lambda connection: self._admit(connection, token, delegation, published)
        )
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    def _admit(
        self, connection: sa.Connection, token: str, delegation: str, published: Published | None
    ) -> Admitted | Problem:
        use, facts = self.known(connection, token, delegation, published)
        found = decision.decide(use, facts)
        if use.order is None or found.refusal is not None or found.case is None or published is None:
            refusal = found.refusal or rules.HIDDEN
            if facts.permit is None and self.permits.permit(connection, orders.claimed(token).permit):
                found = replace(found, reason="signed by no key of the permit")
            self._refused(connection, use, found, refusal.rule)
            return decision.problem(refusal)
        before = self.orders.begun(connection, use.order.hash)
        try:
            answer = self.orders.kept(use.order.hash, before) if before else ""
            question = self._question(found.selection)
            step = self._step(found.case, published, question)
            if step and not answer:
                step.charge(connection, self._store.keys.secret, published)
        except Problem as problem:
            self._refused(connection, use, found, _rule(problem))
            return problem
        admitted = Admitted(
            use.order, token, delegation, found.case, published, question, step, facts.spent, None, answer
        )
        entry = self._begun(connection, admitted)
        return replace(admitted, entry=entry)

    def known(
        self, connection: sa.Connection, token: str, delegation: str, published: Published | None
    ) -> tuple[Use, Facts]:
        """The use and the facts. An order that no key of a permit signed is decided about like one under a permit that
        nobody here knows: in the same words."""
        claimed = orders.claimed(token)
        held = self.permits.permit(connection, claimed.permit)
        use = orders.read(token, delegation, held)
        if use is None:
            held = None
            use = Use(Signed(claimed, jws.key_id(token), jws.identity(token)))
        return use, self._facts(connection, use, held, published)

    def _facts(
        self, connection: sa.Connection, use: Use, held: Signed[Permit] | None, published: Published | None
    ) -> Facts:
        permits = self.permits
        facts = Facts(
            at=clock.now(),
            node=permits.node,
            authorities={kid: one.kinds for kid, one in permits.authorities.items()},
            holders=frozenset({self._store.keys.signing.public.kid}),
            permit=held,
            status=None,
            status_number=0,
            approval=None,
            veto=None,
            versions=(published.manifest.version,) if published else (),
            environment=self._environment,
            page_operations=PAGE_OPERATIONS,
            public=published is not None and published.policy.access is Access.OPEN,
            consented=published.policy.consented if published else (),
            status_age=self._status_age,
        )
        if held is None or use.order is None:
            return facts
        said = held.document
        status, (approval, veto) = permits.status(connection, held.kid), permits.decided(connection, held)
        grant = said.scope.grant(permits.node, use.order.document.dataset)
        opt_out = grant.opt_out if grant else ""
        return replace(
            facts,
            status=status,
            status_number=status.document.number if status else 0,
            approval=approval,
            veto=veto,
            unapplied=self._unapplied(said, use.order.document, published),
            opt_out=left_out(connection, self._store.keys.secret, use.order.document.dataset, opt_out),
            spent=self.orders.spent(connection, said.id, but=use.order.hash),
            restored=bool(self._continuity.broken(connection)),
        )

    def _unapplied(self, permit: Permit, order: Order, published: Published | None) -> tuple[str, ...]:
        """The fields of the criteria of permit and order that the dataset cannot apply."""
        columns = frozenset(published.manifest.columns if published else ())
        uses = (one for text in (permit.scope.selection, order.selection) for one in criteria(selected(text)))
        found = (
            one.field
            for one in uses
            if criterion_state(one, self._vocabulary, columns) is not CriterionState.APPLIED
        )
        return tuple(dict.fromkeys(found))

    def _question(self, selection: Node | None) -> Question:
        assert selection is not None
        question = Question(selection)
        check_rows(question, self._vocabulary)
        return question

    def _step(self, case: Case, published: Published, question: Question) -> Step | None:
        """What is to run; None for a count. Raises `Refused`, `BadAnalysis` or, for a reply key that is none,
        `BadInput` before anything is opened."""
        order, limits = case.order, case.permit.scope.limits
        if order.reply_key is not None:
            PublicKey.from_jwk(order.reply_key)
        if order.operation not in OFFERED:
            raise Refused(
                f"This node offers no operation {order.operation}.",
                hint=f"It offers {', '.join(sorted(OFFERED))}.",
                rule="operation",
            )
        if order.operation is Operation.COUNT:
            if order.method or order.parameters:
                raise BadAnalysis(
                    "A count has no method and no parameters.", hint="Leave both empty.", rule="parameters"
                )
            return None
        return steps.read(order.method, order.parameters, question, published, limits, self._vocabulary)

    def _begun(self, connection: sa.Connection, admitted: Admitted) -> log.Entry:
        """The entry without which nothing is opened, and the order that is taken with it."""
        order, permit = admitted.order.document, admitted.case.permit
        body = {
            "who": _who(admitted.case, admitted.order.kid),
            "permit": permit.id,
            "operation": order.operation,
            "reference": admitted.order.hash,
        }
        if admitted.answer:
            return log.append(connection, "redelivery", body)
        entry = log.append(
            connection, "use", body | {"opened": [admitted.published.manifest.id], "decision": "allowed"}
        )
        self.orders.begin(connection, admitted.order, permit.id, entry.number)
        return entry

    def _refused(self, connection: sa.Connection, use: Use, found: Decision, rule: str) -> None:
        """The owner's log says what the asker is not told."""
        assert use.order is not None
        order = use.order.document
        body = {
            "who": _who(found.case, use.order.kid),
            "permit": found.case.permit.id if found.case else order.permit,
            "operation": order.operation,
            "reference": use.order.hash,
            "dataset": f"{order.dataset}@{order.version}",
            "decision": rule,
            "reason": found.reason,
        }
        log.append(connection, "refusal", body)

    def answer(self, admitted: Admitted, aggregate: dict[str, Any]) -> str:
        """Decides again, signs, logs and keeps: the answer. Raises when the use is allowed no more, and
        when the result cannot be kept, as on a full disk: then it is not given either."""
        try:
            live = [one for one in self._store.live() if one.digest == admitted.published.digest]
            published = _named(live, admitted.order.document)
            outcome = self._store.commits.run(
                lambda connection: self._answered(connection, admitted, aggregate, published)
            )
        except Exception as error:
            self.end(admitted, error if isinstance(error, Problem) else Problem("The result was not kept."))
            raise
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    def _answered(
        self,
        connection: sa.Connection,
        admitted: Admitted,
        aggregate: dict[str, Any],
        published: Published | None,
    ) -> str | Problem:
        use, facts = self.known(connection, admitted.token, admitted.delegation, published)
        found = decision.decide(use, facts)
        problem = decision.problem(found.refusal) if found.refusal else _changed(admitted, published)
        if problem is None:
            answer = self._sign(admitted, aggregate)
            self._left(connection, admitted, answer)
            self.orders.keep(connection, admitted.order.hash, answer)
            return answer
        self._refused(connection, use, found, str(problem.more["rule"]))
        self.orders.end(connection, admitted.order.hash)
        return problem

    def end(self, admitted: Admitted, problem: Problem) -> None:
        """Notes that an order ended without an answer, and why."""
        rule = _rule(problem)

        def ended(connection: sa.Connection) -> None:
            self._refused(connection, Use(admitted.order), Decision(None, "begun", admitted.case), rule)
            self.orders.end(connection, admitted.order.hash)

        self._store.commits.run(ended)

    def _sign(self, admitted: Admitted, aggregate: dict[str, Any]) -> str:
        """The answer; sealed to the reply key where the order names one, which a permit can demand."""
        assert admitted.entry is not None
        order, signer = admitted.order, self._store.keys.signing
        said = Result(
            order=order.hash,
            permit=admitted.case.hash,
            node=self.permits.node,
            dataset=order.document.dataset,
            version=admitted.published.manifest.version,
            manifest=admitted.published.digest,
            software=f"hanse {__version__}",
            entry_number=admitted.entry.number,
            entry_hash=admitted.entry.hash,
            at=clock.now(),
            aggregate=aggregate,
            sealed="",
        )
        shown, disclosure = result.apart(said, secrets.token_bytes(16))
        if order.document.reply_key is not None:
            disclosure = seal.seal(disclosure.encode(), order.document.reply_key)
        return result.join(jws.issue(signer, shown, result.TYP), disclosure)

    def _left(self, connection: sa.Connection, admitted: Admitted, answer: str) -> None:
        order, (token, _) = admitted.order.document, result.split(answer)
        body = {
            "permit": admitted.case.permit.id,
            "reference": admitted.order.hash,
            "entry": admitted.entry.number if admitted.entry else 0,
            "left": f"intermediate of {order.method}" if admitted.step else "count",
            "sealed": order.reply_key is not None,
            "bytes": len(answer),
            "result": jws.identity(token, limit=result.MAX_TOKEN),
        }
        log.append(connection, "result", body)


def _changed(admitted: Admitted, published: Published | None) -> Problem | None:
    """Why what was made under the holder's rules of before must not leave; None when they are the same."""
    if published is not None and published.policy == admitted.published.policy:
        return None
    return Refused(
        "The holder changed the rules of the dataset meanwhile.",
        hint="A new order is carried out under the new ones.",
        rule="policy",
    )


def _named(live: Sequence[Published], order: Order) -> Published | None:
    return next((one for one in live if one.manifest.dataset == order.dataset), None)


def _rule(problem: Problem) -> str:
    """The rule that refused, which the asker is told too; what is no rule of a decision goes by its own name."""
    return str(problem.more.setdefault("rule", problem.slug))


def _who(case: Case | None, kid: str) -> str:
    person = case.person if case else None
    return f"{person.name}, {person.organisation}, key {kid}" if person else f"whoever claims key {kid}"
