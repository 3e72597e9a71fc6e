"""The step of an analysis at a node: what an order asks to run, under which limits, and what it costs the dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hanse import analysis
from hanse.analysis.data import Table
from hanse.analysis.method import Method
from hanse.core import scope
from hanse.core.dataset import canonical
from hanse.core.errors import BadAnalysis
from hanse.core.fields import Field, Vocabulary
from hanse.core.policy import Access, Policy
from hanse.core.query import Question, ordered, to_text
from hanse.core.release import Limits, check_intermediate, dice
from hanse.node.ledger import DatasetLedger, secret
from hanse.node.store import Published


@dataclass(frozen=True, slots=True)
class Step:
    """A registered method with its parameters as this node reads them, and their fields. `limits` are what permit and
    holder ask, the stricter of each. `words` name the analysis in the dataset's ledger: what has the same words is the
    same table with the same noise."""

    method: Method[Any, Any]
    parameters: Any
    fields: tuple[Field, ...]
    limits: Limits
    words: str

    def charge(self, connection: sa.Connection, node_secret: bytes, published: Published) -> None:
        """Enters the analysis into the dataset's ledger; `Refused` when it has given out all it may. Public data have
        nothing to keep."""
        policy = published.policy
        if policy.access is not Access.OPEN:
            held = DatasetLedger(connection, node_secret, published.manifest.dataset)
            held.analyse(self.words, self.method.tables(self.parameters), policy.analyses)

    def carried_out(
        self, table: Table, spent: int, node_secret: bytes, published: Published
    ) -> dict[str, Any]:
        """The intermediate that leaves the node; `Refused` when it may not."""
        exact = self.method.step(table, self.parameters)
        # What was counted is in it too, so that the same words never have the same noise over other persons.
        seed = self.words.encode() + canonical(exact)
        draw = dice(secret(node_secret, published.manifest.dataset), seed, self.limits)
        check_intermediate(table.persons, spent, self.limits, draw)
        return self.method.carried(exact, self.parameters, self.limits.noise, draw)


def read(
    name: str,
    parameters: Mapping[str, Any],
    question: Question,
    published: Published,
    permitted: scope.Limits,
    vocabulary: Vocabulary,
) -> Step:
    """What is to run on the persons of a question; raises `BadAnalysis` before anything is opened."""
    method = analysis.find(name)
    understood = method.read(parameters, vocabulary)
    fields = method.fields(understood)
    if missing := sorted(set(fields) - set(published.manifest.columns)):
        raise BadAnalysis(
            f"The dataset has no data in {missing[0]}.",
            hint="Leave the dataset out, or choose another field.",
            rule="parameters",
        )
    limits = _limits(published.policy, permitted)
    asked = to_text(ordered(question.root)), name, method.canonical(understood)
    # Another version, or other dice, would be another draw for the same words: each is charged.
    words = canonical([published.digest, limits.noise, *asked]).decode()
    return Step(method, understood, tuple(vocabulary.fields[one] for one in fields), limits, words)


def _limits(policy: Policy, permitted: scope.Limits) -> Limits:
    least = 2 if policy.access is Access.OPEN else policy.threshold
    noise = max(policy.analysis_noise, permitted.noise)
    return Limits(minimum=max(least, permitted.minimum), steps=permitted.budget, noise=noise)
