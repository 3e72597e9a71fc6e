"""`hanse analyse` and `hanse runs`: ordering an analysis under a permit, and reading its result."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from hanse.cli.crate import verify
from hanse.cli.home import next_step
from hanse.cli.key import home_option, key_option, passphrase_option, signer_of
from hanse.cli.output import clean, columns, consoles, hint, hub_option, json_option, line, print_json
from hanse.cli.paths import A_FILE, TO_WRITE
from hanse.client import Hanse
from hanse.client import run as client
from hanse.client.authorities import Known
from hanse.client.kept import Kept
from hanse.client.run import Analysis, Started, Taken
from hanse.core import clock
from hanse.core.errors import BadInput, Unreachable
from hanse.core.permit import Authority
from hanse.lib import files, jws
from hanse.lib.jws import Signer
from hanse.lib.keys import Ring

out_option = click.option("--out", type=TO_WRITE, help="Write the RO-Crate to this zip file.")


@click.command()
@click.argument("method")
@click.argument("parameters", nargs=-1, metavar="PARAM=VALUE...")
@click.option("--permit", required=True, metavar="ID", help="The permit, by its id or its hash.")
@click.option("--dataset", "datasets", multiple=True, metavar="ID", help="Only this dataset; repeatable.")
@click.option("--node", "nodes", multiple=True, metavar="ID", help="Only this node; repeatable.")
@click.option("--selection", default="", help="Only the persons of this CQL2 question.")
@click.option(
    "--hours", type=click.IntRange(1, 168), default=1, show_default=True, help="How long nodes have."
)
@click.option("--delegation", type=A_FILE, help="What lets this device order: `hanse key delegate` makes it.")
@out_option
@hub_option
@home_option
@key_option
@passphrase_option(again=False)
@json_option
def analyse(
    method: str,
    parameters: tuple[str, ...],
    permit: str,
    datasets: tuple[str, ...],
    nodes: tuple[str, ...],
    selection: str,
    hours: int,
    delegation: Path | None,
    out: Path | None,
    hub_url: str,
    home: Path,
    key: Path | None,
    passphrase: str | None,
    as_json: bool,
) -> None:
    """Run a method of analysis at the nodes of a permit, and merge what they give; METHOD is count to count persons.

    \b
    VALUE is JSON where it is such, and text otherwise:
      hanse analyse histogram --permit ID 'variable={"field": "person.age", "edges": [0, 50, 70, 120]}'
      hanse analyse count --permit ID --selection "person.age > 50"
    """
    read = _parameters(parameters)
    signer = signer_of(Ring(home.expanduser()), key, passphrase)
    with Hanse(hub_url) as hub:
        granted = hub.permit(permit)
        _rely(granted.permit.authority, Known(home.expanduser()))
        started = client.start(
            hub,
            granted,
            method,
            read,
            signer,
            selection=selection,
            nodes=nodes,
            datasets=datasets,
            delegation=_delegation(delegation),
            deadline=timedelta(hours=hours),
        )
        kept = Kept(home.expanduser())
        kept.keep(started)
        click.echo(f"run {started.run}", err=True)
        for dataset in started.gone:
            click.echo(f"Not asked: {dataset}, which is not published any more.", err=True)
        _show(_finish(hub, started, signer, kept), out, as_json, signer)
    next_step(f"hanse runs show {started.run}")


@click.group()
def runs() -> None:
    """List your runs, read their results again, and verify results that somebody shows."""


runs.add_command(verify)


@runs.command("list")
@home_option
@json_option
def list_runs(home: Path, as_json: bool) -> None:
    """List the runs that were ordered on this machine, the oldest first: when, under which permit, what and how far."""
    found = [_listed(one) for one in Kept(home.expanduser()).all()]
    if as_json:
        print_json(found)
        return
    out, err = consoles()
    heads = ("run", "when", "project", "method", "datasets", "state")
    first, *rest = columns(
        [list(heads), *([clean(str(one[head])) for head in heads] for one in found)], {2: 40}
    )
    out.print(line((first, "bold")), *map(line, rest), sep="\n")
    if not found:
        hint(err, "Nothing was ordered on this machine yet: `hanse analyse --help`.")


def _listed(started: Started) -> dict[str, Any]:
    """A run as it is listed. Only its result says more, so nobody is asked."""
    orders = [client.part(token).order for token in started.orders]
    until = min(one.expires for one in orders)
    if started.answered is not None:
        state = f"{started.answered} of {len(orders)} answered"
    else:
        state = f"nodes have until {clock.text(until)}" if clock.now() < until else "not read yet"
    return {
        "run": started.run,
        "when": clock.text(min(one.issued for one in orders)),
        "project": started.project,
        "permit": started.permit,
        "method": orders[0].method or orders[0].operation,
        "datasets": len(orders),
        "state": state,
    }


@runs.command()
@click.argument("run")
@out_option
@hub_option
@home_option
@key_option
@passphrase_option(again=False)
@json_option
def show(
    run: str,
    out: Path | None,
    hub_url: str,
    home: Path,
    key: Path | None,
    passphrase: str | None,
    as_json: bool,
) -> None:
    """Show the result of a run; waits while nodes are still at work."""
    kept = Kept(home.expanduser())
    started = kept.find(run)
    signer = signer_of(Ring(home.expanduser()), key, passphrase)
    with Hanse(hub_url) as hub:
        _show(_finish(hub, started, signer, kept), out, as_json, signer)


def _finish(hub: Hanse, started: Started, signer: Signer, kept: Kept) -> Analysis:
    """The result of a run, which goes on at its nodes when the hub is lost meanwhile."""
    try:
        found = hub.finish(started, signer, _progress)
    except Unreachable as problem:
        hint = f"The nodes go on. `hanse runs show {started.run}` waits for them, and shows what came."
        raise Unreachable(problem.detail, hint=hint) from None
    kept.done(started, found)
    return found


@runs.command()
@click.argument("file", type=A_FILE)
@out_option
@hub_option
@json_option
def merge(file: Path, out: Path | None, hub_url: str, as_json: bool) -> None:
    """Merge the answers that a browser opened and gave along, each verified with its node's key."""
    taken = Taken.from_json(file.read_text(encoding="utf-8", errors="replace"))
    with Hanse(hub_url) as hub:
        granted = hub.permit(taken.started.permit)
    parts = client.collect(taken.started, granted, taken.rows, opener=taken.opened)
    _show(client.finish(granted, parts), out, as_json)


