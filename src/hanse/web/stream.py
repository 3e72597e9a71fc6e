"""Answers as they arrive: noted, and passed on as HTML that takes the place of what a page shows."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hanse.core.answer import NodeAnswer
from hanse.core.errors import Problem
from hanse.core.plain import answer_from_plain
from hanse.web import answers
from hanse.web.answers import Progress
from hanse.web.render import ENVIRONMENT


def noted(progress: Progress, name: str, data: Mapping[str, Any]) -> list[NodeAnswer]:
    """Note one event, and give the nodes that it says something new about."""
    if name == "asked":
        progress.warnings = tuple(data["warnings"])
        changed = [answer_from_plain(one) for one in data["nodes"]]
    else:
        changed = [answer_from_plain(data)] if name == "node" else []
    progress.done = name == "done"
    progress.nodes |= {one.node: one for one in changed}
    return changed


def _macros() -> Any:
    return ENVIRONMENT.get_template("cohort/answers.html", globals=answers.words()).module


def fragment(progress: Progress, changed: Iterable[NodeAnswer]) -> str:
    """The elements that one event changes: the sums, the nodes that said something, the charts."""
    macros = _macros()
    places = {id: place for place, id in enumerate(progress.nodes)}
    sections = (macros.node_section(one, places[one.node]) for one in changed)
    drawn = (macros.charts(progress),) if progress.charts or progress.done else ()
    return "".join(map(str, (macros.summary(progress), *sections, *drawn, macros.legend(progress))))


def refusal(problem: Problem, question: str) -> str:
    """The elements that say why a question cannot be asked."""
    macros = _macros()
    return f"{macros.problem_panel(problem, question)}{macros.no_sums()}"


def message(event: str, html: str) -> str:
    return f"event: {event}\ndata: {json.dumps(html)}\n\n"
