"""`hanse authority`: what is done at an access body, from an application that arrives to the log of decisions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from hanse.authority import (
    applications,
    checks,
    config,
    delivery,
    enrol,
    permits,
    tables,
)
from hanse.authority.applications import Kept
from hanse.authority.evidence import Evidence, evidence
from hanse.authority.home import opened
from hanse.cli import decisions
from hanse.cli.home import next_step
from hanse.cli.office import home_option, officer_option
from hanse.cli.officers import officers, port_option
from hanse.cli.output import clean, columns, json_option, print_json
from hanse.cli.paths import A_FILE
from hanse.cli.provider import provider
from hanse.core import application as core_applications
from hanse.core import clock, permit_words
from hanse.core.errors import BadInput
from hanse.lib import log, sql

PAGE_PORT = 8090


@contextmanager
def _records(home: Path) -> Iterator[sa.Engine]:
    with opened(home) as here:
        yield here.records


@click.group()
def authority() -> None:
    """Run an authority: applications come in, keys are checked, and permits are signed here.

    \b
    Examples:
      hanse authority init --hub https://hub.example.org --enrol TOKEN --name "Findata" --country FI
      hanse authority serve
      hanse authority applications
      hanse authority show 3f9a
    """


for one in (provider, officers("authority", home_option, PAGE_PORT, _records), *decisions.COMMANDS):
    authority.add_command(one)


@authority.command()
@home_option
@click.option("--hub", "url", metavar="URL", required=True, help="The hub to join.")
@click.option(
    "--enrol", "token", metavar="TOKEN", required=True, help="The one-time token from the hub's operator."
)
@click.option("--name", required=True, help="What permits call this authority.")
@click.option("--country", required=True, metavar="CODE", help="Two letters, ISO 3166-1.")
@click.option("--proxy", default="", help="A web proxy; otherwise HTTPS_PROXY.")
@click.option("--ca-bundle", default="", help="A PEM file with the authority of a proxy that opens TLS.")
def init(home: Path, url: str, token: str, name: str, country: str, proxy: str, ca_bundle: str) -> None:
    """Make this authority's key and ask a hub to let it in. The private key never leaves this machine."""
    enrolled = enrol.enrol(home, url, token, name, country, proxy=proxy, ca_bundle=ca_bundle)
    tables.open_records(home).dispose()
    key = config.key(home).public
    click.echo(f"Authority {enrolled.config.id} in {home} is {enrolled.state} at {url}.")
    click.echo(f"Key: {key.kid}")
    click.echo(f"Fingerprint: {enrolled.fingerprint}")
    next_step("read the fingerprint to the hub's operator, and give the key to data holders; then serve")


@authority.command()
@home_option
def serve(home: Path) -> None:
    """Take applications and send decisions until interrupted. Only outgoing connections are made."""
    from hanse.authority.agent import serve as run

    settings = config.read(home)
    click.echo(f"Authority {settings.name} calls {settings.hub}; stop it with Ctrl-C.", err=True)
    run(home)


@authority.command()
@home_option
@port_option(PAGE_PORT)
def page(home: Path, port: int) -> None:
    """Serve the page on which officers decide, to this machine only, until interrupted."""
    from hanse.desk import authority as pages
    from hanse.desk.site import serve as run

    with opened(home) as here:
        desk = pages.desk(here, port)
        click.echo(f"Officers of {here.settings.name} decide at {desk.origin}/; stop with Ctrl-C.", err=True)
        run(desk, pages.pages(here))


@authority.command("applications")
@home_option
@json_option
def list_applications(home: Path, as_json: bool) -> None:
    """List what was asked, in the order of arrival."""
    with opened(home) as here, sql.read(here.records) as connection:
        rows = [_row(one) for one in applications.all_of(connection)]
    if as_json:
        print_json(rows)
        return
    head = ["application", "arrived", "state", "kind", "applicant", "project"]
    shown = [[clean(str(row[name])) for name in head] for row in rows]
    for line in columns([head, *shown], {0: 12, 5: 60}):
        click.echo(line)
    waiting = next((row["application"] for row in rows if row["state"] == "waiting"), None)
    next_step(f"hanse authority show {waiting[:12]}" if waiting else "nothing waits for a decision")


def _row(one: Kept) -> dict[str, Any]:
    return {
        "application": one.signed.hash,
        "arrived": one.arrived,
        "state": one.state.value,
        "kind": one.said.kind.value,
        "amends": one.said.amends,
        "applicant": one.applicant.name,
        "project": one.said.project,
    }


@authority.command()
@click.argument("hash")
@home_option
@json_option
def show(hash: str, home: Path, as_json: bool) -> None:
    """Show an application in the words of its signed bytes, and for each person and key how it was checked."""
    with opened(home) as here, sql.read(here.records) as connection:
        known = evidence(connection, here.key, hash)
    said = permit_words.say(known.kept.payload, core_applications.TYP)
    if as_json:
        print_json({**_row(known.kept), "text": said.text, "persons": _persons(known)})
        return
    click.echo(said.text)
    for line in _proven(known):
        click.echo(clean(line))


