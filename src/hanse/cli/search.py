"""`hanse search`: each node's numbers as they come, then the sums."""

from collections.abc import Iterable, Iterator

import click
from rich.console import Console
from rich.text import Text

from hanse.cli.output import clean, consoles, fit, hint, hub_option, json_option, line, print_json
from hanse.client import Answer, Hanse
from hanse.core.answer import CriterionState, DatasetAnswer, NodeAnswer, NodeState, Rule, Totals
from hanse.core.errors import BadQuestion, Unreachable
from hanse.core.words import RULES, STATES, UNITS, left_out, number, place, plural, ranked, reasons, remarks

NAME = 36  # characters of a dataset's name
SHOWN = 10  # datasets of one node, without --all
STYLES = {NodeState.ANSWERED: "green", NodeState.WAITING: "dim"}


@click.command()
@click.argument("question")
@click.option(
    "--by",
    "breakdowns",
    multiple=True,
    metavar="FIELD",
    help="Count by the values of a field too; repeatable.",
)
@click.option("--dataset", "datasets", multiple=True, metavar="ID", help="Ask only this dataset; repeatable.")
@click.option(
    "--deadline", default=10.0, show_default=True, metavar="SECONDS", help="How long to wait for nodes."
)
@click.option("--all", "everything", is_flag=True, help="Show every dataset, those that count 0 too.")
@json_option
@hub_option
def search(
    question: str,
    breakdowns: tuple[str, ...],
    datasets: tuple[str, ...],
    deadline: float,
    everything: bool,
    as_json: bool,
    hub_url: str,
) -> None:
    """Ask every node one QUESTION and show what each answers.

    A question is CQL2 over the fields of `hanse vocabulary`. "< 30" is a withheld count, "~120" carries noise and is
    rounded, and a dash means that there is no number. Exit code 7: no node has answered.

    \b
    Examples:
      hanse search "image.modality = 'MR' AND condition.cancer_type IN ('breast', 'prostate')"
      hanse search "exists(image.modality = 'CT') AND exists(image.modality = 'MR')" --by person.sex
      hanse search "person.age > 50" --json
    """
    out, err = consoles()
    try:
        answer = Hanse(hub_url).search(
            question, breakdowns=breakdowns, datasets=datasets or None, deadline_s=deadline
        )
    except BadQuestion as problem:
        point(err, question, problem.at)
        raise
    with answer:
        for warning in answer.warnings:
            err.print(line(("Note: ", "yellow"), warning))
        if as_json:
            print_json(answer.as_dict())
        else:
            show(answer, out, err, SHOWN if not everything else None)
            for field in breakdowns:
                out.print(*breakdown(answer, field), sep="\n")
    if not answer.totals.nodes_answered:
        raise Unreachable("No node has answered.", hint="`hanse nodes` shows the state of each.")


def point(err: Console, question: str, at: object) -> None:
    """The question with a caret below the place that cannot be read."""
    if isinstance(at, int) and 1 <= at <= len(question) + 1:
        text, before, length = place(question, at)
        err.print(line(f"  {text}"), line(f"  {' ' * before}", ("^" * length, "bold red")), sep="\n")


def show(answer: Answer, out: Console, err: Console, most: int | None) -> None:
    """Each node as it arrives on `out`, the count of those still awaited on `err`, and the sums."""
    out.print(line(f"{'':{NAME + 2}}" + "".join(f"{unit:>11}" for unit in UNITS)).copy())
    with err.status("") as status:
        for done, node in enumerate(_announced(answer, status)):
            out.print(*node_lines(node, most), sep="\n")
            status.update(f"{done + 1} of {len(answer.waiting)} nodes are done")
    out.print()
    out.print(*total_lines(answer.totals), sep="\n")
    advise(answer, err, most)


def _announced(answer: Answer, status: object) -> Iterator[NodeAnswer]:
    yield from answer


def node_lines(node: NodeAnswer, most: int | None) -> Iterator[Text]:
    """A node's heading and a line for each of its datasets: numbers first, at most `most`, then what is left out."""
    took = f" in {node.took_ms} ms" if node.took_ms is not None else ""
    state = (STATES[node.state] + took, STYLES.get(node.state, "yellow"))
    yield line((node.name, "bold"), f" ({node.country})  ", state)
    if node.problem:
        yield line("  ", str(node.problem.get("detail", "")))
    if most is None:
        yield from map(dataset_line, node.datasets)
        return
    telling, uncounted, zero = ranked(node)
    yield from map(dataset_line, telling[:most])
    if telling[most:]:
        yield line((f"  and {plural(len(telling) - most, 'more dataset')} with an answer", "dim"))
    if zero:
        yield line((f"  and {plural(len(zero), 'dataset')} with 0 persons", "dim"))
    if uncounted:
        yield line((f"  and {plural(len(uncounted), 'dataset')} not counted", "yellow"))
        yield from (line((f"      {why}", "yellow")) for why in reasons(uncounted))


def dataset_line(dataset: DatasetAnswer) -> Text:
    numbers = "".join(f"{number(dataset.counts, unit):>11}" for unit in UNITS)
    said = "; ".join(remarks(dataset))
    return line(f"  {fit(clean(dataset.name), NAME)}{numbers}", (f"  {said}" if said else "", "yellow"))


def total_lines(sums: Totals) -> Iterator[Text]:
    """The sums with their units, what they leave out, and what they do not say."""
    about = "" if sums.exact else "~"
    said = ", ".join(f"{about}{getattr(sums, unit):,} {unit}" for unit in UNITS)
    yield line(("Total: ", "bold"), (said, "bold"))
    yield line(left_out(sums))
    yield line((sums.note, "dim"))


def breakdown(nodes: Iterable[NodeAnswer], field: str) -> Iterator[Text]:
    """Persons, studies and series by the values of a field, summed over the datasets that say a number."""
    sums: dict[str, list[int]] = {}
    silent: dict[str, int] = {}
    for cell in (cell for node in nodes for one in node.datasets for cell in one.breakdowns.get(field, ())):
        if cell.counts.known:
            so_far = sums.setdefault(cell.value, [0, 0, 0])
            sums[cell.value] = [
                have + (getattr(cell.counts, unit) or 0) for have, unit in zip(so_far, UNITS, strict=True)
            ]
        else:
            silent[cell.value] = silent.get(cell.value, 0) + 1
    yield line("")
    yield line((f"By {field}, summed over datasets", "bold"))
    for value in sorted({*sums, *silent}, key=lambda one: (-sums.get(one, [0])[0], one)):
        numbers = "".join(f"{one:>11,}" for one in sums[value]) if value in sums else "–".rjust(11) * 3
        more = f"  withheld in {silent[value]} datasets" if value in silent else ""
        yield line(f"  {fit(clean(value) or '(not stated)', NAME)}{numbers}", (more, "yellow"))


def advise(answer: Answer, err: Console, most: int | None) -> None:
    """What the words in the table mean, and what to do next."""
    rules = {one.counts.rule for node in answer for one in node.datasets}
    for rule in Rule:
        if rule in rules - {Rule.EXACT}:
            hint(err, f"{rule.value}: {RULES[rule]}")
    states = {criterion.state for node in answer for one in node.datasets for criterion in one.criteria}
    if states - {CriterionState.APPLIED}:
        hint(err, "`hanse vocabulary FIELD` explains a field and lists its values.")
    if most is not None and any(len(node.datasets) > 1 for node in answer):
        hint(err, "--all shows every dataset, --json the whole answer.")
