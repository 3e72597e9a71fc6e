"""`hanse datasets`, `hanse nodes` and `hanse vocabulary`: what there is to ask."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click
from rich.text import Text

from hanse.cli.output import clean, columns, consoles, hint, hub_option, json_option, line, print_json
from hanse.client import Hanse
from hanse.core.errors import NotFound
from hanse.core.plain import counts_from_plain
from hanse.core.record import spoken
from hanse.core.view import FACETS, Sort
from hanse.core.words import UNITS, number, plural


def facet_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each facet of the catalogue."""
    for facet, label in reversed(FACETS.items()):
        name = f"--{facet.replace('_', '-')}"
        command = click.option(name, facet, multiple=True, metavar="VALUE", help=f"{label}; repeatable.")(
            command
        )
    return command


@click.command()
@click.argument("words", nargs=-1)
@facet_options
@click.option(
    "--sort", type=click.Choice([one.value for one in Sort]), default=Sort.RELEVANCE.value, show_default=True
)
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table.")
@hub_option
def datasets(
    words: tuple[str, ...], sort: str, as_json: bool, as_csv: bool, hub_url: str, **chosen: tuple[str, ...]
) -> None:
    """List the datasets in which all WORDS are found: titles, descriptions, names, and all names of their codes in all
    languages. Values of one option are alternatives; all options must hold.

    \b
    Examples:
      hanse datasets
      hanse datasets sein
      hanse datasets --cancer-type breast --modality MR --modality CT --country DE
      hanse datasets lung --csv > datasets.csv
    """
    out, err = consoles()
    hub = Hanse(hub_url)
    wanted = {facet: values for facet, values in chosen.items() if values}
    text = " ".join(words)
    if as_csv:
        click.echo(hub.datasets_csv(text, sort=sort, **wanted), nl=False)
        return
    found = hub.datasets(text, sort=sort, **wanted)
    if as_json:
        print_json(found)
        return
    out.print(*_by_node(found), sep="\n")
    hint(err, f"{plural(len(found), 'dataset')}. {_what_next(hub, text, found)}")


def _by_node(found: list[dict[str, Any]]) -> Iterator[Text]:
    by_node: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_node.setdefault(one["node_name"], []).append(one)
    for node, held in by_node.items():
        yield line((node, "bold"))
        head, *rows = columns([_HEAD, *map(_dataset, held)], {0: 36, 1: 48})
        yield line((f"  {head}", "dim"))
        yield from (line(f"  {row}") for row in rows)


def _what_next(hub: Hanse, text: str, found: list[dict[str, Any]]) -> str:
    if found:
        return "`hanse search \"condition.cancer_type = 'breast'\"` asks every dataset."
    meant = hub.browse(text, size=1)["meant"]
    return f"Did you mean {meant}?" if meant else "`hanse datasets` lists all."


_HEAD = ["name", "title", "access", *(unit.rjust(9) for unit in UNITS), "cancer types"]


def _dataset(one: Mapping[str, Any]) -> list[str]:
    counts = counts_from_plain(one["counts"])
    numbers = (number(counts, unit).rjust(9) for unit in UNITS)
    return [
        clean(one["name"]),
        clean(spoken(one["title"])),
        one["access"],
        *numbers,
        ", ".join(one["cancer_types"]),
    ]


@click.command()
@json_option
@hub_option
def nodes(as_json: bool, hub_url: str) -> None:
    """List the nodes of the federation: where, in which state, last heard when, with which software."""
    out, err = consoles()
    found = Hanse(hub_url).nodes()
    if as_json:
        print_json(found)
        return
    keys = ("name", "country", "state", "datasets", "last_seen", "software", "vocabulary")
    rows = [[key.replace("_", " ") for key in keys]]
    rows += [[clean(str("–" if one[key] is None else one[key])) for key in keys] for one in found]
    first, *rest = columns(rows, {0: 48})
    out.print(line((first, "bold")), *map(line, rest), sep="\n")
    if not found:
        hint(err, "No node has joined yet. The hub's operator makes a token: `hanse hub invite`.")


@click.command()
@click.argument("field", required=False)
@json_option
@hub_option
def vocabulary(field: str | None, as_json: bool, hub_url: str) -> None:
    """Explain FIELD with its values, or list all fields.

    \b
    Examples:
      hanse vocabulary
      hanse vocabulary image.modality
    """
    out, err = consoles()
    words = Hanse(hub_url).vocabulary()
    found = words if field is None else _field(words, field)
    if as_json:
        print_json(found)
    elif field is None:
        out.print(*_overview(words), sep="\n")
        hint(err, "`hanse vocabulary FIELD` explains one field and lists its values.")
    else:
        out.print(*_explained(found), sep="\n")


def _field(words: Mapping[str, Any], name: str) -> dict[str, Any]:
    fields = {one["name"]: one for one in words["fields"]}
    if name not in fields:
        near = difflib.get_close_matches(name, fields, n=1, cutoff=0.5)
        raise NotFound(
            f"There is no field {name!r}.",
            hint=f"Did you mean {near[0]}?" if near else "`hanse vocabulary` lists all fields.",
        )
    return fields[name]


def _overview(words: Mapping[str, Any]) -> Iterator[Text]:
    yield line((f"Vocabulary {words['version']}", "bold"))
    rows = [
        [one["name"], one["type"] + (f" in {one['unit']}" if one["unit"] else ""), _label(one)]
        for one in words["fields"]
    ]
    yield from (line(f"  {text}") for text in columns(rows))


def _label(one: Mapping[str, Any]) -> str:
    return one["label"].get("en", "")


def _explained(field: Mapping[str, Any]) -> Iterator[Text]:
    unit = f" in {field['unit']}" if field["unit"] else ""
    yield line((field["name"], "bold"), f"  {field['type']}{unit}: {_label(field)}")
    yield line(field["about"])
    if values := field.get("values"):
        yield from (line(f"  {text}") for text in columns([[one["code"], _label(one)] for one in values]))
