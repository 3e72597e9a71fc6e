"""How answers are said: the same words on the page, in the terminal and in a notebook."""

import re
from collections.abc import Mapping

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
    Rule.WITHHELD: "Fewer persons than the number after the sign <. Zero looks the same.",
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
    for one in dataset.criteria:
        if one.state is not CriterionState.APPLIED:
            said.append(f"{one.criterion}: {CRITERIA[one.state]}")
        elif one.note:
            said.append(one.note)
    return said


def ranked(node: NodeAnswer) -> tuple[list[DatasetAnswer], list[DatasetAnswer]]:
    """A node's datasets with something to say, most persons first and those without a number last; and those that
    count exactly 0."""
    order = list(Rule)
    zero = [one for one in node.datasets if one.counts.rule is Rule.EXACT and not one.counts.persons]
    telling = [one for one in node.datasets if one not in zero]
    telling.sort(
        key=lambda one: (
            not one.counts.known,
            -(one.counts.persons or 0),
            order.index(one.counts.rule),
            one.name,
        )
    )
    return telling, sorted(zero, key=lambda one: one.name)


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
