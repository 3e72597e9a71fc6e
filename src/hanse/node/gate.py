"""The one door to published data.

Who wants something says who they are and what they want; the gate decides for every dataset, commits the audit entry,
and only then are rows read. Nothing else in Hanse answers from the rows of a version (`tests/test_layers.py` holds
that; withdrawing a person rewrites them). Without a permit, what an asker may learn is the dataset's policy, and no
number leaves but through `core.disclosure` (`Gate.count`). An order under a permit (`Gate.use`) gets what both the
permit and the policy allow.
"""

import hmac
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hanse.core import disclosure
from hanse.core.answer import Cell, Counts, CriterionAnswer, CriterionState, DatasetAnswer, Rule
from hanse.core.bands import banded
from hanse.core.check import cell, check_rows, criterion_state, is_single
from hanse.core.dataset import canonical
from hanse.core.disclosure import Asked, Cohort
from hanse.core.errors import NotSetUp, Problem
from hanse.core.fields import PERSON, Field, Vocabulary
from hanse.core.policy import Access, Policy
from hanse.core.query import Everyone, IsNull, Not, Question, criteria, entity, ordered, to_text
from hanse.core.reading import read
from hanse.core.record import Record, Version, spoken
from hanse.lib import log, sql
from hanse.node import portrait
from hanse.node.index import Found, Index, Selection, Sums, open_index
from hanse.node.ledger import DatasetLedger
from hanse.node.portrait import Portrait
from hanse.node.store import Published, Store
from hanse.node.uses import Admitted, Uses

EVERYONE = Question(Everyone())


