"""`hanse node`: what the manager of the data does, from a folder of files to datasets that answer."""

import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hanse.cli import holder
from hanse.cli.describe import describe_command, facts_of
from hanse.cli.home import home_option, next_step, store_of
from hanse.cli.output import columns, consoles, json_option, print_json
from hanse.core.errors import BadInput, Damaged, NotSetUp
from hanse.core.fields import Identifying
from hanse.core.policy import Access, Policy
from hanse.core.record import Description, english
from hanse.core.scope import Purpose
from hanse.lib import continuity
from hanse.node import config, describe, prepared
from hanse.node.describe import Written
from hanse.node.publish import Outcome
from hanse.node.store import Published, Store

ANY = "any"  # of purposes, where nobody was asked for consent


@click.group()
def node() -> None:
    """Run a node: data stay here, and answer questions.

    \b
    Examples:
      hanse node init --hub https://hub.example.org --enrol TOKEN --name "Turku" --country FI
      hanse node prepare /data/lung-ct --dataset lung-ct
      hanse node publish lung-ct --title "Lung CT, 2015 to 2025"
      hanse node serve
    """


for one in (describe_command, *holder.COMMANDS):
    node.add_command(one)


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """A line of progress for each kind of work, on stderr."""
    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*parts, console=consoles()[1]) as bars:
        tasks: dict[str, Any] = {}

        def show(done: int, total: int, words: str) -> None:
            if words not in tasks:
                tasks[words] = bars.add_task(words, total=total or None)
            bars.update(tasks[words], completed=done, total=total or None)

        yield show


@node.command()
@home_option
@click.option("--hub", "url", metavar="URL", required=True, help="The hub to join.")
@click.option(
    "--enrol", "token", metavar="TOKEN", required=True, help="The one-time token from the hub's operator."
)
@click.option(
    "--name", default=platform.node, help="What people call this node; otherwise this machine's name."
)
@click.option(
    "--country", default="ZZ", metavar="CODE", help="Two letters, ISO 3166-1; otherwise ZZ, not known."
)
@click.option("--proxy", default="", help="The hospital's web proxy; otherwise HTTPS_PROXY.")
@click.option("--ca-bundle", default="", help="A PEM file with the authority of a proxy that opens TLS.")
def init(home: Path, url: str, token: str, name: str, country: str, proxy: str, ca_bundle: str) -> None:
    """Make this node's keys and ask a hub to let it in. The private keys never leave this machine."""
    from hanse.node.enrol import enrol

    enrolled = enrol(home, url, token, name, country, proxy=proxy, ca_bundle=ca_bundle)
    click.echo(f"Node {enrolled.config.id} in {home} is {enrolled.state} at {url}.")
    click.echo(f"Fingerprint: {enrolled.fingerprint}")
    next_step(
        "read the fingerprint to the hub's operator; meanwhile, hanse node prepare FOLDER --dataset NAME"
    )


@node.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--dataset", "name", required=True, metavar="NAME", help="Lower-case letters, digits and dashes."
)
@click.option("--accept-removals", is_flag=True, help="Go on although most files read before are gone.")
@click.option("--processes", type=click.IntRange(1), help="Reading processes; one for each core otherwise.")
@home_option
@json_option
def prepare(
    folder: Path, name: str, accept_removals: bool, processes: int | None, home: Path, as_json: bool
) -> None:
    """Read a folder of images and tables: scan, map, check, quarantine, report. Run it again when the folder grows."""
    from hanse.node import work
    from hanse.node.prepare import prepare as run

    with _progress() as progress:
        found = run(
            Store(home), folder, name, accept_removals=accept_removals, processes=processes, progress=progress
        )
    report = work.folder_of(home, name) / "report.html"
    if as_json:
        print_json({"dataset": name, **asdict(found), "report": str(report)})
    else:
        click.echo(
            f"{name}: {found.persons} persons, {found.studies} studies, {found.series} series in {found.files} files"
            f" ({found.read} read now, {found.removed} gone, {found.quarantined} in quarantine)."
        )
        click.echo(f"{found.findings} findings. Report: {report}")
    next_step(f"look at the report, then hanse node publish {name}")


