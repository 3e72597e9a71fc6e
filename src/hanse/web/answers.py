"""Answers as they stand on the page and in a table: what is known so far, and how it is said."""

import csv
import io
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from hanse.core.answer import CriterionState, DatasetAnswer, NodeAnswer, NodeState, Rule, Totals, totals
from hanse.core.errors import Problem
from hanse.core.query import Question
from hanse.core.words import CRITERIA, RULES, STATES, UNITS, not_applied, place, ranked
from hanse.web.charts import Chart
from hanse.web.language import N_, address, ngettext
from hanse.web.language import gettext as _
from hanse.web.saying import number

SHOWN = 8  # datasets of one node that are shown at once
MOST_ROWS = 200  # of one node's datasets; a node can claim thousands
MOST_NOTES = 5  # remarks on one dataset
MOST_APPLIED = 50  # datasets of one application
LONGEST = 2000  # characters of a question in the address of an application
PROTECTED = (Rule.ROUNDED, Rule.WITHHELD, Rule.EARLIER, Rule.CAPPED)

UNIT_WORDS = (N_("persons"), N_("studies"), N_("series"))
RULE_WORDS = {
    Rule.EXACT: N_("exact"),
    Rule.ROUNDED: N_("rounded"),
    Rule.WITHHELD: N_("withheld"),
    Rule.EARLIER: N_("earlier answer"),
    Rule.CAPPED: N_("too many questions"),
    Rule.NOT_COUNTED: N_("not counted"),
}
TONES = {
    NodeState.ANSWERED: "good",
    NodeState.WAITING: "info",
    NodeState.LATE: "warn",
    NodeState.OFFLINE: "",
    NodeState.REFUSED: "warn",
    NodeState.FAILED: "bad",
}


@dataclass
class Progress:
    """What is known of the answers to a question so far."""

    question: str = ""
    nodes: dict[str, NodeAnswer] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    done: bool = False
    charts: list[Chart] = field(default_factory=list)

    @property
    def totals(self) -> Totals:
        return totals(self.nodes.values())

    @property
    def datasets(self) -> list[DatasetAnswer]:
        return [dataset for node in self.nodes.values() for dataset in node.datasets]

    @property
    def heard(self) -> int:
        return sum(node.state is not NodeState.WAITING for node in self.nodes.values())

    @property
    def rules(self) -> list[Rule]:
        """The rules that made at least one of the numbers shown."""
        made = {one.counts.rule for one in self.datasets}
        return [rule for rule in Rule if rule in made]

    @property
    def apply(self) -> str:
        """The form of an application for the datasets that protect what they hold; empty when none does."""
        ids = [one.dataset for one in self.datasets if one.counts.rule in PROTECTED][:MOST_APPLIED]
        query = urlencode([*self._asked, *(("dataset", id) for id in ids)], quote_via=quote)
        return f"{address('/apply')}?{query}" if ids else ""

    @property
    def analyse(self) -> str:
        """The permits of this browser, under which the question can be a selection."""
        return f"{address('/mine')}?{urlencode(self._asked, quote_via=quote)}"

    @property
    def _asked(self) -> list[tuple[str, str]]:
        return [("q", self.question)] if len(self.question) <= LONGEST else []


@dataclass(frozen=True, slots=True)
class Folded:
    """Datasets that are folded away behind one line; `left` are those that are not even there."""

    label: str
    datasets: list[DatasetAnswer]
    reasons: list[str]
    left: int


def first_and_folded(node: NodeAnswer) -> tuple[list[DatasetAnswer], list[Folded]]:
    """A node's datasets as they are shown: the largest at once, the others folded away in groups."""
    telling, uncounted, zero = ranked(node)
    more = telling[SHOWN:]
    groups: tuple[tuple[str, list[DatasetAnswer], list[str]], ...] = (
        (ngettext("%(n)s more dataset", "%(n)s more datasets", len(more)), more, []),
        (ngettext("%(n)s dataset with 0 persons", "%(n)s datasets with 0 persons", len(zero)), zero, []),
        (
            ngettext("%(n)s dataset not counted", "%(n)s datasets not counted", len(uncounted)),
            uncounted,
            reasons(uncounted),
        ),
    )
    return telling[:SHOWN], [
        Folded(label % {"n": number(len(some))}, some[:MOST_ROWS], why, max(0, len(some) - MOST_ROWS))
        for label, some, why in groups
        if some
    ]


def reasons(datasets: Iterable[DatasetAnswer]) -> list[str]:
    """Why datasets were not counted, and how many for each reason, the commonest first."""
    counts: dict[str, int] = {}
    for one in datasets:
        for why in unapplied(one) or [_(RULE_WORDS[one.counts.rule])]:
            counts[why] = counts.get(why, 0) + 1
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])[:MOST_NOTES]
    words = ngettext
    return [
        f"{why} ({words('%(n)s dataset', '%(n)s datasets', count) % {'n': number(count)}})"
        for why, count in ordered
    ]