def _persons(known: Evidence) -> list[dict[str, Any]]:
    return [
        {
            "number": one.number,
            "name": one.person.name,
            "keys": [
                {
                    "kid": shown.key.kid,
                    "use": shown.key.use.value,
                    "fingerprint": shown.fingerprint,
                    "checked": shown.check.words() if shown.check else "",
                }
                for shown in one.keys
            ],
        }
        for one in known.persons
    ]


def _proven(known: Evidence) -> Iterator[str]:
    """What is known beside the words of the applicant."""
    kept = known.kept
    yield ""
    yield "What is proven"
    yield f"  the key {kept.signed.kid} signed exactly these bytes; they arrived at {kept.arrived}"
    if kept.said.amends:
        whose = (
            "a key of the permit that is to be changed"
            if known.named
            else "NO KEY of the permit to be changed"
        )
        yield f"  it is {whose}"
    yield "What is not proven"
    yield "  anything that the application says, and whose keys these are, except where a check is named"
    yield "Keys"
    for person in _persons(known):
        yield f"  {person['number']}. {person['name']}"
        for key in person["keys"]:
            yield f"     {key['use']:8} {key['fingerprint']}  {key['checked'] or 'NOT CHECKED'}"


@authority.command()
@click.argument("hash")
@click.argument("person")
@click.option(
    "--phone", "fingerprints", multiple=True, metavar="FINGERPRINT", help="What was read out; several."
)
@click.option("--id-token", type=A_FILE, help="A file with the ID token of the person's login.")
@officer_option
@home_option
def check(
    hash: str,
    person: str,
    fingerprints: tuple[str, ...],
    id_token: Path | None,
    officer: str,
    home: Path,
) -> None:
    """Record whose keys these are: fingerprints that PERSON (a name or number) read out, or a login.

    Telephone to a number that you know from elsewhere, and let the person read; do not read to them. A login with
    `hanse login` is recorded by itself; --id-token is for one that came another way.
    """
    if bool(fingerprints) == bool(id_token):
        raise BadInput("Say either --phone or --id-token.", hint="One of the two says how you checked.")
    with opened(home) as here:
        at = clock.now()
        if id_token:
            token = id_token.read_text(encoding="ascii", errors="replace")
            one = checks.by_login(here.records, here.settings, hash, person, token, officer, at)
        else:
            one = checks.by_phone(here.records, here.settings, hash, person, fingerprints, officer, at)
        with sql.read(here.records) as connection:
            kept = applications.get(connection, hash)
            found = checks.of(connection, kept.signed.hash)
    missing = sum(key.kid not in found for key in one.keys)
    click.echo(clean(f"{one.name}: {len(one.keys) - missing} of {len(one.keys)} keys are checked."))
    next_step(f"hanse authority check {hash} ..." if missing else f"hanse authority permit {hash}")


@authority.command()
@home_option
def resend(home: Path) -> None:
    """Send all permits in force and new statuses once more, when the hub was restored from a backup."""
    with opened(home) as here:
        count = delivery.again(here.records, here.settings, here.key, clock.now())
    click.echo(f"{count} documents are on their way again.")


@authority.command()
@officer_option
@click.option(
    "--reason", required=True, help="How the records came to be an older copy; it goes into the log."
)
@home_option
def resume(officer: str, reason: str, home: Path) -> None:
    """Go on after the records were restored from a backup, once you have decided again what is missing.

    Until then no status and no permit is signed, so that what was revoked after the backup does not come back.
    """
    with opened(home) as here:
        sent = delivery.resume(here.records, here.settings, here.key, officer, reason, clock.now())
    click.echo(
        f"Resumed by {officer}: {sent} documents go to nodes. Tell your witnesses: they pin this log anew."
    )
    next_step("hanse authority serve, when it does not run")


@authority.command("permits")
@home_option
@json_option
def list_permits(home: Path, as_json: bool) -> None:
    """List the permits in their newest version, and at how many of their nodes each has arrived."""
    with opened(home) as here, sql.read(here.records) as connection:
        found, held = permits.all_of(connection, here.key), delivery.held(connection)
    rows = [
        {
            "permit": one.permit.id,
            "version": one.permit.version,
            "hash": one.hash,
            "ends": clock.text(one.permit.scope.ends),
            "revoked": one.revoked,
            "arrived": "{} of {}".format(*delivery.arrived(held, one.permit, one.hash)),
            "project": one.permit.project,
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    head = ["permit", "version", "ends", "revoked", "arrived", "project"]
    for line in columns([head, *([clean(str(row[name])) for name in head] for row in rows)], {5: 60}):
        click.echo(line)


@authority.command("log")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="How many entries.")
@home_option
@json_option
def show_log(last: int, home: Path, as_json: bool) -> None:
    """Show what arrived, was checked and was decided: when, by whom."""
    with opened(home) as here, sql.read(here.records) as connection:
        newest, _ = log.head(connection)
        entries = [asdict(one) for one in log.entries(connection, after=max(0, newest - last))]
    if as_json:
        print_json(entries)
        return
    for one in entries:
        body = one["body"]
        who = body.get("who", "")
        names = ", ".join(f"{role} {name}" for role, name in who.items()) if isinstance(who, dict) else who
        about = body.get("permit") or body.get("application", "")[:12]
        how = body.get("how", "")
        click.echo(
            clean(f"{one['number']:>6}  {one['at']}  {one['kind']:<11} {about} {how} {names}").rstrip()
        )
