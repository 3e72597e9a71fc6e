"""Answers as HTML. Every text passes Jinja's escaping: a hostile node's name is shown, never run."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hanse.core.answer import CriterionState, DatasetAnswer, NodeAnswer, NodeState, Rule, Totals, totals
from hanse.core.errors import Problem
from hanse.core.fields import Identifying, Vocabulary
from hanse.core.words import CRITERIA, RULES, STATES, UNITS, left_out, number, place, plural, ranked, reasons
from hanse.web import assets

SHOWN = 8  # datasets of one node that are shown at once
VALUES = 40  # a longer list of values is not written into the page

EXAMPLES = (
    ("Breast MR over 50", "image.modality = 'MR' AND condition.cancer_type = 'breast' AND person.age > 50"),
    ("CT and MR of one person", "exists(image.modality = 'CT') AND exists(image.modality = 'MR')"),
    ("Lung, at least 3 studies", "condition.cancer_type = 'lung' AND count(image.study) >= 3"),
    (
        "T2 or diffusion MR, prostate",
        "condition.cancer_type = 'prostate' AND image.sequence IN ('T2', 'DWI')",
    ),
)


@dataclass
class Progress:
    """What is known of a question's answers so far."""

    nodes: dict[str, NodeAnswer] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    done: bool = False

    @property
    def totals(self) -> Totals:
        return totals(self.nodes.values())

    @property
    def heard(self) -> int:
        return sum(node.state is not NodeState.WAITING for node in self.nodes.values())

    @property
    def rules(self) -> list[Rule]:
        """The rules that made at least one of the numbers shown, other than plain counting."""
        made = {one.counts.rule for node in self.nodes.values() for one in node.datasets}
        return [rule for rule in Rule if rule in made]


def page(
    question: str,
    vocabulary: Vocabulary,
    nodes: Sequence[Mapping[str, Any]],
    *,
    hub: str,
    live: str = "",
    progress: Progress | None = None,
    problem: Problem | None = None,
) -> str:
    """The whole page of the hub at the address `hub`: with `live`, the address of the stream that fills it; with
    `progress`, filled already."""
    return _ENVIRONMENT.get_template("page.html").render(
        question=question,
        entities=_entities(vocabulary),
        known_nodes=nodes,
        hub=hub,
        live=live,
        progress=progress or Progress(),
        asked=bool(live or progress),
        problem=problem,
    )


def fragment(progress: Progress, changed: Iterable[NodeAnswer]) -> str:
    """The elements that one event changes: the sums, and the nodes that said something."""
    macros = _ENVIRONMENT.get_template("answers.html").module
    places = {id: place for place, id in enumerate(progress.nodes)}
    sections = (macros.node_section(one, places[one.node]) for one in changed)
    return "".join(map(str, (macros.summary(progress), *sections, macros.legend(progress))))


def refusal(problem: Problem, question: str) -> str:
    """The elements that say why a question cannot be asked."""
    return str(_ENVIRONMENT.get_template("answers.html").module.problem_panel(problem, question))


def _entities(vocabulary: Vocabulary) -> list[dict[str, Any]]:
    asked = {name: vocabulary.of(name) for name in vocabulary.entities}
    return [
        {
            "entity": entity,
            "fields": [one for one in asked[name] if one.identifying is not Identifying.YES],
        }
        for name, entity in vocabulary.entities.items()
    ]


@dataclass(frozen=True, slots=True)
class Group:
    """Datasets that are folded away behind one line, and what that line says below its label."""

    label: str
    datasets: list[DatasetAnswer]
    reasons: list[str]


def first_and_folded(node: NodeAnswer) -> tuple[list[DatasetAnswer], list[Group]]:
    """A node's datasets as they are shown: the largest at once, the others folded away in groups."""
    telling, uncounted, zero = ranked(node)
    groups = [
        Group(plural(len(telling) - SHOWN, "more dataset"), telling[SHOWN:], []),
        Group(f"{plural(len(zero), 'dataset')} with 0 persons", zero, []),
        Group(f"{plural(len(uncounted), 'dataset')} not counted", uncounted, reasons(uncounted)),
    ]
    return telling[:SHOWN], [one for one in groups if one.datasets]


def share(dataset: DatasetAnswer, node: NodeAnswer) -> float:
    """A dataset's persons as a percentage of the node's largest, for its bar; 0 where there is nothing to compare."""
    persons = [one.counts.persons for one in node.datasets if one.counts.persons]
    return round(100 * (dataset.counts.persons or 0) / max(persons), 1) if len(persons) > 1 else 0.0


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


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals.update(
    asset=assets.url,
    units=UNITS,
    states=STATES,
    rules=RULES,
    criteria=CRITERIA,
    examples=EXAMPLES,
    most_values=VALUES,
    applied=CriterionState.APPLIED,
    plain_rules=(Rule.EXACT, Rule.ROUNDED),
    number=number,
    plural=plural,
    left_out=left_out,
    first_and_folded=first_and_folded,
    share=share,
    marked=marked,
    in_shell=in_shell,
    in_python=repr,
)