@dataclass(frozen=True, slots=True)
class Visit:
    """Who comes to the door, and for what; `reference` is the asker's own id of it, for the log."""

    who: str
    operation: str
    reference: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the gate decided for one dataset: the question as this dataset answers it, None when it does not."""

    number: int
    published: Published
    criteria: tuple[CriterionAnswer, ...]
    question: Question | None


@dataclass(frozen=True)
class _Open:
    """One state of the published data, and what was released of each dataset as a whole."""

    fingerprint: tuple[object, ...]
    index: Index
    known: Mapping[str, Portrait]


class Gate:
    """Guards the data in one store. Counts in several threads at once; `refresh` may run beside them."""

    def __init__(
        self,
        store: Store,
        vocabulary: Vocabulary,
        cache: Path,
        *,
        uses: Uses | None = None,
        memory_mb: int = 1024,
        threads: int = 2,
    ) -> None:
        """Without `uses`, no order is carried out."""
        self._uses = uses
        self._store = store
        self._vocabulary = vocabulary
        self._cache = cache
        self._limits = {"memory_mb": memory_mb, "threads": threads}
        self._refreshing = threading.Lock()
        self._open: _Open | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Takes up what was published, withdrawn or decided since; whether there was anything."""
        with self._refreshing:
            live = self._store.live()
            fingerprint = tuple((one.digest, one.description, one.policy) for one in live)
            if self._open is not None and self._open.fingerprint == fingerprint:
                return False
            index = open_index(live, self._vocabulary, self._cache, **self._limits)
            self._open = _Open(fingerprint, index, self._known(index))
            return True

    def count(
        self, visit: Visit, source: Any, breakdowns: Sequence[str] = (), datasets: Sequence[str] = ()
    ) -> tuple[DatasetAnswer, ...]:
        """How many persons, studies and series a question selects in each of these datasets (in all, when none is
        named), as far as their policies say.

        `source` is CQL2 as it came; it is read with this node's own vocabulary. Raises `BadQuestion` or
        `QuestionTooCostly`. Fields of `breakdowns` that a dataset lacks are left out of its answer.
        """
        held = self._held()
        question = read(source)
        known = (self._vocabulary.get(name) for name in dict.fromkeys(breakdowns))
        fields = [field for field in known if field and field.breakdown]
        plans = [
            self._plan(number, one, question, held)
            for number, one in enumerate(held.index.published)
            if not datasets or one.manifest.dataset in datasets
        ]
        answering = [plan for plan in plans if plan.question is not None]
        if answering:
            check_rows(question, self._vocabulary)
        self._audit(visit, question, answering)
        selections: dict[Question, tuple[Selection, Sums]] = {}
        for plan in plans:
            if plan.question is not None and plan.question not in selections:
                selection = held.index.select(plan.question)
                selections[plan.question] = (selection, held.index.sums(selection))
        found = [self._found(plan, held, selections, fields) for plan in plans]
        if not any(plan.published.policy.access is Access.PROTECTED for plan in answering):
            return tuple(self._answer(*one, None) for one in zip(plans, found, strict=True))
        return self._store.commits.run(
            lambda connection: tuple(self._answer(*one, connection) for one in zip(plans, found, strict=True))
        )

    def use(self, order: str, delegation: str = "") -> str:
        """Carries out an order (a token, and the delegation to the device that signed it, or an empty text): the token
        of the signed result (`core.result`).

        The same order gets the same result until it expires, and is never carried out twice. Raises the problem that
        the asker gets: `core.decision` says which, `BadAnalysis` for what cannot be computed.
        """
        if self._uses is None:
            raise NotSetUp("This node takes no orders.", hint="Run `hanse node init` first.")
        held = self._held()
        admitted = self._uses.admit(order, delegation, held.index.published)
        if admitted.answer:
            return admitted.answer
        try:
            aggregate = self._carry_out(admitted, held)
        except Exception as error:
            self._uses.end(admitted, error if isinstance(error, Problem) else Problem("The step failed."))
            raise
        return self._uses.answer(admitted, aggregate)

    def _carry_out(self, admitted: Admitted, held: _Open) -> dict[str, Any]:
        """Opens what was decided: the intermediate of a registered step, or a count through the dataset's ledger."""
        published, question = admitted.published, admitted.question
        number = held.index.published.index(published)
        selection = held.index.select(question)
        if admitted.step is None:
            cohort = held.index.cohort(selection, number)
            return self._store.commits.run(lambda connection: self._counted(connection, admitted, cohort))
        table = held.index.table(selection, number, admitted.step.fields)
        return admitted.step.carried_out(table, admitted.spent, self._store.keys.secret, published)

    def _counted(self, connection: sa.Connection, admitted: Admitted, cohort: Cohort) -> dict[str, Any]:
        """The count that everybody gets, as far as the permit lets it be known."""
        policy, limits = _under_a_permit(admitted.published.policy), admitted.case.permit.scope.limits
        with self._ledger(connection, admitted.published) as ledger:
            counts = disclosure.decide(cohort, policy, ledger, self._asked(admitted.question))
            bound = disclosure.bound(counts, policy, limits.minimum, limits.rounding, ledger.persons)
        return asdict(bound)

    @property
    def grid_ms(self) -> int:
        """The time grid on which answers leave the node; 0 when everything here is public."""
        policies = [one.policy for one in self._held().index.published]
        return max((one.grid_ms for one in policies if one.access is not Access.OPEN), default=0)

    def records(self) -> tuple[Record, ...]:
        """The datasets as the catalogue may know them."""
        held = self._held()
        versions: dict[str, list[Version]] = {}
        for one in self._store.versions():
            version = Version(
                one.manifest.version, one.digest, one.manifest.created, withdrawn=bool(one.withdrawn)
            )
            versions.setdefault(one.manifest.dataset, []).append(version)
        return tuple(
            portrait.record(one, held.known[one.manifest.dataset], versions[one.manifest.dataset])
            for one in held.index.published
        )

    def _held(self) -> _Open:
        assert self._open is not None
        return self._open

    def _plan(self, number: int, published: Published, question: Question, held: _Open) -> _Plan:
        """Decides, without opening anything, how one dataset answers."""
        columns = held.known[published.manifest.dataset].columns
        states = [
            CriterionAnswer(to_text(use), criterion_state(use, self._vocabulary, columns))
            for use in criteria(question.root)
        ]
        if published.policy.access is Access.NONE or any(
            one.state is not CriterionState.APPLIED for one in states
        ):
            return _Plan(number, published, tuple(states), None)
        if published.policy.access is Access.OPEN:
            return _Plan(number, published, tuple(states), question)
        coarse = banded(question, self._vocabulary)
        noted = [
            state
            if to_text(asked) == state.criterion
            else replace(state, note=_BANDED.format(to_text(asked)))
            for state, asked in zip(states, criteria(coarse.root), strict=True)
        ]
        return _Plan(number, published, tuple(noted), coarse)

    def _audit(self, visit: Visit, question: Question, plans: Sequence[_Plan]) -> None:
        """Commits what is about to be read. The question is named by a keyed digest: its values stay out of the log."""
        digest = hmac.digest(self._store.keys.secret, b"question" + canonical(question.json), "sha256").hex()
        body = {
            "who": visit.who,
            "operation": visit.operation,
            "reference": visit.reference,
            "question": digest[:32],
            "opened": [plan.published.manifest.id for plan in plans],
        }
        self._store.commits.run(lambda connection: log.append(connection, "use", body))

    def _found(
        self,
        plan: _Plan,
        held: _Open,
        selections: Mapping[Question, tuple[Selection, Sums]],
        fields: Sequence[Field],
    ) -> Found | tuple[int, int, int] | None:
        """What the question selects in one dataset; of public data without a breakdown, only how many."""
        if plan.question is None:
            return None
        selection, sums = selections[plan.question]
        columns = held.known[plan.published.manifest.dataset].columns
        fields = [field for field in fields if field.name in columns]
        if plan.published.policy.access is Access.OPEN and not fields:
            return sums.of(plan.number)
        return held.index.found(selection, plan.number, fields)

    def _answer(
        self, plan: _Plan, found: Found | tuple[int, int, int] | None, connection: sa.Connection | None
    ) -> DatasetAnswer:
        published = plan.published
        counts = Counts(Rule.NOT_COUNTED)
        cells: dict[str, tuple[Cell, ...]] = {}
        if isinstance(found, tuple):
            counts = disclosure.open_counts(*found)
        elif found is not None and plan.question is not None:
            with self._ledger(connection, published) as ledger:
                door = _Door(published.policy, ledger)
                counts, cells = door.answer(plan.question, self._asked(plan.question), found)
        return DatasetAnswer(
            dataset=published.manifest.dataset,
            name=published.manifest.name,
            title=spoken(published.description.title),
            version=published.manifest.version,
            access=published.policy.access,
            criteria=plan.criteria,
            counts=counts,
            breakdowns=cells,
        )

    def _ledger(self, connection: sa.Connection | None, published: Published) -> DatasetLedger:
        return DatasetLedger(connection, self._store.keys.secret, published.manifest.dataset)

    def _asked(self, question: Question) -> Asked:
        one = cell(question, self._vocabulary)
        if one is not None:  # the same number twice with different noise would be half as well protected
            return Asked(_by(EVERYONE, one[0]), single=True, value=one[1])
        return Asked(_text(question), single=is_single(question, self._vocabulary))

    def _known(self, index: Index) -> dict[str, Portrait]:
        """What may be known of every dataset; new versions are entered into their ledgers."""
        everyone = index.select(EVERYONE)
        having = self._having(index)
        fields = portrait.fields(self._vocabulary)
        known = {}
        with sql.begin(self._store.records) as connection:
            for number, one in enumerate(index.published):
                with self._ledger(connection, one) as ledger:
                    if one.policy.access is not Access.OPEN:
                        ledger.enter(one.manifest.version, partial(index.roster, number), one.policy)
                    door, columns = _Door(one.policy, ledger), one.manifest.columns
                    asked = [field for field in fields if field.name in having[number]]
                    total, cells = door.answer(
                        EVERYONE, self._asked(EVERYONE), index.found(everyone, number, asked)
                    )
                    variables = door.fields(having[number])
                    listed = dict.fromkeys(columns, total) if one.policy.access is Access.NONE else variables
                    known[one.manifest.dataset] = Portrait(total, listed, cells)
        return known

    def _having(self, index: Index) -> list[dict[str, Cohort | Counts]]:
        """For every dataset that answers questions, and each of its fields, who has a value in it; of public data only
        how many. One field after the other: all selections of a large index together would fill the memory."""
        having: list[dict[str, Cohort | Counts]] = [{} for _ in index.published]
        for name in sorted({name for one in index.published for name in one.manifest.columns}):
            selection = index.select(Question(Not(IsNull(name))))
            sums = index.sums(selection)
            for number, one in enumerate(index.published):
                if name in one.manifest.columns and one.policy.access is Access.OPEN:
                    having[number][name] = disclosure.open_counts(*sums.of(number))
                elif name in one.manifest.columns and one.policy.access is Access.PROTECTED:
                    having[number][name] = index.cohort(selection, number)
        return having