def unapplied(dataset: DatasetAnswer) -> list[str]:
    """The criteria that a dataset could not apply, each with the reason."""
    return [
        f"{one.criterion}: {_(CRITERIA[one.state])}"
        for one in dataset.criteria
        if one.state is not CriterionState.APPLIED
    ]


def share(dataset: DatasetAnswer, node: NodeAnswer) -> float:
    """A dataset's persons in percent of the node's largest, for its bar; 0 where there is nothing to compare."""
    persons = [one.counts.persons for one in node.datasets if one.counts.persons]
    return round(100 * (dataset.counts.persons or 0) / max(persons), 1) if len(persons) > 1 else 0.0


def outcome(sums: Totals) -> str:
    """Which datasets the sums hold and which they do not, and how many nodes answered."""
    counted = ngettext("Counted in %(n)s dataset.", "Counted in %(n)s datasets.", sums.datasets_counted)
    said = [counted % {"n": number(sums.datasets_counted)}]
    if some := sums.datasets_withheld:
        words = ngettext(
            "%(n)s dataset withheld, not in the sums.", "%(n)s datasets withheld, not in the sums.", some
        )
        said.append(words % {"n": number(some)})
    if some := sums.datasets_not_counted:
        words = ngettext("%(n)s dataset not counted.", "%(n)s datasets not counted.", some)
        said.append(words % {"n": number(some)})
    words = ngettext("%(heard)s of %(n)s node answered.", "%(heard)s of %(n)s nodes answered.", sums.nodes)
    said.append(words % {"heard": number(sums.nodes_answered), "n": number(sums.nodes)})
    return " ".join(said)


def marked(problem: Problem, question: str) -> tuple[str, str, str] | None:
    """The question before, at and after the place that cannot be read; None when there is no place."""
    at = getattr(problem, "at", None)
    if not isinstance(at, int) or not 1 <= at <= len(question) + 1:
        return None
    text, before, length = place(question, at, 400)
    return text[:before], text[before : before + length] or " ", text[before + length :]


def in_shell(text: str) -> str:
    """`text` as one word of a shell command: somebody may copy it from an address that somebody else made.

    Control characters are left out: a shell takes some of them, when pasted, for keys that were pressed.
    """
    flat = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return shlex.quote(flat) if set(flat) & set('"$`\\!') else f'"{flat}"'


def in_python(hub: str, question: str, datasets: Iterable[str]) -> str:
    """The same question as a program for the Python client."""
    some = list(datasets)
    only = f", datasets={some!r}" if some else ""
    return (
        f"from hanse.client import Hanse\n\n"
        f"answer = Hanse({hub!r}).search({question!r}{only})\n"
        f"print(answer.totals)\nprint(answer.table())"
    )


def on_command_line(hub: str, question: str, datasets: Iterable[str]) -> str:
    """The same question as a command."""
    only = "".join(f" --dataset {in_shell(one)}" for one in datasets)
    return f"hanse search --hub {in_shell(hub)}{only} {in_shell(question)}"


HEADS = (
    *("node", "name", "country", "state", "dataset", "title", "version", "rule"),
    *("persons", "studies", "series", "fewer_than", "rounded_to", "not_applied"),
)


def table(question: Question, nodes: Iterable[NodeAnswer]) -> str:
    """The answers as CSV, a row for each dataset, and one for each node that has none; no cell is a formula to a
    spreadsheet."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(("question", _safe(question.text)))
    rows.writerow(HEADS)
    for node in nodes:
        start = (node.node, node.name, node.country, node.state.value)
        for one in node.datasets:
            counts = one.counts
            numbers = (*(getattr(counts, unit) for unit in UNITS), counts.threshold, counts.rounding)
            told = (
                one.dataset,
                one.title,
                one.version,
                counts.rule.value,
                *numbers,
                "; ".join(not_applied(one)),
            )
            rows.writerow([_safe(cell) for cell in (*start, *told)])
        if not node.datasets:
            rows.writerow([_safe(cell) for cell in (*start, *[""] * (len(HEADS) - len(start)))])
    return out.getvalue()


def _safe(cell: Any) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


def words() -> dict[str, Any]:
    """What the templates of answers need beside the answers."""
    return {
        "units": tuple(zip(UNITS, UNIT_WORDS, strict=True)),
        "states": STATES,
        "tones": TONES,
        "rules": RULES,
        "rule_words": RULE_WORDS,
        "criteria": CRITERIA,
        "applied": CriterionState.APPLIED,
        "plain_rules": (Rule.EXACT, Rule.ROUNDED),
        "most_notes": MOST_NOTES,
        "first_and_folded": first_and_folded,
        "share": share,
        "outcome": outcome,
        "marked": marked,
    }