def _delegation(file: Path | None) -> str:
    """What a file holds that is to be a delegation, or "" where none is named."""
    said = file.read_text(encoding="utf-8", errors="replace").strip() if file else ""
    if file and not said:
        raise BadInput(f"{file} is empty.", hint="`hanse key delegate` writes such a file.")
    return said


def _rely(authority: Authority, known: Known) -> None:
    """That the permit is of an authority that is known here, or new: then it is said, and kept. `Refused` when the hub
    brings another key under a name that is known."""
    if not known.met(authority.kid, authority.name):
        fingerprint = jws.fingerprint(authority.kid)
        click.echo(
            clean(f"You rely on {authority.name} for the first time, with the fingerprint {fingerprint}."),
            err=True,
        )
        known.keep(authority.kid, authority.name)


def _parameters(words: tuple[str, ...]) -> dict[str, Any]:
    """`name=value` pairs; `BadInput` for a word that is none."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise BadInput(
                "A parameter is written as NAME=VALUE.", hint="docs/analyses.md shows those of each method."
            )
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


def _progress(row: Any) -> None:
    click.echo(f"  {row['node']} {row['state']}", err=True)


def _show(found: Analysis, out: Path | None, as_json: bool, signer: Signer | None = None) -> None:
    """Prints a result, and writes its crate, for which `signer` vouches."""
    for part in found.parts:
        if part.problem:
            click.echo(clean(f"Not in it: {part.order.node} ({part.state}). {' '.join(part.said)}"), err=True)
    if out:
        files.write(out, found.crate(signer))
    if as_json:
        print_json(found.to_dict())
        return
    for sheet in found.result.sheets:
        click.echo(f"# {sheet.title}\n{sheet.to_csv()}")
    for note in found.result.notes:
        click.echo(note, err=True)