@dataclass(frozen=True, slots=True)
class _Door:
    """One dataset, as its policy lets it be counted."""

    policy: Policy
    ledger: DatasetLedger

    def answer(
        self, question: Question, asked: Asked, found: Found
    ) -> tuple[Counts, dict[str, tuple[Cell, ...]]]:
        """The counts and the breakdowns. Values that nobody has are left out of these, and so are those whose counts
        are withheld: that a value occurs at all is a number too."""
        by = {
            name: Asked(_by(question, name), question == EVERYONE, 1 if entity(name) == PERSON else 3)
            for name in found.cells
        }
        if self.policy.access is Access.PROTECTED:
            self.ledger.recall([asked.text, *(one.text for one in by.values())])
        counts = disclosure.decide(found.cohort, self.policy, self.ledger, asked)
        cells = {}
        for name, one in by.items():
            released = disclosure.breakdown(found.cells[name], self.policy, self.ledger, one)
            cells[name] = tuple(Cell(value, number) for value, number in released.items() if number.persons)
        return counts, cells

    def fields(self, having: Mapping[str, Cohort | Counts]) -> dict[str, Counts]:
        """The fields of which enough persons have a value, with their counts, given those who have one, or of public
        data how many have."""
        asked = Asked("has a value in", single=True)
        cohorts = {name: one for name, one in having.items() if isinstance(one, Cohort)}
        counted = {name: one for name, one in having.items() if isinstance(one, Counts)}
        released = counted | disclosure.breakdown(cohorts, self.policy, self.ledger, asked)
        return {name: counts for name, counts in released.items() if counts.known}


def _text(question: Question) -> str:
    """How the ledger knows a question."""
    return to_text(ordered(question.root))


def _by(question: Question, field: str) -> str:
    return f"{_text(question)}\nby {field}"


def _under_a_permit(policy: Policy) -> Policy:
    """How a dataset counts under a permit. The holder who approved one lets a dataset that answers nobody else answer
    under it."""
    return replace(policy, access=Access.PROTECTED) if policy.access is Access.NONE else policy


_BANDED = "Answered as {}: without a permit, ages are known in bands."
