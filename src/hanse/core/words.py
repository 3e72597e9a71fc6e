"""How answers are said: the same words on the page, in the terminal and in a notebook."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hanse.core.answer import Counts, CriterionState, DatasetAnswer, NodeAnswer, NodeState, Rule, Totals

UNITS = ("persons", "studies", "series")

STATES: Mapping[NodeState, str] = {
    NodeState.ANSWERED: "answered",
    NodeState.WAITING: "waiting",
    NodeState.LATE: "no answer in time",
    NodeState.OFFLINE: "offline",
    NodeState.REFUSED: "refused",
    NodeState.FAILED: "failed",
}

RULES: Mapping[Rule, str] = {
    Rule.EXACT: "The data are public, and this is their number.",
    Rule.ROUNDED: "Carries noise and is rounded, so that many questions together say little about one person.",
    Rule.WITHHELD: "Too few persons to say how many (< 10: fewer than ten). Zero looks the same.",
    Rule.EARLIER: "This dataset has answered as many different questions as it may, and this one before.",
    Rule.CAPPED: "This dataset has answered as many different questions as it may, and this one is new.",
    Rule.NOT_COUNTED: "A criterion could not be applied here, or the dataset answers nobody.",
}

CRITERIA: Mapping[CriterionState, str] = {
    CriterionState.APPLIED: "applied",
    CriterionState.UNSUPPORTED: "no such data here",
    CriterionState.UNKNOWN_VALUE: "unknown value here",
}


def number(counts: Counts, unit: str = "persons") -> str:
    """`1,204`, `~120` when rounded, `< 10` when withheld, and an en dash where there is no number to say."""
    value: int | None = getattr(counts, unit)
    if value is not None:
        return f"~{value:,}" if counts.rounding else f"{value:,}"
    if unit == "persons" and counts.threshold:
        return f"< {counts.threshold}"
    return "–"


def plural(count: int, noun: str) -> str:
    """`1 dataset`, `2 datasets`, `1,204 persons`: for nouns that take an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def left_out(sums: Totals) -> str:
    """Which datasets the sums hold and which they do not, and how many nodes answered."""
    said = [f"Counted in {plural(sums.datasets_counted, 'dataset')}."]
    if sums.datasets_withheld:
        said.append(f"{plural(sums.datasets_withheld, 'dataset')} withheld, not in the sums.")
    if sums.datasets_not_counted:
        said.append(f"{plural(sums.datasets_not_counted, 'dataset')} not counted.")
    said.append(f"{sums.nodes_answered} of {plural(sums.nodes, 'node')} answered.")
    return " ".join(said)


def remarks(dataset: DatasetAnswer) -> list[str]:
    """What a reader must know of a dataset's numbers: a rule that is not plain, criteria not applied, notes."""
    said = [] if dataset.counts.rule in (Rule.EXACT, Rule.ROUNDED) else [dataset.counts.rule.value]
    notes = [one.note for one in dataset.criteria if one.state is CriterionState.APPLIED and one.note]
    return [*said, *not_applied(dataset), *notes]


def not_applied(dataset: DatasetAnswer) -> list[str]:
    """The criteria that a dataset could not apply, each with the reason."""
    return [
        f"{one.criterion}: {CRITERIA[one.state]}"
        for one in dataset.criteria
        if one.state is not CriterionState.APPLIED
    ]


class Ranked(NamedTuple):
    """A node's datasets in the order in which they are told: most persons first, those without a number after
    them; those not counted, when they are more than a few; and those that count exactly 0."""

    telling: list[DatasetAnswer]
    uncounted: list[DatasetAnswer]
    zero: list[DatasetAnswer]


FEW = 3


def ranked(node: NodeAnswer) -> Ranked:
    order = list(Rule)
    groups = Ranked([], [], [])
    for one in sorted(node.datasets, key=lambda one: one.name):
        if one.counts.rule in (Rule.NOT_COUNTED, Rule.CAPPED):
            groups.uncounted.append(one)
        elif one.counts.rule is Rule.EXACT and not one.counts.persons:
            groups.zero.append(one)
        else:
            groups.telling.append(one)
    groups.telling.sort(key=lambda one: (-(one.counts.persons or 0), order.index(one.counts.rule)))
    if len(groups.uncounted) <= FEW:
        return Ranked(groups.telling + groups.uncounted, [], groups.zero)
    return groups


def reasons(datasets: Iterable[DatasetAnswer]) -> list[str]:
    """Why datasets were not counted, and how many for each reason, the commonest first."""
    counts = Counter(why for one in datasets for why in not_applied(one) or [one.counts.rule.value])
    return [f"{why} ({plural(count, 'dataset')})" for why, count in counts.most_common()]


def place(text: str, at: int, width: int = 72) -> tuple[str, int, int]:
    """The part of a question around the place `at` (1 is its first character), as one line of `width` characters
    with an ellipsis where something is cut; how many of its characters stand before the place; and how many make
    the word there."""
    flat = "".join(" " if letter.isspace() else letter for letter in text)
    start = max(0, min(at - 1 - width // 2, len(flat) - width))
    head = "…" if start else ""
    shown = flat[start : start + width]
    word = re.match(r"[\w.]*", shown[at - 1 - start :])
    length = len(word.group()) if word else 0
    return (
        head + shown + ("…" if start + width < len(flat) else ""),
        at - 1 - start + len(head),
        max(1, length),
    )