@node.command()
@click.argument("name")
@click.option(
    "--access", type=click.Choice([one.value for one in Access]), help="Who may learn what without a permit."
)
@click.option("--title")
@click.option("--about", help="A few sentences for the catalogue.")
@click.option("--license", help="The licence's name or address.")
@click.option("--link", help="Where to read more.")
@click.option("--country", metavar="CODE", help="Two letters, ISO 3166-1.")
@click.option(
    "--cancer-type", "cancer_types", multiple=True, metavar="CODE", help="For the catalogue; several."
)
@click.option("--keyword", "keywords", multiple=True, help="For the catalogue; several.")
@click.option("--synthetic/--real", default=None, help="Whether the persons exist.")
@click.option(
    "--policy", "numbers", multiple=True, metavar="NAME=VALUE", help="One number of the policy: threshold=20."
)
@click.option(
    "--consent",
    "consents",
    multiple=True,
    type=click.Choice([*(one.value for one in Purpose), ANY]),
    help=f"A purpose of EHDS Article 53(1) to which the persons consented; several; {ANY}: no use rests on consent.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
@json_option
def publish(
    name: str,
    access: str | None,
    numbers: tuple[str, ...],
    consents: tuple[str, ...],
    yes: bool,
    home: Path,
    as_json: bool,
    **said: Any,
) -> None:
    """Freeze what was prepared as the next version. What is not said stays as it was; at first, access is protected.

    What the catalogue is told stands in the file that `hanse node describe` writes, or in the options.
    """
    store = store_of(home)
    known, before = store.described(name) or (Description(name, english(name)), Policy())
    written = _written(home, known, said)
    policy = replace(before, **dict(map(_policy_number, numbers)))
    policy = replace(policy, access=Access(access)) if access else policy
    policy = replace(policy, consented=_purposes(consents)) if consents else policy
    if policy.access is Access.OPEN and before.access is not Access.OPEN:
        _confirm_open(name, yes)
    describe.forbid(written, facts_of(written.description, policy))
    outcome = prepared.publish_prepared(store, name, written.description, policy)
    facts = facts_of(written.description, policy, outcome.manifest.columns)
    _say_published(outcome, policy, as_json)
    missing = dict.fromkeys(one.member for one in written.check(facts) if not one.forbids)
    if missing:
        click.echo(f"A full record of health data lacks {', '.join(missing)}.", err=True)
    next_step(f"hanse node describe {name}" if missing else "hanse node serve, or hanse node status")


def _written(home: Path, known: Description, options: Mapping[str, Any]) -> Written:
    """What the file of a dataset says; without one, what was said before and what the options add to it in English."""
    path = describe.path_of(home, known.name)
    given = {key: value for key, value in options.items() if value not in (None, ())}
    if path.exists() and given:
        raise BadInput(
            f"{path} describes {known.name}.",
            hint="change it there, or remove the file; beside it --access, --policy and --consent are said here",
        )
    if path.exists():
        return describe.load(path, known.name)
    texts = {key: {"en": given[key]} for key in ("title", "about", "keywords") if key in given}
    return Written(path, describe.merged(known, given | texts), {})


def _purposes(consents: tuple[str, ...]) -> tuple[Purpose, ...]:
    if ANY in consents and len(consents) > 1:
        raise BadInput(f"--consent is {ANY}, or names purposes.", hint=f"Leave --consent {ANY} out.")
    return () if ANY in consents else tuple(one for one in Purpose if one in consents)


def _policy_number(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    kinds = {one.name: one.type for one in fields(Policy) if one.type in (int, float)}
    try:
        return name, kinds[name](value)
    except (KeyError, ValueError):
        raise BadInput(
            f"--policy {text} sets no number of the policy.",
            hint=f"Write NAME=VALUE; the names are {', '.join(kinds)}.",
        ) from None


def _confirm_open(name: str, yes: bool) -> None:
    """Open data are exact numbers and free text for everybody: nobody should come to them by a slip."""
    from hanse.domains import VOCABULARY

    texts = [field.name for field in VOCABULARY.fields.values() if field.identifying is Identifying.TEXT]
    words = f"{name} becomes open: everybody gets exact numbers, and {', '.join(texts)} are published as they stand."
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(
            words, hint="add --yes when the data are public already; otherwise leave out --access open"
        )
    click.confirm(f"{words} Are these data public already?", abort=True, err=True)


def _say_published(outcome: Outcome, policy: Policy, as_json: bool) -> None:
    manifest = outcome.manifest
    id = f"{manifest.name}@{manifest.version}"
    if as_json:
        body = {"version": id, "id": manifest.id, "changed": outcome.changed, "persons": manifest.persons}
        print_json({**body, "access": policy.access, "written": outcome.written, "kept": outcome.kept})
    elif outcome.changed:
        click.echo(
            f"{id} is published: {manifest.persons} persons, {policy.access};"
            f" {outcome.written} parts written, {outcome.kept} kept."
        )
    else:
        click.echo(f"Nothing changed since {id}; there is no new version. Access is {policy.access}.")


@node.command()
@click.argument("version", metavar="NAME@VERSION")
@click.option("--reason", required=True, help="What the tombstone will say.")
@click.option(
    "--person-id", type=click.File(encoding="utf-8"), help="A file with one patient id, - for stdin."
)
@home_option
def withdraw(version: str, reason: str, person_id: Any, home: Path) -> None:
    """Take back a version; or, with NAME and --person-id, one person from all versions and for ever.

    A patient id is read from a file or from standard input: what stands on a command line is seen by others.
    """
    from hanse.node import withdraw as acts

    store = store_of(home)
    if person_id is None:
        tombstone = acts.withdraw(store, version, reason)
        click.echo(f"{version} is withdrawn since {tombstone.withdrawn}; its name leads to a tombstone.")
        next_step("hanse node status")
        return
    patient = person_id.read().strip()
    if not patient:
        raise BadInput("there is no patient id in the file", hint="write one patient id into it")
    done = acts.withdraw_person(store, version.partition("@")[0], patient, reason)
    if done.tombstones:
        newest = f"version {done.version.version}" if done.version else "the newest version"
        click.echo(
            f"The person is withdrawn: {newest} is without, {len(done.tombstones)} earlier ones are tombstones."
        )
    else:
        click.echo("No version holds this person; no coming one will.")
    next_step("hanse node verify")


@node.command()
@home_option
@json_option
def verify(home: Path, as_json: bool) -> None:
    """Read all that is published, and the log, and compare with what was written."""
    from hanse.node.verify import verify as run

    with _progress() as progress:
        findings = run(store_of(home), progress)
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        for one in findings:
            click.echo(f"{one.kind}: {one.what} {' '.join(one.versions)}".rstrip())
    wrong = [one for one in findings if one.kind != "unlisted"]
    if wrong:
        raise Damaged(
            f"{len(wrong)} things are not as they were published", hint="restore them from a backup"
        )
    click.echo("Everything is as it was published.", err=True)
    next_step("hanse node status")


@node.command()
@home_option
@json_option
def status(home: Path, as_json: bool) -> None:
    """List what is prepared and what is published, and how many tables analyses were given of each dataset."""
    store = store_of(home)
    versions = store.versions()
    body = {
        **_identity(home),
        "versions": [_version(store, one) for one in versions],
        "prepared": _prepared(home),
        "restored": continuity.restored(store.records, home),
    }
    if as_json:
        print_json(body)
        return
    if "node" in body:
        click.echo(f"Node {body['name']} ({body['node']}) at {body['hub']}")
    if body["restored"]:
        from hanse.node.agent import RESTORED

        click.echo(RESTORED, err=True)
    if body["versions"]:
        head = ["version", "persons", "access", "created", "state"]
        rows = [[*(str(one[key]) for key in head), _tables(one)] for one in body["versions"]]
        for line in columns([[*head, "tables given out"], *rows]):
            click.echo(line)
    waiting = sorted(set(body["prepared"]) - {one.manifest.name for one in versions})
    if waiting:
        click.echo(f"Prepared, not published: {', '.join(waiting)}")
    next_step(f"hanse node publish {waiting[0]}" if waiting else "hanse node serve" if versions else _FIRST)


_FIRST = "hanse node prepare FOLDER --dataset NAME"


def _identity(home: Path) -> dict[str, str]:
    try:
        settings = config.read(home)
    except NotSetUp:
        return {}
    return {"node": settings.id, "name": settings.name, "country": settings.country, "hub": settings.hub}


def _version(store: Store, one: Published) -> dict[str, Any]:
    return {
        "version": f"{one.manifest.name}@{one.manifest.version}",
        "id": one.manifest.id,
        "persons": one.manifest.persons,
        "access": one.policy.access.value,
        "created": one.manifest.created,
        "tables_given": store.tables_given(one.manifest.dataset),
        "tables_most": None if one.policy.access is Access.OPEN else one.policy.analyses,
        "state": f"withdrawn {one.withdrawn}: {one.reason}" if one.withdrawn else "live",
    }


def _tables(one: Mapping[str, Any]) -> str:
    most = one["tables_most"]
    return f"{one['tables_given']:,} of {most:,}" if most is not None else "not counted"


def _prepared(home: Path) -> list[str]:
    return sorted(path.parent.name for path in (home / "prepared").glob("*/work.db"))


@node.command(name="log")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="How many entries.")
@home_option
@json_option
def show_log(last: int, home: Path, as_json: bool) -> None:
    """Show what was decided and used: who, when, which versions; never what was asked for."""
    from hanse.lib import log, sql

    with sql.read(store_of(home).records) as connection:
        newest, _ = log.head(connection)
        entries = [asdict(one) for one in log.entries(connection, after=max(0, newest - last))]
    if as_json:
        print_json(entries)
        return
    for one in entries:
        body = one["body"]
        opened = body.get("opened", [body.get("version", body.get("dataset", ""))])
        words = f"{len(opened)} versions" if len(opened) > 3 else ", ".join(opened)
        click.echo(
            f"{one['number']:>6}  {one['at']}  {one['kind']:<9} {body.get('who', '')} {words}".rstrip()
        )
    next_step("hanse node verify")


@node.command()
@home_option
def serve(home: Path) -> None:
    """Answer questions until interrupted. Only outgoing connections are made."""
    from hanse.node.agent import serve as run

    settings = config.read(home)
    click.echo(f"Node {settings.name} calls {settings.hub}; stop it with Ctrl-C.", err=True)
    run(home)
    next_step("hanse node status")
